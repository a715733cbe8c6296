"""The mean of a text's features, the vector that embedders give."""

import keras
from keras import ops

from keras_squeeze.layers.plain_layer import PlainLayer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MeanPooling(PlainLayer):
    """The mean of the features of the tokens that are not padding.

    A row with nothing but padding gives zeros. `keras.layers.
    GlobalAveragePooling1D` divides by zero there.

    Args:
        **kwargs: other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: float tensor of shape `(batch, length, dim)`.
        padding_mask: Tensor of shape `(batch, length)`, 1 where there is a
            token and 0 where there is padding.

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
    """The mean of the features of the tokens that are not padding.

    Args:
        features: float tensor of shape `(batch, length, dim)`.
        padding_mask: Tensor of shape `(batch, length)`, 1 where there is a
            token and 0 where there is padding.

    Returns:
        A float tensor of shape `(batch, dim)`, zeros for a row with nothing
        but padding.
    """
    mask = ops.expand_dims(ops.cast(padding_mask, features.dtype), axis=-1)
    total = ops.sum(features * mask, axis=1)
    return total / ops.maximum(ops.sum(mask, axis=1), 1.0)
