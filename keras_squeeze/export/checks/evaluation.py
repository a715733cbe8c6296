"""Evaluates an exported file and its Keras model on labelled samples."""

import contextlib
import dataclasses

import keras
import numpy as np

from keras_squeeze.export.runner import fixed_sequence_length
from keras_squeeze.metrics.entities import entity_spans
from keras_squeeze.metrics.squad import exact_match
from keras_squeeze.metrics.squad import f1_score
from keras_squeeze.models.class_names import labels_to_ids
from keras_squeeze.models.preprocessors.multiple_choice import read_choices
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.models.tasks.text_task import TextTask
from keras_squeeze.tokenizers.texts import text_segments

_RESAMPLES = 1000


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A metric of an exported file and of its Keras model on one dataset.

    Args:
        keras: float. The metric of the Keras model.
        file: float. The metric of the file.
        difference: float. The metric of the file minus that of the Keras
            model.
        interval: Tuple of two floats. The 95 % confidence interval of the
            difference, from a paired bootstrap over the samples.
    """

    keras: float
    file: float
    difference: float
    interval: tuple


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Compares an exported file with its Keras model on labelled data.

    Both use the sequence length of the file.

    Args:
        samples: int. The number of samples.
        metrics: Dictionary that maps the name of each metric to a
            `Comparison`.
        equal_answers: float or `None`. The fraction of equal answers: classes,
            word labels, choices or answers to questions. `None` if the answers
            are numbers.
    """

    samples: int
    metrics: dict
    equal_answers: float | None


class LabelledData:
    """Validates the raw inputs and labels of a task.

    Args:
        task: A task with labels and a preprocessor.
        data: A tuple of raw inputs and labels, as for `fit()`. The labels of
            question answering can also be a list that has a list of correct
            answers for each question.

    Raises:
        ValueError: If the task has no labels, or the labels are invalid.
    """

    def __init__(self, task, data):
        kind = _KINDS.get(getattr(task, "evaluation_kind", None))
        if kind is None or task.preprocessor is None:
            raise ValueError(
                f"`evaluation_data` is for the tasks {_evaluated(TextTask)} "
                f"with a `preprocessor`. Received: a {type(task).__name__}"
            )
        if not isinstance(data, (list, tuple)) or len(data) != 2:
            raise ValueError(
                "`evaluation_data` must be a tuple of raw inputs and labels. "
                f"Received: evaluation_data of type {type(data).__name__}"
            )
        self.task = task
        self.samples = kind(task, *data)

    @property
    def texts(self):
        """List of the texts, or `None` if a sample is not a single text."""
        if not isinstance(self.task, TextClassifier):
            return None
        segments, _ = text_segments(self.samples.x)
        return segments[0] if len(segments) == 1 else None

    def evaluate(self, runner):
        """Compare the answers of a file with those of the Keras model.

        Args:
            runner: The `TFLiteModel` of the file.

        Returns:
            An `Evaluation`.
        """
        with fixed_sequence_length(
            self.task.preprocessor, runner.sequence_length
        ):
            of_keras = self.samples.of_keras()
            of_file = self.samples.of_file(runner)
        equal = None
        answers = map(self.samples.answers, (of_keras, of_file))
        pairs = list(zip(*answers, strict=True))
        if pairs:
            equal = sum(first == second for first, second in pairs) / len(pairs)
        of_keras, of_file = map(self.samples.statistics, (of_keras, of_file))
        return Evaluation(
            samples=len(next(iter(of_file.values()))[1]),
            metrics={
                name: _compare(formula, of_keras[name][1], statistics)
                for name, (formula, statistics) in of_file.items()
            },
            equal_answers=equal,
        )


class _Texts:
    """Texts or pairs, labelled with a class, several classes or a number."""

    def __init__(self, task, x, y):
        self.task = task
        self.x, self.y, _ = keras.utils.unpack_x_y_sample_weight(
            task.checked_arrays(x, y)
        )

    def of_keras(self):
        return self.task.probabilities(self.task.predict(self.x, verbose=0))

    def of_file(self, runner):
        inputs = self.x
        if not runner.num_texts:
            inputs = self.task.preprocessor.serving_inputs(inputs)
        outputs = runner.predict(inputs)
        if "logits" in runner.outputs:
            outputs = self.task.probabilities(outputs)
        return outputs

    def answers(self, outputs):
        problem_type = getattr(self.task, "problem_type", None)
        if problem_type == "regression":
            return []
        if problem_type == "multi_label_classification":
            return self.task.decision.selected(outputs).ravel().tolist()
        return self.task.decision.class_ids(outputs).tolist()

    def statistics(self, outputs):
        problem_type = getattr(self.task, "problem_type", None)
        if problem_type == "regression":
            return _of_numbers(self.y, outputs)
        if problem_type == "multi_label_classification":
            return _of_classes(
                self.y > 0.5, self.task.decision.selected(outputs)
            )
        predicted = self.task.decision.class_ids(outputs)
        metrics = {"accuracy": _mean(predicted == self.y)}
        if outputs.shape[-1] == 2:
            metrics["f1"] = _of_classes(self.y == 1, predicted == 1)["f1"]
        return metrics


