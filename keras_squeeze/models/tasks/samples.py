"""The samples of raw inputs: told from data sets, as arrays, one by one."""

import keras
import numpy as np

from keras_squeeze import keras_hub_seam
from keras_squeeze.tokenizers.texts import lists_to_arrays


def is_data_set(x):
    """Whether what a method was passed is a data set, and not arrays.

    Args:
        x: The first argument of `fit()` and its like.

    Returns:
        bool.
    """
    is_array = isinstance(x, (str, bytes)) or hasattr(x, "__array__")
    return not is_array and not isinstance(x, (list, tuple, dict))


def to_arrays(x, y=None, sample_weight=None):
    """The arguments of `fit()` in one tuple, with arrays for lists.

    Args:
        x: The raw inputs.
        y: The labels.
        sample_weight: The weights of the samples.

    Returns:
        What `keras.utils.pack_x_y_sample_weight` makes of the arrays.
    """
    # Strings of any length: NumPy's own type has the longest one's for all.
    x, y = lists_to_arrays(x), lists_to_arrays(y)
    return keras_hub_seam.convert_to_numpy(
        keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
    )


def check_weights(sample_weight):
    """Raise a `ValueError` for weights that are not finite numbers.

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
    """The samples of arrays, one by one.

    Args:
        arrays: What `to_arrays()` returns.

    Returns:
        A source of a `grain.MapDataset`.

    Raises:
        ValueError: If the arrays are not all of the same number of samples,
            or have none.
    """
    source = keras_hub_seam.TensorLikeSource(arrays)
    if not len(source):
        raise ValueError(
            "`x` must have at least one sample. Received: no samples"
        )
    return source
