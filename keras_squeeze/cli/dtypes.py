"""Chooses the dtype policy that a command trains with."""

import time

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from keras_squeeze.cli.training import compile_task
from keras_squeeze.training_state import reseed

# MobileBERT's activations overflow in float16.
DTYPES = ("float32", "mixed_bfloat16")

# The policy with lower precision must save at least this part of the time.
_LEAST_GAIN = 0.1

# The losses of both trials agree up to this part. Dropout differs between
# them, as its random numbers depend on the dtype.
_TOLERANCE = 0.05


def choose_dtype(
    make_task,
    train,
    batch_size,
    learning_rate,
    sequence_length,
    seed,
    num_steps=20,
):
    """Train with each dtype policy for a few steps, and choose one.

    The policy is `"mixed_bfloat16"` if its steps are faster and its losses
    are about the same, and `"float32"` otherwise. The time of the first step,
    in which the backend compiles, does not count.

    Args:
        make_task: A function that takes a dtype policy, and returns a task
            with a preprocessor. All its tasks have the same weights.
        train: The `Samples` to train on.
        batch_size: int. The number of samples per batch.
        learning_rate: float.
        sequence_length: int. The length of the inputs.
        seed: int. The seed of dropout.
        num_steps: int. The number of steps with each policy. Defaults to
            `20`.

    Returns:
        string.
    """
    samples = train.take(np.arange(num_steps * batch_size) % len(train))
    results = {}
    for dtype in DTYPES:
        task = make_task(dtype)
        task.preprocessor.sequence_length = sequence_length
        compile_task(task, learning_rate)
        reseed(task, seed, 0)
        timer = _StepTimer()
        history = task.fit(
            *samples.parts(),
            batch_size=batch_size,
            shuffle=False,
            callbacks=[timer],
            verbose=0,
        )
        results[dtype] = (timer.seconds_per_step(), history.history["loss"][0])
    dtype = _choice(results)
    table = Table(title=f"The first {num_steps} steps with each dtype")
    table.add_column("Dtype")
    table.add_column("Milliseconds per step", justify="right")
    table.add_column("Loss", justify="right")
    for name, (seconds, loss) in results.items():
        table.add_row(
            name,
            f"{1000 * seconds:.0f}",
            f"{loss:.4f}",
            style="bold green" if name == dtype else None,
        )
    Console().print(table)
    print(f"Training with {dtype}.", flush=True)
    return dtype


def _choice(results):
    """Choose from a dictionary of the seconds and the loss of each policy."""
    exact, low = DTYPES
    seconds, loss = results[exact]
    low_seconds, low_loss = results[low]
    is_faster = low_seconds <= (1 - _LEAST_GAIN) * seconds
    # Also `False` for NaN.
    agrees = abs(low_loss - loss) <= _TOLERANCE * abs(loss)
    return low if is_faster and agrees else exact


class _StepTimer(keras.callbacks.Callback):
    """Measures the steps after the first one."""

    def __init__(self):
        super().__init__()
        self.times = []

    def on_train_batch_end(self, batch, logs=None):
        # Wait for the step: JAX only starts it.
        float(logs["loss"])
        self.times.append(time.perf_counter())

    def seconds_per_step(self):
        return float(np.median(np.diff(self.times)))
