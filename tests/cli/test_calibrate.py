"""Tests `finetune --calibrate`."""

import csv
import json

import numpy as np
import pytest

from keras_squeeze import cli
from keras_squeeze.cli import finetune
from keras_squeeze.models import SqueezeBertTextClassifier
from keras_squeeze.models import SqueezeBertTokenClassifier
from tests.cli.conftest import BAD
from tests.cli.conftest import GOOD
from tests.cli.test_finetune import arguments


def write_texts(path, labels, count=64, seed=0):
    """Write texts of good or bad words, with labels."""
    random = np.random.default_rng(seed)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for i in range(count):
            label = labels[i % len(labels)]
            words = {"good": GOOD, "bad": BAD}.get(label, "abcdefg")
            writer.writerow([" ".join(random.choice([*words], size=4)), label])
    return path


def test_texts_out_of_scope(tmp_path, capsys, tiny_preset):
    """The training data has none of them."""
    train = write_texts(tmp_path / "train.csv", ["good", "bad"])
    validation = write_texts(
        tmp_path / "validation.csv", ["good", "bad", "other"], seed=1
    )
    output = tmp_path / "out"
    argv = arguments(tiny_preset, train, output, validation=validation)
    argv += ["--calibrate", "--background", "other"]
    assert cli.main([*argv, "--background-recall", "0.5"]) == 0
    printed = capsys.readouterr().out
    assert "Calibration" in printed
    assert "Expected calibration error" in printed
    assert "The threshold is 0." in printed
    task = SqueezeBertTextClassifier.from_preset(str(output))
    assert task.class_names == ["bad", "good", "other"]
    metrics = json.loads((output / "metrics.json").read_text())
    calibration = metrics["calibration"]
    assert task.threshold == calibration["threshold"]
    assert metrics["settings"]["background"] == "other"
    after = calibration["after"]
    assert 0 <= after["expected_calibration_error"] < 1
    assert after["background_recall"] >= 0.5
    assert calibration["before"]["background_recall"] == 0
    texts = ["a b c", "sad"]
    assert cli.main(["predict", "--preset", str(output), "--json", *texts]) == 0
    printed = map(json.loads, capsys.readouterr().out.splitlines())
    expected = [answer["label"] for answer in task.annotate(texts)]
    assert [row["label"] for row in printed] == expected


def test_several_labels(tmp_path, capsys, tiny_preset):
    path = tmp_path / "train.csv"
    rows = [f"{a} {b},{x}" for a, b, x in zip(GOOD, BAD, "abcdef", strict=True)]
    rows += [f"{word},good" for word in GOOD] + [f"{word}," for word in BAD]
    text = "\n".join(["text,label", *rows * 3]).replace(",a", ",good bad")
    path.write_text(text, encoding="utf-8")
    output = tmp_path / "out"
    argv = arguments(
        tiny_preset, path, output, validation=path, label_separator=" "
    )
    assert cli.main([*argv, "--calibrate", "--background", "good"]) == 2
    assert "does not support texts with several" in capsys.readouterr().err
    assert cli.main([*argv, "--calibrate"]) == 0
    assert "The thresholds of the classes are" in capsys.readouterr().out
    task = SqueezeBertTextClassifier.from_preset(str(output))
    metrics = json.loads((output / "metrics.json").read_text())["calibration"]
    assert task.threshold == metrics["threshold"]
    assert len(task.threshold) == len(task.class_names) == 7
    assert metrics["after"]["f1_macro"] >= metrics["before"]["f1_macro"]


def test_words(tmp_path, capsys, tiny_preset):
    path = tmp_path / "train.conll"
    sentence = "".join(f"{word} O\n" for word in BAD[:3])
    sentence += "".join(f"{word} B-x\n" for word in GOOD[:2])
    path.write_text("\n".join([sentence] * 32), encoding="utf-8")
    output = tmp_path / "out"
    argv = arguments(
        tiny_preset, path, output, task="token_classification", epochs=1
    )
    assert cli.main([*argv, "--calibrate"]) == 0
    task = SqueezeBertTokenClassifier.from_preset(str(output))
    assert task.class_names[task.background_class] == "O"
    metrics = json.loads((output / "metrics.json").read_text())["calibration"]
    # F1 of entities, of which the table has precision and recall as well.
    assert {"f1", "precision", "recall"} <= set(metrics["after"])
    assert metrics["after"]["f1"] == 1


@pytest.mark.parametrize(
    "options, message",
    [
        (["--background", "bad"], "--background requires --calibrate"),
        (["--background-recall", "0.5"], "--background-recall requires"),
        (["--calibrate", "--regression"], "does not support --regression"),
        (["--calibrate", "--task", "masked_lm"], "--task masked_lm"),
        (["--calibrate", "--background", "x"], "must have the label 'x'"),
    ],
)
def test_wrong_options(
    tmp_path, capsys, monkeypatch, tiny_preset, weather, options, message
):
    monkeypatch.setattr(finetune, "_make_task", None)
    argv = arguments(tiny_preset, weather, tmp_path / "out")
    assert cli.main([*argv, *options]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
