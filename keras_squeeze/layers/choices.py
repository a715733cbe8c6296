"""Conversion between multiple-choice batches and flat batches of texts."""

import keras
import ml_dtypes
from keras import ops

from keras_squeeze.layers.plain_layer import PlainLayer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class FlattenChoices(PlainLayer):
    """Merges the batch axis and the choices axis.

    Args:
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: Tensor of shape `(batch, choices, length)`.

    Returns:
        A tensor of shape `(batch * choices, length)`.

    Example:

    ```python
    FlattenChoices()(np.ones((2, 3, 8), "int32"))
    ```
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # Token ids exceed the range of exact integers in float16.
        self.autocast = False

    def call(self, inputs):
        # `keras.layers.Reshape` cannot change the first axis.
        return ops.reshape(inputs, (-1, ops.shape(inputs)[-1]))

    def compute_output_spec(self, inputs):
        return keras.KerasTensor((None, inputs.shape[-1]), dtype=inputs.dtype)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class ChoiceLogits(PlainLayer):
    """Arranges scores as one row of choices per prompt.

    A prompt with fewer choices than others is filled up with choices that
    consist only of padding. Their scores are so low that they have no
    probability next to real choices, but still finite.

    Args:
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        scores: float tensor of shape `(batch * choices, 1)`.
        padding_mask: Tensor of shape `(batch, choices, length)`, 1 for tokens
            and 0 for padding.

    Returns:
        A float tensor of shape `(batch, choices)`.

    Example:

    ```python
    scores = np.array([[0.5], [1.0], [2.0], [0.0]])
    ChoiceLogits()(scores, np.array([[[1, 1], [1, 0]], [[1, 0], [0, 0]]]))
    ```
    """

    def call(self, scores, padding_mask):
        is_choice = ops.any(ops.cast(padding_mask, "bool"), axis=-1)
        scores = ops.reshape(scores, ops.shape(is_choice))
        lowest = float(ml_dtypes.finfo(self.compute_dtype).min) / 2
        return ops.where(is_choice, scores, ops.cast(lowest, scores.dtype))

    def compute_output_spec(self, scores, padding_mask):
        return keras.KerasTensor(
            padding_mask.shape[:-1], dtype=self.compute_dtype
        )
