"""Preprocessing for question answering."""

import dataclasses

import keras
import numpy as np

from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.models.preprocessors.windowed_preprocessor import (
    WindowedPreprocessor,
)
from keras_squeeze.tokenizers.arrays import library_of
from keras_squeeze.tokenizers.arrays import take
from keras_squeeze.tokenizers.arrays import to_int32
from keras_squeeze.tokenizers.texts import named_texts
from keras_squeeze.tokenizers.texts import text_segments
from keras_squeeze.tokenizers.windows import sliding_windows


class QuestionAnsweringPreprocessor(WindowedPreprocessor):
    """Base class for question answering preprocessing layers.

    It takes `x`, `y` and `sample_weight`. `x` is a dictionary of batches of
    strings, `"question"` and `"context"`. `y` is optional, and is a dictionary
    of `"answer_text"`, a part of the context, and `"answer_start"`, the index
    of its first character in the context. For a question without an answer,
    they are `""` and -1. `sample_weight` has one number per sample.

    A context that is too long is split into overlapping windows, each after
    the whole question, so a batch has at least as many windows as samples. The
    windows are the same as those of `transformers.BertTokenizerFast` with
    `truncation="only_second"` and `return_overflowing_tokens=True`. The
    outputs are the same in direct calls and in a `tf.data` pipeline, and only
    the latter needs TensorFlow.

    The output is `x`, `(x, y)` or `(x, y, sample_weight)`. `x` is a
    dictionary of int32 tensors of shape `(num_windows, sequence_length)`:

    - `"token_ids"`: `[CLS]`, the question, `[SEP]`, a part of the context,
      `[SEP]`, `[PAD]`.
    - `"segment_ids"`: 1 for the context and the `[SEP]` after it, else 0.
    - `"padding_mask"`: 1 for tokens and 0 for padding.

    `y` is a dictionary of int32 tensors of shape `(num_windows,)`, the
    positions in `"token_ids"` of the answer's first and last token, with the
    names of the outputs of the task: `"start_logits"` and `"end_logits"`. They
    are 0, the position of `[CLS]`, for windows without the whole answer. Every
    window has the sample weight of its sample.

    Args:
        tokenizer: A `keras_squeeze.tokenizers.BertWordPieceTokenizer`.
        sequence_length: int. The length of the windows.
        stride: int or `None`. The number of tokens of the context that
            consecutive windows share, as in transformers. Defaults to `None`,
            for a third of `sequence_length`, but at most 128.
        **kwargs: Other arguments of `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: if an argument is invalid, if `x` or `y` do not have the
            form described above, if an answer is not at the given position of
            the context, or if a question leaves no room in a window for more
            than the overlap.

    Example:

    ```python
    cls = keras_squeeze.models.MobileBertQuestionAnsweringPreprocessor
    preprocessor = cls.from_preset(
        "mobile_bert_tiny_en_uncased", sequence_length=128
    )
    preprocessor(
        {
            "question": ["Where was Ada Lovelace born?"],
            "context": ["Ada Lovelace was born in London in 1815."],
        },
        y={"answer_start": [25], "answer_text": ["London"]},
    )
    ```
    """

    def __init__(self, tokenizer, sequence_length=384, stride=None, **kwargs):
        super().__init__(tokenizer, sequence_length, stride, **kwargs)

    def call(self, x, y=None, sample_weight=None):
        (questions, contexts), _ = self.segments(x)
        if y is None:
            tokens = self.tokenizer.tokenize_rows(contexts)
        else:
            starts, ends = _answer_characters(y, contexts)
            *tokens, first, last = self.tokenizer.tokenize_rows_with_spans(
                contexts, starts, ends
            )
        x, windows = self.context_windows(questions, tokens)
        if y is not None:
            first, last = take(first, windows.rows), take(last, windows.rows)
            y = {
                "start_logits": windows.positions(first, first, last),
                "end_logits": windows.positions(last, first, last),
            }
        if sample_weight is not None:
            weights = self.sample_weights(sample_weight, tokens[1])
            sample_weight = take(weights, windows.rows)
        return self.for_caller(
            keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
        )

    def check_inputs(self, x):
        self.segments(x)

    @staticmethod
    def segments(x):
        """Read questions and contexts.

        Args:
            x: The dictionary described above, or one of two single strings.

        Returns:
            A tuple of two segments, and whether these are batches, as returned
            by `text_segments()`.

        Raises:
            ValueError: if `x` is invalid.
        """
        keys = ("question", "context")
        _check_keys("x", x, keys)
        return text_segments(
            tuple(x[key] for key in keys), [f'x["{key}"]' for key in keys]
        )

    def context_windows(self, questions, contexts):
        """Pack questions with the windows of their contexts.

        Args:
            questions: list of strings, or in a TensorFlow graph a string
                tensor of rank 1.
            contexts: tuple `(ids, lengths)` of the tokens of the contexts, as
                returned by `tokenizer.tokenize_rows()`.

        Returns:
            A tuple of the dictionary `x` described above, and the
            `ContextWindows`.

        Raises:
            ValueError: if a question leaves no room for more than the
                overlap.
        """
        ids, lengths = contexts[0], to_int32(contexts[1])
        question_ids, question_lengths = self.tokenizer.tokenize_rows(questions)
        question_lengths = self._check_room(
            questions, to_int32(question_lengths)
        )
        lib = library_of(lengths)
        rows, starts, sizes = sliding_windows(
            lengths,
            self.sequence_length - 3 - question_lengths,
            self.overlap,
        )

        def first_tokens(lengths):
            return take(lib.cumsum(lengths) - lengths, rows)

        question_sizes = take(question_lengths, rows)
        x = self.pack(
            (
                (question_ids, question_sizes, first_tokens(question_lengths)),
                (ids, sizes, first_tokens(lengths) + starts),
            )
        )
        # After `[CLS]` and the question's `[SEP]`.
        return x, ContextWindows(rows, starts, sizes, question_sizes + 2)

    def default_stride(self):
        return min(128, self.sequence_length // 3)

    def _check_room(self, questions, lengths):
        """Check that questions leave enough room, and return `lengths`."""
        # Three positions are for the special tokens.
        longest = self.sequence_length - 3 - self.overlap - 1
        message = (
            "A question must leave room in `sequence_length` for more of its "
            f"context than the overlap of two windows: at most {longest} "
            f"tokens for sequence_length={self.sequence_length} and "
            f"stride={self.stride}."
        )
        if in_tf_function():
            import tensorflow as tf

            check = tf.debugging.Assert(
                tf.reduce_all(lengths <= longest),
                [message, "Received questions of these lengths:", lengths],
                summarize=10,
            )
            with tf.control_dependencies([check]):
                return tf.identity(lengths)
        for i in np.flatnonzero(lengths > longest)[:1]:
            raise ValueError(
                f"{message} Received: {lengths[i]} tokens for the question of "
                f"sample {i}, {questions[i]!r}"
            )
        return lengths


@dataclasses.dataclass(frozen=True)
class ContextWindows:
    """The origins of windows, and the positions of the context in them.

    Args:
        rows: int32 array, or tensor of a TensorFlow graph, of shape
            `(num_windows,)`. The index of the sample of each window.
        starts: The same, the first token of the context in the window.
        sizes: The same, the number of tokens of the context.
        columns: The same, the position of the first token in the window.
    """

    rows: object
    starts: object
    sizes: object
    columns: object

    def positions(self, tokens, first, last):
        """Find tokens of the context in the windows.

        Args:
            tokens: int32 array or tensor of shape `(num_windows,)`. A token
                of the context of each window.
            first: The same, the first token of its answer.
            last: The same, the last token, which comes before the first if
                there is no answer.

        Returns:
            An int32 array or tensor of shape `(num_windows,)`: the position
            in each window that has the whole answer, and 0 for others.
        """
        has_answer = (first <= last) & (first >= self.starts)
        has_answer &= last < self.starts + self.sizes
        positions = tokens - self.starts + self.columns
        return to_int32(library_of(tokens).where(has_answer, positions, 0))


def _answer_characters(y, contexts):
    """Return the characters at which the answers start and end."""
    _check_keys("y", y, ("answer_start", "answer_text"))
    if in_tf_function():
        return _answer_characters_in_graph(y, contexts)
    texts, _ = named_texts(y["answer_text"], 'y["answer_text"]')
    # Convert to a list first, for integers in an object array.
    starts = np.atleast_1d(np.array(np.asarray(y["answer_start"]).tolist()))
    if starts.dtype.kind == "f" and all(
        start.is_integer() for start in starts.ravel().tolist()
    ):
        # Data frames convert integers with missing values to floats.
        starts = starts.astype("int64")
    if starts.ndim != 1 or starts.dtype.kind not in "iu":
        raise ValueError(
            "`answer_start` must be integers, one per sample. Received: "
            f"answer_start={y['answer_start']!r}"
        )
    if not len(contexts) == len(texts) == len(starts):
        raise ValueError(
            "`y` must have one answer per sample. Received: "
            f"{len(contexts)} samples, {len(texts)} answer_text and "
            f"{len(starts)} answer_start"
        )
    ends = []
    for i, (start, text) in enumerate(zip(starts, texts, strict=True)):
        if start == -1 and not text:
            ends.append(0)
            continue
        end = start + len(text)
        if start < 0 or not text.strip() or contexts[i][start:end] != text:
            raise ValueError(
                "An `answer_text` must be in its context, at the character "
                "`answer_start`. For a question without an answer they must "
                f'be "" and -1. Received: answer_text={text!r}, '
                f"answer_start={start} for sample {i}, whose context has "
                f"{contexts[i][max(start, 0) : max(end, 0)]!r} there"
            )
        ends.append(end)
    return to_int32(np.maximum(starts, 0)), np.array(ends, "int32")


def _answer_characters_in_graph(y, contexts):
    import tensorflow as tf

    texts = tf.reshape(y["answer_text"], [-1])
    given = tf.reshape(y["answer_start"], [-1])
    starts = tf.cast(given, "int32")
    is_whole = tf.cast(starts, given.dtype) == given
    lengths = tf.strings.length(texts, unit="UTF8_CHAR")
    room = tf.strings.length(contexts, unit="UTF8_CHAR")
    found = tf.strings.substr(
        contexts,
        tf.clip_by_value(starts, 0, room),
        lengths,
        unit="UTF8_CHAR",
    )
    is_absent = (starts == -1) & (texts == "")
    is_right = (starts >= 0) & (found == texts)
    is_right &= tf.strings.strip(texts) != ""
    check = tf.debugging.Assert(
        tf.reduce_all(is_whole & (is_absent | is_right)),
        [
            "An `answer_text` must be in its context, at the character "
            "`answer_start`. For a question without an answer they must be "
            '"" and -1. Received:',
            *(texts, starts, contexts),
        ],
        summarize=10,
    )
    with tf.control_dependencies([check]):
        starts = tf.maximum(starts, 0)
    return starts, starts + lengths


def _check_keys(name, value, keys):
    if not isinstance(value, dict) or set(value) != set(keys):
        received = (
            f"a dictionary with the keys {sorted(value)}"
            if isinstance(value, dict)
            else f"{name} of type {type(value).__name__}"
        )
        raise ValueError(
            f"`{name}` must be a dictionary with the keys {list(keys)}. "
            f"Received: {received}"
        )
