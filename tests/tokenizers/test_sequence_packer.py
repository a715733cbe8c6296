import itertools

import keras_hub
import numpy as np
import pytest

from keras_squeeze.tokenizers.sequence_packer import TRUNCATE_STRATEGIES
from keras_squeeze.tokenizers.sequence_packer import SequencePacker
from tests.bert_oracle import make_fast_tokenizer

CLS, SEP, PAD = 1, 2, 0
WORDS = [chr(ord("a") + i) for i in range(26)]
VOCABULARY = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", *WORDS]


def make_packer(sequence_length, **options):
    return SequencePacker(
        sequence_length,
        start_value=CLS,
        end_value=SEP,
        pad_value=PAD,
        **options,
    )


def make_segment(lengths, first_word=0):
    """Return rows of different words, as ids and as texts."""
    rows = [
        [(first_word + i) % len(WORDS) for i in range(length)]
        for length in lengths
    ]
    ids = np.array([5 + word for row in rows for word in row], "int32")
    texts = [" ".join(WORDS[word] for word in row) for row in rows]
    return (ids, np.array(lengths, "int32")), texts


def to_lists(arrays):
    return [np.asarray(array).tolist() for array in arrays]


PAIR_LENGTHS = list(itertools.product(range(10), repeat=2))


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("sequence_length", [3, 4, 5, 10, 11, 30])
def test_pairs_are_packed_as_transformers_does(tmp_path, sequence_length, side):
    first, first_texts = make_segment([a for a, _ in PAIR_LENGTHS])
    second, second_texts = make_segment([b for _, b in PAIR_LENGTHS], 13)
    tokenizer = make_fast_tokenizer(VOCABULARY, tmp_path, truncation_side=side)
    expected = tokenizer(
        first_texts,
        second_texts,
        padding="max_length",
        truncation="longest_first",
        max_length=sequence_length,
        return_tensors="np",
    )
    token_ids, segment_ids, padding_mask = make_packer(
        sequence_length, truncation_side=side
    )((first, second))
    np.testing.assert_array_equal(token_ids, expected["input_ids"])
    np.testing.assert_array_equal(segment_ids, expected["token_type_ids"])
    np.testing.assert_array_equal(padding_mask, expected["attention_mask"])
    for array in (token_ids, segment_ids, padding_mask):
        assert array.dtype == "int32"


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("sequence_length", [2, 3, 7, 12])
def test_single_segments_are_packed_as_transformers_does(
    tmp_path, sequence_length, side
):
    segment, texts = make_segment(range(10))
    tokenizer = make_fast_tokenizer(VOCABULARY, tmp_path, truncation_side=side)
    expected = tokenizer(
        texts,
        padding="max_length",
        truncation=True,
        max_length=sequence_length,
        return_tensors="np",
    )
    token_ids, segment_ids, padding_mask = make_packer(
        sequence_length, truncation_side=side
    )((segment,))
    np.testing.assert_array_equal(token_ids, expected["input_ids"])
    np.testing.assert_array_equal(segment_ids, expected["token_type_ids"])
    np.testing.assert_array_equal(padding_mask, expected["attention_mask"])


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("strategy", ["only_first", "only_second"])
def test_one_segment_is_truncated_as_transformers_does(
    tmp_path, strategy, side
):
    long, short = [9, 3, 12, 7], [2, 4, 0, 1]
    lengths = (long, short) if strategy == "only_first" else (short, long)
    first, first_texts = make_segment(lengths[0])
    second, second_texts = make_segment(lengths[1], 13)
    tokenizer = make_fast_tokenizer(VOCABULARY, tmp_path, truncation_side=side)
    expected = tokenizer(
        first_texts,
        second_texts,
        padding="max_length",
        truncation=strategy,
        max_length=9,
        return_tensors="np",
    )
    token_ids, segment_ids, padding_mask = make_packer(
        9, truncate=strategy, truncation_side=side
    )((first, second))
    np.testing.assert_array_equal(token_ids, expected["input_ids"])
    np.testing.assert_array_equal(segment_ids, expected["token_type_ids"])
    np.testing.assert_array_equal(padding_mask, expected["attention_mask"])


