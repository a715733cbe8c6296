"""Mean pooling, which turns token features into a text embedding."""

import keras
from keras import ops

from keras_squeeze.layers.plain_layer import PlainLayer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MeanPooling(PlainLayer):
    """Computes the mean of the features over all tokens except padding.

    A row that consists only of padding returns zeros.
    `keras.layers.GlobalAveragePooling1D` divides by zero there.

    Args:
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: float tensor of shape `(batch, length, dim)`.
        padding_mask: Tensor of shape `(batch, length)`, 1 for tokens and 0 for
            padding.

    Returns:
        A float tensor of shape `(batch, dim)`.

    Example:

    ```python
    MeanPooling()(np.ones((2, 3, 8)), np.array([[1, 1, 0], [1, 1, 1]]))
    ```
    """

    def call(self, inputs, padding_mask):
        return mean_over_tokens(inputs, padding_mask)

    def compute_output_shape(self, inputs_shape, padding_mask_shape):
        return (inputs_shape[0], inputs_shape[-1])


def mean_over_tokens(features, padding_mask):
    """Compute the mean of the features over all tokens except padding.

    Args:
        features: float tensor of shape `(batch, length, dim)`.
        padding_mask: Tensor of shape `(batch, length)`, 1 for tokens and 0 for
            padding.

    Returns:
        A float tensor of shape `(batch, dim)`. Rows that consist only of
        padding are zeros.
    """
    mask = ops.expand_dims(ops.cast(padding_mask, features.dtype), axis=-1)
    total = ops.sum(features * mask, axis=1)
    return total / ops.maximum(ops.sum(mask, axis=1), 1.0)
