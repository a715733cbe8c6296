"""Tests the app files by reading them as an app would."""

import hashlib
import json
import os

import numpy as np
import pytest
import transformers
from ai_edge_litert.interpreter import Interpreter

from keras_squeeze import TFLiteModel
from keras_squeeze import export_tflite
from keras_squeeze.export.phones import app_files
from tests.backends import only_on
from tests.export.classifiers import squeeze_bert_classifier

pytestmark = only_on(
    "tensorflow", reason="the files do not depend on the backend"
)


@pytest.fixture(scope="module")
def folder(exported, tmp_path_factory):
    task, path, report = exported
    folder = tmp_path_factory.mktemp("app")
    app_files.write_app_files(
        folder,
        TFLiteModel(path, task.preprocessor),
        task,
        task.class_names,
        report,
    )
    return folder


def read(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_contract(exported, folder):
    _, path, _ = exported
    contract = read(folder, "contract.json")
    assert contract["file"] == path.name
    assert contract["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert contract["size_bytes"] == path.stat().st_size
    assert contract["signatures"] == [
        {"name": "serving_default", "sequence_length": 40, "overlap": None}
    ]
    assert [x["name"] for x in contract["inputs"]] == [
        "input_word_ids",
        "input_mask",
        "input_type_ids",
    ]
    assert contract["outputs"] == [
        {
            "name": "probabilities",
            "shape": [1, 3],
            "dtype": "float32",
            "add_up_to_one": True,
        }
    ]
    labels = (folder / "labels.txt").read_text(encoding="utf-8").splitlines()
    assert labels == contract["labels"] == ["first", "second", "third"]


def test_ids_by_vocabulary_and_contract(folder):
    contract = read(folder, "contract.json")
    settings = contract["tokenizer"]
    tokenizer = transformers.BertTokenizerFast(
        str(folder / settings["vocabulary"]),
        do_lower_case=settings["lowercase"],
        strip_accents=settings["strip_accents"],
        tokenize_chinese_chars=settings["split_on_chinese_characters"],
    )
    assert len(tokenizer) == settings["vocabulary_size"]
    roles = settings["roles"]
    assert list(settings["special_ids"]) == list(roles.values())
    assert roles["mask"] == tokenizer.mask_token
    assert roles["unknown"] == tokenizer.unk_token
    kept = settings["kept_tokens"]
    assert sorted(kept["in_text"]) == sorted(tokenizer.all_special_tokens)
    assert kept["in_normalized_text"] == []
    assert settings["splits_text_into_words"]
    for token, id in settings["special_ids"].items():
        assert tokenizer.convert_tokens_to_ids(token) == id
    golden = read(folder, "golden.json")
    assert {len(row["texts"]) for row in golden} == {1, 2}
    for row in golden:
        expected = tokenizer(
            *row["texts"],
            max_length=contract["signatures"][0]["sequence_length"],
            padding="max_length",
            truncation=contract["packing"]["truncation"],
        )
        inputs = row["inputs"]
        assert inputs["input_word_ids"] == expected["input_ids"]
        assert inputs["input_mask"] == expected["attention_mask"]
        assert inputs["input_type_ids"] == expected["token_type_ids"]


def test_golden_outputs(exported, folder):
    _, path, _ = exported
    interpreter = Interpreter(model_path=str(path))
    golden = read(folder, "golden.json")
    assert len(golden) == 16
    assert "" in [row["texts"][0] for row in golden]
    for row in golden:
        run = interpreter.get_signature_runner(row["signature"])
        inputs = {x: np.array([y], "int32") for x, y in row["inputs"].items()}
        for name, values in run(**inputs).items():
            np.testing.assert_allclose(
                values[0], row["outputs"][name], rtol=1e-6
            )
        assert row["largest_values_at"] == {}


def test_large_outputs(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(app_files, "_MOST_VALUES", 2)
    task, path, report = exported
    runner = TFLiteModel(path, task.preprocessor)
    app_files.write_app_files(tmp_path, runner, task, None, report)
    assert not (tmp_path / "labels.txt").exists()
    rows = read(tmp_path, "golden.json")
    texts = [row["texts"][0] for row in rows if len(row["texts"]) == 1]
    expected = runner.predict(texts).argmax(-1).tolist()
    assert len(set(expected)) > 1
    for row, value in zip(rows, expected, strict=False):
        assert row["outputs"] == {}
        assert row["largest_values_at"] == {"probabilities": value}


@pytest.mark.parametrize("name", app_files.PROGRAMS.values())
def test_programs_are_short(name):
    lines = app_files.program(name).splitlines()
    code = [line for line in lines if not line.strip().startswith("//")]
    assert 100 < len([line for line in code if line.strip()]) <= 200
    assert max(map(len, lines)) <= 100


def test_programs_on_request(exported, tmp_path):
    task, path, report = exported
    runner = TFLiteModel(path, task.preprocessor)
    app_files.write_app_files(
        tmp_path, runner, task, None, report, ["kotlin", "swift"]
    )
    assert {x.name for x in tmp_path.iterdir()} == {
        *("vocab.txt", "contract.json", "golden.json", "characters.json"),
        *("WordPieceTokenizer.kt", "WordPieceTokenizer.swift"),
    }
    characters = read(tmp_path, "characters.json")
    assert [ord("É"), ord("e")] in characters["replaced"]


def test_files_that_cannot_be_written(exported, tmp_path):
    path = tmp_path / "model.tflite"
    with pytest.raises(ValueError, match="without a `preprocessor`"):
        export_tflite(
            squeeze_bert_classifier(), path, sequence_length=8, app_files=True
        )
    task, _, _ = exported
    with pytest.raises(ValueError, match="takes text instead of"):
        export_tflite(
            task, path, sequence_length=8, app_files=True, text_input=True
        )
    with pytest.raises(ValueError, match=r"list of \['kotlin', 'swift'\]"):
        export_tflite(task, path, sequence_length=8, app_files=["java"])
    with pytest.raises(ValueError, match="must be a bool"):
        export_tflite(task, path, sequence_length=8, app_files="kotlin")
    (tmp_path / "model_app_files").touch()
    with pytest.raises(ValueError, match="model_app_files.*a file with that"):
        export_tflite(task, path, sequence_length=8, app_files=True)
    assert os.listdir(tmp_path) == ["model_app_files"]
