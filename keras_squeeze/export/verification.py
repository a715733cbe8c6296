"""Compares an exported file with the Keras model that it came from."""

import keras
import numpy as np

from keras_squeeze.export.process import ExportError
from keras_squeeze.export.report import Agreement
from keras_squeeze.export.runner import INPUTS
from keras_squeeze.export.runner import TFLiteModel
from keras_squeeze.export.runner import preprocess

# Float kernels add up in another order than the Keras backend does. This is
# the part of an output's largest value that the difference may come to.
FLOAT_TOLERANCE = 1e-4

# Quantization that works leaves a relative error of some percent; an error
# of one half means that a quarter of confident predictions turned round, or
# that a representation has little to do with the original.
QUANTIZED_TOLERANCE = 0.5

_SENTENCES = (
    "See you at lunch?",
    "WINNER!! Claim your £1000 prize now: call 09061701461, code KL341.",
    "It's a charming and often affecting journey.",
    "unflinchingly bleak and desperate",
    "The café in Zürich, naïve as ever, served crème brûlée.",
    "Ok lar... Joking wif u oni... 😂👍🏽",
    "東京は日本の首都です。",
    "Der Fluß fließt über die Brücke hinaus.",
    "http://www.example.com/index.html?q=1&lang=en",
    "3.14159265358979 is not 22/7",
    "a",
    "",
    "The Normans were the people who in the 10th and 11th centuries gave "
    "their name to Normandy, a region in France. " * 4,
)


def verify(filepath, reference, model, backbone, quantization):
    """Compare a `.tflite` file with its Keras model.

    Real text is used if the model has a preprocessor, and random token ids
    otherwise.

    Args:
        filepath: string. The file.
        reference: A `keras.Model` with the inputs and outputs of the file.
        model: The exported model, asked for its `preprocessor`.
        backbone: The backbone in it, asked for the ranges of ids.
        quantization: string or `None`. How the file was quantized.

    Returns:
        A tuple of the file's `TFLiteModel` and the `Agreement`.

    Raises:
        ExportError: If an output of the file is not finite, or farther from
            the Keras model's than the quantization accounts for.
    """
    runner = TFLiteModel(filepath)
    preprocessor = getattr(model, "preprocessor", None)
    if preprocessor is None:
        source = "random ids"
        samples = _random_samples(backbone, runner.sequence_length)
    else:
        source = "text"
        samples = _text_samples(preprocessor, backbone, runner.sequence_length)
    outputs = runner.predict(samples)
    if not isinstance(outputs, dict):
        outputs = {next(iter(runner.outputs)): outputs}
    expected = reference(
        {name: samples[key] for name, key in INPUTS.items()}, training=False
    )
    expected = {
        name: keras.ops.convert_to_numpy(x) for name, x in expected.items()
    }
    agreement = Agreement(
        samples=len(samples["token_ids"]),
        source=source,
        largest_difference={
            name: float(np.max(np.abs(outputs[name] - expected[name])))
            for name in outputs
        },
        relative_error={
            name: _relative_error(outputs[name], expected[name])
            for name in outputs
        },
        equal_predictions=_equal_predictions(outputs, expected),
    )
    for name, output in outputs.items():
        _check_output(name, output, expected[name], agreement, quantization)
    return runner, agreement


def _check_output(name, output, expected, agreement, quantization):
    if not np.all(np.isfinite(expected)):
        raise ExportError(
            f"The Keras model gives values of `{name}` that are not finite, "
            "before any export."
        )
    if not np.all(np.isfinite(output)):
        raise ExportError(
            f"The exported file gives values of `{name}` that are not finite."
        )
    if quantization is None:
        difference = agreement.largest_difference[name]
        allowed = FLOAT_TOLERANCE * max(1.0, float(np.max(np.abs(expected))))
        measure = "largest difference"
    else:
        difference = agreement.relative_error[name]
        allowed = QUANTIZED_TOLERANCE
        measure = "relative error"
    if difference > allowed:
        raise ExportError(
            f"The exported file does not agree with the Keras model: the "
            f"{measure} of `{name}` is {difference:.3g}, and at most "
            f"{allowed:.3g} is allowed."
        )


def _text_samples(preprocessor, backbone, sequence_length):
    inputs = [list(_SENTENCES)]
    if backbone.num_segments > 1:
        inputs.append((list(_SENTENCES), list(reversed(_SENTENCES))))
    batches = [preprocess(preprocessor, x, sequence_length) for x in inputs]
    return {
        name: np.concatenate([batch[name] for batch in batches])
        for name in INPUTS.values()
    }


def _random_samples(backbone, sequence_length, samples=16):
    random = np.random.default_rng(0)
    shape = (samples, sequence_length)
    lengths = random.integers(1, sequence_length, (samples, 1), endpoint=True)
    return {
        "token_ids": random.integers(0, backbone.vocabulary_size, shape),
        "segment_ids": random.integers(0, backbone.num_segments, shape),
        "padding_mask": np.arange(sequence_length) < lengths,
    }


def _relative_error(output, expected):
    # Sums of squares of the largest activations overflow float32.
    output, expected = output.astype("float64"), expected.astype("float64")
    error = np.linalg.norm(output - expected)
    return float(error / max(np.linalg.norm(expected), 1e-12))


def _equal_predictions(outputs, expected):
    equal = [
        np.argmax(output, -1) == np.argmax(expected[name], -1)
        for name, output in outputs.items()
        if name.endswith(("probabilities", "logits"))
    ]
    if not equal:
        return None
    return float(np.mean(np.concatenate([x.ravel() for x in equal])))
