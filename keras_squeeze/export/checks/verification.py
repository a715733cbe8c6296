"""Compares an exported file with the Keras model it was made from."""

import keras
import numpy as np

from keras_squeeze.export.conversion.quantization import largest_activation
from keras_squeeze.export.process import ExportError
from keras_squeeze.export.report import Agreement
from keras_squeeze.export.runner import INPUTS
from keras_squeeze.export.runner import TFLiteModel
from keras_squeeze.export.runner import fixed_sequence_length
from keras_squeeze.export.runner import spread
from keras_squeeze.models.torch_parameters import no_gradients

# Float kernels add numbers in a different order than the Keras backend. This
# is the allowed difference, relative to an output's largest value.
FLOAT_TOLERANCE = 1e-4

# MobileBERT's activations can reach 1e7, where the order of additions alone
# can move the scores by more. Such a model is just as sensitive to rounded
# weights, so the difference may be this many times the one that a rounding
# error in each weight causes.
ROUNDING_TOLERANCE = 10

# Quantization that works has a relative error of a few percent. An error of
# one half means that a quarter of the confident predictions flipped, or that
# an embedding has little to do with the original.
QUANTIZED_TOLERANCE = 0.5

# A file whose predictions often differ from the model's is not a valid export,
# whatever its error. A few texts are not enough to estimate how often.
EQUAL_PREDICTIONS = 0.9
_ENOUGH_SAMPLES = 50

# The number of inputs for which all intermediate values are read.
_MOST_OBSERVED = 16

# If there is a score per position and vocabulary entry, the outputs of all
# samples would take gigabytes.
_MOST_VALUES = 2**25

SENTENCES = (
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


def verify(request, filepath, reference, computed):
    """Compare a `.tflite` file with its Keras model.

    The samples are real texts if the model has a preprocessor, and random
    token ids otherwise.

    Args:
        request: The `ExportRequest`.
        filepath: string. The file.
        reference: A `keras.Model` with the inputs and outputs of the file.
        computed: The result of `model_file.computed_tensors()` for the file.

    Returns:
        A tuple of the file's `TFLiteModel` and the `Agreement`.

    Raises:
        ExportError: If an output of the file is not finite, or differs from
            that of the Keras model by more than rounding or quantization
            explains.
    """
    runner = TFLiteModel(filepath)
    agreements = [
        _verify_length(request, runner, length, reference, computed)
        for length in runner.signatures
    ]
    return runner, _summarize(agreements)


def _verify_length(request, runner, length, reference, computed):
    """Compare one signature of the file."""
    samples, source, outputs = _run(request, runner, length)
    if not isinstance(outputs, dict):
        outputs = {next(iter(runner.outputs)): outputs}
    inputs = {name: samples[key] for name, key in INPUTS.items()}
    expected = _predict(reference, inputs)
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
        largest_activation=_largest_activation(
            runner, length, request.quantization, inputs, computed
        ),
    )
    for name, output in outputs.items():
        if not np.all(np.isfinite(expected[name])):
            raise ExportError(
                f"The Keras model itself gives values of `{name}` that are "
                "not finite."
            )
        if not np.all(np.isfinite(output)):
            raise ExportError(
                f"The exported file gives values of `{name}` that are not "
                "finite."
            )
    if request.quantization is None:
        _check_float(agreement, reference, inputs, expected)
    else:
        _check_quantized(agreement)
    return agreement


def _run(request, runner, length):
    """Return the samples to compare, their description and the outputs."""
    preprocessor = getattr(request.model, "preprocessor", None)
    source = "random ids" if preprocessor is None else "text"
    if runner.num_texts:
        texts = _texts(runner.num_texts)
        samples = _pack(preprocessor, [texts], length)
        _check_tokens(runner.tokenize(texts), samples)
        return samples, source, runner.predict(texts)
    if preprocessor is None:
        samples = _random_samples(request.embeddings, length)
    else:
        counts = range(1, min(request.embeddings.num_segments, 2) + 1)
        samples = _pack(preprocessor, map(_texts, counts), length)
    if request.calibration is not None:
        source = "text and calibration data"
        samples = {
            name: np.concatenate([x, request.calibration[length][name]])
            for name, x in samples.items()
        }
    samples = spread(samples, _most_samples(runner))
    return samples, source, runner.predict(samples, sequence_length=length)


def _summarize(agreements):
    """Combine the agreements of all lengths."""
    if len(agreements) == 1:
        return agreements[0]

    def largest(field):
        values = [getattr(agreement, field) for agreement in agreements]
        return {name: max(x[name] for x in values) for name in values[0]}

    equal = [x.equal_predictions for x in agreements]
    samples = [x.samples for x in agreements]
    return Agreement(
        samples=sum(samples),
        source=agreements[0].source,
        largest_difference=largest("largest_difference"),
        relative_error=largest("relative_error"),
        equal_predictions=(
            None
            if equal[0] is None
            else float(np.average(equal, weights=samples))
        ),
        largest_activation=next(
            (
                x.largest_activation
                for x in agreements
                if x.largest_activation is not None
            ),
            None,
        ),
    )


