"""Base class of the models' tokenizers."""

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.docstrings import ComposedDocstring
from keras_squeeze.tokenizers.bert_word_piece_tokenizer import (
    BertWordPieceTokenizer,
)


class EncoderTokenizer(ComposedDocstring, FromPreset, BertWordPieceTokenizer):
    """A `BertWordPieceTokenizer` that belongs to a backbone.

    Example:

    ```python
    tokenizer = keras_squeeze.models.MobileBertTokenizer.from_preset(
        "mobile_bert_tiny_en_uncased",
    )
    tokenizer("The quick brown fox jumped.")
    tokenizer.detokenize(tokenizer("The quick brown fox jumped."))
    ```
    """
