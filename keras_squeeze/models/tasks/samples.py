"""Distinguishes raw inputs from datasets, and converts them to arrays."""

import keras
import numpy as np

from keras_squeeze import keras_hub_seam
from keras_squeeze.tokenizers.texts import lists_to_arrays


def is_data_set(x):
    """Whether an argument is a dataset instead of arrays.

    Args:
        x: The first argument of `fit()` and similar methods.

    Returns:
        bool.
    """
    is_array = isinstance(x, (str, bytes)) or hasattr(x, "__array__")
    return not is_array and not isinstance(x, (list, tuple, dict))


def to_arrays(x, y=None, sample_weight=None):
    """Pack the arguments of `fit()`, with arrays instead of lists.

    Args:
        x: The raw inputs.
        y: The labels.
        sample_weight: The sample weights.

    Returns:
        The arrays, packed by `keras.utils.pack_x_y_sample_weight`.
    """
    # Use object arrays, because NumPy strings all have the longest length.
    x, y = lists_to_arrays(x), lists_to_arrays(y)
    return keras_hub_seam.convert_to_numpy(
        keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
    )


def check_weights(sample_weight):
    """Raise a `ValueError` for sample weights that are not finite numbers.

    Args:
        sample_weight: A structure of arrays.
    """
    for weights in keras.tree.flatten(sample_weight):
        if weights.dtype.kind not in "biuf" or not np.isfinite(weights).all():
            raise ValueError(
                "`sample_weight` must be finite numbers. Received: "
                f"sample_weight={weights!r:.200}"
            )


def to_source(arrays):
    """Create a source of single samples from arrays.

    Args:
        arrays: The result of `to_arrays()`.

    Returns:
        A source for a `grain.MapDataset`.

    Raises:
        ValueError: If the arrays differ in their numbers of samples, or have
            none.
    """
    source = keras_hub_seam.TensorLikeSource(arrays)
    if not len(source):
        raise ValueError(
            "`x` must have at least one sample. Received: no samples"
        )
    return source
