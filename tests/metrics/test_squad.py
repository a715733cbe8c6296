import json

import pytest
import transformers
from transformers.data.metrics import squad_metrics

from keras_squeeze.metrics.squad import exact_match
from keras_squeeze.metrics.squad import f1_score
from keras_squeeze.metrics.squad import normalize_answer
from keras_squeeze.metrics.squad import squad_scores

# Predictions and all correct answers.
CASES = [
    ("Denver Broncos", ["Denver Broncos"]),
    ("the denver broncos.", ["Denver Broncos", "Broncos"]),
    ("Broncos", ["Denver Broncos"]),
    ("Broncos of Denver", ["Denver Broncos", "Broncos"]),
    ("Carolina Panthers", ["Denver Broncos"]),
    ("a a b b", ["a b b c", "B"]),
    ("The A-Team", ["A-Team", "ATeam"]),
    ("an", ["the", "an"]),
    ("", ["the"]),
    ("the", ["x"]),
    ("", []),
    ("Denver", []),
    ("", ["Denver"]),
    ("the an", []),
    ("$5 million", ["5 million"]),
    ("naïve   Café\u00a0x", ["Naïve café x"]),
    ("«Zoë» — it’s", ["Zoë it’s"]),
    ("1,000.50", ["100050"]),
    ("theory another", ["ory nother"]),
    ("İSTANBUL", ["i̇stanbul"]),
]


def original_scores(cases):
    """The scores of transformers, which uses SQuAD's own code."""
    examples = [
        transformers.SquadExample(
            str(i), "", "", None, None, "", [{"text": x} for x in answers]
        )
        for i, (_, answers) in enumerate(cases)
    ]
    predictions = {str(i): text for i, (text, _) in enumerate(cases)}
    scores = squad_metrics.squad_evaluate(examples, predictions)
    # Exclude the search for a threshold.
    return {k: v for k, v in scores.items() if not k.startswith("best_")}


@pytest.mark.parametrize(("prediction", "answers"), CASES)
def test_single_scores(prediction, answers):
    expected = original_scores([(prediction, answers)])
    assert 100 * exact_match(prediction, answers) == expected["exact"]
    assert 100 * f1_score(prediction, answers) == pytest.approx(expected["f1"])
    for text in (prediction, *answers):
        assert normalize_answer(text) == squad_metrics.normalize_answer(text)


def check(cases):
    expected = original_scores(cases)
    names = {
        f"{group}{name}"
        for group in ("HasAns_", "NoAns_", "")
        for name in ("exact", "f1", "total")
    }
    expected = {k: v for k, v in expected.items() if k in names}
    found = squad_scores(*zip(*cases, strict=True))
    assert found == pytest.approx(expected)
    return found


def test_scores():
    found = check(CASES)
    assert found["total"] == len(CASES)
    assert found["HasAns_total"] + found["NoAns_total"] == len(CASES)


def test_scores_without_one_kind_of_question():
    answered = [case for case in CASES if case[1]]
    assert "NoAns_exact" not in check(answered)
    assert "HasAns_exact" not in check([case for case in CASES if not case[1]])


def test_real_answers(real_data):
    path = real_data / "squad" / "dev-v1.1.json"
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    answers = [
        [answer["text"] for answer in question["answers"]]
        for article in articles
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    # Compare one person's answer with those of the others.
    cases = [(first, rest) for first, *rest in answers if rest]
    found = check(cases)
    assert found["total"] > 10000
    assert 60 < found["exact"] < found["f1"] < 100


def test_annotations():
    annotations = [
        {"answer": "Denver", "score": 0.5, "start": 3, "end": 9},
        {"answer": "", "score": 0.5, "start": 0, "end": 0},
    ]
    assert squad_scores(annotations, [["denver"], []])["exact"] == 100


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        (["a"], [["a"], ["b"]], "1 predictions and 2 references"),
        ([], [], "0 predictions"),
        (["a"], ["a"], "the string 'a'"),
    ],
)
def test_wrong_arguments(predictions, references, message):
    with pytest.raises(ValueError, match=message):
        squad_scores(predictions, references)
