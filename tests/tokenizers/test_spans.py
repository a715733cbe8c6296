"""Tests finding the tokens of a part of a text, eagerly and in a graph."""

import json

import numpy as np
import pytest

from keras_squeeze.tokenizers import BertWordPieceTokenizer

tf = pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def tokenizer(vocabulary):
    return BertWordPieceTokenizer(vocabulary)


@pytest.fixture(scope="module")
def in_graph(tokenizer):
    """The tokenizer in a graph that is traced once for all texts."""
    signature = [
        tf.TensorSpec([None], tf.string),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None], tf.int32),
    ]
    return tf.function(
        lambda *x: tokenizer.tokenize_rows_with_spans(*x),
        input_signature=signature,
    )


def check(tokenizer, in_graph, texts, starts, ends):
    """Check that both implementations agree, and return the result."""
    starts, ends = np.array(starts, "int32"), np.array(ends, "int32")
    found = tokenizer.tokenize_rows_with_spans(texts, starts, ends)
    for ours, theirs in zip(
        found, in_graph(tf.constant(texts), starts, ends), strict=True
    ):
        assert ours.dtype == "int32"
        np.testing.assert_array_equal(ours, theirs)
    return found


# Texts with a part in brackets, and the tokens of that part.
PARTS = {
    "a word": ("the [quick] fox", "quick"),
    "words": ("the [quick brown] fox", "quick brown"),
    "all": ("[the fox]", "the fox"),
    "number of an ordinal": ("on the [5]th of May", "5th"),
    "end of a word": ("the anti[freeze] law", "##free ##ze"),
    "letter of a piece": ("the anti[fr]eeze law", "##free"),
    "across two words": ("the anti[freeze l]aw", "##free ##ze law"),
    "currency": ("it cost [$50].", "$ 50"),
    "number behind a sign": ("it cost $[50].", "50"),
    "spaces around": ("the[ quick ]fox", "quick"),
    "no-break spaces around": ("the[\u00a0quick\u00a0]fox", "quick"),
    "accents": ("naïve Ångström in the [café] Zoë", "cafe"),
    "accents of their own": ("nai\u0308ve [cafe\u0301] Zoe\u0308", "cafe"),
    "inside of accents": ("i\u0307\u0308n the c[af]e\u0301", "cafe"),
    "longer in lower case": ("İİİ İstanbul [foxes] İ", "foxes"),
    "CJK": ("東京は[日本]の首都", "日 本"),
    "Hangul": ("나[는] 학생", "##ᄂ ##ᅳ ##ᆫ"),
    "emoji": ("👩‍👩‍👧 x 😀 [fox] ❤️", "fox"),
    "joined by emoji": ("[x😀y] z", "[UNK]"),
    "control characters": ("a\x00\x07b\u200bc [fox\u00ad] \ufeffd", "fox"),
    "private use": ("\ue000\U000f0000 [fox] \ue001", "fox"),
    "special tokens": ("[CLS] x[MASK]y <fox> [SEP]", "fox"),
    "special token": ("the <[MASK]> fox", "[MASK]"),
    "word without tokens": ("a" * 101 + "[b] fox", "[UNK]"),
    "behind one": ("a" * 101 + " [fox]", "fox"),
}


@pytest.mark.parametrize("name", PARTS)
def test_parts(tokenizer, in_graph, name):
    text, expected = PARTS[name]
    brackets = "<>" if "<" in text else "[]"
    start, end = (text.index(bracket) for bracket in brackets)
    text = text[:start] + text[start + 1 : end] + text[end + 1 :]
    ids, _, first, last = check(tokenizer, in_graph, [text], [start], [end - 1])
    tokens = [tokenizer.id_to_token(id) for id in ids]
    assert " ".join(tokens[first[0] : last[0] + 1]) == expected


def test_part_without_tokens(tokenizer, in_graph):
    texts = ["the  fox", "the \x00\u0301 fox", "", "  "]
    _, lengths, first, last = check(
        tokenizer, in_graph, texts, [3, 4, 0, 0], [5, 6, 0, 2]
    )
    assert lengths.tolist() == [2, 2, 0, 0]
    assert first.tolist() == [1, 1, 0, 0]
    assert last.tolist() == [0, 0, -1, -1]


def test_every_part_of_a_text(tokenizer, in_graph):
    text = "Zoë's ﬁrst\u00a0½ £5m—2nd 東京 나는\u200b e\u0301\u0323!"
    spans = [
        (start, end)
        for start in range(len(text))
        for end in range(start, len(text) + 1)
    ]
    starts, ends = zip(*spans, strict=True)
    _, _, first, last = check(
        tokenizer, in_graph, [text] * len(spans), starts, ends
    )
    offsets = tokenizer.encoder.encode_with_offsets([text])[2]
    for start, end, i, j in zip(starts, ends, first, last, strict=True):
        overlapping = [
            k for k, (a, b) in enumerate(offsets) if a < end and b > start
        ]
        if start < end:
            assert list(range(i, j + 1)) == overlapping


def test_options(vocabulary):
    options = {"lowercase": False, "split_on_cjk": False}
    tokenizer = BertWordPieceTokenizer([*vocabulary, "Café", "日本"], **options)
    texts = ["The Café in 日本は Paris"] * 2
    in_graph = tf.function(tokenizer.tokenize_rows_with_spans)
    ids, lengths, first, last = check(
        tokenizer, in_graph, texts, [4, 14], [8, 15]
    )
    tokens = [tokenizer.id_to_token(id) for id in ids[: lengths[0]]]
    assert tokens[first[0] : last[0] + 1] == ["Café"]
    assert tokens[first[1] : last[1] + 1] == ["##は"]


def test_answers_of_real_questions(tokenizer, in_graph, oracle, real_data):
    path = real_data / "squad" / "dev-v1.1.json"
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    contexts, answers = zip(
        *(
            (paragraph["context"], question["answers"][0])
            for article in articles
            for paragraph in article["paragraphs"][::8]
            for question in paragraph["qas"][:2]
        ),
        strict=True,
    )
    assert len(contexts) > 400
    starts = [answer["answer_start"] for answer in answers]
    ends = [
        start + len(answer["text"])
        for start, answer in zip(starts, answers, strict=True)
    ]
    ids, lengths, first, last = check(
        tokenizer, in_graph, list(contexts), starts, ends
    )
    expected = oracle(list(contexts), add_special_tokens=False)
    assert ids.tolist() == sum(expected["input_ids"], [])
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        assert first[i] == expected.char_to_token(i, start)
        assert last[i] == expected.char_to_token(i, end - 1)


def test_text_that_is_not_unicode(tokenizer):
    zeros = np.zeros(1, "int32")
    with pytest.raises(ValueError, match="must be valid Unicode"):
        tokenizer.tokenize_rows_with_spans(["\ud83d"], zeros, zeros)
