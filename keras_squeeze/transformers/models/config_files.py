"""Reads the fields of configurations from checkpoints and presets."""

import json
import os
import types

import keras

from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from keras_squeeze.checkpoints.hugging_face import is_hugging_face_config

CONFIG_NAME = "config.json"
# Labels are named while the file is read, so their number is limited.
_MAX_NUM_LABELS = 2**18


def read_json(path):
    """Read the fields of a configuration from a file.

    Args:
        path: string or `os.PathLike`.

    Returns:
        A dictionary.

    Raises:
        OSError: If the file does not hold a JSON object.
    """
    try:
        with open(path, encoding="utf-8") as file:
            fields = json.load(file)
    except (ValueError, RecursionError) as e:
        raise OSError(f"`{path}` is not valid JSON: {e}") from e
    if not isinstance(fields, dict):
        raise OSError(
            f"`{path}` must hold an object. Received: {type(fields).__name__}"
        )
    return fields


def read_fields(repository):
    """Read the fields of a configuration from a checkpoint or a preset.

    Args:
        repository: A `Repository`. Its name may also be the path of a file.

    Returns:
        A dictionary.

    Raises:
        OSError: If there is no configuration.
    """
    if os.path.isfile(repository.name):
        return _check_num_labels(read_json(repository.name), repository)
    fields = repository.load_json(CONFIG_NAME)
    if not is_keras_preset(fields):
        return _check_num_labels(fields, repository)
    fields = repository.load_saved(CONFIG_NAME)
    class_name = fields["registered_name"].rpartition(">")[2]
    for architecture in ARCHITECTURES.values():
        if architecture.backbone_cls.__name__ == class_name:
            break
    else:
        raise OSError(
            f"The preset `{repository.name}` must be for one of the models "
            f"{sorted(ARCHITECTURES)}. Received: a preset for "
            f"`{class_name}`"
        )
    settings = dict(fields["config"])
    settings["activation"] = keras.activations.get(settings["activation"])
    fields = architecture.config_map.config(types.SimpleNamespace(**settings))
    fields["model_type"] = architecture.model_type
    try:
        task = repository.load_saved("task.json")["config"]
    except FileNotFoundError:
        return fields
    fields.update(head_fields(types.SimpleNamespace(**task), fields))
    return _check_num_labels(fields, repository)


def _check_num_labels(fields, repository):
    """Reject a number of labels that would exhaust the memory."""
    num_labels = fields.get("num_labels")
    if isinstance(num_labels, int) and num_labels > _MAX_NUM_LABELS:
        raise ValueError(
            f"`num_labels` in the configuration of `{repository.name}` must "
            f"be {_MAX_NUM_LABELS} or less. Received: num_labels={num_labels}"
        )
    return fields


def is_keras_preset(fields):
    """Whether a `config.json` is in KerasHub's format, not Hugging Face's.

    Args:
        fields: Dictionary. The contents of the file.

    Returns:
        bool.
    """
    return "registered_name" in fields and not is_hugging_face_config(fields)


def head_fields(task, fields):
    """Make the configuration fields that describe the head of a task.

    Args:
        task: A task, or an object with a task's arguments as attributes.
        fields: Dictionary. The fields that describe its backbone.

    Returns:
        A dictionary, empty for a head without settings.
    """
    found = {}
    names = getattr(task, "class_names", None)
    num_classes = getattr(task, "num_classes", None)
    if names:
        found["id2label"] = dict(enumerate(names))
        found["label2id"] = {name: i for i, name in enumerate(names)}
    elif num_classes is not None:
        found["num_labels"] = num_classes
    if getattr(task, "multi_label", False):
        found["problem_type"] = "multi_label_classification"
    dropout = getattr(task, "dropout", None)
    if dropout not in (None, fields["hidden_dropout_prob"]):
        found["classifier_dropout"] = dropout
    return found
