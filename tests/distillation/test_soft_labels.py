"""Tests the predictions of teachers as labels."""

import numpy as np
import pytest

from keras_squeeze.distillation import soft_labels


def test_samples_without_labels():
    classes = soft_labels(lambda x: np.ones((len(x), 3)), ["a", "b"])
    assert classes.tolist() == [[-1, 1, 1, 1]] * 2
    numbers = soft_labels(lambda x: np.ones(len(x)), ["a", "b"])
    assert np.isnan(numbers[:, 0]).all() and (numbers[:, 1] == 1).all()


def test_labels_of_words():
    outputs = [np.eye(3)[:2], np.ones((1, 3))]
    y = soft_labels(lambda x: outputs, [["a", "b"], ["c"]], [[2, -1], [0]])
    assert [row.tolist() for row in y] == [
        [[2, 1, 0, 0], [-1, 0, 1, 0]],
        [[0, 1, 1, 1]],
    ]
    y = soft_labels(lambda x: outputs, [["a", "b"], ["c"]])
    assert [row[:, 0].tolist() for row in y] == [[-1, -1], [-1]]
    # The same number of words in every sample.
    y = soft_labels(lambda x: [np.eye(3)] * 2, [["a", "b", "c"]] * 2)
    assert len(y) == 2 and y[0].shape == (3, 4)


def test_refusals():
    with pytest.raises(ValueError, match="`y` must have one label per sample"):
        soft_labels(lambda x: np.ones((len(x), 2)), ["a", "b"], [0])
    words = [["a", "b"], ["c"]]
    outputs = [np.ones((2, 3)), np.ones((1, 3))]
    with pytest.raises(ValueError, match="`y` must have a list of labels per"):
        soft_labels(lambda x: outputs, words, [[0, 1]])
    with pytest.raises(ValueError, match="`y` must have one label per word"):
        soft_labels(lambda x: outputs, words, [[0, 1], [0, 1]])
