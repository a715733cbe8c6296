import ast
import pathlib
import re
import runpy

import keras
import numpy as np
import pytest

from tests.backends import only_on
from tests.processes import run_python

only_once = only_on(
    "torch", reason="the tasks are tested on every backend; none starts faster"
)
GUIDES = sorted(
    (pathlib.Path(__file__).resolve().parents[2] / "guides").glob("*.py")
)
HEADER = re.compile(
    r'"""\n'
    r"Title: .+\n"
    r"Author: .+\n"
    r"Date created: \d{4}/\d\d/\d\d\n"
    r"Last modified: \d{4}/\d\d/\d\d\n"
    r"Description: [A-Z].{,98}\.\n"
    r"Accelerator: (None|GPU|TPU)\n"
    r'"""\n'
)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_guide_has_the_form_of_keras_io(path):
    text = path.read_text(encoding="utf-8")
    assert HEADER.match(text)
    for line in text.splitlines():
        assert len(line) < 91 and line == line.rstrip()
    # A text block starts and ends on separate lines.
    assert text.count('"""') == len(re.findall(r'^"""(shell)?$', text, re.M))


def run(name, capsys):
    (path,) = [path for path in GUIDES if path.stem == name]
    results = runpy.run_path(str(path))
    assert "MB" in capsys.readouterr().out
    return results


@pytest.mark.skipif(
    keras.config.backend() == "jax",
    reason="it runs on the backend that converts files and on the one with the "
    "fastest tests",
)
def test_getting_started(capsys):
    results = run("getting_started", capsys)
    answers = results["tflite_model"].predict(results["messages"])
    assert answers.shape == (2, 2)
    # It has learned this from its thousand messages.
    assert [row.argmax() for row in answers] == [0, 1]


@only_once
def test_sentence_tasks(capsys):
    results = run("sentence_tasks", capsys)
    assert np.abs(np.subtract(results["scores"], [4.5, 0.5, 4, 0])).max() < 1
    found = [
        {answer["label"] for answer in answers}
        for answers in results["found_tags"]
    ]
    assert found == [set(tags) for tags in results["tags"]]
    assert [answer["label"] for answer in results["choices"]] == [0, 1, 3]
    labels = [answer["label"] for answer in results["follows"]]
    assert labels == ["is_next", "not_next"] * 2


@only_once
def test_spans_and_entities(capsys):
    results = run("spans_and_entities", capsys)
    found = [(x["label"], x["word"]) for x in results["entities"]]
    assert found == [("person", "Ada Lovelace"), ("place", "London")]
    assert [x["answer"] for x in results["found"]] == results["answers"]


@only_once
def test_fill_mask_and_embeddings(capsys):
    results = run("fill_mask_and_embeddings", capsys)
    assert len(results["fillings"]) == 3
    best = results["similarities"].argsort()[::-1][:2]
    # The two texts of the corpus about free things.
    assert set(best.tolist()) == {1, 4}


@only_once
def test_fine_tuning():
    (path,) = [path for path in GUIDES if path.stem == "fine_tuning"]
    results = runpy.run_path(str(path))
    calibration = results["calibration"]
    assert calibration["after"]["f1"] >= calibration["before"]["f1"] > 0.7
    assert results["restored"].threshold == calibration["threshold"]
    assert results["num_trained"] < 0.05 * results["num_all"]
    assert results["answers"] == [0, 1, 2, 3]
    assert results["few_accuracy"] > 0.85


@only_once
def test_coming_from_transformers(capsys):
    results = run("coming_from_transformers", capsys)
    labels = [answer["label"] for answer in results["answers"]]
    assert labels == ["bad", "good"]
    assert results["wrapped"].task is results["task"]
    assert results["classify"](results["texts"][0])[0]["label"] == "good"


@only_once
def test_on_device(capsys):
    pytest.importorskip("mediapipe", reason="MediaPipe is not installed")
    results = run("on_device", capsys)
    expected = results["classifier"].annotate(results["messages"])
    assert [answer["label"] for answer in expected] == ["ham", "spam"]
    for (label, score), answer in zip(
        results["phone_scores"], expected, strict=True
    ):
        assert label == answer["label"]
        # The weights in the file have 8 bits.
        assert score == pytest.approx(answer["score"], abs=0.05)
    assert results["report"].phone_libraries.texts == len(results["x_test"])
    assert results["golden"][0]["inputs"]["input_word_ids"][0] == 101


@only_once
def test_distillation(capsys):
    results = run("distillation", capsys)
    curve = results["curve"]
    stages = [row["stage"] for row in curve]
    assert list(dict.fromkeys(stages)) == ["layer 1", "layer 2", "final"]
    for stage in set(stages):
        losses = [row["loss"] for row in curve if row["stage"] == stage]
        assert losses[-1] < losses[0]
    # 87 % of the messages are not spam.
    assert results["accuracy"] > 0.9


@only_once
def test_beyond_one_machine():
    """In another process, as it needs JAX with several devices."""
    (path,) = [x for x in GUIDES if x.stem == "beyond_one_machine"]
    printed = run_python(path).stdout
    scores = [
        line.partition(": ")[2]
        for line in printed.splitlines()
        if "device" in line
    ]
    assert len(scores) == 3
    numbers = np.array([row.split() for row in scores], "float64")
    np.testing.assert_allclose(numbers, numbers[:1].repeat(3, 0), atol=2e-3)
    assert "16 rows, 0 of them rejected" in printed
    found = ast.literal_eval(printed.splitlines()[-1])
    assert set(map(tuple, found.values())) == {("ham", "spam")}
