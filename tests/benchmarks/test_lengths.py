"""Tests the benchmark of sequence lengths with a small model."""

import numpy as np
import pytest

from keras_squeeze.benchmarks import latency
from keras_squeeze.benchmarks import lengths
from tests.backends import only_on
from tests.export.classifiers import mobile_bert_classifier

SETTINGS = {
    "models": ["mobile_bert"],
    "quantizations": [None],
    "sequence_length": (16, 8),
    "repeats": 3,
}


@only_on(
    "tensorflow", reason="the files, and LiteRT, do not depend on the backend"
)
def test_mean_is_that_of_the_lengths_of_the_sentences(tmp_path, monkeypatch):
    monkeypatch.setitem(latency.MODELS, "mobile_bert", mobile_bert_classifier)
    monkeypatch.setattr(lengths, "_measure", lambda *args: np.array([1.0, 5.0]))
    # 8, 9, more than 16 and 3 tokens, including two special tokens.
    sentences = ["a b c d e f", "a b c d e f g", "word " * 99, "a"]
    (row,) = lengths.run(sentences, folder=tmp_path, **SETTINGS)
    (path,) = tmp_path.iterdir()
    assert row == {
        "name": "mobile_bert",
        "weights": "float32",
        "size_mb": path.stat().st_size / 1e6,
        "mean_ms": 3.0,
        "longest_ms": 5.0,
        "speedup": 5 / 3,
    }
    monkeypatch.undo()
    (measured,) = lengths.run(["a"], folder=tmp_path, **SETTINGS)
    assert measured["mean_ms"] > 0
    assert measured["size_mb"] == row["size_mb"]
    assert measured["speedup"] == pytest.approx(
        measured["longest_ms"] / measured["mean_ms"]
    )
