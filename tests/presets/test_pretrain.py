"""The recipe of the tiny presets, on a handful of sentences."""

import json
import os
import random
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_squeeze
from tests.conftest import REPOSITORY


def run(tmp_path, steps):
    return subprocess.run(
        [
            sys.executable,
            REPOSITORY / "presets" / "pretrain.py",
            "mobile_bert_tiny_en_uncased",
            f"--corpus={tmp_path / 'corpus.txt'}",
            f"--steps={steps}",
            "--batch-size=8",
            "--sequence-length=12",
            "--held-out=16",
            "--no-jit-compile",
            f"--work={tmp_path / 'work'}",
            f"--output={tmp_path / 'presets'}",
        ],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.skipif(
    keras.config.backend() != "tensorflow",
    reason="the recipe runs in a process of its own, with TensorFlow",
)
def test_recipe_writes_a_preset_and_goes_on(tmp_path):
    words = "the quick brown fox jumped over a lazy dog in our garden".split()
    generator = random.Random(0)
    lines = [" ".join(generator.choices(words, k=12)) for _ in range(200)]
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(lines), encoding="utf-8")
    assert "Resuming" not in run(tmp_path, steps=2)
    assert "Resuming at step 2" in run(tmp_path, steps=4)

    folder = tmp_path / "presets" / "mobile_bert_tiny_en_uncased"
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["settings"]["steps"] == 4
    perplexities = provenance["masked_token_perplexity"]
    assert set(perplexities) == {"held-out part of the corpus"}
    backbone = keras_squeeze.models.MobileBertBackbone.from_preset(str(folder))
    assert backbone.count_params() == provenance["parameters"]
    assert backbone.dtype_policy.name == "float32"
    inputs = {
        "token_ids": np.array([[101, 1996, 102]]),
        "segment_ids": np.zeros((1, 3), "int32"),
        "padding_mask": np.ones((1, 3), "int32"),
    }
    output = keras.ops.convert_to_numpy(backbone(inputs)["pooled_output"])
    assert np.isfinite(output).all()
