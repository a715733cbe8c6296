import json
import os
import tempfile

import keras
import numpy as np

from keras_squeeze.export.app_files import app_folder
from keras_squeeze.export.app_files import check_app_folder
from keras_squeeze.export.app_files import write_app_files
from keras_squeeze.export.delegates import check_gpu_delegate
from keras_squeeze.export.evaluation import LabelledData
from keras_squeeze.export.model_file import count_operations
from keras_squeeze.export.phone_libraries import add_libraries_metadata
from keras_squeeze.export.phone_libraries import check_labels
from keras_squeeze.export.process import CALIBRATED
from keras_squeeze.export.process import CALIBRATION_FILE
from keras_squeeze.export.process import CONFIG_FILE
from keras_squeeze.export.process import QUANTIZATIONS
from keras_squeeze.export.process import WEIGHTS_FILE
from keras_squeeze.export.process import convert
from keras_squeeze.export.quantization import LARGEST_FLOAT16
from keras_squeeze.export.quantization import calibration_samples
from keras_squeeze.export.quantization import check_quantizer
from keras_squeeze.export.report import ExportReport
from keras_squeeze.export.report import checksum
from keras_squeeze.export.report import measure_latency
from keras_squeeze.export.report import versions
from keras_squeeze.export.serving import find_embeddings
from keras_squeeze.export.serving import float32_config
from keras_squeeze.export.serving import serving_model
from keras_squeeze.export.signatures import signature_names
from keras_squeeze.export.text_input import check_text_input
from keras_squeeze.export.text_input import save_preprocessor
from keras_squeeze.export.verification import SENTENCES
from keras_squeeze.export.verification import verify
from keras_squeeze.new_files import check_free_space
from keras_squeeze.new_files import new_file
from keras_squeeze.new_files import new_files

# [CLS], a token and [SEP].
_SHORTEST = 3


