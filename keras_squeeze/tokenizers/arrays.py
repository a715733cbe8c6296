"""Array functions that work with NumPy and in TensorFlow graphs."""

import numpy as np


def library_of(array):
    """Return NumPy or TensorFlow, depending on the type of an array.

    Args:
        array: array, or tensor of a TensorFlow graph.

    Returns:
        A module. The functions used here have the same names in both.
    """
    if isinstance(array, np.ndarray):
        return np
    import tensorflow as tf

    return tf


def to_int32(array):
    """Cast an array or a tensor of a TensorFlow graph to int32."""
    if isinstance(array, np.ndarray):
        return array.astype("int32", copy=False)
    return library_of(array).cast(array, "int32")


def to_float32(array):
    """Cast an array or a tensor of a TensorFlow graph to float32."""
    if isinstance(array, np.ndarray):
        return array.astype("float32", copy=False)
    return library_of(array).cast(array, "float32")


def take(values, indices):
    """Gather values by indices that may be out of range.

    Args:
        values: array of rank 1 or of rows, or tensor of rank 1 of a
            TensorFlow graph if the indices are a tensor.
        indices: int32 array or tensor of any shape.

    Returns:
        The `values` at `indices`, or arbitrary values for indices out of range.
    """
    if isinstance(indices, np.ndarray):
        more = np.zeros_like(values, shape=(1, *values.shape[1:]))
        values = np.concatenate([values, more])
        return values.take(indices, axis=0, mode="clip")
    tf = library_of(indices)
    values = tf.pad(values, [[0, 1]])
    return tf.gather(values, tf.clip_by_value(indices, 0, tf.size(values) - 1))
