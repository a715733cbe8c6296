"""Maps between the names, ids and probabilities of classes."""

import math
import numbers

import numpy as np
from keras import ops


def check_class_names(class_names, num_classes):
    """Check the names of a task's classes against their number.

    Args:
        class_names: List of distinct strings in the order of the class ids,
            or `None`.
        num_classes: int or `None`. Taken from `class_names` if `None`.

    Returns:
        A tuple of the names, as a list or `None`, and the number.

    Raises:
        ValueError: If both are `None` or they contradict each other.
    """
    if class_names is None and num_classes is None:
        raise ValueError(
            "One of `num_classes` and `class_names` must be passed. Received: "
            "num_classes=None, class_names=None"
        )
    if class_names is None:
        return None, num_classes
    class_names = list(class_names)
    if not all(isinstance(name, str) for name in class_names):
        raise ValueError(
            "`class_names` must be a list of strings. Received: "
            f"class_names={class_names}"
        )
    if len(set(class_names)) != len(class_names):
        raise ValueError(
            "`class_names` must be distinct. Received: "
            f"class_names={class_names}"
        )
    if num_classes is None:
        num_classes = len(class_names)
    if num_classes != len(class_names):
        raise ValueError(
            "`class_names` must have one name per class. Received: "
            f"num_classes={num_classes}, {len(class_names)} class_names: "
            f"{class_names}"
        )
    return class_names, num_classes


def softmax(logits):
    """Compute probabilities from scores.

    Args:
        logits: float array or tensor of shape `(..., n)`.

    Returns:
        An array of the same shape. It is float32 if the logits have half
        precision, in which probabilities would not add up to one.
    """
    logits = ops.convert_to_numpy(logits)
    logits = logits.astype(np.result_type(logits.dtype, "float32"))
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def likeliest(probabilities, class_names, top_k=None):
    """Return the likeliest classes by name.

    Args:
        probabilities: float array of shape `(num_classes,)`.
        class_names: List of strings in the order of the ids.
        top_k: int or `None`. The number of classes to return. Defaults to
            `None`, for the likeliest class without a list.

    Returns:
        A list of dictionaries with the `label` and its `score`, or a single
        dictionary.
    """
    order = np.argsort(-probabilities, kind="stable")[: top_k or 1]
    answers = [
        {"label": class_names[i], "score": float(probabilities[i])}
        for i in order
    ]
    return answers if top_k else answers[0]


def labels_to_ids(labels, class_names):
    """Replace the names of classes by their ids.

    Args:
        labels: A tensor, array or list of labels. Labels that are not strings
            are returned unchanged.
        class_names: List of strings in the order of the ids, or `None` if
            the classes have no names.

    Returns:
        An int32 array, or an int32 tensor inside a `tf.data` pipeline.

    Raises:
        ValueError: If a label is not among the names, or there are none.
    """
    if hasattr(labels, "graph"):
        return _labels_to_ids_in_graph(labels, class_names)
    if hasattr(labels, "numpy"):
        labels = labels.numpy()
    if isinstance(labels, (list, tuple)):
        # NumPy would convert numbers among strings to strings.
        labels = np.array(labels, "object")
    labels = np.asarray(labels)
    if labels.dtype.kind == "O":
        values = labels.ravel().tolist()
        are_names = [isinstance(value, (str, bytes)) for value in values]
        if any(are_names) and not all(are_names):
            i = are_names.index(False)
            raise ValueError(
                "Labels must either all be names, or none of them. Received: "
                f"{values[i]!r} of type {type(values[i]).__name__} as label "
                f"{i}"
            )
        # Object arrays, as from data frames, may have numbers.
        labels = np.array(labels.tolist())
    if labels.dtype.kind not in "SU":
        return labels
    _check_named(class_names, labels)
    ids = {name: i for i, name in enumerate(class_names)}
    ids.update({name.encode("utf-8"): i for name, i in list(ids.items())})
    unknown = sorted({str(x) for x in labels.ravel() if x not in ids})
    if unknown:
        raise ValueError(
            f"Labels that are names must be among the `class_names` "
            f"{class_names}. Received: {unknown[:10]}"
        )
    flat = [ids[x] for x in labels.ravel()]
    return np.array(flat, dtype="int32").reshape(labels.shape)


