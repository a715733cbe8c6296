"""Tests the evaluation of files on labels.

A file would give the same answers as its task, so another task is used instead
of a file.
"""

import keras
import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from keras_squeeze import models
from keras_squeeze.export.checks.evaluation import LabelledData
from keras_squeeze.export.runner import INPUTS
from keras_squeeze.export.runner import fixed_sequence_length
from keras_squeeze.export.serving import serving_model
from keras_squeeze.metrics.entities import entity_scores
from keras_squeeze.metrics.squad import squad_scores
from tests.backends import only_on
from tests.export.classifiers import SMALL
from tests.export.classifiers import randomise
from tests.tiny import SPECIAL_TOKENS

pytestmark = only_on(
    "tensorflow",
    reason="the tests of the tasks cover what is compared on all backends",
)

LENGTH = 12
NUM_SAMPLES = 40
WORDS = "the fox met a small bear near lake and left it there . ?".split()
VOCABULARY = [*SPECIAL_TOKENS, *WORDS]


def make_tasks(name, **kwargs):
    """Two tasks with different weights."""
    tasks = []
    for seed in (1, 2):
        backbone = models.SqueezeBertBackbone(
            vocabulary_size=len(VOCABULARY),
            embedding_dim=32,
            **{**SMALL, "num_layers": 1},
        )
        # A different length than that of the file.
        preprocessor = getattr(models, f"SqueezeBert{name}Preprocessor")(
            models.SqueezeBertTokenizer(VOCABULARY), sequence_length=16
        )
        task = getattr(models, f"SqueezeBert{name}")(
            backbone, preprocessor=preprocessor, **kwargs
        )
        # Tracing takes longer than a few steps.
        task.compile(run_eagerly=True)
        tasks.append(randomise(task, seed, scale=0.5))
    return tasks


class FileOf:
    """Replaces the `TFLiteModel` of a task's file."""

    num_texts = 0

    def __init__(self, task, probabilities=True):
        self.sequence_length = LENGTH
        self.model = serving_model(task, LENGTH, probabilities)
        self.outputs = dict.fromkeys(self.model.output)

    def predict(self, inputs):
        inputs = {name: inputs[key] for name, key in INPUTS.items()}
        outputs = self.model(inputs, training=False)
        outputs = keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def make_texts(seed=0, count=NUM_SAMPLES):
    random = np.random.default_rng(seed)
    return [
        " ".join(random.choice(WORDS, size))
        for size in random.integers(3, 16, count)
    ]


def assert_evaluation(name, x, y, metrics_of, probabilities=True, **kwargs):
    """Compare an evaluation with the result of `metrics_of` for each task."""
    task, other = make_tasks(name, **kwargs)
    evaluation = LabelledData(task, (x, y)).evaluate(
        FileOf(other, probabilities)
    )
    assert task.preprocessor.sequence_length == 16
    expected, found = {}, {}
    for model, metrics in ((task, expected), (other, found)):
        with fixed_sequence_length(model.preprocessor, LENGTH):
            metrics.update(metrics_of(model))
    answers = [metrics.pop("answers") for metrics in (expected, found)]
    equal = None if answers[0] is None else np.mean(np.equal(*answers))
    assert evaluation.equal_answers == equal
    assert set(evaluation.metrics) == set(expected)
    for name, metric in evaluation.metrics.items():
        np.testing.assert_allclose(metric.keras, expected[name], atol=1e-6)
        np.testing.assert_allclose(metric.file, found[name], atol=1e-6)
        assert metric.difference == metric.file - metric.keras
        low, high = metric.interval
        assert low < high and low <= metric.difference <= high
    # Different weights give different answers.
    assert any(x.difference != 0 for x in evaluation.metrics.values())
    return evaluation


@pytest.mark.parametrize(
    "probabilities, options",
    [
        (True, {}),
        (False, {}),
        (True, {"threshold": 0.7, "background_class": "ham"}),
    ],
)
def test_two_classes(probabilities, options):
    x = make_texts()
    y = ["spam" if "fox" in text else "ham" for text in x]

    def metrics_of(task):
        labels = [answer["label"] for answer in task.annotate(x)]
        f1 = sklearn.metrics.f1_score(y, labels, pos_label="spam")
        accuracy = sklearn.metrics.accuracy_score(y, labels)
        return {"accuracy": accuracy, "f1": f1, "answers": np.array(labels)}

    evaluation = assert_evaluation(
        "TextClassifier",
        x,
        y,
        metrics_of,
        probabilities,
        class_names=["ham", "spam"],
        **options,
    )
    assert evaluation.samples == NUM_SAMPLES


def test_three_classes_of_pairs():
    x = (make_texts(), make_texts(1))
    y = np.arange(NUM_SAMPLES) % 3

    def metrics_of(task):
        answers = np.argmax(task.predict(x, verbose=0), axis=-1)
        return {"accuracy": np.mean(answers == y), "answers": answers}

    assert_evaluation("TextClassifier", x, y, metrics_of, num_classes=3)


@pytest.mark.parametrize("threshold", [None, [0.3, 0.8]])
def test_several_classes_a_text(threshold):
    x = make_texts()
    y = np.array([["fox" in text, "bear" in text] for text in x], "int32")

    def metrics_of(task):
        odds = np.array(threshold or [0.5, 0.5])
        odds = np.log(odds / (1 - odds))
        predicted = task.predict(x, verbose=0) > odds
        f1 = sklearn.metrics.f1_score(y, predicted, average="micro")
        accuracy = np.mean(predicted == y)
        return {"accuracy": accuracy, "f1": f1, "answers": predicted}

    assert_evaluation(
        "TextClassifier",
        x,
        y,
        metrics_of,
        num_classes=2,
        multi_label=True,
        threshold=threshold,
    )


