"""Measures how well probabilities agree with frequencies."""

import numpy as np


def expected_calibration_error(confidences, is_correct, num_bins=15):
    """Compute the expected calibration error.

    Of the answers with a probability of 0.8, four in five should be correct.
    The answers are divided into bins of equal width by their probabilities.
    The error is the mean, over all answers, of the difference between the
    accuracy of a bin and the mean of its probabilities.

    Args:
        confidences: List or array of the probabilities of the answers.
        is_correct: List or array of the same shape. Whether each answer is
            correct.
        num_bins: int. The number of bins. Defaults to `15`.

    Returns:
        float from 0 to 1.

    Raises:
        ValueError: If there are no answers, or the shapes differ.

    Example:

    ```python
    expected_calibration_error([0.9, 0.9, 0.6], [True, False, True])
    # 0.4
    ```

    Reference:
     - [Guo et al., 2017](https://arxiv.org/abs/1706.04599)
    """
    confidences = np.asarray(confidences, "float64")
    is_correct = np.asarray(is_correct, "float64")
    if not confidences.size or confidences.shape != is_correct.shape:
        raise ValueError(
            "`confidences` and `is_correct` must have the same shape and at "
            f"least one entry. Received: the shapes {confidences.shape} and "
            f"{is_correct.shape}"
        )
    confidences, is_correct = confidences.ravel(), is_correct.ravel()
    # A bin includes its upper end.
    bins = np.ceil(confidences * num_bins).astype(int) - 1
    bins = np.clip(bins, 0, num_bins - 1)
    gaps = np.bincount(bins, is_correct - confidences, num_bins)
    return float(np.abs(gaps).sum() / confidences.size)
