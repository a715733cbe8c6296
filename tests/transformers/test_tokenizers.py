"""Tests tokenizers against those of transformers."""

import concurrent.futures
import copy
import inspect
import json
import os
import pathlib
import pickle
import random
import shutil
import unicodedata
import warnings

import numpy as np
import pytest
import transformers
from tokenizers import AddedToken

import keras_squeeze
from keras_squeeze.transformers.tokenizers.slow_tokenizer import BasicTokenizer
from tests.backends import only_on
from tests.hub import local_hub as local_hub
from tests.transformers.tokenizer_cases import IS_TRANSFORMERS_5
from tests.transformers.tokenizer_cases import SETTINGS
from tests.transformers.tokenizer_cases import SLOW_SETTINGS
from tests.transformers.tokenizer_cases import compare
from tests.transformers.tokenizer_cases import make_tokenizer
from tests.transformers.tokenizer_cases import of_transformers_4
from tests.transformers.tokenizer_cases import random_text

pytestmark = [
    only_on("tensorflow", reason="tokenizers are the same on every backend"),
    pytest.mark.usefixtures("quiet"),
]

NAMES = [
    "MobileBertTokenizer",
    "MobileBertTokenizerFast",
    "SqueezeBertTokenizer",
    "SqueezeBertTokenizerFast",
]
FAST = [name for name in NAMES if name.endswith("Fast")]
SLOW = [name for name in NAMES if not name.endswith("Fast")]
BOTH = ["MobileBertTokenizer", "SqueezeBertTokenizerFast"]
# transformers also has these classes. Version 5 dropped the slow ones.
_slow_classes = of_transformers_4("the slow tokenizers are fast there")
COMPARED = [
    name if name in FAST else pytest.param(name, marks=_slow_classes)
    for name in NAMES
]
COMPARED_SLOW = [part for part in COMPARED if part not in FAST]
COMPARED_BOTH = [COMPARED[0], COMPARED[3]]
NUM_TOKENS = 5000


@pytest.fixture(scope="module")
def vocab_file(vocabulary, tmp_path_factory):
    """A part of the vocabulary, with additional special tokens."""
    tokens = vocabulary[:NUM_TOKENS]
    tokens[1:3] = ["<s>", "</s>"]
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(tokens) + "\n", encoding="utf-8")
    return str(path)


def make_pair(name, vocab_file, **settings):
    """Return our tokenizer of a class and that of transformers."""
    return [
        make_tokenizer(getattr(package, name), vocab_file, **settings)
        for package in (keras_squeeze, transformers)
    ]


@pytest.fixture(scope="module")
def pairs(vocab_file):
    """Pairs of our tokenizers and those of transformers, in all settings."""
    return [
        make_pair(name, vocab_file, **settings)
        for name in BOTH
        if name in FAST or not IS_TRANSFORMERS_5
        for settings in SETTINGS + (SLOW_SETTINGS if name in SLOW else [])
    ]


@of_transformers_4("version 5 takes a vocabulary in place of its file")
@pytest.mark.parametrize("name", NAMES)
def test_arguments_of_constructor(name):
    ours = inspect.signature(getattr(keras_squeeze, name)).parameters
    theirs = inspect.signature(getattr(transformers, name)).parameters
    assert {n: p.default for n, p in ours.items()} == {
        n: p.default for n, p in theirs.items()
    }
    assert list(ours) == list(theirs)


@pytest.mark.parametrize(
    ("seed", "num_calls"),
    [(1, 1500), pytest.param(2, 20_000, marks=pytest.mark.slow)],
)
def test_generated_calls(pairs, seed, num_calls):
    wrong, num_errors, num_left_out = compare(pairs, seed, num_calls)
    assert wrong == []
    assert 0.05 * num_calls < num_errors < 0.2 * num_calls
    assert num_left_out < 0.03 * num_calls


@pytest.mark.parametrize("name", COMPARED)
def test_every_class(name, vocab_file):
    """The tokenizer classes of both models match those of transformers."""
    wrong, _, _ = compare([make_pair(name, vocab_file)], 3, 50)
    assert wrong == []


@of_transformers_4("version 5 decodes with other arguments")
def test_generated_ids(pairs):
    """Any ids become the same tokens and texts."""
    rng = random.Random(4)
    for ours, theirs in pairs:
        for _ in range(30):
            ids = [
                rng.choice([*theirs.all_special_ids, *range(len(theirs))])
                for _ in range(rng.randrange(12))
            ]
            skip, clean = rng.random() < 0.5, rng.choice([None, True, False])
            assert ours.decode(ids, skip, clean) == theirs.decode(
                ids, skip, clean
            )
            tokens = theirs.convert_ids_to_tokens(ids, skip)
            assert ours.convert_ids_to_tokens(ids, skip) == tokens
            assert ours.convert_tokens_to_ids(
                tokens
            ) == theirs.convert_tokens_to_ids(tokens)
            assert ours.convert_tokens_to_string(
                tokens
            ) == theirs.convert_tokens_to_string(tokens)


