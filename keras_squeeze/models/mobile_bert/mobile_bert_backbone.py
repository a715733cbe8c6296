"""The MobileBERT encoder."""

import keras

from keras_squeeze import validation
from keras_squeeze.layers.bert_embeddings import BertEmbeddings
from keras_squeeze.layers.first_token_pooler import FirstTokenPooler
from keras_squeeze.layers.projection_norm import NORMALIZATION_TYPES
from keras_squeeze.models.encoder_backbone import EncoderBackbone
from keras_squeeze.models.mobile_bert.mobile_bert_layer import FIXED_EPSILON
from keras_squeeze.models.mobile_bert.mobile_bert_layer import MobileBertLayer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertBackbone(EncoderBackbone):
    """A MobileBERT encoder network.

    This class implements the bidirectional transformer encoder of
    "MobileBERT: a Compact Task-Agnostic BERT for Resource-Limited Devices". It
    includes the embeddings, the transformer layers and the pooler, but not
    the heads for masked language modeling or next sentence prediction.

    The default constructor returns a randomly initialized network of the
    published size, 24.8 million parameters. To load preset architectures and
    weights, use the `from_preset()` constructor.

    The published checkpoint has `classifier_activation=False`: its pooled
    output is the first hidden state itself, whose values reach 1e7. Clip
    gradients (`global_clipnorm=1.0`) when fine-tuning it.

    Args:
        vocabulary_size: int. The size of the token vocabulary. Defaults to
            `30522`.
        num_layers: int. The number of transformer layers. Defaults to `24`.
        num_heads: int. The number of attention heads. The size inside a layer
            must be divisible by it. Defaults to `4`.
        hidden_dim: int. The size of the hidden states between the layers.
            Defaults to `512`.
        intermediate_dim: int. The size inside the feed-forward networks.
            Defaults to `512`.
        embedding_dim: int. The size of the token embeddings. Defaults to
            `128`.
        bottleneck_dim: int. The size inside a layer, if `use_bottleneck`.
            Defaults to `128`.
        use_bottleneck: bool. Whether the layers reduce their inputs to
            `bottleneck_dim`. Defaults to `True`.
        num_feedforward_networks: int. The number of feed-forward networks per
            layer. Defaults to `4`.
        trigram_input: bool. Whether to embed each token together with its
            neighbours. Defaults to `True`.
        use_bottleneck_attention: bool. Whether query, key and value are
            computed from the bottleneck's output. Defaults to `False`.
        key_query_shared_bottleneck: bool. Whether query and key are computed
            from a separate bottleneck. Defaults to `True`.
        normalization_type: string. `"no_norm"` for a learned scale and shift,
            or `"layer_norm"`. Defaults to `"no_norm"`.
        classifier_activation: bool. Whether the pooler has a dense layer with
            `tanh`. Defaults to `True`.
        activation: string or callable. The activation of the feed-forward
            networks. Defaults to `"relu"`.
        dropout: float. Dropout rate of the hidden states. Defaults to `0.0`.
        attention_dropout: float. Dropout rate of the attention probabilities.
            Defaults to `0.1`.
        max_sequence_length: int. The longest sequence the encoder can take.
            Defaults to `512`.
        num_segments: int. The number of segment types. Defaults to `2`.
        layer_norm_epsilon: float. Epsilon of the layer normalizations.
            Defaults to `1e-12`.
        initializer_range: float. Standard deviation of the initial weights.
            Defaults to `0.02`.
        pad_token_id: int. The id of the padding token. Defaults to `0`.
        dtype: string or `keras.mixed_precision.DTypePolicy`. The dtype to use
            for computations and weights. Defaults to the global policy.
        **kwargs: Other keyword arguments of `keras_hub.models.Backbone`,
            including `name` and `trainable`.

    Returns:
        Called on a dictionary of the int32 arrays `token_ids`, `segment_ids`
        and `padding_mask`, each of shape `(batch, length)`, the model returns
        a dictionary of `sequence_output`, of shape `(batch, length,
        hidden_dim)`, and `pooled_output`, of shape `(batch, hidden_dim)`.

    Raises:
        ValueError: If an argument is invalid, or a combination of arguments
            is not supported.

    Example:

    ```python
    input_data = {
        "token_ids": np.ones(shape=(1, 12), dtype="int32"),
        "segment_ids": np.array([[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0]]),
        "padding_mask": np.array([[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]]),
    }

    # A pretrained encoder, with weights inside the package.
    model = keras_squeeze.models.MobileBertBackbone.from_preset(
        "mobile_bert_tiny_en_uncased",
    )
    model(input_data)

    # A randomly initialized encoder with a custom config.
    model = keras_squeeze.models.MobileBertBackbone(
        vocabulary_size=30552,
        num_layers=4,
        num_heads=4,
        hidden_dim=256,
        intermediate_dim=256,
        embedding_dim=64,
        bottleneck_dim=64,
    )
    model(input_data)
    ```

    Reference:
     - [MobileBERT](https://arxiv.org/abs/2004.02984)
    """

    split_outputs = r"query|key|value|feedforward_intermediate_\d+"
    split_inputs = r"(attention_output|feedforward_output_\d+)/dense"

    def __init__(
        self,
        vocabulary_size=30522,
        num_layers=24,
        num_heads=4,
        hidden_dim=512,
        intermediate_dim=512,
        embedding_dim=128,
        bottleneck_dim=128,
        use_bottleneck=True,
        num_feedforward_networks=4,
        trigram_input=True,
        use_bottleneck_attention=False,
        key_query_shared_bottleneck=True,
        normalization_type="no_norm",
        classifier_activation=True,
        activation="relu",
        dropout=0.0,
        attention_dropout=0.1,
        max_sequence_length=512,
        num_segments=2,
        layer_norm_epsilon=1e-12,
        initializer_range=0.02,
        pad_token_id=0,
        dtype=None,
        **kwargs,
    ):
        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.embedding_dim = embedding_dim
        self.bottleneck_dim = bottleneck_dim
        self.use_bottleneck = use_bottleneck
        self.num_feedforward_networks = num_feedforward_networks
        self.trigram_input = trigram_input
        self.use_bottleneck_attention = use_bottleneck_attention
        self.key_query_shared_bottleneck = key_query_shared_bottleneck
        self.normalization_type = normalization_type
        self.classifier_activation = classifier_activation
        self.activation = keras.activations.get(activation)
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.layer_norm_epsilon = layer_norm_epsilon
        self.initializer_range = initializer_range
        self.pad_token_id = pad_token_id
        self._check_arguments()

        # === Layers and Functional Model ===
        super().__init__(
            self._make_embeddings(dtype),
            [self._make_layer(i, dtype) for i in range(num_layers)],
            FirstTokenPooler(
                use_dense=classifier_activation,
                kernel_initializer=keras.initializers.RandomNormal(
                    stddev=initializer_range
                ),
                dtype=dtype,
                name="pooler",
            ),
            dtype=dtype,
            **kwargs,
        )

    def _check_arguments(self):
        for name in (
            "vocabulary_size",
            "num_layers",
            "num_heads",
            "hidden_dim",
            "intermediate_dim",
            "embedding_dim",
            "bottleneck_dim",
            "num_feedforward_networks",
            "max_sequence_length",
            "num_segments",
        ):
            validation.check_positive_int(name, getattr(self, name))
        validation.check_rate("dropout", self.dropout)
        validation.check_rate("attention_dropout", self.attention_dropout)
        validation.check_choice(
            "normalization_type", self.normalization_type, NORMALIZATION_TYPES
        )
        inner = "bottleneck_dim" if self.use_bottleneck else "hidden_dim"
        validation.check_divisible(
            inner, getattr(self, inner), "num_heads", self.num_heads
        )
        if (
            self.use_bottleneck
            and not self.use_bottleneck_attention
            and not self.key_query_shared_bottleneck
            and self.bottleneck_dim != self.hidden_dim
        ):
            raise ValueError(
                "With `use_bottleneck=True`, one of "
                "`use_bottleneck_attention` and "
                "`key_query_shared_bottleneck` must be True, or "
                "`bottleneck_dim` must be equal to `hidden_dim`: the "
                "published architecture projects queries from "
                "`bottleneck_dim` features. Received: "
                f"bottleneck_dim={self.bottleneck_dim}, "
                f"hidden_dim={self.hidden_dim}"
            )

    def _make_embeddings(self, dtype):
        return BertEmbeddings(
            vocabulary_size=self.vocabulary_size,
            embedding_dim=self.embedding_dim,
            hidden_dim=self.hidden_dim,
            max_sequence_length=self.max_sequence_length,
            num_segments=self.num_segments,
            trigram_input=self.trigram_input,
            normalization_type=self.normalization_type,
            epsilon=FIXED_EPSILON,
            dropout=self.dropout,
            initializer_range=self.initializer_range,
            dtype=dtype,
            name="embeddings",
        )

    def _make_layer(self, index, dtype):
        return MobileBertLayer(
            hidden_dim=self.hidden_dim,
            bottleneck_dim=self.bottleneck_dim,
            num_heads=self.num_heads,
            intermediate_dim=self.intermediate_dim,
            num_feedforward_networks=self.num_feedforward_networks,
            use_bottleneck=self.use_bottleneck,
            use_bottleneck_attention=self.use_bottleneck_attention,
            key_query_shared_bottleneck=self.key_query_shared_bottleneck,
            normalization_type=self.normalization_type,
            activation=self.activation,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            layer_norm_epsilon=self.layer_norm_epsilon,
            initializer_range=self.initializer_range,
            dtype=dtype,
            name=f"transformer_layer_{index}",
        )

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "vocabulary_size": self.vocabulary_size,
                "num_layers": self.num_layers,
                "num_heads": self.num_heads,
                "hidden_dim": self.hidden_dim,
                "intermediate_dim": self.intermediate_dim,
                "embedding_dim": self.embedding_dim,
                "bottleneck_dim": self.bottleneck_dim,
                "use_bottleneck": self.use_bottleneck,
                "num_feedforward_networks": self.num_feedforward_networks,
                "trigram_input": self.trigram_input,
                "use_bottleneck_attention": self.use_bottleneck_attention,
                "key_query_shared_bottleneck": (
                    self.key_query_shared_bottleneck
                ),
                "normalization_type": self.normalization_type,
                "classifier_activation": self.classifier_activation,
                "activation": keras.activations.serialize(self.activation),
                "dropout": self.dropout,
                "attention_dropout": self.attention_dropout,
                "max_sequence_length": self.max_sequence_length,
                "num_segments": self.num_segments,
                "layer_norm_epsilon": self.layer_norm_epsilon,
                "initializer_range": self.initializer_range,
                "pad_token_id": self.pad_token_id,
            }
        )
        return config
