"""The embeddings of tokens, positions and segments."""

import keras
from keras import ops

from keras_squeeze.layers.direct_calls import call_directly
from keras_squeeze.layers.projection_norm import normalization
from keras_squeeze.layers.resizing import resize_variable


@keras.saving.register_keras_serializable(package="keras_squeeze")
class BertEmbeddings(keras.layers.Layer):
    """Sum of token, position and segment embeddings, normalized.

    SqueezeBERT uses the plain sum of BERT. MobileBERT has narrower token
    embeddings. It concatenates those of the next, the current and the previous
    token (`trigram_input`) and projects them to the hidden size. As in the
    original, padding counts as a neighbor.

    Args:
        vocabulary_size: int. Size of the vocabulary.
        embedding_dim: int. Size of the token embeddings.
        hidden_dim: int. Size of the output features.
        max_sequence_length: int. Number of positions.
        num_segments: int. Number of segment types.
        trigram_input: bool. Whether to concatenate the embeddings of three
            adjacent tokens. Defaults to `False`.
        normalization_type: string. `"layer_norm"` or `"no_norm"`. Defaults to
            `"layer_norm"`.
        epsilon: float. Epsilon of the layer normalization. Defaults to
            `1e-12`.
        dropout: float. Dropout rate of the output. Defaults to `0.0`.
        initializer_range: float. Standard deviation of the initial weights.
            Defaults to `0.02`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        token_ids: int tensor of shape `(batch, length)`. Required unless
            `input_embeddings` is passed.
        segment_ids: Optional int tensor of shape `(batch, length)`. Defaults to
            `None`, which means zeros.
        position_ids: Optional int tensor of shape `(batch, length)` or `(1,
            length)`. Defaults to `None`, which counts from the left.
        input_embeddings: Optional float tensor of shape `(batch, length,
            embedding_dim)` that replaces the token embeddings.

    Returns:
        A float tensor of shape `(batch, length, hidden_dim)`.

    Example:

    ```python
    layer = BertEmbeddings(
        vocabulary_size=100,
        embedding_dim=8,
        hidden_dim=16,
        max_sequence_length=32,
        num_segments=2,
    )
    layer(np.array([[1, 2, 3]]))
    ```

    References:
     - [Devlin et al., 2018](https://arxiv.org/abs/1810.04805)
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984)
    """

    def __init__(
        self,
        vocabulary_size,
        embedding_dim,
        hidden_dim,
        max_sequence_length,
        num_segments,
        trigram_input=False,
        normalization_type="layer_norm",
        epsilon=1e-12,
        dropout=0.0,
        initializer_range=0.02,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.embedding_dim = embedding_dim
        self.hidden_dim = hidden_dim
        self.max_sequence_length = max_sequence_length
        self.num_segments = num_segments
        self.trigram_input = trigram_input
        self.normalization_type = normalization_type
        self.epsilon = epsilon
        self.dropout_rate = dropout
        self.initializer_range = initializer_range

        def initializer():
            return keras.initializers.RandomNormal(stddev=initializer_range)

        def embedding(size, name):
            return keras.layers.Embedding(
                size,
                hidden_dim,
                embeddings_initializer=initializer(),
                dtype=self.dtype_policy,
                name=name,
            )

        self.token_embedding = keras.layers.ReversibleEmbedding(
            vocabulary_size,
            embedding_dim,
            embeddings_initializer=initializer(),
            dtype=self.dtype_policy,
            name="token_embedding",
        )
        self.projection = None
        if trigram_input or embedding_dim != hidden_dim:
            self.projection = keras.layers.Dense(
                hidden_dim,
                kernel_initializer=initializer(),
                dtype=self.dtype_policy,
                name="embeddings_projection",
            )
        self.position_embedding = embedding(
            max_sequence_length, "position_embedding"
        )
        self.segment_embedding = embedding(num_segments, "segment_embedding")
        self.norm = normalization(
            normalization_type,
            epsilon,
            dtype=self.dtype_policy,
            name="embeddings_layer_norm",
        )
        self.dropout = keras.layers.Dropout(
            dropout, dtype=self.dtype_policy, name="embeddings_dropout"
        )

    def build(self, input_shape):
        ids_shape = tuple(input_shape[:2])
        for embedding in (
            self.token_embedding,
            self.position_embedding,
            self.segment_embedding,
        ):
            embedding.build(ids_shape)
        if self.projection is not None:
            joined = 3 if self.trigram_input else 1
            self.projection.build((*ids_shape, joined * self.embedding_dim))
        self.norm.build((*ids_shape, self.hidden_dim))
        self.built = True

    def resize_vocabulary(self, vocabulary_size, initializer="mean"):
        """Grow the vocabulary, or shrink it, at its end.

        Args:
            vocabulary_size: int. The new size of the vocabulary.
            initializer: `"mean"`, which uses the mean of the existing
                embeddings for new tokens, or an initializer for them. Defaults
                to `"mean"`.
        """
        self.vocabulary_size = vocabulary_size
        self.token_embedding.input_dim = vocabulary_size
        resize_variable(
            self.token_embedding,
            "_embeddings",
            vocabulary_size,
            initializer=initializer,
        )

    def _check_length(self, length):
        # JAX uses symbolic dimensions for unknown lengths.
        if isinstance(length, int) and length > self.max_sequence_length:
            raise ValueError(
                "The sequence must not be longer than the "
                f"{self.max_sequence_length} positions of the model. "
                f"Received: length={length}"
            )

    def call(
        self,
        token_ids=None,
        segment_ids=None,
        position_ids=None,
        input_embeddings=None,
    ):
        if (token_ids is None) == (input_embeddings is None):
            raise ValueError(
                "Exactly one of `token_ids` and `input_embeddings` must be "
                "passed."
            )
        if input_embeddings is None:
            x = self.token_embedding(token_ids)
        else:
            x = input_embeddings
        self._check_length(x.shape[1])
        if self.trigram_input:
            following = ops.pad(x[:, 1:, :], ((0, 0), (0, 1), (0, 0)))
            previous = ops.pad(x[:, :-1, :], ((0, 0), (1, 0), (0, 0)))
            x = ops.concatenate([following, x, previous], axis=-1)
        if self.projection is not None:
            x = call_directly(self.projection, x)
        if position_ids is None:
            position_ids = ops.arange(ops.shape(x)[1], dtype="int32")
        x = ops.add(x, self.position_embedding(position_ids))
        if segment_ids is None:
            segment_ids = ops.zeros(ops.shape(x)[:2], dtype="int32")
        x = ops.add(x, self.segment_embedding(segment_ids))
        return self.dropout(self.norm(x))

    def compute_output_spec(
        self,
        token_ids=None,
        segment_ids=None,
        position_ids=None,
        input_embeddings=None,
    ):
        inputs = input_embeddings if token_ids is None else token_ids
        batch, length = inputs.shape[:2]
        self._check_length(length)
        return keras.KerasTensor(
            (batch, length, self.hidden_dim), dtype=self.compute_dtype
        )

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "vocabulary_size": self.vocabulary_size,
                "embedding_dim": self.embedding_dim,
                "hidden_dim": self.hidden_dim,
                "max_sequence_length": self.max_sequence_length,
                "num_segments": self.num_segments,
                "trigram_input": self.trigram_input,
                "normalization_type": self.normalization_type,
                "epsilon": self.epsilon,
                "dropout": self.dropout_rate,
                "initializer_range": self.initializer_range,
            }
        )
        return config