def check_class_ids(ids, num_classes):
    """Check that labels are valid class ids.

    Args:
        ids: A tensor, array or list of labels.
        num_classes: int.

    Returns:
        An int32 array, or a tensor inside a `tf.data` pipeline.

    Raises:
        ValueError: If a label is not a valid class id.
    """
    expected = f"Labels must be integers from 0 to {num_classes - 1}."
    if hasattr(ids, "graph"):
        import tensorflow as tf

        is_known = tf.reduce_all((ids >= 0) & (ids < num_classes))
        check = tf.debugging.Assert(is_known, [expected, ids], summarize=10)
        with tf.control_dependencies([check]):
            return tf.identity(ids)
    ids = np.asarray(ids)
    if ids.size and ids.dtype.kind not in "biuf":
        raise ValueError(f"{expected} Received: {ids.ravel()[:10].tolist()}")
    # Labels from a table may be floats, which are accepted if whole.
    wrong = ids[~((ids >= 0) & (ids < num_classes) & (ids % 1 == 0))]
    if wrong.size:
        raise ValueError(
            f"{expected} Received: {np.unique(wrong)[:10].tolist()}"
        )
    return ids.astype("int32")


def class_weights_to_ids(class_weight, class_names, num_classes):
    """Convert class weights so that they are by class id.

    Args:
        class_weight: Dictionary that maps the ids or names of classes to
            numbers.
        class_names: List of strings in the order of the ids, or `None` if
            the classes have no names.
        num_classes: int.

    Returns:
        A dictionary that maps each class id to a float, which is 1 for classes
        that `class_weight` does not have.

    Raises:
        ValueError: If `class_weight` is invalid.
    """
    expected = (
        '`class_weight` must be "balanced", or a dictionary of ids below '
        f"{num_classes}"
    )
    if class_names is not None:
        expected += f", or of names among {class_names},"
    weights = dict.fromkeys(range(num_classes), 1.0)
    names = class_names or []
    ids = {**{i: i for i in weights}, **{x: i for i, x in enumerate(names)}}
    if not isinstance(class_weight, dict):
        raise ValueError(
            f"{expected} with numbers. Received: {class_weight!r:.200}"
        )
    for key, weight in class_weight.items():
        is_number = isinstance(weight, numbers.Real) and 0 <= weight < math.inf
        if isinstance(key, bool) or key not in ids or not is_number:
            raise ValueError(
                f"{expected} with numbers from 0. Received: {key!r}: {weight!r}"
            )
        weights[ids[key]] = float(weight)
    return weights


def balanced_class_weights(class_ids, num_classes):
    """Compute class weights with which all classes count the same.

    Args:
        class_ids: int array of the class of each label.
        num_classes: int.

    Returns:
        A dictionary that maps each class id to a float: the mean number of
        labels per class, divided by the number for this class. It is 1 for
        classes without labels.
    """
    counts = np.bincount(class_ids, minlength=num_classes)
    mean = len(class_ids) / max(1, np.count_nonzero(counts))
    return {i: float(mean / x) if x else 1.0 for i, x in enumerate(counts)}


def _labels_to_ids_in_graph(labels, class_names):
    import tensorflow as tf

    if labels.dtype != tf.string:
        return labels
    _check_named(class_names, labels)
    matches = tf.expand_dims(labels, -1) == tf.constant(class_names)
    known = tf.debugging.Assert(
        tf.reduce_all(tf.reduce_any(matches, -1)),
        [f"A label is not among the `class_names` {class_names}:", labels],
        summarize=10,
    )
    with tf.control_dependencies([known]):
        return tf.argmax(matches, -1, output_type=tf.int32)


def _check_named(class_names, labels):
    if class_names is None:
        raise ValueError(
            "Labels that are names need a task with `class_names`. Received: "
            f"labels={labels}, class_names=None"
        )
