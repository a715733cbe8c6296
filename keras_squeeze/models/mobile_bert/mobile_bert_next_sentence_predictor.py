import keras

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tokenizer import (
    MobileBertTokenizer,
)
from keras_squeeze.models.tasks.next_sentence_predictor import (
    NextSentencePredictor,
)
from keras_squeeze.models.tasks.next_sentence_predictor_preprocessor import (
    NextSentencePredictorPreprocessor,
)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertNextSentencePredictorPreprocessor(
    FromPreset, NextSentencePredictorPreprocessor
):
    """Tokenizes and packs pairs for `MobileBertNextSentencePredictor`.

    See `NextSentencePredictorPreprocessor` for the inputs it takes, and
    `TextPreprocessor` for the arguments.

    Example:

    ```python
    cls = keras_squeeze.models.MobileBertNextSentencePredictorPreprocessor
    preprocessor = cls.from_preset(
        "mobile_bert_tiny_en_uncased",
        sequence_length=128,
    )
    preprocessor((["Call me Ishmael."], ["Some years ago"]), y=[0])
    ```
    """

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertNextSentencePredictor(NextSentencePredictor):
    """An end-to-end MobileBERT model for next sentence prediction.

    This model puts a head that tells whether a text follows another on a
    `MobileBertBackbone`. With a `preprocessor`, which `from_preset()` creates
    by default, `fit()`, `evaluate()`, `predict()` and `annotate()` take pairs
    of raw text. See `NextSentencePredictor` for the arguments.

    Example:

    ```python
    predictor = (
        keras_squeeze.models.MobileBertNextSentencePredictor.from_preset(
            "mobile_bert_tiny_en_uncased"
        )
    )
    first = ["Call me Ishmael.", "The quick brown fox jumped."]
    second = ["Some years ago I thought I would sail.", "Did you buy milk?"]
    predictor.fit(x=(first, second), y=["is_next", "not_next"])
    predictor.annotate((first, second))
    predictor.save_to_preset("./next_sentence_predictor")
    ```

    Reference:
     - [MobileBERT](https://arxiv.org/abs/2004.02984)
    """

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertNextSentencePredictorPreprocessor
