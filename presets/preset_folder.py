"""The folder of a preset, and what it tells of how the preset was made."""

import json
import os
import pathlib

from keras_squeeze.export.report import checksum
from keras_squeeze.export.report import processor_name

FOLDER = pathlib.Path(__file__).resolve().parent


def save(folder, model, preprocessor):
    """Write the preset of a backbone or a task, its weights in half precision.

    Args:
        folder: A `pathlib.Path`. May be new.
        model: The backbone, or a task with one.
        preprocessor: The preprocessor layer.
    """
    config = model.get_config()
    for part in (config, config.get("backbone", {}).get("config")):
        if part is not None:
            part["dtype"] = "float16"
    half = type(model).from_config(config)
    half.set_weights([w.astype("float16") for w in model.get_weights()])
    if hasattr(half, "preprocessor"):
        # That of the configuration has no vocabulary yet.
        half.preprocessor = preprocessor
    half.save_to_preset(str(folder))
    preprocessor.save_to_preset(str(folder))


def plot(provenance, path):
    """Draw the loss of each term, over all cycles."""
    from matplotlib.figure import Figure

    cycles = []
    # The forerunner of the recipe had other terms, and names none.
    while provenance and "terms" in provenance:
        cycles.insert(0, provenance["curve"])
        provenance = provenance["started_from"]
    steps, rows = [], []
    for curve in cycles:
        before = steps[-1] if steps else 0
        steps += [before + row["step"] for row in curve]
        rows += curve
    names = [name for name in rows[0] if name not in ("stage", "step")]
    figure = Figure(figsize=(8, 4), layout="constrained")
    axis = figure.subplots()
    for name in names:
        first = rows[0][name] or 1.0
        axis.plot(steps, [row[name] / first for row in rows], label=name)
    axis.set_xlabel("Step")
    axis.set_ylabel("Loss, relative to its first value")
    axis.set_yscale("log")
    axis.grid(alpha=0.3)
    # Beside the curves, which are everywhere.
    figure.legend(loc="outside right center", fontsize="small")
    figure.savefig(path, dpi=150)


def hardware():
    """The processor, as far as the system tells, and how many cores it has."""
    return f"{os.cpu_count()} cores of {processor_name()}"


def provenance_of(folder):
    """What a preset tells of how it was made: its weights, at the least."""
    path = pathlib.Path(folder) / "provenance.json"
    if path.exists():
        return json.loads(path.read_text("utf-8"))
    return {"weights_sha256": checksum(path.with_name("model.weights.h5"))}
