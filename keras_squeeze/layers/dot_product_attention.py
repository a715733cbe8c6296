"""Attention of several heads, without its projections."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_squeeze")
class DotProductAttention(keras.layers.Layer):
    """Multi-head scaled dot-product attention, without weights.

    The projections are separate, because they are the only difference between
    the attention of MobileBERT and SqueezeBERT: the first uses dense layers
    with two inputs, the second grouped dense layers.

    Args:
        num_heads: int. Number of heads. It must divide the feature size.
        dropout: float. Dropout rate of the attention probabilities. Defaults to
            `0.0`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        query: float tensor of shape `(batch, length, dim)`.
        key: float tensor of shape `(batch, length, dim)`.
        value: float tensor of shape `(batch, length, dim)`.
        attention_bias: Optional float tensor that broadcasts to `(batch,
            num_heads, length, length)`. It is added to the scores.
        head_mask: Optional float tensor that broadcasts to `(batch, num_heads,
            length, length)`. `0` disables a head.
        return_attention: bool. Whether to also return the scores and the
            probabilities. Defaults to `False`.

    Returns:
        A float tensor of shape `(batch, length, dim)`. With `return_attention`,
        a tuple of this tensor, the scores (including the bias) and the
        probabilities (after dropout and head mask), both of shape `(batch,
        num_heads, length, length)`.

    Example:

    ```python
    x = np.ones((2, 5, 8))
    DotProductAttention(num_heads=4)(x, x, x)
    ```
    """

    def __init__(self, num_heads, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout_rate = dropout
        self.dropout = keras.layers.Dropout(
            dropout, dtype=self.dtype_policy, name="dropout"
        )

    def build(self, query_shape):
        self.head_dim = query_shape[-1] // self.num_heads
        self.scale = 1 / math.sqrt(self.head_dim)
        self.built = True

    def _split_heads(self, x):
        length = ops.shape(x)[1]
        x = ops.reshape(x, (-1, length, self.num_heads, self.head_dim))
        return ops.transpose(x, (0, 2, 1, 3))  # (batch, heads, length, dim)

    def call(
        self,
        query,
        key,
        value,
        attention_bias=None,
        head_mask=None,
        return_attention=False,
    ):
        query = ops.multiply(query, self.scale)
        query, key, value = (self._split_heads(x) for x in (query, key, value))
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
        if attention_bias is not None:
            scores = ops.add(scores, attention_bias)
        probabilities = self.dropout(ops.softmax(scores, axis=-1))
        if head_mask is not None:
            probabilities = ops.multiply(probabilities, head_mask)
        x = ops.matmul(probabilities, value)
        x = ops.transpose(x, (0, 2, 1, 3))
        x = ops.reshape(
            x, (-1, ops.shape(x)[1], self.num_heads * self.head_dim)
        )
        if return_attention:
            return x, scores, probabilities
        return x

    def compute_output_spec(
        self,
        query,
        key,
        value,
        attention_bias=None,
        head_mask=None,
        return_attention=False,
    ):
        output = keras.KerasTensor(query.shape, dtype=self.compute_dtype)
        if not return_attention:
            return output
        batch, length, _ = query.shape
        scores, probabilities = (
            keras.KerasTensor(
                (batch, self.num_heads, length, key.shape[1]),
                dtype=self.compute_dtype,
            )
            for _ in range(2)
        )
        return output, scores, probabilities

    def get_config(self):
        config = super().get_config()
        config.update(
            {"num_heads": self.num_heads, "dropout": self.dropout_rate}
        )
        return config
