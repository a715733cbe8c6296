"""Loads the tasks that commands work on."""

from keras_squeeze.checkpoints.files import load_json
from keras_squeeze.checkpoints.from_preset import load_config
from keras_squeeze.checkpoints.hugging_face import has_head
from keras_squeeze.checkpoints.hugging_face import is_hugging_face_config
from keras_squeeze.cli.task_types import TASK_TYPES


def find_task_type(preset):
    """Find out which task a preset is fine-tuned for, if for any.

    Args:
        preset: string. What `from_preset()` takes.

    Returns:
        A `keras_squeeze.cli.task_types.task_type.TaskType`, or `None`.

    Raises:
        ValueError: If there is no such preset.
    """
    config = load_config(preset)
    if is_hugging_face_config(config):
        for task_type in TASK_TYPES.values():
            if has_head(config, task_type.base_class()):
                return task_type
        return None
    name = _class_name_of_task(preset)
    for task_type in TASK_TYPES.values():
        if name.endswith(task_type.class_name):
            return task_type
    return None


def task_type_of(preset):
    """The task that a preset is fine-tuned for.

    Args:
        preset: string. What `from_preset()` takes.

    Returns:
        A `keras_squeeze.cli.task_types.task_type.TaskType`.

    Raises:
        ValueError: If there is no such preset, or it has no task.
    """
    task_type = find_task_type(preset)
    if task_type is None:
        raise ValueError(
            f"The preset `{preset}` is not fine-tuned for a task yet. "
            "`keras-squeeze finetune` does that."
        )
    return task_type


def load_task(preset):
    """Load the task of a preset, with its head.

    Args:
        preset: string. What `from_preset()` takes.

    Returns:
        A task.

    Raises:
        ValueError: If there is no such preset, or it has no task.
    """
    return task_type_of(preset).base_class().from_preset(preset)


def _class_name_of_task(preset):
    try:
        return load_json(preset, "task.json")["class_name"]
    except FileNotFoundError:
        return ""
