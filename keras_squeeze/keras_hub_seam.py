"""The private modules of KerasHub that this package stands on.

No other file imports `keras_hub.src`, so that a release of KerasHub which
moves something is answered here.
"""

# Finds or fetches one file of a preset.
# Builds tasks and preprocessors from their parts; the loader of Hugging Face
# checkpoints extends it.
from keras_hub.src.utils.preset_utils import PresetLoader as PresetLoader
from keras_hub.src.utils.preset_utils import get_file as get_file

# Makes the built-in presets known to `from_preset()` and to `presets`.
from keras_hub.src.utils.preset_utils import (
    register_presets as register_presets,
)

# Gives the outputs of a preprocessing layer the type its caller can use.
from keras_hub.src.utils.tensor_utils import (
    convert_preprocessing_outputs_python,  # noqa: F401
)

# Tells whether a preprocessing layer is being traced, in which case its inputs
# are TensorFlow's.
from keras_hub.src.utils.tensor_utils import in_tf_function as in_tf_function
