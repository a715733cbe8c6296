"""Preprocessing for text classification."""

import keras_hub

from keras_squeeze.models.tasks.text_preprocessor import TextPreprocessor


class TextClassifierPreprocessor(
    TextPreprocessor, keras_hub.models.TextClassifierPreprocessor
):
    """Base class for text classification preprocessing layers.

    It takes `x`, `y` and `sample_weight`. `x` is a string, a batch of strings,
    or a tuple of batches of strings whose segments are combined into a single
    sequence. `y` and `sample_weight` are optional and passed through.

    The output is `x`, `(x, y)` or `(x, y, sample_weight)`, where `x` is a
    dictionary of int32 tensors of shape `(batch_size, sequence_length)`, or
    `(sequence_length,)` for a single string:

    - `"token_ids"`: `[CLS]`, the tokens and `[SEP]` of each segment, `[PAD]`.
    - `"segment_ids"`: The number of the segment that each token is in.
    - `"padding_mask"`: 1 where there is a token and 0 where there is padding.

    See `TextPreprocessor` for the arguments.

    Raises:
        ValueError: if an argument has no meaning, if `x` is not text, if the
            two parts of a pair have different lengths, or if
            `sequence_length` has no room for the special tokens.
    """
