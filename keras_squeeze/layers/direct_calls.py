"""Calls of layers inside other layers, without the overhead of Keras."""

import keras


def call_directly(layer, inputs, **kwargs):
    """Call a layer of the same dtype inside the `call()` of another layer.

    The outer layer has already cast and checked its inputs, and set up the
    scopes. Repeating this takes longer than the computation for the small
    layers of these models: a published MobileBERT has a thousand of them.

    Args:
        layer: The layer, already built. Its `call()` must not take `training`
            or a mask.
        inputs: The tensor to pass.
        **kwargs: Other arguments of its `call()`.

    Returns:
        The outputs of the layer.
    """
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    if dtype != layer.compute_dtype or layer.quantization_mode is not None:
        return layer(inputs, **kwargs)
    return layer.call(inputs, **kwargs)
