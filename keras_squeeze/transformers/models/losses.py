"""The losses of transformers' PyTorch classes."""

from keras import ops

# The label of what no loss is computed for.
IGNORED = -100


def cross_entropy(logits, labels, sample_weight=None, ignored=IGNORED):
    """The mean cross-entropy over the labels that are not ignored.

    Args:
        logits: Tensor of shape `(..., num_classes)`.
        labels: int tensor with one label for each row of the logits.
        sample_weight: Optional tensor of weights, one for each label or for
            each sample.
        ignored: int. The label without a loss. Defaults to `-100`.

    Returns:
        A float32 scalar: 0 if all labels are ignored, where PyTorch has NaN.
    """
    # A data set may not know how many there are, as positions of a text.
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
    """The mean squared error.

    Args:
        logits: Tensor of shape `(batch, num_labels)`.
        labels: Tensor of as many numbers.
        sample_weight: Optional tensor of weights, one for each sample.

    Returns:
        A float32 scalar.
    """
    logits = ops.cast(logits, "float32")
    labels = ops.reshape(ops.cast(labels, "float32"), ops.shape(logits))
    errors = ops.square(ops.subtract(logits, labels))
    return ops.mean(weighted(errors, sample_weight))


def binary_cross_entropy(logits, labels, sample_weight=None):
    """The mean of the cross-entropies of independent classes.

    Args:
        logits: Tensor of shape `(batch, num_labels)`.
        labels: Tensor of that shape, of probabilities.
        sample_weight: Optional tensor of weights, one for each sample.

    Returns:
        A float32 scalar.
    """
    losses = ops.binary_crossentropy(
        ops.cast(labels, "float32"), ops.cast(logits, "float32"), True
    )
    return ops.mean(weighted(losses, sample_weight))


def weighted(values, sample_weight):
    """Values times the weights of their samples.

    Args:
        values: float32 tensor.
        sample_weight: Optional tensor of weights, one for each value or for
            each sample.

    Returns:
        A tensor of the shape of `values`.
    """
    if sample_weight is None:
        return values
    weights = ops.cast(sample_weight, "float32")
    while len(weights.shape) < len(values.shape):
        weights = ops.expand_dims(weights, axis=-1)
    return ops.multiply(values, weights)
