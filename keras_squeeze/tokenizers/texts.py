"""Reads the forms in which people pass text."""

import numpy as np

from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.validation import shorten


def flatten_texts(inputs):
    """Returns the strings of `inputs` in one list, and how they were nested.

    Args:
        inputs: A string, or any nesting of lists, tuples, arrays, tensors and
            ragged tensors of strings. Strings may be bytes in UTF-8.

    Returns:
        A tuple `(texts, nesting)`. `texts` is a list of `str`. `nesting` is
        `None` for a single string, an integer for that many strings in a row,
        and a list of nestings otherwise. `regroup` undoes this.

    Raises:
        ValueError: if something in `inputs` is not a string.
    """
    if hasattr(inputs, "to_list"):
        inputs = inputs.to_list()
    elif hasattr(inputs, "__array__"):
        inputs = np.asarray(inputs).tolist()
    if not isinstance(inputs, (list, tuple)):
        return [_to_text(inputs)], None
    # Nothing to convert: the common case, and a matter of microseconds.
    if set(map(type, inputs)) <= {str}:
        return list(inputs), len(inputs)
    parts = [flatten_texts(element) for element in inputs]
    texts = [text for part, _ in parts for text in part]
    nesting = [nesting for _, nesting in parts]
    if all(part is None for part in nesting):
        return texts, len(nesting)
    if any(part is None for part in nesting):
        raise ValueError(
            "The strings to tokenize must all be nested equally deep. "
            "Received a string and a list of strings side by side: "
            f"inputs={shorten(inputs)}"
        )
    return texts, nesting


def named_texts(inputs, name):
    """Returns what `flatten_texts()` does, or tells where the mistake is.

    Args:
        inputs: What `flatten_texts()` takes.
        name: string. The argument's name, for the message.

    Raises:
        ValueError: if something in `inputs` is not a string.
    """
    try:
        return flatten_texts(inputs)
    except ValueError as e:
        place = f"`{name}`"
        if hasattr(inputs, "__array__"):
            inputs = np.asarray(inputs).tolist()
        if isinstance(inputs, (list, tuple)):
            i = next((i for i, x in enumerate(inputs) if not _is_text(x)), 0)
            place = f"Text {i} of {place}"
        raise ValueError(f"{place} is not right. {e}") from e


def lists_to_arrays(inputs):
    """Returns `inputs` with an array in the place of each list of samples.

    Keras looks at every element of a list that a layer is called on, which
    takes longer than to tokenize it. An array it passes on as one thing. Such
    arrays are of rank 1: where a sample is a list, of words or of numbers, it
    stays one, for samples may have different lengths.

    Args:
        inputs: What a layer was called on. Tuples and dictionaries are gone
            through. Lists of numbers and even nestings of them stay lists.
    """
    if isinstance(inputs, tuple):
        return tuple(map(lists_to_arrays, inputs))
    if isinstance(inputs, dict):
        return {name: lists_to_arrays(part) for name, part in inputs.items()}
    if hasattr(inputs, "to_list") and not in_tf_function():
        # A ragged tensor.
        inputs = inputs.to_list()
    if not isinstance(inputs, list):
        return inputs
    types = set(map(type, inputs))
    # Something else among strings or lists is a mistake, which preprocessors
    # explain. NumPy would make one string of a missing one, `"nan"`.
    if any(issubclass(x, (str, bytes)) for x in types) or (
        types & {list, tuple, np.ndarray} and not _is_even_and_numeric(inputs)
    ):
        return np.fromiter(inputs, "object", len(inputs))
    return inputs


def _is_even_and_numeric(lists):
    if not all(isinstance(part, (list, tuple, np.ndarray)) for part in lists):
        return False
    if len(set(map(len, lists))) > 1:
        return False
    types = {type(x) for part in lists for x in part}
    return not any(issubclass(x, (str, bytes, list)) for x in types)


def join_innermost(nesting):
    """Returns the nesting in which each innermost list is one text.

    Args:
        nesting: A nesting that `flatten_texts` gave.

    Returns:
        A tuple `(sizes, nesting)`. `sizes` is the list of how many strings
        each of the new texts has.
    """
    if not isinstance(nesting, list):
        return [_count_texts(nesting)], None
    parts = [join_innermost(part) for part in nesting]
    sizes = [size for part, _ in parts for size in part]
    nesting = [nesting for _, nesting in parts]
    if all(part is None for part in nesting):
        return sizes, len(nesting)
    return sizes, nesting


def regroup(rows, nesting):
    """Returns `rows`, one for each text, nested as the texts were.

    Args:
        rows: list, or array whose first axis has the rows.
        nesting: The nesting that `flatten_texts` gave.

    Returns:
        A row, an array if `rows` is one and the nesting is even, or lists.
    """
    if nesting is None:
        return rows[0]
    if isinstance(nesting, int):
        return rows
    groups = []
    for part in nesting:
        size = _count_texts(part)
        groups.append(regroup(rows[:size], part))
        rows = rows[size:]
    if isinstance(rows, np.ndarray) and all(
        part == nesting[0] for part in nesting
    ):
        return np.stack(groups)
    return groups


