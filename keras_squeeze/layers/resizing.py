"""Resizes a variable of a layer that is already built."""

import keras
import numpy as np
from keras import ops


def resize_variable(layer, attribute, size, axis=0, initializer="mean"):
    """Shrink or grow a variable of a layer at its end.

    Args:
        layer: A built `keras.layers.Layer`.
        attribute: string. The name of the attribute with the variable. The
            variable is replaced by a new one with the same name.
        size: int. The new size of the axis.
        axis: int. The axis to resize. Defaults to `0`.
        initializer: `"mean"`, which uses the mean of the existing values for
            new ones, or a Keras initializer. Defaults to `"mean"`.
    """
    old = getattr(layer, attribute)
    value = ops.convert_to_numpy(old)
    added = size - value.shape[axis]
    if added <= 0:
        value = np.take(value, np.arange(size), axis=axis)
    else:
        shape = list(value.shape)
        shape[axis] = added
        if initializer == "mean":
            mean = value.astype("float32").mean(axis=axis, keepdims=True)
            rows = np.broadcast_to(mean, shape)
        else:
            rows = ops.convert_to_numpy(
                keras.initializers.get(initializer)(shape)
            )
        value = np.concatenate([value, rows.astype(value.dtype)], axis=axis)
    # Keras locks layers once they are built. It unlocks them itself in the same
    # way, for example for LoRA.
    layer._tracker.unlock()
    delattr(layer, attribute)
    new = layer.add_weight(
        name=old.name,
        shape=value.shape,
        initializer="zeros",
        dtype=old.dtype,
        trainable=old.trainable,
    )
    new.assign(value)
    setattr(layer, attribute, new)
    layer._tracker.lock()
