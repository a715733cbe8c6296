import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tokenizer import (
    SqueezeBertTokenizer,
)
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.models.tasks.text_classifier_preprocessor import (
    TextClassifierPreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTextClassifierPreprocessor(
    FromPreset, TextClassifierPreprocessor
):
    """Tokenizes and packs text for `SqueezeBertTextClassifier`.

    See `TextClassifierPreprocessor` for the arguments and for the inputs it
    takes.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.SqueezeBertTextClassifierPreprocessor.from_preset(
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
class SqueezeBertTextClassifier(TextClassifier):
    """An end-to-end SqueezeBERT model for classification tasks.

    This model puts a classification head on a `SqueezeBertBackbone`. With a
    `preprocessor`, which `from_preset()` creates by default, `fit()`,
    `evaluate()`, `predict()` and `annotate()` take raw text. See
    `TextClassifier` for the arguments.

    Example:

    ```python
    classifier = keras_squeeze.models.SqueezeBertTextClassifier.from_preset(
        "squeeze_bert_tiny_en_uncased",
        class_names=["ham", "spam"],
    )
    classifier.fit(
        x=["See you at nine?", "You have won! Call now to claim."],
        y=["ham", "spam"],
        batch_size=2,
    )
    classifier.annotate(["Claim your prize."])
    classifier.save_to_preset("./spam_classifier")
    ```

    Reference:
     - [SqueezeBERT](https://arxiv.org/abs/2006.11316)
    """

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertTextClassifierPreprocessor
