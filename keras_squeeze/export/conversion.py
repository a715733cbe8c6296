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

from keras_squeeze.export.lowering import lower
from keras_squeeze.export.model_file import load_model
from keras_squeeze.export.model_file import save_model
from keras_squeeze.export.model_file import tidy_names
from keras_squeeze.export.process import ANSWER_FILE
from keras_squeeze.export.process import CONFIG_FILE
from keras_squeeze.export.process import WEIGHTS_FILE
from keras_squeeze.export.signatures import merge_models
from keras_squeeze.export.signatures import signature_names


def _main(folder, filepath, options):
    """What the other process does; its answer is a file in the folder."""
    try:
        answer = {"parameters": convert_model(folder, filepath, **options)}
    except Exception as e:
        answer = {"error": _explain(e)}
    with open(os.path.join(folder, ANSWER_FILE), "w", encoding="utf-8") as file:
        json.dump(answer, file)


def convert_model(
    folder, filepath, sequence_lengths, quantization=None, per_channel=True
):
    """Convert the model that a folder has the config and weights of.

    Args:
        folder: string. The folder.
        filepath: string. The file to write.
        sequence_lengths: List of ints. The lengths of the inputs, each of
            which has a signature.
        quantization: string or `None`. One of `process.QUANTIZATIONS`.
            Defaults to `None`, for float32.
        per_channel: bool. Whether the quantized weights of each feature of a
            dense layer have a scale of their own. Defaults to `True`.

    Returns:
        int. The number of parameters of the model.
    """
    with open(os.path.join(folder, CONFIG_FILE), encoding="utf-8") as file:
        config = json.load(file)
    model = keras.saving.deserialize_keras_object(config)
    model.load_weights(os.path.join(folder, WEIGHTS_FILE))
    lower(model)

    options = {"quantization": quantization, "per_channel": per_channel}
    names = signature_names(sequence_lengths)
    parts = []
    # The longest comes first, as the one for programs that know no
    # signatures: it takes every text.
    for length in sorted(names, reverse=True):
        part = os.path.join(folder, f"{names[length]}.tflite")
        _convert(model, length, names[length], folder, part, **options)
        parts.append(load_model(part))
        tidy_names(parts[-1])
    save_model(merge_models(parts), filepath)
    return model.count_params()


def _convert(
    model, length, signature, folder, filepath, quantization, per_channel
):
    """Write a file with one signature."""
    specs = {
        x.name: tf.TensorSpec((1, length), x.dtype, name=x.name)
        for x in model.inputs
    }
    function = tf.function(
        lambda inputs: model(inputs, training=False), autograph=False
    )
    function = function.get_concrete_function(specs)
    # `keras.export.ExportArchive` takes three times as long, as it traces and
    # saves each layer. Without the variables, the converter would write a
    # file with no weights and no complaint.
    module = tf.Module()
    module.variables_of_model = [v.value for v in model.variables]
    with tempfile.TemporaryDirectory(dir=folder) as saved_model:
        tf.saved_model.save(
            module, saved_model, signatures={signature: function}
        )
        converter = tf.lite.TFLiteConverter.from_saved_model(
            saved_model, signature_keys=[signature]
        )
        # No Flex: its runtime is ten times the size of a model, and absent
        # from the libraries that read the file on phones.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantization == "dynamic_int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            # There is no other way to ask for it.
            converter._experimental_disable_per_channel_quantization_for_dense_layers = (  # noqa: E501
                not per_channel
            )
        contents = converter.convert()
    with open(filepath, "wb") as file:
        file.write(contents)


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
