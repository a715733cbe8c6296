"""Base class of the preprocessors of all tasks."""

import keras
import keras_hub

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.keras_hub_seam import convert_preprocessing_outputs_python
from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.models.docstrings import ComposedDocstring
from keras_squeeze.tokenizers.sequence_packer import SequencePacker
from keras_squeeze.tokenizers.sequence_packer import check_packing
from keras_squeeze.tokenizers.sequence_packer import check_sequence_length
from keras_squeeze.tokenizers.texts import lists_to_arrays
from keras_squeeze.tokenizers.texts import text_segments


class TextPreprocessor(
    ComposedDocstring, FromPreset, keras_hub.models.Preprocessor
):
    """Base class of the preprocessors: a tokenizer and a packer.

    It takes `x`, `y` and `sample_weight`. `x` is a string, a batch of strings,
    or a tuple of batches of strings whose segments are combined into a single
    sequence. `y` and `sample_weight` are optional and passed through.

    The output is `x`, `(x, y)` or `(x, y, sample_weight)`, where `x` is a
    dictionary of int32 tensors of shape `(batch_size, sequence_length)`, or
    `(sequence_length,)` for a single string:

    - `"token_ids"`: `[CLS]`, the tokens and `[SEP]` of each segment, `[PAD]`.
    - `"segment_ids"`: The index of the segment of each token.
    - `"padding_mask"`: 1 for tokens and 0 for padding.

    The outputs are exactly those of `transformers.BertTokenizerFast` with
    `padding="max_length"` and `truncation=True`, in direct calls as well as in
    a `tf.function` or a `tf.data` pipeline. Only the latter two need
    TensorFlow.

    As for all KerasHub preprocessors, a tuple that is the only argument of a
    direct call is read as `(x, y)` or `(x, y, sample_weight)`. To preprocess a
    pair without labels, also pass `y=None`.

    Args:
        tokenizer: A `keras_squeeze.tokenizers.BertWordPieceTokenizer`.
        sequence_length: int. The length of the packed inputs.
        truncate: string. How segments that are too long are truncated, one of
            `"longest_first"`, `"only_first"`, `"only_second"`,
            `"round_robin"` and `"waterfall"`. See `SequencePacker`.
        truncation_side: string. The end of a segment that is truncated,
            `"right"` or `"left"`.
        **kwargs: Other arguments of `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: if an argument is invalid, if `x` is not text, if the
            two parts of a pair have different lengths, or if
            `sequence_length` has no room for the special tokens.

    Example:

    ```python
    cls = keras_squeeze.models.MobileBertTextClassifierPreprocessor
    preprocessor = cls.from_preset(
        "mobile_bert_tiny_en_uncased", sequence_length=128
    )
    preprocessor(["The quick brown fox jumped.", "Call me Ishmael."])
    # A pair of texts.
    preprocessor((["Who wrote it?"], ["It was Ada Lovelace."]), y=None)
    ```
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
        # Not `super()`: KerasHub's preprocessors for single tasks, which come
        # next in some subclasses, would set the same attributes again.
        keras_hub.models.Preprocessor.__init__(self, **kwargs)
        self.tokenizer = tokenizer
        self.packer = None
        self.sequence_length = sequence_length
        self.truncate = truncate
        self.truncation_side = truncation_side

    def __call__(self, *args, **kwargs):
        if args:
            x, *labels = args
            if type(x) is tuple and not labels and not kwargs:
                # The base class reads this as inputs and labels.
                x = (lists_to_arrays(x[0]), *x[1:])
            else:
                x = lists_to_arrays(x)
            args = (x, *labels)
        return super().__call__(*args, **kwargs)

    def build(self, input_shape):
        # The ids are only known after the tokenizer's assets are loaded.
        self.packer = SequencePacker(
            sequence_length=self.sequence_length,
            start_value=self.tokenizer.start_token_id,
            end_value=self.tokenizer.end_token_id,
            pad_value=self.tokenizer.pad_token_id,
            truncate=self.truncate,
            truncation_side=self.truncation_side,
        )

    def call(self, x, y=None, sample_weight=None):
        x = self.pack_texts(x)
        return keras.utils.pack_x_y_sample_weight(
            self.for_caller(x), y, sample_weight
        )

    def check_inputs(self, x):
        """Raise a `ValueError` if any raw inputs are invalid.

        Tasks call it before they process batches of them.

        Args:
            x: The raw inputs of the task.
        """
        text_segments(x)

    def tokenize(self, x):
        """Tokenize texts for `pack()`.

        Args:
            x: A string, a batch of strings, or a tuple of either.

        Returns:
            A tuple `(segments, is_batched)`: a tuple of segments, each a
            tuple `(ids, lengths)`, and whether `x` was a batch.
        """
        segments, is_batched = text_segments(x)
        return tuple(map(self.tokenizer.tokenize_rows, segments)), is_batched

    def pack_texts(self, x):
        """Tokenize and pack texts.

        Args:
            x: A string, a batch of strings, or a tuple of either.

        Returns:
            The result of `pack()`, without the first axis for a single string.
        """
        segments, is_batched = self.tokenize(x)
        return first_if(not is_batched, self.pack(segments))

    def pack(self, segments):
        """Pack token ids into the inputs of a backbone.

        Args:
            segments: tuple of segments, each a tuple `(ids, lengths)` as
                returned by `tokenizer.tokenize_rows()`.

        Returns:
            A dictionary of int32 arrays, or tensors in a TensorFlow graph, of
            shape `(num_rows, sequence_length)`.
        """
        if self.packer is None:
            # Keras only builds the layer for `call()`.
            self.build(None)
        token_ids, segment_ids, padding_mask = self.packer(segments)
        return {
            "token_ids": token_ids,
            "segment_ids": segment_ids,
            "padding_mask": padding_mask,
        }

    def serving_inputs(self, x):
        """Preprocess raw inputs for a file that runs without Keras.

        Args:
            x: The raw inputs of the task.

        Returns:
            A dictionary of arrays or tensors by the names of the backbone's
            inputs.
        """
        # Without `y=None`, a pair would be taken for inputs and labels.
        return self(x, y=None)

    @staticmethod
    def for_caller(outputs):
        """Convert arrays to the type that the caller of the layer needs.

        Args:
            outputs: Any structure of arrays, or of tensors in a TensorFlow
                graph.

        Returns:
            The same structure of tensors of the Keras backend, of NumPy
            arrays in a `grain` pipeline, or of TensorFlow tensors in a
            TensorFlow graph.
        """
        if in_tf_function():
            return outputs
        return convert_preprocessing_outputs_python(outputs)

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "sequence_length": self.sequence_length,
                "truncate": self.truncate,
                "truncation_side": self.truncation_side,
            }
        )
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


def first_if(condition, structure):
    """Return the first rows of arrays, or the arrays unchanged.

    Args:
        condition: bool. Whether to take the first rows.
        structure: Any structure of arrays or tensors.

    Returns:
        The same structure.
    """
    if not condition:
        return structure
    return keras.tree.map_structure(lambda array: array[0], structure)
