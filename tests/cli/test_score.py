import csv
import json

import numpy as np
import pytest

from keras_squeeze import cli

TEXTS = ["It was great, warm and sunny.", "awful cold rain", "fine"]


def write_texts(folder, texts):
    path = folder / "texts.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "message", "label"])
        writer.writerows((i, text, "?") for i, text in enumerate(texts))
    return str(path)


def score(capsys, *arguments):
    assert cli.main(["score", *arguments]) == 0
    return capsys.readouterr().out


def test_answers_are_those_of_transformers(tmp_path, capsys, hugging_face):
    path = write_texts(tmp_path, [*TEXTS, ""])
    out = tmp_path / "out"
    argv = ["--preset", hugging_face.folder, "--input", path]
    argv += ["--text-column", "message", "--output", str(out)]
    argv += ["--prefix", "model_", "--block-rows", "2"]
    printed = score(capsys, *argv)
    assert "3 rows with answers" in printed and "added 4 rows" in printed
    assert "1 rows cannot be scored: see" in printed
    paths = sorted(out.glob("part-*.jsonl"))
    assert len(paths) == 2
    lines = [line for x in paths for line in x.read_text().splitlines()]
    rows = [json.loads(line) for line in lines]
    expected = hugging_face.probabilities(TEXTS)
    names = ["sad", "neutral", "happy"]
    assert [row["message"] for row in rows] == TEXTS
    assert [row["label"] for row in rows] == ["?"] * 3
    assert [row["model_label"] for row in rows] == [
        names[i] for i in expected.argmax(axis=-1)
    ]
    np.testing.assert_allclose(
        [row["model_score"] for row in rows],
        expected.max(axis=-1),
        atol=1e-5,
    )
    assert "added" not in score(capsys, *argv)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "The columns ['label'] of the answers exist already"),
        (["--text-column", "text"], "no column 'text'"),
        (["--input", "no*"], "No file matches `no*`"),
        (["--preset", "/nowhere/at all"], "preset='/nowhere/at all'"),
    ],
)
def test_wrong_input(tmp_path, capsys, hugging_face, arguments, message):
    argv = ["score", "--input", write_texts(tmp_path, TEXTS)]
    argv += ["--text-column", "message", "--output", str(tmp_path / "out")]
    argv += ["--preset", hugging_face.folder]
    if arguments[:1] == ["--text-column"]:
        argv.remove("--text-column")
        argv.remove("message")
    assert cli.main([*argv, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_neither_preset_nor_file(capsys):
    assert cli.main(["score", "--input", "a.csv", "--output", "out"]) == 2
    assert "--preset, or a file with --file" in capsys.readouterr().err
