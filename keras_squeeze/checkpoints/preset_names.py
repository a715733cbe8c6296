"""The names of the built-in presets."""

import difflib
import os

from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from keras_squeeze.keras_hub_seam import BUILTIN_PRESETS


def preset_names():
    """List the names of the built-in presets.

    Returns:
        A sorted list of strings.
    """
    return sorted(
        name
        for architecture in ARCHITECTURES.values()
        for name in architecture.backbone_cls.presets
    )


def names_for(preset):
    """Suggest a built-in preset for an unknown name, and list all of them.

    Args:
        preset: string. An unknown name.

    Returns:
        A string of two sentences.
    """
    names = preset_names()
    (nearest,) = difflib.get_close_matches(preset, names, n=1, cutoff=0.0)
    listed = ", ".join(f"`{name}`" for name in names)
    return f"Did you mean `{nearest}`? The built-in presets are {listed}."


def check_preset(preset):
    """Raise a `ValueError` if a preset name is unknown.

    Args:
        preset: The argument of `from_preset()`. Handles and folders are not
            checked here.
    """
    if not isinstance(preset, str) or preset in BUILTIN_PRESETS:
        return
    if "://" in preset or os.path.exists(preset):
        return
    raise ValueError(
        "`preset` must be the name of a built-in preset, a folder, or a handle "
        f'like "hf://google/mobilebert-uncased". {names_for(preset)} '
        f"Received: preset={preset!r}"
    )
