"""Exports models to LiteRT: check, convert, verify, put in place."""

import json
import os
import tempfile

import keras
import numpy as np

from keras_squeeze.export.checks.gpu_delegate import check_gpu_delegate
from keras_squeeze.export.checks.verification import SENTENCES
from keras_squeeze.export.checks.verification import verify
from keras_squeeze.export.conversion.model_file import computed_tensors
from keras_squeeze.export.conversion.model_file import count_operations
from keras_squeeze.export.conversion.model_file import save_model
from keras_squeeze.export.conversion.signatures import read_converted
from keras_squeeze.export.conversion.signatures import signature_names
from keras_squeeze.export.conversion.text_input import save_preprocessor
from keras_squeeze.export.phones.app_files import app_folder
from keras_squeeze.export.phones.app_files import write_app_files
from keras_squeeze.export.phones.libraries import add_libraries_metadata
from keras_squeeze.export.phones.metadata import append_files
from keras_squeeze.export.process import CALIBRATION_FILE
from keras_squeeze.export.process import CONFIG_FILE
from keras_squeeze.export.process import WEIGHTS_FILE
from keras_squeeze.export.process import convert
from keras_squeeze.export.report import ExportReport
from keras_squeeze.export.report import checksum
from keras_squeeze.export.report import measure_latency
from keras_squeeze.export.report import versions
from keras_squeeze.export.request import ExportRequest
from keras_squeeze.new_files import check_free_space
from keras_squeeze.new_files import new_file
from keras_squeeze.new_files import new_files


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
    request = ExportRequest(
        model,
        filepath,
        sequence_length,
        quantization,
        probabilities,
        labels,
        calibration_data,
        text_input,
        metadata,
        per_channel,
        evaluation_data,
        app_files,
        verbose,
    )
    # Beside the one that it replaces: renaming does not cross file systems.
    with new_file(request.filepath) as unverified:
        contents, parameters, reference = _convert(request)
        phone_libraries = _write(request, contents, unverified)
        report = _verify(
            request,
            str(unverified),
            contents,
            reference,
            parameters=parameters,
            phone_libraries=phone_libraries,
        )
    request.tell(f"Wrote {request.filepath}")
    return report


def _convert(request):
    """Convert a model to what will be one file.

    Args:
        request: The `ExportRequest`.

    Returns:
        A tuple of what `model_file.load_model()` gives, of the number of
        parameters of the model, and of the Keras model to compare with.
    """
    with tempfile.TemporaryDirectory() as exchange:
        request.tell("Saving the weights")
        # Here, in the saved model, and in the part for each length.
        copies = 2 + len(request.lengths)
        check_free_space(exchange, request.serving.variables, copies)
        weights = os.path.join(exchange, WEIGHTS_FILE)
        request.serving.save_weights(weights)
        path = os.path.join(exchange, CONFIG_FILE)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(request.config, file)
        if request.calibration is not None:
            _save_calibration(request, exchange)
        if request.num_texts:
            save_preprocessor(request.model.preprocessor, exchange)
        request.tell("Converting, in a process with TensorFlow")
        parameters, files = convert(
            exchange,
            sequence_lengths=request.lengths,
            quantization=request.quantization,
            per_channel=request.per_channel,
            num_texts=request.num_texts,
        )
        contents = read_converted(files, request.quantization)
        reference = request.serving
        if not request.is_float32:
            # A model in mixed precision is itself farther from the exported
            # one than an export may be.
            reference = keras.saving.deserialize_keras_object(request.config)
            reference.load_weights(weights)
    return contents, parameters, reference


def _save_calibration(request, folder):
    """Write the inputs that ranges are measured on, by their signatures."""
    names = signature_names(request.lengths)
    np.savez(
        os.path.join(folder, CALIBRATION_FILE),
        **{
            f"{names[length]}/{name}": array
            for length, arrays in request.calibration.items()
            for name, array in arrays.items()
        },
    )


def _write(request, contents, filepath):
    """Write the file, with metadata if a library for phones can use them.

    Args:
        request: The `ExportRequest`.
        contents: What `model_file.load_model()` gives. It is changed.
        filepath: A `pathlib.Path`.

    Returns:
        `PhoneLibraries`, or `None` if there was to be no metadata.
    """
    phone_libraries, files = None, {}
    if request.metadata:
        data = request.evaluation_data
        phone_libraries, files = add_libraries_metadata(
            contents,
            request.model,
            request.labels,
            (data and data.texts) or SENTENCES,
        )
    save_model(contents, filepath)
    if files:
        append_files(filepath, files)
    return phone_libraries


def _verify(request, filepath, contents, reference, **results):
    """Compare the file with the Keras model, and write the files for an app.

    Args:
        request: The `ExportRequest`.
        filepath: string. The file.
        contents: What `model_file.load_model()` would give of it.
        reference: The Keras model to compare with.
        **results: What the stages before this one add to the report.

    Returns:
        The `ExportReport`.
    """
    request.tell("Comparing the file with the Keras model")
    runner, agreement = verify(
        request, filepath, reference, computed_tensors(contents)
    )
    evaluation = None
    if request.evaluation_data is not None:
        request.tell("Comparing the answers of both with the labels")
        evaluation = request.evaluation_data.evaluate(runner)
    report = ExportReport(
        path=request.filepath,
        size_bytes=os.path.getsize(filepath),
        quantization=request.quantization,
        sequence_length=runner.sequence_length,
        signatures={name: length for length, name in runner.signatures.items()},
        inputs=runner.inputs,
        outputs=runner.outputs,
        ops=count_operations(contents),
        agreement=agreement,
        gpu_delegate=check_gpu_delegate(contents),
        latency=measure_latency(runner),
        sha256=checksum(filepath),
        versions=versions(),
        evaluation=evaluation,
        app_folder=app_folder(request.filepath) if request.app_files else None,
        **results,
    )
    if request.app_files:
        with new_files(report.app_folder) as folder:
            write_app_files(
                folder, runner, request.model, request.labels, report
            )
    return report
