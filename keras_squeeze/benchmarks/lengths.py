"""Measures what files with several sequence lengths save on real texts."""

import contextlib
import os
import tempfile
import time

import numpy as np

from keras_squeeze.benchmarks import latency
from keras_squeeze.export.runner import TFLiteModel
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTokenizer,
)


def run(
    sentences,
    models=("squeeze_bert_tiny_en_uncased", "mobile_bert_tiny_en_uncased"),
    quantizations=(None, "dynamic_int8"),
    folder=None,
    sequence_length=(16, 32, 64, 128),
    num_threads=1,
    repeats=20,
):
    """Measure files with several sequence lengths on this machine.

    The lengths are measured in turns. The time of a file is the mean over the
    sentences of the median time of the length that each one is run with.

    Args:
        sentences: List of strings.
        models: List of strings, names in `latency.MODELS`. Defaults to the
            tiny presets.
        quantizations: List of strings or `None`, as for `export_tflite()`.
            Defaults to float32 and `"dynamic_int8"`.
        folder: string or `None`. The folder to keep the exported files in.
            Existing files are reused. Defaults to `None`, to keep no files.
        sequence_length: tuple of ints. Defaults to `(16, 32, 64, 128)`.
        num_threads: int. The number of threads of LiteRT. Defaults to `1`.
        repeats: int. The number of measurements per length. Defaults to `20`.

    Returns:
        A list that has a dictionary per file: its `name`, its `weights`, its
        size `size_mb` in MB, the mean time per sentence `mean_ms` and the time
        with the longest length `longest_ms`, both in milliseconds, and the
        `speedup` of the former over the latter.

    Raises:
        ValueError: If a model or a quantization is unknown.

    Example:

    ```python
    for row in keras_squeeze.benchmarks.lengths.run(["See you at lunch"]):
        print(row["name"], row["weights"], row["speedup"])
    ```
    """
    latency.check_names(models, quantizations)
    tokenizer = MobileBertTokenizer.from_preset("mobile_bert_tiny_en_uncased")
    _, num_tokens = tokenizer.tokenize_rows(list(sentences))
    lengths = sorted(sequence_length)
    # Add [CLS] and [SEP], which truncated texts also have.
    indices = np.searchsorted(lengths[:-1], num_tokens + 2)
    shares = np.bincount(indices, minlength=len(lengths)) / len(indices)
    rows = []
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
        os.makedirs(folder, exist_ok=True)
        for name in models:
            for quantization in quantizations:
                path = latency.export_model(name, quantization, lengths, folder)
                model = TFLiteModel(path, num_threads=num_threads)
                milliseconds = _measure(model, lengths, repeats)
                mean = float(shares @ milliseconds)
                rows.append(
                    {
                        "name": name,
                        "weights": quantization or "float32",
                        "size_mb": os.path.getsize(path) / 1e6,
                        "mean_ms": mean,
                        "longest_ms": float(milliseconds[-1]),
                        "speedup": float(milliseconds[-1] / mean),
                    }
                )
    return rows


def _measure(model, lengths, repeats):
    """The median time of each length, in milliseconds."""
    measured = np.zeros((repeats + 1, len(lengths)))
    for turn in measured:
        for i, length in enumerate(lengths):
            ids = np.ones((1, length), "int32")
            inputs = dict.fromkeys(
                ("token_ids", "segment_ids", "padding_mask"), ids
            )
            start = time.perf_counter()
            model.predict(inputs, sequence_length=length)
            turn[i] = 1000 * (time.perf_counter() - start)
    # Skip the first turn, in which memory is allocated.
    return np.median(measured[1:], axis=0)