@of_transformers_4("version 5 leaves spaces before punctuation")
def test_generated_texts_come_back(pairs):
    rng = random.Random(5)
    for ours, theirs in pairs:
        texts = [random_text(rng) for _ in range(20)]
        ids = theirs(texts)["input_ids"]
        for options in (
            {},
            {"skip_special_tokens": True},
            {"clean_up_tokenization_spaces": False},
        ):
            assert ours.batch_decode(ids, **options) == theirs.batch_decode(
                ids, **options
            )
        arrays = [np.array(row) for row in ids]
        assert ours.batch_decode(arrays) == theirs.batch_decode(ids)


@_slow_classes
@pytest.mark.parametrize("do_lower_case", [True, False])
@pytest.mark.parametrize("strip_accents", [None, True, False])
def test_every_character(do_lower_case, strip_accents):
    """Both tokenizers depend on Python's Unicode tables."""
    planes = [*range(0xD800), *range(0xE000, 0x20100), *range(0x2A6D0, 0x2FB00)]
    options = {
        "do_lower_case": do_lower_case,
        "strip_accents": strip_accents,
        "tokenize_chinese_chars": do_lower_case or strip_accents is None,
    }
    from transformers.models.mobilebert import tokenization_mobilebert

    ours = BasicTokenizer(**options)
    theirs = tokenization_mobilebert.BasicTokenizer(**options)
    text = " ".join(f"a{chr(code_point)}B" for code_point in planes[::3])
    assert ours.tokenize(text) == theirs.tokenize(text)


@pytest.mark.parametrize("name", BOTH)
def test_ids_are_those_of_the_layer(name, vocabulary):
    """Only tests assigned characters, on which all Unicode versions agree."""
    preset = name[: name.index("Bert")].lower() + "_bert_tiny_en_uncased"
    tokenizer = getattr(keras_squeeze, name).from_pretrained(preset)
    layer = keras_squeeze.models.MobileBertTokenizer(vocabulary)
    assert type(layer) is not keras_squeeze.MobileBertTokenizer
    rng = random.Random(6)
    texts = [random_text(rng).replace("\r", "") for _ in range(200)]
    texts = [
        text
        for text in texts
        if all(unicodedata.category(c) != "Cn" and c < "\u2000" for c in text)
    ]
    assert len(texts) > 50
    assert tokenizer(texts, add_special_tokens=False).input_ids == layer(texts)


@of_transformers_4("version 5 has no such methods")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("second", [None, [], [7, 8]])
def test_special_token_building(name, second, vocab_file):
    ours, theirs = make_pair(name, vocab_file)
    for method in (
        "build_inputs_with_special_tokens",
        "create_token_type_ids_from_sequences",
    ):
        assert getattr(ours, method)([5, 6], second) == getattr(theirs, method)(
            [5, 6], second
        )
    mask = [1, 0, 0, 1] + ([] if second is None else [0] * len(second) + [1])
    assert ours.get_special_tokens_mask([5, 6], second) == mask
    ids = ours.build_inputs_with_special_tokens([5, 6], second)
    assert (
        ours.get_special_tokens_mask(ids, already_has_special_tokens=True)
        == theirs.get_special_tokens_mask(ids, already_has_special_tokens=True)
        == mask
    )
    is_pair = second is not None
    assert ours.num_special_tokens_to_add(is_pair) == (
        theirs.num_special_tokens_to_add(is_pair)
    )
    assert ours.max_len_single_sentence == theirs.max_len_single_sentence
    assert ours.max_len_sentences_pair == theirs.max_len_sentences_pair


@of_transformers_4("version 5 has no such method")
@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("side", ["left", "right"])
def test_truncate_sequences(name, side, vocab_file):
    ours, theirs = make_pair(name, vocab_file, truncation_side=side)
    strategies = ["longest_first", "only_first", "only_second"]
    for strategy in [*strategies, "do_not_truncate"]:
        for first in (0, 1, 4, 5):
            for second in (None, 0, 3, 6):
                for num_removed in (-1, 0, 1, 4, 7, 20):
                    for stride in (0, 2):
                        arguments = (
                            list(range(first)),
                            None if second is None else list(range(second)),
                            num_removed,
                            strategy,
                            stride,
                        )
                        with warnings.catch_warnings():
                            warnings.simplefilter("ignore")
                            found = ours.truncate_sequences(*arguments)
                        assert found == theirs.truncate_sequences(*arguments)


@of_transformers_4("version 5 has no such method")
@pytest.mark.parametrize("name", BOTH)
def test_prepare_for_model(name, vocab_file):
    ours, theirs = make_pair(name, vocab_file)
    for options in (
        {},
        {"max_length": 6, "truncation": "only_second", "padding": "max_length"},
        {"max_length": 12, "padding": "max_length", "padding_side": "left"},
        {"add_special_tokens": False, "return_length": True},
        {"return_tensors": "np", "prepend_batch_axis": True},
    ):
        for second in (None, [7, 8, 9, 10]):
            if second is None and "truncation" in options:
                continue
            found = ours.prepare_for_model([5, 6], second, **options)
            expected = theirs.prepare_for_model([5, 6], second, **options)
            assert list(found) == list(expected)
            for key in expected:
                assert np.array_equal(found[key], expected[key])


