"""Loads the tasks that commands work on."""

from keras_squeeze.checkpoints.files import get_file
from keras_squeeze.checkpoints.from_preset import load_config
from keras_squeeze.checkpoints.hugging_face import has_head
from keras_squeeze.checkpoints.hugging_face import is_hugging_face_config
from keras_squeeze.models.tasks.text_classifier import TextClassifier


def load_task(preset):
    """Load the task of a preset, with its head.

    Args:
        preset: string. What `from_preset()` takes.

    Returns:
        A task.

    Raises:
        ValueError: If there is no such preset, or it has no task.
    """
    config = load_config(preset)
    if is_hugging_face_config(config):
        has_task = has_head(config, TextClassifier)
    else:
        try:
            has_task = bool(get_file(preset, "task.json"))
        except FileNotFoundError:
            has_task = False
    if not has_task:
        raise ValueError(
            f"The preset `{preset}` is not fine-tuned for a task yet. "
            "`keras-squeeze finetune` does that."
        )
    return TextClassifier.from_preset(preset)
