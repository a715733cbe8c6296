"""Padding, as numbers that are added to attention scores."""

import keras
import ml_dtypes
from keras import ops

from keras_squeeze.layers.plain_layer import PlainLayer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class AttentionMask(PlainLayer):
    """Converts a mask of ones and zeros to a bias on attention scores.

    The bias is `0` for kept positions. For masked positions it is half of the
    lowest finite number of the compute dtype. This is low enough that masked
    positions get no weight next to kept ones. It is also still finite after the
    score is added, so a row in which all positions are masked attends uniformly
    instead of returning NaN.

    Args:
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: Tensor of shape `(batch, length)`, where `1` keeps a key, or of
            shape `(batch, length, length)`, with one mask per query.

    Returns:
        A float tensor of shape `(batch, 1, 1, length)` or
        `(batch, 1, length, length)`.

    Example:

    ```python
    layer = AttentionMask()
    layer(np.array([[1, 1, 0]]))
    ```
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Masks may be integers, booleans or floats of any width.
        self.autocast = False

    def build(self, input_shape):
        if len(input_shape) not in (2, 3):
            raise ValueError(
                "The attention mask must have the shape (batch, length) or "
                f"(batch, length, length). Received: shape={input_shape}"
            )
        self.built = True

    def call(self, inputs):
        masked = ops.subtract(1.0, ops.cast(inputs, self.compute_dtype))
        lowest = float(ml_dtypes.finfo(self.compute_dtype).min) / 2
        bias = ops.multiply(masked, lowest)
        if len(inputs.shape) == 2:
            bias = ops.expand_dims(bias, axis=1)
        return ops.expand_dims(bias, axis=1)

    def compute_output_spec(self, inputs):
        batch, *rest = inputs.shape
        shape = (batch, 1, 1, *rest) if len(rest) == 1 else (batch, 1, *rest)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)
