"""The transformer layer of SqueezeBERT."""

import keras

from keras_squeeze.layers.direct_calls import call_directly
from keras_squeeze.layers.dot_product_attention import DotProductAttention
from keras_squeeze.layers.grouped_dense import GroupedDense
from keras_squeeze.layers.projection_norm import ProjectionNorm


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertLayer(keras.layers.Layer):
    """A SqueezeBERT transformer layer.

    This is BERT's layer, with dense layers split into groups of features.

    Args:
        num_heads: int. Number of attention heads.
        intermediate_dim: int. Size inside the feed-forward network.
        query_groups: int. Groups of the query projection.
        key_groups: int. Groups of the key projection.
        value_groups: int. Groups of the value projection.
        post_attention_groups: int. Groups of the attention's output
            projection.
        intermediate_groups: int. Groups of the first feed-forward projection.
        output_groups: int. Groups of the second feed-forward projection.
        activation: The feed-forward network's activation.
        dropout: float. Dropout rate of the outputs.
        attention_dropout: float. Dropout rate of the attention
            probabilities.
        initializer_range: float. Standard deviation of the initial weights.
            Defaults to `0.02`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: float tensor of shape `(batch, length, hidden_dim)`.
        attention_bias: Optional float tensor that broadcasts to `(batch,
            num_heads, length, length)`.
        head_mask: Optional float tensor of the same form.
        return_attention: bool. Whether to also return attention scores and
            probabilities. Defaults to `False`.

    Returns:
        A float tensor of shape `(batch, length, hidden_dim)`. With
        `return_attention`, a tuple of it, the scores and the probabilities.

    Reference:
     - [Iandola et al., 2020](https://arxiv.org/abs/2006.11316)
    """

    def __init__(
        self,
        num_heads,
        intermediate_dim,
        query_groups,
        key_groups,
        value_groups,
        post_attention_groups,
        intermediate_groups,
        output_groups,
        activation,
        dropout,
        attention_dropout,
        initializer_range=0.02,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.query_groups = query_groups
        self.key_groups = key_groups
        self.value_groups = value_groups
        self.post_attention_groups = post_attention_groups
        self.intermediate_groups = intermediate_groups
        self.output_groups = output_groups
        self.activation = keras.activations.get(activation)
        self.dropout_rate = dropout
        self.attention_dropout = attention_dropout
        self.initializer_range = initializer_range

    def build(self, input_shape):
        hidden_dim = input_shape[-1]
        intermediate_shape = (*input_shape[:-1], self.intermediate_dim)

        def dense(units, groups, name, activation=None):
            return GroupedDense(
                units,
                groups=groups,
                activation=activation,
                kernel_initializer=keras.initializers.RandomNormal(
                    stddev=self.initializer_range
                ),
                dtype=self.dtype_policy,
                name=name,
            )

        def projection(groups, name):
            # The layers of the original also ignore the configured epsilon.
            return ProjectionNorm(
                hidden_dim,
                groups=groups,
                epsilon=1e-12,
                dropout=self.dropout_rate,
                kernel_initializer=keras.initializers.RandomNormal(
                    stddev=self.initializer_range
                ),
                dtype=self.dtype_policy,
                name=name,
            )

        self.query = dense(hidden_dim, self.query_groups, "query")
        self.key = dense(hidden_dim, self.key_groups, "key")
        self.value = dense(hidden_dim, self.value_groups, "value")
        self.attention = DotProductAttention(
            self.num_heads,
            dropout=self.attention_dropout,
            dtype=self.dtype_policy,
            name="attention",
        )
        self.post_attention = projection(
            self.post_attention_groups, "post_attention"
        )
        self.intermediate = dense(
            self.intermediate_dim,
            self.intermediate_groups,
            "intermediate",
            activation=self.activation,
        )
        self.output_projection = projection(
            self.output_groups, "output_projection"
        )
        for layer in (
            self.query,
            self.key,
            self.value,
            self.attention,
            self.post_attention,
            self.intermediate,
        ):
            layer.build(input_shape)
        self.output_projection.build(intermediate_shape)
        self.built = True

    def call(
        self,
        inputs,
        attention_bias=None,
        head_mask=None,
        return_attention=False,
    ):
        attended = self.attention(
            call_directly(self.query, inputs),
            call_directly(self.key, inputs),
            call_directly(self.value, inputs),
            attention_bias=attention_bias,
            head_mask=head_mask,
            return_attention=return_attention,
        )
        if return_attention:
            attended, scores, probabilities = attended
        x = call_directly(self.post_attention, attended, residual=inputs)
        intermediate = call_directly(self.intermediate, x)
        x = call_directly(self.output_projection, intermediate, residual=x)
        if return_attention:
            return x, scores, probabilities
        return x

    def compute_output_spec(
        self,
        inputs,
        attention_bias=None,
        head_mask=None,
        return_attention=False,
    ):
        return self.attention.compute_output_spec(
            inputs, inputs, inputs, return_attention=return_attention
        )

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "num_heads": self.num_heads,
                "intermediate_dim": self.intermediate_dim,
                "query_groups": self.query_groups,
                "key_groups": self.key_groups,
                "value_groups": self.value_groups,
                "post_attention_groups": self.post_attention_groups,
                "intermediate_groups": self.intermediate_groups,
                "output_groups": self.output_groups,
                "activation": keras.activations.serialize(self.activation),
                "dropout": self.dropout_rate,
                "attention_dropout": self.attention_dropout,
                "initializer_range": self.initializer_range,
            }
        )
        return config
