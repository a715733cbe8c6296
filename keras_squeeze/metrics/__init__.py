"""Metrics of the tasks, as commonly used in their fields."""

from keras_squeeze.metrics import calibration
from keras_squeeze.metrics import correlation
from keras_squeeze.metrics import entities
from keras_squeeze.metrics import squad
