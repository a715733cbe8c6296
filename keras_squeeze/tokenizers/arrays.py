"""What NumPy and TensorFlow graphs have in common, under one name each."""

import numpy as np


def library_of(array):
    """NumPy or TensorFlow, which name the functions used here alike.

    Args:
        array: array, or tensor of a TensorFlow graph.

    Returns:
        A module.
    """
    if isinstance(array, np.ndarray):
        return np
    import tensorflow as tf

    return tf


def to_int32(array):
    """Cast an array, or a tensor of a TensorFlow graph."""
    if isinstance(array, np.ndarray):
        return array.astype("int32", copy=False)
    return library_of(array).cast(array, "int32")


def to_float32(array):
    """Cast an array, or a tensor of a TensorFlow graph."""
    if isinstance(array, np.ndarray):
        return array.astype("float32", copy=False)
    return library_of(array).cast(array, "float32")


def take(values, indices):
    """Look values up where they may not be.

    Args:
        values: array of rank 1, or tensor of a TensorFlow graph if the
            indices are one.
        indices: int32 array or tensor of any shape.

    Returns:
        The `values` at `indices`, anything where there are none.
    """
    if isinstance(indices, np.ndarray):
        values = np.append(values, values.dtype.type(0))
        return values.take(indices, mode="clip")
    tf = library_of(indices)
    values = tf.pad(values, [[0, 1]])
    return tf.gather(values, tf.clip_by_value(indices, 0, tf.size(values) - 1))