@pytest.mark.parametrize("num_segments", [1, 2, 3])
@pytest.mark.parametrize("strategy", ["round_robin", "waterfall"])
def test_keras_hub_strategies(strategy, num_segments):
    lengths = list(itertools.product(range(6), repeat=num_segments))
    segments = [
        make_segment(column, 8 * i)[0]
        for i, column in enumerate(zip(*lengths, strict=True))
    ]
    rows = tuple(
        [part.tolist() for part in np.split(ids, np.cumsum(sizes)[:-1])]
        for ids, sizes in segments
    )
    for sequence_length in (num_segments + 1, 8, 9, 10):
        expected = keras_hub.layers.MultiSegmentPacker(
            sequence_length,
            start_value=CLS,
            end_value=SEP,
            pad_value=PAD,
            truncate=strategy,
        )(rows)
        packed = make_packer(sequence_length, truncate=strategy)(segments)
        assert to_lists(packed[:2]) == to_lists(
            part.cpu() if hasattr(part, "cpu") else part for part in expected
        )


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("strategy", TRUNCATE_STRATEGIES)
def test_graph_packs_as_arrays_do(strategy, side):
    tf = pytest.importorskip("tensorflow")
    lengths = PAIR_LENGTHS
    if strategy == "only_first":
        lengths = [(a, b) for a, b in lengths if b <= 6]
    elif strategy == "only_second":
        lengths = [(a, b) for a, b in lengths if a <= 6]
    first, _ = make_segment([a for a, _ in lengths])
    second, _ = make_segment([b for _, b in lengths], 13)
    packer = make_packer(9, truncate=strategy, truncation_side=side)
    packed = tf.function(packer)((to_tensors(first), to_tensors(second)))
    for array, tensor in zip(packer((first, second)), packed, strict=True):
        assert tensor.dtype == tf.int32
        np.testing.assert_array_equal(array, tensor)


def to_tensors(segment):
    tf = pytest.importorskip("tensorflow")
    ids, lengths = segment
    return tf.constant(ids), tf.constant(lengths, "int64")


def test_what_is_left_over_of_three_segments_goes_to_the_longest():
    segments = [make_segment([length])[0] for length in (8, 9, 8)]
    token_ids, segment_ids, _ = make_packer(12)(segments)
    # Eight positions for three segments: 2, 3 and 3.
    assert segment_ids.tolist() == [[0] * 4 + [1] * 4 + [2] * 4]
    assert token_ids[0, [3, 7, 11]].tolist() == [SEP] * 3


@pytest.mark.parametrize("num_rows", [0, 3])
def test_rows_without_tokens(num_rows):
    empty = np.zeros(0, "int32"), np.zeros(num_rows, "int32")
    token_ids, segment_ids, padding_mask = make_packer(5)((empty, empty))
    assert token_ids.tolist() == [[CLS, SEP, SEP, PAD, PAD]] * num_rows
    assert segment_ids.tolist() == [[0, 0, 1, 0, 0]] * num_rows
    assert padding_mask.tolist() == [[1, 1, 1, 0, 0]] * num_rows


def test_sequence_length_without_room_for_the_end_tokens():
    packer = make_packer(2)
    segment, _ = make_segment([3])
    assert packer((segment,))[0].tolist() == [[CLS, SEP]]
    with pytest.raises(ValueError, match="with 2 segments"):
        packer((segment, segment))


def test_segment_that_may_not_be_cut_is_too_long():
    first, _ = make_segment([9])
    second, _ = make_segment([2])
    packer = make_packer(10, truncate="only_second")
    with pytest.raises(ValueError, match="alone is too long"):
        packer((first, second))
    tf = pytest.importorskip("tensorflow")
    with pytest.raises(tf.errors.InvalidArgumentError, match="alone is too"):
        tf.function(packer)((to_tensors(first), to_tensors(second)))


def test_only_second_needs_a_second_segment():
    segment, _ = make_segment([3])
    with pytest.raises(ValueError, match="needs two segments"):
        make_packer(10, truncate="only_second")((segment,))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"sequence_length": 0}, "`sequence_length` must be a positive"),
        ({"sequence_length": 8.0}, "`sequence_length` must be a positive"),
        ({"sequence_length": None}, "Received: sequence_length=None"),
        ({"sequence_length": 1}, "room for the start token"),
        (
            {"sequence_length": 8, "truncate": "first"},
            "`truncate` must be one of",
        ),
        (
            {"sequence_length": 8, "truncation_side": "top"},
            '`truncation_side` must be "right" or "left"',
        ),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_packer(**arguments)
