"""The private parts of KerasHub that this package depends on.

No other file imports `keras_hub.src`, so changes in a KerasHub release only
affect this file.
"""

from keras_hub.src.tokenizers import word_piece_tokenizer
from keras_hub.src.utils import pipeline_model
from keras_hub.src.utils import preset_utils
from keras_hub.src.utils import tensor_utils

# Finds or downloads a file of a preset.
get_file = preset_utils.get_file

# The handles of the built-in presets, by name.
BUILTIN_PRESETS = preset_utils.BUILTIN_PRESETS

# Builds tasks and preprocessors from their parts. The loader of Hugging Face
# checkpoints extends it.
PresetLoader = preset_utils.PresetLoader

# Finds the subclass of a base class that has a certain backbone.
find_subclass = preset_utils.find_subclass

# Registers built-in presets for `from_preset()` and `presets`.
register_presets = preset_utils.register_presets

# How KerasHub handles raw inputs before batching: arrays, single samples, and
# the two parts of a `validation_split`.
convert_to_numpy = pipeline_model._convert_to_numpy
TensorLikeSource = pipeline_model._TensorLikeSource
train_validation_split = pipeline_model._train_validation_split

# Maps a function over a dataset of batches, of `tf.data` or `grain`.
apply_preprocessing = pipeline_model._apply_preprocessing

# KerasHub prefetches eight batches with sixteen threads. `grain` warns each
# time that half of the threads have nothing to do.
pipeline_model._READ_AHEAD_BATCHES = 16

# Converts the outputs of a preprocessing layer to the type its caller needs.
convert_preprocessing_outputs_python = (
    tensor_utils.convert_preprocessing_outputs_python
)

# Whether files outside an archive must not be opened.
in_safe_mode = word_piece_tokenizer.serialization_lib.in_safe_mode

# Whether a preprocessing layer is being traced. Its inputs are then TensorFlow
# tensors.
in_tf_function = tensor_utils.in_tf_function