def text_segments(x, names=None):
    """Returns the text segments that a preprocessor was called on.

    Args:
        x: A string, a batch of strings, or a tuple of strings or batches of
            the same size.
        names: Optional tuple of strings. What messages call the segments.
            Defaults to `x`, or `x[0]` and so on for several.

    Returns:
        A tuple `(segments, is_batched)`. `segments` is a list with a list of
        strings for each segment, or in a TensorFlow graph a string tensor of
        rank 1. `is_batched` is `False` if those come from single strings.

    Raises:
        ValueError: if `x` is something else.
    """
    segments = x if isinstance(x, tuple) else (x,)
    if not segments:
        raise ValueError(f"`x` must have at least one segment. Received: x={x}")
    if in_tf_function():
        return _text_segments_in_graph(segments)
    if names is None:
        names = ["x"]
        if isinstance(x, tuple):
            names = [f"x[{i}]" for i in range(len(x))]
    texts, nestings = zip(*map(named_texts, segments, names), strict=True)
    if any(isinstance(nesting, list) for nesting in nestings):
        raise ValueError(
            "Each segment of `x` must be a string or a flat list of strings. "
            "To pass pairs, use a tuple of two lists. Received: "
            f"x={shorten(x)}"
        )
    if len(set(nestings)) > 1:
        raise ValueError(
            "All segments of `x` must have the same number of strings. "
            f"Received: {' and '.join(str(len(part)) for part in texts)} "
            f"strings, x={shorten(x)}"
        )
    return list(texts), nestings[0] is not None


def _is_text(value):
    try:
        _to_text(value)
    except ValueError:
        return False
    return True


def _text_segments_in_graph(segments):
    import tensorflow as tf

    segments = [tf.convert_to_tensor(segment) for segment in segments]
    ranks = {segment.shape.rank for segment in segments}
    dtypes = {segment.dtype for segment in segments}
    if ranks not in ({0}, {1}) or dtypes != {tf.string}:
        raise ValueError(
            "All segments of `x` must be string tensors of rank 1, or all of "
            f"rank 0. Received: x={segments}"
        )
    is_batched = ranks == {1}
    if not is_batched:
        segments = [segment[tf.newaxis] for segment in segments]
    for segment in segments[1:]:
        check = tf.debugging.assert_equal(
            tf.size(segment),
            tf.size(segments[0]),
            "All segments of `x` must have the same number of strings.",
        )
        with tf.control_dependencies([check]):
            segments[0] = tf.identity(segments[0])
    return segments, is_batched


def word_rows(x):
    """Returns the words of the samples that a preprocessor was called on.

    Args:
        x: A list of samples, each a list of words, or an array, tensor or
            ragged tensor of such.

    Returns:
        A tuple `(words, counts)`: a list of the words of all samples, or in a
        TensorFlow graph a string tensor of rank 1, and an int32 array or
        tensor of how many each sample has.

    Raises:
        ValueError: if `x` is something else.
    """
    if in_tf_function():
        words, counts = ragged_rows(x)
        if words.dtype.name != "string":
            raise ValueError(
                f"The words of `x` must be strings. Received: x={x}"
            )
        return words, counts
    words, counts = [], []
    for i, sample in enumerate(samples_of(x, "x")):
        try:
            row, count = flatten_texts(sample)
        except ValueError as e:
            raise ValueError(f"Sample {i} of `x` is not right. {e}") from e
        if not isinstance(count, int):
            raise ValueError(
                f"Sample {i} of `x` must be a list of words. Received: "
                f"{shorten(sample)}"
            )
        words += row
        counts.append(count)
    return words, np.array(counts, "int32")


def samples_of(values, name):
    """Returns a batch as a list of its samples.

    Args:
        values: A list, tuple, array, tensor or ragged tensor.
        name: string. The argument's name, for the message.

    Raises:
        ValueError: if `values` is something else, such as a single string, or
            empty.
    """
    if hasattr(values, "to_list"):
        values = values.to_list()
    elif hasattr(values, "__array__"):
        values = np.asarray(values).tolist()
    if not isinstance(values, (list, tuple)):
        raise ValueError(
            f"`{name}` must be a list of samples. Received: "
            f"{name}={shorten(values)}"
        )
    if not values:
        raise ValueError(
            f"`{name}` must have at least one sample. Received: no samples"
        )
    return values


def ragged_rows(values):
    """Returns the values of a tensor of rank 2 in a row, and their counts.

    Args:
        values: `tf.RaggedTensor` or `tf.Tensor` of a TensorFlow graph.

    Returns:
        A tuple of a tensor of rank 1 and an int32 tensor of how many of its
        values are of each row.

    Raises:
        ValueError: if the rank is another.
    """
    import tensorflow as tf

    if values.shape.rank != 2:
        raise ValueError(
            "A batch of words, or of their labels, must be a ragged or dense "
            f"tensor of rank 2. Received: {values}"
        )
    if not isinstance(values, tf.RaggedTensor):
        values = tf.RaggedTensor.from_tensor(values)
    return values.values, tf.cast(values.row_lengths(), "int32")


def _count_texts(nesting):
    if nesting is None:
        return 1
    if isinstance(nesting, int):
        return nesting
    return sum(map(_count_texts, nesting))


def _to_text(value):
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as e:
            raise ValueError(
                "The bytes to tokenize must be text in UTF-8. Received: "
                f"{shorten(value)} ({e.reason} at byte {e.start})"
            ) from e
    if isinstance(value, str):
        return str(value)
    raise ValueError(
        "The inputs to tokenize must be strings. Received: "
        f"{shorten(value)} of type {type(value).__name__}"
    )
