"""Reads texts in all the forms that users pass."""

import numpy as np

from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.validation import shorten


def flatten_texts(inputs):
    """Flatten nested strings to a list, and describe the nesting.

    Args:
        inputs: A string, or any nesting of lists, tuples, arrays, tensors and
            ragged tensors of strings. Strings may be UTF-8 bytes.

    Returns:
        A tuple `(texts, nesting)`. `texts` is a list of `str`. `nesting` is
        `None` for a single string, an integer for a list of that many strings,
        and a list of nestings otherwise. `regroup()` reverses this.

    Raises:
        ValueError: If `inputs` contains anything but strings.
    """
    if hasattr(inputs, "to_list"):
        inputs = inputs.to_list()
    elif hasattr(inputs, "__array__"):
        inputs = np.asarray(inputs).tolist()
    if not isinstance(inputs, (list, tuple)):
        return [_to_text(inputs)], None
    # Fast path for the common case, a list of `str`.
    if set(map(type, inputs)) <= {str}:
        return list(inputs), len(inputs)
    parts = [flatten_texts(element) for element in inputs]
    texts = [text for part, _ in parts for text in part]
    nesting = [nesting for _, nesting in parts]
    if all(part is None for part in nesting):
        return texts, len(nesting)
    if any(part is None for part in nesting):
        raise ValueError(
            "The strings to tokenize must all have the same nesting depth. "
            "Received a string next to a list of strings: "
            f"inputs={shorten(inputs)}"
        )
    return texts, nesting


def named_texts(inputs, name):
    """Call `flatten_texts()`, and name the argument in its errors.

    Args:
        inputs: The argument of `flatten_texts()`.
        name: string. The name of the argument in errors.

    Raises:
        ValueError: If `inputs` contains anything but strings.
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
        raise ValueError(f"{place} is invalid. {e}") from e


def lists_to_arrays(inputs):
    """Replace each list of samples in `inputs` with an array.

    Keras inspects every element of a list that a layer is called on, which
    takes longer than tokenizing it. An array is passed on as a single object.
    These arrays have rank 1. A sample that is a list, of words or numbers,
    remains a list, since samples may have different lengths.

    Args:
        inputs: The argument of a layer's call. Tuples and dictionaries are
            traversed. Lists of numbers, and regular nestings of them, remain
            lists.
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
    # Other values among strings or lists are errors, which preprocessors
    # report. NumPy would turn a missing string into `"nan"`.
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
    """Merge the strings of each innermost list into one text.

    Args:
        nesting: A nesting from `flatten_texts()`.

    Returns:
        A tuple `(sizes, nesting)`. `sizes` has the number of strings in each of
        the new texts.
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
    """Nest the rows of texts in the same way as the texts.

    Args:
        rows: list, or array with the rows on its first axis.
        nesting: The nesting from `flatten_texts()`.

    Returns:
        A row, an array if `rows` is an array and the nesting is regular, or
        lists.
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
    """Read the text segments that a preprocessor was called on.

    Args:
        x: A string, a batch of strings, or a tuple of strings or batches of
            the same size.
        names: Optional tuple of strings. The names of the segments in errors.
            Defaults to `x`, or to `x[0]` and so on for several segments.

    Returns:
        A tuple `(segments, is_batched)`. `segments` has a list of strings per
        segment, or a string tensor of rank 1 in a TensorFlow graph.
        `is_batched` is `False` if the segments were single strings.

    Raises:
        ValueError: If `x` has another form.
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
            "All segments of `x` must be string tensors of rank 1, or all must "
            f"have rank 0. Received: x={segments}"
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
    """Read the words of the samples that a preprocessor was called on.

    Args:
        x: A list of samples, each a list of words, or an array, tensor or
            ragged tensor of these.

    Returns:
        A tuple `(words, counts)`: a list of the words of all samples, or a
        string tensor of rank 1 in a TensorFlow graph; and an int32 array or
        tensor of the number of words per sample.

    Raises:
        ValueError: If `x` has another form.
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
            raise ValueError(f"Sample {i} of `x` is invalid. {e}") from e
        if not isinstance(count, int):
            raise ValueError(
                f"Sample {i} of `x` must be a list of words. Received: "
                f"{shorten(sample)}"
            )
        words += row
        counts.append(count)
    return words, np.array(counts, "int32")


def samples_of(values, name):
    """Convert a batch to a list of its samples.

    Args:
        values: A list, tuple, array, tensor or ragged tensor.
        name: string. The name of the argument in errors.

    Raises:
        ValueError: If `values` has another form, such as a single string, or is
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
    """Flatten a tensor of rank 2, and count the values per row.

    Args:
        values: `tf.RaggedTensor` or `tf.Tensor` of a TensorFlow graph.

    Returns:
        A tuple of a tensor of rank 1 and an int32 tensor of the number of
        values per row.

    Raises:
        ValueError: If the rank is not 2.
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
                "The bytes to tokenize must be UTF-8 text. Received: "
                f"{shorten(value)} ({e.reason} at byte {e.start})"
            ) from e
    if isinstance(value, str):
        return str(value)
    raise ValueError(
        "The inputs to tokenize must be strings. Received: "
        f"{shorten(value)} of type {type(value).__name__}"
    )
