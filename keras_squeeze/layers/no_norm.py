"""A learned scale and shift instead of a normalization."""

import keras
from keras import ops

from keras_squeeze.layers.plain_layer import PlainLayer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class NoNorm(PlainLayer):
    """Scales and shifts each feature, without computing statistics.

    MobileBERT replaces layer normalization with this layer, because computing
    the mean and variance dominates its latency on phones.

    Args:
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: float tensor of shape `(..., dim)`.

    Returns:
        A tensor with the shape of `inputs`.

    Example:

    ```python
    layer = NoNorm()
    layer(np.ones((2, 5, 8)))
    ```

    Reference:
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984)
    """

    def build(self, input_shape):
        dim = (input_shape[-1],)
        # Same names as in `LayerNormalization`, which this layer replaces.
        self.gamma = self.add_weight(
            name="gamma", shape=dim, initializer="ones"
        )
        self.beta = self.add_weight(name="beta", shape=dim, initializer="zeros")
        self.built = True

    def call(self, inputs):
        return ops.add(ops.multiply(inputs, self.gamma), self.beta)

    def compute_output_shape(self, input_shape):
        return input_shape
