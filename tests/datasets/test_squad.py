import json

import numpy as np
import pytest

from keras_squeeze.datasets.squad import read_squad

CONTEXT = "Ada Lovelace was born in London in 1815."
QUESTION = {
    "id": "1",
    "question": "Where was she born?",
    "answers": [
        {"answer_start": 25, "text": "London"},
        {"answer_start": 22, "text": "in London"},
    ],
}
IMPOSSIBLE = {
    "id": "2",
    "question": "Where did she die?",
    "is_impossible": True,
    "answers": [],
    "plausible_answers": [{"answer_start": 25, "text": "London"}],
}
RIVER = {
    "id": "3",
    "question": "What does it flow into?",
    "is_impossible": False,
    "answers": [{"answer_start": 22, "text": "sea"}],
}


def article(title, context, *questions):
    paragraph = {"context": context, "qas": list(questions)}
    return {"title": title, "paragraphs": [paragraph]}


def write(folder, contents):
    path = folder / "squad.json"
    if not isinstance(contents, bytes):
        contents = json.dumps(contents).encode("utf-8")
    path.write_bytes(contents)
    return path


@pytest.fixture
def data(tmp_path):
    articles = [
        article("Ada Lovelace", CONTEXT, QUESTION, IMPOSSIBLE),
        article("Thames", "It flows into the big sea.", RIVER),
    ]
    return read_squad(write(tmp_path, {"version": "v2.0", "data": articles}))


def test_questions(data):
    assert len(data) == 3
    assert data.x["question"].tolist() == [
        "Where was she born?",
        "Where did she die?",
        "What does it flow into?",
    ]
    assert data.x["context"].tolist()[:2] == [CONTEXT] * 2
    assert data.y["answer_start"].dtype == "int32"
    assert data.y["answer_start"].tolist() == [25, -1, 22]
    assert data.y["answer_text"].tolist() == ["London", "", "sea"]
    assert data.ids.tolist() == ["1", "2", "3"]
    assert data.titles.tolist() == ["Ada Lovelace", "Ada Lovelace", "Thames"]
    assert data.answers.tolist() == [["London", "in London"], [], ["sea"]]


def test_take(data):
    for indices in (np.array([2, 0]), np.array([True, False, True])):
        part = data.take(indices)
        ids = data.ids[indices].tolist()
        assert part.ids.tolist() == ids
        assert part.y["answer_text"].tolist() == [
            {"1": "London", "3": "sea"}[id] for id in ids
        ]
        assert len(part.answers) == len(part.titles) == 2
    assert data.take(np.arange(3)).digest() == data.digest()
    assert data.take(np.array([1, 0, 2])).digest() != data.digest()


def test_unanswerable_questions(data):
    more = data.with_unanswerable(fraction=0.4)
    assert len(more) == 5
    assert more.take(np.arange(3)).digest() == data.digest()
    added = dict(zip(more.ids[3:], more.x["context"][3:], strict=True))
    assert added == {
        "1-unanswerable": data.x["context"][2],
        "3-unanswerable": CONTEXT,
    }
    assert more.y["answer_start"].tolist()[3:] == [-1, -1]
    assert more.y["answer_text"].tolist()[3:] == ["", ""]
    assert more.answers.tolist()[3:] == [[], []]
    assert sorted(more.titles[3:]) == ["Ada Lovelace", "Thames"]


def test_unanswerable_questions_have_no_answer_of_theirs(tmp_path):
    articles = [
        article("Ada Lovelace", CONTEXT, QUESTION),
        article("LONDON", "LONDON is big.", {**IMPOSSIBLE, "id": "4"}),
    ]
    path = write(tmp_path, {"data": articles})
    with pytest.raises(ValueError, match="no such paragraph for 1 questions"):
        read_squad(path).with_unanswerable(0.5)
    # An answer that occurs in every paragraph, as there is in SQuAD.
    end = {**RIVER, "answers": [{"answer_start": 7, "text": "."}]}
    articles.append(article("Thames", "A river.", end))
    more = read_squad(write(tmp_path, {"data": articles})).with_unanswerable(
        0.9
    )
    assert len(more) == 30
    assert set(more.ids[3:]) == {"1-unanswerable"}
    assert set(more.x["context"][3:]) == {"A river."}


