import json
import subprocess

import numpy as np
import pytest

from keras_squeeze import TFLiteModel
from keras_squeeze import cli
from keras_squeeze import models
from keras_squeeze.export import process


def test_the_file_answers_as_the_preset(
    tmp_path, capsys, monkeypatch, hugging_face
):
    # Use a new process, as outside of the tests.
    monkeypatch.setattr(process, "subprocess", subprocess)
    path = tmp_path / "model.tflite"
    argv = ["export", "--preset", hugging_face.folder, "--output", str(path)]
    labelled = tmp_path / "labelled.csv"
    labelled.write_text("text,label\ngreat and warm,happy\nawful rain,sad\n")
    argv += ["--evaluate", str(labelled)]
    argv += ["--report", str(tmp_path / "report.json")]
    argv += ["--app-files", "kotlin"]
    assert cli.main([*argv, "--sequence-length", "8,16"]) == 0
    names = {x.name for x in (tmp_path / "model_app_files").iterdir()}
    assert {"WordPieceTokenizer.kt", "characters.json"} < names
    assert "WordPieceTokenizer.swift" not in names
    assert "length_8, length_16" in capsys.readouterr().out
    preprocessor = models.MobileBertTextClassifierPreprocessor.from_preset(
        hugging_face.folder
    )
    texts = ["great and warm", "awful rain"]
    np.testing.assert_allclose(
        TFLiteModel(path, preprocessor).predict(texts),
        hugging_face.probabilities(texts),
        atol=1e-4,
    )
    report = json.loads((tmp_path / "report.json").read_text())
    right = hugging_face.probabilities(texts).argmax(axis=-1) == [2, 0]
    accuracy = report["evaluation"]["metrics"]["accuracy"]
    assert accuracy["file"] == accuracy["keras"] == np.mean(right)


def test_text_input(tmp_path, capsys, hugging_face):
    path = tmp_path / "model.tflite"
    argv = ["export", "--preset", hugging_face.folder, "--output", str(path)]
    argv += ["--text-input", "--sequence-length"]
    assert cli.main([*argv, "8,16"]) == 2
    assert "single `sequence_length`" in capsys.readouterr().err
    assert cli.main([*argv, "16"]) == 0
    texts = ["great and warm", "awful rain"]
    np.testing.assert_allclose(
        TFLiteModel(path).predict(texts),
        hugging_face.probabilities(texts),
        atol=1e-4,
    )


def test_wrong_input(tmp_path, capsys, tiny_preset, hugging_face):
    path = tmp_path / "model.tflite"
    argv = ["export", "--output", str(path), "--preset"]
    assert cli.main([*argv, tiny_preset]) == 2
    assert "is not fine-tuned for a task" in capsys.readouterr().err
    argv += [hugging_face.folder, "--sequence-length", "65"]
    assert cli.main(argv) == 2
    assert "`sequence_length` must be" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main([*argv[:-1], "16,,32"])
    assert "must be a positive integer, not ''" in capsys.readouterr().err
    argv += ["--report", str(tmp_path / "report.txt")]
    assert cli.main(argv) == 2
    assert "must end in .json or .md" in capsys.readouterr().err
    assert not path.exists()
