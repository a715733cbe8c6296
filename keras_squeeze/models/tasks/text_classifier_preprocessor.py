"""Preprocessing for text classification."""

import keras
import keras_hub

from keras_squeeze.keras_hub_seam import convert_preprocessing_outputs_python
from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.tokenizers.sequence_packer import SequencePacker
from keras_squeeze.tokenizers.sequence_packer import check_packing
from keras_squeeze.tokenizers.sequence_packer import check_sequence_length
from keras_squeeze.tokenizers.texts import lists_to_arrays
from keras_squeeze.tokenizers.texts import text_segments


class TextClassifierPreprocessor(keras_hub.models.TextClassifierPreprocessor):
    """Base class for text classification preprocessing layers.

    This is a `keras_hub.models.TextClassifierPreprocessor` that gives exactly
    what `transformers.BertTokenizerFast` gives for `padding="max_length"` and
    `truncation=True`.

    It takes `x`, `y` and `sample_weight`. `x` is a string, a batch of strings,
    or a tuple of batches of strings whose segments are combined into a single
    sequence. `y` and `sample_weight` are optional and passed through.

    The output is `x`, `(x, y)` or `(x, y, sample_weight)`, where `x` is a
    dictionary of int32 tensors of shape `(batch_size, sequence_length)`, or
    `(sequence_length,)` for a single string:

    - `"token_ids"`: `[CLS]`, the tokens and `[SEP]` of each segment, `[PAD]`.
    - `"segment_ids"`: The number of the segment that each token is in.
    - `"padding_mask"`: 1 where there is a token and 0 where there is padding.

    As with every KerasHub preprocessor, a tuple that is the only argument of a
    direct call is read as `(x, y)` or `(x, y, sample_weight)`. To preprocess a
    pair without labels, pass `y=None` too.

    Args:
        tokenizer: A `keras_squeeze.tokenizers.BertWordPieceTokenizer`.
        sequence_length: int. The length of the packed inputs.
        truncate: string. How segments that do not fit are truncated, one of
            `"longest_first"`, `"only_first"`, `"only_second"`,
            `"round_robin"` and `"waterfall"`. See `SequencePacker`.
        truncation_side: string. Which end of a segment is cut off, `"right"`
            or `"left"`.
        **kwargs: Other arguments of `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: if an argument has no meaning, if `x` is not text, if the
            two parts of a pair have different lengths, or if
            `sequence_length` has no room for the special tokens.
    """

    def __init__(
        self,
        tokenizer,
        sequence_length=512,
        truncate="longest_first",
        truncation_side="right",
        **kwargs,
    ):
        check_packing(sequence_length, truncate, truncation_side)
        super().__init__(
            tokenizer,
            sequence_length=sequence_length,
            truncate=truncate,
            **kwargs,
        )
        self.truncation_side = truncation_side

    def __call__(self, *args, **kwargs):
        if args:
            x, *labels = args
            if type(x) is tuple and not labels and not kwargs:
                # The base class reads it as an input and its labels.
                x = (lists_to_arrays(x[0]), *x[1:])
            else:
                x = lists_to_arrays(x)
            args = (x, *labels)
        return super().__call__(*args, **kwargs)

    def build(self, input_shape):
        # The ids are known once the tokenizer's assets have been loaded.
        self.packer = SequencePacker(
            sequence_length=self.sequence_length,
            start_value=self.tokenizer.start_token_id,
            end_value=self.tokenizer.end_token_id,
            pad_value=self.tokenizer.pad_token_id,
            truncate=self.truncate,
            truncation_side=self.truncation_side,
        )

    def call(self, x, y=None, sample_weight=None):
        segments, is_batched = text_segments(x)
        token_ids, segment_ids, padding_mask = self.packer(
            tuple(self.tokenizer.tokenize_rows(texts) for texts in segments)
        )
        x = {
            "token_ids": token_ids,
            "segment_ids": segment_ids,
            "padding_mask": padding_mask,
        }
        if not is_batched:
            x = {name: array[0] for name, array in x.items()}
        if not in_tf_function():
            x = convert_preprocessing_outputs_python(x)
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

    def get_config(self):
        config = super().get_config()
        config["truncation_side"] = self.truncation_side
        return config

    @property
    def sequence_length(self):
        """The padded length of model input sequences."""
        return self._sequence_length

    @sequence_length.setter
    def sequence_length(self, value):
        check_sequence_length(value)
        self._sequence_length = value
        if self.packer is not None:
            self.packer.sequence_length = value
