"""Packs token segments into the fixed-length inputs of BERT-like models."""

import numpy as np

from keras_squeeze.tokenizers.arrays import library_of
from keras_squeeze.tokenizers.arrays import take
from keras_squeeze.tokenizers.arrays import to_int32
from keras_squeeze.validation import check_choice
from keras_squeeze.validation import check_positive_int

TRUNCATE_STRATEGIES = (
    "longest_first",
    "only_first",
    "only_second",
    "round_robin",
    "waterfall",
)


class SequencePacker:
    """Packs segments of token ids into sequences of a fixed length.

    A sequence is `start_value`, then each segment followed by `end_value`, then
    padding with `pad_value`. Segments that do not fit are truncated according
    to `truncate`:

    - `"longest_first"`: the longest segments are cut to the same length. A
      spare token goes to the longest segment, or to the last of several. This
      matches the fast tokenizers of transformers.
    - `"only_first"`, `"only_second"`: only that segment is cut. It must be long
      enough.
    - `"round_robin"`: like `"longest_first"`, but spare tokens go to the first
      segments. This matches KerasHub.
    - `"waterfall"`: segments are filled from the first to the last.

    The same code works on NumPy arrays and on tensors of a TensorFlow graph.

    Args:
        sequence_length: int. The length of the packed sequences.
        start_value: int. The first id of every sequence.
        end_value: int. The id after every segment.
        pad_value: int. The padding id.
        truncate: string. One of the strategies above.
        truncation_side: string. The side on which a segment is cut, `"right"`
            or `"left"`.

    Example:

    ```python
    packer = SequencePacker(8, start_value=101, end_value=102, pad_value=0)
    # The segments `[7, 8]`, `[7]` and `[9]`, `[5, 6]`.
    first = np.array([7, 8, 7]), np.array([2, 1])
    second = np.array([9, 5, 6]), np.array([1, 2])
    token_ids, segment_ids, padding_mask = packer((first, second))
    ```
    """

    def __init__(
        self,
        sequence_length,
        start_value,
        end_value,
        pad_value,
        truncate="longest_first",
        truncation_side="right",
    ):
        check_packing(sequence_length, truncate, truncation_side)
        self.sequence_length = sequence_length
        self.start_value = start_value
        self.end_value = end_value
        self.pad_value = pad_value
        self.truncate = truncate
        self.truncation_side = truncation_side

    def __call__(self, segments):
        """Pack segments.

        Args:
            segments: tuple of segments, each a tuple `(ids, lengths)` of two
                integer arrays or tensors of rank 1: the concatenated ids of all
                rows, and the number of ids per row. If the rows are not
                contiguous, a third array has the start of each row in `ids`.

        Returns:
            A tuple `(token_ids, segment_ids, padding_mask)` of three int32
            arrays or tensors of shape `(num_rows, sequence_length)`.
        """
        lengths = [to_int32(segment[1]) for segment in segments]
        kept = self._truncate(lengths)
        lib = library_of(lengths[0])
        columns = np.arange(self.sequence_length, dtype="int32")
        starts, ends = [], []
        start = lib.ones_like(lengths[0])
        for kept_length in kept:
            starts.append(start[:, np.newaxis])
            ends.append(starts[-1] + kept_length[:, np.newaxis])
            start = start + kept_length + 1

        # Write the segments from last to first, each overwriting what is on its
        # left. This saves a comparison over masking both sides.
        token_ids = self.pad_value
        for i in reversed(range(len(segments))):
            first = lib.cumsum(lengths[i]) - lengths[i]
            if len(segments[i]) > 2:
                first = to_int32(segments[i][2])
            if self.truncation_side == "left":
                first = first + lengths[i] - kept[i]
            tokens = take(
                to_int32(segments[i][0]),
                columns + (first[:, np.newaxis] - starts[i]),
            )
            token_ids = lib.where(columns == ends[i], self.end_value, token_ids)
            token_ids = lib.where(columns < ends[i], tokens, token_ids)
        token_ids = lib.where(columns == 0, self.start_value, token_ids)

        padding_mask = to_int32(columns <= ends[-1])
        segment_ids = lib.zeros_like(padding_mask)
        for start in starts[1:]:
            segment_ids = segment_ids + to_int32(columns >= start)
        return to_int32(token_ids), segment_ids * padding_mask, padding_mask

    def _truncate(self, lengths):
        """Compute how many tokens to keep of each segment of each row."""
        num_segments = len(lengths)
        room = _room_for_tokens(self.sequence_length, num_segments)
        lib = library_of(lengths[0])
        if self.truncate in ("only_first", "only_second"):
            index = ("only_first", "only_second").index(self.truncate)
            if index >= num_segments:
                raise ValueError(
                    'truncate="only_second" needs two segments. Received: '
                    f"{num_segments} segment"
                )
            others = sum(lengths) - lengths[index]
            kept = list(lengths)
            kept[index] = lib.minimum(
                lengths[index], _check_room(room - others, self.truncate)
            )
            return kept
        if self.truncate == "waterfall":
            kept = []
            for length in lengths:
                kept.append(lib.minimum(length, room))
                room = room - kept[-1]
            return kept
        return self._truncate_evenly(lengths, room)

    def _truncate_evenly(self, lengths, room):
        """Cut the longest segments to the length at which all segments fit."""
        lib = library_of(lengths[0])
        indices = range(len(lengths))
        # Raise the length while shorter segments leave room for the others.
        level = lib.zeros_like(lengths[0]) + room // len(lengths)
        for _ in indices:
            is_cut = [to_int32(length > level) for length in lengths]
            free = room - sum(lengths[i] * (1 - is_cut[i]) for i in indices)
            share = free // lib.maximum(sum(is_cut), 1)
            level = lib.maximum(level, share)
        is_cut = [to_int32(length > level) for length in lengths]
        kept = [lib.minimum(length, level) for length in lengths]
        left_over = room - sum(kept)
        for i in indices:
            # The number of segments that come before this one.
            rank = lib.zeros_like(level)
            for j in indices:
                if self.truncate == "round_robin":
                    if j < i:
                        rank = rank + is_cut[j]
                elif j > i:
                    rank = rank + to_int32(lengths[j] >= lengths[i]) * is_cut[j]
                elif j < i:
                    rank = rank + to_int32(lengths[j] > lengths[i]) * is_cut[j]
            kept[i] = kept[i] + is_cut[i] * to_int32(rank < left_over)
        return kept


