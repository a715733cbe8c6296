import numpy as np
import pytest

from keras_squeeze.datasets.samples import Samples
from keras_squeeze.datasets.samples import object_array

WORDS = object_array([["a", "b"], ["c"], ["d", "e"]])
LABELS = object_array([[0, 1], [1], [0, 0]])
SAMPLES = {
    "texts": Samples(np.array(["a", "b", "c"], object), np.arange(3)),
    "no labels": Samples(np.array(["a", "b", "c"], object)),
    "pairs": Samples((WORDS, LABELS), np.array([0.5, 1.5, 2.5])),
    "words": Samples(WORDS, LABELS),
    "dictionaries": Samples({"question": WORDS}, {"answer": LABELS}),
}


@pytest.mark.parametrize("samples", SAMPLES.values(), ids=SAMPLES)
def test_digest_tells_samples_apart(samples):
    assert len(samples) == 3
    same = samples.take(np.array([0, 1, 2]))
    assert same.digest() == samples.digest()
    for indices in ([1, 0, 2], [0, 1]):
        assert samples.take(np.array(indices)).digest() != samples.digest()
    others = [x.digest() for x in SAMPLES.values() if x is not samples]
    assert samples.digest() not in others


@pytest.mark.parametrize("samples", SAMPLES.values(), ids=SAMPLES)
def test_joined(samples):
    first, rest = samples.take([0]), samples.take([1, 2])
    assert first.joined(rest).digest() == samples.digest()
    assert rest.joined(first).digest() == samples.take([1, 2, 0]).digest()


@pytest.mark.parametrize(
    "indices", [np.array([0, 2]), np.array([True, False, True])]
)
def test_take(indices):
    part = SAMPLES["pairs"].take(indices)
    words, labels = part.x
    assert words.tolist() == [["a", "b"], ["d", "e"]]
    assert labels.tolist() == [[0, 1], [0, 0]]
    assert part.y.tolist() == [0.5, 2.5]
    part = SAMPLES["dictionaries"].take(indices)
    assert part.y["answer"].tolist() == [[0, 1], [0, 0]]
    assert len(part) == 2
    assert len(SAMPLES["no labels"].take(indices).parts()) == 1
