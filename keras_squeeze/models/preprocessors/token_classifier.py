"""Preprocessing for token classification."""

import keras
import numpy as np

from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.models.preprocessors.windowed_preprocessor import (
    WindowedPreprocessor,
)
from keras_squeeze.tokenizers.arrays import library_of
from keras_squeeze.tokenizers.arrays import take
from keras_squeeze.tokenizers.arrays import to_int32
from keras_squeeze.tokenizers.texts import ragged_rows
from keras_squeeze.tokenizers.texts import samples_of
from keras_squeeze.tokenizers.texts import word_rows
from keras_squeeze.tokenizers.windows import count_up
from keras_squeeze.tokenizers.windows import sliding_windows


class TokenClassifierPreprocessor(WindowedPreprocessor):
    """Base class for token classification preprocessing layers.

    It takes `x`, `y` and `sample_weight`. `x` is a batch of samples, each a
    list of words. `y` is optional, and has a list of class ids for each
    sample, one per word, or an array of floats with one row per word.
    `sample_weight` has one number per sample.

    Words are tokenized separately, as by `transformers.BertTokenizerFast` with
    `is_split_into_words=True`. A sample that is too long is split into
    overlapping windows, as with `return_overflowing_tokens=True`, so a batch
    has at least as many windows as samples.

    The output is `x` or `(x, y, sample_weight)`. `x` is a dictionary of int32
    tensors of shape `(num_windows, sequence_length)`:

    - `"token_ids"`: `[CLS]`, the tokens of the words, `[SEP]`, `[PAD]`.
    - `"segment_ids"`: Zeros.
    - `"padding_mask"`: 1 for tokens and 0 for padding.

    `y` and `sample_weight` are an int32 and a float32 tensor of the same
    shape. If words have rows of floats, `y` is a float32 tensor with another
    axis for them. The label of a word is at its first token, with a weight of
    1. Everything else has a weight of 0: other tokens of a word, special tokens
    and padding. In the overlap of windows, each word only counts once, in the
    window that has more text around it.

    Args:
        tokenizer: A `keras_squeeze.tokenizers.BertWordPieceTokenizer`.
        sequence_length: int. The length of the windows.
        stride: int or `None`. The number of tokens that consecutive windows
            share, as in transformers. Defaults to `None`, for a quarter of
            `sequence_length`.
        **kwargs: Other arguments of `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: if an argument is invalid, if `x` is not a batch of
            lists of words, if `y` does not have one label per word, or if
            windows have no room for more than their overlap.

    Example:

    ```python
    cls = keras_squeeze.models.MobileBertTokenClassifierPreprocessor
    preprocessor = cls.from_preset(
        "mobile_bert_tiny_en_uncased", sequence_length=128
    )
    preprocessor(
        [["Ada", "Lovelace", "wrote", "."], ["Call", "me", "Ishmael"]],
        y=[[1, 2, 0, 0], [0, 0, 1]],
    )
    ```
    """

    def call(self, x, y=None, sample_weight=None):
        words, counts = word_rows(x)
        ids, pieces = self.tokenizer.tokenize_rows(words)
        x, labelled = self.word_windows(ids, pieces, counts)
        if y is None:
            return self.for_caller(x)
        lib = library_of(counts)
        labels = _word_labels(y, counts)
        is_labelled = labelled >= 0
        labels = take(labels, labelled)
        has_rows = len(labels.shape) > 2
        is_there = is_labelled[..., np.newaxis] if has_rows else is_labelled
        y = lib.where(is_there, labels, 0)
        weights = lib.ones_like(to_int32(counts), dtype="float32")
        if sample_weight is not None:
            weights = weights * self.sample_weights(sample_weight, counts)
        weights = take(lib.repeat(weights, counts), labelled)
        weights = lib.where(is_labelled, weights, 0.0)
        return keras.utils.pack_x_y_sample_weight(
            *self.for_caller((x, y, weights))
        )

    def check_inputs(self, x):
        word_rows(x)

    def word_windows(self, ids, pieces, counts):
        """Split the tokens of words into windows.

        Args:
            ids: int32 array, or tensor of a TensorFlow graph. The tokens of
                all words, concatenated.
            pieces: int32 array or tensor. The number of tokens of each word.
            counts: int32 array or tensor. The number of words of each sample.

        Returns:
            A tuple `(x, words)`. `x` is the dictionary described above.
            `words`, an int32 array or tensor of shape `(num_windows,
            sequence_length)`, has the index of the word whose label each
            token has, counted over all samples, and -1 for no word.

        Raises:
            ValueError: if windows have no room for more than their overlap.
        """
        stride, room = self._check_stride()
        lib = library_of(ids)
        pieces = to_int32(pieces)
        # The index of the word that each token starts, or -1.
        word_of = lib.repeat(count_up(pieces), pieces)
        first = lib.cumsum(pieces) - pieces
        is_first = take(first, word_of) == count_up(ids)
        started = to_int32(lib.where(is_first, word_of, -1))

        ends = lib.pad(lib.cumsum(pieces), [[1, 0]])
        ends = to_int32(take(ends, lib.cumsum(counts)))
        starts_of_rows = lib.pad(ends, [[1, 0]])[:-1]
        lengths = ends - starts_of_rows
        rows, starts, sizes = sliding_windows(lengths, room, stride)
        tokens = take(starts_of_rows, rows) + starts
        x = self.pack(((ids, sizes, tokens),))

        # Two windows divide their overlap, so that each word counts in the
        # window in which it is farther from the end.
        half = (stride + 1) // 2
        is_last = starts + sizes == take(lengths, rows)
        own_start = lib.where(starts == 0, 0, half)[:, np.newaxis]
        own_end = lib.where(is_last, sizes, room - stride + half)
        columns = np.arange(self.sequence_length, dtype="int32") - 1
        is_own = (columns >= own_start) & (columns < own_end[:, np.newaxis])
        words = take(started, tokens[:, np.newaxis] + columns)
        return x, to_int32(lib.where(is_own, words, -1))

    def default_stride(self):
        return self.sequence_length // 4

    def _check_stride(self):
        """Return the overlap, and the room for the tokens of a window."""
        room = self.sequence_length - 2
        stride = self.overlap
        if stride >= room:
            raise ValueError(
                "`stride` must be less than what a window has room for, which "
                "is `sequence_length` without the two special tokens. "
                f"Received: stride={self.stride}, "
                f"sequence_length={self.sequence_length}"
            )
        return stride, room


