"""Runs the converter in a separate process.

The converter is part of TensorFlow, and a process has only one Keras backend.
With TensorFlow as the backend, the converter could run in this process, but it
keeps the memory of each converted model and can crash the whole process. That
is worth the few seconds that importing TensorFlow again takes, and every
backend gets the same file.
"""

import json
import os
import subprocess
import sys

from keras_squeeze import quick_imports
from keras_squeeze.processes import import_path

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.weights.h5"
ANSWER_FILE = "answer.json"

CALIBRATION_FILE = "calibration.npz"

# Quantizations that measure the ranges of activations beforehand.
CALIBRATED = ("int8", "int8x16")
QUANTIZATIONS = (None, "float16", "dynamic_int8", "dynamic_int4", *CALIBRATED)

# The start of the program. Importing the package imports Keras.
PREAMBLE = f"""
import runpy

program = runpy.run_path({quick_imports.__file__!r})
quick_imports = program["quick_imports"]
"""

_PROGRAM = f"""{PREAMBLE}
import sys

with quick_imports():
    from keras_squeeze.export.conversion.converter import main

main(*sys.argv[1:])
"""


class ExportError(RuntimeError):
    """Raised if a model cannot be exported, or its file is not good enough."""


def convert(folder, **options):
    """Convert a saved serving model to `.tflite` files, one per signature.

    Args:
        folder: string. A folder with the config of the model in `config.json`
            and its weights in `model.weights.h5`.
        **options: The keyword arguments of `converter.convert_model()`, of
            types that JSON supports.

    Returns:
        A tuple of the number of parameters of the model, an int, and the list
        of the files, which are in the folder.

    Raises:
        ExportError: If the model has operations that LiteRT does not support
            or cannot be rebuilt, or if the conversion process fails.
    """
    answer = run(_PROGRAM, "tensorflow", folder, **options)
    return answer["parameters"], answer["files"]


def run(program, backend, folder, **options):
    """Run a program that converts a saved model with another backend.

    Args:
        program: string. The source code. Its arguments are the folder and the
            options, as JSON. It calls `write_answer()`.
        backend: string. The Keras backend of the process.
        folder: string. The folder of the model.
        **options: Options of types that JSON supports.

    Returns:
        The dictionary that the program wrote to `answer.json` in the folder.

    Raises:
        ExportError: If there is no answer, or it has an `"error"`.
    """
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": import_path(),
        # The conversion needs no GPU, whose memory may be in use here.
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    command = [sys.executable, "-P", "-c", program]
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
            "The process that converts the model exited with code "
            f"{result.returncode}: {last_words or 'no message'}"
        ) from None
    if "error" in answer:
        raise ExportError(answer["error"])
    return answer


def write_answer(folder, answer):
    """Write the answer of a program for `run()`.

    Args:
        folder: string. The folder of the model.
        answer: A dictionary for JSON.
    """
    with open(os.path.join(folder, ANSWER_FILE), "w", encoding="utf-8") as file:
        json.dump(answer, file)


def load_model(folder):
    """Rebuild the model whose config and weights are in a folder.

    Args:
        folder: string. The folder.

    Returns:
        A `keras.Model`.
    """
    import keras

    with open(os.path.join(folder, CONFIG_FILE), encoding="utf-8") as file:
        config = json.load(file)
    model = keras.saving.deserialize_keras_object(config)
    model.load_weights(os.path.join(folder, WEIGHTS_FILE))
    return model


def save_for_converter(folder, model, config):
    """Save a model for `load_model()`.

    Args:
        folder: string. The folder.
        model: A `keras.Model`.
        config: Dictionary. Its serialized config.
    """
    model.save_weights(os.path.join(folder, WEIGHTS_FILE))
    path = os.path.join(folder, CONFIG_FILE)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
