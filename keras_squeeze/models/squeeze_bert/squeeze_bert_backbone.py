"""The SqueezeBERT encoder."""

import keras

from keras_squeeze import validation
from keras_squeeze.layers.bert_embeddings import BertEmbeddings
from keras_squeeze.layers.first_token_pooler import FirstTokenPooler
from keras_squeeze.models.encoder_backbone import EncoderBackbone
from keras_squeeze.models.squeeze_bert.squeeze_bert_layer import (
    SqueezeBertLayer,
)

# The arguments for the numbers of groups of the projections.
GROUPS = (
    "query_groups",
    "key_groups",
    "value_groups",
    "post_attention_groups",
    "intermediate_groups",
    "output_groups",
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertBackbone(EncoderBackbone):
    """A SqueezeBERT encoder network.

    This class implements the bidirectional transformer encoder of
    "SqueezeBERT: What can computer vision teach NLP about efficient neural
    networks?". It includes the embeddings, the transformer layers and the
    pooler, but not the head for masked language modeling.

    The default constructor returns a randomly initialized network of the
    published size, 51.1 million parameters. To load preset architectures and
    weights, use the `from_preset()` constructor.

    Args:
        vocabulary_size: int. The size of the token vocabulary. Defaults to
            `30522`.
        num_layers: int. The number of transformer layers. Defaults to `12`.
        num_heads: int. The number of attention heads, which must divide
            `hidden_dim`. Defaults to `12`.
        hidden_dim: int. The size of the hidden states. Defaults to `768`.
        intermediate_dim: int. The size inside the feed-forward network.
            Defaults to `3072`.
        embedding_dim: int. The size of the token embeddings, which must be
            equal to `hidden_dim`. Defaults to `768`.
        query_groups: int. Groups of the query projection. As for all
            projections, the number of groups must divide the sizes of the
            inputs and outputs. Defaults to `4`.
        key_groups: int. Groups of the key projection. Defaults to `4`.
        value_groups: int. Groups of the value projection. Defaults to `4`.
        post_attention_groups: int. Groups of the attention's output
            projection. Defaults to `1`.
        intermediate_groups: int. Groups of the first feed-forward projection.
            Defaults to `4`.
        output_groups: int. Groups of the second feed-forward projection.
            Defaults to `4`.
        activation: string or callable. The activation of the feed-forward
            networks. Defaults to `"gelu"`.
        dropout: float. Dropout rate of the hidden states. Defaults to `0.1`.
        attention_dropout: float. Dropout rate of the attention probabilities.
            Defaults to `0.1`.
        max_sequence_length: int. The longest sequence the encoder can take.
            Defaults to `512`.
        num_segments: int. The number of segment types. Defaults to `2`.
        layer_norm_epsilon: float. Epsilon of the layer normalization of the
            embeddings. The layers use 1e-12, as in the original. Defaults to
            `1e-12`.
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
        ValueError: If an argument is invalid, or a size is not divisible.

    Example:

    ```python
    input_data = {
        "token_ids": np.ones(shape=(1, 12), dtype="int32"),
        "segment_ids": np.array([[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0]]),
        "padding_mask": np.array([[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0]]),
    }

    # A pretrained encoder, with weights inside the package.
    model = keras_squeeze.models.SqueezeBertBackbone.from_preset(
        "squeeze_bert_tiny_en_uncased",
    )
    model(input_data)

    # A randomly initialized encoder with a custom config.
    model = keras_squeeze.models.SqueezeBertBackbone(
        vocabulary_size=30552,
        num_layers=4,
        num_heads=4,
        hidden_dim=256,
        intermediate_dim=512,
        embedding_dim=256,
    )
    model(input_data)
    ```

    Reference:
     - [SqueezeBERT](https://arxiv.org/abs/2006.11316)
    """

    # The outputs of a device are those of whole groups.
    split_outputs = "query|key|value|intermediate|output_projection/dense"
    split_inputs = "post_attention/dense"
    kernel_rank = 3

    def __init__(
        self,
        vocabulary_size=30522,
        num_layers=12,
        num_heads=12,
        hidden_dim=768,
        intermediate_dim=3072,
        embedding_dim=768,
        query_groups=4,
        key_groups=4,
        value_groups=4,
        post_attention_groups=1,
        intermediate_groups=4,
        output_groups=4,
        activation="gelu",
        dropout=0.1,
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
        self.query_groups = query_groups
        self.key_groups = key_groups
        self.value_groups = value_groups
        self.post_attention_groups = post_attention_groups
        self.intermediate_groups = intermediate_groups
        self.output_groups = output_groups
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
            "max_sequence_length",
            "num_segments",
            *GROUPS,
        ):
            validation.check_positive_int(name, getattr(self, name))
        validation.check_rate("dropout", self.dropout)
        validation.check_rate("attention_dropout", self.attention_dropout)
        hidden_dim = self.hidden_dim
        if self.embedding_dim != hidden_dim:
            raise ValueError(
                "`embedding_dim` must be equal to `hidden_dim`. Received: "
                f"embedding_dim={self.embedding_dim}, hidden_dim={hidden_dim}"
            )
        for name in ("num_heads", *GROUPS):
            validation.check_divisible(
                "hidden_dim", hidden_dim, name, getattr(self, name)
            )
        for name in ("intermediate_groups", "output_groups"):
            validation.check_divisible(
                "intermediate_dim",
                self.intermediate_dim,
                name,
                getattr(self, name),
            )

    def _make_embeddings(self, dtype):
        return BertEmbeddings(
            vocabulary_size=self.vocabulary_size,
            embedding_dim=self.embedding_dim,
            hidden_dim=self.hidden_dim,
            max_sequence_length=self.max_sequence_length,
            num_segments=self.num_segments,
            epsilon=self.layer_norm_epsilon,
            dropout=self.dropout,
            initializer_range=self.initializer_range,
            dtype=dtype,
            name="embeddings",
        )

    def _make_layer(self, index, dtype):
        return SqueezeBertLayer(
            num_heads=self.num_heads,
            intermediate_dim=self.intermediate_dim,
            activation=self.activation,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            initializer_range=self.initializer_range,
            dtype=dtype,
            name=f"transformer_layer_{index}",
            **{name: getattr(self, name) for name in GROUPS},
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
                "query_groups": self.query_groups,
                "key_groups": self.key_groups,
                "value_groups": self.value_groups,
                "post_attention_groups": self.post_attention_groups,
                "intermediate_groups": self.intermediate_groups,
                "output_groups": self.output_groups,
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
