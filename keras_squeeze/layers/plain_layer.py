import keras


class PlainLayer(keras.layers.Layer):
    """Base of the layers that have no arguments of their own.

    Keras makes the config of such a layer from what it was created with, and
    fails if that was a dtype policy and not a string. This one takes it from
    the layer, as those with arguments do.

    Args:
        **kwargs: keyword arguments of `keras.layers.Layer`, including `name`
            and `dtype`.
    """

    def get_config(self):
        return super().get_config()
