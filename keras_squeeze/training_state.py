"""Saves the state of a training run, so that it can be resumed."""

import json

import keras
import numpy as np

from keras_squeeze.new_files import new_file
from keras_squeeze.new_files import write_file
from keras_squeeze.processes import by_first_process

_FILE = "state.json"


def read_state(folder, name, value=None):
    """Read the state of an interrupted training run.

    Args:
        folder: A `pathlib.Path`. See `write_state`.
        name: string. The part of the state that identifies the training run.
        value: The expected value of this part: a dictionary or a list for
            JSON. Defaults to `None`, for any.

    Returns:
        The dictionary that was passed to `write_state`, or `None` if there is
        no interrupted run.

    Raises:
        ValueError: If the folder has the state of a different run.
    """
    path = folder / _FILE
    if not path.exists():
        return None
    state = json.loads(path.read_text(encoding="utf-8"))
    others = value is not None and _differences(state[name], value)
    if others:
        raise ValueError(
            f"`{folder}` has an interrupted training run with different "
            f"{name}: {others}. Use the same values to resume it, or remove "
            "the folder to start over."
        )
    return state


@by_first_process
def write_state(folder, state, model, weights, kept=()):
    """Write the state of a training run and its weights.

    The state and weights on disk are complete and match, even if the process is
    killed.

    Args:
        folder: A `pathlib.Path`.
        state: Dictionary for JSON.
        model: A compiled `keras.Model`. The state of its optimizer is also
            written.
        weights: string. The name of the weight file, which must be new for each
            state and end with `.weights.h5`.
        kept: Names of earlier weight files to keep. All others are removed.
            Defaults to none.
    """
    with new_file(folder / weights) as new:
        model.save_weights(new)
    # Once this file is in place, earlier weights are no longer needed.
    write_file(folder / _FILE, json.dumps(state, indent=1))
    for path in folder.glob("*.weights.h5"):
        if path.name not in (weights, *kept):
            path.unlink()


def reseed(model, *numbers):
    """Reset all random number generators of a training run.

    From then on, the random numbers for dropout and for the order of samples
    only depend on the arguments. A resumed run therefore draws the same numbers
    as an uninterrupted one.

    Args:
        model: A `keras.Model`.
        *numbers: ints, at least 0.
    """
    random = np.random.default_rng(numbers)
    # This also seeds dropout on PyTorch.
    keras.utils.set_random_seed(int(random.integers(2**31)))
    for variable in model.non_trainable_variables:
        if variable.path.endswith("seed_generator_state"):
            variable.assign([int(random.integers(2**31)), 0])


def _differences(before, now):
    """Describe the differences between two values, or return `None`."""
    if isinstance(before, dict):
        return ", ".join(
            f"{name}={value!r} instead of {now.get(name)!r}"
            for name, value in before.items()
            if now.get(name) != value
        )
    return before if before != now else None
