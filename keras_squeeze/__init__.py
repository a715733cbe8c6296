"""SqueezeBERT and MobileBERT in Keras 3, from checkpoint to phone."""

# Must come first, before other imports load libraries that log.
from keras_squeeze import logs
from keras_squeeze import triton_loader
from keras_squeeze.version import __version__

triton_loader.install()

# The command line imports what a command needs, as this takes seconds.
if not logs.is_command_line():
    from keras_squeeze import datasets
    from keras_squeeze import distillation
    from keras_squeeze import memory
    from keras_squeeze import metrics
    from keras_squeeze import models
    from keras_squeeze import scoring
    from keras_squeeze.export.litert import export_tflite
    from keras_squeeze.export.runner import TFLiteModel
    from keras_squeeze.transformers.auto import AutoConfig
    from keras_squeeze.transformers.auto import AutoModel
    from keras_squeeze.transformers.auto import AutoModelForMaskedLM
    from keras_squeeze.transformers.auto import AutoModelForMultipleChoice
    from keras_squeeze.transformers.auto import (
        AutoModelForNextSentencePrediction,
    )
    from keras_squeeze.transformers.auto import AutoModelForPreTraining
    from keras_squeeze.transformers.auto import AutoModelForQuestionAnswering
    from keras_squeeze.transformers.auto import (
        AutoModelForSequenceClassification,
    )
    from keras_squeeze.transformers.auto import AutoModelForTokenClassification
    from keras_squeeze.transformers.auto import AutoTokenizer
    from keras_squeeze.transformers.auto import TFAutoModel
    from keras_squeeze.transformers.auto import TFAutoModelForMaskedLM
    from keras_squeeze.transformers.auto import TFAutoModelForMultipleChoice
    from keras_squeeze.transformers.auto import (
        TFAutoModelForNextSentencePrediction,
    )
    from keras_squeeze.transformers.auto import TFAutoModelForPreTraining
    from keras_squeeze.transformers.auto import TFAutoModelForQuestionAnswering
    from keras_squeeze.transformers.auto import (
        TFAutoModelForSequenceClassification,
    )
    from keras_squeeze.transformers.auto import (
        TFAutoModelForTokenClassification,
    )
    from keras_squeeze.transformers.data.data_collators import (
        DataCollatorForLanguageModeling,
    )
    from keras_squeeze.transformers.data.data_collators import (
        DataCollatorForTokenClassification,
    )
    from keras_squeeze.transformers.data.data_collators import (
        DataCollatorWithPadding,
    )
    from keras_squeeze.transformers.data.data_collators import (
        DefaultDataCollator,
    )
    from keras_squeeze.transformers.data.data_collators import (
        default_data_collator,
    )
    from keras_squeeze.transformers.models.configs import MobileBertConfig
    from keras_squeeze.transformers.models.configs import SqueezeBertConfig
    from keras_squeeze.transformers.models.mobile_bert import (
        MobileBertForMaskedLM,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        MobileBertForMultipleChoice,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        MobileBertForNextSentencePrediction,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        MobileBertForPreTraining,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        MobileBertForQuestionAnswering,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        MobileBertForSequenceClassification,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        MobileBertForTokenClassification,
    )
    from keras_squeeze.transformers.models.mobile_bert import MobileBertModel
    from keras_squeeze.transformers.models.mobile_bert import (
        MobileBertPreTrainedModel,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        TFMobileBertForMaskedLM,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        TFMobileBertForMultipleChoice,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        TFMobileBertForNextSentencePrediction,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        TFMobileBertForPreTraining,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        TFMobileBertForQuestionAnswering,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        TFMobileBertForSequenceClassification,
    )
    from keras_squeeze.transformers.models.mobile_bert import (
        TFMobileBertForTokenClassification,
    )
    from keras_squeeze.transformers.models.mobile_bert import TFMobileBertModel
    from keras_squeeze.transformers.models.mobile_bert import (
        TFMobileBertPreTrainedModel,
    )
    from keras_squeeze.transformers.models.outputs import (
        MobileBertForPreTrainingOutput,
    )
    from keras_squeeze.transformers.models.outputs import (
        TFMobileBertForPreTrainingOutput,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        SqueezeBertForMaskedLM,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        SqueezeBertForMultipleChoice,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        SqueezeBertForQuestionAnswering,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        SqueezeBertForSequenceClassification,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        SqueezeBertForTokenClassification,
    )
    from keras_squeeze.transformers.models.squeeze_bert import SqueezeBertModel
    from keras_squeeze.transformers.models.squeeze_bert import (
        SqueezeBertPreTrainedModel,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        TFSqueezeBertForMaskedLM,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        TFSqueezeBertForMultipleChoice,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        TFSqueezeBertForQuestionAnswering,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        TFSqueezeBertForSequenceClassification,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        TFSqueezeBertForTokenClassification,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        TFSqueezeBertModel,
    )
    from keras_squeeze.transformers.models.squeeze_bert import (
        TFSqueezeBertPreTrainedModel,
    )
    from keras_squeeze.transformers.pipelines.pipeline import pipeline
    from keras_squeeze.transformers.tokenizers.batch_encoding import (
        BatchEncoding,
    )
    from keras_squeeze.transformers.tokenizers.bert_tokenizers import (
        MobileBertTokenizer,
    )
    from keras_squeeze.transformers.tokenizers.bert_tokenizers import (
        MobileBertTokenizerFast,
    )
    from keras_squeeze.transformers.tokenizers.bert_tokenizers import (
        SqueezeBertTokenizer,
    )
    from keras_squeeze.transformers.tokenizers.bert_tokenizers import (
        SqueezeBertTokenizerFast,
    )
