"""Tests how probabilities become answers, and how that is calibrated."""

import keras
import numpy as np
import pytest
import sklearn.metrics
import torch

from keras_squeeze import models
from keras_squeeze.models.class_names import softmax
from keras_squeeze.models.decisions import Decision
from keras_squeeze.models.tasks.calibration import LabelledLogits
from tests.export.classifiers import randomise
from tests.tiny import tiny_backbone
from tests.tiny import vocabulary_of

WORDS = "the fox met a small bear near lake and left it there".split()
VOCABULARY = vocabulary_of(WORDS)
NAMES = ["one", "other", "two"]


def make_texts(count, seed=0):
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, size=5)) for _ in range(count)]


def make_task(name="TextClassifier", scale=0.5, **kwargs):
    """A task with random weights, which is surer than it should be."""
    kwargs = {"class_names": NAMES, **kwargs}
    backbone = tiny_backbone(
        models.SqueezeBertBackbone, VOCABULARY, max_sequence_length=32
    )
    preprocessor = getattr(models, f"SqueezeBert{name}Preprocessor")(
        models.SqueezeBertTokenizer(VOCABULARY), sequence_length=12
    )
    task = getattr(models, f"SqueezeBert{name}")(
        backbone, preprocessor=preprocessor, **kwargs
    )
    return randomise(task, scale=scale)


def noisy_ids(task, texts, temperature=3.0, seed=1):
    """Labels drawn from the probabilities that the task should have."""
    probabilities = softmax(task.predict(texts, verbose=0) / temperature)
    random = np.random.default_rng(seed)
    return np.array([random.choice(len(row), p=row) for row in probabilities])


