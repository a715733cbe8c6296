"""The SqueezeBERT classes, with the API of transformers."""

import keras

from keras_squeeze import models
from keras_squeeze.transformers.models import heads
from keras_squeeze.transformers.models.configs import SqueezeBertConfig
from keras_squeeze.transformers.models.pre_trained_model import PreTrainedModel
from keras_squeeze.transformers.models.pre_trained_model import TensorFlowOrder


class SqueezeBertPreTrainedModel(PreTrainedModel):
    """Base of the SqueezeBERT classes."""

    config_class = SqueezeBertConfig
    base_model_prefix = "transformer"

    @classmethod
    def body_class(cls):
        if issubclass(cls, TensorFlowOrder):
            return TFSqueezeBertModel
        return SqueezeBertModel

    @property
    def transformer(self):
        """The model without the head, by its name in transformers."""
        return self.base_model


class TFSqueezeBertPreTrainedModel(TensorFlowOrder, SqueezeBertPreTrainedModel):
    """Base of the SqueezeBERT classes in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertModel(heads.ModelFace, SqueezeBertPreTrainedModel):
    """The SqueezeBERT encoder without a head.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.SqueezeBertModel.from_pretrained(
        "squeeze_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids).last_hidden_state
    ```
    """


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertForMaskedLM(heads.MaskedLMFace, SqueezeBertPreTrainedModel):
    """SqueezeBERT with a masked language modeling head.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.SqueezeBertForMaskedLM.from_pretrained(
        "squeeze_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids, labels=input_ids).loss
    ```
    """

    task_cls = models.SqueezeBertMaskedLM


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertForSequenceClassification(
    heads.SequenceClassificationFace, SqueezeBertPreTrainedModel
):
    """SqueezeBERT with a text classification head.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.SqueezeBertForSequenceClassification.from_pretrained(
        "squeeze_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids, labels=np.array([1])).loss
    ```
    """

    task_cls = models.SqueezeBertTextClassifier


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertForQuestionAnswering(
    heads.QuestionAnsweringFace, SqueezeBertPreTrainedModel
):
    """SqueezeBERT with a question answering head.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.SqueezeBertForQuestionAnswering.from_pretrained(
        "squeeze_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids).start_logits
    ```
    """

    task_cls = models.SqueezeBertQuestionAnswering


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertForMultipleChoice(
    heads.MultipleChoiceFace, SqueezeBertPreTrainedModel
):
    """SqueezeBERT with a multiple choice head.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.SqueezeBertForMultipleChoice.from_pretrained(
        "squeeze_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(np.stack([input_ids, input_ids], axis=1)).logits
    ```
    """

    task_cls = models.SqueezeBertMultipleChoice


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertForTokenClassification(
    heads.TokenClassificationFace, SqueezeBertPreTrainedModel
):
    """SqueezeBERT with a token classification head.

    See `PreTrainedModel` for the arguments.

    Example:

    ```python
    model = keras_squeeze.SqueezeBertForTokenClassification.from_pretrained(
        "squeeze_bert_tiny_en_uncased"
    )
    input_ids = np.array([[101, 7592, 102]])
    model(input_ids).logits
    ```
    """

    task_cls = models.SqueezeBertTokenClassifier


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFSqueezeBertModel(TensorFlowOrder, SqueezeBertModel):
    """`SqueezeBertModel` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFSqueezeBertForMaskedLM(TensorFlowOrder, SqueezeBertForMaskedLM):
    """`SqueezeBertForMaskedLM` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFSqueezeBertForSequenceClassification(
    TensorFlowOrder, SqueezeBertForSequenceClassification
):
    """`SqueezeBertForSequenceClassification` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFSqueezeBertForQuestionAnswering(
    TensorFlowOrder, SqueezeBertForQuestionAnswering
):
    """`SqueezeBertForQuestionAnswering` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFSqueezeBertForMultipleChoice(
    TensorFlowOrder, SqueezeBertForMultipleChoice
):
    """`SqueezeBertForMultipleChoice` in TensorFlow's argument order."""


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TFSqueezeBertForTokenClassification(
    TensorFlowOrder, SqueezeBertForTokenClassification
):
    """`SqueezeBertForTokenClassification` in TensorFlow's argument order."""
