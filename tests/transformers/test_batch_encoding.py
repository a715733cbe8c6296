"""Tests the outputs of tokenizers against those of transformers."""

import pickle

import keras
import numpy as np
import pytest
import transformers

import keras_squeeze
from tests.transformers.tokenizer_cases import of_transformers_4

PRESET = "mobile_bert_tiny_en_uncased"
TEXTS = ["Hello, naïve world!", "Unaffable  e\u0301lan\u200b"]
PAIRS = ["Second té\u0301xt", ""]


@pytest.fixture(scope="module")
def tokenizers(vocabulary, tmp_path_factory):
    """Our fast tokenizer and that of transformers."""
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return [
        package.MobileBertTokenizerFast(str(path))
        for package in (keras_squeeze, transformers)
    ]


def encode(tokenizers, *texts, **options):
    return [tokenizer(*texts, **options) for tokenizer in tokenizers]


def test_tokens_and_characters(tokenizers):
    ours, theirs = encode(tokenizers, TEXTS, PAIRS, padding=True)
    num_tokens = len(theirs.input_ids[0])
    for row in range(2):
        for method in ("tokens", "word_ids", "sequence_ids"):
            assert getattr(ours, method)(row) == getattr(theirs, method)(row)
        for token in range(num_tokens):
            for method in (
                "token_to_chars",
                "token_to_word",
                "token_to_sequence",
            ):
                assert getattr(ours, method)(row, token) == (
                    getattr(theirs, method)(row, token)
                )
        for sequence in range(2):
            for index in range(20):
                for method in (
                    "char_to_token",
                    "char_to_word",
                    "word_to_tokens",
                ):
                    assert getattr(ours, method)(row, index, sequence) == (
                        getattr(theirs, method)(row, index, sequence)
                    )
    assert ours.encodings[1].ids == ours[1].ids == theirs[1].ids
    assert ours.n_sequences == theirs.n_sequences == 2


def test_row_may_be_left_out(tokenizers):
    ours, theirs = encode(tokenizers, "Hello, naïve world!")
    for index in range(6):
        for method in (
            "char_to_token",
            "char_to_word",
            "token_to_chars",
            "token_to_word",
            "word_to_tokens",
        ):
            assert getattr(ours, method)(index) == getattr(theirs, method)(
                index
            )
    assert ours.word_to_chars(2) == theirs.word_to_chars(2) == (7, 12)
    assert ours.word_to_chars(2).start == 7
    assert ours.word_to_tokens(2).end == 4
    assert ours.word_to_chars(99) is None
    # transformers has code for this, but it fails.
    assert ours.token_to_word(-2) == 4
    with pytest.warns(FutureWarning, match="word_ids"):
        assert ours.words() == theirs.word_ids()


def test_access():
    encoding = keras_squeeze.BatchEncoding({"input_ids": [[1], [2]]})
    assert encoding.input_ids is encoding["input_ids"]
    assert list(encoding.keys()) == ["input_ids"]
    assert {**encoding} == dict(encoding)
    assert encoding[1:] == {"input_ids": [[2]]}
    assert not encoding.is_fast and encoding.n_sequences is None
    with pytest.raises(AttributeError, match="'labels'"):
        encoding.labels  # noqa: B018
    with pytest.raises(KeyError):
        encoding["labels"]
    with pytest.raises(KeyError, match="fast tokenizer"):
        encoding[0]


@pytest.mark.parametrize(
    "method",
    [
        "word_ids",
        "tokens",
        "sequence_ids",
        "token_to_word",
        "token_to_sequence",
        "token_to_chars",
        "char_to_token",
        "char_to_word",
        "word_to_tokens",
        "word_to_chars",
    ],
)
def test_slow_tokenizers_know_no_words(method):
    tokenizer = keras_squeeze.MobileBertTokenizer.from_pretrained(PRESET)
    encoding = tokenizer("Hello")
    with pytest.raises(ValueError, match=rf"`{method}\(\)` is not available"):
        getattr(encoding, method)(0)


