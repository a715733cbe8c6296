"""Reads the class weights of the command line."""

import json
import pathlib

from keras_squeeze.datasets.utf8 import read_utf8
from keras_squeeze.models.class_names import class_weights_to_ids


def read_class_weights(values, task_kwargs):
    """Read the values of `--class-weights`.

    Args:
        values: List of strings: `"balanced"`, the name of a `.json` file, or
            pairs of labels and weights such as `"spam=2"`.
        task_kwargs: Dictionary of arguments of the task, among them
            `class_names`.

    Returns:
        `"balanced"`, or a dictionary from labels to floats.

    Raises:
        ValueError: If a label or a weight is invalid.
    """
    if task_kwargs.get("multi_label"):
        raise ValueError(
            "--class-weights does not support texts with several labels."
        )
    if values == ["balanced"]:
        return values[0]
    if len(values) == 1 and values[0].endswith(".json"):
        weights = _of_file(values[0])
    else:
        weights = _of_pairs(values)
    names = task_kwargs["class_names"]
    try:
        class_weights_to_ids(weights, names, len(names))
    except ValueError as e:
        raise ValueError(f"--class-weights is invalid: {e}") from e
    return {name: float(weight) for name, weight in weights.items()}


def _of_file(path):
    try:
        return json.loads(read_utf8(pathlib.Path(path)))
    except json.JSONDecodeError as e:
        raise ValueError(f"`{path}` must be JSON: {e}") from e


def _of_pairs(values):
    weights = {}
    for value in values:
        name, _, number = value.rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = None
        if not name or weight is None or name in weights:
            raise ValueError(
                "--class-weights must be balanced, a .json file, or one "
                f"LABEL=WEIGHT per label. Received: {value!r}"
            )
        weights[name] = weight
    return weights
