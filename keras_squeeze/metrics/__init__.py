"""How well the tasks do, in the measures of their fields."""

from keras_squeeze.metrics import correlation
from keras_squeeze.metrics import entities
from keras_squeeze.metrics import squad
