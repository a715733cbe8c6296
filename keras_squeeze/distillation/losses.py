"""Measures the difference between a student and its teacher."""

import keras
from keras import ops

from keras_squeeze.metrics.correlation import PearsonCorrelation


def feature_map_loss(target, output, mask):
    """Mean squared difference of hidden states over the tokens of a text.

    Args:
        target: float tensor of shape `(batch, length, dim)`, of the teacher.
        output: float tensor of the same shape, of the student.
        mask: Tensor of shape `(batch, length)`, 0 for padding.

    Returns:
        A scalar tensor.

    Example:

    ```python
    states = np.zeros((1, 3, 8))
    feature_map_loss(states, states + 2.0, np.array([[1, 1, 0]]))  # 4.0
    ```

    Reference:
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984), equation 2
    """
    errors = ops.mean(ops.square(ops.subtract(target, output)), axis=-1)
    return weighted_mean(errors, mask)


def attention_loss(target, scores, mask):
    """Mean divergence of attention over the heads and tokens of a text.

    Args:
        target: float tensor of shape `(batch, heads, length, length)`. The
            probabilities of the teacher.
        scores: float tensor of the same shape. The scores of the student,
            before the softmax.
        mask: Tensor of shape `(batch, length)`, 0 for padding.

    Returns:
        A scalar tensor, the Kullback-Leibler divergence of the student's
        probabilities from the teacher's.

    Example:

    ```python
    even = np.full((1, 2, 3, 3), 1 / 3)
    attention_loss(even, np.zeros((1, 2, 3, 3)), np.ones((1, 3)))  # 0.0
    ```

    Reference:
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984), equation 3
    """
    scores = ops.convert_to_tensor(scores)
    # Ignore padding, which the teacher masks: its logarithms are infinite.
    is_key = ops.expand_dims(ops.cast(mask, scores.dtype), axis=(1, 2))
    target = ops.cast(target, scores.dtype)
    student = ops.log_softmax(scores, axis=-1)
    teacher = ops.log(ops.maximum(target, 1e-9))
    terms = target * (teacher - ops.maximum(student, -1e4)) * is_key
    divergences = ops.mean(ops.sum(terms, axis=-1), axis=1)
    return weighted_mean(divergences, mask)


def cosine_loss(target, output, weights=None):
    """One minus the cosine of the angle between vectors.

    Args:
        target: float tensor of shape `(batch, dim)`, of the teacher.
        output: float tensor of the same shape, of the student.
        weights: Optional tensor of shape `(batch,)`.

    Returns:
        A scalar tensor.

    Example:

    ```python
    cosine_loss(np.array([[1.0, 0.0]]), np.array([[5.0, 0.0]]))  # 0.0
    ```
    """
    cosines = ops.sum(ops.normalize(target) * ops.normalize(output), axis=-1)
    return weighted_mean(1.0 - cosines, weights)


def similarity_loss(target, output):
    """Mean squared difference of the similarities within a batch.

    Only the cosine similarities between the vectors of the same batch are
    compared, so the vectors of teacher and student may have different sizes.

    Args:
        target: float tensor of shape `(batch, teacher_dim)`.
        output: float tensor of shape `(batch, student_dim)`.

    Returns:
        A scalar tensor.

    Example:

    ```python
    similarity_loss(np.eye(2), np.eye(2, 5))  # 0.0
    ```

    Reference:
     - [Tung and Mori, 2019](https://arxiv.org/abs/1907.09682)
    """
    target, output = (ops.normalize(x, axis=-1) for x in (target, output))
    difference = ops.matmul(target, ops.transpose(target)) - ops.matmul(
        output, ops.transpose(output)
    )
    return ops.mean(ops.square(difference))


def soft_label_loss(target, logits, temperature=1.0):
    """Divergence of softened predictions from those of a teacher.

    Args:
        target: float tensor of shape `(..., classes)`. The teacher's logits.
        logits: float tensor of the same shape. The student's logits.
        temperature: float. Both logits are divided by it. The loss is
            multiplied by its square, so that it has little effect on the size
            of the gradients. Defaults to `1.0`.

    Returns:
        A tensor of shape `(...)`.

    Example:

    ```python
    soft_label_loss(np.array([[2.0, 1.0]]), np.array([[3.0, 2.0]]))  # [0.0]
    ```

    Reference:
     - [Hinton et al., 2015](https://arxiv.org/abs/1503.02531)
    """
    teacher = ops.log_softmax(target / temperature, axis=-1)
    student = ops.log_softmax(logits / temperature, axis=-1)
    terms = ops.exp(teacher) * (teacher - student)
    return temperature**2 * ops.sum(terms, axis=-1)


