"""Measures exported files, compared with BERT-base exported the same way."""

import contextlib
import functools
import os
import tempfile
import time

import keras
import keras_hub
import numpy as np

from keras_squeeze.benchmarks import litert_files
from keras_squeeze.benchmarks import operations
from keras_squeeze.export.litert import export_tflite
from keras_squeeze.export.process import QUANTIZATIONS
from keras_squeeze.export.report import clock
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTextClassifier,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_tasks import (
    SqueezeBertTextClassifier,
)

# The baseline of all speedups.
REFERENCE = "bert_base"


def _bert(num_layers, hidden_dim):
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=30522,
        num_layers=num_layers,
        num_heads=hidden_dim // 64,
        hidden_dim=hidden_dim,
        intermediate_dim=4 * hidden_dim,
    )
    outputs = backbone(backbone.input)["pooled_output"]
    outputs = keras.layers.Dense(2, name="logits")(outputs)
    return _randomise(keras.Model(backbone.input, outputs))


def _mobile_bert():
    backbone = MobileBertBackbone()
    return _randomise(MobileBertTextClassifier(backbone, num_classes=2))


def _squeeze_bert():
    backbone = SqueezeBertBackbone()
    return _randomise(SqueezeBertTextClassifier(backbone, num_classes=2))


def _mobile_bert_tiny():
    return MobileBertTextClassifier.from_preset(
        "mobile_bert_tiny_en_uncased", num_classes=2
    )


def _squeeze_bert_tiny():
    return SqueezeBertTextClassifier.from_preset(
        "squeeze_bert_tiny_en_uncased", num_classes=2
    )


# Classifiers by name. The BERT models smaller than the base are Google's
# miniatures, https://arxiv.org/abs/1908.08962.
MODELS = {
    "bert_base": functools.partial(_bert, 12, 768),
    "bert_small": functools.partial(_bert, 4, 512),
    "bert_mini": functools.partial(_bert, 4, 256),
    "bert_tiny": functools.partial(_bert, 2, 128),
    "squeeze_bert": _squeeze_bert,
    "mobile_bert": _mobile_bert,
    "squeeze_bert_tiny_en_uncased": _squeeze_bert_tiny,
    "mobile_bert_tiny_en_uncased": _mobile_bert_tiny,
}


def run(
    models=tuple(MODELS),
    quantizations=(None, "dynamic_int8"),
    files=(),
    folder=None,
    sequence_length=128,
    num_threads=1,
    repeats=50,
    runtimes=("interpreter",),
    profile=False,
):
    """Measure exported classifiers and other files on this machine.

    Models of published size have random weights from a fixed seed, which do not
    affect the times. Norms and biases are also random: constants that are equal
    are stored only once, but the sizes should be those of trained models.

    Args:
        models: List of strings, names in `MODELS`. Defaults to all.
        quantizations: List of strings or `None`, as for `export_tflite()`.
            Each model is exported with each of them. Defaults to float32 and
            `"dynamic_int8"`.
        files: List of other `.tflite` files to measure, from any exporter,
            with inputs of `sequence_length`.
        folder: string or `None`. The folder to keep the exported files in.
            Existing files are reused. Defaults to `None`, to export all files
            and keep none.
        sequence_length: int. Defaults to `128`.
        num_threads: int. The number of threads of LiteRT. Defaults to `1`.
        repeats: int. The number of measurements per file. Defaults to `50`.
        runtimes: List of strings, of LiteRT's `"interpreter"` and
            `"compiled_model"`. Each file is measured in each of them. Defaults
            to `("interpreter",)`.
        profile: bool. Whether to also measure the operations of each file.
            Defaults to `False`.

    Returns:
        A list that has a dictionary per file and runtime, as returned by
        `measure()`, with two more keys: `speedup`, relative to BERT-base in
        float32, and `speedup_of_type`, relative to BERT-base with weights of
        the same type, both in the same runtime. They are `None` if there is no
        such BERT-base file. With `profile`, `operations` is the result of
        `operations.by_kind()` for the file.

    Raises:
        ValueError: If an argument is invalid, or a file is missing or cannot
            be run by LiteRT. In this case, nothing has been exported.

    Example:

    ```python
    for row in keras_squeeze.benchmarks.latency.run(folder="exported"):
        print(row["name"], row["median_ms"], row["speedup"])
    ```
    """
    check_names(models, quantizations)
    _check_names("runtimes", runtimes, litert_files.RUNTIMES)
    files = [os.fspath(file) for file in files]
    for file in files:
        for runtime in runtimes:
            _open(file, sequence_length, num_threads, runtime)
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(folder, exist_ok=True)
        exported = {}
        for name in models:
            for quantization in quantizations:
                path = export_model(name, quantization, sequence_length, folder)
                exported[path] = name
        names = {**exported, **{file: os.path.basename(file) for file in files}}
        rows = measure(
            list(names), sequence_length, num_threads, repeats, runtimes
        )
        measured = [file for file in names for _ in runtimes]
        if profile:
            for row, file in zip(rows, measured, strict=True):
                row["operations"] = operations.by_kind(
                    operations.profile(file, num_threads)
                )
    references = {}
    for row, file in zip(rows, measured, strict=True):
        row["name"] = names[file]
        if exported.get(file) == REFERENCE:
            references[row["weights"], row["runtime"]] = row["median_ms"]
    for row in rows:
        for key, weights in (
            ("speedup", "float32"),
            ("speedup_of_type", row["weights"]),
        ):
            reference = references.get((weights, row["runtime"]))
            row[key] = reference and reference / row["median_ms"]
    return rows


