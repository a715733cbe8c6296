"""SqueezeBERT and MobileBERT in Keras 3, from checkpoint to phone."""

from keras_squeeze import models as models
from keras_squeeze.version import __version__ as __version__
