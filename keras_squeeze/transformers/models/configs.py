"""The configurations of the models, with the API of transformers."""

from keras_squeeze.transformers.models.pretrained_config import PretrainedConfig


class MobileBertConfig(PretrainedConfig):
    """The configuration of a MobileBERT model.

    The defaults are the published size. They match `google/mobilebert-uncased`,
    except that it has `classifier_activation=False`.

    Args:
        vocab_size: int. The size of the vocabulary. Defaults to `30522`.
        hidden_size: int. The size of the hidden states between the layers.
            Defaults to `512`.
        num_hidden_layers: int. The number of layers. Defaults to `24`.
        num_attention_heads: int. The number of attention heads. Defaults to
            `4`.
        intermediate_size: int. The size inside the feed-forward networks.
            Defaults to `512`.
        hidden_act: string or callable. The activation. Defaults to `"relu"`.
        hidden_dropout_prob: float. Dropout rate of the hidden states.
            Defaults to `0.0`.
        attention_probs_dropout_prob: float. Dropout rate of the attention
            probabilities. Defaults to `0.1`.
        max_position_embeddings: int. The maximum sequence length. Defaults to
            `512`.
        type_vocab_size: int. The number of token types. Defaults to `2`.
        initializer_range: float. Standard deviation of newly initialized
            weights. Defaults to `0.02`.
        layer_norm_eps: float. Epsilon of the layer normalizations. Defaults
            to `1e-12`.
        pad_token_id: int. The id of the padding token. Defaults to `0`.
        embedding_size: int. The size of the token embeddings. Defaults to
            `128`.
        trigram_input: bool. Whether to embed each token together with its
            neighbors. Defaults to `True`.
        use_bottleneck: bool. Whether the layers work at the size
            `intra_bottleneck_size`. Defaults to `True`.
        intra_bottleneck_size: int. The size inside a layer. Defaults to `128`.
        use_bottleneck_attention: bool. Whether all attention inputs come from
            the bottleneck's output. Defaults to `False`.
        key_query_shared_bottleneck: bool. Whether query and key share a
            separate bottleneck. Defaults to `True`.
        num_feedforward_networks: int. The number of feed-forward networks per
            layer. Defaults to `4`.
        normalization_type: string. `"no_norm"` or `"layer_norm"`. Defaults to
            `"no_norm"`.
        classifier_activation: bool. Whether the pooler has a dense layer.
            Defaults to `True`.
        classifier_dropout: Optional float. Dropout rate before a classifier.
            Defaults to `None`, which uses `hidden_dropout_prob`.
        **kwargs: The fields of every configuration. See `PretrainedConfig`.

    Example:

    ```python
    config = keras_squeeze.MobileBertConfig(num_hidden_layers=2, num_labels=3)
    model = keras_squeeze.MobileBertForSequenceClassification(config)
    model.config.id2label
    ```
    """

    model_type = "mobilebert"

    def __init__(
        self,
        vocab_size=30522,
        hidden_size=512,
        num_hidden_layers=24,
        num_attention_heads=4,
        intermediate_size=512,
        hidden_act="relu",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.1,
        max_position_embeddings=512,
        type_vocab_size=2,
        initializer_range=0.02,
        layer_norm_eps=1e-12,
        pad_token_id=0,
        embedding_size=128,
        trigram_input=True,
        use_bottleneck=True,
        intra_bottleneck_size=128,
        use_bottleneck_attention=False,
        key_query_shared_bottleneck=True,
        num_feedforward_networks=4,
        normalization_type="no_norm",
        classifier_activation=True,
        classifier_dropout=None,
        **kwargs,
    ):
        super().__init__(pad_token_id=pad_token_id, **kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.embedding_size = embedding_size
        self.trigram_input = trigram_input
        self.use_bottleneck = use_bottleneck
        self.intra_bottleneck_size = intra_bottleneck_size
        self.use_bottleneck_attention = use_bottleneck_attention
        self.key_query_shared_bottleneck = key_query_shared_bottleneck
        self.num_feedforward_networks = num_feedforward_networks
        self.normalization_type = normalization_type
        self.classifier_activation = classifier_activation
        self.classifier_dropout = classifier_dropout
        # Derived from the other fields, whatever the file says.
        self.true_hidden_size = (
            intra_bottleneck_size if use_bottleneck else hidden_size
        )


class SqueezeBertConfig(PretrainedConfig):
    """The configuration of a SqueezeBERT model.

    The defaults are the published size.

    Args:
        vocab_size: int. The size of the vocabulary. Defaults to `30522`.
        hidden_size: int. The size of the hidden states. Defaults to `768`.
        num_hidden_layers: int. The number of layers. Defaults to `12`.
        num_attention_heads: int. The number of attention heads. Defaults to
            `12`.
        intermediate_size: int. The size inside the feed-forward network.
            Defaults to `3072`.
        hidden_act: string. The activation. Defaults to `"gelu"`.
        hidden_dropout_prob: float. Dropout rate of the hidden states.
            Defaults to `0.1`.
        attention_probs_dropout_prob: float. Dropout rate of the attention
            probabilities. Defaults to `0.1`.
        max_position_embeddings: int. The maximum sequence length. Defaults to
            `512`.
        type_vocab_size: int. The number of token types. Defaults to `2`.
        initializer_range: float. Standard deviation of newly initialized
            weights. Defaults to `0.02`.
        layer_norm_eps: float. Epsilon of the layer normalization of the
            embeddings. The layers always use 1e-12. Defaults to `1e-12`.
        pad_token_id: int. The id of the padding token. Defaults to `0`.
        embedding_size: int. The size of the token embeddings. It must equal
            `hidden_size`. Defaults to `768`.
        q_groups: int. Number of groups of the query projection. Defaults to
            `4`.
        k_groups: int. Number of groups of the key projection. Defaults to `4`.
        v_groups: int. Number of groups of the value projection. Defaults to
            `4`.
        post_attention_groups: int. Number of groups of the attention output
            projection. Defaults to `1`.
        intermediate_groups: int. Number of groups of the first feed-forward
            projection. Defaults to `4`.
        output_groups: int. Number of groups of the second feed-forward
            projection. Defaults to `4`.
        **kwargs: The fields of every configuration. See `PretrainedConfig`.

    Example:

    ```python
    config = keras_squeeze.SqueezeBertConfig(num_hidden_layers=2)
    model = keras_squeeze.SqueezeBertModel(config)
    model.config.hidden_size
    ```
    """

    model_type = "squeezebert"

    def __init__(
        self,
        vocab_size=30522,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        hidden_act="gelu",
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        max_position_embeddings=512,
        type_vocab_size=2,
        initializer_range=0.02,
        layer_norm_eps=1e-12,
        pad_token_id=0,
        embedding_size=768,
        q_groups=4,
        k_groups=4,
        v_groups=4,
        post_attention_groups=1,
        intermediate_groups=4,
        output_groups=4,
        **kwargs,
    ):
        super().__init__(pad_token_id=pad_token_id, **kwargs)
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_act = hidden_act
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.embedding_size = embedding_size
        self.q_groups = q_groups
        self.k_groups = k_groups
        self.v_groups = v_groups
        self.post_attention_groups = post_attention_groups
        self.intermediate_groups = intermediate_groups
        self.output_groups = output_groups
