"""Tests the fitting of a head with the logistic regression of scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from keras_squeeze.models.class_names import softmax
from keras_squeeze.models.tasks.logistic_regression import logistic_regression
from tests.models.test_calibration import NAMES
from tests.models.test_calibration import make_task
from tests.models.test_calibration import make_texts
from tests.task_checks import to_numpy


@pytest.mark.parametrize("c", [0.1, 10.0])
@pytest.mark.parametrize("num_classes", [2, 4])
def test_logistic_regression(c, num_classes):
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 6))
    scores = features @ random.normal(size=(6, num_classes))
    labels = np.argmax(scores + random.gumbel(size=scores.shape), axis=-1)
    weights, biases = logistic_regression(features, labels, num_classes, c)
    # For two classes, theirs has one vector instead of two opposite ones,
    # whose squares add up to half of its square.
    scale = 2 if num_classes == 2 else 1
    theirs = LogisticRegression(C=c * scale, tol=1e-8, max_iter=5000)
    theirs.fit(features, labels)
    np.testing.assert_allclose(
        softmax(features @ weights + biases),
        theirs.predict_proba(features),
        atol=1e-4,
    )


def test_logistic_regression_of_several_labels():
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 6))
    labels = features @ random.normal(size=(6, 3)) + random.normal(
        size=(200, 3)
    ) > [0, 1, 2]
    weights, biases = logistic_regression(features, labels, 3, 2.0)
    theirs = OneVsRestClassifier(
        LogisticRegression(C=2.0, tol=1e-8, max_iter=5000)
    ).fit(features, labels)
    np.testing.assert_allclose(
        1 / (1 + np.exp(-features @ weights - biases)),
        theirs.predict_proba(features),
        atol=1e-4,
    )


@pytest.mark.parametrize("multi_label", [False, True])
def test_fit_head(multi_label):
    task = make_task(multi_label=multi_label)
    texts = make_texts(60)
    ids = np.array([("fox" in x) + 2 * ("bear" in x) for x in texts]) % 3
    before = [to_numpy(weight) for weight in task.backbone.weights]
    inputs = to_numpy(task.preprocessor(texts))
    features = to_numpy(task.backbone(inputs)["pooled_output"])
    if multi_label:
        y = np.eye(3, dtype=bool)[ids]
        labels = [[NAMES[i]] for i in ids]
    else:
        y, labels = ids, [NAMES[i] for i in ids]
    task.fit_head(texts, labels, inverse_penalty=5.0, batch_size=7)
    kernel, bias = logistic_regression(features, y, 3, 5.0)
    logits = features @ kernel + bias
    np.testing.assert_allclose(
        task.predict(texts, verbose=0), logits, rtol=1e-2, atol=1e-2
    )
    for weight, old in zip(task.backbone.weights, before, strict=True):
        np.testing.assert_array_equal(to_numpy(weight), old)
    if not multi_label:
        assert np.mean(logits.argmax(axis=-1) == ids) > 0.7


def test_wrong_arguments():
    texts = ["the fox", "a bear", "the lake"]
    with pytest.raises(ValueError, match="`fit_head.* needs a task with clas"):
        make_task(num_classes=1, class_names=None).fit_head(texts, [1, 2, 3])
    task = make_task()
    with pytest.raises(ValueError, match="`inverse_penalty` must be a positi"):
        task.fit_head(texts, [0, 1, 2], inverse_penalty=0)
    with pytest.raises(ValueError, match="the same number of samples"):
        task.fit_head(texts, [0, 1])
    task.output_dense.enable_lora(2)
    with pytest.raises(ValueError, match="`fit_head.* or have LoRA weights"):
        task.fit_head(texts, [0, 1, 2])