def check_packing(sequence_length, truncate, truncation_side):
    """Raise a `ValueError` for packing arguments that cannot work."""
    check_sequence_length(sequence_length)
    check_choice("truncate", truncate, TRUNCATE_STRATEGIES)
    if truncation_side not in ("right", "left"):
        raise ValueError(
            '`truncation_side` must be "right" or "left". Received: '
            f"truncation_side={truncation_side!r}"
        )


def check_sequence_length(sequence_length):
    """Raise a `ValueError` if there is no room for the special tokens."""
    check_positive_int("sequence_length", sequence_length)
    _room_for_tokens(sequence_length, num_segments=1)


def _room_for_tokens(sequence_length, num_segments):
    """Compute how many tokens fit in a sequence besides special tokens."""
    room = sequence_length - 1 - num_segments
    if room < 0:
        raise ValueError(
            "`sequence_length` must have room for the start token and for an "
            f"end token per segment, with {num_segments} segments. "
            f"Received: sequence_length={sequence_length}"
        )
    return room


def _check_room(room, truncate):
    """Return `room`, the space for the segment to cut, if it is positive."""
    message = (
        f'truncate="{truncate}" cannot make the segments fit into '
        "`sequence_length`: the other segment alone is too long."
    )
    if not isinstance(room, np.ndarray):
        tf = library_of(room)
        check = tf.debugging.assert_non_negative(room, message)
        with tf.control_dependencies([check]):
            return tf.identity(room)
    if (room < 0).any():
        raise ValueError(message)
    return room