class _Choices(_Texts):
    """Prompts, labelled with the index of the correct choice."""

    def of_keras(self):
        return self.task.predict(self.x, verbose=0)

    def of_file(self, runner):
        is_choice = read_choices(self.x).is_choice
        scores = np.full(is_choice.shape, -np.inf)
        inputs = self.task.preprocessor.serving_inputs(self.x)
        scores[is_choice] = runner.predict(inputs)[:, 0]
        return scores

    def answers(self, scores):
        return np.argmax(scores, axis=-1).tolist()

    def statistics(self, scores):
        return {"accuracy": _mean(np.argmax(scores, axis=-1) == self.y)}


class _Words:
    """Sentences with a label for each word."""

    def __init__(self, task, x, y):
        task.windows(x, y)
        names = np.array(task.names_of_classes())
        self.task = task
        self.x = x
        self.y = [
            names[labels_to_ids(labels, task.class_names)].tolist()
            for labels in y
        ]

    def of_keras(self):
        return self.task.predict_labels(self.x)

    def of_file(self, runner):
        with _windows_of_file(self.task, runner):
            return self.of_keras()

    def answers(self, predicted):
        return [label for labels in predicted for label in labels]

    def statistics(self, predicted):
        rows = []
        for labels, found in zip(self.y, predicted, strict=True):
            true, found = set(entity_spans(labels)), set(entity_spans(found))
            rows.append((len(true & found), len(found), len(true)))
        return _of_counts(*np.array(rows).T)


class _Questions:
    """Questions about contexts, with all correct answers to each."""

    def __init__(self, task, x, y):
        if isinstance(y, dict):
            task.windows(x, y)
            y = [[text] if text else [] for text in y["answer_text"]]
        self.task = task
        self.x = x
        self.y = y
        self.may_have_no_answer = not all(map(len, y))

    def of_keras(self):
        return self.task.annotate(
            self.x, handle_impossible_answer=self.may_have_no_answer
        )

    def of_file(self, runner):
        with _windows_of_file(self.task, runner):
            return self.of_keras()

    def answers(self, predicted):
        return [found["answer"] for found in predicted]

    def statistics(self, predicted):
        pairs = [
            (found["answer"], answers)
            for found, answers in zip(predicted, self.y, strict=True)
        ]
        return {
            "exact": _mean([exact_match(*pair) for pair in pairs]),
            "f1": _mean([f1_score(*pair) for pair in pairs]),
        }


# By the `evaluation_kind` of the tasks.
_KINDS = {
    "texts": _Texts,
    "choices": _Choices,
    "words": _Words,
    "questions": _Questions,
}


def _evaluated(cls):
    """Names of the tasks that can be evaluated on labelled data."""
    names = [x for part in cls.__subclasses__() for x in _evaluated(part)]
    return [cls.__name__] if vars(cls).get("evaluation_kind") else names


@contextlib.contextmanager
def _windows_of_file(task, runner):
    """Context in which the task predicts with an exported file."""
    task.predict_windows = lambda x, batch_size: runner.predict(x)
    try:
        yield
    finally:
        del task.predict_windows


# A metric is a formula over the sums of per-sample statistics, so that it is
# fast to compute for a thousand bootstrap resamples.


def _mean(values):
    return _ratio(values, np.ones(len(values)))


def _ratio(dividends, divisors):
    return _divide_sums, np.stack([dividends, divisors], axis=-1)


def _divide_sums(sums):
    dividend, divisor = np.moveaxis(sums, -1, 0)
    return dividend / np.maximum(divisor, 1e-12)


def _of_counts(right, found, true):
    """Metrics from the counts of true positives, predictions and targets."""
    return {
        "precision": _ratio(right, found),
        "recall": _ratio(right, true),
        "f1": _ratio(2 * right, found + true),
    }


def _of_classes(true, predicted):
    """Metrics of binary decisions, one per sample or one per class."""
    true, predicted = (x.reshape(len(x), -1) for x in (true, predicted))
    counts = (true & predicted, predicted, true)
    return {
        "accuracy": _mean(np.mean(true == predicted, axis=-1)),
        "f1": _of_counts(*(np.sum(x, axis=-1) for x in counts))["f1"],
    }


def _of_numbers(true, predicted):
    from scipy.stats import rankdata

    true, predicted = (
        np.reshape(x, -1).astype("float64") for x in (true, predicted)
    )
    return {
        "pearson": _correlation(true, predicted),
        "spearman": _correlation(rankdata(true), rankdata(predicted)),
    }


def _correlation(true, predicted):
    # Center the values: sums of large squares would lose precision.
    x, y = true - true.mean(), predicted - predicted.mean()
    products = [np.ones_like(x), x, y, x * x, y * y, x * y]
    return _correlate_sums, np.stack(products, axis=-1)


def _correlate_sums(sums):
    count, x, y, xx, yy, xy = np.moveaxis(sums, -1, 0)
    spread = (xx - x * x / count) * (yy - y * y / count)
    return (xy - x * y / count) / np.sqrt(np.maximum(spread, 1e-24))


def _compare(formula, of_keras, of_file):
    """Compare two models by a metric's statistics on the same samples."""
    count = len(of_keras)
    random = np.random.default_rng(0)
    both = np.stack([of_keras, of_file])
    resampled = np.stack(
        [
            random.multinomial(count, np.full(count, 1 / count)) @ both
            for _ in range(_RESAMPLES)
        ],
        axis=1,
    )
    keras_value, file_value = map(float, formula(both.sum(axis=1)))
    differences = np.subtract(*formula(resampled)[::-1])
    low, high = np.percentile(differences, [2.5, 97.5])
    return Comparison(
        keras=keras_value,
        file=file_value,
        difference=file_value - keras_value,
        interval=(float(low), float(high)),
    )
