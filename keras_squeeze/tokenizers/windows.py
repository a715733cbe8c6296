"""Cuts rows of tokens that are too long for a model into windows."""

from keras_squeeze.tokenizers.arrays import library_of
from keras_squeeze.tokenizers.arrays import to_int32


def sliding_windows(lengths, room, overlap):
    """Cut rows of tokens into windows that overlap.

    A row that fits is one window. Of another, every window is full but the
    last. This is what the fast tokenizers of transformers do for
    `return_overflowing_tokens`, whose `stride` is the overlap.

    It works on NumPy arrays and on the tensors of a TensorFlow graph, with
    the same arithmetic.

    Args:
        lengths: int32 array or tensor of shape `(num_rows,)`. How many tokens
            each row has.
        room: int, or int32 array or tensor of shape `(num_rows,)`. How many
            tokens a window has room for. More than `overlap`.
        overlap: int. How many tokens a window has in common with the next.

    Returns:
        A tuple `(rows, starts, sizes)` of int32 arrays or tensors of shape
        `(num_windows,)`: the row that each window is of, where in the row it
        starts, and how many tokens it has. The windows of a row follow each
        other.

    Example:

    ```python
    # A row of 3 tokens and one of 10, of which a window takes 6.
    sliding_windows(np.array([3, 10], "int32"), room=6, overlap=2)
    # (array([0, 1, 1]), array([0, 0, 4]), array([3, 6, 6]))
    ```
    """
    lib = library_of(lengths)
    # Of one shape, whether it is the same for all rows or not.
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
    """Returns 0, 1, 2 and so on, as many as there are values.

    Args:
        values: integer array of rank 1, or tensor of a TensorFlow graph.
    """
    lib = library_of(values)
    return lib.cumsum(lib.ones_like(values)) - 1
