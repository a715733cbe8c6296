"""Tests that the tokenizer for apps in Kotlin does what the package does."""

import json
import random

import numpy as np
import pytest

from keras_squeeze.tokenizers import BertWordPieceTokenizer
from keras_squeeze.tokenizers.sequence_packer import TRUNCATE_STRATEGIES
from keras_squeeze.tokenizers.sequence_packer import SequencePacker
from tests.backends import only_on
from tests.export.kotlin import compile_program
from tests.export.kotlin import needs_kotlin
from tests.generated_texts import generated_texts
from tests.tiny import vocabulary_of
from tests.tokenizer_programs import OPTIONS
from tests.tokenizer_programs import check_tokens
from tests.tokenizer_programs import inputs_of
from tests.tokenizer_programs import name_of
from tests.tokenizer_programs import sizes_to_pack
from tests.tokenizer_programs import tokenizer_of_all_characters
from tests.tokenizer_programs import tokenizer_with

pytestmark = [
    needs_kotlin,
    only_on("torch", "the program is the same on every backend"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return compile_program(tmp_path_factory.mktemp("kotlin"))


def argument_of(tokenizer, strategy="longest_first", side="right"):
    """The files that the program reads."""
    inputs = inputs_of(tokenizer)
    packing = {"truncation": strategy, "truncation_side": side}
    return {
        "contract": {"tokenizer": inputs["settings"], "packing": packing},
        "vocabulary": inputs["vocabulary"],
        "characters": inputs["characters"],
    }


def compare(tokenizer, texts, run):
    rows = run({**argument_of(tokenizer), "texts": texts})["tokens"]
    return check_tokens(tokenizer, texts, rows)


def test_generated_texts(vocabulary, run):
    tokenizer = BertWordPieceTokenizer(vocabulary)
    texts = generated_texts(25_000, vocabulary, seed=21)
    assert compare(tokenizer, texts, run) > 150_000


@pytest.mark.parametrize("options", OPTIONS, ids=name_of)
def test_settings(options, vocabulary, run):
    assert compare(*tokenizer_with(options, vocabulary), run) > 5_000


def test_characters_that_newer_standards_know(run):
    compare(*tokenizer_of_all_characters(), run)


def test_halves_of_characters_are_removed(vocabulary, run):
    tokenizer = BertWordPieceTokenizer(vocabulary)
    argument = {**argument_of(tokenizer), "texts": ["the \ud83d fox"]}
    (row,) = run(argument)["tokens"]
    assert [token[0] for token in row] == tokenizer(["the fox"])[0]


WORDS = [chr(ord("a") + i) for i in range(26)]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("strategy", TRUNCATE_STRATEGIES)
def test_packing(strategy, side, run):
    tokenizer = BertWordPieceTokenizer(vocabulary_of(WORDS))
    length = 12
    draw = random.Random(0)
    rows = [
        [" ".join(draw.choices(WORDS, k=k)) for k in sizes]
        for sizes in sizes_to_pack(strategy, length)
    ]
    argument = argument_of(tokenizer, strategy, side)
    found = run({**argument, "packed": rows, "length": length})["inputs"]
    ends = (tokenizer.cls_token_id, tokenizer.sep_token_id)
    packer = SequencePacker(
        length, *ends, tokenizer.pad_token_id, strategy, side
    )
    names = ("input_word_ids", "input_type_ids", "input_mask")
    for texts, inputs in zip(rows, found, strict=True):
        ids = [tokenizer.token_to_id(x) for x in WORDS]
        segments = [[ids[WORDS.index(x)] for x in y.split()] for y in texts]
        expected = packer(
            [(np.array(x, "int32"), np.array([len(x)])) for x in segments]
        )
        for name, (values,) in zip(names, expected, strict=True):
            assert inputs[name] == values.tolist(), texts


@pytest.fixture
def golden():
    """A tokenizer, and an example of it with all kinds of outputs."""
    tokenizer = BertWordPieceTokenizer(vocabulary_of(["sun", "rain"]))
    sun, rain = map(tokenizer.token_to_id, ("sun", "rain"))
    ids = [tokenizer.cls_token_id, sun, rain, tokenizer.sep_token_id]
    example = {
        "texts": ["Sun, rain"[:3] + " rain"],
        "signature": "serving_default",
        "inputs": {
            "input_word_ids": [*ids, tokenizer.pad_token_id],
            "input_mask": [1, 1, 1, 1, 0],
            "input_type_ids": [0] * 5,
        },
        "outputs": {"scores": [[0.25, 0.5], [0.0, -1.0]]},
        "largest_values_at": {"words": [2, 0, 1, 1, 0], "class": 1},
    }
    words = np.eye(3)[[2, 0, 1, 1, 2]].ravel().tolist()
    outputs = {
        "scores": [0.25, 0.5, 0.0, -1.0],
        "words": words,
        "class": [0.25, 0.75],
    }
    return tokenizer, example, outputs


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda example, outputs: None, []),
        (
            lambda example, outputs: outputs.update(class_=[]),
            [],
        ),
        (
            lambda example, outputs: outputs["scores"].__setitem__(0, 0.252),
            ["example 0: scores"],
        ),
        (
            lambda example, outputs: outputs["scores"].__setitem__(1, "NaN"),
            ["example 0: scores"],
        ),
        (
            lambda example, outputs: outputs.update({"class": [1, 0]}),
            ["example 0: class"],
        ),
        (
            lambda example, outputs: outputs["words"].__setitem__(1, 2),
            ["example 0: words"],
        ),
        (
            lambda example, outputs: example.update(texts=["Rain"]),
            ["example 0: input_word_ids", "example 0: input_mask"],
        ),
    ],
    ids=["same", "other", "score", "nan", "class", "words", "texts"],
)
def test_golden_examples(golden, run, change, expected):
    tokenizer, example, outputs = golden
    change(example, outputs)
    outputs = {name: list(map(str, x)) for name, x in outputs.items()}
    result = run(
        {
            **argument_of(tokenizer),
            "golden": json.dumps([example]),
            "outputs": [outputs],
            "tolerance": 1e-3,
        }
    )
    assert sorted(result["differences"]) == sorted(expected)
