"""Base class of the layers without additional arguments."""

import keras


class PlainLayer(keras.layers.Layer):
    """Base class of the layers without additional arguments.

    Keras builds the config of such a layer from the arguments that it was
    created with. This fails if the dtype was a policy instead of a string. This
    class uses the layer's own config instead.

    Args:
        **kwargs: Keyword arguments of `keras.layers.Layer`, including `name`
            and `dtype`.
    """

    def get_config(self):
        return super().get_config()
