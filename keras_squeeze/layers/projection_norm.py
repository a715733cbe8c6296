"""A dense layer, dropout, a residual and a normalization in one."""

import keras
from keras import ops

from keras_squeeze.layers.direct_calls import call_directly
from keras_squeeze.layers.grouped_dense import GroupedDense
from keras_squeeze.layers.no_norm import NoNorm
from keras_squeeze.validation import check_choice

NORMALIZATION_TYPES = ("layer_norm", "no_norm")


def normalization(normalization_type, epsilon, **kwargs):
    """Build a normalization layer by type.

    Args:
        normalization_type: string. `"layer_norm"` or `"no_norm"`.
        epsilon: float. Added to the variance by `"layer_norm"`.
        **kwargs: Keyword arguments of the layer, such as `name` and `dtype`.

    Returns:
        A `keras.layers.LayerNormalization` or a `NoNorm`.
    """
    check_choice("normalization_type", normalization_type, NORMALIZATION_TYPES)
    if normalization_type == "no_norm":
        return NoNorm(**kwargs)
    return keras.layers.LayerNormalization(epsilon=epsilon, **kwargs)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class ProjectionNorm(keras.layers.Layer):
    """Dense projection, dropout, optional residual sum, and normalization.

    Every sublayer of both architectures ends with these operations.

    Args:
        units: int. Size of the output features.
        groups: int or `None`. Number of groups of a `GroupedDense` projection,
            or `None` for a `keras.layers.Dense`. Defaults to `None`.
        normalization_type: string. `"layer_norm"` or `"no_norm"`. Defaults to
            `"layer_norm"`.
        epsilon: float. Epsilon of the layer normalization. Defaults to
            `1e-12`.
        dropout: float. Dropout rate after the projection. Defaults to `0.0`.
        kernel_initializer: Initializer of the projection's kernel. Defaults
            to `"glorot_uniform"`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: float tensor of shape `(batch, length, input_dim)`.
        residual: Optional float tensor of shape `(batch, length, units)`.

    Returns:
        A float tensor of shape `(batch, length, units)`.

    Example:

    ```python
    layer = ProjectionNorm(8)
    layer(np.ones((2, 5, 4)), residual=np.ones((2, 5, 8)))
    ```
    """

    def __init__(
        self,
        units,
        groups=None,
        normalization_type="layer_norm",
        epsilon=1e-12,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.groups = groups
        self.normalization_type = normalization_type
        self.epsilon = epsilon
        self.dropout_rate = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        common = {
            "kernel_initializer": self.kernel_initializer,
            "dtype": self.dtype_policy,
            "name": "dense",
        }
        if groups is None:
            self.dense = keras.layers.Dense(units, **common)
        else:
            self.dense = GroupedDense(units, groups=groups, **common)
        self.dropout = keras.layers.Dropout(
            dropout, dtype=self.dtype_policy, name="dropout"
        )
        self.norm = normalization(
            normalization_type, epsilon, dtype=self.dtype_policy, name="norm"
        )

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.norm.build((*input_shape[:-1], self.units))
        self.built = True

    def call(self, inputs, residual=None):
        x = call_directly(self.dense, inputs)
        if self.dropout_rate:
            x = self.dropout(x)
        if residual is not None:
            x = ops.add(x, residual)
        return call_directly(self.norm, x)

    def compute_output_spec(self, inputs, residual=None):
        return keras.KerasTensor(
            (*inputs.shape[:-1], self.units), dtype=self.compute_dtype
        )

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "units": self.units,
                "groups": self.groups,
                "normalization_type": self.normalization_type,
                "epsilon": self.epsilon,
                "dropout": self.dropout_rate,
                "kernel_initializer": keras.initializers.serialize(
                    self.kernel_initializer
                ),
            }
        )
        return config
