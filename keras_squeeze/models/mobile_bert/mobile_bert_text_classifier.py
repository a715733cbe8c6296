import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tokenizer import (
    MobileBertTokenizer,
)
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.models.tasks.text_classifier_preprocessor import (
    TextClassifierPreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTextClassifierPreprocessor(
    FromPreset, TextClassifierPreprocessor
):
    """Tokenizes and packs text for `MobileBertTextClassifier`.

    See `TextClassifierPreprocessor` for the arguments and for the inputs it
    takes.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.MobileBertTextClassifierPreprocessor.from_preset(
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
class MobileBertTextClassifier(TextClassifier):
    """An end-to-end MobileBERT model for classification tasks.

    This model puts a classification head on a `MobileBertBackbone`. With a
    `preprocessor`, which `from_preset()` creates by default, `fit()`,
    `evaluate()`, `predict()` and `annotate()` take raw text. See
    `TextClassifier` for the arguments.

    Example:

    ```python
    classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
        "mobile_bert_tiny_en_uncased",
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
     - [MobileBERT](https://arxiv.org/abs/2004.02984)
    """

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertTextClassifierPreprocessor
