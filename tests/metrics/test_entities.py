import random
import warnings

import numpy as np
import pytest
import seqeval.metrics
from seqeval import scheme
from seqeval.metrics.sequence_labeling import get_entities

from keras_squeeze.metrics.entities import entity_scores
from keras_squeeze.metrics.entities import entity_spans

LABELS = ["O", "B-person", "I-person", "B-place", "I-place", "I-work"]
# The letters of each scheme.
SCHEMES = {
    scheme.IOB1: "IB",
    scheme.IOB2: "IB",
    scheme.IOE1: "IE",
    scheme.IOE2: "IE",
    scheme.IOBES: "IBES",
    scheme.BILOU: "IBLU",
}


def labels_of_scheme(letters):
    """All labels of two types, the letters alone among them."""
    return ["O"] + [f"{x}{end}" for x in letters for end in ("", "-a", "-b")]


def random_labels(num_samples, seed, labels=LABELS):
    generator = random.Random(seed)
    return [
        generator.choices(labels, k=generator.randint(1, 12))
        for _ in range(num_samples)
    ]


def spoil(rows, seed):
    """Change some of the labels."""
    generator = random.Random(seed)
    return [
        [
            generator.choice(LABELS) if generator.random() < 0.2 else label
            for label in row
        ]
        for row in rows
    ]


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


@pytest.mark.parametrize(
    "labels", [LABELS, *map(labels_of_scheme, ("IB", "IE", "IBES"))]
)
def test_spans_are_those_of_seqeval(labels):
    for row in random_labels(300, 0, labels):
        expected = [
            (label, first, last + 1) for label, first, last in get_entities(row)
        ]
        assert entity_spans(row) == expected


@pytest.mark.parametrize("of_scheme", SCHEMES, ids=lambda cls: cls.__name__)
def test_spans_are_those_of_every_scheme(of_scheme):
    """Where the labels are in order, seqeval is as strict as it can be."""
    count = 0
    for row in random_labels(3000, 1, labels_of_scheme(SCHEMES[of_scheme])):
        entities = scheme.Entities([row], of_scheme).entities[0]
        # Labels that are out of order are in no entity there.
        covered = sum(entity.end - entity.start for entity in entities)
        if covered == len(row) - row.count("O"):
            count += len(entities)
            expected = [(e.tag, e.start, e.end) for e in entities]
            assert entity_spans(row) == expected
    assert count > 100


def test_bilou_has_the_entities_of_iobes():
    names = str.maketrans("ES", "LU")
    for row in random_labels(300, 2, labels_of_scheme("IBES")):
        translated = [label.translate(names) for label in row]
        assert entity_spans(translated) == entity_spans(row)


@pytest.mark.parametrize(
    "y_true, y_pred, f1",
    [
        (["B-a", "E-a"], ["B-a", "O"], 0),
        (["S-a", "S-a"], ["S-a", "O"], 2 / 3),
        (["B-a", "I-a", "E-a"], ["B-a", "I-a", "I-a"], 1),
    ],
)
def test_scores_of_other_schemes(y_true, y_pred, f1):
    assert entity_scores([y_true], [y_pred])["f1"] == pytest.approx(f1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = seqeval.metrics.f1_score([y_true], [y_pred])
    assert expected == pytest.approx(f1)


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_seqeval(seed):
    y_true = random_labels(40, seed)
    y_pred = spoil(y_true, seed)
    scores = entity_scores(y_true, y_pred)
    report = seqeval.metrics.classification_report(
        y_true, y_pred, output_dict=True
    )

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


@pytest.mark.parametrize(
    "y_true, y_pred",
    [
        ([["O", "O"]], [["O", "O"]]),
        ([["O", "O"]], [["B-a", "O"]]),
        ([["B-a", "O"]], [["O", "O"]]),
        ([["B-a", "O"]], [["O", "B-a"]]),
        ([["B-a", "I-a"]], [["B-a", "O"]]),
    ],
)
def test_nothing_found(y_true, y_pred):
    scores = entity_scores(y_true, y_pred)
    for name in ("precision", "recall", "f1"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            score = getattr(seqeval.metrics, f"{name}_score")(y_true, y_pred)
        assert scores[name] == score == 0
    assert all(type(scores[name]) is float for name in ("precision", "f1"))


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