def by_gradient_descent(logits, labels, multi_label=False):
    """The temperature that PyTorch finds."""
    logits = torch.tensor(logits, dtype=torch.float64)
    scale = torch.ones(1, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy
    labels = torch.tensor(labels)
    if multi_label:
        loss = torch.nn.functional.binary_cross_entropy_with_logits
        labels = labels.double()
    optimizer = torch.optim.LBFGS([scale], max_iter=200)

    def closure():
        optimizer.zero_grad()
        value = loss(logits * scale, labels)
        value.backward()
        return value

    optimizer.step(closure)
    return 1 / scale.item(), closure().item()


@pytest.mark.parametrize("multi_label", [False, True])
def test_temperature(multi_label):
    random = np.random.default_rng(0)
    logits = random.normal(scale=3, size=(400, 4))
    labels = np.argmax(logits / 3 + random.gumbel(size=logits.shape), axis=-1)
    if multi_label:
        labels = random.uniform(size=logits.shape) < 1 / (1 + np.exp(-logits))
        logits = logits * 2.5
    expected, loss = by_gradient_descent(logits, labels, multi_label)
    assert expected > 2
    data = LabelledLogits(logits, labels)
    temperature = data.best_temperature()
    assert temperature == pytest.approx(expected, rel=1e-4)
    assert data.log_loss(temperature) == pytest.approx(loss, rel=1e-9)
    assert data.log_loss() > loss


def test_temperature_of_perfect_logits_is_finite():
    data = LabelledLogits(np.eye(3), np.arange(3))
    assert data.best_temperature() == pytest.approx(0.1, rel=1e-3)


def best_f1(is_true, scores):
    """The highest F1 of any threshold, by scikit-learn."""
    precision, recall, _ = sklearn.metrics.precision_recall_curve(
        is_true, scores
    )
    product, total = precision * recall, precision + recall
    return np.max(2 * product / np.maximum(total, 1e-12))


def test_thresholds_of_several_labels():
    random = np.random.default_rng(0)
    labels = random.uniform(size=(300, 5)) < [0.5, 0.2, 0.05, 0.01, 0]
    logits = random.normal(size=labels.shape) + 1.5 * labels - 2
    # Equal scores cannot be told apart.
    logits = logits.round(1)
    data = LabelledLogits(logits, labels)
    probabilities = data.probabilities()
    decision = data.best_decision(probabilities)
    selected = decision.selected(probabilities)
    found = sklearn.metrics.f1_score(
        labels, selected, average=None, zero_division=0
    )
    expected = [
        best_f1(labels[:, i], probabilities[:, i]) if labels[:, i].any() else 0
        for i in range(5)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    # Nothing can be learned about a class without texts.
    assert decision.threshold[4] == 0.5
    measures = data.measures(probabilities, decision)
    for average in ("micro", "macro"):
        assert measures[f"f1_{average}"] == pytest.approx(
            sklearn.metrics.f1_score(
                labels, selected, average=average, zero_division=0
            )
        )


@pytest.mark.parametrize("recall", [0.0, 0.5, 0.9])
def test_threshold_of_the_background(recall):
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, size=400)
    logits = random.normal(size=(400, 4)) + 2 * np.eye(4)[labels]
    data = LabelledLogits(logits, labels, background=1)
    probabilities = data.probabilities()
    decision = data.best_decision(probabilities, recall)

    def measure(decision):
        ids = decision.class_ids(probabilities)
        f1 = sklearn.metrics.f1_score(
            labels, ids, labels=[0, 2, 3], average="micro"
        )
        return f1, np.mean(ids[labels == 1] == 1)

    f1, recognized = measure(decision)
    assert recognized >= recall
    tried = [measure(Decision(x, background=1)) for x in np.linspace(0, 1, 999)]
    # The likeliest class, which may be better than any threshold.
    tried.append(measure(Decision()))
    assert f1 >= max(other for other, share in tried if share >= recall)
    measures = data.measures(probabilities, decision)
    assert measures["f1"] == pytest.approx(f1)
    assert measures["background_recall"] == pytest.approx(recognized)


def test_answers_with_a_background():
    decision = Decision(0.4, background=1)
    rows = np.array([[0.45, 0.5, 0.05], [0.3, 0.35, 0.35]], "float32")
    assert decision.class_ids(rows).tolist() == [0, 1]
    first, second = decision.answers(rows, NAMES)
    assert first == {"label": "one", "score": pytest.approx(0.45)}
    assert second == {"label": "other", "score": pytest.approx(0.65)}
    ranked = decision.answers(rows, NAMES, top_k=3)
    # The answer comes first, although the background has a higher score.
    assert [x["label"] for x in ranked[0]] == ["one", "other", "two"]
    assert [x["label"] for x in ranked[1]] == ["other", "two", "one"]
    assert Decision.from_json(decision.to_json()) == decision
    # A probability that equals the threshold is not above it.
    exact = Decision(float(rows[0, 0]), background=1)
    assert exact.class_ids(rows[:1]).tolist() == [1]


def test_without_a_rule_nothing_changes():
    task = make_task()
    texts = make_texts(20)
    probabilities = softmax(task.predict(texts, verbose=0))
    assert task.decision.is_default
    for answer, row in zip(task.annotate(texts), probabilities, strict=True):
        best = row.argmax()
        assert answer == {"label": NAMES[best], "score": float(row[best])}
    config = task.get_config()
    assert config.pop("threshold") is None
    assert config.pop("background_class") is None
    # As in the presets of earlier versions.
    assert type(task).from_config(config).threshold is None


def test_calibrate(tmp_path):
    task = make_task()
    texts = make_texts(200)
    y = noisy_ids(task, texts)
    logits = task.predict(texts, verbose=0)
    found = task.calibrate(texts, y, background_class="other")
    after = task.predict(texts, verbose=0)
    np.testing.assert_allclose(
        after, logits / found["temperature"], rtol=1e-3, atol=1e-4
    )
    assert found["temperature"] > 1.5 and found["samples"] == 200
    for name in ("log_loss", "expected_calibration_error"):
        assert found["after"][name] < found["before"][name]
    assert found["after"]["f1"] >= found["before"]["f1"]
    assert task.threshold == found["threshold"]
    assert task.background_class == 1 and task.threshold is not None
    labels = [answer["label"] for answer in task.annotate(texts)]
    f1 = sklearn.metrics.f1_score(
        [NAMES[i] for i in y], labels, labels=["one", "two"], average="micro"
    )
    assert f1 == pytest.approx(found["after"]["f1"])
    ids = Decision(task.threshold, 1).class_ids(softmax(after))
    assert labels == [NAMES[i] for i in ids] and len(set(labels)) > 1

    task.save_to_preset(tmp_path / "preset")
    task.save(tmp_path / "task.keras")
    for loaded in (
        type(task).from_preset(str(tmp_path / "preset")),
        keras.saving.load_model(tmp_path / "task.keras"),
    ):
        np.testing.assert_array_equal(loaded.predict(texts, verbose=0), after)
        assert loaded.threshold == task.threshold
        assert loaded.annotate(texts) == task.annotate(texts)
    # A new head has its own thresholds, and new names keep those of the head.
    options = {"preset": str(tmp_path / "preset")}
    assert type(task).from_preset(num_classes=3, **options).threshold is None
    renamed = type(task).from_preset(class_names=["a", "b", "c"], **options)
    assert renamed.decision == task.decision


def test_calibrate_with_several_labels(tmp_path):
    task = make_task(multi_label=True)
    texts = make_texts(120)
    logits = task.predict(texts, verbose=0)
    random = np.random.default_rng(0)
    y = random.uniform(size=logits.shape) < 1 / (1 + np.exp(-logits / 3 + 1))
    found = task.calibrate(texts, y.astype(int).tolist())
    assert found["after"]["f1_macro"] > found["before"]["f1_macro"]
    answers = [{x["label"] for x in row} for row in task.annotate(texts)]
    selected = [[name in row for name in NAMES] for row in answers]
    f1 = sklearn.metrics.f1_score(y, selected, average="macro")
    assert f1 == pytest.approx(found["after"]["f1_macro"])
    task.save_to_preset(tmp_path / "preset")
    loaded = type(task).from_preset(str(tmp_path / "preset"))
    assert loaded.annotate(texts) == task.annotate(texts)
    # The same as a list of names.
    names = [[x for x, has in zip(NAMES, row, strict=True) if has] for row in y]
    assert loaded.calibrate(texts, names)["temperature"] == (
        pytest.approx(1, abs=1e-3)
    )


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_activations(activation):
    multi_label = activation == "sigmoid"
    texts = make_texts(60)
    logits = make_task(multi_label=multi_label)
    other = make_task(multi_label=multi_label, activation=activation)
    y = noisy_ids(logits, texts)
    if multi_label:
        y = np.eye(3, dtype=int)[y]
    expected = logits.calibrate(texts, y)
    found = other.calibrate(texts, y)
    assert found["temperature"] == pytest.approx(
        expected["temperature"], rel=1e-3
    )
    np.testing.assert_allclose(
        other.predict(texts, verbose=0),
        logits.probabilities(logits.predict(texts, verbose=0)),
        atol=1e-4,
    )


def test_words():
    task = make_task("TokenClassifier", class_names=["O", "B-x", "I-x"])
    # A word without tokens, and texts of several windows.
    x = [text.split() for text in make_texts(30)] + [["", *WORDS * 2]]
    y = task.predict_labels(x)
    # From now on, the task finds too little.
    bias = task.output_dense.bias
    bias.assign(bias + np.array([3.0, 0.0, 0.0]))
    labels = task.predict_labels(x)
    found = task.calibrate(x, y, background_class="O")
    assert found["samples"] == sum(map(len, x)) - 1
    after = task.predict_labels(x)
    assert after != labels
    words = zip(sum(y, []), sum(after, []), sum(x, []), strict=True)
    true, predicted = zip(*[row[:2] for row in words if row[2]], strict=True)
    f1 = sklearn.metrics.f1_score(
        true, predicted, labels=["B-x", "I-x"], average="micro"
    )
    assert f1 == pytest.approx(found["after"]["f1"])
    assert f1 > found["before"]["f1"]


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"threshold": 0.5}, "must be None for a task without"),
        ({"threshold": 2, "background_class": 0}, "from 0 to 1. Received"),
        ({"threshold": [0.5] * 3, "background_class": 0}, "from 0 to 1. Rec"),
        ({"threshold": True, "background_class": 0}, "from 0 to 1. Received"),
        ({"threshold": [0.5], "multi_label": True}, "a list of 3 of them"),
        ({"threshold": "a", "multi_label": True}, "a list of 3 of them"),
        ({"background_class": 0, "multi_label": True}, "may have no class"),
        ({"background_class": 3}, "an id below 3"),
        ({"background_class": "three"}, "a name among .*'three'"),
        ({"background_class": True}, "an id below 3"),
        ({"background_class": [0]}, "an id below 3"),
    ],
)
def test_wrong_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make_task(**kwargs)


