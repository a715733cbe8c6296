"""Tests transformers-style tokenizers against the equivalent layers."""

import pytest

import keras_squeeze
from keras_squeeze import models
from keras_squeeze.transformers.tokenizers.layers import layer_of
from keras_squeeze.transformers.tokenizers.layers import tokenizer_of
from tests.backends import only_on

pytestmark = only_on("torch", reason="ids are the same on every backend")
TEXTS = ["Café, 中国 Runn1ng?", "a [MASK] [mask] <ent> newtok.", "", "éa"]


@pytest.fixture(scope="module")
def tokens(vocabulary):
    return [*vocabulary[:5000], "é", "éa", "<ent>", "A"]


def ids(tokenizer, texts):
    return [tokenizer.encode(text, add_special_tokens=False) for text in texts]


def ids_of_layer(layer, texts):
    return [row.tolist() for row in map(layer, texts)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"lowercase": False, "split_on_cjk": False},
        {"strip_accents": False, "special_tokens": ["<ent>"]},
    ],
)
def test_tokenizer_of_a_layer(tokens, settings):
    layer = models.MobileBertTokenizer(tokens, **settings)
    tokenizer = tokenizer_of(layer, model_max_length=9)
    assert type(tokenizer) is keras_squeeze.MobileBertTokenizerFast
    assert tokenizer.model_max_length == 9
    assert ids(tokenizer, TEXTS) == ids_of_layer(layer, TEXTS)
    again = layer_of(tokenizer, models.MobileBertTokenizer)
    assert ids_of_layer(again, TEXTS) == ids_of_layer(layer, TEXTS)


@pytest.mark.parametrize("name", ["Tokenizer", "TokenizerFast"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_lower_case": False, "tokenize_chinese_chars": False},
        {"strip_accents": False, "additional_special_tokens": ["<ent>"]},
    ],
)
def test_layer_of_a_tokenizer(tokens, name, settings, tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(tokens), encoding="utf-8")
    cls = getattr(keras_squeeze, f"SqueezeBert{name}")
    tokenizer = cls(str(tmp_path / "vocab.txt"), **settings)
    # Tokens that are added later get the ids after the others.
    tokenizer.add_tokens(["newtok"], special_tokens=True)
    layer = layer_of(tokenizer, models.SqueezeBertTokenizer)
    assert type(layer) is models.SqueezeBertTokenizer
    assert layer.vocabulary_size() == len(tokenizer)
    assert ids_of_layer(layer, TEXTS) == ids(tokenizer, TEXTS)
