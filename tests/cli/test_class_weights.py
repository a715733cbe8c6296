"""Tests `finetune --class-weights`."""

import json

import pytest

from keras_squeeze import cli
from keras_squeeze.cli import finetune
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from tests.cli.test_finetune import arguments


@pytest.mark.parametrize(
    "values, expected",
    [
        (["balanced"], "balanced"),
        (["good=2", "bad=0.5"], {"good": 2.0, "bad": 0.5}),
        (["weights.json"], {"good": 3.0}),
    ],
)
def test_weights_reach_the_training(
    tmp_path, monkeypatch, tiny_preset, weather, values, expected
):
    found = []
    fit = TextClassifier.fit

    def record(self, *args, **kwargs):
        found.append(kwargs["class_weight"])
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(TextClassifier, "fit", record)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.json").write_text('{"good": 3}')
    output = tmp_path / "out"
    argv = arguments(tiny_preset, weather, output, epochs=1)
    assert cli.main([*argv, "--class-weights", *values]) == 0
    assert found == [expected]
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["settings"]["class_weights"] == expected


@pytest.mark.parametrize(
    "values, message",
    [
        (["great=2"], "'great': 2.0"),
        (["good=-1"], "'good': -1.0"),
        (["good=two"], "Received: 'good=two'"),
        (["good=1", "good=2"], "Received: 'good=2'"),
        (["balanced", "good=2"], "Received: 'balanced'"),
        (["no.json"], "No such file"),
        (["bad.json"], "must be JSON"),
        (["list.json"], "Received: [1]"),
        (["balanced", "--regression"], "does not support --regression"),
        (["balanced", "--teacher", "x"], "does not support --teacher"),
        (["balanced", "--task", "masked_lm"], "support --task masked_lm"),
        (["balanced", "--label-separator", " "], "with several labels"),
    ],
)
def test_wrong_weights(
    tmp_path, capsys, monkeypatch, tiny_preset, weather, values, message
):
    monkeypatch.setattr(finetune, "_make_task", None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "list.json").write_text("[1]")
    argv = arguments(tiny_preset, weather, tmp_path / "out")
    assert cli.main([*argv, "--class-weights", *values]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
