"""Calls of layers inside other layers, without the overhead of Keras."""

import keras
from keras import ops


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
    if isinstance(layer, keras.layers.Dense):
        return on_rows(layer.call, inputs, **kwargs)
    return layer.call(inputs, **kwargs)


def on_rows(function, inputs, **kwargs):
    """Multiply the rows of a tensor with a kernel, as one matrix on JAX.

    For a tensor of three dimensions, XLA computes the gradient of the kernel
    from a transposed copy, which takes longer than the product itself.

    Args:
        function: A function that multiplies the last axis of a tensor.
        inputs: Tensor of shape `(batch, ..., dim)`.
        **kwargs: Other arguments of `function`.

    Returns:
        The outputs of the function.
    """
    if keras.backend.backend() != "jax" or len(inputs.shape) < 3:
        return function(inputs, **kwargs)
    rows = ops.reshape(inputs, (-1, inputs.shape[-1]))
    outputs = function(rows, **kwargs)
    return ops.reshape(outputs, (-1, *inputs.shape[1:-1], outputs.shape[-1]))