def measure(
    files,
    sequence_length=128,
    num_threads=1,
    repeats=50,
    runtimes=("interpreter",),
):
    """Measure files in turns, in one process, with the XNNPACK kernels.

    In each turn, each file is run twice, and the second run is measured. The
    first run loads its weights back into the caches that another file has
    filled. All files take part in each turn, so that other load on the machine
    affects all of them. A single thread is measured by its CPU time, which does
    not include the time of other processes.

    Args:
        files: List of strings, the paths of `.tflite` files with inputs of
            `sequence_length`.
        sequence_length: int. Defaults to `128`.
        num_threads: int. The number of threads of LiteRT. Defaults to `1`.
        repeats: int. The number of turns. Defaults to `50`.
        runtimes: List of strings, of LiteRT's `"interpreter"` and
            `"compiled_model"`. Defaults to `("interpreter",)`.

    Returns:
        A list that has a dictionary per file and runtime: its `name`, the type
        of its `weights`, its `runtime`, its size `size_mb` in MB, the memory
        `peak_mb` and the time `first_ms` until the first answer in a new
        process, and the median `median_ms`, the 10th percentile `fast_ms` and
        the 90th percentile `slow_ms` of the later times in milliseconds.

    Example:

    ```python
    classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
        "mobile_bert_tiny_en_uncased", num_classes=2
    )
    keras_squeeze.export_tflite(classifier, "classifier.tflite")
    keras_squeeze.benchmarks.latency.measure(["classifier.tflite"])
    ```
    """
    settings = [
        (file, sequence_length, num_threads, runtime)
        for file in files
        for runtime in runtimes
    ]
    opened = [_open(*each) for each in settings]
    first = [litert_files.first_answer(*each) for each in settings]
    now = clock if num_threads == 1 else time.perf_counter
    milliseconds = [[] for _ in settings]
    # The first turn, in which memory is first accessed, is not measured.
    for turn in range(repeats + 1):
        for file, measured in zip(opened, milliseconds, strict=True):
            file.run()
            start = now()
            file.run()
            elapsed = now() - start
            if turn > 0:
                measured.append(1000 * elapsed)
    rows = []
    for (file, _, _, runtime), opening, measured in zip(
        settings, first, milliseconds, strict=True
    ):
        fast, median, slow = np.percentile(measured, [10, 50, 90])
        rows.append(
            {
                "name": os.path.basename(file),
                "weights": _type_of_weights(file),
                "runtime": runtime,
                "size_mb": os.path.getsize(file) / 1e6,
                **opening,
                "median_ms": float(median),
                "fast_ms": float(fast),
                "slow_ms": float(slow),
            }
        )
    return rows


