"""Scores many texts, in this process or on the machines of a cluster."""

from keras_squeeze.scoring.annotate import Annotate
from keras_squeeze.scoring.run import score_files
