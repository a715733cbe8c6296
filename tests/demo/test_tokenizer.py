"""Tests that the page computes the ids of `tokenizers`."""

import pytest

from keras_squeeze.tokenizers import BertWordPieceTokenizer
from tests.backends import only_on
from tests.demo.node import needs_node
from tests.demo.node import run_module
from tests.generated_texts import generated_texts
from tests.tokenizer_programs import OPTIONS
from tests.tokenizer_programs import check_tokens
from tests.tokenizer_programs import inputs_of
from tests.tokenizer_programs import name_of
from tests.tokenizer_programs import tokenizer_of_all_characters
from tests.tokenizer_programs import tokenizer_with

pytestmark = [
    needs_node,
    only_on("torch", "the tokenizer is the same on every backend"),
]

PROGRAM = """
const {Tokenizer} = await import("./tokenizer.js");
const {settings, vocabulary, characters, texts} = argument;
const tokenizer = new Tokenizer(settings, vocabulary, characters);
return texts.map((text) => tokenizer.encode(text).map(
    (x) => [x.id, x.start, x.end, x.word]));
"""


def compare(tokenizer, texts, folder):
    """Compare ids, positions and words, and return the number of ids."""
    argument = {**inputs_of(tokenizer), "texts": texts}
    rows = run_module(folder, PROGRAM, argument)
    return check_tokens(tokenizer, texts, rows)


def test_generated_texts(vocabulary, tmp_path):
    tokenizer = BertWordPieceTokenizer(vocabulary)
    texts = generated_texts(25_000, vocabulary, seed=21)
    assert compare(tokenizer, texts, tmp_path) > 150_000


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
def test_settings(options, vocabulary, tmp_path):
    tokenizer, texts = tokenizer_with(options, vocabulary)
    assert compare(tokenizer, texts, tmp_path) > 5_000


def test_characters_that_newer_standards_know(tmp_path):
    """Marks that are sorted, and every character on its own."""
    compare(*tokenizer_of_all_characters(), tmp_path)


def test_halves_of_characters_are_removed(vocabulary, tmp_path):
    tokenizer = BertWordPieceTokenizer(vocabulary)
    argument = {**inputs_of(tokenizer), "texts": ["the \ud83d fox"]}
    (row,) = run_module(tmp_path, PROGRAM, argument)
    expected = tokenizer(["the fox"])[0]
    assert [token[0] for token in row] == expected


def test_unicode_texts(vocabulary, real_data, tmp_path):
    paths = sorted((real_data / "unicode_text").rglob("*.txt"))
    assert len(paths) >= 8
    texts = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        texts += [text, *text.split("\n")]
    tokenizer = BertWordPieceTokenizer(vocabulary)
    assert compare(tokenizer, texts, tmp_path) > 100_000
