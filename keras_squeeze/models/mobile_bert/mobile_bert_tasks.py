"""The tokenizer, the preprocessors and the tasks of MobileBERT."""

import keras
import keras_hub

from keras_squeeze.models.encoder_tokenizer import EncoderTokenizer
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.models.preprocessors.masked_lm import MaskedLMPreprocessor
from keras_squeeze.models.preprocessors.multiple_choice import (
    MultipleChoicePreprocessor,
)
from keras_squeeze.models.preprocessors.next_sentence_predictor import (
    NextSentencePredictorPreprocessor,
)
from keras_squeeze.models.preprocessors.pretraining import (
    PretrainingPreprocessor,
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
from keras_squeeze.models.tasks.masked_lm import MaskedLM
from keras_squeeze.models.tasks.multiple_choice import MultipleChoice
from keras_squeeze.models.tasks.next_sentence_predictor import (
    NextSentencePredictor,
)
from keras_squeeze.models.tasks.pretraining import Pretraining
from keras_squeeze.models.tasks.question_answering import QuestionAnswering
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.models.tasks.text_embedder import TextEmbedder
from keras_squeeze.models.tasks.token_classifier import TokenClassifier


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTokenizer(EncoderTokenizer):
    """A MobileBERT tokenizer, with the same ids as the original."""

    backbone_cls = MobileBertBackbone


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTextClassifierPreprocessor(
    TextPreprocessor, keras_hub.models.TextClassifierPreprocessor
):
    """Tokenizes and packs texts for `MobileBertTextClassifier`."""

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTextClassifier(TextClassifier):
    """An end-to-end MobileBERT model that classifies texts."""

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertTextClassifierPreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTextEmbedderPreprocessor(
    TextPreprocessor, keras_hub.models.TextEmbedderPreprocessor
):
    """Tokenizes and packs texts for `MobileBertTextEmbedder`."""

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTextEmbedder(TextEmbedder):
    """A MobileBERT model that computes embedding vectors of texts."""

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertTextEmbedderPreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTokenClassifierPreprocessor(TokenClassifierPreprocessor):
    """Tokenizes and packs words for `MobileBertTokenClassifier`."""

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertTokenClassifier(TokenClassifier):
    """An end-to-end MobileBERT model that classifies the words of texts."""

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertTokenClassifierPreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertQuestionAnsweringPreprocessor(QuestionAnsweringPreprocessor):
    """Tokenizes and packs questions for `MobileBertQuestionAnswering`."""

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertQuestionAnswering(QuestionAnswering):
    """An end-to-end MobileBERT model that finds answers in texts."""

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertQuestionAnsweringPreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertMultipleChoicePreprocessor(MultipleChoicePreprocessor):
    """Packs prompts and choices for `MobileBertMultipleChoice`."""

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertMultipleChoice(MultipleChoice):
    """A MobileBERT model that selects the text that best fits a prompt."""

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertMultipleChoicePreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertMaskedLMPreprocessor(MaskedLMPreprocessor):
    """Tokenizes, packs and masks texts for `MobileBertMaskedLM`."""

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertMaskedLM(MaskedLM):
    """An end-to-end MobileBERT model that predicts masked words."""

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertMaskedLMPreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertNextSentencePredictorPreprocessor(
    NextSentencePredictorPreprocessor
):
    """Tokenizes and packs pairs for `MobileBertNextSentencePredictor`."""

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertNextSentencePredictor(NextSentencePredictor):
    """An end-to-end MobileBERT model for next sentence prediction."""

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertNextSentencePredictorPreprocessor


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertPretrainingPreprocessor(PretrainingPreprocessor):
    """Tokenizes, pairs, packs and masks texts for `MobileBertPretraining`."""

    backbone_cls = MobileBertBackbone
    tokenizer_cls = MobileBertTokenizer


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MobileBertPretraining(Pretraining):
    """A MobileBERT model with both heads used for pretraining."""

    backbone_cls = MobileBertBackbone
    preprocessor_cls = MobileBertPretrainingPreprocessor
