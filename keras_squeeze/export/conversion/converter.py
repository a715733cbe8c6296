"""Converts a Keras model to LiteRT; `process.convert()` runs it.

This module runs in a separate process, whose backend is TensorFlow.
"""

import json
import os
import re
import tempfile

import keras
import numpy as np
import tensorflow as tf

from keras_squeeze.export.conversion.lowering import lower
from keras_squeeze.export.conversion.quantization import is_for_quantizer
from keras_squeeze.export.conversion.quantization import quantize_file
from keras_squeeze.export.conversion.signatures import signature_names
from keras_squeeze.export.conversion.text_input import TextReader
from keras_squeeze.export.process import CALIBRATED
from keras_squeeze.export.process import CALIBRATION_FILE
from keras_squeeze.export.process import load_model
from keras_squeeze.export.process import write_answer
from keras_squeeze.export.runner import INPUTS


def main(folder, options):
    """Convert a model, and write the result to a file in the folder.

    Args:
        folder: string. The folder of the model.
        options: string. The other arguments of `convert_model()`, as JSON.
    """
    try:
        parameters, files = convert_model(folder, **json.loads(options))
        answer = {"parameters": parameters, "files": files}
    except Exception as e:
        answer = {"error": _explain(e)}
    write_answer(folder, answer)


def convert_model(
    folder,
    sequence_lengths,
    quantization=None,
    per_channel=True,
    num_texts=0,
):
    """Convert the model whose config and weights are in a folder.

    Args:
        folder: string. The folder. The converted files are also written to it.
        sequence_lengths: List of ints. The input lengths. There is a signature
            for each.
        quantization: string or `None`. One of `process.QUANTIZATIONS`.
            Defaults to `None`, for float32.
        per_channel: bool. Whether the quantized weights of dense layers have a
            scale per feature. Defaults to `True`.
        num_texts: int. The number of texts per input, for which the folder
            must have the preprocessor. Defaults to `0`, for inputs of ids.

    Returns:
        A tuple of the number of parameters of the model, an int, and the list
        of the files, one for each signature.
    """
    # In this scope, weights are constants. To create a thousand variables, and
    # to save and restore them, takes longer than the conversion.
    with keras.StatelessScope(initialize_variables=False):
        model = load_model(folder)
        lower(model, per_channel)
        if num_texts:
            (length,) = sequence_lengths
            functions = TextReader(folder, length, num_texts).functions(model)
        else:
            functions = _functions_of_ids(model, sequence_lengths)
        parts = []
        for signature, (function, specs) in functions.items():
            part = os.path.join(folder, f"{signature}.tflite")
            contents = _convert(
                signature,
                function,
                specs,
                folder,
                quantization=quantization,
                per_channel=per_channel,
                allow_custom_ops=num_texts > 0,
            )
            with open(part, "wb") as file:
                file.write(contents)
            parts.append(part)
    if is_for_quantizer(quantization):
        for signature, part in zip(functions, parts, strict=True):
            samples = None
            if quantization in CALIBRATED:
                samples = _load_calibration(folder, signature)
            quantize_file(part, quantization, signature, samples)
    return model.count_params(), parts


def _load_calibration(folder, signature):
    """Read the calibration samples of a signature."""
    with np.load(os.path.join(folder, CALIBRATION_FILE)) as file:
        return {name: file[f"{signature}/{name}"] for name in INPUTS.values()}


def _functions_of_ids(model, sequence_lengths):
    """Return tuples of a function and its specs, by signature."""

    def function(inputs):
        return model(inputs, training=False)

    names = signature_names(sequence_lengths)
    # The longest comes first, because programs that do not support signatures
    # run the first graph, and the longest accepts every text.
    return {
        names[length]: (
            function,
            {
                x.name: tf.TensorSpec((1, length), x.dtype, name=x.name)
                for x in model.inputs
            },
        )
        for length in sorted(names, reverse=True)
    }


def _convert(
    signature,
    function,
    specs,
    folder,
    quantization,
    per_channel,
    allow_custom_ops,
):
    """Return the contents of a file with one signature."""
    function = tf.function(function, autograph=False)
    function = function.get_concrete_function(specs)
    # `keras.export.ExportArchive` takes three times as long, because it traces
    # and saves each layer.
    with tempfile.TemporaryDirectory(dir=folder) as saved_model:
        tf.saved_model.save(
            tf.Module(), saved_model, signatures={signature: function}
        )
        converter = tf.lite.TFLiteConverter.from_saved_model(
            saved_model, signature_keys=[signature]
        )
        # No Flex: its runtime is ten times the size of a model, and libraries
        # for phones do not include it.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.allow_custom_ops = allow_custom_ops
        if quantization == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        elif quantization == "dynamic_int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            # There is no public option for this.
            converter._experimental_disable_per_channel_quantization_for_dense_layers = (  # noqa: E501
                not per_channel
            )
        return converter.convert()


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