@pytest.mark.parametrize("name", COMPARED_BOTH)
def test_pad(name, vocab_file):
    ours, theirs = make_pair(name, vocab_file)
    rows = [[5, 6, 7], [8], []]
    inputs = [
        {"input_ids": rows},
        {"input_ids": rows, "token_type_ids": rows, "length": [3, 1, 0]},
        {
            "input_ids": rows,
            "special_tokens_mask": rows,
            "attention_mask": rows,
        },
        [{"input_ids": row, "labels": 1} for row in rows],
        {"input_ids": rows[0], "token_type_ids": rows[0]},
        {"input_ids": np.array([[1, 2], [3, 4]])},
        {"input_ids": [np.array([1, 2]), np.array([3])]},
    ]
    options = [
        {},
        {"padding": "max_length", "max_length": 5},
        {"pad_to_multiple_of": 4, "padding_side": "left"},
        {"padding": False, "pad_to_multiple_of": 4},
        {"return_attention_mask": False},
        {"padding": "max_length"},
        {"return_tensors": "np"},
    ]
    for columns in inputs:
        for option in options:
            found = ours.pad(_copy(columns), **option)
            expected = theirs.pad(_copy(columns), **option)
            assert list(found) == list(expected)
            for key in expected:
                # Arrays of arrays cannot be compared otherwise.
                assert repr(found[key]) == repr(expected[key])


@pytest.mark.parametrize("name", COMPARED_BOTH)
def test_pad_nothing(name, vocab_file):
    for mask in (None, True):
        found, expected = (
            tokenizer.pad({"input_ids": []}, return_attention_mask=mask)
            for tokenizer in make_pair(name, vocab_file)
        )
        assert dict(found) == expected


def _copy(value):
    if isinstance(value, list):
        return [_copy(part) for part in value]
    return dict(value) if isinstance(value, dict) else value


def test_pad_leaves_its_argument_alone(vocab_file):
    tokenizer = keras_squeeze.MobileBertTokenizer(vocab_file)
    encoded = {"input_ids": [5]}
    padded = tokenizer.pad(encoded, padding="max_length", max_length=3)
    assert padded.input_ids == [5, 0, 0]
    assert encoded == {"input_ids": [5]}


@pytest.mark.parametrize("name", COMPARED_BOTH)
def test_targets_become_labels(name, vocab_file):
    ours, theirs = make_pair(name, vocab_file)
    for arguments in (
        {"text": "the man", "text_target": "a dog"},
        {"text_target": ["the man"], "text_pair_target": ["a dog"]},
    ):
        assert dict(ours(**arguments)) == dict(theirs(**arguments))


@pytest.mark.parametrize("name", COMPARED_SLOW)
def test_tokens_and_ids_are_text_too(name, vocab_file):
    ours, theirs = make_pair(name, vocab_file)
    for text in (["the", "unknown word"], [5, 6], ("the", "of")):
        assert ours.encode(text) == theirs.encode(text)
    assert ours.encode([5, 6], [7]) == theirs.encode([5, 6], [7])


@of_transformers_4("version 5 has other names for special tokens")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("settings", SETTINGS)
def test_attributes(name, settings, vocab_file):
    ours, theirs = make_pair(name, vocab_file, **settings)
    for attribute in [
        *theirs.SPECIAL_TOKENS_ATTRIBUTES,
        *(f"{token}_id" for token in theirs.SPECIAL_TOKENS_ATTRIBUTES[:-1]),
        "additional_special_tokens_ids",
        "all_special_tokens",
        "all_special_ids",
        "special_tokens_map",
        "pad_token_type_id",
        "vocab_size",
        "model_max_length",
        "model_input_names",
        "padding_side",
        "truncation_side",
        "is_fast",
        "clean_up_tokenization_spaces",
        "vocab_files_names",
    ]:
        assert getattr(ours, attribute) == getattr(theirs, attribute)
    # Token objects are only equal if they are the same object.
    for attribute in (
        "special_tokens_map_extended",
        "all_special_tokens_extended",
        "added_tokens_decoder",
    ):
        assert repr(getattr(ours, attribute)) == repr(
            getattr(theirs, attribute)
        )
    assert ours.added_tokens_encoder == theirs.added_tokens_encoder
    assert ours.get_added_vocab() == theirs.get_added_vocab()
    assert ours.get_vocab() == theirs.get_vocab()
    assert len(ours) == len(theirs)
    assert name in repr(ours) and "'[MASK]'" in repr(ours)


