"""Saves presets, and reads how a preset was made."""

import json
import os
import pathlib

import numpy as np

from keras_squeeze.export.report import checksum
from keras_squeeze.export.report import processor_name

FOLDER = pathlib.Path(__file__).resolve().parent


def save(folder, model, preprocessor, significant_bits=None):
    """Save the preset of a backbone or a task, with weights in half precision.

    Args:
        folder: A `pathlib.Path`. It may not exist yet.
        model: The backbone, or a task with one.
        preprocessor: The preprocessor layer.
        significant_bits: Optional int. The number of significant bits that
            the weights are rounded to. The compressed files of a wheel are
            smaller with fewer of them. Defaults to `None`, for all bits of half
            precision.
    """
    config = model.get_config()
    for part in (config, config.get("backbone", {}).get("config")):
        if part is not None:
            part["dtype"] = "float16"
    half = type(model).from_config(config)
    weights = model.get_weights()
    if significant_bits is not None:
        weights = [rounded(w, significant_bits) for w in weights]
    half.set_weights([w.astype("float16") for w in weights])
    if hasattr(half, "preprocessor"):
        # The preprocessor from the config does not have the vocabulary yet.
        half.preprocessor = preprocessor
    half.save_to_preset(str(folder))
    preprocessor.save_to_preset(str(folder))


def rounded(values, significant_bits):
    """Round numbers to a number of significant bits.

    Args:
        values: float array.
        significant_bits: int.

    Returns:
        An array of the same shape and type.
    """
    mantissas, exponents = np.frexp(values)
    steps = 2.0**significant_bits
    return np.ldexp(np.round(mantissas * steps) / steps, exponents).astype(
        values.dtype
    )


def plot(provenance, path):
    """Plot the loss of each term over all cycles."""
    from matplotlib.figure import Figure

    cycles = []
    # Presets of an earlier recipe had other terms, which they do not name.
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
    # Put the legend outside, because the curves fill the axes.
    figure.legend(loc="outside right center", fontsize="small")
    figure.savefig(path, dpi=150)


def hardware():
    """The processor, as far as it is known, and its number of cores."""
    return f"{os.cpu_count()} cores of {processor_name()}"


def provenance_of(folder):
    """How a preset was made, or at least the checksum of its weights."""
    path = pathlib.Path(folder) / "provenance.json"
    if path.exists():
        return json.loads(path.read_text("utf-8"))
    return {"weights_sha256": checksum(path.with_name("model.weights.h5"))}
