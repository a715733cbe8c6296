"""Opens files in the runtimes of LiteRT, and measures what that takes.

It is also run as a script, in a process of its own. Importing the package would
import Keras and TensorFlow.
"""

import json
import os
import subprocess
import sys
import time

import numpy as np

RUNTIMES = ("interpreter", "compiled_model")


class Interpreted:
    """A file in LiteRT's `Interpreter`.

    Args:
        file: string. The `.tflite` file.
        sequence_length: int. The length of inputs that can have any.
        num_threads: int. The number of threads.

    Attributes:
        inputs: List of tuples of the name, the shape and the dtype of each
            input.
    """

    def __init__(self, file, sequence_length, num_threads):
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(
            model_path=file, num_threads=num_threads
        )
        for detail in self._interpreter.get_input_details():
            if -1 in detail["shape_signature"]:
                self._interpreter.resize_tensor_input(
                    detail["index"], (1, sequence_length)
                )
        self._interpreter.allocate_tensors()
        self._details = self._interpreter.get_input_details()
        self.inputs = [
            (x["name"], _as_tuple(x["shape"]), x["dtype"])
            for x in self._details
        ]

    def fill(self):
        """Fill the inputs with ones."""
        for detail, (_, shape, dtype) in zip(
            self._details, self.inputs, strict=True
        ):
            self._interpreter.set_tensor(detail["index"], np.ones(shape, dtype))

    def run(self):
        """Run the first signature, and leave the outputs where they are."""
        self._interpreter.invoke()

    def outputs(self):
        """Return a list of the outputs of the last run, as arrays."""
        return [
            self._interpreter.get_tensor(x["index"])
            for x in self._interpreter.get_output_details()
        ]


class Compiled:
    """A file in LiteRT's `CompiledModel`.

    Args:
        file: string. The `.tflite` file.
        sequence_length: int. The length of inputs that can have any.
        num_threads: int. The number of threads.

    Attributes:
        inputs: List of tuples of the name, the shape and the dtype of each
            input.
    """

    def __init__(self, file, sequence_length, num_threads):
        from ai_edge_litert.compiled_model import CompiledModel
        from ai_edge_litert.options import CpuOptions
        from ai_edge_litert.options import Options

        self._model = CompiledModel.from_file(
            file, options=Options(cpu_options=CpuOptions(num_threads))
        )
        self._name = name = next(iter(self._model.get_signature_list()))
        details = self._model.get_input_tensor_details(name)
        for key, detail in details.items():
            if -1 in detail["shape"]:
                self._model.resize_input_tensor_by_name(
                    name, key, (1, sequence_length)
                )
        details = self._model.get_input_tensor_details(name)
        self.inputs = [
            (key, _as_tuple(x["shape"]), x["dtype"])
            for key, x in details.items()
        ]
        self._buffers = (
            self._model.create_input_buffers(0),
            self._model.create_output_buffers(0),
        )

    def fill(self):
        """Fill the inputs with ones."""
        for buffer, (_, shape, dtype) in zip(
            self._buffers[0], self.inputs, strict=True
        ):
            buffer.write(np.ones(shape, dtype))

    def run(self):
        """Run the first signature, and leave the outputs where they are."""
        self._model.run_by_index(0, *self._buffers)

    def outputs(self):
        """Return a list of the outputs of the last run, as arrays."""
        details = self._model.get_output_tensor_details(self._name)
        return [
            buffer.read(int(np.prod(x["shape"])), x["dtype"]).reshape(
                x["shape"]
            )
            for buffer, x in zip(
                self._buffers[1], details.values(), strict=True
            )
        ]


def open_file(file, sequence_length, num_threads, runtime):
    """Open a file, and fill its inputs with ones.

    One is a valid token id, segment id and mask value for every model.

    Args:
        file: string. The `.tflite` file.
        sequence_length: int. The length of inputs that can have any.
        num_threads: int. The number of threads.
        runtime: string. One of `RUNTIMES`.

    Returns:
        An `Interpreted` or a `Compiled`.
    """
    cls = {"interpreter": Interpreted, "compiled_model": Compiled}[runtime]
    opened = cls(file, sequence_length, num_threads)
    opened.fill()
    return opened


def first_answer(file, sequence_length, num_threads, runtime, repeats=3):
    """Measure what it takes to open a file and run it once.

    Each time is measured in a new process, after its imports. The file is in
    the cache of the system.

    Args:
        file: string. The `.tflite` file.
        sequence_length: int. The length of inputs that can have any.
        num_threads: int. The number of threads.
        runtime: string. One of `RUNTIMES`.
        repeats: int. The number of processes. Defaults to `3`.

    Returns:
        A dictionary of the median time until the first answer, `first_ms`, and
        the median of the memory that the process needs for it at its peak,
        `peak_mb`, which is `None` except on Linux and macOS.
    """
    # The script must not import this.
    from keras_squeeze.processes import import_path

    results = [
        subprocess.run(
            [
                sys.executable,
                "-P",
                __file__,
                *map(str, (file, sequence_length, num_threads, runtime)),
            ],
            env={**os.environ, "PYTHONPATH": import_path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=True,
            text=True,
        ).stdout.splitlines()[-1]
        for _ in range(repeats)
    ]
    rows = [json.loads(result) for result in results]
    return {
        name: None
        if any(row[name] is None for row in rows)
        else float(np.median([row[name] for row in rows]))
        for name in rows[0]
    }


def _as_tuple(shape):
    return tuple(int(size) for size in shape)


def _peak_mb():
    if sys.platform == "linux":
        # `getrusage()` also counts what the parent process has used.
        with open("/proc/self/status", encoding="utf-8") as file:
            (peak,) = (line for line in file if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024 / 1e6
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return None


def _measure(file, sequence_length, num_threads, runtime):
    import ai_edge_litert.compiled_model
    import ai_edge_litert.interpreter  # noqa: F401

    before = _peak_mb()
    start = time.perf_counter()
    open_file(file, int(sequence_length), int(num_threads), runtime).run()
    elapsed = time.perf_counter() - start
    peak = None if before is None else _peak_mb() - before
    return {"first_ms": 1000 * elapsed, "peak_mb": peak}


if __name__ == "__main__":
    print(json.dumps(_measure(*sys.argv[1:])))