@of_transformers_4("version 5 has other names for special tokens")
@pytest.mark.parametrize("name", NAMES)
def test_added_tokens(name, vocab_file):
    ours, theirs = make_pair(name, vocab_file)
    assert ours.pad_token_id == 0 and ours.bos_token is None
    for tokenizer in (ours, theirs):
        added = [
            tokenizer.add_tokens(["NEWTOK", "the", "", "NEWTOK"]),
            tokenizer.add_tokens("glued"),
            tokenizer.add_tokens([]),
            tokenizer.add_tokens(AddedToken("Strip", lstrip=True, rstrip=True)),
            tokenizer.add_special_tokens({"bos_token": "<bos>"}),
            tokenizer.add_special_tokens({"pad_token": "[PAD]"}),
            tokenizer.add_special_tokens(
                {"additional_special_tokens": ["<a>", "<b>"]}
            ),
            tokenizer.add_special_tokens(
                {"additional_special_tokens": ["<b>", "<c>"]},
                replace_additional_special_tokens=False,
            ),
            tokenizer.add_tokens(["<d>"], special_tokens=True),
        ]
        tokenizer.mask_token = "<c>"
        tokenizer.eos_token_id = tokenizer.sep_token_id
        if tokenizer is ours:
            ours_added = added
    assert ours_added == added
    assert len(ours) == len(theirs)
    assert ours.additional_special_tokens == theirs.additional_special_tokens
    assert ours.all_special_tokens == theirs.all_special_tokens
    assert ours.mask_token_id == theirs.mask_token_id
    assert ours.eos_token == "[SEP]"
    for text in (
        "NEWTOK newtok xNewtoky <bos><a> <A> <d> glued unglued",
        "a Strip b strip<c>",
    ):
        assert ours.tokenize(text) == theirs.tokenize(text)
        ids = theirs(text)["input_ids"]
        assert ours(text)["input_ids"] == ids
        assert ours.decode(ids) == theirs.decode(ids)
        assert ours.decode(ids, True) == theirs.decode(ids, True)


@pytest.mark.parametrize("name", NAMES)
def test_tokenizer_is_pickled(name, vocab_file):
    tokenizer = make_pair(name, vocab_file, added=["NEWTOK"])[0]
    again = pickle.loads(pickle.dumps(tokenizer))
    text = "Unaffable newtok [MASK]"
    assert dict(again(text)) == dict(tokenizer(text))


@pytest.mark.parametrize("kind", [list, dict])
@pytest.mark.parametrize("name", NAMES)
def test_vocabulary_in_memory(name, kind, vocab_file, tmp_path):
    cls = getattr(keras_squeeze, name)
    tokens = pathlib.Path(vocab_file).read_text(encoding="utf-8").split("\n")
    ids = {token: id for id, token in enumerate(tokens[:-1])}
    # A dictionary may have any order.
    shuffled = dict(reversed(ids.items()))
    tokenizer = cls(shuffled if kind is dict else list(ids))
    expected = cls(vocab_file)
    for i, each in enumerate((expected, tokenizer)):
        each.save_pretrained(tmp_path / str(i))
    written = sorted((tmp_path / "0").iterdir())
    assert tmp_path / "0" / "vocab.txt" in written
    assert len(written) == len(list((tmp_path / "1").iterdir()))
    for path in written:
        assert (tmp_path / "1" / path.name).read_bytes() == path.read_bytes()
    assert tokenizer.init_kwargs == expected.init_kwargs
    text = "Unaffable newtok [MASK]"
    for again in (
        cls.from_pretrained(tmp_path / "1"),
        pickle.loads(pickle.dumps(tokenizer)),
    ):
        assert dict(again(text)) == dict(expected(text))


@pytest.mark.parametrize("name", NAMES)
def test_ids_of_a_vocabulary_have_no_gaps(name):
    with pytest.raises(ValueError, match="`vocab_file` must be those from 0"):
        getattr(keras_squeeze, name)({"[UNK]": 0, "a": 2})


@pytest.mark.parametrize("name", FAST)
def test_threads_share_a_tokenizer(name, vocab_file):
    tokenizer = copy.deepcopy(make_pair(name, vocab_file)[0])
    texts = ["the man and the dog " * 50] * 4
    ids = tokenizer(texts[0]).input_ids
    text = tokenizer.decode(ids)

    def call(number):
        if number % 4 == 0:
            return tokenizer.decode(ids) == text
        options = [
            {"truncation": True, "max_length": 8},
            {"padding": "max_length", "max_length": 300},
            {},
        ][number % 3]
        length = options.get("max_length", len(ids))
        if number % 5 == 0:
            tokenizer.add_tokens(f"new{number}")
        rows = tokenizer(texts, **options).input_ids
        return {len(row) for row in rows} == {length}

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert all(threads.map(call, range(200)))