def plot(rows, path):
    """Plot the times as bars, with lines from the fast to the slow times.

    Args:
        rows: A list of dictionaries, as returned by `run()`.
        path: string or `pathlib.Path`. The `.png` file to write.
    """
    # `Figure` does not need a display, unlike `pyplot`.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.8 + 0.4 * len(rows)), layout="constrained")
    axis = figure.subplots()
    positions = np.arange(len(rows))
    medians = np.array([row["median_ms"] for row in rows])
    spread = np.abs(
        [[row[key] for row in rows] for key in ("fast_ms", "slow_ms")] - medians
    )
    kinds = sorted({row["weights"] for row in rows})
    bars = axis.barh(
        positions,
        medians,
        xerr=spread,
        color=[f"C{kinds.index(row['weights'])}" for row in rows],
        ecolor="gray",
    )
    labels = []
    for row in rows:
        label = f" {row['median_ms']:.1f} ms"
        if row["speedup"] is not None:
            label += f", {row['speedup']:.1f}x"
        labels.append(label)
    axis.bar_label(bars, labels, padding=2, fontsize="small")
    keys = ("name", "weights", "runtime")
    if len({row["runtime"] for row in rows}) == 1:
        keys = keys[:2]
    axis.set_yticks(
        positions, [", ".join(row[key] for key in keys) for row in rows]
    )
    axis.invert_yaxis()
    axis.set_xlim(0, 1.3 * max(row["slow_ms"] for row in rows))
    axis.set_xlabel("Milliseconds, and speedup over BERT-base in float32")
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    figure.savefig(path, dpi=150)


def check_names(models, quantizations):
    """Raise a `ValueError` for unknown models and quantizations."""
    _check_names("models", models, tuple(MODELS))
    _check_names("quantizations", quantizations, QUANTIZATIONS)


def _check_names(name, values, choices):
    if not set(values) <= set(choices):
        raise ValueError(
            f"`{name}` must be among {choices}. Received: {name}={values}"
        )


def export_model(name, quantization, sequence_length, folder):
    """Export a model, unless its file is already in the folder.

    Args:
        name: string. One of `MODELS`.
        quantization: string or `None`.
        sequence_length: int, or list of ints.
        folder: string.

    Returns:
        string. The path of the file.
    """
    lengths = np.atleast_1d(sequence_length)
    stem = "_".join(map(str, (name, quantization or "float32", *lengths)))
    path = os.path.join(folder, f"{stem}.tflite")
    if not os.path.exists(path):
        print(f"Exporting {os.path.basename(path)}", flush=True)
        export_tflite(
            MODELS[name](),
            path,
            sequence_length=sequence_length,
            quantization=quantization,
            verbose=False,
        )
    return path


def _randomise(model):
    """Move each weight a random distance from its initial value."""
    random = np.random.default_rng(0)
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight)
        weight.assign(values + random.normal(scale=0.02, size=values.shape))
    return model


def _open(file, sequence_length, num_threads, runtime):
    """Open a file, and check its inputs."""
    if not os.path.isfile(file):
        raise ValueError(
            f"`files` must be `.tflite` files. Received: {file!r}, which does "
            "not exist"
        )
    try:
        opened = litert_files.open_file(
            file, sequence_length, num_threads, runtime
        )
    except (RuntimeError, ValueError) as e:
        raise ValueError(f"LiteRT cannot run the file {file!r}: {e}") from e
    for name, shape, _ in opened.inputs:
        if shape != (1, sequence_length):
            raise ValueError(
                "The inputs of a file must have the shape (1, "
                f"{sequence_length}), because files are compared at equal "
                f"length. Received: {file!r} with the input {name!r} of "
                f"shape {shape}"
            )
    return opened


def _type_of_weights(file):
    """The type of the largest tensor, which is the embedding table."""
    from ai_edge_litert.interpreter import Interpreter

    largest = max(
        Interpreter(model_path=file).get_tensor_details(),
        key=lambda x: np.prod(x["shape"]),
    )
    return np.dtype(largest["dtype"]).name
