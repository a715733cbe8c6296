"""Checks on JAX with four devices. See `tests.devices.test_jax`."""

import functools
import sys

import jax
import keras
import numpy as np
import pytest

from tests.devices import runs
from tests.devices.child import run_checks


def all_devices():
    distribution = keras.distribution.DataParallel()
    assert distribution.num_model_replicas == 4
    return distribution.scope()


def results_of_a_task(name):
    # One of them also has a last batch with fewer rows than devices.
    count = 7 if name == "TextClassifier" else 5
    expected, _ = runs.run(name, count)
    with all_devices():
        found, task = runs.run(name, count)
        # The user's own distribution is set again.
        distribution = keras.distribution.distribution()
        assert isinstance(distribution, keras.distribution.DataParallel)
    runs.assert_same(found, expected)
    for weight in task.weights:
        assert len(weight.value.devices()) == 4


def work_is_shared():
    """Each device computes a quarter, also of rows that four do not divide."""

    def operations():
        task = runs.make_task("TextClassifier")
        x = task.preprocess_samples(runs.TEXTS)
        step = jax.jit(task.stateless_call).lower(
            [weight.value for weight in task.trainable_variables],
            [state.value for state in task.non_trainable_variables],
            x,
        )
        return step.compile().cost_analysis()["flops"]

    expected = operations() * 8 / 7
    with all_devices():
        assert operations() == pytest.approx(expected / 4, rel=0.01)


def errors_before_work_starts():
    task = runs.make_task("TextClassifier")
    with all_devices():
        for method in (task.predict, task.annotate):
            with pytest.raises(ValueError, match="before the model is created"):
                method(runs.TEXTS)
        task = runs.make_task("TextClassifier")
        with pytest.raises(ValueError, match="batch_size=3.* over 4 devices"):
            task.fit(runs.TEXTS, runs.IDS, batch_size=3)


def data_sets_and_single_batches():
    """Also the batches of users have any number of rows."""
    import tensorflow as tf

    with all_devices():
        task = runs.make_task("TextClassifier")
        task.compile(keras.optimizers.SGD(0.1))
        x, y = runs.TEXTS[:3], np.array(runs.IDS[:3])
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(3)
        logs = task.evaluate(x, y, verbose=0)
        runs.assert_same(task.evaluate(data, verbose=0), logs)
        runs.assert_same(task.test_on_batch(x, y), logs)
        outputs = task.predict(x, verbose=0)
        data = data.map(lambda x, y: x)
        runs.assert_same(task.predict(data, verbose=0), outputs)
        assert np.isfinite(task.train_on_batch(x, y)).all()


TASKS = ("TextClassifier", "QuestionAnswering", "Pretraining")
CHECKS = {name: functools.partial(results_of_a_task, name) for name in TASKS}
CHECKS.update(
    {
        "shared work": work_is_shared,
        "errors": errors_before_work_starts,
        "data sets": data_sets_and_single_batches,
    }
)
# They take too long for each run of the tests.
SLOW_CHECKS = {
    name: functools.partial(results_of_a_task, name)
    for name in runs.DATA
    if name not in TASKS
}

if __name__ == "__main__":
    run_checks(SLOW_CHECKS if "slow" in sys.argv else CHECKS)
