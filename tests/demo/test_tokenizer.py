"""Tests that the page computes the ids of `tokenizers`."""

import random
import unicodedata

import numpy as np
import pytest

from keras_squeeze.demo.characters import describe_characters
from keras_squeeze.export.phones.app_files import describe_tokenizer
from keras_squeeze.export.phones.metadata import file_of_lines
from keras_squeeze.tokenizers import BertWordPieceTokenizer
from tests.backends import only_on
from tests.demo.node import needs_node
from tests.demo.node import run_module
from tests.generated_texts import generated_texts

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


def marks_of(characters):
    """The set of the marks that the page may have to sort."""
    return {
        chr(code_point)
        for flat in characters["marks"]
        for first, last in zip(flat[::2], flat[1::2], strict=True)
        for code_point in range(first, last + 1)
    }


def compare(tokenizer, texts, folder):
    """Compare ids, positions and words, and return the number of ids."""
    settings = describe_tokenizer(tokenizer)
    argument = {
        "settings": settings,
        "vocabulary": file_of_lines(tokenizer.vocabulary),
        "characters": describe_characters(
            settings["lowercase"],
            settings["strip_accents"],
            settings["splits_text_into_words"]
            and settings["split_on_chinese_characters"],
        ),
        "texts": texts,
    }
    rows = run_module(folder, PROGRAM, argument)
    oracle = tokenizer.encoder.tokenizer
    marks = marks_of(argument["characters"])
    expected = oracle.encode_batch(texts, add_special_tokens=False)
    count = 0
    for text, row, encoding in zip(texts, rows, expected, strict=True):
        found = np.array(row).reshape(-1, 4)
        assert found[:, 0].tolist() == encoding.ids, text
        if not marks & {*unicodedata.normalize("NFD", text)}:
            # Where marks change places, `tokenizers` counts their positions as
            # if they had not.
            offsets = [*map(tuple, found[:, 1:3].tolist())]
            assert offsets == encoding.offsets, text
        starts = np.diff(found[:, 3]) != 0
        words = np.array(encoding.word_ids, "int64")
        assert starts.tolist() == (np.diff(words) != 0).tolist(), text
        count += len(row)
    return count


def test_generated_texts(vocabulary, tmp_path):
    tokenizer = BertWordPieceTokenizer(vocabulary)
    texts = generated_texts(25_000, vocabulary, seed=21)
    assert compare(tokenizer, texts, tmp_path) > 150_000


@pytest.mark.parametrize(
    "options",
    [
        {"lowercase": False},
        {"lowercase": True, "strip_accents": False},
        {"lowercase": False, "strip_accents": True},
        {"split_on_cjk": False},
        {"split": False},
        {"special_tokens_in_strings": False},
        {"added_tokens": ["Café", "東京", "new york", "a-b"]},
        {"special_tokens": ["new york", "Café", "[CLS][SEP]", "a|b."]},
    ],
    ids=lambda options: "-".join(f"{x}={y}" for x, y in options.items()),
)
def test_settings(options, vocabulary, tmp_path):
    extra = ["Café", "東京", "new york", "a-b", "[CLS][SEP]", "a|b.", "É", "é"]
    tokenizer = BertWordPieceTokenizer([*vocabulary, *extra], **options)
    draw = random.Random(0)
    parts = [*extra, "new York", "cafés", " ", "É東京a-b", "[CLS]", "[SEP]"]
    texts = generated_texts(2_000, vocabulary, seed=22)
    texts += ["".join(draw.choices(parts, k=6)) for _ in range(500)]
    assert compare(tokenizer, texts, tmp_path) > 5_000


def test_characters_that_newer_standards_know(tmp_path):
    """Marks that are sorted, and every character on its own."""
    code_points = [*range(0xD800), *range(0xE000, 0x110000)]
    characters = [chr(code_point) for code_point in code_points]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    known = set(characters[:0x32000]) - {"a", "\n", "\0", *" \t\r"}
    # Each character that is left after normalization has an id of its own.
    tokenizer = BertWordPieceTokenizer(
        [*tokens, "##a", *sorted(known), *(f"##{x}" for x in sorted(known))]
    )
    texts = ["a".join(characters[i : i + 256]) for i in range(0, 0x110000, 256)]
    marks = sorted(marks_of(describe_characters(True, True, True)))
    assert len(marks) > 20
    others = ["\u0301", "\u0345", "\u0334", "\u034f", "\u200d", "\u0903", "a"]
    # Half note, which becomes a letter and a mark, and Greek dialytika.
    others += ["\U0001d15e", "\u0344", "\u0340", "\u0f73", "\u0901"]
    draw = random.Random(1)
    for _ in range(5_000):
        part = draw.choices([*marks, *others], k=draw.randint(2, 6))
        texts.append("a" + "".join(part))
    compare(tokenizer, texts, tmp_path)


def test_halves_of_characters_are_removed(vocabulary, tmp_path):
    tokenizer = BertWordPieceTokenizer(vocabulary)
    settings = describe_tokenizer(tokenizer)
    (row,) = run_module(
        tmp_path,
        PROGRAM,
        {
            "settings": settings,
            "vocabulary": file_of_lines(tokenizer.vocabulary),
            "characters": describe_characters(True, True, True),
            "texts": ["the \ud83d fox"],
        },
    )
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
