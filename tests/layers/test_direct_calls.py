import re

import keras
import numpy as np
import pytest

from keras_squeeze import models
from keras_squeeze.layers.direct_calls import call_directly
from tests.backends import only_on
from tests.tiny import SPECIAL_TOKENS
from tests.tiny import tiny_backbone

X = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")


def make_layer(dtype="float32"):
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(8, dtype=dtype)
    layer.build(X.shape)
    return layer


def assert_same(layer, x):
    x = keras.ops.convert_to_tensor(x)
    found, expected = (
        keras.ops.convert_to_numpy(keras.ops.cast(y, "float32"))
        for y in (call_directly(layer, x), layer(x))
    )
    np.testing.assert_array_equal(found, expected)


def test_nothing_of_keras_is_in_between(monkeypatch):
    layer = make_layer()
    expected = keras.ops.convert_to_numpy(layer(X))

    def call(*args, **kwargs):
        raise AssertionError("the layer was called by Keras")

    monkeypatch.setattr(keras.layers.Dense, "__call__", call)
    found = call_directly(layer, keras.ops.convert_to_tensor(X))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), expected)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "bfloat16", "float16"])
def test_another_dtype_is_cast(dtype):
    assert_same(make_layer(dtype), X)


def test_quantized_layer():
    layer = make_layer()
    before = keras.ops.convert_to_numpy(layer(X))
    layer.quantize("int8")
    assert_same(layer, X)
    assert np.abs(before - keras.ops.convert_to_numpy(layer(X))).max() > 0


def test_layer_with_lora():
    layer = make_layer()
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.ones((2, 8)))
    assert_same(layer, X)


@only_on("jax", reason="the other backends do not copy the inputs")
@pytest.mark.parametrize(
    "cls", [models.MobileBertMaskedLM, models.SqueezeBertMaskedLM]
)
def test_gradients_of_kernels_sum_over_one_axis(cls):
    import jax

    task = cls(
        tiny_backbone(cls.backbone_cls, SPECIAL_TOKENS), preprocessor=None
    )
    inputs = {name: np.ones((2, 8), "int32") for name in task.input}
    weights, others = (
        [variable.value for variable in variables]
        for variables in (
            task.trainable_variables,
            task.non_trainable_variables,
        )
    )

    def total(weights):
        return task.stateless_call(weights, others, inputs)[0].sum()

    program = str(jax.make_jaxpr(jax.grad(total))(weights))
    axes = re.findall(r"dimension_numbers=\(\(\[([^\]]*)\]", program)
    assert axes
    assert not [one for one in axes if "," in one]
