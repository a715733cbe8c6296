"""Checks on TensorFlow with two devices, for `test_tensorflow`."""

import functools
import sys

import keras
import pytest
import tensorflow as tf

from tests.devices import runs
from tests.devices.child import run_checks


@functools.cache
def two_devices():
    """TensorFlow cannot have two strategies of the same devices."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def same_on_two_devices(run):
    expected = run()
    with two_devices().scope():
        found = run()
    runs.assert_same(found, expected)


def results_of_a_task(name):
    # Each device draws other numbers for dropout.
    same_on_two_devices(lambda: runs.run(name, dropout=0.0)[0])


def single_rows():
    """A device that has nothing to do does not change the results."""

    def run():
        task = runs.make_task("TextClassifier", dropout=0.0)
        task.compile(keras.optimizers.SGD(0.1))
        x, y = runs.TEXTS[:1], runs.IDS[:1]
        return (
            task.fit(x, y, epochs=2, verbose=0).history,
            task.annotate(x),
            task.get_weights(),
        )

    same_on_two_devices(run)
    with two_devices().scope():
        task = runs.make_task("TextClassifier")
        task.compile()
        with pytest.raises(ValueError, match="at least 2.*batch_size=1"):
            task.fit(runs.TEXTS, runs.IDS, batch_size=1)


CHECKS = {
    "MaskedLM": lambda: results_of_a_task("MaskedLM"),
    "single rows": single_rows,
    "distillation": lambda: same_on_two_devices(runs.distill),
}
# They take too long for each run of the tests.
SLOW_CHECKS = {
    "embedder": lambda: same_on_two_devices(runs.embed),
    **{
        name: functools.partial(results_of_a_task, name)
        for name in runs.DATA
        if name not in CHECKS
    },
}

if __name__ == "__main__":
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )
    # Compiling models of this size with XLA takes longer than running them.
    keras.Model._resolve_auto_jit_compile = lambda self: False
    run_checks(SLOW_CHECKS if "slow" in sys.argv else CHECKS)