def _largest_activation(runner, length, quantization, inputs, computed):
    """The largest intermediate value of the first graph."""
    whole = quantization in (None, "float16") and not runner.num_texts
    if not whole or length != runner.sequence_length:
        return None
    some = {
        name: np.asarray(x[:_MOST_OBSERVED], "int32")
        for name, x in inputs.items()
    }
    return largest_activation(runner.filepath, some, computed)


def _check_float(agreement, reference, inputs, expected):
    rounded = None
    for name, difference in agreement.largest_difference.items():
        allowed = FLOAT_TOLERANCE * max(1.0, np.max(np.abs(expected[name])))
        if difference > allowed:
            if rounded is None:
                rounded = _predict_with_rounding_errors(reference, inputs)
            rounding = np.max(np.abs(rounded[name] - expected[name]))
            allowed = max(allowed, ROUNDING_TOLERANCE * rounding)
        # Written so that it also catches a NaN, from infinite outputs.
        if not difference <= allowed:
            raise ExportError(
                "The exported file does not agree with the Keras model: the "
                f"largest difference of `{name}` is {difference:.3g}, but must "
                f"be at most {allowed:.3g}."
            )


def _check_quantized(agreement):
    equal = agreement.equal_predictions
    if equal is not None and agreement.samples >= _ENOUGH_SAMPLES:
        if equal < EQUAL_PREDICTIONS:
            raise ExportError(
                "The exported file does not agree with the Keras model: only "
                f"{equal:.1%} of the predictions on {agreement.samples} "
                f"inputs are equal, but at least {EQUAL_PREDICTIONS:.0%} must "
                "be."
            )
    for name, error in agreement.relative_error.items():
        if error > QUANTIZED_TOLERANCE:
            raise ExportError(
                "The exported file does not agree with the Keras model: the "
                f"relative error of `{name}` is {error:.3g}, but must be at "
                f"most {QUANTIZED_TOLERANCE}."
            )


def _predict(model, inputs):
    with no_gradients():
        outputs = model(inputs, training=False)
    return {name: keras.ops.convert_to_numpy(x) for name, x in outputs.items()}


def _predict_with_rounding_errors(model, inputs):
    random = np.random.default_rng(0)
    exact = [keras.ops.convert_to_numpy(w).copy() for w in model.weights]
    try:
        for weight, values in zip(model.weights, exact, strict=True):
            if values.dtype == "float32":
                errors = random.choice([-1, 1], values.shape)
                errors = errors * np.finfo("float32").eps
                weight.assign(values * (1 + errors))
        return _predict(model, inputs)
    finally:
        for weight, values in zip(model.weights, exact, strict=True):
            weight.assign(values)


def _texts(num_segments):
    """Texts, or pairs of texts."""
    texts = list(SENTENCES)
    return texts if num_segments == 1 else (texts, texts[::-1])


def _pack(preprocessor, inputs, sequence_length):
    """Preprocess texts, regardless of the raw inputs of the task."""
    with fixed_sequence_length(preprocessor, sequence_length):
        batches = [preprocessor.pack_texts(x) for x in inputs]
    return {
        name: np.concatenate([batch[name] for batch in batches])
        for name in INPUTS.values()
    }


def _check_tokens(tokens, samples):
    """Check the ids of a file that tokenizes texts itself."""
    for name, expected in samples.items():
        differing = np.any(tokens[name] != expected, axis=1)
        if differing.any():
            raise ExportError(
                f"The `{name}` of the exported file differ from those of the "
                "preprocessor for "
                f"{np.array(SENTENCES)[differing].tolist()}"
            )


def _random_samples(embeddings, sequence_length, samples=16):
    random = np.random.default_rng(0)
    shape = (samples, sequence_length)
    lengths = random.integers(1, sequence_length, (samples, 1), endpoint=True)
    return {
        "token_ids": random.integers(0, embeddings.vocabulary_size, shape),
        "segment_ids": random.integers(0, embeddings.num_segments, shape),
        "padding_mask": np.arange(sequence_length) < lengths,
    }


def _most_samples(runner):
    """The number of samples whose outputs fit in memory, but at least two."""
    values = sum(np.prod(shape) for shape, _ in runner.outputs.values())
    return max(2, int(_MOST_VALUES // values))


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
        # A single score is trivially the largest.
        and output.shape[-1] > 1
    ]
    if not equal:
        return None
    return float(np.mean(np.concatenate([x.ravel() for x in equal])))
