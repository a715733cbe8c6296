"""Records what an output folder is the result of."""

import hashlib
import json
import pathlib

from keras_squeeze import keras_hub_seam
from keras_squeeze.checkpoints.files import commit_of
from keras_squeeze.checkpoints.files import get_file
from keras_squeeze.scoring.storage import size_of
from keras_squeeze.scoring.storage import version_of

# Programs that read a folder of parts ignore names with an underscore.
MANIFEST = "_manifest.json"


def make_manifest(paths, models, settings):
    """Describe a run by all that its result depends on.

    Args:
        paths: List of strings. The input files.
        models: List of strings. The presets and files that compute.
        settings: Dictionary of what else it depends on.

    Returns:
        A dictionary that can be saved as JSON.
    """
    inputs = [
        {"file": path, "size": size_of(path), "mtime": version_of(path)}
        for path in paths
    ]
    return {
        "models": {name: _identity(name) for name in models},
        "settings": settings,
        "inputs": inputs,
    }


def check_output(folder, manifest):
    """Check that a folder is new, or has the results of the same run.

    Args:
        folder: An `OutputFolder`.
        manifest: Dictionary. The result of `make_manifest()`.

    Raises:
        FileExistsError: If it has anything else.
    """
    if folder.is_new():
        return
    try:
        found = json.loads(folder.read(MANIFEST))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise FileExistsError(
            f"`{folder.path}` is not empty, and is not the output of an "
            "earlier run. Choose another folder."
        ) from None
    if found != manifest:
        raise FileExistsError(
            f"`{folder.path}` has the output of another run: "
            f"{_difference(found, manifest)}. Choose another folder, or remove "
            "this one."
        )


def write_manifest(folder, manifest):
    """Write the manifest of a folder, if it has none.

    Args:
        folder: An `OutputFolder`.
        manifest: Dictionary. The result of `make_manifest()`.
    """
    if MANIFEST in folder.names():
        return
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    with folder.new_file(MANIFEST) as new:
        new.write_text(text, encoding="utf-8")


def _difference(found, manifest):
    """Name the first thing in which two manifests differ."""
    for name, value in manifest["settings"].items():
        other = found.get("settings", {}).get(name)
        if other != value:
            return f"its {name} was {other!r} and is now {value!r}"
    if found.get("models") != manifest["models"]:
        return f"its model was {list(found.get('models', {}))}, or has changed"
    before = {row["file"]: row for row in found.get("inputs", ())}
    after = {row["file"]: row for row in manifest["inputs"]}
    for path in [*before, *after]:
        if before.get(path) != after.get(path):
            kind = "added" if path not in before else "removed"
            if path in before and path in after:
                kind = "changed"
            return f"the input `{path}` was {kind}"
    return "its settings differ"


def _identity(model):
    """What tells the contents of a preset or a file from others."""
    path = model
    if model in keras_hub_seam.BUILTIN_PRESETS:
        path = keras_hub_seam.BUILTIN_PRESETS[model]["kaggle_handle"]
    if "://" in path:
        return commit_of(get_file(model, "config.json"))
    path = pathlib.Path(path)
    if path.is_file():
        return _digest(path)
    files = sorted(x for x in path.rglob("*") if x.is_file())
    return {x.relative_to(path).as_posix(): _digest(x) for x in files}


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