def export_tflite(
    model,
    filepath,
    sequence_length=128,
    quantization=None,
    probabilities=True,
    labels=None,
    calibration_data=None,
    text_input=False,
    metadata=True,
    per_channel=True,
    evaluation_data=None,
    app_files=False,
    verbose=True,
):
    """Export a model to a `.tflite` file for LiteRT, verified.

    The file takes one input at a time, of a fixed length, as the int32
    tensors `input_word_ids`, `input_mask` and `input_type_ids` of shape
    `(1, sequence_length)`: the `token_ids`, `padding_mask` and `segment_ids`
    of the preprocessor. It needs no operations but those built into LiteRT.
    Weights and arithmetic are in float32 or quantized, whatever the dtype
    policy of the model, and LoRA weights are merged.

    A text of 20 tokens takes as long as one of 128 in a file that takes 128.
    With several lengths, the file has a signature for each, `"length_16"` and
    so on, which share the weights, and an app runs the shortest one that a
    text fits in, as `keras_squeeze.TFLiteModel` does.

    The model is converted in another process, with TensorFlow as its backend,
    from whichever backend. The file is then run and compared with the Keras
    model, on text if the model has a preprocessor, and replaces an existing
    file at `filepath` only if it agrees.

    MediaPipe and TFLite's Task Library open the file of a text classifier or
    a text embedder, and the latter that of a question answering task of 384
    tokens: it has the vocabulary and the names of the classes within. The
    report says so, and where their tokenizer gives other ids.

    Args:
        model: A task or a backbone of `keras_squeeze`, or a functional
            `keras.Model` made from a backbone.
        filepath: string or `pathlib.Path`. The file to write.
        sequence_length: int or tuple of ints. The length of the inputs of
            the file, or several lengths. A program that runs one of several
            needs memory for all of them, each as much as a file of its own.
            Defaults to `128`.
        quantization: string or `None`. `None` for float32, `"float16"` for
            weights in half the size, or `"dynamic_int8"` for weights in 8
            bits, a quarter of the size, with the inputs of products quantized
            at run time, which suits the CPUs of phones best. With the extra
            `quantization` of this package, `"dynamic_int4"` has the weights
            of dense layers in 4 bits, `"int8"` is for accelerators of
            integer products, with ranges of their inputs measured on
            `calibration_data`, and `"int8x16"` the same with inputs of
            products in 16 bits; norms and attention are in float32. Defaults
            to `None`.
        probabilities: bool. Whether a classifier gives `probabilities`, by a
            softmax that becomes part of the file, or `logits`. Defaults to
            `True`.
        labels: List of strings or `None`. The names of the classes that a
            text classifier's file gives. Defaults to `None`, for the
            `class_names` of the task.
        calibration_data: List of raw inputs, such as texts, of which the
            ranges are measured, up to 128 spread over the list. Needed by
            `"int8"` and `"int8x16"`. The file is compared with the model on
            them, too, for every `quantization`. Defaults to `None`.
        text_input: bool or `"pair"`. Whether the file takes a text, as a
            string tensor `text` of shape `(1,)`, or a pair of texts, `text`
            and `text_pair`, in the place of ids. Such files need operations
            of TensorFlow Text, and no library for phones opens them. For text
            classifiers, text embedders and next sentence predictors. Defaults
            to `False`.
        metadata: bool. Whether to put in what MediaPipe and the Task Library
            need to open the file, where they have the task. Defaults to
            `True`.
        per_channel: bool. Whether the quantized weights of each feature of a
            dense layer have a scale of their own. `False`, for a scale a
            layer, is less exact, and for GPUs and for runtimes from before
            2024, such as the Task Library's. Defaults to `True`.
        evaluation_data: Optional tuple of raw inputs and labels, as `fit()`
            takes them, to measure the file and the Keras model on; in
            question answering the labels may also be a list with a list of
            the right answers to each question. For tasks with labels and a
            preprocessor. Defaults to `None`.
        app_files: bool. Whether to write what an app needs that makes the ids
            itself to the folder `{name}_app_files` beside the file: the
            vocabulary, the labels, `contract.json` on inputs, outputs and the
            tokenizer, and `golden.json` with texts, their ids and the outputs
            to test it against. Defaults to `False`.
        verbose: bool. Whether to print what is being done. Defaults to
            `True`.

    Returns:
        A `keras_squeeze.export.report.ExportReport`.

    Raises:
        ValueError: If an argument is out of range, or the model is not one
            that can be exported. Nothing has been done by then.
        ImportError: If there is no TensorFlow Text and `text_input` needs
            it, or no `ai-edge-quantizer` and `quantization` does.
        keras_squeeze.export.process.ExportError: If the model has
            operations that LiteRT lacks, or if the file does not agree with
            the model: a float32 file must do so within 1e-4 of the largest
            value of each output, or what rounding errors account for, a
            quantized one with a root mean square error below half of the root
            mean square of the output, and with nine tenths of the predictions
            on `calibration_data`. An existing file stays as it was.

    Example:

    ```python
    classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
        "mobile_bert_tiny_en_uncased", num_classes=2
    )
    report = keras_squeeze.export_tflite(
        classifier, "classifier.tflite", quantization="dynamic_int8"
    )
    print(report)
    ```
    """
    embeddings = find_embeddings(model)
    lengths = _check_sequence_length(
        sequence_length, embeddings.max_sequence_length
    )
    calibration = _check_quantization(
        quantization, model, calibration_data, lengths, text_input
    )
    labels = check_labels(model, labels)
    num_texts = check_text_input(text_input, model, lengths)
    filepath = _check_filepath(filepath)
    if evaluation_data is not None:
        evaluation_data = LabelledData(model, evaluation_data)
    if app_files:
        check_app_folder(filepath, model, num_texts)
    serving = serving_model(
        model, lengths[0] if len(lengths) == 1 else None, probabilities
    )
    config, exported_config = float32_config(serving)

    def tell(stage):
        if verbose:
            print(stage, flush=True)

    # Beside the one that it replaces: renaming does not cross file systems.
    with new_file(filepath) as unverified:
        unverified = str(unverified)
        with tempfile.TemporaryDirectory() as exchange:
            tell("Saving the weights")
            # Here, in the saved model, and in the part for each length.
            copies = 2 + len(lengths)
            check_free_space(exchange, serving.variables, copies)
            weights = os.path.join(exchange, WEIGHTS_FILE)
            serving.save_weights(weights)
            with open(
                os.path.join(exchange, CONFIG_FILE), "w", encoding="utf-8"
            ) as file:
                json.dump(exported_config, file)
            if calibration is not None:
                names = signature_names(lengths)
                np.savez(
                    os.path.join(exchange, CALIBRATION_FILE),
                    **{
                        f"{names[length]}/{name}": array
                        for length, arrays in calibration.items()
                        for name, array in arrays.items()
                    },
                )
            if num_texts:
                save_preprocessor(model.preprocessor, exchange)
            tell("Converting, in a process with TensorFlow")
            parameters = convert(
                exchange,
                unverified,
                sequence_lengths=lengths,
                quantization=quantization,
                per_channel=per_channel,
                num_texts=num_texts,
            )
            if config != exported_config:
                # A model in mixed precision is itself farther from the
                # exported one than an export may be.
                serving = keras.saving.deserialize_keras_object(exported_config)
                serving.load_weights(weights)
        phone_libraries = None
        if metadata and not num_texts:
            texts = evaluation_data and evaluation_data.texts
            phone_libraries = add_libraries_metadata(
                unverified, model, labels, texts or SENTENCES
            )
        tell("Comparing the file with the Keras model")
        runner, agreement = verify(
            unverified, serving, model, embeddings, quantization, calibration
        )
        evaluation = None
        if evaluation_data is not None:
            tell("Comparing the answers of both with the labels")
            evaluation = evaluation_data.evaluate(runner)
        report = ExportReport(
            path=filepath,
            size_bytes=os.path.getsize(unverified),
            parameters=parameters,
            quantization=quantization,
            sequence_length=runner.sequence_length,
            signatures={
                name: length for length, name in runner.signatures.items()
            },
            inputs=runner.inputs,
            outputs=runner.outputs,
            ops=count_operations(unverified),
            agreement=agreement,
            phone_libraries=phone_libraries,
            gpu_delegate=check_gpu_delegate(unverified),
            latency=measure_latency(runner),
            sha256=checksum(unverified),
            versions=versions(),
            evaluation=evaluation,
            app_folder=app_folder(filepath) if app_files else None,
        )
        if app_files:
            with new_files(report.app_folder) as folder:
                write_app_files(folder, runner, model, labels, report)
        # Windows does not rename a file that is in use.
        del runner
    tell(f"Wrote {filepath}")
    return report


