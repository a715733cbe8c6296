"""Tests that `datasets` can map `Annotate`, also in other processes."""

import pytest

from keras_squeeze.scoring import Annotate
from tests.backends import only_on
from tests.scoring.conftest import TEXTS

datasets = pytest.importorskip("datasets", reason="datasets is not installed")


def test_map(preset, classifier):
    data = datasets.Dataset.from_dict({"text": TEXTS})
    found = data.map(Annotate(preset), batched=True, batch_size=3)
    expected = classifier.annotate(TEXTS)
    assert found["text"][:] == TEXTS
    assert found["label"][:] == [answer["label"] for answer in expected]


@only_on(
    "torch",
    reason="TensorFlow and JAX cannot be used in a process that was forked",
)
def test_map_in_several_processes(preset, classifier):
    data = datasets.Dataset.from_dict({"text": TEXTS})
    found = data.map(Annotate(preset), batched=True, num_proc=2)
    expected = classifier.annotate(TEXTS)
    assert found["label"][:] == [answer["label"] for answer in expected]
