"""Batches of few sizes, for which JAX compiles few programs."""

import keras
import numpy as np


def pad_rows(structure, batch_size):
    """Repeat the last row until the last batch is of one of a few sizes.

    JAX compiles a program for each shape, and keeps it, so that texts of all
    lengths and numbers would fill the memory. The sizes are powers of two.
    Other backends have one program for all, or none.

    Args:
        structure: Any structure of NumPy arrays of the same number of rows.
        batch_size: int. How many rows a batch has.

    Returns:
        A tuple of the same structure, with more rows or not, and of how many
        rows there were.
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
    """The least power of two that is not less than a positive number.

    Args:
        number: int.

    Returns:
        int.
    """
    return 1 << (int(number) - 1).bit_length()


def first_rows(structure, count):
    """The first rows of arrays.

    Args:
        structure: Any structure of arrays.
        count: int. How many rows to keep.

    Returns:
        The same structure.
    """
    return keras.tree.map_structure(lambda array: array[:count], structure)