def _word_labels(y, counts):
    """Concatenate the labels of all words."""
    if in_tf_function():
        import tensorflow as tf

        labels, found = ragged_rows(y)
        same = tf.debugging.Assert(
            tf.reduce_all(tf.equal(found, counts)),
            ["`y` must have one label per word of `x`:", found, counts],
            summarize=10,
        )
        with tf.control_dependencies([same]):
            return tf.cast(labels, "int32")
    samples = samples_of(y, "y")
    if len(samples) != len(counts):
        raise ValueError(
            "`y` must have one list of labels per sample. Received: "
            f"{len(counts)} samples and {len(samples)} lists of labels"
        )
    labels = []
    for i, sample in enumerate(samples):
        sample = np.asarray(sample)
        if sample.ndim == 2 and len(sample) == counts[i]:
            labels.append(sample.astype("float32"))
            continue
        if sample.shape != (counts[i],):
            raise ValueError(
                "`y` must have one label per word. Received: "
                f"{counts[i]} words and labels of shape {sample.shape} for "
                f"sample {i}"
            )
        if sample.size and sample.dtype.kind not in "iu":
            raise ValueError(
                "`y` must have class ids. A task with `class_names` also takes "
                f"names. Received: {sample.tolist()} for sample {i}"
            )
        labels.append(to_int32(sample))
    return np.concatenate(labels)
