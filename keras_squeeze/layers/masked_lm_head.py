"""The head that predicts the tokens of masked words."""

import keras
from keras import ops

from keras_squeeze.layers.direct_calls import call_directly
from keras_squeeze.layers.direct_calls import on_rows
from keras_squeeze.layers.resizing import resize_variable


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MaskedLMHead(keras.layers.Layer):
    """Predicts vocabulary tokens from hidden states.

    The output weights are the token embeddings. If those are narrower than the
    hidden states, as in MobileBERT, they are used for the first features, and
    the head has its own weights for the rest.

    Args:
        token_embedding: The backbone's `keras.layers.ReversibleEmbedding`.
        hidden_dim: int. Size of the input features. In the models, this is the
            size of the hidden states.
        activation: The activation of the transform layer. Defaults to `"relu"`.
        epsilon: float. Epsilon of the layer normalization. Defaults to
            `1e-12`.
        kernel_initializer: Initializer of the kernels. Defaults to
            `"glorot_uniform"`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: float tensor of shape `(batch, length, features)`.
        mask_positions: Optional int tensor of shape `(batch, predictions)`, the
            positions to predict. Defaults to `None`, which predicts all
            positions.

    Returns:
        Logits of shape `(batch, predictions, vocabulary_size)`.

    Example:

    ```python
    embedding = keras.layers.ReversibleEmbedding(100, 8)
    head = MaskedLMHead(embedding, hidden_dim=16)
    head(np.ones((1, 5, 16)), mask_positions=np.array([[0, 3]]))
    ```

    References:
     - [Devlin et al., 2018](https://arxiv.org/abs/1810.04805)
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984)
    """

    def __init__(
        self,
        token_embedding,
        hidden_dim,
        activation="relu",
        epsilon=1e-12,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.token_embedding = token_embedding
        self.hidden_dim = hidden_dim
        self.activation = keras.activations.get(activation)
        self.epsilon = epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.dense = keras.layers.Dense(
            hidden_dim,
            activation=self.activation,
            kernel_initializer=self.kernel_initializer,
            dtype=self.dtype_policy,
            name="dense",
        )
        self.norm = keras.layers.LayerNormalization(
            epsilon=epsilon, dtype=self.dtype_policy, name="norm"
        )
        self.rest_kernel = None

    def build(self, input_shape):
        if not self.token_embedding.built:
            self.token_embedding.build(input_shape[:2])
        vocabulary_size = self.token_embedding.input_dim
        rest_dim = self.hidden_dim - self.token_embedding.output_dim
        self.dense.build(input_shape)
        self.norm.build((*input_shape[:-1], self.hidden_dim))
        if rest_dim > 0:
            self.rest_kernel = self.add_weight(
                name="rest_kernel",
                shape=(rest_dim, vocabulary_size),
                initializer=self.kernel_initializer,
            )
        self.bias = self.add_weight(
            name="bias", shape=(vocabulary_size,), initializer="zeros"
        )
        self.built = True

    def resize_vocabulary(self, initializer="mean"):
        """Resize the head to the vocabulary of the resized token embeddings.

        Args:
            initializer: `"mean"`, which uses the mean of the existing weights
                for new tokens, or an initializer for them. New biases are
                always zero. Defaults to `"mean"`.
        """
        size = self.token_embedding.input_dim
        resize_variable(self, "bias", size, initializer="zeros")
        if self.rest_kernel is not None:
            resize_variable(
                self, "rest_kernel", size, axis=1, initializer=initializer
            )

    def call(self, inputs, mask_positions=None):
        x = inputs
        if mask_positions is not None:
            positions = ops.expand_dims(mask_positions, axis=-1)
            x = ops.take_along_axis(x, positions, axis=1)
        x = self.norm(call_directly(self.dense, x))
        return on_rows(self._scores, x)

    def _scores(self, x):
        embedding_dim = self.token_embedding.output_dim
        logits = self.token_embedding(x[..., :embedding_dim], reverse=True)
        # Embeddings use the dtype of their weights.
        logits = ops.cast(logits, self.compute_dtype)
        if self.rest_kernel is not None:
            rest = ops.matmul(x[..., embedding_dim:], self.rest_kernel)
            logits = ops.add(logits, rest)
        return ops.add(logits, self.bias)

    def compute_output_spec(self, inputs, mask_positions=None):
        positions = inputs if mask_positions is None else mask_positions
        return keras.KerasTensor(
            (*positions.shape[:2], self.token_embedding.input_dim),
            dtype=self.compute_dtype,
        )

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "token_embedding": keras.layers.serialize(self.token_embedding),
                "hidden_dim": self.hidden_dim,
                "activation": keras.activations.serialize(self.activation),
                "epsilon": self.epsilon,
                "kernel_initializer": keras.initializers.serialize(
                    self.kernel_initializer
                ),
            }
        )
        return config

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        if isinstance(config["token_embedding"], dict):
            config["token_embedding"] = keras.layers.deserialize(
                config["token_embedding"]
            )
        return super().from_config(config)
