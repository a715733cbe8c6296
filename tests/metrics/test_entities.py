import json
import pathlib

import numpy as np
import pytest

from keras_squeeze.metrics.entities import entity_scores
from keras_squeeze.metrics.entities import entity_spans

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "data" / "seqeval"
SEQEVAL = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))


def as_tuples(spans):
    return [tuple(span) for span in spans]


@pytest.mark.parametrize(
    "labels, spans",
    [
        ([], []),
        (["O", "O"], []),
        (["B-a", "I-a", "O", "B-a"], [("a", 0, 2), ("a", 3, 4)]),
        (["B-a", "B-a", "I-a"], [("a", 0, 1), ("a", 1, 3)]),
        (["I-a", "I-a", "I-b", "B-b"], [("a", 0, 2), ("b", 2, 3), ("b", 3, 4)]),
        (["O", "I-a", "O", "I-a"], [("a", 1, 2), ("a", 3, 4)]),
        (["a", "a", "b", "O", "b"], [("a", 0, 2), ("b", 2, 3), ("b", 4, 5)]),
        (["B-a-b", "I-a-b", "I-b"], [("a-b", 0, 2), ("b", 2, 3)]),
        (["LABEL_1", "LABEL_1"], [("LABEL_1", 0, 2)]),
        (
            ["B-a", "I-a", "E-a", "O", "S-b", "S-b"],
            [("a", 0, 3), ("b", 4, 5), ("b", 5, 6)],
        ),
        (
            ["U-a", "U-a", "B-a", "L-a", "I-a"],
            [("a", 0, 1), ("a", 1, 2), ("a", 2, 4), ("a", 4, 5)],
        ),
        (["B", "I", "O", "S"], [("_", 0, 2), ("_", 3, 4)]),
    ],
)
def test_spans(labels, spans):
    assert entity_spans(labels) == spans


def test_spans_of_what_is_no_entity():
    labels = ["O", "O", "B-a", "O", "B-b"]
    expected = [("O", 0, 2), ("a", 2, 3), ("O", 3, 4), ("b", 4, 5)]
    assert entity_spans(labels, outside=None) == expected
    expected = [("O", 0, 2), ("O", 3, 4), ("b", 4, 5)]
    assert entity_spans(labels, outside="a") == expected


def test_spans_of_iob_only():
    labels = ["B-a", "E-a", "E-a", "S-b", "E"]
    expected = [("a", 0, 1), ("E-a", 1, 3), ("S-b", 3, 4), ("E", 4, 5)]
    assert entity_spans(labels, iob_only=True) == expected


@pytest.mark.parametrize("labels", SEQEVAL["default_mode"])
def test_spans_are_those_of_seqeval(labels):
    for row, spans in SEQEVAL["default_mode"][labels]:
        assert entity_spans(row) == as_tuples(spans)


@pytest.mark.parametrize("scheme", SEQEVAL["strict_mode"])
def test_spans_are_those_of_every_scheme(scheme):
    """For labels in a valid order, seqeval's strict mode agrees."""
    answers = SEQEVAL["strict_mode"][scheme]
    assert sum(len(spans) for _, spans in answers) > 100
    for row, spans in answers:
        assert entity_spans(row) == as_tuples(spans)


def test_bilou_has_the_entities_of_iobes():
    names = str.maketrans("ES", "LU")
    for row, _ in SEQEVAL["default_mode"]["IOBES"]:
        translated = [label.translate(names) for label in row]
        assert entity_spans(translated) == entity_spans(row)


@pytest.mark.parametrize("y_true, y_pred, report", SEQEVAL["reports"])
def test_scores_are_those_of_seqeval(y_true, y_pred, report):
    scores = entity_scores(y_true, y_pred)

    def check(ours, theirs):
        for name, their_name in (("f1", "f1-score"), ("support", "support")):
            assert ours[name] == pytest.approx(theirs[their_name])
        assert ours["precision"] == pytest.approx(theirs["precision"])
        assert ours["recall"] == pytest.approx(theirs["recall"])

    check(scores, report["micro avg"])
    assert 0.3 < scores["f1"] < 0.9
    assert list(scores["per_class"]) == ["person", "place", "work"]
    for label, of_label in scores["per_class"].items():
        check(of_label, report[label])


@pytest.mark.parametrize("y_true, y_pred, answer", SEQEVAL["scores"])
def test_scores_of_few_entities(y_true, y_pred, answer):
    scores = entity_scores(y_true, y_pred)
    for name, score in answer.items():
        assert scores[name] == pytest.approx(score)
        assert type(scores[name]) is float


def test_arrays():
    labels = np.array([["B-a", "O"], ["O", "B-b"]])
    scores = entity_scores(labels, labels)
    assert scores["f1"] == scores["precision"] == scores["recall"] == 1
    assert scores["support"] == 2
    assert scores["per_class"]["b"]["support"] == 1


@pytest.mark.parametrize(
    "y_pred, message",
    [
        ([["O"]], "2 and 1 samples"),
        ([["O"], ["O"]], "2 and 1 labels for sample 1"),
    ],
)
def test_labels_of_other_words(y_pred, message):
    with pytest.raises(ValueError, match=message):
        entity_scores([["O"], ["O", "B-a"]], y_pred)
