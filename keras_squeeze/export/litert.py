"""Exports models to LiteRT: checks, converts, verifies and saves them."""

import os
import tempfile

import numpy as np

from keras_squeeze.export.checks.gpu_delegate import check_gpu_delegates
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
from keras_squeeze.export.process import convert
from keras_squeeze.export.process import load_model
from keras_squeeze.export.process import save_for_converter
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
    """Export a model to a verified `.tflite` file for LiteRT.

    The file takes one input at a time, of a fixed length, as the int32
    tensors `input_word_ids`, `input_mask` and `input_type_ids` of shape
    `(1, sequence_length)`: the `token_ids`, `padding_mask` and `segment_ids`
    of the preprocessor. It only uses operations that are built into LiteRT.
    Weights and arithmetic are float32 or quantized, regardless of the dtype
    policy of the model, and LoRA weights are merged.

    In a file for 128 tokens, a text of 20 tokens takes as long as one of 128.
    With several lengths, the file has a signature for each, such as
    `"length_16"`. They share the weights, and an app runs the shortest one that
    a text fits in, as `keras_squeeze.TFLiteModel` does.

    The model is converted in another process whose backend is TensorFlow, so
    any backend can be used here. The file is then run and compared with the
    Keras model, on text if the model has a preprocessor. It replaces an
    existing file at `filepath` only if both agree.

    MediaPipe and TFLite's Task Library open the file of a text classifier or
    a text embedder, which contains the vocabulary and the names of the classes.
    The Task Library also opens that of a question answering task for 384
    tokens. The report says which libraries open the file, and for which texts
    their tokenizer computes other ids.

    Args:
        model: A task or a backbone of `keras_squeeze`, or a functional
            `keras.Model` made from a backbone.
        filepath: string or `pathlib.Path`. The file to write.
        sequence_length: int or tuple of ints. The length of the inputs of
            the file, or several lengths. A program needs memory for all of
            the lengths, each as much as for a separate file, even if it only
            runs one. Defaults to `128`.
        quantization: string or `None`. `None` is for float32, `"float16"` for
            weights of half the size, and `"dynamic_int8"` for weights in 8
            bits, a quarter of the size, with the inputs of products quantized
            at run time, which is best for the CPUs of phones. The following
            need the extra `quantization` of this package, and keep norms and
            attention in float32. `"dynamic_int4"` stores the weights of dense
            layers in 4 bits. `"int8"` is for integer accelerators, with the
            ranges of the inputs of products measured on `calibration_data`.
            `"int8x16"` is the same with these inputs in 16 bits. Defaults to
            `None`.
        probabilities: bool. Whether a classifier returns `probabilities`, from
            a softmax that becomes part of the file, instead of `logits`.
            Defaults to `True`.
        labels: List of strings or `None`. The names of the classes in the file
            of a text classifier. Defaults to `None`, for the `class_names` of
            the task.
        calibration_data: List of raw inputs, such as texts. Up to 128 of them,
            spread over the list, are used to measure the ranges of
            activations. Required for `"int8"` and `"int8x16"`. With any
            `quantization`, the file is also compared with the model on them.
            Defaults to `None`.
        text_input: bool or `"pair"`. Whether the file takes a text, as a
            string tensor `text` of shape `(1,)`, or a pair of texts, `text`
            and `text_pair`, instead of ids. Such files need operations of
            TensorFlow Text, and no library for phones opens them. Supported
            for text classifiers, text embedders and next sentence predictors.
            Defaults to `False`.
        metadata: bool. Whether to add the metadata that MediaPipe and the Task
            Library need to open the file, if they support the task. Defaults
            to `True`.
        per_channel: bool. Whether the quantized weights of dense layers have a
            scale per feature. `False`, for one scale per layer, is less exact.
            It is for the GPUs of TFLite and LiteRT 1, and for runtimes from
            before 2024, such as that of the Task Library. Defaults to `True`.
        evaluation_data: Optional tuple of raw inputs and labels, as for
            `fit()`, to evaluate the file and the Keras model on. The labels of
            question answering can also be a list that has a list of correct
            answers for each question. Supported for tasks with labels and a
            preprocessor. Defaults to `None`.
        app_files: bool. Whether to write the files that an app needs to
            compute the ids itself, to the folder `{name}_app_files` next to
            the file: the vocabulary, the labels, `contract.json`, which
            describes the inputs, the outputs and the tokenizer, and
            `golden.json`, which has texts with their ids and outputs to test
            the app against. With a list of `"kotlin"` and `"swift"`, it also
            has the code of the tokenizer in these languages, and
            `characters.json`, which it needs. Defaults to `False`.
        verbose: bool. Whether to print the progress. Defaults to `True`.

    Returns:
        A `keras_squeeze.export.report.ExportReport`.

    Raises:
        ValueError: If an argument is invalid, or the model cannot be exported.
            In this case, nothing has been written.
        ImportError: If `text_input` needs TensorFlow Text, or `quantization`
            needs `ai-edge-quantizer`, and it is missing.
        keras_squeeze.export.process.ExportError: If the model has operations
            that LiteRT does not support, or if the file does not agree with
            the model. For each output, a float32 file must be within 1e-4 of
            its largest value, or within what rounding errors explain. A
            quantized file must have a root mean square error below half of the
            root mean square of the output, and nine tenths of its predictions
            on `calibration_data` must be equal. An existing file is kept.

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
        model=model,
        filepath=filepath,
        sequence_length=sequence_length,
        quantization=quantization,
        probabilities=probabilities,
        labels=labels,
        calibration_data=calibration_data,
        text_input=text_input,
        metadata=metadata,
        per_channel=per_channel,
        evaluation_data=evaluation_data,
        app_files=app_files,
        verbose=verbose,
    )
    # In the same folder, because files cannot be renamed across file systems.
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
    """Convert a model to the contents of a file.

    Args:
        request: The `ExportRequest`.

    Returns:
        A tuple of the result of `model_file.load_model()`, the number of
        parameters of the model, and the Keras model to compare the file with.
    """
    with tempfile.TemporaryDirectory() as exchange:
        request.tell("Saving the weights")
        # One copy here, one in the saved model, and one part per length.
        copies = 2 + len(request.lengths)
        check_free_space(exchange, request.serving.variables, copies)
        save_for_converter(exchange, request.serving, request.config)
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
            # Mixed precision differs more from float32 than an export is
            # allowed to.
            reference = load_model(exchange)
    return contents, parameters, reference


def _save_calibration(request, folder):
    """Write the calibration samples, by signature."""
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
    """Write the file, with metadata if a library for phones can use it.

    Args:
        request: The `ExportRequest`.
        contents: The result of `model_file.load_model()`. It is changed.
        filepath: A `pathlib.Path`.

    Returns:
        `PhoneLibraries`, or `None` without metadata.
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
    """Compare the file with the Keras model, and write the app files.

    Args:
        request: The `ExportRequest`.
        filepath: string. The file.
        contents: The contents of the file, as returned by
            `model_file.load_model()`.
        reference: The Keras model to compare the file with.
        **results: The results of the previous stages, for the report.

    Returns:
        The `ExportReport`.
    """
    request.tell("Comparing the file with the Keras model")
    runner, agreement = verify(
        request, filepath, reference, computed_tensors(contents)
    )
    evaluation = None
    if request.evaluation_data is not None:
        request.tell("Evaluating the file and the Keras model on the labels")
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
        gpu_delegates=check_gpu_delegates(contents),
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
                folder,
                runner,
                request.model,
                request.labels,
                report,
                request.languages,
            )
    return report
