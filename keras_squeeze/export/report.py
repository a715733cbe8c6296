"""The report of an export."""

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import time

import keras
import numpy as np

from keras_squeeze.export.checks.evaluation import Evaluation
from keras_squeeze.export.conversion.quantization import LARGEST_FLOAT16
from keras_squeeze.export.phones.libraries import PhoneLibraries
from keras_squeeze.export.runner import INPUTS
from keras_squeeze.new_files import write_file
from keras_squeeze.version import __version__


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How an exported file compares with the Keras model it came from.

    Args:
        samples: int. The number of inputs compared.
        source: string. `"text"`, or `"random ids"` without a preprocessor.
        largest_difference: Dictionary of the largest absolute difference of
            each output, by name.
        relative_error: Dictionary of the root mean square of the difference
            divided by that of the Keras output, by the name of each output.
        equal_predictions: float or `None`. The fraction of equal predictions,
            which are the positions of the highest scores. `None` if no output
            has scores.
        largest_activation: float or `None`. The largest intermediate value
            that the file computes. `None` if its products use integers.
    """

    samples: int
    source: str
    largest_difference: dict
    relative_error: dict
    equal_predictions: float | None
    largest_activation: float | None = None


@dataclasses.dataclass(frozen=True)
class Latency:
    """How long one input takes on this machine, in milliseconds.

    It is the CPU time of the thread. It is only a rough guide, because a phone
    takes several times as long.

    Args:
        median_ms: Dictionary that maps the names of the signatures to the
            median time.
        runs: int. The number of measurements of each.
        num_threads: int. The number of threads of LiteRT.
        machine: string. The processor, as far as it is known.
    """

    median_ms: dict
    runs: int
    num_threads: int
    machine: str


@dataclasses.dataclass(frozen=True)
class ExportReport:
    """What `export_tflite()` wrote.

    Args:
        path: string. The file.
        size_bytes: int. The size of the file.
        parameters: int. The number of parameters of the exported model.
        quantization: string or `None`. The type of the weights.
        sequence_length: int. The length of the inputs. If there are several,
            the longest.
        signatures: Dictionary that maps the names of the signatures to their
            input lengths.
        inputs: Dictionary that maps the name of each input to its
            `(shape, dtype)` for the longest length.
        outputs: Dictionary that maps the name of each output to its
            `(shape, dtype)` for the longest length.
        ops: Dictionary of the number of times each operation occurs.
        agreement: `Agreement` of the file with the Keras model.
        phone_libraries: `PhoneLibraries` that open the file, or `None` if
            no metadata was requested.
        gpu_delegates: List that has a `GpuDelegate` for each runtime. What the
            GPU of a phone runs.
        latency: `Latency` of the file on this machine.
        sha256: string. The checksum of the file.
        versions: Dictionary of the versions of the packages that made the
            file, and of the Keras `backend`.
        evaluation: `Evaluation` of the file and the Keras model on labelled
            data, or `None` without such data.
        app_folder: string or `None`. The folder of the app files.
    """

    path: str
    size_bytes: int
    parameters: int
    quantization: str | None
    sequence_length: int
    signatures: dict
    inputs: dict
    outputs: dict
    ops: dict
    agreement: Agreement
    phone_libraries: PhoneLibraries | None
    gpu_delegates: list
    latency: Latency
    sha256: str
    versions: dict
    evaluation: Evaluation | None = None
    app_folder: str | None = None

    def to_dict(self):
        """Return the report as a dictionary that can be saved as JSON."""
        return dataclasses.asdict(self)

    def to_markdown(self):
        """Return the report as Markdown, with tables."""
        name = os.path.basename(self.path)
        tables = [
            f"# {name}",
            _table(("", ""), self._rows()),
            _table(("Operation", "Count"), self.ops.items()),
        ]
        if self.evaluation is not None:
            header = ("Metric", "Keras model", "File", "Difference", "95 %")
            tables += [
                f"On {_describe_samples(self.evaluation)}:",
                _table(header, _metric_rows(self.evaluation)),
            ]
        return "\n\n".join(tables) + "\n"

    def save(self, path):
        """Write the report to a file.

        Args:
            path: string or `pathlib.Path`. The file: a `.json` file for the
                whole report, or a `.md` file for a readable summary.

        Raises:
            ValueError: If the file has another extension.

        Example:

        ```python
        report = keras_squeeze.export_tflite(classifier, "spam.tflite")
        report.save("spam.json")
        ```
        """
        path = pathlib.Path(path)
        if path.suffix == ".json":
            text = json.dumps(self.to_dict(), indent=2) + "\n"
        elif path.suffix == ".md":
            text = self.to_markdown()
        else:
            raise ValueError(
                f"`path` must end in .json or .md. Received: path={str(path)!r}"
            )
        write_file(path, text)

    def _rows(self):
        """Rows of the report, as pairs of a title and a text."""
        agreement, latency = self.agreement, self.latency
        differences = ", ".join(
            f"{name} {difference:.2g}"
            for name, difference in agreement.largest_difference.items()
        )
        times = ", ".join(f"{ms:.3g} ms" for ms in latency.median_ms.values())
        rows = [
            (
                "size",
                f"{self.size_bytes / 1e6:.2f} MB, "
                f"{self.parameters:,} parameters",
            ),
            ("weights", self.quantization or "float32"),
            ("signatures", ", ".join(self.signatures)),
            ("inputs", _describe(self.inputs)),
            ("outputs", _describe(self.outputs)),
            (
                "operations",
                f"{sum(self.ops.values())} of {len(self.ops)} kinds, "
                f"{self._sources()}",
            ),
            (
                "differences",
                f"at most {differences} from the Keras model on "
                f"{agreement.samples} inputs ({agreement.source})",
            ),
        ]
        if agreement.equal_predictions is not None:
            equal = f"{agreement.equal_predictions:.1%} equal"
            rows.append(("predictions", equal))
        if agreement.largest_activation is not None:
            rows.append(("activations", _describe_range(agreement)))
        if self.phone_libraries is not None:
            rows += [
                ("phones", line)
                for line in str(self.phone_libraries).splitlines()
            ]
        rows += [
            ("GPU delegate", line)
            for delegate in self.gpu_delegates
            for line in str(delegate).splitlines()
        ]
        if self.app_folder is not None:
            rows.append(("for apps", self.app_folder))
        return rows + [
            (
                "latency",
                f"about {times} here, on {latency.machine} with "
                f"{latency.num_threads} thread",
            ),
            ("checksum", f"SHA-256 {self.sha256}"),
            (
                "versions",
                ", ".join(f"{key} {x}" for key, x in self.versions.items()),
            ),
        ]

    def _sources(self):
        # Only the names of built-in operations are in upper case.
        custom = [name for name in self.ops if not name.isupper()]
        if not custom:
            return "all built into LiteRT"
        return f"including {' and '.join(sorted(custom))} of TensorFlow Text"

    def __str__(self):
        rows = self._rows()
        if self.evaluation is not None:
            rows.append(("evaluation", _describe_samples(self.evaluation)))
            for name, *values in _metric_rows(self.evaluation):
                text = "{} in Keras, {} in the file, {} with {}".format(*values)
                rows.append((name, text))
        return "\n".join(
            [self.path, *(f"  {title:<13} {text}" for title, text in rows)]
        )


def clock():
    """The CPU time of this thread in seconds.

    Unlike the wall time, it does not include the time of other processes. On
    Windows, where the CPU time advances in steps of 16 milliseconds, this is
    the wall time.

    Returns:
        float.
    """
    return time.perf_counter() if os.name == "nt" else time.thread_time()


def _describe_range(agreement):
    largest = agreement.largest_activation
    text = f"up to {largest:.3g}"
    if largest > LARGEST_FLOAT16:
        text += (
            ", which float16 cannot represent: GPUs must be set to compute "
            "in float32"
        )
    return text


def measure_latency(runner, runs=20):
    """Measure the latency of a file on this machine, with one thread.

    Args:
        runner: The `TFLiteModel` of the file, with one thread.
        runs: int. The number of runs of each signature. Defaults to `20`.

    Returns:
        A `Latency`.
    """
    medians = {}
    for length, name in runner.signatures.items():
        if runner.num_texts:
            texts = (["text"],) * runner.num_texts
            inputs = texts if runner.num_texts > 1 else texts[0]
        else:
            inputs = dict.fromkeys(
                INPUTS.values(), np.ones((1, length), "int32")
            )
        milliseconds = []
        for _ in range(runs):
            start = clock()
            runner.predict(inputs, sequence_length=length)
            milliseconds.append(1000 * (clock() - start))
        medians[name] = float(np.median(milliseconds))
    return Latency(
        median_ms=medians,
        runs=runs,
        num_threads=1,
        machine=processor_name(),
    )


def processor_name():
    """The processor of this machine, as far as it is known."""
    path = pathlib.Path("/proc/cpuinfo")
    if path.exists():
        found = re.search("^model name[ \t]*: (.+)$", path.read_text(), re.M)
        if found:
            return found[1]
    return platform.processor() or platform.machine()


def checksum(filepath):
    """The SHA-256 checksum of a file, in hexadecimal digits.

    Args:
        filepath: string. The file.

    Returns:
        string.
    """
    with open(filepath, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def versions():
    """The versions of the packages used for the export, and the backend.

    Returns:
        A dictionary of strings.
    """
    packages = ("keras", "tensorflow", "ai-edge-litert")
    return {
        "keras_squeeze": __version__,
        **{name: importlib.metadata.version(name) for name in packages},
        "backend": keras.config.backend(),
    }


def _describe_samples(evaluation):
    text = f"{evaluation.samples:,} labelled samples"
    if evaluation.equal_answers is not None:
        text += f", {evaluation.equal_answers:.2%} of the answers equal"
    return text


def _metric_rows(evaluation):
    return [
        (
            name,
            f"{x.keras:.4f}",
            f"{x.file:.4f}",
            f"{x.difference:+.4f}",
            f"[{x.interval[0]:+.4f}, {x.interval[1]:+.4f}]",
        )
        for name, x in evaluation.metrics.items()
    ]


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _describe(tensors):
    return ", ".join(
        f"{name} {dtype}{list(shape)}"
        for name, (shape, dtype) in tensors.items()
    )
