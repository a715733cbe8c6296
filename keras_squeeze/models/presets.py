"""Describes the built-in presets, and finds their folder."""

import pathlib


def presets_folder():
    """The folder of the presets whose weights are part of the package.

    It is inside the package in a wheel, and next to it in a checkout or an
    editable install.

    Returns:
        A `pathlib.Path`.
    """
    package = pathlib.Path(__file__).resolve().parent.parent
    inside = package / "presets"
    return inside if inside.is_dir() else package.parent / "presets"


def built_in_preset(name, description, params):
    """Create the entry of a preset whose weights are part of the package.

    Args:
        name: string. The name of the preset and of its folder.
        description: string. A sentence or two, to help people choose.
        params: int. The number of parameters of the backbone.

    Returns:
        A dictionary in the format that KerasHub registers.
    """
    return {
        "metadata": {
            "description": description,
            "params": params,
            "license": "Apache-2.0",
        },
        # KerasHub passes the handle to its file finder, which accepts folders.
        "kaggle_handle": str(presets_folder() / name),
    }


def hub_preset(repository, description, params, paper):
    """Create the entry of a preset that is downloaded on first use.

    Args:
        repository: string. The repository on the Hugging Face Hub.
        description: string. A sentence or two, to help people choose.
        params: int. The number of parameters of the backbone.
        paper: string. The URL of the paper.

    Returns:
        A dictionary in the format that KerasHub registers.
    """
    return {
        "metadata": {
            "description": description,
            "params": params,
            "license": "Apache-2.0",
            "paper": paper,
        },
        "kaggle_handle": f"hf://{repository}",
    }
