"""How well scores and classes agree with the labels of sentences."""

import keras
import numpy as np
from keras import ops


def accuracy(y_true, y_pred):
    """The share of predictions that are right.

    Args:
        y_true: List or array of labels, of numbers or of strings.
        y_pred: The predicted labels, as many.

    Returns:
        float.

    Raises:
        ValueError: If there are no labels, or not as many predictions.

    Example:

    ```python
    accuracy(["ham", "spam"], ["ham", "ham"])
    # 0.5
    ```
    """
    y_true, y_pred = _check(y_true, y_pred)
    return float(np.mean(y_true == y_pred))


def matthews(y_true, y_pred):
    """Matthews' correlation coefficient of classes, of two or of more.

    It is 1 where all predictions are right and 0 where they have nothing to
    do with the labels, however rare some classes are. CoLA is measured by it.

    Args:
        y_true: List or array of labels, of numbers or of strings.
        y_pred: The predicted labels, as many.

    Returns:
        float from -1 to 1. 0 if all labels, or all predictions, are the same.

    Raises:
        ValueError: If there are no labels, or not as many predictions.

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
    """Pearson's correlation coefficient: how close to a straight line.

    Args:
        y_true: List or array of numbers.
        y_pred: The predicted numbers, as many. Both may have further axes of
            size 1.

    Returns:
        float from -1 to 1. 0 if all labels, or all predictions, are the same.

    Raises:
        ValueError: If there are no labels, or not as many predictions.

    Example:

    ```python
    pearson([0.0, 2.5, 5.0], [0.1, 3.0, 4.2])
    # 0.972
    ```
    """
    y_true, y_pred = _check(y_true, y_pred, dtype="float64")
    return _correlation(y_true[:, np.newaxis], y_pred[:, np.newaxis])


def spearman(y_true, y_pred):
    """Spearman's rank correlation coefficient: whether the order is right.

    The semantic similarity of sentences is measured by it, for which a scale
    is hard to keep and an order is not.

    Args:
        y_true: List or array of numbers.
        y_pred: The predicted numbers, as many. Both may have further axes of
            size 1.

    Returns:
        float from -1 to 1. 0 if all labels, or all predictions, are the same.

    Raises:
        ValueError: If there are no labels, or not as many predictions.

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
    """Pearson's correlation coefficient of all samples seen, for `fit()`.

    `keras.metrics.PearsonCorrelation` gives the mean of the coefficients of
    the batches, which is another number.

    Args:
        name: string. Defaults to `"pearson"`.
        **kwargs: other keyword arguments of `keras.metrics.Metric`.

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
        # What callbacks are to look for, in their mode "auto".
        self._direction = "up"

    def _add_sum(self, name):
        return self.add_variable((), initializer="zeros", name=name)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in a batch.

        Args:
            y_true: Tensor of numbers.
            y_pred: Tensor of as many predicted numbers.
            sample_weight: Optional tensor of as many weights.
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

        # The means and the squares around them, of the batch and of what was
        # there, are put together, rather than large sums whose difference is
        # small.
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
        """The coefficient so far, 0 where it has no meaning.

        Returns:
            A scalar tensor.
        """
        # Two roots, as the product of large squares could overflow.
        spread = ops.sqrt(self.square_true) * ops.sqrt(self.square_pred)
        return ops.divide_no_nan(ops.convert_to_tensor(self.product), spread)


def _check(y_true, y_pred, dtype=None):
    """Returns two arrays of rank 1 that belong together."""
    y_true = np.asarray(y_true, dtype).reshape(-1)
    y_pred = np.asarray(y_pred, dtype).reshape(-1)
    if not len(y_true) or len(y_true) != len(y_pred):
        raise ValueError(
            "`y_true` and `y_pred` must have as many entries, and one at "
            f"least. Received: {len(y_true)} and {len(y_pred)} entries"
        )
    return y_true, y_pred


def _correlation(first, second):
    """The correlation of the rows of two arrays, 0 where it has no meaning."""
    first = first - first.mean(axis=0)
    second = second - second.mean(axis=0)
    spread = np.sqrt(np.sum(first**2)) * np.sqrt(np.sum(second**2))
    if spread == 0:
        return 0.0
    return float(np.sum(first * second) / spread)
