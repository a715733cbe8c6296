import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tokenizer import (
    SqueezeBertTokenizer,
)
from keras_squeeze.models.tasks.token_classifier import TokenClassifier
from keras_squeeze.models.tasks.token_classifier_preprocessor import (
    TokenClassifierPreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTokenClassifierPreprocessor(
    FromPreset, TokenClassifierPreprocessor
):
    """Tokenizes and packs words for `SqueezeBertTokenClassifier`.

    See `TokenClassifierPreprocessor` for the arguments and for the inputs it
    takes.

    Example:

    ```python
    preprocessor = (
        keras_squeeze.models.SqueezeBertTokenClassifierPreprocessor.from_preset(
            "squeeze_bert_tiny_en_uncased",
            sequence_length=128,
        )
    )
    preprocessor(
        [["Ada", "Lovelace", "wrote", "."], ["Call", "me", "Ishmael"]],
        y=[[1, 2, 0, 0], [0, 0, 1]],
    )
    ```
    """

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTokenClassifier(TokenClassifier):
    """An end-to-end SqueezeBERT model for the classification of tokens.

    This model puts a head on a `SqueezeBertBackbone` that classifies every
    token, to find the names in a text or the parts of speech of its words.
    With a `preprocessor`, which `from_preset()` creates by default, `fit()`,
    `evaluate()` and `predict()` take lists of words, and `annotate()` takes
    raw text, too. See `TokenClassifier` for the arguments.

    Example:

    ```python
    classifier = keras_squeeze.models.SqueezeBertTokenClassifier.from_preset(
        "squeeze_bert_tiny_en_uncased",
        class_names=["O", "B-person", "I-person"],
    )
    classifier.fit(
        x=[["Ada", "Lovelace", "wrote", "."], ["Call", "me", "Ishmael"]],
        y=[["B-person", "I-person", "O", "O"], ["O", "O", "B-person"]],
        batch_size=2,
    )
    classifier.annotate(["Who was Ada Lovelace?"])
    classifier.save_to_preset("./person_finder")
    ```

    Reference:
     - [SqueezeBERT](https://arxiv.org/abs/2006.11316)
    """

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertTokenClassifierPreprocessor
