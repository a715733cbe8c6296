"""Tests the tokenizer against transformers on large real texts."""

import json

import numpy as np
import pytest

from keras_squeeze.tokenizers import BertWordPieceTokenizer
from tests.backends import only_on
from tests.generated_texts import generated_texts

tf = pytest.importorskip("tensorflow")

pytestmark = only_on(
    "tensorflow", reason="the tokenizer is the same on every backend"
)


@pytest.fixture(scope="module")
def compare(vocabulary, oracle):
    """A function that compares both implementations with transformers."""
    tokenizer = BertWordPieceTokenizer(vocabulary)
    graph = tf.function(
        lambda texts: tokenizer(texts),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )

    def compare(texts):
        for start in range(0, len(texts), 10_000):
            some = texts[start : start + 10_000]
            expected = oracle(
                some,
                add_special_tokens=False,
                return_attention_mask=False,
                return_token_type_ids=False,
            )["input_ids"]
            lengths = np.array([len(row) for row in expected])
            expected = np.concatenate(
                [np.array(row, "int32") for row in expected]
            )
            ids, eager_lengths = tokenizer.tokenize_rows(some)
            np.testing.assert_array_equal(eager_lengths, lengths)
            np.testing.assert_array_equal(ids, expected)
            rows = graph(tf.constant(some))
            np.testing.assert_array_equal(rows.row_lengths(), lengths)
            np.testing.assert_array_equal(rows.values, expected)

    return compare


def read_lines(path):
    return path.read_text(encoding="utf-8").split("\n")


def test_unicode_texts(compare, real_data):
    paths = sorted((real_data / "unicode_text").rglob("*.txt"))
    assert len(paths) >= 8
    for path in paths:
        compare([path.read_text(encoding="utf-8"), *read_lines(path)])


def test_sms(compare, real_data):
    lines = read_lines(real_data / "sms_spam" / "SMSSpamCollection")
    assert len(lines) > 5_500
    compare([line.partition("\t")[2] for line in lines])


def test_sst2(compare, real_data):
    lines = []
    for name in ("train.tsv", "dev.tsv"):
        lines += read_lines(real_data / "sst2" / name)
    assert len(lines) > 68_000
    compare(lines)


def test_squad(compare, real_data):
    texts = []
    for name in ("dev-v1.1.json", "train-v1.1-subset.json"):
        content = (real_data / "squad" / name).read_text(encoding="utf-8")
        for article in json.loads(content)["data"]:
            for paragraph in article["paragraphs"]:
                texts.append(paragraph["context"])
                texts += [entry["question"] for entry in paragraph["qas"]]
    assert len(texts) > 22_000
    compare(texts)


def test_generated_texts(compare, vocabulary):
    compare(generated_texts(100_000, vocabulary))
