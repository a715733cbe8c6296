"""The classes of MobileBERT, as transformers names them."""

import keras

from keras_squeeze import models
from keras_squeeze.transformers.models import heads
from keras_squeeze.transformers.models import outputs
from keras_squeeze.transformers.models.configs import MobileBertConfig
from keras_squeeze.transformers.models.pre_trained_model import PreTrainedModel
from keras_squeeze.transformers.models.pre_trained_model import TensorFlowOrder


class MobileBertPreTrainedModel(PreTrainedModel):
    """Base of the classes of MobileBERT."""

    config_class = MobileBertConfig
    base_model_prefix = "mobilebert"

    @classmethod
    def body_class(cls):
        if issubclass(cls, TensorFlowOrder):
            return TFMobileBertModel
        return MobileBertModel

    @property
    def mobilebert(self):
        """The model without the head, by the name that the originals have."""
        return self.base_model


class TFMobileBertPreTrainedModel(TensorFlowOrder, MobileBertPreTrainedModel):
    """Base of the classes of MobileBERT that are called as TensorFlow's."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertModel(heads.ModelFace, MobileBertPreTrainedModel):
    """The MobileBERT encoder without a head.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.MobileBertModel.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids).last_hidden_state
    ```
    """

    # Of the first release, and kept since.
    option_names = (
        "output_hidden_states",
        "output_attentions",
        "return_dict",
    )


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertForPreTraining(
    heads.PreTrainingFace, MobileBertPreTrainedModel
):
    """MobileBERT with the heads for masked words and for next sentences.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.MobileBertForPreTraining.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids).prediction_logits
    ```
    """

    task_cls = models.MobileBertPretraining


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertForMaskedLM(heads.MaskedLMFace, MobileBertPreTrainedModel):
    """MobileBERT with a head for masked words.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.MobileBertForMaskedLM.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids, labels=input_ids).loss
    ```
    """

    task_cls = models.MobileBertMaskedLM
    has_pooler = False


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertForNextSentencePrediction(
    heads.NextSentencePredictionFace, MobileBertPreTrainedModel
):
    """MobileBERT with a head that tells whether a text follows another.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.MobileBertForNextSentencePrediction.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids, labels=np.array([0])).loss
    ```
    """

    task_cls = models.MobileBertNextSentencePredictor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertForSequenceClassification(
    heads.SequenceClassificationFace, MobileBertPreTrainedModel
):
    """MobileBERT with a head that classifies texts.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.MobileBertForSequenceClassification.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids, labels=np.array([1])).loss
    ```
    """

    task_cls = models.MobileBertTextClassifier


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertForQuestionAnswering(
    heads.QuestionAnsweringFace, MobileBertPreTrainedModel
):
    """MobileBERT with a head that finds answers in contexts.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.MobileBertForQuestionAnswering.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids).start_logits
    ```
    """

    task_cls = models.MobileBertQuestionAnswering
    has_pooler = False


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertForMultipleChoice(
    heads.MultipleChoiceFace, MobileBertPreTrainedModel
):
    """MobileBERT with a head that chooses between texts.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.MobileBertForMultipleChoice.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(np.stack([input_ids, input_ids], axis=1)).logits
    ```
    """

    task_cls = models.MobileBertMultipleChoice


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertForTokenClassification(
    heads.TokenClassificationFace, MobileBertPreTrainedModel
):
    """MobileBERT with a head that classifies tokens.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.MobileBertForTokenClassification.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids).logits
    ```
    """

    task_cls = models.MobileBertTokenClassifier
    has_pooler = False


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertModel(TensorFlowOrder, MobileBertModel):
    """`MobileBertModel`, called as TensorFlow's."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForPreTraining(TensorFlowOrder, MobileBertForPreTraining):
    """`MobileBertForPreTraining`, called as TensorFlow's."""

    output_class = outputs.TFMobileBertForPreTrainingOutput


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForMaskedLM(TensorFlowOrder, MobileBertForMaskedLM):
    """`MobileBertForMaskedLM`, called as TensorFlow's."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForNextSentencePrediction(
    TensorFlowOrder, MobileBertForNextSentencePrediction
):
    """`MobileBertForNextSentencePrediction`, called as TensorFlow's."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForSequenceClassification(
    TensorFlowOrder, MobileBertForSequenceClassification
):
    """`MobileBertForSequenceClassification`, called as TensorFlow's."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForQuestionAnswering(
    TensorFlowOrder, MobileBertForQuestionAnswering
):
    """`MobileBertForQuestionAnswering`, called as TensorFlow's."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForMultipleChoice(
    TensorFlowOrder, MobileBertForMultipleChoice
):
    """`MobileBertForMultipleChoice`, called as TensorFlow's."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForTokenClassification(
    TensorFlowOrder, MobileBertForTokenClassification
):
    """`MobileBertForTokenClassification`, called as TensorFlow's."""