@pytest.mark.parametrize("name", COMPARED_SLOW)
def test_mistakes_of_the_original(name, vocab_file):
    """Cases that generated calls exclude or do not cover."""
    ours, theirs = make_pair(name, vocab_file)
    options = {"add_special_tokens": False, "padding": "max_length"}
    assert theirs("", max_length=3, **options)["input_ids"] == []
    assert ours("", max_length=3, **options)["input_ids"] == [0, 0, 0]
    with pytest.raises(TypeError, match="unsupported operand"):
        theirs("the man", return_overflowing_tokens=True)
    encoding = ours("the man", return_overflowing_tokens=True)
    assert encoding.overflowing_tokens == []
    assert encoding.num_truncated_tokens == 0
    options = {"split_special_tokens": True, "add_special_tokens": False}
    whole = [ours.convert_tokens_to_ids(["a", "[MASK]"])]
    assert theirs(["a[MASK]"], **options)["input_ids"] == whole
    split = ours("a[MASK]", **options)["input_ids"]
    assert split == theirs("a[MASK]", **options)["input_ids"]
    assert ours(["a[MASK]"], **options)["input_ids"] == [split] != whole


# Files.


@of_transformers_4("version 5 writes fewer files")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("settings", SETTINGS)
def test_files_are_the_same(name, settings, vocab_file, tmp_path):
    ours, theirs = make_pair(name, vocab_file, **settings)
    # Calls do not affect the files.
    ours("the man", padding="max_length", max_length=5, truncation=True)
    files = ours.save_pretrained(tmp_path / "ours")
    expected = theirs.save_pretrained(str(tmp_path / "theirs"))
    assert [os.path.basename(file) for file in files] == [
        os.path.basename(file) for file in expected
    ]
    written = sorted(os.listdir(tmp_path / "ours"))
    assert written == sorted(os.listdir(tmp_path / "theirs"))
    for file in written:
        contents = [
            (tmp_path / folder / file).read_text(encoding="utf-8")
            for folder in ("ours", "theirs")
        ]
        if file.endswith(".json"):
            contents = list(map(json.loads, contents))
        assert contents[0] == contents[1], file


@pytest.mark.parametrize("name", NAMES[:2])
def test_failing_to_save_leaves_what_there_is(
    name, vocab_file, tmp_path, monkeypatch
):
    def fail(self, *args):
        raise KeyboardInterrupt

    ours, _ = make_pair(name, vocab_file)
    ours.save_pretrained(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    ours.add_tokens(["more"])
    monkeypatch.setattr(type(ours), "save_vocabulary", fail)
    with pytest.raises(KeyboardInterrupt):
        ours.save_pretrained(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("kind", ["MobileBert", "SqueezeBert"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_files_go_both_ways(kind, settings, vocab_file, tmp_path):
    """Works with any installed version of transformers."""
    name = f"{kind}TokenizerFast"
    texts = ["Naïve NEWTOK x<ent>y ǅ <s> [MASK] 中国", "stripped , ok"]
    written = make_pair(name, vocab_file, **settings)
    for i, tokenizer in enumerate(written):
        folder = tmp_path / str(i)
        tokenizer.save_pretrained(folder)
        expected = tokenizer(texts).input_ids
        for read in (
            getattr(keras_squeeze, name),
            keras_squeeze.AutoTokenizer,
            getattr(transformers, name),
            transformers.AutoTokenizer,
        ):
            again = read.from_pretrained(folder)
            assert again(texts).input_ids == expected
            assert again.get_vocab() == tokenizer.get_vocab()
            assert again.model_max_length == tokenizer.model_max_length
        slow = getattr(keras_squeeze, f"{kind}Tokenizer")
        again = slow.from_pretrained(folder)
        assert again.get_vocab() == tokenizer.get_vocab()
        assert again(texts[1]).input_ids == expected[1]


@of_transformers_4("version 5 writes fewer files")
@pytest.mark.parametrize("reader", NAMES[:2])
@pytest.mark.parametrize("writer", NAMES[:2])
@pytest.mark.parametrize("settings", SETTINGS)
def test_files_are_read(writer, reader, settings, vocab_file, tmp_path):
    """Each package reads the files of the other, slow or fast."""
    written = make_pair(writer, vocab_file, **settings)
    texts = ["Naïve NEWTOK x<ent>y ǅ <s> [MASK] 中国", "stripped , ok"]
    calls = [
        {},
        {"padding": True, "max_length": 6, "truncation": True},
    ]
    for i, tokenizer in enumerate(written):
        folder = tmp_path / str(i)
        tokenizer.save_pretrained(folder)
        ours, theirs = (
            getattr(package, reader).from_pretrained(folder)
            for package in (keras_squeeze, transformers)
        )
        for options in calls:
            found = dict(ours(texts, **options))
            assert found == dict(theirs(texts, **options))
            if reader == writer:
                assert found == dict(tokenizer(texts, **options))
        assert ours.get_vocab() == theirs.get_vocab()
        assert repr(ours.added_tokens_decoder) == repr(
            theirs.added_tokens_decoder
        )
        assert repr(ours.special_tokens_map_extended) == repr(
            theirs.special_tokens_map_extended
        )
        # Saving what was read does not change it.
        ours.save_pretrained(tmp_path / "again")
        theirs.save_pretrained(tmp_path / "theirs_again")
        for file in ("tokenizer_config.json", "special_tokens_map.json"):
            assert json.loads((tmp_path / "again" / file).read_text()) == (
                json.loads((tmp_path / "theirs_again" / file).read_text())
            )


@of_transformers_4("version 5 takes all added tokens for special ones")
@pytest.mark.parametrize("name", BOTH)
def test_files_of_older_versions_are_read(name, vocab_file, tmp_path):
    """Their configuration has no list of added tokens."""
    shutil.copy(vocab_file, tmp_path / "vocab.txt")
    files = {
        "tokenizer_config.json": {
            "do_lower_case": False,
            "model_max_length": 77,
            "special_tokens_map_file": "/nowhere/special_tokens_map.json",
            "tokenizer_file": "/nowhere/tokenizer.json",
            "name_or_path": "somewhere",
        },
        "special_tokens_map.json": {
            "mask_token": {
                "content": "[MASK]",
                "single_word": False,
                "lstrip": True,
                "rstrip": False,
                "normalized": False,
            },
            "cls_token": "[CLS]",
            "additional_special_tokens": ["<ent>"],
        },
        "added_tokens.json": {"<ent>": NUM_TOKENS, "NEWTOK": NUM_TOKENS + 1},
    }
    for file, contents in files.items():
        (tmp_path / file).write_text(json.dumps(contents))
    ours, theirs = (
        getattr(package, name).from_pretrained(tmp_path)
        for package in (keras_squeeze, transformers)
    )
    assert ours.model_max_length == 77
    assert repr(ours.added_tokens_decoder) == repr(theirs.added_tokens_decoder)
    text = "The [MASK] NEWTOK<ent>Newtok"
    assert dict(ours(text)) == dict(theirs(text))


@pytest.mark.parametrize("name", FAST)
def test_legacy_format(name, vocab_file, tmp_path):
    tokenizer = getattr(keras_squeeze, name)(vocab_file, model_max_length=9)
    tokenizer.save_pretrained(tmp_path / "old", legacy_format=True)
    assert not (tmp_path / "old" / "tokenizer.json").exists()
    tokenizer.save_pretrained(tmp_path / "new", legacy_format=False)
    assert not (tmp_path / "new" / "vocab.txt").exists()
    for folder in ("old", "new"):
        again = getattr(keras_squeeze, name).from_pretrained(tmp_path / folder)
        assert again.model_max_length == 9
        assert dict(again("the man")) == dict(tokenizer("the man"))
    slow = getattr(keras_squeeze, name.removesuffix("Fast"))
    for folder in ("old", "new"):
        again = slow.from_pretrained(tmp_path / folder)
        assert again.get_vocab() == tokenizer.get_vocab()
        assert dict(again("the man")) == dict(tokenizer("the man"))
    with pytest.raises(ValueError, match="`legacy_format=False`"):
        slow(vocab_file).save_pretrained(tmp_path / "slow", legacy_format=False)


@of_transformers_4("version 5 writes fewer files")
@pytest.mark.parametrize("name", BOTH)
def test_prefix_of_files(name, vocab_file, tmp_path):
    ours, theirs = make_pair(name, vocab_file)
    files = ours.save_pretrained(tmp_path / "ours", filename_prefix="my")
    theirs.save_pretrained(str(tmp_path / "theirs"), filename_prefix="my")
    written = sorted(os.listdir(tmp_path / "ours"))
    assert written == sorted(os.listdir(tmp_path / "theirs"))
    assert all(os.path.basename(file).startswith("my-") for file in files)
    (path,) = ours.save_vocabulary(tmp_path, "one")
    assert pathlib.Path(path).name == "one-vocab.txt"
    assert pathlib.Path(path).read_bytes() == (
        pathlib.Path(vocab_file).read_bytes()
    )


@pytest.mark.parametrize("name", COMPARED)
def test_arguments_replace_those_of_files(name, vocab_file, tmp_path):
    cls = getattr(keras_squeeze, name)
    cls(vocab_file).save_pretrained(tmp_path)
    tokenizer = cls.from_pretrained(
        tmp_path, do_lower_case=False, model_max_length=7, padding_side="left"
    )
    theirs = getattr(transformers, name).from_pretrained(
        tmp_path, do_lower_case=False, model_max_length=7, padding_side="left"
    )
    options = {"padding": "max_length", "truncation": True}
    for text in ("The Café", "the cafe of the man and the dog"):
        assert dict(tokenizer(text, **options)) == dict(theirs(text, **options))


@pytest.mark.parametrize("name", FAST)
def test_backend_is_taken(name, vocab_file, tmp_path):
    cls = getattr(keras_squeeze, name)
    tokenizer = cls(vocab_file, do_lower_case=False)
    tokenizer.save_pretrained(tmp_path)
    file = cls(tokenizer_file=tmp_path / "tokenizer.json", do_lower_case=False)
    given = cls(
        tokenizer_object=tokenizer.backend_tokenizer, do_lower_case=False
    )
    given.add_tokens("newtok")
    text = "The [MASK] Naïve newtok"
    assert dict(file(text)) == dict(tokenizer(text)) != dict(given(text))
    # Arguments take precedence over files.
    lower = cls(tokenizer_file=tmp_path / "tokenizer.json")
    assert dict(lower(text)) == dict(cls(vocab_file)(text))


@pytest.mark.parametrize("name", NAMES)
def test_built_in_preset(name, vocabulary):
    preset = name[: name.index("Bert")].lower() + "_bert_tiny_en_uncased"
    tokenizer = getattr(keras_squeeze, name).from_pretrained(preset)
    assert tokenizer.model_max_length == 512
    assert tokenizer.convert_ids_to_tokens(range(30522)) == vocabulary
    assert tokenizer.tokenize("Café [MASK]") == ["cafe", "[MASK]"]


@pytest.mark.parametrize("name", NAMES)
def test_hub(name, vocab_file, local_hub):
    folder = local_hub.root / "org" / "model"
    original = getattr(transformers, name)(vocab_file, model_max_length=9)
    original.save_pretrained(folder)
    cls = getattr(keras_squeeze, name)
    tokenizer = cls.from_pretrained("org/model")
    assert tokenizer.name_or_path == "org/model"
    assert tokenizer.model_max_length == 9
    assert dict(tokenizer("the man")) == dict(original("the man"))
    with pytest.raises(OSError, match="org/none"):
        cls.from_pretrained("org/none")


def test_single_file(vocab_file):
    with pytest.warns(FutureWarning, match="for a single file"):
        tokenizer = keras_squeeze.MobileBertTokenizer.from_pretrained(
            vocab_file, do_lower_case=False
        )
    assert tokenizer.tokenize("The") == ["[UNK]"]
    with pytest.raises(ValueError, match="`MobileBertTokenizerFast"):
        keras_squeeze.MobileBertTokenizerFast.from_pretrained(vocab_file)


def test_class_of_files(vocab_file, tmp_path):
    """Copies of BERT's tokenizer class are accepted."""
    transformers.BertTokenizer(vocab_file).save_pretrained(tmp_path)
    cls = keras_squeeze.MobileBertTokenizer
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cls.from_pretrained(tmp_path).tokenize("a man") == ["a", "man"]
    path = tmp_path / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "tokenizer_class": "XTokenizer"}))
    with pytest.warns(UserWarning, match="is a `XTokenizer`"):
        cls.from_pretrained(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_missing_and_broken_files(name, tmp_path):
    cls = getattr(keras_squeeze, name)
    with pytest.raises(ValueError, match="`vocab_file`"):
        cls(str(tmp_path / "none.txt"))
    with pytest.raises(ValueError, match="`vocab_file`"):
        cls(None)
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(ValueError, match="UTF-8"):
        cls(str(tmp_path / "latin.txt"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(OSError, match="no tokenizer in"):
        cls.from_pretrained(empty)
    (empty / "tokenizer_config.json").write_text("{")
    with pytest.raises(OSError, match="tokenizer_config.json"):
        cls.from_pretrained(empty)
    file = tmp_path / "file"
    file.write_text("")
    preset = "mobile_bert_tiny_en_uncased"
    with pytest.raises(AssertionError, match="`save_directory`"):
        cls.from_pretrained(preset).save_pretrained(file)


@pytest.mark.parametrize("name", FAST)
def test_broken_backend_file(name, tmp_path):
    (tmp_path / "tokenizer.json").write_text('{"model": 3}')
    with pytest.raises(ValueError, match="`tokenizer_file`"):
        getattr(keras_squeeze, name).from_pretrained(tmp_path)


# Warnings and errors.


@pytest.mark.parametrize("name", NAMES)
def test_long_text_is_warned_of_once(name, vocab_file):
    tokenizer = getattr(keras_squeeze, name)(vocab_file, model_max_length=4)
    text = "the man and the dog"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tokenizer(text, verbose=False)
        tokenizer(text, truncation=True)
        tokenizer("the man")
    with pytest.warns(UserWarning, match="sequence of 7 tokens exceeds"):
        tokenizer(text)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tokenizer(text)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "message", "is_once"),
    [
        ({"max_length": 4}, "`max_length=4` truncates", True),
        ({"padding": True, "max_length": 4}, "ignores `max_length`", False),
        ({"padding": "max_length"}, "has no effect", True),
        ({"truncation": True}, "Nothing is truncated", True),
    ],
)
def test_options_that_do_something_else(
    name, options, message, is_once, vocab_file
):
    tokenizer = getattr(keras_squeeze, name)(vocab_file)
    with pytest.warns(UserWarning, match=message):
        tokenizer("the man", **options)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        tokenizer("the man", **options)
        tokenizer("the man", verbose=False, **options)
    assert len(record) == (0 if is_once else 1)


def test_slow_tokenizer_warns():
    tokenizer = keras_squeeze.MobileBertTokenizer.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    with pytest.warns(UserWarning, match="Nothing is truncated: 4 tokens"):
        ids = tokenizer.encode("a b c", truncation=True, max_length=1)
    assert len(ids) == 5
    with pytest.warns(UserWarning, match=r"the unknown arguments \['color'\]"):
        tokenizer("the man", color="red")


@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize(
    "text", [None, 3, [3], [[3]], {"a": 1}, b"text", [None]]
)
def test_text_must_be_text(name, text, vocab_file):
    ours, theirs = make_pair(name, vocab_file)
    with pytest.raises(ValueError):
        theirs(text)
    with pytest.raises(ValueError, match="`text`"):
        ours(text)
    if text is not None:
        with pytest.raises(ValueError, match="`text_pair`"):
            ours("the man", text)


@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"padding": "most"}, "`padding` must be one of"),
        ({"truncation": "most"}, "`truncation` must be one of"),
        ({"return_tensors": "np3"}, "`return_tensors` must be one of"),
        (
            {
                "padding": True,
                "truncation": True,
                "max_length": 5,
                "pad_to_multiple_of": 4,
            },
            "`max_length` must be a multiple of `pad_to_multiple_of`",
        ),
    ],
)
def test_options_must_exist(name, options, message, vocab_file):
    ours, theirs = make_pair(name, vocab_file)
    with pytest.raises(ValueError):
        theirs("the man", **options)
    with pytest.raises(ValueError, match=message):
        ours("the man", **options)


