"""Tests `finetune --head-first`."""

import pytest

from keras_squeeze import cli
from keras_squeeze.cli import finetune
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from tests.cli.test_finetune import arguments


def test_the_head_is_fitted_before_the_training(
    tmp_path, capsys, monkeypatch, tiny_preset, weather
):
    calls = []
    fit, fit_head = TextClassifier.fit, TextClassifier.fit_head

    def record_fit(self, *args, **kwargs):
        calls.append("fit")
        if calls.count("fit") == 2:
            raise ValueError("the machine fails")
        return fit(self, *args, **kwargs)

    def record_fit_head(self, x, y):
        calls.append((len(x), self.preprocessor.sequence_length))
        return fit_head(self, x, y)

    monkeypatch.setattr(TextClassifier, "fit", record_fit)
    monkeypatch.setattr(TextClassifier, "fit_head", record_fit_head)
    argv = arguments(tiny_preset, weather, tmp_path / "out", epochs=2)
    assert cli.main([*argv, "--head-first"]) == 2
    assert "the machine fails" in capsys.readouterr().err
    # The resumed training has the head of the epoch before.
    assert cli.main([*argv, "--head-first"]) == 0
    assert calls == [(144, 16), "fit", "fit", "fit"]


@pytest.mark.parametrize(
    "options, message",
    [
        (["--regression"], "does not support --regression"),
        (["--task", "masked_lm"], "does not support --task masked_lm"),
    ],
)
def test_wrong_options(
    tmp_path, capsys, monkeypatch, tiny_preset, weather, options, message
):
    monkeypatch.setattr(finetune, "_make_task", None)
    argv = arguments(tiny_preset, weather, tmp_path / "out")
    assert cli.main([*argv, "--head-first", *options]) == 2
    assert f"--head-first {message}" in capsys.readouterr().err
