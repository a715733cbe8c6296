"""The private modules of KerasHub that this package stands on.

No other file imports `keras_hub.src`, so that a release of KerasHub which
moves something is answered here.
"""

# Finds or fetches one file of a preset.
from keras_hub.src.utils.preset_utils import get_file as get_file
