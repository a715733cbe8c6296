"""How well the tasks do, in the measures of their fields."""

from keras_squeeze.metrics import correlation as correlation
from keras_squeeze.metrics import entities as entities
from keras_squeeze.metrics import squad as squad
