import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tokenizer import (
    SqueezeBertTokenizer,
)
from keras_squeeze.models.tasks.text_embedder import TextEmbedder
from keras_squeeze.models.tasks.text_embedder_preprocessor import (
    TextEmbedderPreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTextEmbedderPreprocessor(FromPreset, TextEmbedderPreprocessor):
    """Tokenizes and packs text for `SqueezeBertTextEmbedder`.

    See `TextEmbedderPreprocessor` for the arguments and for the inputs it
    takes.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.SqueezeBertTextEmbedderPreprocessor.from_preset(
            "squeeze_bert_tiny_en_uncased",
            sequence_length=128,
        )
    )
    preprocessor(["The quick brown fox jumped.", "Call me Ishmael."])
    ```
    """

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTextEmbedder(TextEmbedder):
    """A SqueezeBERT model that gives a vector for each text.

    With a `preprocessor`, which `from_preset()` creates by default,
    `encode_text()`, `search()` and `predict()` take raw text. See
    `TextEmbedder` for the arguments.

    Example:

    ```python
    embedder = keras_squeeze.models.SqueezeBertTextEmbedder.from_preset(
        "squeeze_bert_tiny_en_uncased",
    )
    documents = ["You have won a prize!", "See you at nine."]
    embedder.encode_text(documents)
    embedder.search("When will we meet?", documents, top_k=1)
    ```

    Reference:
     - [SqueezeBERT](https://arxiv.org/abs/2006.11316)
    """

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertTextEmbedderPreprocessor
