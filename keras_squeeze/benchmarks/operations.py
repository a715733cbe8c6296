"""Measures each operation of a file with LiteRT's profiler.

LiteRT's Python interface has no profiler, but the underlying library does. The
profiler distinguishes what XNNPACK computes, after all fusion, from what
LiteRT computes itself. The interface of the library is not stable, so it is
called in a separate process that can crash safely.
"""

import collections
import contextlib
import ctypes
import os
import pathlib
import re
import subprocess
import sys

# Constants of LiteRT's headers.
_CPU = 1
_WRITE = 1

# A row of the table in LiteRT's summary that is in run order: the kind of the
# operation, its start, its first and average time in milliseconds, its share
# twice, its memory, and how many times it was run.
_ROW = re.compile(
    r" *(\S.*?) +[\d.]+ +[\d.]+ +([\d.]+) +[\d.]+% +[\d.]+% +[\d.]+ +(\d+) .*"
)
_NEXT_TABLE = "Top by Computation Time"


def profile(file, num_threads=1, repeats=20):
    """Measure each operation of a `.tflite` file.

    Args:
        file: string or `pathlib.Path`. The file. Its first signature is run
            with ones as inputs, which must have the type int32.
        num_threads: int. The number of threads of LiteRT. Defaults to `1`.
        repeats: int. The number of runs of the file. Defaults to `20`.

    Returns:
        A list that has a dictionary per operation, roughly in run order: its
        kind `operation`, as named by XNNPACK, or in capitals if LiteRT
        computes it itself, and its average time `ms`.

    Raises:
        ValueError: If the file is missing.
        RuntimeError: If LiteRT cannot run or profile it.

    Example:

    ```python
    rows = keras_squeeze.benchmarks.operations.profile("classifier.tflite")
    for row in keras_squeeze.benchmarks.operations.by_kind(rows):
        print(row["operation"], row["count"], row["ms"])
    ```
    """
    file = os.fspath(file)
    if not os.path.isfile(file):
        raise ValueError(
            f"`file` must be a `.tflite` file. Received: file={file!r}, which "
            "does not exist"
        )
    result = subprocess.run(
        [sys.executable, "-P", __file__, file, str(num_threads), str(repeats)],
        env={
            **os.environ,
            # Make everything that this process can import importable.
            "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if result.returncode != 0:
        last_words = result.stderr.strip().rpartition("\n")[2]
        raise RuntimeError(
            f"LiteRT cannot profile the file {file!r}: {last_words}"
        )
    table = result.stdout.partition(_NEXT_TABLE)[0]
    rows = []
    for kind, ms, count in _ROW.findall(table):
        row = {"operation": kind.removeprefix("Delegate/"), "ms": float(ms)}
        # If XNNPACK has several parts of a graph, LiteRT merges the operations
        # at the same position of each part into one row.
        rows += [row] * (int(count) // repeats)
    return rows


def by_kind(rows):
    """Sum the times of the operations of each kind.

    Args:
        rows: A list of dictionaries, as returned by `profile()`.

    Returns:
        A list that has a dictionary per kind, the slowest first: its
        `operation`, its `count`, its total time `ms`, and its `share` of the
        time of all kinds, in percent.

    Example:

    ```python
    keras_squeeze.benchmarks.operations.by_kind(
        [{"operation": "Add (ND)", "ms": 0.1}]
    )
    ```
    """
    milliseconds, counts = collections.Counter(), collections.Counter()
    for row in rows:
        milliseconds[row["operation"]] += row["ms"]
        counts[row["operation"]] += 1
    total = sum(milliseconds.values())
    return [
        {
            "operation": kind,
            "count": counts[kind],
            "ms": ms,
            "share": 100 * ms / total if total else 0.0,
        }
        for kind, ms in milliseconds.most_common()
    ]


class _Library:
    """LiteRT's C interface. Its objects are destroyed by an exit stack."""

    def __init__(self, stack):
        import ai_edge_litert

        # The extension of the library depends on the system.
        folder = pathlib.Path(ai_edge_litert.__file__).parent
        self.library = ctypes.CDLL(str(next(folder.glob("libLiteRt.*"))))
        self.stack = stack

    def call(self, name, *args):
        status = getattr(self.library, f"LiteRt{name}")(*args)
        if status != 0:
            raise RuntimeError(f"{name} returned the status {status}")

    def get(self, name, *args, kind=ctypes.c_void_p):
        """Return the value that a function writes to its last argument."""
        result = kind()
        self.call(name, *args, ctypes.byref(result))
        return result

    def create(self, kind, *args, function=None):
        created = self.get(function or f"Create{kind}", *args)
        destroy = getattr(self.library, f"LiteRtDestroy{kind}")
        self.stack.callback(destroy, created)
        return created


def _summary(file, num_threads, repeats):
    """LiteRT's summary of the times, a text with several tables."""
    with contextlib.ExitStack() as stack:
        library = _Library(stack)
        environment = library.create("Environment", 0, None)
        model = library.create(
            "Model",
            environment,
            os.fsencode(file),
            function="CreateModelFromFile",
        )
        options = library.create("Options")
        library.call("SetOptionsHardwareAccelerators", options, _CPU)
        keep = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)
        texts = {
            b"runtime_options_string": b"enable_profiling = true",
            b"xnnpack": b"num_threads = %d" % num_threads,
        }
        for name, text in texts.items():
            # LiteRT keeps the addresses of the texts.
            texts[name] = ctypes.create_string_buffer(text)
            library.call(
                "AddOpaqueOptions",
                options,
                library.get("CreateOpaqueOptions", name, texts[name], keep),
            )
        compiled = library.create("CompiledModel", environment, model, options)
        signature = library.get("GetModelSignature", model, _size(0))
        arrays = []
        for kind in ("Input", "Output"):
            buffers = _buffers(library, environment, compiled, signature, kind)
            arrays += [_size(len(buffers)), buffers]
        profiler = library.get("CompiledModelGetProfiler", compiled)
        for run in range(repeats + 1):
            # The first run is not measured: it accesses memory first.
            if run == 1:
                library.call("StartProfiler", profiler)
            library.call("RunCompiledModel", compiled, _size(0), *arrays)
        library.call("StopProfiler", profiler)
        summary = library.get(
            "GetProfileSummary", profiler, compiled, kind=ctypes.c_char_p
        )
        return summary.value.decode()


def _buffers(library, environment, compiled, signature, kind):
    """Allocate all inputs or outputs of a model, filled with ones."""
    count = library.get(
        f"GetNumSignature{kind}s", signature, kind=ctypes.c_size_t
    ).value
    buffers = (ctypes.c_void_p * count)()
    for i in range(count):
        tensor = library.get(
            f"GetSignature{kind}TensorByIndex", signature, _size(i)
        )
        # More than enough for the description of a shape.
        tensor_type = ctypes.create_string_buffer(1024)
        library.call("GetRankedTensorType", tensor, tensor_type)
        requirements = library.get(
            f"GetCompiledModel{kind}BufferRequirements",
            compiled,
            _size(0),
            _size(i),
        )
        buffer = library.create(
            "TensorBuffer",
            environment,
            tensor_type,
            requirements,
            function="CreateManagedTensorBufferFromRequirements",
        )
        size = library.get(
            "GetTensorBufferPackedSize", buffer, kind=ctypes.c_size_t
        ).value
        address = ctypes.c_void_p()
        library.call("LockTensorBuffer", buffer, ctypes.byref(address), _WRITE)
        ones = (ctypes.c_int32 * (size // 4))(*[1] * (size // 4))
        ctypes.memmove(address, ones, size)
        library.call("UnlockTensorBuffer", buffer)
        buffers[i] = buffer.value
    return buffers


_size = ctypes.c_size_t

if __name__ == "__main__":
    print(_summary(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
