"""Preprocessing for masked words and the order of sentences."""

from keras_squeeze.models.class_names import check_class_ids
from keras_squeeze.models.preprocessors.masking_preprocessor import (
    MaskingPreprocessor,
)
from keras_squeeze.tokenizers.arrays import library_of
from keras_squeeze.tokenizers.arrays import take
from keras_squeeze.tokenizers.arrays import to_float32
from keras_squeeze.tokenizers.arrays import to_int32
from keras_squeeze.tokenizers.windows import count_up

# The names of the outputs of the task.
PREDICTION = "prediction_logits"
RELATIONSHIP = "seq_relationship_logits"


class PretrainingPreprocessor(MaskingPreprocessor):
    """Base class for the preprocessing layers of pretraining.

    It takes `x`, strings or a pair `(first, second)` of batches of strings.
    A text that is not a pair is split into two halves. In half of the rows,
    the second part is replaced by that of another row of the batch. Words of
    both parts are masked.

    The output is `(x, y, sample_weight)`. `x` is a dictionary of int32
    tensors:

    - `"token_ids"`: `[CLS]`, the tokens of the first part, some of them
      masked, `[SEP]`, those of the second, `[SEP]`, `[PAD]`. Of shape
      `(batch_size, sequence_length)`.
    - `"segment_ids"`: 0 for the tokens of the first part and 1 for those of
      the second.
    - `"padding_mask"`: 1 for tokens and 0 for padding.
    - `"mask_positions"`: The positions of the words to predict, padded with
      zeros. Of shape `(batch_size, mask_selection_length)`.

    `y` and `sample_weight` are dictionaries:

    - `"prediction_logits"`: The ids of the masked words, and weights that are
      1 for these words and 0 for padding. Of shape `(batch_size,
      mask_selection_length)`.
    - `"seq_relationship_logits"`: 0 if the second part follows the first, and
      1 if it was replaced. All weights are 1. Of shape `(batch_size,)`.

    With labels `y`, pairs are not changed, and the labels are whether they
    belong together.

    `fill_mask_inputs()` takes text that is already masked.

    Raises:
        ValueError: if an argument is invalid, if `x` is not text, or if
            there are labels for texts that are not pairs.

    Example:

    ```python
    cls = keras_squeeze.models.MobileBertPretrainingPreprocessor
    preprocessor = cls.from_preset(
        "mobile_bert_tiny_en_uncased",
        sequence_length=32,
        mask_selection_length=5,
    )
    x, y, sample_weight = preprocessor(
        ["The quick brown fox jumped.", "Call me Ishmael. Some years ago"]
    )
    ```
    """

    def masked_samples(self, segments, y, random):
        if len(segments) > 2:
            raise ValueError(
                "`x` must be strings or a pair of strings. Received: "
                f"{len(segments)} parts"
            )
        if y is not None and len(segments) == 1:
            raise ValueError(
                "`y` is whether the second part of a pair follows the first, "
                f"so `x` must be pairs. Received: y={y} for x of "
                "single strings"
            )
        if len(segments) == 1:
            segments = _halves(*segments[0])
        if y is None:
            lengths = to_int32(segments[0][1])
            mixed, y = _mix(
                *_with_starts(*segments[1]),
                self.random_numbers(2, lengths, random),
            )
            segments = (segments[0], mixed)
        else:
            y = check_class_ids(y, 2)
            # The label of a single pair is a scalar.
            y = to_int32(library_of(segments[0][1]).reshape(y, [-1]))
        inputs, ids, weights = self.mask(self.pack(segments), random)
        ones = library_of(ids).ones_like(weights[:, 0])
        return (
            inputs,
            {PREDICTION: ids, RELATIONSHIP: y},
            {PREDICTION: weights, RELATIONSHIP: ones},
        )


def _with_starts(ids, lengths, starts=None):
    """Add the position in `ids` at which each row of a segment starts."""
    lengths = to_int32(lengths)
    if starts is None:
        starts = library_of(lengths).cumsum(lengths) - lengths
    return ids, lengths, to_int32(starts)


def _halves(ids, lengths):
    """Split each row into two halves, as two segments."""
    ids, lengths, starts = _with_starts(ids, lengths)
    first = (lengths + 1) // 2
    return (ids, first, starts), (ids, lengths - first, starts + first)


def _mix(ids, lengths, starts, random_numbers):
    """Replace the tokens of half of the rows by those of other rows.

    Args:
        ids: Integer array or tensor. The ids of all rows.
        lengths: int32 array or tensor. The number of ids of each row.
        starts: int32 array or tensor. The position in `ids` at which each row
            starts.
        random_numbers: Two arrays or tensors of the shape of `lengths`: which
            rows to change, and which rows to use instead.

    Returns:
        A tuple `(segment, is_mixed)`: the new segment, and an int32 array or
        tensor that is 1 for each changed row and 0 for others. A single row is
        not changed.
    """
    lib = library_of(lengths)
    choice, distance = random_numbers
    row = to_int32(count_up(lengths))
    num_rows = lib.zeros_like(row) + lib.size(row)
    # All other rows are equally likely.
    step = 1 + to_int32(distance * to_float32(lib.maximum(num_rows - 1, 1)))
    is_mixed = lib.argsort(lib.argsort(choice)) < num_rows // 2
    source = lib.where(is_mixed, (row + step) % num_rows, row)
    segment = ids, take(lengths, source), take(starts, source)
    return segment, to_int32(is_mixed)
