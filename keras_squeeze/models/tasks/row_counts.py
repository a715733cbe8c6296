"""Limits the batch sizes, so that JAX compiles few programs."""

import keras
import numpy as np


def pad_rows(structure, batch_size):
    """Repeat the last row until the last batch has one of a few sizes.

    JAX compiles and keeps a program for each shape, so inputs of all lengths
    and numbers would fill the memory. The sizes are powers of two. Other
    backends have one program for all shapes, or none.

    Args:
        structure: Any structure of NumPy arrays with the same number of rows.
        batch_size: int. The number of rows per batch.

    Returns:
        A tuple of the same structure, possibly with more rows, and the
        original number of rows.
    """
    arrays = keras.tree.flatten(structure)
    count = len(arrays[0])
    rest = count % batch_size
    if keras.backend.backend() != "jax" or not rest:
        return structure, count
    size = min(power_of_two(rest), batch_size)
    rows = np.minimum(np.arange(count - rest + size), count - 1)
    return keras.tree.map_structure(lambda array: array[rows], structure), count


def power_of_two(number):
    """The smallest power of two that is at least a positive number.

    Args:
        number: int.

    Returns:
        int.
    """
    return 1 << (int(number) - 1).bit_length()


def first_rows(structure, count):
    """Return the first rows of arrays.

    Args:
        structure: Any structure of arrays.
        count: int. The number of rows to keep.

    Returns:
        The same structure.
    """
    return keras.tree.map_structure(lambda array: array[:count], structure)
