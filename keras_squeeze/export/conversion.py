"""Converts a Keras model to LiteRT, in a process of its own.

The converter belongs to TensorFlow, and a process has one Keras backend. With
TensorFlow as the backend the converter could run in place, but it keeps the
memory of each model it has converted and can take the whole process down with
it, so that the few seconds of importing TensorFlow again are well spent, and
every backend gets the same file.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

import keras

from keras_squeeze.layers.grouped_dense import grouped_convolution_scope

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.weights.h5"
ANSWER_FILE = "answer.json"

QUANTIZATIONS = (None, "dynamic_int8")


class ExportError(RuntimeError):
    """A model that cannot be exported, or a file that is not good enough."""


def convert(folder, filepath, quantization=None):
    """Convert a saved serving model to a `.tflite` file.

    Args:
        folder: string. A folder with the config of the model in `config.json`
            and its weights in `model.weights.h5`.
        filepath: string. The file to write.
        quantization: string or `None`. One of `QUANTIZATIONS`. Defaults to
            `None`, for float32.

    Returns:
        int. The number of parameters of the model.

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
    command = [sys.executable, "-P", "-m", __name__]
    command += [folder, filepath, json.dumps(quantization)]
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
    return answer["parameters"]


def _main(folder, filepath, quantization):
    """What the other process does; its answer is a file in the folder."""
    try:
        answer = {"parameters": _convert(folder, filepath, quantization)}
    except Exception as e:
        answer = {"error": _explain(e)}
    with open(os.path.join(folder, ANSWER_FILE), "w", encoding="utf-8") as file:
        json.dump(answer, file)


def _convert(folder, filepath, quantization):
    import tensorflow as tf

    with open(os.path.join(folder, CONFIG_FILE), encoding="utf-8") as file:
        config = json.load(file)
    model = keras.saving.deserialize_keras_object(config)
    model.load_weights(os.path.join(folder, WEIGHTS_FILE))

    specs = {
        x.name: tf.TensorSpec((1, *x.shape[1:]), x.dtype, name=x.name)
        for x in model.inputs
    }
    function = tf.function(
        lambda inputs: model(inputs, training=False), autograph=False
    )
    with grouped_convolution_scope():
        function = function.get_concrete_function(specs)
    # `keras.export.ExportArchive` takes three times as long, as it traces and
    # saves each layer. Without the variables, the converter would write a
    # file with no weights and no complaint.
    module = tf.Module()
    module.variables_of_model = [v.value for v in model.variables]
    with tempfile.TemporaryDirectory(dir=folder) as saved_model:
        tf.saved_model.save(
            module, saved_model, signatures={"serving_default": function}
        )
        converter = tf.lite.TFLiteConverter.from_saved_model(
            saved_model, signature_keys=["serving_default"]
        )
        # No Flex: its runtime is ten times the size of a model, and absent
        # from the libraries that read the file on phones.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantization == "dynamic_int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        contents = converter.convert()
    with open(filepath, "wb") as file:
        file.write(contents)
    return model.count_params()


def _explain(error):
    message = str(error)
    lacking = re.findall(r"^(?:TF Select|Custom) ops: (.+)$", message, re.M)
    if lacking:
        return (
            "The model has operations that LiteRT does not have: "
            f"{', '.join(lacking)}"
        )
    summary = message.strip().partition("\n")[0]
    return f"The model cannot be converted: {type(error).__name__}: {summary}"


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
