"""A built-in dataset, and readers for your own data files."""

from keras_squeeze.datasets import conll
from keras_squeeze.datasets import multiple_choice_files
from keras_squeeze.datasets import sms_spam
from keras_squeeze.datasets import squad
from keras_squeeze.datasets import text_files
