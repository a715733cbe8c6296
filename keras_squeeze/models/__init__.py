"""Backbones, tokenizers, preprocessors and tasks in KerasHub's shape."""

from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertMaskedLM,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertMaskedLMPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertMultipleChoice,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertMultipleChoicePreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertNextSentencePredictor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertNextSentencePredictorPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertPretraining,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertPretrainingPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertQuestionAnswering,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertQuestionAnsweringPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTextClassifier,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTextClassifierPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTextEmbedder,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTextEmbedderPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTokenClassifier,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTokenClassifierPreprocessor,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTokenizer,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertMaskedLM,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertMaskedLMPreprocessor,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertMultipleChoice,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertMultipleChoicePreprocessor,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertQuestionAnswering,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertQuestionAnsweringPreprocessor,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertTextClassifier,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertTextClassifierPreprocessor,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertTextEmbedder,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertTextEmbedderPreprocessor,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertTokenClassifier,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertTokenClassifierPreprocessor,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertTokenizer,
)
