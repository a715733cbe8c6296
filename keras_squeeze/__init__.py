"""SqueezeBERT and MobileBERT in Keras 3, from checkpoint to phone."""

# isort: off
# Before the imports below load what logs.
from keras_squeeze import logs  # noqa: F401
# isort: on

from keras_squeeze import datasets as datasets
from keras_squeeze import distillation as distillation
from keras_squeeze import metrics as metrics
from keras_squeeze import models as models
from keras_squeeze.export.litert import export_tflite as export_tflite
from keras_squeeze.export.runner import TFLiteModel as TFLiteModel
from keras_squeeze.transformers.auto import AutoConfig as AutoConfig
from keras_squeeze.transformers.auto import AutoModel as AutoModel
from keras_squeeze.transformers.auto import (
    AutoModelForMaskedLM as AutoModelForMaskedLM,
)
from keras_squeeze.transformers.auto import (
    AutoModelForMultipleChoice as AutoModelForMultipleChoice,
)
from keras_squeeze.transformers.auto import (
    AutoModelForNextSentencePrediction as AutoModelForNextSentencePrediction,
)
from keras_squeeze.transformers.auto import (
    AutoModelForPreTraining as AutoModelForPreTraining,
)
from keras_squeeze.transformers.auto import (
    AutoModelForQuestionAnswering as AutoModelForQuestionAnswering,
)
from keras_squeeze.transformers.auto import (
    AutoModelForSequenceClassification as AutoModelForSequenceClassification,
)
from keras_squeeze.transformers.auto import (
    AutoModelForTokenClassification as AutoModelForTokenClassification,
)
from keras_squeeze.transformers.auto import AutoTokenizer as AutoTokenizer
from keras_squeeze.transformers.auto import TFAutoModel as TFAutoModel
from keras_squeeze.transformers.auto import (
    TFAutoModelForMaskedLM as TFAutoModelForMaskedLM,
)
from keras_squeeze.transformers.auto import (
    TFAutoModelForMultipleChoice as TFAutoModelForMultipleChoice,
)
from keras_squeeze.transformers.auto import (
    TFAutoModelForNextSentencePrediction as TFAutoModelForNextSentencePrediction,  # noqa: E501
)
from keras_squeeze.transformers.auto import (
    TFAutoModelForPreTraining as TFAutoModelForPreTraining,
)
from keras_squeeze.transformers.auto import (
    TFAutoModelForQuestionAnswering as TFAutoModelForQuestionAnswering,
)
from keras_squeeze.transformers.auto import (
    TFAutoModelForSequenceClassification as TFAutoModelForSequenceClassification,  # noqa: E501
)
from keras_squeeze.transformers.auto import (
    TFAutoModelForTokenClassification as TFAutoModelForTokenClassification,
)
from keras_squeeze.transformers.data.data_collators import (
    DataCollatorForLanguageModeling as DataCollatorForLanguageModeling,
)
from keras_squeeze.transformers.data.data_collators import (
    DataCollatorForTokenClassification as DataCollatorForTokenClassification,
)
from keras_squeeze.transformers.data.data_collators import (
    DataCollatorWithPadding as DataCollatorWithPadding,
)
from keras_squeeze.transformers.data.data_collators import (
    DefaultDataCollator as DefaultDataCollator,
)
from keras_squeeze.transformers.data.data_collators import (
    default_data_collator as default_data_collator,
)
from keras_squeeze.transformers.models.configs import (
    MobileBertConfig as MobileBertConfig,
)
from keras_squeeze.transformers.models.configs import (
    SqueezeBertConfig as SqueezeBertConfig,
)
from keras_squeeze.transformers.models.mobile_bert import (
    MobileBertForMaskedLM as MobileBertForMaskedLM,
)
from keras_squeeze.transformers.models.mobile_bert import (
    MobileBertForMultipleChoice as MobileBertForMultipleChoice,
)
from keras_squeeze.transformers.models.mobile_bert import (
    MobileBertForNextSentencePrediction as MobileBertForNextSentencePrediction,
)
from keras_squeeze.transformers.models.mobile_bert import (
    MobileBertForPreTraining as MobileBertForPreTraining,
)
from keras_squeeze.transformers.models.mobile_bert import (
    MobileBertForQuestionAnswering as MobileBertForQuestionAnswering,
)
from keras_squeeze.transformers.models.mobile_bert import (
    MobileBertForSequenceClassification as MobileBertForSequenceClassification,
)
from keras_squeeze.transformers.models.mobile_bert import (
    MobileBertForTokenClassification as MobileBertForTokenClassification,
)
from keras_squeeze.transformers.models.mobile_bert import (
    MobileBertModel as MobileBertModel,
)
from keras_squeeze.transformers.models.mobile_bert import (
    MobileBertPreTrainedModel as MobileBertPreTrainedModel,
)
from keras_squeeze.transformers.models.mobile_bert import (
    TFMobileBertForMaskedLM as TFMobileBertForMaskedLM,
)
from keras_squeeze.transformers.models.mobile_bert import (
    TFMobileBertForMultipleChoice as TFMobileBertForMultipleChoice,
)
from keras_squeeze.transformers.models.mobile_bert import (
    TFMobileBertForNextSentencePrediction as TFMobileBertForNextSentencePrediction,  # noqa: E501
)
from keras_squeeze.transformers.models.mobile_bert import (
    TFMobileBertForPreTraining as TFMobileBertForPreTraining,
)
from keras_squeeze.transformers.models.mobile_bert import (
    TFMobileBertForQuestionAnswering as TFMobileBertForQuestionAnswering,
)
from keras_squeeze.transformers.models.mobile_bert import (
    TFMobileBertForSequenceClassification as TFMobileBertForSequenceClassification,  # noqa: E501
)
from keras_squeeze.transformers.models.mobile_bert import (
    TFMobileBertForTokenClassification as TFMobileBertForTokenClassification,
)
from keras_squeeze.transformers.models.mobile_bert import (
    TFMobileBertModel as TFMobileBertModel,
)
from keras_squeeze.transformers.models.mobile_bert import (
    TFMobileBertPreTrainedModel as TFMobileBertPreTrainedModel,
)
from keras_squeeze.transformers.models.outputs import (
    MobileBertForPreTrainingOutput as MobileBertForPreTrainingOutput,
)
from keras_squeeze.transformers.models.outputs import (
    TFMobileBertForPreTrainingOutput as TFMobileBertForPreTrainingOutput,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    SqueezeBertForMaskedLM as SqueezeBertForMaskedLM,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    SqueezeBertForMultipleChoice as SqueezeBertForMultipleChoice,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    SqueezeBertForQuestionAnswering as SqueezeBertForQuestionAnswering,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    SqueezeBertForSequenceClassification as SqueezeBertForSequenceClassification,  # noqa: E501
)
from keras_squeeze.transformers.models.squeeze_bert import (
    SqueezeBertForTokenClassification as SqueezeBertForTokenClassification,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    SqueezeBertModel as SqueezeBertModel,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    SqueezeBertPreTrainedModel as SqueezeBertPreTrainedModel,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    TFSqueezeBertForMaskedLM as TFSqueezeBertForMaskedLM,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    TFSqueezeBertForMultipleChoice as TFSqueezeBertForMultipleChoice,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    TFSqueezeBertForQuestionAnswering as TFSqueezeBertForQuestionAnswering,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    TFSqueezeBertForSequenceClassification as TFSqueezeBertForSequenceClassification,  # noqa: E501
)
from keras_squeeze.transformers.models.squeeze_bert import (
    TFSqueezeBertForTokenClassification as TFSqueezeBertForTokenClassification,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    TFSqueezeBertModel as TFSqueezeBertModel,
)
from keras_squeeze.transformers.models.squeeze_bert import (
    TFSqueezeBertPreTrainedModel as TFSqueezeBertPreTrainedModel,
)
from keras_squeeze.transformers.pipelines.pipeline import pipeline as pipeline
from keras_squeeze.transformers.tokenizers.batch_encoding import (
    BatchEncoding as BatchEncoding,
)
from keras_squeeze.transformers.tokenizers.bert_tokenizers import (
    MobileBertTokenizer as MobileBertTokenizer,
)
from keras_squeeze.transformers.tokenizers.bert_tokenizers import (
    MobileBertTokenizerFast as MobileBertTokenizerFast,
)
from keras_squeeze.transformers.tokenizers.bert_tokenizers import (
    SqueezeBertTokenizer as SqueezeBertTokenizer,
)
from keras_squeeze.transformers.tokenizers.bert_tokenizers import (
    SqueezeBertTokenizerFast as SqueezeBertTokenizerFast,
)
from keras_squeeze.triton_loader import install as _install_triton_loader
from keras_squeeze.version import __version__ as __version__

_install_triton_loader()
