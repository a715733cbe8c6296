"""The tokenizer, the preprocessors and the tasks of SqueezeBERT."""

import keras
import keras_hub

from keras_squeeze.models.encoder_tokenizer import EncoderTokenizer
from keras_squeeze.models.preprocessors.masked_lm import MaskedLMPreprocessor
from keras_squeeze.models.preprocessors.multiple_choice import (
    MultipleChoicePreprocessor,
)
from keras_squeeze.models.preprocessors.question_answering import (
    QuestionAnsweringPreprocessor,
)
from keras_squeeze.models.preprocessors.text_preprocessor import (
    TextPreprocessor,
)
from keras_squeeze.models.preprocessors.token_classifier import (
    TokenClassifierPreprocessor,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.tasks.masked_lm import MaskedLM
from keras_squeeze.models.tasks.multiple_choice import MultipleChoice
from keras_squeeze.models.tasks.question_answering import QuestionAnswering
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.models.tasks.text_embedder import TextEmbedder
from keras_squeeze.models.tasks.token_classifier import TokenClassifier


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTokenizer(EncoderTokenizer):
    """A SqueezeBERT tokenizer, with the same ids as the original."""

    backbone_cls = SqueezeBertBackbone


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTextClassifierPreprocessor(
    TextPreprocessor, keras_hub.models.TextClassifierPreprocessor
):
    """Tokenizes and packs texts for `SqueezeBertTextClassifier`."""

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTextClassifier(TextClassifier):
    """An end-to-end SqueezeBERT model that classifies texts."""

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertTextClassifierPreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTextEmbedderPreprocessor(
    TextPreprocessor, keras_hub.models.TextEmbedderPreprocessor
):
    """Tokenizes and packs texts for `SqueezeBertTextEmbedder`."""

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTextEmbedder(TextEmbedder):
    """A SqueezeBERT model that computes embedding vectors of texts."""

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertTextEmbedderPreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTokenClassifierPreprocessor(TokenClassifierPreprocessor):
    """Tokenizes and packs words for `SqueezeBertTokenClassifier`."""

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertTokenClassifier(TokenClassifier):
    """An end-to-end SqueezeBERT model that classifies the words of texts."""

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertTokenClassifierPreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertQuestionAnsweringPreprocessor(QuestionAnsweringPreprocessor):
    """Tokenizes and packs questions for `SqueezeBertQuestionAnswering`."""

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertQuestionAnswering(QuestionAnswering):
    """An end-to-end SqueezeBERT model that finds answers in texts."""

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertQuestionAnsweringPreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertMultipleChoicePreprocessor(MultipleChoicePreprocessor):
    """Packs prompts and choices for `SqueezeBertMultipleChoice`."""

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertMultipleChoice(MultipleChoice):
    """A SqueezeBERT model that selects the text that best fits a prompt."""

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertMultipleChoicePreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertMaskedLMPreprocessor(MaskedLMPreprocessor):
    """Tokenizes, packs and masks texts for `SqueezeBertMaskedLM`."""

    backbone_cls = SqueezeBertBackbone
    tokenizer_cls = SqueezeBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SqueezeBertMaskedLM(MaskedLM):
    """An end-to-end SqueezeBERT model that predicts masked words."""

    backbone_cls = SqueezeBertBackbone
    preprocessor_cls = SqueezeBertMaskedLMPreprocessor
