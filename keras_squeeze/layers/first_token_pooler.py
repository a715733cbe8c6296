"""One vector per sequence, from its first token."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_squeeze")
class FirstTokenPooler(keras.layers.Layer):
    """Returns the first token's features, optionally after a dense layer.

    Args:
        use_dense: bool. Whether to apply a dense layer and `tanh`. MobileBERT's
            published checkpoint does not. Defaults to `True`.
        kernel_initializer: Initializer of the dense kernel. Defaults to
            `"glorot_uniform"`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: float tensor of shape `(batch, length, dim)`.

    Returns:
        A float tensor of shape `(batch, dim)`.

    Example:

    ```python
    FirstTokenPooler()(np.ones((2, 5, 8)))
    ```
    """

    def __init__(
        self, use_dense=True, kernel_initializer="glorot_uniform", **kwargs
    ):
        super().__init__(**kwargs)
        self.use_dense = use_dense
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.dense = None

    def build(self, input_shape):
        dim = input_shape[-1]
        if self.use_dense:
            self.dense = keras.layers.Dense(
                dim,
                activation="tanh",
                kernel_initializer=self.kernel_initializer,
                dtype=self.dtype_policy,
                name="pooled_dense",
            )
            self.dense.build((input_shape[0], dim))
        self.built = True

    def call(self, inputs):
        # Use a slice and a reshape, because phone GPUs do not support a slice
        # that drops an axis.
        x = ops.reshape(inputs[:, :1, :], (-1, inputs.shape[-1]))
        return x if self.dense is None else self.dense(x)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "use_dense": self.use_dense,
                "kernel_initializer": keras.initializers.serialize(
                    self.kernel_initializer
                ),
            }
        )
        return config