def weighted_mean(values, weights=None):
    """The weighted mean of values.

    Args:
        values: float tensor.
        weights: Optional tensor of the same shape.

    Returns:
        A scalar tensor, which is zero if all weights are.
    """
    if weights is None:
        return ops.mean(values)
    weights = ops.cast(weights, values.dtype)
    return ops.sum(values * weights) / ops.maximum(ops.sum(weights), 1e-6)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SoftLabelLoss(keras.losses.Loss):
    """The loss of a task with a teacher, for `compile()`.

    `y_true` is the result of `soft_labels()`: the label of each sample or word,
    and the output of the teacher for it. Samples whose label is -1, or NaN for
    regression, have no label, and only learn from the teacher. Plain labels
    also work, for validation.

    Args:
        num_classes: int. The number of outputs of the task, `1` for
            regression.
        temperature: float. See `soft_label_loss`. Defaults to `2.0`.
        label_weight: float. The weight of the labels in the loss. The rest is
            the weight of the teacher's output. Defaults to `0.5`.
        **kwargs: Other keyword arguments of `keras.losses.Loss`.

    Example:

    ```python
    loss = SoftLabelLoss(num_classes=2)
    y_true = np.array([[1, -2.0, 3.0]])  # class 1, and the teacher's logits
    loss(y_true, np.array([[-1.0, 1.0]]))
    ```

    Reference:
     - [Hinton et al., 2015](https://arxiv.org/abs/1503.02531)
    """

    def __init__(
        self,
        num_classes,
        temperature=2.0,
        label_weight=0.5,
        name="soft_label_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if not 0 <= label_weight <= 1:
            raise ValueError(
                "`label_weight` must be between 0 and 1. Received: "
                f"label_weight={label_weight}"
            )
        if not temperature > 0:
            raise ValueError(
                "`temperature` must be positive. Received: "
                f"temperature={temperature}"
            )
        self.num_classes = num_classes
        self.temperature = temperature
        self.label_weight = label_weight

    def call(self, y_true, y_pred):
        labels, teacher = split_soft_labels(y_true, y_pred)
        if self.num_classes == 1:
            known = ops.logical_not(ops.isnan(labels))
            labels = ops.where(known, labels, 0.0)
            hard = ops.square(labels - y_pred[:, 0])
        else:
            known = labels >= 0
            classes = ops.cast(ops.maximum(labels, 0), "int32")
            hard = keras.losses.sparse_categorical_crossentropy(
                classes, y_pred, from_logits=True
            )
        hard = hard * ops.cast(known, hard.dtype)
        if teacher is None:
            return hard
        if self.num_classes == 1:
            soft = ops.square(teacher[:, 0] - y_pred[:, 0])
        else:
            soft = soft_label_loss(teacher, y_pred, self.temperature)
        return self.label_weight * hard + (1 - self.label_weight) * soft

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "num_classes": self.num_classes,
                "temperature": self.temperature,
                "label_weight": self.label_weight,
            }
        )
        return config


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SoftLabelAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """The accuracy. `y_true` can be the result of `soft_labels()`.

    Args:
        num_classes: int. The number of classes.
        name: string. Defaults to `"sparse_categorical_accuracy"`.
        dtype: The dtype of the result.
    """

    def __init__(
        self, num_classes, name="sparse_categorical_accuracy", dtype=None
    ):
        super().__init__(name=name, dtype=dtype)
        self.num_classes = num_classes

    def update_state(self, y_true, y_pred, sample_weight=None):
        labels, _ = split_soft_labels(y_true, y_pred)
        known = ops.cast(labels >= 0, "float32")
        if sample_weight is not None:
            known = known * ops.cast(sample_weight, "float32")
        return super().update_state(ops.maximum(labels, 0), y_pred, known)

    def get_config(self):
        return {
            "num_classes": self.num_classes,
            "name": self.name,
            "dtype": self.dtype,
        }


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SoftLabelCorrelation(PearsonCorrelation):
    """The correlation. `y_true` can be the result of `soft_labels()`."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        labels, _ = split_soft_labels(y_true, y_pred)
        known = ops.logical_not(ops.isnan(labels))
        weights = ops.cast(known, "float32")
        if sample_weight is not None:
            weights = weights * ops.cast(sample_weight, "float32")
        labels = ops.where(known, labels, 0.0)
        return super().update_state(labels, y_pred, weights)


def split_soft_labels(y_true, y_pred):
    """Split the result of `soft_labels()` into labels and teacher outputs.

    Args:
        y_true: Tensor of shape `(..., 1 + num_classes)`, or plain labels of
            shape `(...)` or `(..., 1)`.
        y_pred: Tensor of shape `(..., num_classes)`. The outputs of the task.

    Returns:
        A tuple of the labels, a float tensor of shape `(...)`, and the
        teacher's outputs, of shape `(..., num_classes)` or `None`.
    """
    y_true = ops.cast(y_true, "float32")
    if len(y_true.shape) < len(y_pred.shape):
        return y_true, None
    if y_true.shape[-1] == 1:
        return y_true[..., 0], None
    return y_true[..., 0], y_true[..., 1:]