@pytest.mark.parametrize("fraction", [0, 1, -0.5])
def test_wrong_fraction(data, fraction):
    with pytest.raises(ValueError, match="`fraction` must be between"):
        data.with_unanswerable(fraction)


def test_real_files(real_data):
    data = read_squad(real_data / "squad" / "dev-v1.1.json")
    assert len(data) == 10570
    assert data.x["question"][0].startswith("Which NFL team represented")
    assert data.answers[0] == ["Denver Broncos"] * 3
    assert len(set(data.titles)) == 48
    for context, start, text in zip(
        data.x["context"], *data.y.values(), strict=True
    ):
        assert context[start : start + len(text)] == text
    part = data.take(np.arange(0, 10570, 10))
    more = part.with_unanswerable(0.25, seed=1)
    again = part.with_unanswerable(0.25, seed=1)
    assert more.digest() == again.digest()
    assert more.digest() != part.with_unanswerable(0.25, seed=2).digest()
    is_added = more.y["answer_start"] < 0
    assert is_added.mean() == pytest.approx(0.25, abs=0.001)
    answers = dict(zip(data.ids, data.answers, strict=True))
    for id, context in zip(
        more.ids[is_added], more.x["context"][is_added], strict=True
    ):
        for answer in answers[id.removesuffix("-unanswerable")]:
            assert answer.lower() not in context.lower()


def with_question(**changes):
    question = {**QUESTION, **changes}
    question = {k: v for k, v in question.items() if v is not None}
    return {"data": [article("Ada", CONTEXT, question)]}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", "must be JSON in UTF-8"),
        (b'{"data": [', "must be JSON in UTF-8"),
        (b'{"data":\n"\xff"}', "squad.json` must be in UTF-8.* 0xff in line 2"),
        ([], "must be an object with a list named `data`"),
        ({"data": {}}, "a list named `data`"),
        ({"data": []}, "has no questions"),
        ({"data": ["x"]}, "Article 0 of .* a list named `paragraphs`"),
        ({"data": [{"paragraphs": [{"qas": []}]}]}, "Paragraph 0 of article 0"),
        (with_question(id=None), "Question 0 of paragraph 0 of article 0"),
        (with_question(question=7), "Question '1' of .* `question`. .*7"),
        (with_question(answers=None), "Question '1' of .* named `answers`"),
        (with_question(answers=[]), "or set `is_impossible`"),
        (
            with_question(answers=[{"answer_start": "25", "text": "London"}]),
            "answer of Question '1' .* an integer named `answer_start`",
        ),
        (
            with_question(answers=[{"answer_start": 24, "text": "London"}]),
            "Question '1' .* answer_start=24, text='London'",
        ),
        (
            with_question(answers=[{"answer_start": -1, "text": "."}]),
            "answer_start=-1",
        ),
        (
            with_question(answers=[{"answer_start": 3, "text": ""}]),
            "text=''",
        ),
    ],
)
def test_what_cannot_be_read(tmp_path, contents, message):
    with pytest.raises(ValueError, match=message):
        read_squad(write(tmp_path, contents))


@pytest.mark.parametrize("start", [25.5, float("nan"), float("inf"), True])
def test_starts_that_are_not_whole(tmp_path, start):
    contents = with_question(answers=[{"answer_start": start, "text": "x"}])
    with pytest.raises(ValueError, match="an integer named `answer_start`"):
        read_squad(write(tmp_path, contents))


def test_whole_floats(tmp_path):
    answers = [{"answer_start": 25.0, "text": "London"}]
    data = read_squad(write(tmp_path, with_question(answers=answers)))
    assert data.y["answer_start"].tolist() == [25]


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_squad(tmp_path / "absent.json")
