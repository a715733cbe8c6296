"""Chooses the temperature and the thresholds of a classifier."""

import numpy as np

from keras_squeeze.metrics.calibration import expected_calibration_error
from keras_squeeze.models.class_names import softmax
from keras_squeeze.models.decisions import Decision

# The temperatures that are tried, for data that every model would classify
# correctly or incorrectly.
_LOWEST, _HIGHEST = 0.1, 10.0
# No probability is zero in the log loss.
_SMALLEST = 1e-12


class LabelledLogits:
    """The logits of a classifier for labelled samples.

    Args:
        logits: float array of shape `(num_samples, num_classes)`.
        labels: int array of shape `(num_samples,)`, or with several labels
            a bool array of the shape of the logits.
        background: int or `None`. The id of the background class.
    """

    def __init__(self, logits, labels, background=None):
        self.logits = np.asarray(logits, "float64")
        self.labels = np.asarray(labels)
        self.multi_label = self.labels.ndim == 2
        self.background = background

    def probabilities(self, temperature=1.0):
        """Compute the probabilities of all classes.

        Args:
            temperature: float. Divides the logits.

        Returns:
            A float32 array of the shape of the logits.
        """
        return self._probabilities(temperature).astype("float32")

    def _probabilities(self, temperature):
        logits = self.logits / temperature
        if self.multi_label:
            return np.exp(-np.logaddexp(0, -logits))
        return softmax(logits)

    def log_loss(self, temperature=1.0):
        """Compute the mean negative log likelihood of the labels.

        The probability of a background class is that of no other class.

        Args:
            temperature: float. Divides the logits.

        Returns:
            float.
        """
        scores = self._probabilities(temperature)
        if self.multi_label:
            scores = np.where(self.labels, scores, 1 - scores)
        else:
            scores = Decision(background=self.background).scores(scores)
            scores = scores[np.arange(len(scores)), self.labels]
        return float(-np.log(np.maximum(scores, _SMALLEST)).mean())

    def best_temperature(self):
        """Find the temperature with the lowest log loss.

        Returns:
            float.
        """
        from scipy.optimize import minimize_scalar

        def loss(log_temperature):
            return self.log_loss(np.exp(log_temperature))

        grid = np.linspace(np.log(_LOWEST), np.log(_HIGHEST), 41)
        best = int(np.argmin(list(map(loss, grid))))
        found = minimize_scalar(
            loss,
            bounds=(grid[max(best - 1, 0)], grid[min(best + 1, 40)]),
            method="bounded",
            options={"xatol": 1e-6},
        )
        return float(np.exp(found.x))

    def best_decision(self, probabilities, background_recall=0.0):
        """Find the threshold, or one per class, with the highest F1.

        Args:
            probabilities: The result of `probabilities()`.
            background_recall: float. The least part of the samples of the
                background class that must be recognized.

        Returns:
            A `Decision`. It is the likeliest class if there is no background
            class, or if no threshold is as good.
        """
        if self.multi_label:
            thresholds = [
                _best_threshold(scores, is_true, is_true.sum())
                for scores, is_true in zip(
                    probabilities.T, self.labels.T, strict=True
                )
            ]
            return Decision(thresholds, multi_label=True)
        likeliest = Decision()
        if self.background is None:
            return likeliest
        others = np.array(probabilities)
        others[:, self.background] = -1
        is_background = self.labels == self.background
        threshold = _best_threshold(
            others.max(axis=-1),
            others.argmax(axis=-1) == self.labels,
            np.sum(~is_background),
            is_background,
            background_recall,
        )
        found = Decision(threshold, self.background)
        with_threshold, without = (
            self.measures(probabilities, decision)
            for decision in (found, likeliest)
        )
        is_enough = without.get("background_recall", 0) >= background_recall
        is_better = without["f1"] > with_threshold["f1"]
        return likeliest if is_enough and is_better else found

    def measures(self, probabilities, decision):
        """Measure the answers.

        Args:
            probabilities: The result of `probabilities()`.
            decision: The `Decision`.

        Returns:
            A dictionary of floats.
        """
        if self.multi_label:
            selected = decision.selected(probabilities)
            right = np.sum(selected & self.labels, axis=0)
            sizes = np.sum(selected, axis=0) + np.sum(self.labels, axis=0)
            error = expected_calibration_error(probabilities, self.labels)
            return {
                "expected_calibration_error": error,
                "f1_micro": _f1(right.sum(), sizes.sum()),
                "f1_macro": float(np.mean(list(map(_f1, right, sizes)))),
            }
        ids = decision.class_ids(probabilities)
        scores = decision.scores(probabilities)[np.arange(len(ids)), ids]
        is_correct = ids == self.labels
        found = {
            "expected_calibration_error": expected_calibration_error(
                scores, is_correct
            ),
            "accuracy": float(np.mean(is_correct)),
        }
        if self.background is not None:
            is_background = self.labels == self.background
            sizes = np.sum(~is_background) + np.sum(ids != self.background)
            found["f1"] = _f1(np.sum(is_correct & ~is_background), sizes)
            if is_background.any():
                recall = np.mean(is_correct[is_background])
                found["background_recall"] = float(recall)
        return found


def _f1(right, sizes):
    """F1 from the true positives, and the sum of predictions and targets."""
    return float(2 * right / sizes) if sizes else 0.0


def _best_threshold(scores, is_right, num_true, is_never=None, least=0.0):
    """Find the threshold of scores with the highest F1.

    Of several, it is the one that is nearest to one half, which is also the
    result if nothing is ever right.

    Args:
        scores: float32 array. What is above the threshold is predicted.
        is_right: bool array. Which predictions would be right.
        num_true: int. The number of targets.
        is_never: Optional bool array. Which samples have no target.
        least: float. The least part of those that must not be predicted.

    Returns:
        float.
    """
    order = np.argsort(-scores, kind="stable")
    scores = np.append(scores[order], np.float32(0))
    predicted = np.arange(1, len(scores))
    right = np.cumsum(is_right[order])
    # A threshold can only be between two different scores.
    f1 = np.where(scores[:-1] > scores[1:], 2 * right, 0)
    f1 = f1 / (predicted + num_true)
    if is_never is not None and least:
        kept = np.sum(is_never) - np.cumsum(is_never[order])
        f1 = np.where(kept >= least * np.sum(is_never), f1, -1.0)
        if f1.max() < 0:
            # Only a threshold above all scores recognizes enough.
            return 1.0
    if f1.max() <= 0:
        return 0.5
    best = np.flatnonzero(f1 == f1.max())
    low, high = scores[best + 1], scores[best]
    # Rounding may not move the middle to the upper end, which is excluded.
    middles = (low + high) / 2
    middles = np.where(middles < high, middles, low)
    # The nearest number to one half that separates the same scores.
    return float(middles[np.argmin(np.abs(middles - 0.5))])
