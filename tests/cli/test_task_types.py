"""Tests every task from a file to a preset and readable answers."""

import json

import keras
import pytest

from keras_squeeze import cli
from keras_squeeze import models
from keras_squeeze.cli.task_types import TASK_TYPES
from tests.backends import only_on
from tests.tiny import tiny_backbone

pytestmark = only_on(
    "torch",
    reason="the command line is the same on every backend; none is faster",
)

CONLL = "ada B-person\nlived O\nin O\nrome B-place\n\nall O\nis O\nwell O\n\n"
SQUAD = {
    "data": [
        {
            "paragraphs": [
                {
                    "context": "ada lived in rome. it was warm.",
                    "qas": [
                        {
                            "id": str(i),
                            "question": "who lived in rome?",
                            "answers": [{"text": "ada", "answer_start": 0}],
                        }
                        for i in range(16)
                    ],
                }
            ]
        }
    ]
}
PAIRS = "sentence1,sentence2,label\ni ate,it was good,0\ni ate,cats fly,1\n"


@pytest.fixture(scope="module")
def mobile_preset(tmp_path_factory, tiny_vocabulary):
    """A preset of a MobileBERT small enough to train in a test."""
    backbone = tiny_backbone(models.MobileBertBackbone, tiny_vocabulary)
    folder = tmp_path_factory.mktemp("presets") / "mobile"
    backbone.save_to_preset(str(folder))
    models.MobileBertTokenizer(tiny_vocabulary).save_to_preset(str(folder))
    return str(folder)


# The task, the name and contents of a file, arguments for training and for
# prediction, and the columns of the answers.
CASES = {
    "several labels": (
        "text_classification",
        "data.csv",
        "text,label\n" + "sunny,warm;dry\ncold rain,\nrain,wet\n" * 6,
        ["--label-separator", ";"],
        ["sunny"],
        {"text", "label", "score"},
    ),
    "regression": (
        "text_classification",
        "data.jsonl",
        '{"text": "cold", "label": 0.5}\n{"text": "warm", "label": 3}\n' * 8,
        ["--regression"],
        ["sunny"],
        {"text", "label", "score"},
    ),
    "token_classification": (
        "token_classification",
        "data.conll",
        CONLL * 8,
        [],
        ["ada lived in rome"],
        {"text", "label", "score", "word", "start", "end"},
    ),
    "question_answering": (
        "question_answering",
        "data.json",
        json.dumps(SQUAD),
        [],
        ["--context", "eve lived in oslo.", "who lived in oslo?"],
        {"text", "answer", "score", "start", "end"},
    ),
    "multiple_choice": (
        "multiple_choice",
        "data.csv",
        "prompt,choice1,choice2,choice3,label\n"
        + "it was,warm,cold,sunny,1\ni ate,well,cats,,0\n" * 8,
        [],
        ["--choice", "sunny", "--choice", "cats", "it was"],
        {"text", "answer", "score", "label"},
    ),
    "next_sentence": (
        "next_sentence",
        "data.csv",
        PAIRS + PAIRS.partition("\n")[2] * 9,
        [],
        ["i ate\tit was good"],
        {"text", "label", "score"},
    ),
    "masked_lm": (
        "masked_lm",
        "data.txt",
        "it was a warm and sunny day\nall is well\n" * 8,
        [],
        ["it was [MASK] and [MASK]"],
        {"text", "mask", "score", "token", "token_str", "sequence"},
    ),
    "pretraining": (
        "pretraining",
        "data.tsv",
        "text1\ttext2\n"
        + "it was warm\tall was well\ni ate\tit was good\n" * 8,
        [],
        ["i [MASK]\tit was good"],
        {"text", "mask", "score", "token", "token_str", "sequence", "label"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_from_a_file_to_answers(tmp_path, capsys, mobile_preset, case):
    task, name, text, to_train, to_predict, columns = CASES[case]
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    output = tmp_path / "out"
    argv = ["finetune", "--task", task, "--preset", mobile_preset]
    argv += ["--train", str(path), "--output", str(output), "--epochs", "2"]
    argv += ["--batch-size", "8", "--sequence-length", "48", "--debug"]
    argv += ["--learning-rate", "0.05", "--patience", "2"]
    assert cli.main([*argv, *to_train]) == 0
    assert "Learning curve" in capsys.readouterr().out
    assert (output / "learning_curve.png").stat().st_size > 1000
    history = json.loads((output / "metrics.json").read_text())["history"]
    assert [row["epoch"] for row in history] == [1, 2]
    if task in ("token_classification", "question_answering"):
        assert 0 <= history[0]["val_f1"]

    argv = ["predict", "--preset", str(output), "--debug"]
    assert cli.main([*argv, "--json", *to_predict]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {name for row in rows for name in row}
    # The model may not find any entities yet.
    assert found == columns or (task == "token_classification" and not rows)
    assert cli.main([*argv, *to_predict]) == 0
    printed = capsys.readouterr().out
    assert all(name.capitalize() in printed for name in found & {"score"})


def test_embeddings_of_any_preset(capsys, mobile_preset):
    argv = ["predict", "--preset", mobile_preset, "--task", "text_embedding"]
    assert cli.main([*argv, "--json", "it was warm", "cats"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for row in rows] == ["it was warm", "cats"]
    for row in rows:
        assert sum(x * x for x in row["embedding"]) == pytest.approx(
            1, abs=1e-4
        )


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("question_answering", "Pass the text with --context"),
        ("multiple_choice", "Pass each choice with --choice"),
        ("next_sentence", "two texts separated by a tab"),
    ],
)
def test_what_predict_needs(case, message):
    args = cli.build_parser().parse_args(["predict", "--preset", "x", "a"])
    with pytest.raises(ValueError, match=message):
        TASK_TYPES[case].inputs(args)


@pytest.mark.parametrize("command", ["finetune", "predict"])
def test_help_tells_of_every_task(capsys, command):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    output = capsys.readouterr().out
    for name, task_type in TASK_TYPES.items():
        texts = task_type.texts_help
        if command == "finetune":
            texts = task_type.files_help
        assert f"  {name:<22}{texts[:30]}" in output


def test_regression_starts_at_the_mean(tmp_path, mobile_preset):
    path = tmp_path / "data.tsv"
    rows = [f"{word}\t{i}" for i in range(1, 5) for word in ("sunny", "cold")]
    path.write_text("\n".join(["text\tlabel", *rows]), encoding="utf-8")
    argv = ["finetune", "--preset", mobile_preset, "--regression", "--debug"]
    argv += ["--train", str(path), "--validation", str(path), "--epochs", "1"]
    # Steps that are too small to change a weight.
    argv += ["--learning-rate", "1e-12", "--output", str(tmp_path / "out")]
    assert cli.main(argv) == 0
    task = models.MobileBertTextClassifier.from_preset(str(tmp_path / "out"))
    (bias,) = keras.ops.convert_to_numpy(task.output_dense.bias)
    assert bias == pytest.approx(2.5)