def test_encoding_is_pickled(tokenizers):
    encoding = tokenizers[0]("Hello world")
    again = pickle.loads(pickle.dumps(encoding))
    assert dict(again) == dict(encoding)
    assert again.word_ids() == encoding.word_ids()


@pytest.mark.parametrize(
    "tensor_type",
    [
        "np",
        pytest.param("tf", marks=of_transformers_4("5 has no TensorFlow")),
        "pt",
        "jax",
    ],
)
def test_tensors(tokenizers, tensor_type):
    options = {"padding": True, "return_tensors": tensor_type}
    if tensor_type == "jax":
        # transformers would use Flax here, which may not be installed.
        ours = tokenizers[0](TEXTS, **options)
        theirs = tokenizers[1](TEXTS, padding=True, return_tensors="np")
        assert keras.tree.map_structure(str, ours.input_ids.dtype) == "int32"
    else:
        ours, theirs = encode(tokenizers, TEXTS, **options)
    for name, expected in theirs.items():
        if tensor_type != "jax":
            assert type(ours[name]) is type(expected)
            assert ours[name].dtype == expected.dtype
        assert np.array_equal(np.asarray(ours[name]), np.asarray(expected))


def test_tensors_of_the_backend(tokenizers):
    for slow in (False, True):
        tokenizer = tokenizers[0]
        if slow:
            tokenizer = keras_squeeze.MobileBertTokenizer.from_pretrained(
                PRESET
            )
        encoding = tokenizer("Hello world", return_tensors="keras")
        for value in encoding.values():
            assert keras.ops.is_tensor(value)
            assert keras.backend.standardize_dtype(value.dtype) == "int32"
            assert tuple(value.shape) == (1, 4)
        ids = keras.ops.convert_to_numpy(encoding.input_ids)
        assert ids.tolist() == [tokenizer("Hello world").input_ids]
        assert tokenizer.decode(encoding.input_ids[0]) == (
            "[CLS] hello world [SEP]"
        )
        padded = tokenizer.pad(
            {"input_ids": [encoding.input_ids[0], encoding.input_ids[0][:2]]}
        )
        assert keras.ops.is_tensor(padded.input_ids)
        assert keras.ops.convert_to_numpy(padded.attention_mask).tolist() == [
            [1, 1, 1, 1],
            [1, 1, 0, 0],
        ]


def test_rows_of_different_lengths(tokenizers):
    texts = [*TEXTS, "Short"]
    ours, theirs = encode(tokenizers, texts, return_tensors="np")
    assert ours.input_ids.dtype == theirs.input_ids.dtype == "object"
    for found, expected in zip(ours.input_ids, theirs.input_ids, strict=True):
        assert np.array_equal(found, expected)
    for tensor_type in ("tf", "pt", "jax", "keras"):
        with pytest.raises(ValueError, match="`input_ids` cannot be converted"):
            tokenizers[0](texts, return_tensors=tensor_type)
    slow = keras_squeeze.MobileBertTokenizer.from_pretrained(PRESET)
    with pytest.raises(ValueError, match="`overflowing_tokens`.*fast"):
        slow(
            ["a b c d", "a b c d e f"],
            truncation=True,
            max_length=4,
            return_overflowing_tokens=True,
            return_tensors="tf",
        )


def test_conversion(tokenizers):
    encoding = tokenizers[0]("Hello")
    assert encoding.convert_to_tensors() is encoding
    assert encoding.convert_to_tensors("np", True).input_ids.shape == (1, 3)
    with pytest.raises(ValueError, match="`return_tensors` must be one of"):
        encoding.convert_to_tensors("mlx3")


def test_device(tokenizers):
    encoding = tokenizers[0]("Hello", return_tensors="pt")
    moved = encoding.to("meta")
    assert moved is encoding
    assert {value.device.type for value in moved.values()} == {"meta"}
