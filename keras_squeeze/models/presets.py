"""The built-in presets: where they are, and how their folder is found."""

import pathlib


def presets_folder():
    """The folder of the presets that carry weights.

    A wheel holds it inside the package; a checkout, and so an editable
    install, beside it.

    Returns:
        A `pathlib.Path`.
    """
    package = pathlib.Path(__file__).resolve().parent.parent
    inside = package / "presets"
    return inside if inside.is_dir() else package.parent / "presets"


def built_in_preset(name, description, params):
    """The entry of a preset whose weights are in the package.

    Args:
        name: string. The preset's name, which is its folder's.
        description: string. A sentence or two for people who choose.
        params: int. The number of the backbone's parameters.

    Returns:
        A dictionary as KerasHub registers it.
    """
    return {
        "metadata": {
            "description": description,
            "params": params,
            "license": "Apache-2.0",
        },
        # KerasHub hands the handle to its file finder, which takes folders.
        "kaggle_handle": str(presets_folder() / name),
    }


def hub_preset(repository, description, params, paper):
    """The entry of a preset that is fetched at first use.

    Args:
        repository: string. The repository on the Hugging Face hub.
        description: string. A sentence or two for people who choose.
        params: int. The number of the backbone's parameters.
        paper: string. The address of the paper.

    Returns:
        A dictionary as KerasHub registers it.
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