def test_tasks_that_cannot_be_calibrated():
    texts = ["the fox", "a bear", "the lake"]
    with pytest.raises(ValueError, match="needs a task with classes"):
        make_task(num_classes=1, class_names=None).calibrate(texts, [1, 2, 3])
    with pytest.raises(ValueError, match="`activation` is one of"):
        make_task(activation="tanh").calibrate(texts, [0, 1, 2])
    task = make_task()
    with pytest.raises(ValueError, match="of the background class and of"):
        task.calibrate(texts, [0, 0, 2], background_class="other")
    with pytest.raises(ValueError, match="needs a `background_class`"):
        task.calibrate(texts, [0, 0, 2], background_recall=0.5)
    with pytest.raises(ValueError, match="`background_recall` must be"):
        task.calibrate(texts, [0, 1, 2], "other", background_recall=1.5)
    with pytest.raises(ValueError, match="must be integers from 0 to 2"):
        task.calibrate(texts, [0, 1, 3])
    with pytest.raises(ValueError, match="the same number of samples"):
        task.calibrate(texts, [0, 1])
    task.output_dense.enable_lora(2)
    with pytest.raises(ValueError, match="or have LoRA weights"):
        task.calibrate(texts, [0, 1, 2])


def test_the_likeliest_class_is_kept_if_it_is_best():
    """No threshold of the other classes separates these from the background."""
    probabilities = np.array([[0.4, 0.3, 0.3], [0.48, 0.52, 0.0]], "float32")
    data = LabelledLogits(np.log(probabilities + 1e-9), [0, 1], background=1)
    assert data.best_decision(probabilities) == Decision()
    # The other text would also have to be recognized.
    data = LabelledLogits(data.logits, [1, 1], background=1)
    assert data.best_decision(probabilities, 0.9).background == 1
