"""Checks on JAX with four devices, for `test_jax`."""

import contextlib
import functools
import io
import json
import pathlib
import shutil
import sys
import tempfile

import jax
import keras
import numpy as np
import pytest

import keras_squeeze
from keras_squeeze import cli
from keras_squeeze import models
from keras_squeeze.cli import training
from keras_squeeze.distillation import Stage
from keras_squeeze.distillation import distill
from keras_squeeze.models.optimization import build_optimizer
from tests.devices import runs
from tests.devices.child import run_checks
from tests.processes import REPOSITORY

# The shapes of weights, and of the part that a device has.
SHARDS = {
    "TextClassifier": {
        "embeddings/token_embedding/embeddings": ((29, 16), (29, 8)),
        "transformer_layer_0/query/kernel": ((1, 4, 16), (1, 2, 8)),
        "transformer_layer_0/query/bias": ((16,), (8,)),
        "transformer_layer_0/intermediate/kernel": ((1, 4, 16), (1, 2, 8)),
        "transformer_layer_0/post_attention/dense/kernel": (
            (1, 16, 16),
            (1, 8, 8),
        ),
        "transformer_layer_0/output_projection/dense/kernel": (
            (1, 4, 16),
            (1, 2, 8),
        ),
        "pooler/pooled_dense/kernel": ((16, 16), (16, 16)),
    },
    "Pretraining": {
        "embeddings/token_embedding/embeddings": ((29, 16), (29, 8)),
        "transformer_layer_0/value/kernel": ((16, 8), (8, 4)),
        "transformer_layer_0/attention_output/dense/kernel": ((8, 8), (4, 4)),
        "transformer_layer_0/feedforward_intermediate_1/kernel": (
            (8, 16),
            (4, 8),
        ),
        "transformer_layer_0/feedforward_output_1/dense/kernel": (
            (16, 8),
            (8, 4),
        ),
    },
}


def all_devices():
    distribution = keras.distribution.DataParallel()
    assert distribution.num_model_replicas == 4
    return distribution.scope()


def run(name):
    # One of the last batches has fewer rows than there are devices.
    return runs.run(name, 7 if name == "TextClassifier" else 5)


# Each task is compiled for one device once.
on_one_device = functools.cache(run)


def results_of_a_task(name):
    expected, _ = on_one_device(name)
    with all_devices():
        found, task = run(name)
        # The user's own distribution is set again.
        distribution = keras.distribution.distribution()
        assert isinstance(distribution, keras.distribution.DataParallel)
    runs.assert_same(found, expected)
    for weight in task.weights:
        assert len(weight.value.devices()) == 4


def same_on_all_devices(run):
    expected = run()
    with all_devices():
        runs.assert_same(run(), expected)


def mesh_of(shape):
    return keras.distribution.DeviceMesh(shape, ("batch", "model"))


def scope_of_weights(name):
    """The distribution of the weights of a task over a mesh."""
    backbone_class = getattr(models, f"{runs.MODELS[name]}Backbone")
    layout_map = backbone_class.get_layout_map(mesh_of((2, 2)))
    return keras.distribution.ModelParallel(layout_map=layout_map).scope()


def check_shards(name, variables):
    """Check which part of some variables a device has.

    Returns:
        Their shapes, and those of the parts, by their paths.
    """
    shapes = {
        variable.path: (
            variable.shape,
            variable.value.addressable_shards[0].data.shape,
        )
        for variable in variables
    }
    for path, (whole, part) in SHARDS[name].items():
        assert shapes[path] == (whole, part), path
    return shapes


def sharded_weights(name):
    """The weights can be loaded, and compute the same."""
    expected, _ = on_one_device(name)
    with scope_of_weights(name):
        task = runs.make_task(name)
        check_shards(name, task.weights)
        task.set_weights(expected["weights"])
        check_shards(name, task.weights)
        asked = runs.masked(runs.take(runs.DATA[name][0], 3))
        outputs = task.predict(asked, batch_size=4, verbose=0)
        runs.assert_same(outputs, expected["predict"])


def sharded_training(name):
    """The weights, and not only the work, are split between the devices."""
    expected, task = on_one_device(name)
    folder = pathlib.Path(tempfile.mkdtemp())
    task.save_weights(folder / "whole.weights.h5")
    with scope_of_weights(name):
        found, task = run(name)
        runs.assert_same(found, expected)
        shapes = check_shards(name, [*task.weights, *task.optimizer.variables])
        split = {path for path, (a, b) in shapes.items() if a != b}
        assert len([p for p in split if "momentum" in p]) == (
            len([p for p in split if "momentum" not in p])
        )
        task.save_weights(folder / "split.weights.h5")
        task.load_weights(folder / "whole.weights.h5")
        runs.assert_same(task.get_weights(), expected["weights"])
    again = runs.make_task(name)
    again.compile(keras.optimizers.SGD(0.1, momentum=0.9))
    build_optimizer(again)
    again.load_weights(folder / "split.weights.h5")
    runs.assert_same(again.get_weights(), expected["weights"])
    state = [x.numpy() for x in task.optimizer.variables]
    assert len(state) > 20
    runs.assert_same([x.numpy() for x in again.optimizer.variables], state)
    shutil.rmtree(folder)


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
        with pytest.raises(ValueError, match="at least 4.*batch_size=3"):
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


