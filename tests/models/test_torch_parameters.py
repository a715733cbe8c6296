"""Tests of what PyTorch needs to know of a model."""

import keras
import numpy as np

from keras_squeeze.models.torch_parameters import no_gradients
from tests.backends import only_on


@only_on("torch", reason="PyTorch records gradients")
def test_no_gradients_are_recorded():
    layer, inputs = keras.layers.Dense(4), np.ones((1, 4), "float32")
    assert layer(inputs).requires_grad
    with no_gradients():
        assert not layer(inputs).requires_grad
