"""The MobileBERT classes, with the API of transformers."""

import keras

from keras_squeeze import models
from keras_squeeze.transformers.models import heads
from keras_squeeze.transformers.models import outputs
from keras_squeeze.transformers.models.configs import MobileBertConfig
from keras_squeeze.transformers.models.pre_trained_model import PreTrainedModel
from keras_squeeze.transformers.models.pre_trained_model import TensorFlowOrder


class MobileBertPreTrainedModel(PreTrainedModel):
    """Base of the MobileBERT classes."""

    config_class = MobileBertConfig
    base_model_prefix = "mobilebert"

    @classmethod
    def body_class(cls):
        if issubclass(cls, TensorFlowOrder):
            return TFMobileBertModel
        return MobileBertModel

    @property
    def mobilebert(self):
        """The model without the head, by its name in transformers."""
        return self.base_model


class TFMobileBertPreTrainedModel(TensorFlowOrder, MobileBertPreTrainedModel):
    """Base of the MobileBERT classes in TensorFlow's argument order."""


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

    # The order of the first transformers release, which was kept.
    option_names = (
        "output_hidden_states",
        "output_attentions",
        "return_dict",
    )


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertForPreTraining(
    heads.PreTrainingFace, MobileBertPreTrainedModel
):
    """MobileBERT with its pretraining heads: masked LM and next sentence.

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
    """MobileBERT with a masked language modeling head.

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
    """MobileBERT with a next sentence prediction head.

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
    """MobileBERT with a text classification head.

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
    """MobileBERT with a question answering head.

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
    """MobileBERT with a multiple choice head.

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
    """MobileBERT with a token classification head.

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
    """`MobileBertModel` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForPreTraining(TensorFlowOrder, MobileBertForPreTraining):
    """`MobileBertForPreTraining` in TensorFlow's argument order."""

    output_class = outputs.TFMobileBertForPreTrainingOutput


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForMaskedLM(TensorFlowOrder, MobileBertForMaskedLM):
    """`MobileBertForMaskedLM` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForNextSentencePrediction(
    TensorFlowOrder, MobileBertForNextSentencePrediction
):
    """`MobileBertForNextSentencePrediction` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForSequenceClassification(
    TensorFlowOrder, MobileBertForSequenceClassification
):
    """`MobileBertForSequenceClassification` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForQuestionAnswering(
    TensorFlowOrder, MobileBertForQuestionAnswering
):
    """`MobileBertForQuestionAnswering` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForMultipleChoice(
    TensorFlowOrder, MobileBertForMultipleChoice
):
    """`MobileBertForMultipleChoice` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFMobileBertForTokenClassification(
    TensorFlowOrder, MobileBertForTokenClassification
):
    """`MobileBertForTokenClassification` in TensorFlow's argument order."""
