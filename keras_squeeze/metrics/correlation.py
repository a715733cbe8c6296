"""Metrics of sentence tasks: accuracy and correlation coefficients."""

import keras
import numpy as np
from keras import ops


def accuracy(y_true, y_pred):
    """Compute the fraction of correct predictions.

    Args:
        y_true: List or array of labels, either numbers or strings.
        y_pred: List or array of predicted labels, of the same length.

    Returns:
        float.

    Raises:
        ValueError: If there are no labels, or the lengths differ.

    Example:

    ```python
    accuracy(["ham", "spam"], ["ham", "ham"])
    # 0.5
    ```
    """
    y_true, y_pred = _check(y_true, y_pred)
    return float(np.mean(y_true == y_pred))


def matthews(y_true, y_pred):
    """Compute the Matthews correlation coefficient for two or more classes.

    It is 1 if all predictions are correct, and 0 if they are unrelated to the
    labels, even if some classes are rare. It is the metric of CoLA.

    Args:
        y_true: List or array of labels, either numbers or strings.
        y_pred: List or array of predicted labels, of the same length.

    Returns:
        float from -1 to 1. It is 0 if all labels or all predictions are equal.

    Raises:
        ValueError: If there are no labels, or the lengths differ.

    Example:

    ```python
    matthews([0, 0, 1, 1], [0, 1, 1, 1])
    # 0.577
    ```

    Reference:
     - [Gorodkin, 2004](https://doi.org/10.1016/j.compbiolchem.2004.09.006)
    """
    y_true, y_pred = _check(y_true, y_pred)
    classes, ids = np.unique(np.append(y_true, y_pred), return_inverse=True)
    one_hot = np.eye(len(classes))[ids]
    return _correlation(one_hot[: len(y_true)], one_hot[len(y_true) :])


def pearson(y_true, y_pred):
    """Compute the Pearson correlation coefficient, a measure of linearity.

    Args:
        y_true: List or array of numbers.
        y_pred: The predicted numbers, of the same length. Both may have
            additional axes of size 1.

    Returns:
        float from -1 to 1. It is 0 if all labels or all predictions are equal.

    Raises:
        ValueError: If there are no labels, or the lengths differ.

    Example:

    ```python
    pearson([0.0, 2.5, 5.0], [0.1, 3.0, 4.2])
    # 0.972
    ```
    """
    y_true, y_pred = _check(y_true, y_pred, dtype="float64")
    return _correlation(y_true[:, np.newaxis], y_pred[:, np.newaxis])


def spearman(y_true, y_pred):
    """Compute the Spearman rank correlation coefficient.

    It compares orders, not values. It is the usual metric for the semantic
    similarity of sentences, whose order is easier to agree on than a scale.

    Args:
        y_true: List or array of numbers.
        y_pred: The predicted numbers, of the same length. Both may have
            additional axes of size 1.

    Returns:
        float from -1 to 1. It is 0 if all labels or all predictions are equal.

    Raises:
        ValueError: If there are no labels, or the lengths differ.

    Example:

    ```python
    spearman([0.0, 2.5, 5.0], [0.1, 3.0, 4.2])
    # 1.0
    ```
    """
    from scipy.stats import rankdata

    y_true, y_pred = _check(y_true, y_pred, dtype="float64")
    return pearson(rankdata(y_true), rankdata(y_pred))


@keras.saving.register_keras_serializable(package="keras_squeeze")
class PearsonCorrelation(keras.metrics.Metric):
    """Computes the Pearson correlation of all samples, for use in `fit()`.

    `keras.metrics.PearsonCorrelation` returns the mean of the coefficients of
    all batches, which is a different number.

    Args:
        name: string. Defaults to `"pearson"`.
        **kwargs: Other keyword arguments of `keras.metrics.Metric`.

    Example:

    ```python
    metric = PearsonCorrelation()
    metric.update_state([0.0, 2.5], [0.1, 3.0])
    metric.update_state([5.0], [4.2])
    metric.result()
    # 0.972
    ```
    """

    def __init__(self, name="pearson", **kwargs):
        super().__init__(name=name, **kwargs)
        self.count = self._add_sum("count")
        self.mean_true = self._add_sum("mean_true")
        self.mean_pred = self._add_sum("mean_pred")
        self.square_true = self._add_sum("square_true")
        self.square_pred = self._add_sum("square_pred")
        self.product = self._add_sum("product")
        # The direction of improvement, for callbacks with `mode="auto"`.
        self._direction = "up"

    def _add_sum(self, name):
        return self.add_variable((), initializer="zeros", name=name)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch to the metric.

        Args:
            y_true: Tensor of numbers.
            y_pred: Tensor of predicted numbers, of the same size.
            sample_weight: Optional tensor of weights, of the same size.
        """
        y_true = ops.reshape(ops.cast(y_true, self.dtype), (-1,))
        y_pred = ops.reshape(ops.cast(y_pred, self.dtype), (-1,))
        weights = ops.ones_like(y_true)
        if sample_weight is not None:
            sample_weight = ops.cast(sample_weight, self.dtype)
            weights = ops.reshape(sample_weight, (-1,))
        size = ops.sum(weights)
        count = self.count + size

        def mean(values):
            return ops.divide_no_nan(ops.sum(weights * values), size)

        # Merge the means and the sums of squared deviations of the batch into
        # those so far. The difference of two large sums would be less precise.
        mean_true, mean_pred = mean(y_true), mean(y_pred)
        step_true = mean_true - self.mean_true
        step_pred = mean_pred - self.mean_pred
        share = ops.divide_no_nan(size, count)
        y_true, y_pred = y_true - mean_true, y_pred - mean_pred
        kept = self.count * share
        self.square_true.assign_add(
            ops.sum(weights * ops.square(y_true)) + kept * step_true**2
        )
        self.square_pred.assign_add(
            ops.sum(weights * ops.square(y_pred)) + kept * step_pred**2
        )
        self.product.assign_add(
            ops.sum(weights * y_true * y_pred) + kept * step_true * step_pred
        )
        self.mean_true.assign_add(share * step_true)
        self.mean_pred.assign_add(share * step_pred)
        self.count.assign(count)

    def result(self):
        """Compute the coefficient of all samples so far, or 0 if undefined.

        Returns:
            A scalar tensor.
        """
        # Take two square roots, since the product of large sums could overflow.
        spread = ops.sqrt(self.square_true) * ops.sqrt(self.square_pred)
        return ops.divide_no_nan(ops.convert_to_tensor(self.product), spread)


def _check(y_true, y_pred, dtype=None):
    """Convert labels and predictions to two arrays of rank 1."""
    y_true = np.asarray(y_true, dtype).reshape(-1)
    y_pred = np.asarray(y_pred, dtype).reshape(-1)
    if not len(y_true) or len(y_true) != len(y_pred):
        raise ValueError(
            "`y_true` and `y_pred` must have the same number of entries, at "
            f"least one. Received: {len(y_true)} and {len(y_pred)} entries"
        )
    return y_true, y_pred


def _correlation(first, second):
    """Compute the correlation of two arrays, or 0 if it is undefined."""
    first = first - first.mean(axis=0)
    second = second - second.mean(axis=0)
    spread = np.sqrt(np.sum(first**2)) * np.sqrt(np.sum(second**2))
    if spread == 0:
        return 0.0
    return float(np.sum(first * second) / spread)
