"""The transformer layer of MobileBERT."""

import keras

from keras_squeeze.layers.direct_calls import call_directly
from keras_squeeze.layers.dot_product_attention import DotProductAttention
from keras_squeeze.layers.projection_norm import ProjectionNorm

# Two layer normalizations of the original ignore the configured epsilon.
FIXED_EPSILON = 1e-5


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertLayer(keras.layers.Layer):
    """A MobileBERT transformer layer.

    With a bottleneck, a dense layer reduces the input from `hidden_dim` to
    `bottleneck_dim`. It is followed by attention, several small feed-forward
    networks, and a dense layer that restores the size.

    Args:
        hidden_dim: int. Size of the layer's input and output.
        bottleneck_dim: int. Size inside the bottleneck.
        num_heads: int. Number of attention heads.
        intermediate_dim: int. Size inside the feed-forward networks.
        num_feedforward_networks: int. Number of feed-forward networks.
        use_bottleneck: bool. Whether there is a bottleneck.
        use_bottleneck_attention: bool. Whether query, key and value are all
            computed from the bottleneck's output.
        key_query_shared_bottleneck: bool. Whether query and key are computed
            from a separate bottleneck, while the value is computed from the
            layer's input.
        normalization_type: string. `"layer_norm"` or `"no_norm"`.
        activation: The feed-forward networks' activation.
        dropout: float. Dropout rate of the outputs.
        attention_dropout: float. Dropout rate of the attention
            probabilities.
        layer_norm_epsilon: float. Epsilon of the layer normalizations.
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
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984)
    """

    def __init__(
        self,
        hidden_dim,
        bottleneck_dim,
        num_heads,
        intermediate_dim,
        num_feedforward_networks,
        use_bottleneck,
        use_bottleneck_attention,
        key_query_shared_bottleneck,
        normalization_type,
        activation,
        dropout,
        attention_dropout,
        layer_norm_epsilon,
        initializer_range=0.02,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.bottleneck_dim = bottleneck_dim
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.num_feedforward_networks = num_feedforward_networks
        self.use_bottleneck = use_bottleneck
        self.use_bottleneck_attention = use_bottleneck_attention
        self.key_query_shared_bottleneck = key_query_shared_bottleneck
        self.normalization_type = normalization_type
        self.activation = keras.activations.get(activation)
        self.dropout_rate = dropout
        self.attention_dropout = attention_dropout
        self.layer_norm_epsilon = layer_norm_epsilon
        self.initializer_range = initializer_range

        self.inner_dim = bottleneck_dim if use_bottleneck else hidden_dim
        # The original only applies its dropout at the full width.
        self.inner_dropout = 0.0 if use_bottleneck else dropout

        self._make_bottlenecks()
        self.query = self._dense(self.inner_dim, "query")
        self.key = self._dense(self.inner_dim, "key")
        self.value = self._dense(self.inner_dim, "value")
        self.attention = DotProductAttention(
            num_heads,
            dropout=attention_dropout,
            dtype=self.dtype_policy,
            name="attention",
        )
        self.attention_output = self._projection(
            self.inner_dim,
            "attention_output",
            dropout=self.inner_dropout,
            epsilon=layer_norm_epsilon,
        )
        self._make_feedforward_networks()

    def _make_bottlenecks(self):
        self.input_bottleneck = None
        self.attention_bottleneck = None
        self.output_bottleneck = None
        if not self.use_bottleneck:
            return
        epsilon = self.layer_norm_epsilon
        self.input_bottleneck = self._projection(
            self.inner_dim, "input_bottleneck", epsilon=epsilon
        )
        if self.key_query_shared_bottleneck and (
            not self.use_bottleneck_attention
        ):
            self.attention_bottleneck = self._projection(
                self.inner_dim, "attention_bottleneck", epsilon=epsilon
            )
        self.output_bottleneck = self._projection(
            self.hidden_dim,
            "output_bottleneck",
            dropout=self.dropout_rate,
            epsilon=epsilon,
        )

    def _make_feedforward_networks(self):
        self.feedforward_intermediates = []
        self.feedforward_outputs = []
        for i in range(self.num_feedforward_networks):
            last = i == self.num_feedforward_networks - 1
            self.feedforward_intermediates.append(
                self._dense(
                    self.intermediate_dim,
                    f"feedforward_intermediate_{i}",
                    activation=self.activation,
                )
            )
            self.feedforward_outputs.append(
                self._projection(
                    self.inner_dim,
                    f"feedforward_output_{i}",
                    dropout=self.inner_dropout if last else 0.0,
                    epsilon=FIXED_EPSILON if last else self.layer_norm_epsilon,
                )
            )

    def _dense(self, units, name, activation=None):
        return keras.layers.Dense(
            units,
            activation=activation,
            kernel_initializer=self._kernel_initializer(),
            dtype=self.dtype_policy,
            name=name,
        )

    def _projection(self, units, name, epsilon, dropout=0.0):
        return ProjectionNorm(
            units,
            normalization_type=self.normalization_type,
            epsilon=epsilon,
            dropout=dropout,
            kernel_initializer=self._kernel_initializer(),
            dtype=self.dtype_policy,
            name=name,
        )

    def _kernel_initializer(self):
        return keras.initializers.RandomNormal(stddev=self.initializer_range)

    def build(self, input_shape):
        outer = tuple(input_shape)
        inner = (*outer[:-1], self.inner_dim)
        if self.use_bottleneck:
            self.input_bottleneck.build(outer)
            if self.attention_bottleneck is not None:
                self.attention_bottleneck.build(outer)
            self.output_bottleneck.build(inner)
        query, value = self._projected_shapes(outer, inner)
        self.query.build(query)
        self.key.build(query)
        self.value.build(value)
        self.attention.build(inner)
        self.attention_output.build(inner)
        for intermediate, output in zip(
            self.feedforward_intermediates,
            self.feedforward_outputs,
            strict=True,
        ):
            intermediate.build(inner)
            output.build((*outer[:-1], self.intermediate_dim))
        self.built = True

    def _projected_shapes(self, outer, inner):
        """The input shapes of the query and key, and of the value."""
        if not self.use_bottleneck:
            return outer, outer
        if self.use_bottleneck_attention:
            return inner, inner
        if self.key_query_shared_bottleneck:
            return inner, outer
        return outer, outer

    def call(
        self,
        inputs,
        attention_bias=None,
        head_mask=None,
        return_attention=False,
    ):
        query_input = value_input = x = inputs
        if self.use_bottleneck:
            x = call_directly(self.input_bottleneck, inputs)
            if self.use_bottleneck_attention:
                query_input = value_input = x
            elif self.key_query_shared_bottleneck:
                query_input = call_directly(self.attention_bottleneck, inputs)
        attended = self.attention(
            call_directly(self.query, query_input),
            call_directly(self.key, query_input),
            call_directly(self.value, value_input),
            attention_bias=attention_bias,
            head_mask=head_mask,
            return_attention=return_attention,
        )
        if return_attention:
            attended, scores, probabilities = attended
        x = call_directly(self.attention_output, attended, residual=x)
        for intermediate, output in zip(
            self.feedforward_intermediates,
            self.feedforward_outputs,
            strict=True,
        ):
            x = call_directly(
                output, call_directly(intermediate, x), residual=x
            )
        if self.use_bottleneck:
            x = call_directly(self.output_bottleneck, x, residual=inputs)
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
                "hidden_dim": self.hidden_dim,
                "bottleneck_dim": self.bottleneck_dim,
                "num_heads": self.num_heads,
                "intermediate_dim": self.intermediate_dim,
                "num_feedforward_networks": self.num_feedforward_networks,
                "use_bottleneck": self.use_bottleneck,
                "use_bottleneck_attention": self.use_bottleneck_attention,
                "key_query_shared_bottleneck": (
                    self.key_query_shared_bottleneck
                ),
                "normalization_type": self.normalization_type,
                "activation": keras.activations.serialize(self.activation),
                "dropout": self.dropout_rate,
                "attention_dropout": self.attention_dropout,
                "layer_norm_epsilon": self.layer_norm_epsilon,
                "initializer_range": self.initializer_range,
            }
        )
        return config
