"""SqueezeBERT and MobileBERT in Keras 3, from checkpoint to phone."""

from keras_squeeze import datasets as datasets
from keras_squeeze import metrics as metrics
from keras_squeeze import models as models
from keras_squeeze.export.litert import export_tflite as export_tflite
from keras_squeeze.export.runner import TFLiteModel as TFLiteModel
from keras_squeeze.transformers.batch_encoding import (
    BatchEncoding as BatchEncoding,
)
from keras_squeeze.transformers.configs import (
    MobileBertConfig as MobileBertConfig,
)
from keras_squeeze.transformers.configs import (
    SqueezeBertConfig as SqueezeBertConfig,
)
from keras_squeeze.transformers.tokenizers import (
    MobileBertTokenizer as MobileBertTokenizer,
)
from keras_squeeze.transformers.tokenizers import (
    MobileBertTokenizerFast as MobileBertTokenizerFast,
)
from keras_squeeze.transformers.tokenizers import (
    SqueezeBertTokenizer as SqueezeBertTokenizer,
)
from keras_squeeze.transformers.tokenizers import (
    SqueezeBertTokenizerFast as SqueezeBertTokenizerFast,
)
from keras_squeeze.version import __version__ as __version__