@pytest.mark.parametrize("name", COMPARED)
def test_padding_needs_a_token(name, vocab_file):
    for tokenizer in make_pair(name, vocab_file):
        tokenizer.pad_token = None
        assert len(tokenizer("the man").input_ids) == 4
        with pytest.raises(ValueError, match="padding"):
            tokenizer("the man", padding=True)


@pytest.mark.parametrize("name", NAMES)
def test_batches_must_be_batches(name, vocab_file):
    tokenizer = getattr(keras_squeeze, name)(vocab_file)
    with pytest.raises(TypeError, match="`text_pair`"):
        tokenizer(["the man"], "the dog")
    with pytest.raises(ValueError, match="1 and 2 texts"):
        tokenizer(["the man"], ["the dog", "the cat"])
    with pytest.raises(TypeError, match="`batch_text_or_text_pairs`"):
        tokenizer.batch_encode_plus("the man")
    with pytest.raises(ValueError, match="no texts"):
        tokenizer([])
    with pytest.raises((TypeError, ValueError), match="Received"):
        tokenizer(["the man", 3])
    with pytest.raises((TypeError, ValueError), match="Received"):
        tokenizer([("the man", "the dog", "the cat")])


@pytest.mark.parametrize("name", NAMES)
def test_tokens_must_be_tokens(name, vocab_file):
    cls = getattr(keras_squeeze, name)
    tokenizer = cls(vocab_file)
    with pytest.raises(TypeError, match="`bos_token`"):
        cls(vocab_file, bos_token=3)
    with pytest.raises(ValueError, match="`pad_token`"):
        tokenizer.pad_token = 3
    with pytest.raises(TypeError, match="`new_tokens`"):
        tokenizer.add_tokens([3])
    with pytest.raises(AssertionError, match="'my_token'"):
        tokenizer.add_special_tokens({"my_token": "x"})
    with pytest.raises(ValueError, match="`eos_token`"):
        tokenizer.add_special_tokens({"eos_token": 3})
    with pytest.raises(AssertionError, match="`additional_special_tokens`"):
        tokenizer.add_special_tokens({"additional_special_tokens": "x"})
    with pytest.raises(ValueError, match="`padding_side`"):
        cls(vocab_file, padding_side="top")
    with pytest.raises(ValueError, match="`truncation_side`"):
        cls(vocab_file, truncation_side="top")
    with pytest.raises(AttributeError, match="`decode`"):
        cls(vocab_file, decode=True)


