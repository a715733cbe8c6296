"""Backbones, tokenizers, preprocessors and tasks in KerasHub's shape."""

from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone as MobileBertBackbone,
)
from keras_squeeze.models.mobile_bert.mobile_bert_masked_lm import (
    MobileBertMaskedLM as MobileBertMaskedLM,
)
from keras_squeeze.models.mobile_bert.mobile_bert_masked_lm import (
    MobileBertMaskedLMPreprocessor as MobileBertMaskedLMPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_multiple_choice import (
    MobileBertMultipleChoice as MobileBertMultipleChoice,
)
from keras_squeeze.models.mobile_bert.mobile_bert_multiple_choice import (
    MobileBertMultipleChoicePreprocessor as MobileBertMultipleChoicePreprocessor,  # noqa: E501
)
from keras_squeeze.models.mobile_bert.mobile_bert_next_sentence_predictor import (  # noqa: E501
    MobileBertNextSentencePredictor as MobileBertNextSentencePredictor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_next_sentence_predictor import (  # noqa: E501
    MobileBertNextSentencePredictorPreprocessor as MobileBertNextSentencePredictorPreprocessor,  # noqa: E501
)
from keras_squeeze.models.mobile_bert.mobile_bert_pretraining import (
    MobileBertPretraining as MobileBertPretraining,
)
from keras_squeeze.models.mobile_bert.mobile_bert_pretraining import (
    MobileBertPretrainingPreprocessor as MobileBertPretrainingPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_question_answering import (
    MobileBertQuestionAnswering as MobileBertQuestionAnswering,
)
from keras_squeeze.models.mobile_bert.mobile_bert_question_answering import (
    MobileBertQuestionAnsweringPreprocessor as MobileBertQuestionAnsweringPreprocessor,  # noqa: E501
)
from keras_squeeze.models.mobile_bert.mobile_bert_text_classifier import (
    MobileBertTextClassifier as MobileBertTextClassifier,
)
from keras_squeeze.models.mobile_bert.mobile_bert_text_classifier import (
    MobileBertTextClassifierPreprocessor as MobileBertTextClassifierPreprocessor,  # noqa: E501
)
from keras_squeeze.models.mobile_bert.mobile_bert_text_embedder import (
    MobileBertTextEmbedder as MobileBertTextEmbedder,
)
from keras_squeeze.models.mobile_bert.mobile_bert_text_embedder import (
    MobileBertTextEmbedderPreprocessor as MobileBertTextEmbedderPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_token_classifier import (
    MobileBertTokenClassifier as MobileBertTokenClassifier,
)
from keras_squeeze.models.mobile_bert.mobile_bert_token_classifier import (
    MobileBertTokenClassifierPreprocessor as MobileBertTokenClassifierPreprocessor,  # noqa: E501
)
from keras_squeeze.models.mobile_bert.mobile_bert_tokenizer import (
    MobileBertTokenizer as MobileBertTokenizer,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone as SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_masked_lm import (
    SqueezeBertMaskedLM as SqueezeBertMaskedLM,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_masked_lm import (
    SqueezeBertMaskedLMPreprocessor as SqueezeBertMaskedLMPreprocessor,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_multiple_choice import (
    SqueezeBertMultipleChoice as SqueezeBertMultipleChoice,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_multiple_choice import (
    SqueezeBertMultipleChoicePreprocessor as SqueezeBertMultipleChoicePreprocessor,  # noqa: E501
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_question_answering import (
    SqueezeBertQuestionAnswering as SqueezeBertQuestionAnswering,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_question_answering import (
    SqueezeBertQuestionAnsweringPreprocessor as SqueezeBertQuestionAnsweringPreprocessor,  # noqa: E501
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_text_classifier import (
    SqueezeBertTextClassifier as SqueezeBertTextClassifier,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_text_classifier import (
    SqueezeBertTextClassifierPreprocessor as SqueezeBertTextClassifierPreprocessor,  # noqa: E501
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_text_embedder import (
    SqueezeBertTextEmbedder as SqueezeBertTextEmbedder,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_text_embedder import (
    SqueezeBertTextEmbedderPreprocessor as SqueezeBertTextEmbedderPreprocessor,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_token_classifier import (
    SqueezeBertTokenClassifier as SqueezeBertTokenClassifier,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_token_classifier import (
    SqueezeBertTokenClassifierPreprocessor as SqueezeBertTokenClassifierPreprocessor,  # noqa: E501
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tokenizer import (
    SqueezeBertTokenizer as SqueezeBertTokenizer,
)
