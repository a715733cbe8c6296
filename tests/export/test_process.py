"""Tests of what goes to the process that converts models."""

import keras
import numpy as np
import pytest

from keras_squeeze.export.process import load_weights
from keras_squeeze.export.process import save_weights
from keras_squeeze.models.torch_parameters import no_gradients


def nested(dtype=None):
    """A model in which two layers have the same path."""

    def part(name):
        x = keras.Input((4,))
        y = keras.layers.Dense(4, dtype=dtype, name="dense")(x)
        return keras.Model(x, y, name=name)

    x = keras.Input((4,))
    return keras.Model(x, part("second")(part("first")(x)))


def predict(model):
    inputs = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
    with no_gradients():
        return keras.ops.convert_to_numpy(model(inputs))


def test_weights_reach_the_layers_they_come_from(tmp_path):
    model, copy = nested(), nested()
    save_weights(model, tmp_path / "weights.npz")
    assert np.abs(predict(copy) - predict(model)).max() > 0.01
    load_weights(copy, tmp_path / "weights.npz")
    np.testing.assert_array_equal(predict(copy), predict(model))


def test_weights_are_merged_with_lora_weights(tmp_path):
    model, copy = nested(), nested()
    for layer in model.layers[1:]:
        dense = layer.get_layer("dense")
        dense.enable_lora(2)
        dense.lora_kernel_b.assign(np.ones((2, 4)))
    save_weights(model, tmp_path / "weights.npz")
    load_weights(copy, tmp_path / "weights.npz")
    np.testing.assert_allclose(predict(copy), predict(model), atol=1e-5)


def test_weights_of_a_dtype_that_numpy_does_not_know(tmp_path):
    model, copy = nested("bfloat16"), nested()
    save_weights(model, tmp_path / "weights.npz")
    load_weights(copy, tmp_path / "weights.npz")
    expected = [keras.ops.convert_to_numpy(x) for x in model.weights]
    for array, weight in zip(expected, copy.weights, strict=True):
        np.testing.assert_array_equal(array.astype("float32"), weight)


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="PyTorch records gradients"
)
def test_no_gradients_are_recorded():
    model, inputs = nested(), np.ones((1, 4), "float32")
    assert model(inputs).requires_grad
    with no_gradients():
        assert not model(inputs).requires_grad