@pytest.mark.parametrize("name", SLOW)
def test_what_slow_tokenizers_cannot_do(name, vocab_file):
    tokenizer = getattr(keras_squeeze, name)(vocab_file)
    for text in ("the man", ["the man"]):
        with pytest.raises(NotImplementedError, match="Fast"):
            tokenizer(text, return_offsets_mapping=True)
    with pytest.raises(ValueError, match="`return_overflowing_tokens=True`"):
        tokenizer(
            "the man",
            "the dog",
            truncation=True,
            max_length=5,
            return_overflowing_tokens=True,
        )
    with pytest.raises(ValueError, match="`return_token_type_ids=True`"):
        tokenizer(
            "the man", add_special_tokens=False, return_token_type_ids=True
        )
    with pytest.raises(ValueError, match="`token_ids_1`"):
        tokenizer.get_special_tokens_mask([5], [6], True)


@pytest.mark.parametrize("name", FAST)
def test_what_fast_tokenizers_cannot_do(name, vocab_file):
    tokenizer = getattr(keras_squeeze, name)(vocab_file)
    with pytest.raises(ValueError, match="truncation='only_second'"):
        tokenizer("the man", truncation="only_second", max_length=3)
    with pytest.raises(ValueError, match="stride=5"):
        tokenizer(
            "the man and the dog", truncation=True, max_length=6, stride=5
        )
    with pytest.raises(TypeError, match="valid Unicode"):
        tokenizer("the \ud800 man")
    with pytest.raises(TypeError, match="color"):
        tokenizer("the man", color="red")
