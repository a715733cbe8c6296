"""The losses of the PyTorch classes in transformers."""

from keras import ops

# The label of positions without a loss.
IGNORED = -100


def cross_entropy(logits, labels, sample_weight=None, ignored=IGNORED):
    """Compute the mean cross-entropy over the labels that are not ignored.

    Args:
        logits: Tensor of shape `(..., num_classes)`.
        labels: int tensor with one label per row of the logits.
        sample_weight: Optional tensor of weights, one per label or per sample.
        ignored: int. The label without a loss. Defaults to `-100`.

    Returns:
        A float32 scalar. It is 0 if all labels are ignored, where PyTorch
        returns NaN.
    """
    # The number of labels may be unknown in a dataset.
    logits = ops.reshape(logits, (-1, ops.shape(logits)[-1]))
    labels = ops.cast(labels, "int32")
    kept = ops.cast(ops.not_equal(labels, ignored), "float32")
    weights = weighted(kept, sample_weight)
    labels = ops.where(ops.equal(labels, ignored), 0, labels)
    losses = ops.sparse_categorical_crossentropy(
        ops.reshape(labels, (-1,)), ops.cast(logits, "float32"), True
    )
    total = ops.sum(ops.multiply(losses, ops.reshape(weights, (-1,))))
    return ops.divide(total, ops.maximum(ops.sum(kept), 1.0))


def squared_error(logits, labels, sample_weight=None):
    """Compute the mean squared error.

    Args:
        logits: Tensor of shape `(batch, num_labels)`.
        labels: Tensor with the same number of values.
        sample_weight: Optional tensor of weights, one per sample.

    Returns:
        A float32 scalar.
    """
    logits = ops.cast(logits, "float32")
    labels = ops.reshape(ops.cast(labels, "float32"), ops.shape(logits))
    errors = ops.square(ops.subtract(logits, labels))
    return ops.mean(weighted(errors, sample_weight))


def binary_cross_entropy(logits, labels, sample_weight=None):
    """Compute the mean cross-entropy of independent classes.

    Args:
        logits: Tensor of shape `(batch, num_labels)`.
        labels: Tensor of probabilities of the same shape.
        sample_weight: Optional tensor of weights, one per sample.

    Returns:
        A float32 scalar.
    """
    losses = ops.binary_crossentropy(
        ops.cast(labels, "float32"), ops.cast(logits, "float32"), True
    )
    return ops.mean(weighted(losses, sample_weight))


def weighted(values, sample_weight):
    """Multiply values by the weights of their samples.

    Args:
        values: float32 tensor.
        sample_weight: Optional tensor of weights, one per value or per sample.

    Returns:
        A tensor with the shape of `values`.
    """
    if sample_weight is None:
        return values
    weights = ops.cast(sample_weight, "float32")
    while len(weights.shape) < len(values.shape):
        weights = ops.expand_dims(weights, axis=-1)
    return ops.multiply(values, weights)
