"""Loads the tasks that commands work on."""

from keras_squeeze.checkpoints.files import load_json
from keras_squeeze.checkpoints.from_preset import load_config
from keras_squeeze.checkpoints.hugging_face import has_head
from keras_squeeze.checkpoints.hugging_face import is_hugging_face_config
from keras_squeeze.cli.task_types import TASK_TYPES


def find_task_types(preset):
    """Find out which tasks a preset has the heads of.

    Args:
        preset: string. What `from_preset()` takes.

    Returns:
        A list of `keras_squeeze.cli.task_types.task_type.TaskType`.

    Raises:
        ValueError: If there is no such preset.
    """
    config = load_config(preset)
    if is_hugging_face_config(config):
        return [
            task_type
            for task_type in TASK_TYPES.values()
            if has_head(config, task_type.base_class())
        ]
    name = _class_name_of_task(preset)
    return [
        task_type
        for task_type in TASK_TYPES.values()
        if name.endswith(task_type.class_name)
    ]


def task_type_of(preset, name=None):
    """The task that a preset is to be used for.

    Args:
        preset: string. What `from_preset()` takes.
        name: Optional string. The name of the task on the command line.
            Defaults to the first that the preset has the head of.

    Returns:
        A `keras_squeeze.cli.task_types.task_type.TaskType`.

    Raises:
        ValueError: If there is no such preset, or it has no such task.
    """
    found = find_task_types(preset)
    if name is not None and not TASK_TYPES[name].is_trainable:
        return TASK_TYPES[name]
    if name is not None:
        found = [task_type for task_type in found if task_type.name == name]
    if not found:
        raise ValueError(
            f"The preset `{preset}` is not fine-tuned for "
            f"{name or 'a task'} yet. `keras-squeeze finetune` does that."
        )
    return found[0]


def load_task(preset, name=None):
    """Load the task of a preset, with its head.

    Args:
        preset: string. What `from_preset()` takes.
        name: Optional string. The name of the task on the command line.

    Returns:
        A task.

    Raises:
        ValueError: If there is no such preset, or it has no such task.
    """
    return task_type_of(preset, name).base_class().from_preset(preset)


def _class_name_of_task(preset):
    try:
        return load_json(preset, "task.json")["class_name"]
    except FileNotFoundError:
        return ""
