"""Converts the labels of texts with any number of classes to vectors."""

import numbers

import numpy as np

from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.models.class_names import labels_to_ids
from keras_squeeze.tokenizers.texts import ragged_rows


def label_sets_to_vectors(labels, class_names, num_classes):
    """Replace lists of class names by vectors of zeros and ones.

    Args:
        labels: For each text, a list of the names of its classes, or a vector
            that has a number from 0 to 1 per class. Can be a list, array,
            tensor or ragged tensor.
        class_names: List of strings in the order of the ids, or `None` if
            the classes have no names.
        num_classes: int.

    Returns:
        A float32 array of shape `(num_texts, num_classes)`, or such a tensor
        inside a `tf.data` pipeline.

    Raises:
        ValueError: If `labels` are invalid.
    """
    if in_tf_function():
        return _to_vectors_in_graph(labels, class_names, num_classes)
    if hasattr(labels, "to_list"):
        labels = labels.to_list()
    elif hasattr(labels, "__array__"):
        labels = np.asarray(labels).tolist()
    labels = [
        row.tolist() if isinstance(row, np.ndarray) else row for row in labels
    ]
    for i, row in enumerate(labels):
        if not isinstance(row, (list, tuple)):
            raise ValueError(
                "With `multi_label`, the labels of each text must be a list "
                f"of names, or have a 0 or 1 per class. Received: {row!r} "
                f"for text {i}"
            )
    sizes = [len(row) for row in labels]
    flat = [label for row in labels for label in row]
    if not flat:
        return np.zeros((len(labels), num_classes), "float32")
    if any(isinstance(label, (str, bytes)) for label in flat):
        vectors = np.zeros((len(labels), num_classes), "float32")
        rows = np.repeat(np.arange(len(labels)), sizes)
        vectors[rows, labels_to_ids(flat, class_names)] = 1
        return vectors
    are_numbers = all(isinstance(label, numbers.Real) for label in flat)
    if are_numbers and set(sizes) == {num_classes}:
        vectors = np.array(flat, "float32").reshape(-1, num_classes)
        if np.all((vectors >= 0) & (vectors <= 1)):
            return vectors
    raise ValueError(
        "With `multi_label`, labels that are not names must have the shape "
        f"(num_texts, {num_classes}) and be from 0 to 1. Received: the "
        f"lengths {sorted(set(sizes))[:10]} and the values "
        f"{list(dict.fromkeys(flat))[:10]}"
    )


def _to_vectors_in_graph(labels, class_names, num_classes):
    import tensorflow as tf

    if labels.dtype != tf.string:
        return tf.cast(labels, "float32")
    names, counts = ragged_rows(labels)
    ids = labels_to_ids(names, class_names)
    size = tf.size(counts)
    vectors = tf.math.unsorted_segment_sum(
        tf.one_hot(ids, num_classes), tf.repeat(tf.range(size), counts), size
    )
    # A name may occur twice.
    return tf.minimum(vectors, 1.0)
