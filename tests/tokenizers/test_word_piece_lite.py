"""Tests the tokenizer of exported files against `tokenizers`."""

import numpy as np
import pytest

from keras_squeeze.models import MobileBertTokenizer
from tests.backends import only_on
from tests.tiny import SPECIAL_TOKENS

tf = pytest.importorskip("tensorflow")
pytest.importorskip("tensorflow_text")

pytestmark = only_on(
    "tensorflow",
    reason="the operations of TensorFlow are the same on every backend",
)

TEXTS = [
    "",
    "   ",
    "\0\ud7ff\ufffd",
    "See you at lunch?",
    "Der Fluß fließt, 東京は日本の首都です。",
    "[MASK]",
    "a [MASK]b[SEP][[MASK]]é[CLS]\n[PAD]ß",
    "[mask] [MASK [ MASK ] MASK [MASKED] [MA\u200bSK] [MASK\u200b]",
    "[MASK]" * 3 + "[UNK",
    "\ue000\ue001\uf8ff[MASK]",
    "##ing ## # ...",
    "x" * 100,
    "ま" * 100,
    "." * 150,
]


@pytest.fixture(scope="module")
def lite(vocabulary):
    return _lite(MobileBertTokenizer(vocabulary))


def _lite(tokenizer):
    from keras_squeeze.tokenizers.word_piece_lite import WordPieceLite

    lite = WordPieceLite(**tokenizer.encoder_arguments())
    spec = tf.TensorSpec((1,), "string")
    return tokenizer, tf.function(lite.encode, input_signature=[spec])


def _assert_equal(lite, texts):
    tokenizer, encode = lite
    for text in texts:
        ids = encode(tf.constant([text])).numpy()
        np.testing.assert_array_equal(ids, tokenizer.encoder.encode([text])[0])


def test_texts_with_special_tokens(lite):
    _assert_equal(lite, TEXTS)


def _all_characters():
    characters = [
        chr(i) for i in range(1, 0x110000) if not 0xD800 <= i < 0xE000
    ]
    # Few characters above these are assigned.
    characters = characters[:0x32000] + characters[0x32000::31]
    for start in range(0, len(characters), 1000):
        yield " ".join(f"a{c}b" for c in characters[start : start + 1000])


def test_every_character(lite):
    _assert_equal(lite, _all_characters())


def test_every_character_of_a_cased_vocabulary():
    """Uses a vocabulary with characters that are usually split off."""
    vocabulary = [*SPECIAL_TOKENS, "a", "##b"]
    vocabulary += ["b", "##京", "東", "##東", "##ß", "MASK", "\ue000", "é"]
    tokenizer = MobileBertTokenizer(
        vocabulary, lowercase=False, split_on_cjk=False
    )
    texts = [*TEXTS, "東京 東京b [東京] MASK [MASK]"]
    _assert_equal(_lite(tokenizer), [*_all_characters(), *texts])


def test_real_texts(lite, real_data):
    texts = []
    for name in ("pud/de", "pud/zh", "pud/ru", "pud/tr", "blns"):
        path = real_data / "unicode_text" / f"{name}.txt"
        texts += path.read_text(encoding="utf-8").splitlines()[::5]
    assert len(texts) > 900
    _assert_equal(lite, texts)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"split": False}, "split=False"),
        ({"added_tokens": ["a"]}, r"added_tokens=\['a'\]"),
        ({"special_tokens": ["a"]}, "punctuation marks.*'a'"),
        ({"special_tokens": ["[a b]"]}, "no spaces.*'\\[a b\\]'"),
    ],
)
def test_tokenizers_that_cannot_be_exported(options, message):
    vocabulary = [*SPECIAL_TOKENS, "a", "[a b]"]
    tokenizer = MobileBertTokenizer(vocabulary, **options)
    with pytest.raises(ValueError, match=message):
        _lite(tokenizer)


def test_too_many_chinese_characters():
    vocabulary = list(SPECIAL_TOKENS)
    vocabulary += [chr(i) for i in range(0x4E00, 0x4E00 + 6400)]
    tokenizer = MobileBertTokenizer(vocabulary, split_on_cjk=False)
    with pytest.raises(ValueError, match="split_on_cjk=False"):
        _lite(tokenizer)