def test_numbers():
    x = make_texts()
    y = np.array([len(text) / 10 for text in x])

    def metrics_of(task):
        predicted = task.predict(x, verbose=0)[:, 0]
        return {
            "pearson": scipy.stats.pearsonr(y, predicted).statistic,
            "spearman": scipy.stats.spearmanr(y, predicted).statistic,
            "answers": None,
        }

    assert_evaluation("TextClassifier", x, y, metrics_of, num_classes=1)


@pytest.mark.parametrize("named", [True, False])
def test_words(named):
    names = ["O", "B-animal", "I-animal"]
    x = [text.split() for text in make_texts()]
    ids = [
        [2 * (word == "bear") + (word == "fox") for word in row] for row in x
    ]
    labels = [[names[i] for i in row] for row in ids]

    def metrics_of(task):
        predicted = task.predict_labels(x)
        scores = entity_scores(labels, predicted)
        metrics = {key: scores[key] for key in ("precision", "recall", "f1")}
        return {**metrics, "answers": np.concatenate(predicted)}

    assert_evaluation(
        "TokenClassifier",
        x,
        labels if named else ids,
        metrics_of,
        class_names=names,
    )


@pytest.mark.parametrize("form", ["as fit() takes them", "all", "some have"])
def test_questions(form):
    contexts = make_texts()
    x = {"question": ["fox ?"] * NUM_SAMPLES, "context": contexts}
    answers = [context.split()[i % 3] for i, context in enumerate(contexts)]
    all_answers = [[answer] for answer in answers]
    y = all_answers
    if form == "as fit() takes them":
        starts = [
            context.find(answer)
            for context, answer in zip(contexts, answers, strict=True)
        ]
        y = {"answer_text": answers, "answer_start": starts}
    elif form == "some have":
        all_answers[::2] = [[]] * (NUM_SAMPLES // 2)

    def metrics_of(task):
        found = task.annotate(x, handle_impossible_answer=form == "some have")
        scores = squad_scores(found, all_answers)
        metrics = {key: scores[key] / 100 for key in ("exact", "f1")}
        answers = np.array([answer["answer"] for answer in found])
        return {**metrics, "answers": answers}

    assert_evaluation("QuestionAnswering", x, y, metrics_of)


def test_choices():
    texts = make_texts(count=3 * NUM_SAMPLES)
    # Prompts have different numbers of choices.
    choices = [
        [None if i % 2 and j == 1 else texts[3 * i + j] for j in range(3)]
        for i in range(NUM_SAMPLES)
    ]
    x = {"prompt": ["the fox"] * NUM_SAMPLES, "choices": choices}
    y = [2 * (i % 2) for i in range(NUM_SAMPLES)]

    def metrics_of(task):
        labels = np.array([answer["label"] for answer in task.annotate(x)])
        return {"accuracy": np.mean(labels == y), "answers": labels}

    assert_evaluation("MultipleChoice", x, y, metrics_of)


def test_interval_is_that_of_a_bootstrap_of_pairs():
    x = make_texts(count=100)
    y = ["spam" if "fox" in text else "ham" for text in x]
    task, other = make_tasks("TextClassifier", class_names=["ham", "spam"])
    evaluation = LabelledData(task, (x, y)).evaluate(FileOf(other))
    right = []
    for model in (task, other):
        with fixed_sequence_length(model.preprocessor, LENGTH):
            answers = model.annotate(x)
        right.append([a["label"] == b for a, b in zip(answers, y, strict=True)])
    expected = scipy.stats.bootstrap(
        right,
        lambda first, second, axis: (
            np.mean(second, axis) - np.mean(first, axis)
        ),
        paired=True,
        n_resamples=5000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    np.testing.assert_allclose(
        evaluation.metrics["accuracy"].interval, expected, atol=0.025
    )


def test_a_file_that_is_equal():
    x = make_texts()
    y = ["spam" if "fox" in text else "ham" for text in x]
    task, _ = make_tasks("TextClassifier", class_names=["ham", "spam"])
    evaluation = LabelledData(task, (x, y)).evaluate(FileOf(task))
    assert evaluation.equal_answers == 1.0
    for metric in evaluation.metrics.values():
        assert metric.interval == (0, 0)
        assert metric.file == metric.keras > 0


def test_wrong_data():
    task, _ = make_tasks("TextClassifier", class_names=["ham", "spam"])
    with pytest.raises(ValueError, match="must be a tuple.*type dict"):
        LabelledData(task, {"x": ["the fox"]})
    with pytest.raises(ValueError, match="among the `class_names`.*'eggs'"):
        LabelledData(task, (["the fox"], ["eggs"]))
    with pytest.raises(ValueError, match="the tasks.*'TextClassifier'.*Backb"):
        LabelledData(task.backbone, (["the fox"], ["ham"]))
    embedder = models.SqueezeBertTextEmbedder(task.backbone)
    with pytest.raises(ValueError, match="Received: a SqueezeBertTextEmbed"):
        LabelledData(embedder, (["the fox"], ["ham"]))
    task.preprocessor = None
    with pytest.raises(ValueError, match="with a `preprocessor`"):
        LabelledData(task, (["the fox"], ["ham"]))
