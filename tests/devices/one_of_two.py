"""One of two processes that train together on JAX, for `test_processes`."""

import json
import os
import pathlib
import sys

import keras

from keras_squeeze import models
from keras_squeeze.cli.training import fine_tune
from tests.devices import runs


class Stop(keras.callbacks.Callback):
    """Ends the process in the second epoch, without any cleaning up."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            os._exit(1)


def train(folder, to_stop=False):
    """Train a task, and write its preset.

    Returns:
        The history, the predictions, and a list of lists of the texts that
        this process has tokenized.
    """
    task = runs.make_task("TextClassifier")
    tokenized = []
    preprocess = task.preprocess_samples

    def record(x, *others):
        if not isinstance(x, dict):
            tokenized.append(list(x))
        return preprocess(x, *others)

    task.preprocess_samples = record
    if to_stop:
        fit = task.fit
        task.fit = lambda *args, callbacks, **kwargs: fit(
            *args, callbacks=[*callbacks, Stop()], **kwargs
        )
    data = (runs.TEXTS[:5], runs.IDS[:5])
    history = fine_tune(
        task,
        data,
        data,
        pathlib.Path(folder, "state"),
        settings={},
        epochs=2,
        batch_size=5,
        learning_rate=0.01,
        sequence_length=12,
        seed=0,
    )
    outputs = task.predict(runs.TEXTS[:3], verbose=0)
    task.save_to_preset(pathlib.Path(folder, "preset"))
    return history, outputs.tolist(), tokenized


def split_weights():
    """A distribution that splits the weights between the processes."""
    mesh = keras.distribution.DeviceMesh((1, 2), ("batch", "model"))
    layout_map = models.SqueezeBertBackbone.get_layout_map(mesh)
    return keras.distribution.ModelParallel(layout_map=layout_map)


if __name__ == "__main__":
    folder, address, number, *options = sys.argv[1:]
    keras.distribution.initialize(address, 2, int(number))
    distribution = keras.distribution.DataParallel()
    if "split" in options:
        distribution = split_weights()
    keras.distribution.set_distribution(distribution)
    results = train(folder, "stop" in options)
    path = pathlib.Path(folder, f"results_{number}.json")
    path.write_text(json.dumps(results))
