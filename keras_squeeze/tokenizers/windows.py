"""Splits token rows that are too long for a model into windows."""

from keras_squeeze.tokenizers.arrays import library_of
from keras_squeeze.tokenizers.arrays import to_int32


def sliding_windows(lengths, room, overlap):
    """Split rows of tokens into overlapping windows.

    A row that fits is a single window. Otherwise all windows but the last are
    full. This matches `return_overflowing_tokens` in the fast tokenizers of
    transformers, whose `stride` is the overlap.

    The same code works on NumPy arrays and on tensors of a TensorFlow graph.

    Args:
        lengths: int32 array or tensor of shape `(num_rows,)`. The number of
            tokens per row.
        room: int, or int32 array or tensor of shape `(num_rows,)`. The maximum
            number of tokens in a window. It must be greater than `overlap`.
        overlap: int. The number of tokens that adjacent windows share.

    Returns:
        A tuple `(rows, starts, sizes)` of int32 arrays or tensors of shape
        `(num_windows,)`: the row of each window, its start in the row, and its
        number of tokens. The windows of a row are contiguous.

    Example:

    ```python
    # Rows of 3 and 10 tokens, in windows of at most 6 tokens.
    sliding_windows(np.array([3, 10], "int32"), room=6, overlap=2)
    # (array([0, 1, 1]), array([0, 0, 4]), array([3, 6, 6]))
    ```
    """
    lib = library_of(lengths)
    # Broadcast, since `room` may be a single number for all rows.
    room = room + lib.zeros_like(lengths)
    step = room - overlap
    counts = 1 + (lib.maximum(lengths - room, 0) + step - 1) // step

    def of_windows(values):
        return lib.repeat(values, counts)

    rows = of_windows(count_up(lengths))
    indices = count_up(rows) - of_windows(lib.cumsum(counts) - counts)
    starts = indices * of_windows(step)
    sizes = lib.minimum(of_windows(room), of_windows(lengths) - starts)
    return to_int32(rows), to_int32(starts), to_int32(sizes)


def count_up(values):
    """Return the integers from 0, one per value.

    Args:
        values: integer array of rank 1, or tensor of a TensorFlow graph.
    """
    lib = library_of(values)
    return lib.cumsum(lib.ones_like(values)) - 1
