"""What a training that was stopped needs to go on, kept in a folder."""

import json

import keras
import numpy as np

from keras_squeeze.new_files import new_file
from keras_squeeze.new_files import write_file

_FILE = "state.json"


def read_state(folder, name, value):
    """Read the state of a training that was stopped.

    Args:
        folder: A `pathlib.Path`. See `write_state`.
        name: string. The part of the state that tells one training from
            another.
        value: What this part is in the training that asks: a dictionary or a
            list for JSON.

    Returns:
        The dictionary that `write_state` was passed, or `None` if there is no
        such training.

    Raises:
        ValueError: If another training was stopped in the folder.
    """
    path = folder / _FILE
    if not path.exists():
        return None
    state = json.loads(path.read_text(encoding="utf-8"))
    others = _differences(state[name], value)
    if others:
        raise ValueError(
            f"In `{folder}` there is a training that was stopped, with other "
            f"{name}: {others}. Run it again with those to go on, or remove "
            "the folder to start anew."
        )
    return state


def write_state(folder, state, model, weights, kept=()):
    """Write the state of a training, and the weights that go with it.

    Whenever the process is killed, the state that is there is whole, and so
    are its weights.

    Args:
        folder: A `pathlib.Path`.
        state: Dictionary for JSON.
        model: A compiled `keras.Model`, whose optimizer is written as well.
        weights: string. The name of the file of weights, another one for
            each state. It ends in `.weights.h5`.
        kept: Names of earlier files of weights. The others are removed.
            Defaults to none.
    """
    with new_file(folder / weights) as new:
        model.save_weights(new)
    # From the moment this is in place, the weights before are done with.
    write_file(folder / _FILE, json.dumps(state, indent=1))
    for path in folder.glob("*.weights.h5"):
        if path.name not in (weights, *kept):
            path.unlink()


def reseed(model, *numbers):
    """Start all random numbers of a training anew.

    What is drawn from then on, for dropout and for the order of samples,
    follows from the numbers alone: a training that was stopped draws what
    it would have drawn otherwise.

    Args:
        model: A `keras.Model`.
        *numbers: ints, at least 0.
    """
    random = np.random.default_rng(numbers)
    # Dropout on PyTorch follows this as well.
    keras.utils.set_random_seed(int(random.integers(2**31)))
    for variable in model.non_trainable_variables:
        if variable.path.endswith("seed_generator_state"):
            variable.assign([int(random.integers(2**31)), 0])


def _differences(before, now):
    """What differs in a form to be read, or nothing."""
    if isinstance(before, dict):
        return ", ".join(
            f"{name}={value!r} and not {now.get(name)!r}"
            for name, value in before.items()
            if now.get(name) != value
        )
    return before if before != now else None
