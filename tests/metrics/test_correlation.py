import keras
import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from keras_squeeze.metrics import correlation

RANDOM = np.random.default_rng(0)
SCORES = RANDOM.integers(0, 11, 200) / 2
PREDICTIONS = SCORES + RANDOM.normal(1.0, 2.0, 200)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_correlations_of_scores(shape):
    expected = scipy.stats.pearsonr(SCORES, PREDICTIONS).statistic
    predictions = PREDICTIONS.reshape(shape)
    assert correlation.pearson(SCORES, predictions) == pytest.approx(expected)
    # SCORES has many ties.
    expected = scipy.stats.spearmanr(SCORES, PREDICTIONS).statistic
    assert correlation.spearman(SCORES, predictions) == pytest.approx(expected)
    rising = np.exp(PREDICTIONS)
    assert correlation.spearman(PREDICTIONS, rising) == pytest.approx(1)
    assert correlation.pearson(PREDICTIONS, rising) < 0.9


@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_classes(num_classes):
    y_true = RANDOM.integers(0, num_classes, 300)
    y_pred = np.where(RANDOM.random(300) < 0.6, y_true, 0)
    expected = sklearn.metrics.matthews_corrcoef(y_true, y_pred)
    assert 0.1 < expected < 0.9
    assert correlation.matthews(y_true, y_pred) == pytest.approx(expected)
    accuracy = sklearn.metrics.accuracy_score(y_true, y_pred)
    assert correlation.accuracy(y_true, y_pred) == pytest.approx(accuracy)
    names = np.array(["a", "b", "c", "d", "e"])
    by_name = correlation.matthews(list(names[y_true]), list(names[y_pred]))
    assert by_name == pytest.approx(expected)


def test_examples_by_hand():
    assert correlation.accuracy(["ham", "spam"], ["ham", "ham"]) == 0.5
    assert correlation.matthews([0, 1], [1, 0]) == pytest.approx(-1)
    # Three correct answers and one false positive: 2 / sqrt(3 * 2 * 1 * 2).
    coefficient = correlation.matthews([0, 0, 1, 1], [0, 1, 1, 1])
    assert coefficient == pytest.approx(12**-0.5 * 2)


@pytest.mark.parametrize("name", ["pearson", "spearman", "matthews"])
def test_no_spread_is_no_correlation(name):
    assert getattr(correlation, name)([1, 2, 3], [2, 2, 2]) == 0
    assert getattr(correlation, name)([1, 1, 1], [1, 2, 3]) == 0


@pytest.mark.parametrize("name", ["accuracy", "pearson", "matthews"])
def test_entries_that_do_not_belong_together(name):
    function = getattr(correlation, name)
    with pytest.raises(ValueError, match="Received: 2 and 1 entries"):
        function([1, 2], [1])
    with pytest.raises(ValueError, match="at least one"):
        function([], [])


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_metric_of_batches(offset):
    metric = correlation.PearsonCorrelation()
    assert float(metric.result()) == 0
    for start in (0, 3, 64):
        stop = {0: 3, 3: 64, 64: 200}[start]
        part = slice(start, stop)
        metric.update_state(
            SCORES[part], (PREDICTIONS[part] + offset)[:, np.newaxis]
        )
    expected = scipy.stats.pearsonr(SCORES, PREDICTIONS).statistic
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4)
    metric.reset_state()
    metric.update_state([0.0, 1.0], [3.0, 2.0])
    assert float(metric.result()) == pytest.approx(-1)


def test_metric_with_weights():
    weights = RANDOM.integers(0, 3, 200)
    metric = correlation.PearsonCorrelation()
    # The first batch has zero weight.
    metric.update_state(SCORES[:5], PREDICTIONS[:5], np.zeros(5))
    for part in (slice(0, 50), slice(50, 200)):
        metric.update_state(SCORES[part], PREDICTIONS[part], weights[part])
    expected = scipy.stats.pearsonr(
        np.repeat(SCORES, weights), np.repeat(PREDICTIONS, weights)
    ).statistic
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4)


def test_metric_is_saved_with_a_model():
    metric = correlation.PearsonCorrelation(name="p")
    config = keras.saving.serialize_keras_object(metric)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is correlation.PearsonCorrelation
    assert again.name == "p"
