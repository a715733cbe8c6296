"""Runs the converter in a process of its own.

The converter belongs to TensorFlow, and a process has one Keras backend. With
TensorFlow as the backend the converter could run in place, but it keeps the
memory of each model it has converted and can take the whole process down with
it, so that the few seconds of importing TensorFlow again are well spent, and
every backend gets the same file.
"""

import json
import os
import subprocess
import sys

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.weights.h5"
ANSWER_FILE = "answer.json"

CALIBRATION_FILE = "calibration.npz"

# Those that measure the ranges of activations beforehand.
CALIBRATED = ("int8", "int8x16")
QUANTIZATIONS = (None, "float16", "dynamic_int8", "dynamic_int4", *CALIBRATED)

# TensorFlow and Keras import these where they are installed, and converting
# needs none of them: without, the process starts in two thirds of the time.
_UNNEEDED = ("jax", "matplotlib", "sklearn")

_PROGRAM = f"""
import sys


class NotFound:
    # `None` in `sys.modules` would not do: Scipy reads what is in there.
    def find_spec(self, name, path=None, target=None):
        if name in {_UNNEEDED}:
            raise ModuleNotFoundError(name, name=name)


sys.meta_path.insert(0, NotFound())

from keras_squeeze.export.conversion.converter import main

main(*sys.argv[1:])
"""


class ExportError(RuntimeError):
    """A model that cannot be exported, or a file that is not good enough."""


def convert(folder, **options):
    """Convert a saved serving model to `.tflite` files of a signature each.

    Args:
        folder: string. A folder with the config of the model in `config.json`
            and its weights in `model.weights.h5`.
        **options: The keyword arguments of `converter.convert_model()`, of
            types that JSON has.

    Returns:
        A tuple of an int, the number of parameters of the model, and of the
        list of the files, which are in the folder.

    Raises:
        ExportError: If the model has operations that LiteRT lacks, cannot be
            rebuilt, or the process that converts it fails.
    """
    environment = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        # Whatever this process imports, from wherever, the other can import.
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        # Converting needs no GPU, and this process may have filled it.
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [sys.executable, "-P", "-c", _PROGRAM]
    command += [folder, json.dumps(options)]
    result = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    try:
        with open(os.path.join(folder, ANSWER_FILE), encoding="utf-8") as file:
            answer = json.load(file)
    except FileNotFoundError:
        last_words = result.stderr.strip().rpartition("\n")[2]
        raise ExportError(
            "The process that converts the model ended with the exit code "
            f"{result.returncode}: {last_words or 'no message'}"
        ) from None
    if "error" in answer:
        raise ExportError(answer["error"])
    return answer["parameters"], answer["files"]
