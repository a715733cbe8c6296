"""Tests the calibration error with the sums of its definition."""

import numpy as np
import pytest

from keras_squeeze.metrics.calibration import expected_calibration_error


def by_definition(confidences, is_correct, num_bins):
    """Go through the bins, as the paper defines them."""
    error = 0.0
    for m in range(num_bins):
        low, high = m / num_bins, (m + 1) / num_bins
        chosen = (confidences > low) & (confidences <= high)
        if chosen.any():
            gap = is_correct[chosen].mean() - confidences[chosen].mean()
            error += chosen.mean() * abs(gap)
    return error


@pytest.mark.parametrize("num_bins", [1, 10, 15])
def test_error(num_bins):
    random = np.random.default_rng(0)
    confidences = random.uniform(0.3, 1, 500)
    is_correct = random.uniform(size=500) < confidences**2
    expected = by_definition(confidences, is_correct, num_bins)
    assert expected > 0.05
    found = expected_calibration_error(confidences, is_correct, num_bins)
    assert found == pytest.approx(expected, abs=1e-12)


def test_extremes():
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0
    assert expected_calibration_error([1.0, 1.0], [False, False]) == 1
    assert expected_calibration_error([0.9, 0.9, 0.6], [1, 0, 1]) == (
        pytest.approx(0.4)
    )
    # Of any shape, as with several labels per text.
    assert expected_calibration_error(np.eye(3), np.eye(3)) == 0


@pytest.mark.parametrize("is_correct", [[], [True, False]])
def test_wrong_arguments(is_correct):
    with pytest.raises(ValueError, match="the same shape"):
        expected_calibration_error([0.5][: len(is_correct)], is_correct)