class SameBatch(keras.utils.PyDataset):
    """A batch for each step of `distill()`, up to one that fails."""

    def __init__(self, batch, steps, fails_at, first=0):
        super().__init__()
        self.arguments = (batch, fails_at)
        self.steps = steps
        self.first = first

    def part(self, first, steps):
        batch, fails_at = self.arguments
        return SameBatch(batch, steps, fails_at, self.first + first)

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        batch, fails_at = self.arguments
        if self.first + index == fails_at:
            raise RuntimeError("stopped")
        return batch


def distill_in_folder(folder, fails_at=None):
    distiller, *batch = runs.new_distiller()
    names = [term.name for term in distiller.transfers]
    curve = distill(
        distiller,
        SameBatch(tuple(batch), 4, fails_at),
        [Stage("one", (names[0],), 1), Stage("all", tuple(names), 3)],
        folder,
        optimizer=lambda steps: keras.optimizers.SGD(0.1, momentum=0.9),
        save_every=2,
        log_every=1,
        verbose=False,
    )
    return curve, distiller.get_weights()


def distillation_resumes():
    """A run that is stopped goes on with another number of devices."""
    folder = pathlib.Path(tempfile.mkdtemp())
    expected = distill_in_folder(folder / "whole")
    with all_devices(), pytest.raises(RuntimeError, match="stopped"):
        distill_in_folder(folder / "parts", fails_at=3)
    devices = keras.distribution.list_devices()[:3]
    with keras.distribution.DataParallel(devices=devices).scope():
        runs.assert_same(distill_in_folder(folder / "parts"), expected)
    shutil.rmtree(folder)


TASKS = ("TextClassifier", "Pretraining")


def command_line():
    """A run of the command resumes with any number of devices."""
    folder = pathlib.Path(tempfile.mkdtemp())
    runs.make_task("TextClassifier").save_to_preset(folder / "preset")
    rows = zip(runs.TEXTS, runs.IDS, strict=True)
    lines = ["text,label", *(f"{text},{label}" for text, label in rows)]
    data = folder / "data.csv"
    data.write_text("\n".join(lines), encoding="utf-8")
    argv = ["finetune", "--preset", str(folder / "preset"), "--epochs", "2"]
    argv += ["--train", str(data), "--validation", str(data)]
    argv += ["--batch-size", "7", "--sequence-length", "12"]
    argv += ["--output", str(folder / "out")]

    def stop(*args, **kwargs):
        write_state(*args, **kwargs)
        raise KeyboardInterrupt

    write_state = training.write_state
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "write_state", stop)
        assert cli.main([*argv, "--devices", "4"]) == 130
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert cli.main([*argv, "--devices", "3"]) == 0
    assert "Resuming after epoch 1" in printed.getvalue()
    assert "Training on 3 devices: cpu:0, cpu:1" in printed.getvalue()
    history = json.loads((folder / "out" / "metrics.json").read_text())
    assert len(history["history"]) == 2
    assert keras.distribution.distribution() is None
    shutil.rmtree(folder)


def readme():
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    after = text.partition("To train on several devices")[2]
    code = after.partition("```python\n")[2].partition("```")[0]
    names = {"keras_squeeze": keras_squeeze}
    try:
        exec(code, names)
        weight = names["classifier"].weights[0]
        assert len(weight.value.devices()) == 4
    finally:
        keras.distribution.set_distribution(None)


CHECKS = {name: functools.partial(results_of_a_task, name) for name in TASKS}
CHECKS.update(
    {
        "sharded training": lambda: sharded_training("TextClassifier"),
        "sharded weights": lambda: sharded_weights("Pretraining"),
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
SLOW_CHECKS.update(
    {
        "sharded training": lambda: sharded_training("Pretraining"),
        "distillation": lambda: same_on_all_devices(runs.distill),
        "distillation resumes": distillation_resumes,
        "embedder": lambda: same_on_all_devices(runs.embed),
        "command line": command_line,
        "README": readme,
    }
)

if __name__ == "__main__":
    run_checks(SLOW_CHECKS if "slow" in sys.argv else CHECKS)
