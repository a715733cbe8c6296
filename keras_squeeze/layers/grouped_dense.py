"""A dense layer whose features are cut into groups."""

import keras
from keras import ops

from keras_squeeze.layers.direct_calls import on_rows


@keras.saving.register_keras_serializable(package="keras_squeeze")
class GroupedDense(keras.layers.Conv1D):
    """A dense layer whose input and output features are split into groups.

    Group `g` of the outputs only depends on group `g` of the inputs, so the
    layer has `groups` times fewer weights and operations than a dense layer. It
    is equivalent to a `Conv1D` of width one, with the same `kernel` of shape
    `(1, input_dim // groups, units)`. It is computed as a batched matrix
    multiplication, which trains faster than a grouped convolution on every
    backend.

    Args:
        units: int. Size of the output features.
        groups: int. Number of groups. It must divide `units` and the size of
            the input features. Defaults to `1`.
        activation: The activation function. Defaults to `None`.
        kernel_initializer: Initializer of the kernel. Defaults to
            `"glorot_uniform"`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: float tensor of shape `(batch, length, input_dim)`.

    Returns:
        A float tensor of shape `(batch, length, units)`.

    Example:

    ```python
    layer = GroupedDense(12, groups=4)
    layer(np.ones((2, 5, 8)))
    ```

    Reference:
     - [Iandola et al., 2020](https://arxiv.org/abs/2006.11316)
    """

    def __init__(
        self,
        units,
        groups=1,
        activation=None,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(
            filters=units,
            kernel_size=1,
            groups=groups,
            activation=activation,
            kernel_initializer=kernel_initializer,
            data_format="channels_last",
            **kwargs,
        )
        self.units = units

    def call(self, inputs):
        # The `call` of `Conv1D` bypasses `convolution_op`.
        return super(keras.layers.Conv1D, self).call(inputs)

    def convolution_op(self, inputs, kernel):
        group_dim, units = kernel.shape[1:]
        kernel = ops.reshape(kernel, (group_dim, units))
        if self.groups == 1:
            return on_rows(lambda rows: ops.matmul(rows, kernel), inputs)
        length = ops.shape(inputs)[1]
        kernel = ops.reshape(
            kernel, (group_dim, self.groups, units // self.groups)
        )
        kernel = ops.transpose(kernel, (1, 0, 2))
        # (batch, length, dim) -> (groups, batch * length, dim / groups)
        inputs = ops.reshape(inputs, (-1, self.groups, group_dim))
        inputs = ops.transpose(inputs, (1, 0, 2))
        outputs = ops.matmul(inputs, kernel)
        outputs = ops.transpose(outputs, (1, 0, 2))
        return ops.reshape(outputs, (-1, length, units))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        config = super().get_config()
        # These are fixed by this class, or called `units`.
        for name in (
            "filters",
            "kernel_size",
            "strides",
            "padding",
            "data_format",
            "dilation_rate",
        ):
            del config[name]
        config["units"] = self.units
        return config
