"""Validates the arguments of an export before any work is done."""

import os

import keras
import numpy as np

from keras_squeeze.export.checks.evaluation import LabelledData
from keras_squeeze.export.conversion.quantization import LARGEST_FLOAT16
from keras_squeeze.export.conversion.quantization import calibration_samples
from keras_squeeze.export.conversion.quantization import check_quantizer
from keras_squeeze.export.conversion.text_input import check_text_input
from keras_squeeze.export.phones.app_files import check_app_files
from keras_squeeze.export.phones.libraries import check_labels
from keras_squeeze.export.process import CALIBRATED
from keras_squeeze.export.process import QUANTIZATIONS
from keras_squeeze.export.serving import find_embeddings
from keras_squeeze.export.serving import float32_config
from keras_squeeze.export.serving import serving_model
from keras_squeeze.validation import check_choice

# [CLS], a token and [SEP].
_SHORTEST = 3


class ExportRequest:
    """The validated arguments of `export_tflite()`.

    Attributes:
        embeddings: The embeddings of the model, which have the ranges of its
            inputs.
        lengths: List of ints. The sequence lengths, the shortest first.
        calibration: Dictionary by length of the results of
            `calibration_samples()`, or `None`.
        num_texts: int. The number of texts that the file takes, or zero for
            ids.
        evaluation_data: A `LabelledData`, or `None`.
        serving: A `keras.Model` with the inputs and outputs of the file.
        config: Dictionary. The config of `serving`, with all types float32.
        is_float32: bool. Whether `config` is equal to the config of `serving`.

    Raises:
        ValueError: If an argument is invalid, or the model cannot be exported.
        ImportError: If a package is missing that an argument needs.
    """

    def __init__(
        self,
        *,
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
    ):
        self.model = model
        self.quantization = quantization
        self.per_channel = per_channel
        # An empty list is for the files without any program.
        self.app_files = app_files is not False
        self.languages = [] if isinstance(app_files, bool) else app_files
        self.verbose = verbose
        self.embeddings = find_embeddings(model)
        self.lengths = _check_sequence_length(
            sequence_length, self.embeddings.max_sequence_length
        )
        self.calibration = _check_quantization(
            quantization, model, calibration_data, self.lengths, text_input
        )
        self.labels = check_labels(model, labels)
        self.num_texts = check_text_input(text_input, model, self.lengths)
        # The libraries that read the metadata compute the ids themselves.
        self.metadata = metadata and not self.num_texts
        self.filepath = _check_filepath(filepath)
        self.evaluation_data = None
        if evaluation_data is not None:
            self.evaluation_data = LabelledData(model, evaluation_data)
        if self.app_files:
            check_app_files(app_files, self.filepath, model, self.num_texts)
        self.serving = serving_model(
            model,
            self.lengths[0] if len(self.lengths) == 1 else None,
            probabilities,
        )
        config, self.config = float32_config(self.serving)
        self.is_float32 = config == self.config

    def tell(self, stage):
        """Print a message about the current stage.

        Args:
            stage: string.
        """
        if self.verbose:
            print(stage, flush=True)


def _check_quantization(
    quantization, model, calibration_data, lengths, text_input
):
    """Return the calibration samples, or `None` without data."""
    check_choice("quantization", quantization, QUANTIZATIONS)
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
                "`quantization` must not be 'float16' for a model with weights "
                f"above {LARGEST_FLOAT16:g}. Received: a "
                f"model whose `{weight.path}` reaches {np.max(values):.3g}"
            )


def _check_sequence_length(sequence_length, longest):
    """Return the list of the lengths, from the shortest to the longest."""
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
            "`sequence_length` must be an integer or a list of integers, from "
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
