"""The private parts of KerasHub that this package stands on.

No other file imports `keras_hub.src`, so that a release of KerasHub which
moves something is answered here.
"""

from keras_hub.src.tokenizers import word_piece_tokenizer
from keras_hub.src.utils import pipeline_model
from keras_hub.src.utils import preset_utils
from keras_hub.src.utils import tensor_utils

# Finds or fetches one file of a preset.
get_file = preset_utils.get_file

# The presets that have a name, with the handle of each.
BUILTIN_PRESETS = preset_utils.BUILTIN_PRESETS

# Builds tasks and preprocessors from their parts; the loader of Hugging Face
# checkpoints extends it.
PresetLoader = preset_utils.PresetLoader

# Finds the class of a task, given a base class, that has a certain backbone.
find_subclass = preset_utils.find_subclass

# Makes the built-in presets known to `from_preset()` and to `presets`.
register_presets = preset_utils.register_presets

# What KerasHub makes of raw inputs before it batches them: arrays, single
# samples, and the two parts of a `validation_split`.
convert_to_numpy = pipeline_model._convert_to_numpy
TensorLikeSource = pipeline_model._TensorLikeSource
train_validation_split = pipeline_model._train_validation_split

# Maps a function over a data set of batches, of `tf.data` or of `grain`.
apply_preprocessing = pipeline_model._apply_preprocessing

# KerasHub reads eight batches ahead with sixteen threads, of which half have
# nothing to do, as `grain` warns each time.
pipeline_model._READ_AHEAD_BATCHES = 16

# Gives the outputs of a preprocessing layer the type its caller can use.
convert_preprocessing_outputs_python = (
    tensor_utils.convert_preprocessing_outputs_python
)

# Tells whether files outside of an archive may not be opened.
in_safe_mode = word_piece_tokenizer.serialization_lib.in_safe_mode

# Tells whether a preprocessing layer is being traced, in which case its inputs
# are TensorFlow's.
in_tf_function = tensor_utils.in_tf_function
