"""Writes `answers.json`, the results of seqeval 1.2.2 for many labels.

    pip install seqeval==1.2.2 && python tests/data/seqeval/make.py

seqeval is not a dependency of the tests: it has no wheel, and its build fails
with the newest setuptools.
"""

import json
import pathlib
import random
import warnings

from seqeval import metrics
from seqeval import scheme
from seqeval.metrics.sequence_labeling import get_entities

LABELS = ["O", "B-person", "I-person", "B-place", "I-place", "I-work"]
# The letters of each scheme.
SCHEMES = {
    "IOB1": "IB",
    "IOB2": "IB",
    "IOE1": "IE",
    "IOE2": "IE",
    "IOBES": "IBES",
    "BILOU": "IBLU",
}
SCORES = [
    ([["B-a", "E-a"]], [["B-a", "O"]]),
    ([["S-a", "S-a"]], [["S-a", "O"]]),
    ([["B-a", "I-a", "E-a"]], [["B-a", "I-a", "I-a"]]),
    ([["O", "O"]], [["O", "O"]]),
    ([["O", "O"]], [["B-a", "O"]]),
    ([["B-a", "O"]], [["O", "O"]]),
    ([["B-a", "O"]], [["O", "B-a"]]),
    ([["B-a", "I-a"]], [["B-a", "O"]]),
]


def labels_of_scheme(letters):
    """All labels of two types, including letters without a type."""
    return ["O"] + [f"{x}{end}" for x in letters for end in ("", "-a", "-b")]


def random_labels(num_samples, seed, labels=LABELS):
    generator = random.Random(seed)
    return [
        generator.choices(labels, k=generator.randint(1, 12))
        for _ in range(num_samples)
    ]


def spoil(rows, seed):
    """Change some labels."""
    generator = random.Random(seed)
    return [
        [
            generator.choice(LABELS) if generator.random() < 0.2 else label
            for label in row
        ]
        for row in rows
    ]


def default_mode(labels):
    """Rows of labels with their entities in seqeval's default mode."""
    return [
        (row, [(kind, first, last + 1) for kind, first, last in entities])
        for row in random_labels(300, 0, labels)
        for entities in [get_entities(row)]
    ]


def strict_mode(name):
    """Rows in a valid order of a scheme, with the entities of strict mode.

    In strict mode, labels that are out of order belong to no entity. Rows with
    such labels are skipped.
    """
    found = []
    labels = labels_of_scheme(SCHEMES[name])
    for row in random_labels(3000, 1, labels):
        entities = scheme.Entities([row], getattr(scheme, name)).entities[0]
        covered = sum(entity.end - entity.start for entity in entities)
        if covered == len(row) - row.count("O"):
            found.append((row, [(e.tag, e.start, e.end) for e in entities]))
    return found


def report(seed):
    y_true = random_labels(40, seed)
    y_pred = spoil(y_true, seed)
    answer = metrics.classification_report(y_true, y_pred, output_dict=True)
    return y_true, y_pred, answer


def scores(y_true, y_pred):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = {
            name: getattr(metrics, f"{name}_score")(y_true, y_pred)
            for name in ("precision", "recall", "f1")
        }
    return y_true, y_pred, answer


if __name__ == "__main__":
    answers = {
        "default_mode": {
            "words": default_mode(LABELS),
            "IOB": default_mode(labels_of_scheme("IB")),
            "IOE": default_mode(labels_of_scheme("IE")),
            "IOBES": default_mode(labels_of_scheme("IBES")),
        },
        "strict_mode": {name: strict_mode(name) for name in SCHEMES},
        "reports": [report(seed) for seed in range(5)],
        "scores": [scores(*pair) for pair in SCORES],
    }
    path = pathlib.Path(__file__).parent / "answers.json"
    text = json.dumps(answers, default=float, separators=(",", ":"))
    path.write_text(text + "\n", encoding="utf-8")
