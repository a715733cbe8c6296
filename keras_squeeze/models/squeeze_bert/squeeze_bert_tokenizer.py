import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.tokenizers.bert_word_piece_tokenizer import (
    BertWordPieceTokenizer,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTokenizer(FromPreset, BertWordPieceTokenizer):
    """A SqueezeBERT tokenizer, with the ids of the original's.

    See `BertWordPieceTokenizer` for the arguments and for what the tokenizer
    does to a text.

    Example:

    ```python
    tokenizer = keras_squeeze.models.SqueezeBertTokenizer.from_preset(
        "squeeze_bert_tiny_en_uncased",
    )
    tokenizer("The quick brown fox jumped.")
    tokenizer.detokenize(tokenizer("The quick brown fox jumped."))
    ```
    """

    backbone_cls = SqueezeBertBackbone
