"""Preprocessing for masked language modeling."""

import keras_hub

from keras_squeeze.models.preprocessors.masking_preprocessor import (
    MaskingPreprocessor,
)


class MaskedLMPreprocessor(
    MaskingPreprocessor, keras_hub.models.MaskedLMPreprocessor
):
    """Base class for masked language modeling preprocessing layers.

    It takes `x`, a string, a batch of strings, or a tuple of batches of
    strings whose segments are combined into a single sequence. There are no
    labels to pass, because the masked words are the labels.

    The output is `(x, y, sample_weight)`, without the first axis for a single
    string. `x` is a dictionary of int32 tensors:

    - `"token_ids"`: `[CLS]`, the tokens, some of them masked, and `[SEP]` of
      each segment, `[PAD]`. Of shape `(batch_size, sequence_length)`.
    - `"segment_ids"`: The index of the segment of each token.
    - `"padding_mask"`: 1 for tokens and 0 for padding.
    - `"mask_positions"`: The positions of the words to predict, padded with
      zeros. Of shape `(batch_size, mask_selection_length)`.

    `y` has the ids of these words, and `sample_weight` is 1 for each of them
    and 0 for padding.

    `fill_mask_inputs()` takes text that is already masked.

    Raises:
        ValueError: if an argument is invalid, if `x` is not text, or if
            labels are passed.

    Example:

    ```python
    cls = keras_squeeze.models.MobileBertMaskedLMPreprocessor
    preprocessor = cls.from_preset(
        "mobile_bert_tiny_en_uncased",
        sequence_length=32,
        mask_selection_length=5,
    )
    x, y, sample_weight = preprocessor(["The quick brown fox jumped."])
    ```
    """

    def check_labels(self, y, sample_weight):
        super().check_labels(y, sample_weight)
        if y is not None:
            raise ValueError(
                "`y` must be None: the words that are masked are the labels. "
                "To preprocess a pair, call the preprocessor with "
                f"`(first, second), y=None`. Received: y={y}"
            )

    def masked_samples(self, segments, y, random):
        return self.mask(self.pack(segments), random)