def _check_quantization(
    quantization, model, calibration_data, lengths, text_input
):
    """Returns the calibration samples, or `None` if there are no data."""
    if quantization not in QUANTIZATIONS:
        raise ValueError(
            f"`quantization` must be one of {QUANTIZATIONS}. Received: "
            f"quantization={quantization!r}"
        )
    check_quantizer(quantization)
    if quantization == "float16":
        _check_float16(model)
    if quantization in CALIBRATED:
        if text_input:
            raise ValueError(
                f"`text_input` must be False with the quantizations "
                f"{CALIBRATED}, which are calibrated on ids. Received: "
                f"quantization={quantization!r}, text_input={text_input!r}"
            )
        if calibration_data is None:
            raise ValueError(
                "`calibration_data` must be a list of raw inputs, such as "
                f"texts, with the quantizations {CALIBRATED}. Received: "
                f"quantization={quantization!r}, calibration_data=None"
            )
    if calibration_data is None:
        return None
    return calibration_samples(model, calibration_data, lengths)


def _check_float16(model):
    for weight in model.weights:
        values = np.abs(keras.ops.convert_to_numpy(weight))
        if np.max(values, initial=0) > LARGEST_FLOAT16:
            raise ValueError(
                "`quantization` must be another one than 'float16' for a "
                f"model with weights above {LARGEST_FLOAT16:g}. Received: a "
                f"model whose `{weight.path}` reaches {np.max(values):.3g}"
            )


def _check_sequence_length(sequence_length, longest):
    """Returns the list of the lengths, from the shortest to the longest."""
    lengths = [sequence_length]
    if isinstance(sequence_length, (list, tuple)):
        lengths = list(sequence_length)
    valid = lengths and all(
        isinstance(length, int)
        and not isinstance(length, bool)
        and _SHORTEST <= length <= longest
        for length in lengths
    )
    if not valid:
        raise ValueError(
            "`sequence_length` must be an integer or several, from "
            f"{_SHORTEST} to {longest}, the number of positions of the model. "
            f"Received: sequence_length={sequence_length!r}"
        )
    return sorted(set(lengths))


def _check_filepath(filepath):
    if not isinstance(filepath, (str, os.PathLike)):
        raise ValueError(
            "`filepath` must be a string or a path. Received: "
            f"filepath={filepath!r}"
        )
    filepath = os.path.abspath(filepath)
    folder = os.path.dirname(filepath)
    if not os.path.isdir(folder):
        reason = "whose folder does not exist"
    elif os.path.isdir(filepath):
        reason = "which is a folder"
    elif not os.access(folder, os.W_OK):
        reason = "whose folder cannot be written to"
    else:
        return filepath
    raise ValueError(
        f"`filepath` must be a file that can be written. Received: "
        f"filepath={filepath!r}, {reason}"
    )
