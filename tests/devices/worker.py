"""One of two workers of TensorFlow, for `test_tensorflow`."""

import sys

import keras
import pytest
import tensorflow as tf

from tests.devices import runs


def keras_fails():
    """Keras cannot train any model. If this passes, the error can go."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    data = tf.data.Dataset.from_tensors((tf.ones((2, 2)), tf.ones((2, 1))))
    with pytest.raises(ValueError, match="PerReplica"):
        model.fit(data, verbose=0)


def task_says_so():
    task = runs.make_task("TextClassifier")
    task.compile()
    with pytest.raises(ValueError, match="cannot train .* with 2 workers"):
        task.fit(runs.TEXTS, runs.IDS)


if __name__ == "__main__":
    with tf.distribute.MultiWorkerMirroredStrategy().scope():
        {"keras": keras_fails, "task": task_says_so}[sys.argv[1]]()
