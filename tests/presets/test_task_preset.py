"""Tests the recipes of the presets that are ready to use."""

import json
import sys
import types

import numpy as np
import pytest
import transformers
from sklearn import metrics

import keras_squeeze
from keras_squeeze import models
from tests.backends import only_on
from tests.conftest import REPOSITORY
from tests.model_oracle import bert_config
from tests.tiny import tiny_backbone

WORDS = "wake play stop call".split()
THINGS = "alarm song music friend taxi dinner".split()


@pytest.fixture(autouse=True)
def recipes(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "presets")


@pytest.fixture
def base(tmp_path, vocabulary):
    """A preset with the real vocabulary that is quick to train."""
    folder = tmp_path / "base"
    backbone = tiny_backbone(models.MobileBertBackbone, vocabulary)
    backbone.save_to_preset(str(folder))
    models.MobileBertTokenizer(vocabulary).save_to_preset(str(folder))
    return folder


@pytest.fixture
def run(tmp_path, base, monkeypatch):
    """A function that runs a recipe and returns the folder of the preset."""

    def run(recipe, module, data, *options):
        import task_preset

        argv = [f"{recipe.name}.py", str(data), "--base", str(base)]
        argv += ["--epochs", "2", "--learning-rate", "0.01"]
        argv += ["--sequence-length", "16", "--work", str(tmp_path / "work")]
        argv += ["--output", str(tmp_path / "presets"), *options]
        monkeypatch.setattr(sys, "argv", argv)
        task_preset.run(recipe, module.__doc__)
        name = f"mobile_bert_tiny_en_uncased_{recipe.name}"
        return tmp_path / "presets" / name

    return run


def check(folder, task_class):
    """Check what a recipe wrote, and return the task and the provenance."""
    provenance = json.loads((folder / "provenance.json").read_text())
    card = (folder / "README.md").read_text("utf-8")
    assert "{" not in card and f"# {folder.name}" in card
    for name, found in provenance["metrics"].items():
        assert found["low"] <= found["value"] <= found["high"]
        assert f"| {name} | {found['value']:.4f} |" in card
    command = provenance["recipe"]
    assert command in card
    assert "--work" not in command and "--output" not in command
    assert provenance["tflite"]["equal_answers"] > 0.9
    assert (folder / "learning_curve.png").exists()
    task = task_class.from_preset(str(folder))
    for weight in task.get_weights():
        mantissas = np.frexp(weight)[0] * 2**7
        np.testing.assert_array_equal(mantissas, np.round(mantissas))
    return task, provenance


def requests(count, seed):
    draw = np.random.default_rng(seed)
    return [
        (f"{WORDS[i % 4]} my {draw.choice(THINGS)}", f"intent_{i % 4}")
        for i in range(count)
    ]


@only_on("torch", reason="the whole recipe takes long")
def test_intents(tmp_path, run, vocabulary, capsys):
    import intents

    others = [(f"{thing} {thing} !", "oos") for thing in THINGS]
    parts = {"train": requests(48, 0), "val": requests(16, 1)}
    parts.update(test=requests(20, 2), oos_train=others, oos_val=others)
    data = tmp_path / "data_full.json"
    data.write_text(json.dumps({**parts, "oos_test": others}))
    folder = tmp_path / "minilm"
    config = bert_config(vocab_size=30522, intermediate_size=16)
    transformers.BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    options = ["--teacher", str(folder), "--teacher-epochs", "2"]
    preset = run(intents.Intents(), intents, data, *options, "--variants", "40")
    assert "Teacher, epoch 2/2" in capsys.readouterr().out
    task, provenance = check(preset, models.MobileBertTextClassifier)
    assert task.class_names[-1] == "out_of_scope" and task.num_classes == 5
    assert task.background_class == 4
    assert provenance["calibration"]["threshold"] == task.threshold
    assert provenance["recipe"].startswith(
        "python presets/intents.py data_full.json --base base --epochs 2"
    )
    assert "--teacher minilm" in provenance["recipe"]
    # All is done, so that nothing is trained again.
    run(intents.Intents(), intents, data, *options, "--variants", "40")
    printed = capsys.readouterr().out
    assert "Resuming after epoch 2" in printed
    assert "Teacher" not in printed and "Epoch 1/2" not in printed


