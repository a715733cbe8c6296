"""Preprocessing for next sentence prediction."""

from keras_squeeze.models.preprocessors.text_preprocessor import (
    TextPreprocessor,
)


class NextSentencePredictorPreprocessor(TextPreprocessor):
    """Base class for next sentence prediction preprocessing layers.

    It takes `x`, a pair `(first, second)` of strings or of batches of
    strings, in a tuple, and optionally `y` and `sample_weight`, which are
    passed through.

    The output is `x`, `(x, y)` or `(x, y, sample_weight)`, where `x` is a
    dictionary of int32 tensors of shape `(batch_size, sequence_length)`, or
    `(sequence_length,)` for a single pair:

    - `"token_ids"`: `[CLS]`, the first text, `[SEP]`, the second, `[SEP]`,
      `[PAD]`.
    - `"segment_ids"`: 0 for the tokens of the first text and 1 for those of
      the second.
    - `"padding_mask"`: 1 for tokens and 0 for padding.

    Raises:
        ValueError: if an argument is invalid, or if `x` is not a pair.

    Example:

    ```python
    cls = keras_squeeze.models.MobileBertNextSentencePredictorPreprocessor
    preprocessor = cls.from_preset(
        "mobile_bert_tiny_en_uncased", sequence_length=128
    )
    preprocessor((["Call me Ishmael."], ["Some years ago"]), y=[0])
    ```
    """

    def check_inputs(self, x):
        check_pair(x)
        super().check_inputs(x)

    def call(self, x, y=None, sample_weight=None):
        check_pair(x)
        return super().call(x, y, sample_weight)


def check_pair(x):
    """Raise a `ValueError` unless raw inputs are a pair.

    Args:
        x: The raw inputs.
    """
    if not isinstance(x, tuple) or len(x) != 2:
        raise ValueError(
            "`x` must be a pair `(first, second)` of lists of strings, in a "
            "tuple. To call a preprocessor on it, also pass `y=None`. "
            "Received: "
            f"x={x!r:.200}"
        )
