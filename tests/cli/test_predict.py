import io
import json

import numpy as np
import pytest

from keras_squeeze import cli

TEXTS = ["It was great, warm and sunny.", "awful [bold]cold[/bold] rain"]


def test_answers_are_those_of_transformers(capsys, hugging_face):
    argv = ["predict", "--preset", hugging_face.folder, "--json"]
    assert cli.main([*argv, *TEXTS]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = hugging_face.probabilities(TEXTS)
    names = ["sad", "neutral", "happy"]
    assert [row["text"] for row in rows] == TEXTS
    assert [row["label"] for row in rows] == [
        names[i] for i in expected.argmax(axis=-1)
    ]
    np.testing.assert_allclose(
        [row["score"] for row in rows], expected.max(axis=-1), atol=1e-5
    )


def test_a_preset_that_is_ready(capsys):
    argv = ["predict", "--preset", "mobile_bert_tiny_en_uncased_sms_spam"]
    texts = ["WINNER!! Call 09061701461 to claim", "See you at home, mum"]
    assert cli.main([*argv, "--json", *texts]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["label"] for row in rows] == ["spam", "ham"]
    assert all(row["score"] > 0.9 for row in rows)


def test_pairs_from_the_standard_input(capsys, monkeypatch, hugging_face):
    pairs = [("great", "sad rain"), ("cold", "warm")]
    lines = "".join(f"{first}\t{second}\n" for first, second in pairs)
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    argv = ["predict", "--preset", hugging_face.folder, "--json", "--pairs"]
    assert cli.main([*argv, "--top-k", "3", "-"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = hugging_face.probabilities(*map(list, zip(*pairs, strict=True)))
    np.testing.assert_allclose(
        [row["score"] for row in rows],
        -np.sort(-expected).ravel(),
        atol=1e-5,
    )


def test_lines_are_answered_as_they_come(capsys, monkeypatch, hugging_face):
    """Without reading all of them first, which may not fit into memory."""
    answered = []

    def lines():
        for text in [*TEXTS, *TEXTS, "fine"]:
            answered.append(capsys.readouterr().out.count("\n"))
            yield f"{text}\n"

    monkeypatch.setattr("sys.stdin", lines())
    monkeypatch.setattr("keras_squeeze.cli.predict.LINES_AT_ONCE", 2)
    argv = ["predict", "--preset", hugging_face.folder, "--json", "-"]
    assert cli.main(argv) == 0
    assert answered == [0, 0, 2, 0, 2]
    assert capsys.readouterr().out.count("\n") == 1


def test_table_shows_texts_as_they_are(capsys, hugging_face):
    assert cli.main(["predict", "--preset", hugging_face.folder, *TEXTS]) == 0
    printed = capsys.readouterr().out
    assert all(text in printed for text in TEXTS)
    assert "Score" in printed


def test_no_lines_give_no_answers(capsys, monkeypatch, hugging_face):
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    argv = ["predict", "--preset", hugging_face.folder, "--json", "-"]
    assert cli.main(argv) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pairs", "a"], "two texts separated by a tab"),
        (["--preset", "/nowhere/at all", "a"], "preset='/nowhere/at all'"),
    ],
)
def test_wrong_input(capsys, hugging_face, arguments, message):
    argv = ["predict", "--preset", hugging_face.folder, *arguments]
    assert cli.main(argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_standard_input_that_is_no_text(capsys, monkeypatch, hugging_face):
    stdin = io.TextIOWrapper(io.BytesIO(b"a\ncaf\xe9\n"), encoding="utf-8")
    monkeypatch.setattr("sys.stdin", stdin)
    assert cli.main(["predict", "--preset", hugging_face.folder, "-"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "standard input must be in utf-8. Received: the byte 0xe9" in line


def test_a_preset_without_a_task_is_told_apart(
    capsys, tiny_preset, hugging_face_base
):
    for preset in (tiny_preset, hugging_face_base):
        assert cli.main(["predict", "--preset", preset, "a"]) == 2
        assert "is not fine-tuned for a task" in capsys.readouterr().err
