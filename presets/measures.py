"""Metrics with confidence intervals, and tables of them."""

import numpy as np
from scipy import stats


def wilson(count, total):
    """A proportion of at least one, with its 95 % confidence interval."""
    test = stats.binomtest(int(count), max(int(total), 1))
    return metric(test.statistic, *test.proportion_ci(method="wilson"))


def bootstrap(counts, statistic, samples=10000):
    """A metric with its 95 % bootstrap confidence interval.

    Args:
        counts: int array of shape `(num_samples, ...)`. What is counted in each
            sample.
        statistic: A function that maps an array of shape `(n, ...)`, the sums
            of `counts` over `n` sets of samples, to an array of shape `(n,)`.
        samples: int. The number of sets. Defaults to `10000`.

    Returns:
        A dictionary.
    """
    size = len(counts)
    flat = counts.reshape(size, -1).astype("float64")
    chosen = np.random.default_rng(0).integers(size, size=(samples, size))
    times = [np.bincount(row, minlength=size) for row in chosen]
    sums = np.stack([row @ flat for row in times])
    found = statistic(sums.reshape(samples, *counts.shape[1:]))
    low, high = np.quantile(found, [0.025, 0.975])
    (value,) = statistic(counts.sum(axis=0, keepdims=True))
    return metric(value, low, high)


def f1(counts):
    """F1 from the numbers of hits, predictions and targets.

    Args:
        counts: Array whose last axis has these three numbers.

    Returns:
        An array without that axis, 0 where there is nothing to find.
    """
    hits, predicted, targets = np.moveaxis(counts, -1, 0)
    return 2 * hits / np.maximum(predicted + targets, 1)


def metric(value, low, high):
    """A value with the ends of its confidence interval."""
    names = ("value", "low", "high")
    values = (value, low, high)
    return {k: round(float(v), 4) for k, v in zip(names, values, strict=True)}


def table(metrics):
    """Format metrics as the rows of a Markdown table."""
    return "\n".join(
        f"| {name} | {m['value']:.4f} | {m['low']:.4f} to {m['high']:.4f} |"
        for name, m in metrics.items()
    )
