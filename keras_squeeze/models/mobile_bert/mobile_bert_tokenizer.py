import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.tokenizers.bert_word_piece_tokenizer import (
    BertWordPieceTokenizer,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTokenizer(FromPreset, BertWordPieceTokenizer):
    """A MobileBERT tokenizer, with the ids of the original's.

    See `BertWordPieceTokenizer` for the arguments and for what the tokenizer
    does to a text.

    Example:

    ```python
    tokenizer = keras_squeeze.models.MobileBertTokenizer.from_preset(
        "mobile_bert_tiny_en_uncased",
    )
    tokenizer("The quick brown fox jumped.")
    tokenizer.detokenize(tokenizer("The quick brown fox jumped."))
    ```
    """

    backbone_cls = MobileBertBackbone
