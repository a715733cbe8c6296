"""Converts a Keras model to LiteRT: what `process.convert()` runs.

This module is for `python -m` alone, in a process whose backend is TensorFlow.
"""

import json
import os
import re
import sys
import tempfile

import keras
import tensorflow as tf

from keras_squeeze.export.process import ANSWER_FILE
from keras_squeeze.export.process import CONFIG_FILE
from keras_squeeze.export.process import WEIGHTS_FILE
from keras_squeeze.layers.grouped_dense import grouped_convolution_scope


def _main(folder, filepath, options):
    """What the other process does; its answer is a file in the folder."""
    try:
        answer = {"parameters": convert_model(folder, filepath, **options)}
    except Exception as e:
        answer = {"error": _explain(e)}
    with open(os.path.join(folder, ANSWER_FILE), "w", encoding="utf-8") as file:
        json.dump(answer, file)


def convert_model(folder, filepath, quantization=None):
    """Convert the model that a folder has the config and weights of.

    Args:
        folder: string. The folder.
        filepath: string. The file to write.
        quantization: string or `None`. One of `process.QUANTIZATIONS`.
            Defaults to `None`, for float32.

    Returns:
        int. The number of parameters of the model.
    """
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
