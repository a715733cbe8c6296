"""Tests that files written by version 0.1.0 load and give the same answers.

`data/saved_files.zip` has files of models with one layer and random weights: a
preset of each task, `.keras` files, a folder written by `save_pretrained()`,
and a fine-tuning that was interrupted after the first of two epochs.
"""

import json
import pathlib
import zipfile

import keras
import numpy as np
import pytest

import keras_squeeze
from keras_squeeze import cli
from keras_squeeze import models
from tests.models.test_methods import RAW

ARCHIVE = pathlib.Path(__file__).parent / "data" / "saved_files.zip"
PRESETS = [f"MobileBert{name}" for name in RAW] + ["SqueezeBertTextClassifier"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_files")
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(folder)
    return folder


def check(outputs, folder, name):
    """Compare outputs with those of the saved model."""
    with np.load(folder / "outputs.npz") as expected:
        if not isinstance(outputs, dict):
            outputs = {"": outputs}
        for key, value in outputs.items():
            np.testing.assert_allclose(
                value, expected[f"{name}/{key}".rstrip("/")], atol=1e-5
            )


def raw_inputs(name):
    """The inputs of a task, by the end of the name of its class."""
    return RAW[name.removeprefix("MobileBert").removeprefix("SqueezeBert")][0]


@pytest.mark.parametrize("name", PRESETS)
def test_preset(name, folder):
    task = getattr(models, name).from_preset(str(folder / "presets" / name))
    outputs = task.predict(raw_inputs(name), verbose=0)
    check(outputs, folder, f"presets/{name}")


@pytest.mark.parametrize(
    "name", ["MobileBertQuestionAnswering", "SqueezeBertTextClassifier"]
)
def test_keras_file(name, folder):
    task = keras.saving.load_model(folder / f"{name}.keras")
    assert type(task) is getattr(models, name)
    outputs = task.predict(raw_inputs(name), verbose=0)
    check(outputs, folder, f"{name}.keras")


def test_face(folder):
    path = folder / "face"
    face = keras_squeeze.MobileBertForSequenceClassification.from_pretrained(
        path
    )
    ids = np.array([[2, 5, 6, 3], [2, 7, 3, 0]])
    outputs = face(input_ids=ids, attention_mask=(ids > 0).astype("int32"))
    check(keras.ops.convert_to_numpy(outputs.logits), folder, "face")
    for name in ("MobileBertTokenizer", "MobileBertTokenizerFast"):
        tokenizer = getattr(keras_squeeze, name).from_pretrained(path)
        assert tokenizer("a b.")["input_ids"] == [2, 5, 6, 57, 3]


def test_stopped_training(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    stopped = json.loads(pathlib.Path("tuned.training/state.json").read_text())
    argv = "finetune --preset presets/SqueezeBertTextClassifier "
    argv += "--train train.csv --output tuned --epochs 2 --batch-size 8 "
    argv += "--learning-rate 0.01 --sequence-length 8"
    assert cli.main(argv.split()) == 0
    assert "Resuming after epoch 1" in capsys.readouterr().out
    history = json.loads(pathlib.Path("tuned/metrics.json").read_text())
    first, second = history["history"]
    assert {**first, **stopped["history"][0]} == first
    # The random numbers of dropout differ between backends.
    assert second["epoch"] == 2 and np.isfinite(second["loss"])
    task = models.SqueezeBertTextClassifier.from_preset("tuned")
    assert task.class_names == ["bad", "good"]
