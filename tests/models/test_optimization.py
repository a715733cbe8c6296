"""Tests that optimizers do what those of Keras do."""

import importlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_squeeze import models
from keras_squeeze.models import optimization
from tests.backends import only_on
from tests.tiny import SPECIAL_TOKENS
from tests.tiny import tiny_backbone

BACKEND = keras.config.backend()
pytestmark = pytest.mark.skipif(
    BACKEND == "jax", reason="XLA fuses the updates of Keras"
)
on_tensorflow = only_on(
    "tensorflow", reason="only TensorFlow traces, and has strategies"
)
on_torch = only_on("torch", reason="the operation is one of PyTorch")


def schedule():
    return keras.optimizers.schedules.PolynomialDecay(0.01, 8)


def decay_of_kernels():
    optimizer = keras.optimizers.AdamW(
        schedule(), weight_decay=0.1, global_clipnorm=0.1
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


OPTIMIZERS = {
    "Adam": lambda: keras.optimizers.Adam(0.01, global_clipnorm=1.0),
    "schedule": lambda: keras.optimizers.Adam(schedule(), beta_1=0.8),
    "AdamW": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "decay of kernels": decay_of_kernels,
    "clipping of each": lambda: keras.optimizers.Adam(0.01, clipnorm=0.1),
    "average": lambda: keras.optimizers.Adam(0.01, use_ema=True),
    "accumulation": lambda: keras.optimizers.Adam(
        0.01, gradient_accumulation_steps=2
    ),
    "AMSGrad": lambda: keras.optimizers.Adam(0.01, amsgrad=True),
    "SGD": lambda: keras.optimizers.SGD(0.01, momentum=0.9),
}


def trained(optimizer, folder, dtype=None, **how):
    """Train in two ways, then again after loading with a new rate."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(9, 5, dtype=dtype),
            keras.layers.Flatten(dtype=dtype),
            keras.layers.Dense(3, "tanh", dtype=dtype),
            keras.layers.Dense(2, dtype=dtype),
        ]
    )
    random = np.random.default_rng(0)
    x, y = random.integers(9, size=(12, 4)), random.normal(size=(12, 2))
    model.compile(optimizer, "mse", **how)
    optimization.build_optimizer(model)
    model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    model.train_on_batch(x, y)
    folder.mkdir()
    model.save(folder / "model.keras")
    model = keras.models.load_model(folder / "model.keras")
    optimization.build_optimizer(model)
    inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if isinstance(inner._learning_rate, keras.Variable):
        model.optimizer.learning_rate = 0.002
    model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    return [*model.get_weights(), *(v.numpy() for v in inner.variables)]


def check_same(tmp_path, monkeypatch, make_optimizer, **how):
    found = trained(make_optimizer(), tmp_path / "fused", **how)
    monkeypatch.setattr(optimization, "_is_plain_adam", lambda optimizer: False)
    expected = trained(make_optimizer(), tmp_path / "keras", **how)
    for value, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fused_updates_are_those_of_keras(name, tmp_path, monkeypatch):
    check_same(tmp_path, monkeypatch, OPTIMIZERS[name])


@pytest.mark.parametrize(
    "how",
    [
        {"run_eagerly": True},
        pytest.param({"jit_compile": True}, marks=on_tensorflow),
        {"dtype": "mixed_float16"},
        {"dtype": "float64"},
    ],
    ids=str,
)
def test_fused_updates_in_other_steps(how, tmp_path, monkeypatch):
    check_same(tmp_path, monkeypatch, OPTIMIZERS["AdamW"], **how)


def make_task():
    return models.SqueezeBertTextClassifier(
        tiny_backbone(models.SqueezeBertBackbone, SPECIAL_TOKENS),
        num_classes=2,
        preprocessor=models.SqueezeBertTextClassifierPreprocessor(
            models.SqueezeBertTokenizer(SPECIAL_TOKENS), sequence_length=8
        ),
    )


@on_torch
@pytest.mark.parametrize("optimizer", ["Adam", "AdamW"])
def test_a_step_has_one_operation_for_all_weights(optimizer, monkeypatch):
    module = importlib.import_module("torch.optim.adamw")
    sizes = []
    update = module.adamw

    def count(values, gradients, *args, **kwargs):
        assert kwargs["fused"]
        sizes.append(len(values))
        update(values, gradients, *args, **kwargs)

    monkeypatch.setattr(module, "adamw", count)
    task = make_task()
    cls = getattr(keras.optimizers, optimizer)
    task.compile(cls(global_clipnorm=1.0))
    task.fit(np.array(["a", "b"]), np.array([0, 1]), batch_size=1, verbose=0)
    assert sizes == [len(task.trainable_variables)] * 2


@on_torch
def test_gradients_that_are_not_contiguous():
    import torch

    def updated(fuse):
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
        model.set_weights([np.ones((3, 4)), np.ones(4)])
        model.compile(keras.optimizers.Adam(0.1, global_clipnorm=1.0))
        model.optimizer.build(model.trainable_variables)
        if fuse:
            optimization.build_optimizer(model)
        kernel = torch.arange(12.0).reshape(4, 3).T
        bias = torch.tensor(2.0).expand(4)
        model.optimizer.apply([kernel, bias], model.trainable_variables)
        return model.get_weights()

    for found, expected in zip(updated(True), updated(False), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@on_tensorflow
@pytest.mark.parametrize("is_built", [False, True])
@pytest.mark.parametrize("optimizer", ["Adam", "AdamW"])
def test_a_fused_update_has_few_operations(optimizer, is_built):
    task = make_task()
    cls = getattr(keras.optimizers, optimizer)
    task.compile(cls(global_clipnorm=1.0))
    if is_built:
        task.optimizer.build(task.trainable_variables)
    optimization.build_optimizer(task)
    variables = task.trainable_variables

    @tf.function
    def apply(gradients):
        task.optimizer.apply(gradients, variables)

    gradients = [tf.ones(v.shape) for v in variables]
    graph = apply.get_concrete_function(gradients).graph
    kinds = [operation.type for operation in graph.get_operations()]
    count = len(variables)
    assert kinds.count("ResourceApplyAdam") == count
    # Its gradient, its three variables, two operations to clip, three for the
    # decay, and the update. Keras makes about 50 for each weight.
    per_weight = {"Adam": 7, "AdamW": 10}[optimizer]
    assert len(kinds) < per_weight * count + 60


@on_tensorflow
@pytest.mark.parametrize("method", ["fit", "train_on_batch"])
def test_a_step_is_traced_once(method, monkeypatch):
    task = make_task()
    calls = []
    step = task.train_step
    monkeypatch.setattr(
        task, "train_step", lambda data: calls.append(1) or step(data)
    )
    getattr(task, method)(np.array(["a", "b"]), np.array([0, 1]))
    assert len(calls) == 1