@pytest.fixture
def no_export(monkeypatch):
    """Replaces the export, which takes most of the time."""
    evaluation = types.SimpleNamespace(equal_answers=1.0)
    report = types.SimpleNamespace(size_bytes=5e6, evaluation=evaluation)
    monkeypatch.setattr(
        keras_squeeze, "export_tflite", lambda *args, **kwargs: report
    )


@only_on("torch", reason="the whole recipe takes long")
def test_emotions(tmp_path, run, no_export):
    import emotions

    data = tmp_path / "goemotions"
    data.mkdir()
    (data / "labels.txt").write_text("joy\nanger\nneutral\n")
    rows = ["so happy\t0\ta", "so angry\t1\tb", "happy and angry\t0,1\tc"]
    rows += ["a day\t2\td"]
    for part in ("train", "dev", "test"):
        (data / f"{part}.tsv").write_text("\n".join(rows * 6) + "\n")
    preset = run(emotions.Emotions(), emotions, data)
    task, provenance = check(preset, models.MobileBertTextClassifier)
    assert task.multi_label and len(task.threshold) == 3
    assert set(provenance["corpus_sha256"]) == {
        *("dev.tsv", "labels.txt", "test.tsv", "train.tsv")
    }


@only_on("torch", reason="the whole recipe takes long")
def test_entities(tmp_path, run, no_export):
    import entities

    data = tmp_path / "wnut17"
    data.mkdir()
    text = "ada\tB-person\nsaw\tO\nrome\tB-location\n\nwe\tO\nslept\tO\n\n"
    for name in (
        "wnut17train.conll",
        "emerging.dev.conll",
        "emerging.test.annotated",
    ):
        (data / name).write_text(text * 8)
    preset = run(entities.Entities(), entities, data)
    task, _ = check(preset, models.MobileBertTokenClassifier)
    assert set(task.class_names) == {"O", "B-person", "B-location"}


def test_f1_of_classes(monkeypatch):
    import emotions
    from measures import bootstrap
    from measures import f1

    random = np.random.default_rng(0)
    y, selected = random.random((2, 200, 4)) < 0.3
    counts = emotions._counts(y, selected)
    for average, of_sums in (
        ("macro", lambda sums: f1(sums).mean(axis=-1)),
        ("micro", lambda sums: f1(sums.sum(axis=1))),
    ):
        found = bootstrap(counts, of_sums, samples=500)
        expected = metrics.f1_score(y, selected, average=average)
        assert found["value"] == pytest.approx(expected, abs=1e-4)
        assert found["low"] < expected - 0.02 < expected + 0.02 < found["high"]


def test_surest_mistakes():
    import task_preset

    found = task_preset.surest(
        ["one", "two", "three", "four", "a very long text" * 9],
        ["a", "a", "b", "b", "b"],
        ["a", "b", "a", "a", "a"],
        [0.9, 0.5, 0.7, 0.6, 0.8],
        count=2,
    )
    assert found == [("three", "b", "a", 0.7), ("four", "b", "a", 0.6)]


@pytest.mark.parametrize("bits", [3, 7, 11])
def test_weights_with_fewer_bits(bits):
    from preset_folder import rounded

    values = np.random.default_rng(0).normal(size=1000).astype("float32")
    values[:2] = 0.0, -1e-6
    found = rounded(values, bits)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, values, rtol=2.0**-bits)
    mantissas = np.frexp(found)[0] * 2**bits
    np.testing.assert_array_equal(mantissas, np.round(mantissas))
    np.testing.assert_array_equal(rounded(found, bits), found)
