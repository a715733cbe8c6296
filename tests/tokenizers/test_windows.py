import numpy as np
import pytest
import tensorflow as tf
import tokenizers

from keras_squeeze.tokenizers.sequence_packer import SequencePacker
from keras_squeeze.tokenizers.windows import sliding_windows

LENGTHS = np.array([3, 10, 0, 6, 25, 7], "int32")
VOCABULARY = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3} | {
    str(i): 10 + i for i in range(60)
}


def original(rows, room, overlap):
    """The windows of `tokenizers`, as lists of ids."""
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel(VOCABULARY, "[UNK]")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(room, stride=overlap)
    windows = []
    for row in rows:
        encoding = tokenizer.encode(" ".join(map(str, row)))
        windows += [encoding.ids, *(x.ids for x in encoding.overflowing)]
    return windows


@pytest.mark.parametrize("overlap", [0, 1, 2, 4])
@pytest.mark.parametrize("in_graph", [False, True])
def test_windows_equal_those_of_tokenizers(overlap, in_graph):
    def cut(lengths):
        return sliding_windows(lengths, room=6, overlap=overlap)

    if in_graph:
        found = tf.function(cut)(tf.constant(LENGTHS))
        found = [array.numpy() for array in found]
    else:
        found = cut(LENGTHS)
    assert all(array.dtype == "int32" for array in found)
    texts = [range(length) for length in LENGTHS]
    windows = [
        [10 + i for i in texts[row][start : start + size]]
        for row, start, size in zip(*found, strict=True)
    ]
    assert windows == original(texts, 6, overlap)


def test_rows_with_room_of_their_own():
    rooms = np.array([3, 9, 4, 5, 20, 7], "int32")
    found = sliding_windows(LENGTHS, rooms, overlap=2)
    for row, room in enumerate(rooms):
        expected = sliding_windows(LENGTHS[row : row + 1], int(room), 2)
        is_of_row = found[0] == row
        np.testing.assert_array_equal(found[1][is_of_row], expected[1])
        np.testing.assert_array_equal(found[2][is_of_row], expected[2])


def test_windows_are_packed():
    ids = np.arange(10, 10 + LENGTHS.sum(), dtype="int32")
    rows, starts, sizes = sliding_windows(LENGTHS, room=6, overlap=2)
    starts = starts + (np.cumsum(LENGTHS) - LENGTHS)[rows]
    packer = SequencePacker(8, start_value=1, end_value=2, pad_value=0)
    token_ids, _, _ = packer(((ids, sizes, starts),))
    for row, start, size in zip(token_ids, starts, sizes, strict=True):
        expected = [1, *ids[start : start + size], 2, *[0] * (6 - size)]
        assert row.tolist() == expected
