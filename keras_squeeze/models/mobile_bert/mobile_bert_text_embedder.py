import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tokenizer import (
    MobileBertTokenizer,
)
from keras_squeeze.models.tasks.text_embedder import TextEmbedder
from keras_squeeze.models.tasks.text_embedder_preprocessor import (
    TextEmbedderPreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTextEmbedderPreprocessor(FromPreset, TextEmbedderPreprocessor):
    """Tokenizes and packs text for `MobileBertTextEmbedder`.

    See `TextEmbedderPreprocessor` for the arguments and for the inputs it
    takes.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.MobileBertTextEmbedderPreprocessor.from_preset(
            "mobile_bert_tiny_en_uncased",
            sequence_length=128,
        )
    )
    preprocessor(["The quick brown fox jumped.", "Call me Ishmael."])
    ```
    """

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTextEmbedder(TextEmbedder):
    """A MobileBERT model that gives a vector for each text.

    With a `preprocessor`, which `from_preset()` creates by default,
    `encode_text()`, `search()` and `predict()` take raw text. See
    `TextEmbedder` for the arguments.

    Example:

    ```python
    embedder = keras_squeeze.models.MobileBertTextEmbedder.from_preset(
        "mobile_bert_tiny_en_uncased",
    )
    documents = ["You have won a prize!", "See you at nine."]
    embedder.encode_text(documents)
    embedder.search("When will we meet?", documents, top_k=1)
    ```

    Reference:
     - [MobileBERT](https://arxiv.org/abs/2004.02984)
    """

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertTextEmbedderPreprocessor
