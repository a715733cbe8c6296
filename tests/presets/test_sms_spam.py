"""Tests the recipe of the spam preset, and its metrics."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from tests.conftest import REPOSITORY


@pytest.fixture
def recipe(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "presets")
    import sms_spam

    return sms_spam


@pytest.fixture
def measures(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "presets")
    import measures

    return measures


@pytest.mark.parametrize("count, total", [(0, 7), (130, 131), (500, 1035)])
def test_interval_of_a_share(measures, count, total):
    expected = stats.binomtest(count, total).proportion_ci(method="wilson")
    share = measures.wilson(count, total)
    assert share["value"] == pytest.approx(count / total, abs=1e-4)
    assert share["low"] == pytest.approx(expected.low, abs=1e-4)
    assert share["high"] == pytest.approx(expected.high, abs=1e-4)


def test_metrics(recipe):
    random = np.random.default_rng(0)
    y = (random.random(500) < 0.2).astype("int32")
    answers = np.where(random.random(500) < 0.1, 1 - y, y)
    found = {k: m["value"] for k, m in recipe.measure(y, answers).items()}
    assert found == {
        name: pytest.approx(value, abs=1e-4)
        for name, value in {
            "accuracy": metrics.accuracy_score(y, answers),
            "precision of spam": metrics.precision_score(y, answers),
            "recall of spam": metrics.recall_score(y, answers),
            "ham taken for spam": 1
            - metrics.recall_score(y, answers, pos_label=0),
            "F1 of spam": metrics.f1_score(y, answers),
        }.items()
    }
    f1 = recipe.measure(y, answers)["F1 of spam"]
    assert f1["low"] < f1["value"] - 0.02 and f1["value"] + 0.02 < f1["high"]
