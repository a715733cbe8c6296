"""Runs exported files with LiteRT."""

import contextlib
import os

import numpy as np

from keras_squeeze.export import compiled_model
from keras_squeeze.tokenizers.texts import text_segments
from keras_squeeze.validation import check_choice

# The exported names, which are the defaults of the metadata writers of
# MediaPipe and the Task Library, and the names of the backbone.
INPUTS = {
    "input_word_ids": "token_ids",
    "input_mask": "padding_mask",
    "input_type_ids": "segment_ids",
}

SIGNATURE = "serving_default"

# Files that take text have these inputs instead of ids, and a second signature
# that returns the ids.
TEXT_INPUTS = ("text", "text_pair")
TOKENS_SIGNATURE = "tokenize"

RUNTIMES = ("auto", "compiled_model", "interpreter")


class TFLiteModel:
    """Runs a file written by `export_tflite()`, one input at a time.

    The file runs in LiteRT with its CPU kernels, the same that an app on a
    phone uses. If the file has several sequence lengths, each input runs with
    the shortest one that it fits in. If the file takes text, TensorFlow Text
    must be installed.

    Args:
        filepath: string or `pathlib.Path`. The `.tflite` file.
        preprocessor: Optional preprocessor of the exported task. With it,
            `predict()` takes raw inputs even if the file takes ids. The longest
            sequence length of the file is used instead of the preprocessor's.
        num_threads: int. The number of threads of LiteRT. Defaults to `1`.
        runtime: string. `"compiled_model"` for LiteRT's `CompiledModel`, the
            interface of LiteRT 2 that apps also use for GPUs and NPUs.
            `"interpreter"` for its `Interpreter`, which is that of TFLite.
            `"auto"` for `CompiledModel` if the installed LiteRT has it and the
            file does not take text, which only the `Interpreter` can run, and
            for the `Interpreter` otherwise. Both give the same outputs.
            Defaults to `"auto"`.

    Attributes:
        filepath: string. The file.
        runtime: string. `"compiled_model"` or `"interpreter"`.
        signatures: Dictionary that maps the input lengths of the file, from
            the shortest to the longest, to the names of its signatures.
        sequence_length: int. The longest of these lengths.
        num_texts: int. The number of texts per input if the file takes text,
            and zero otherwise.
        inputs: Dictionary that maps the name of each input to its
            `(shape, dtype)` for the longest length.
        outputs: Dictionary that maps the name of each output to its
            `(shape, dtype)` for the longest length.

    Raises:
        ValueError: If the file is missing, is not a `.tflite` file or does
            not have the inputs of an exported file, or if the runtime cannot
            run it.
        ImportError: If the file takes text and TensorFlow Text is missing, or
            if the installed LiteRT does not have the runtime.

    Example:

    ```python
    classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
        "mobile_bert_tiny_en_uncased", num_classes=2
    )
    keras_squeeze.export_tflite(classifier, "classifier.tflite")
    model = keras_squeeze.TFLiteModel(
        "classifier.tflite", preprocessor=classifier.preprocessor
    )
    model.predict(["Win a prize! Call now.", "See you at lunch"])
    ```
    """

    def __init__(
        self, filepath, preprocessor=None, num_threads=1, runtime="auto"
    ):
        check_choice("runtime", runtime, RUNTIMES)
        filepath = os.fspath(filepath)
        if not os.path.isfile(filepath):
            raise ValueError(
                "`filepath` must be a `.tflite` file. Received: "
                f"filepath={filepath!r}, which does not exist"
            )
        self.preprocessor = preprocessor
        self.filepath = filepath
        self.runtime, runners = _signature_runners(
            filepath, num_threads, runtime
        )
        self._tokenizer = runners.pop(TOKENS_SIGNATURE, None)
        lengths = {}
        for name, runner in runners.items():
            # If the file takes text, the length is that of the ids it returns.
            inputs = runner.get_input_details()
            if self._tokenizer is not None:
                inputs = self._tokenizer.get_output_details()
            (_, length), _ = _shapes_and_dtypes(inputs)["input_mask"]
            lengths[length] = name
        self.signatures = dict(sorted(lengths.items()))
        self._runners = {
            length: runners[name] for length, name in self.signatures.items()
        }
        self.sequence_length = max(self._runners)
        longest = self._runners[self.sequence_length]
        self.inputs = _shapes_and_dtypes(longest.get_input_details())
        self.outputs = _shapes_and_dtypes(longest.get_output_details())
        self.num_texts = len(self.inputs) if self._tokenizer else 0

    def predict(self, inputs, sequence_length=None):
        """Run the file on each of the inputs.

        Args:
            inputs: Texts if the file takes text, or a tuple of two lists of
                texts if it takes pairs. Otherwise the raw inputs of the task
                if there is a preprocessor, or a dictionary of int arrays
                `token_ids`, `segment_ids` and `padding_mask` of shape
                `(samples, length)`, where `length` is one of the lengths of
                the file.
            sequence_length: int or `None`. The length of the file to run all
                inputs with. Defaults to `None`, for the shortest one that each
                input fits in.

        Returns:
            A float array, or a dictionary of such arrays by name if the file
            has several outputs. The first axis is for the inputs, or for their
            windows if the preprocessor splits inputs into windows. Outputs per
            position are padded with zeros for inputs that were run with a
            shorter length.
        """
        allowed = list(self.signatures)
        if sequence_length is not None:
            if sequence_length not in allowed:
                raise ValueError(
                    "`sequence_length` must be None or one of the lengths "
                    f"{allowed} of the file. Received: "
                    f"sequence_length={sequence_length!r}"
                )
            allowed = [sequence_length]
        if self.num_texts:
            runner = self._runners[self.sequence_length]
            outputs = self._run_texts(runner, inputs)
        else:
            outputs = self._run_ids(self._to_ids(inputs, allowed[-1]), allowed)
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def tokenize(self, inputs):
        """Compute the ids of a file that takes text.

        Args:
            inputs: Texts, as for `predict()`.

        Returns:
            A dictionary of int32 arrays `token_ids`, `segment_ids` and
            `padding_mask` of shape `(samples, sequence_length)`.
        """
        if not self.num_texts:
            raise ValueError(
                "`tokenize()` is for files that take text. Received: a file "
                f"with the inputs {sorted(self.inputs)}"
            )
        outputs = self._run_texts(self._tokenizer, inputs)
        return {key: outputs[name] for name, key in INPUTS.items()}

    def _run_texts(self, runner, inputs):
        """Run a signature whose inputs are texts."""
        segments, _ = text_segments(inputs)
        names = sorted(self.inputs)
        if len(segments) != self.num_texts:
            raise ValueError(
                "`inputs` must have one text per sample for each of the "
                f"inputs {names} of the file. Received: {len(segments)} per "
                "sample"
            )
        samples = list(zip(*segments, strict=True))
        outputs = _empty_outputs(runner, len(samples))
        for i, texts in enumerate(samples):
            row = runner(
                **{
                    name: np.array([text.encode("utf-8")], "object")
                    for name, text in zip(names, texts, strict=True)
                }
            )
            for name, values in row.items():
                outputs[name][i] = values[0]
        return outputs

    def _to_ids(self, inputs, sequence_length):
        """Convert inputs to int32 arrays by the names of the file's inputs."""
        if not isinstance(inputs, dict) or "token_ids" not in inputs:
            if self.preprocessor is None:
                raise ValueError(
                    "`inputs` must be a dictionary of arrays for a "
                    "TFLiteModel without a `preprocessor`. Received: "
                    f"inputs of type {type(inputs).__name__}"
                )
            if isinstance(inputs, str):
                inputs = [inputs]
            inputs = preprocess(self.preprocessor, inputs, sequence_length)
        return {
            name: np.asarray(inputs[key], dtype="int32")
            for name, key in INPUTS.items()
        }

    def _run_ids(self, arrays, allowed):
        """Run each row with the shortest allowed length that it fits in."""
        shape = arrays["input_mask"].shape
        for name, array in arrays.items():
            if (
                array.ndim != 2
                or array.shape[1] not in allowed
                or array.shape != shape
            ):
                raise ValueError(
                    f"`{INPUTS[name]}` must have the shape (samples, length) "
                    "of the other arrays, where the length is "
                    f"{' or '.join(map(str, allowed))}. Received: "
                    f"shape={array.shape}"
                )
        samples, longest = shape
        outputs = _empty_outputs(self._runners[longest], samples)
        positions = np.arange(1, longest + 1)
        used = np.max(arrays["input_mask"] * positions, axis=1, initial=0)
        for i, index in enumerate(np.searchsorted(allowed, used)):
            length = allowed[index]
            row = self._runners[length](
                **{
                    name: array[i : i + 1, :length]
                    for name, array in arrays.items()
                }
            )
            for name, values in row.items():
                filled = tuple(map(slice, values.shape[1:]))
                outputs[name][(i, *filled)] = values[0]
        return outputs


def _signature_runners(filepath, num_threads, runtime):
    """Return the name of the runtime, and the runners of the signatures.

    The interpreter only allocates memory for a signature when it is first used.
    """
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_litert.interpreter import InterpreterWithCustomOps

    try:
        interpreter = Interpreter(model_path=filepath, num_threads=num_threads)
        signatures = interpreter.get_signature_list()
    except (RuntimeError, ValueError) as e:
        raise ValueError(f"LiteRT cannot run the file {filepath!r}: {e}") from e
    takes_text = TOKENS_SIGNATURE in signatures
    expected = set(TEXT_INPUTS if takes_text else INPUTS)
    if not signatures or any(
        not set(signature["inputs"]) <= expected
        for signature in signatures.values()
    ):
        raise ValueError(
            f"The signatures of the file must have the inputs "
            f"{sorted(INPUTS)}. Received: filepath={filepath!r} with the "
            f"signatures {signatures}"
        )
    if _uses_compiled_model(filepath, runtime, takes_text):
        try:
            runners = compiled_model.signature_runners(filepath, num_threads)
        except (RuntimeError, ValueError) as e:
            raise ValueError(
                f"LiteRT cannot compile the file {filepath!r}: {e}"
            ) from e
        return "compiled_model", runners
    if takes_text:
        try:
            from tensorflow_text import tflite_registrar
        except ImportError as e:
            raise ImportError(
                f"The file {filepath!r} takes text. To run it, install the "
                "package tensorflow-text."
            ) from e
        interpreter = InterpreterWithCustomOps(
            model_path=filepath,
            num_threads=num_threads,
            custom_op_registerers=tflite_registrar.SELECT_TFTEXT_OPS,
        )
    return "interpreter", {
        name: interpreter.get_signature_runner(name) for name in signatures
    }


def _uses_compiled_model(filepath, runtime, takes_text):
    """Whether to run a file with `CompiledModel`, or raise an error."""
    if runtime == "auto":
        return not takes_text and compiled_model.is_installed()
    if runtime != "compiled_model":
        return False
    if takes_text:
        raise ValueError(
            '`runtime` must be "interpreter" or "auto" for a file that takes '
            "text, because `CompiledModel` does not have the operations of "
            f"TensorFlow Text. Received: runtime={runtime!r} and "
            f"filepath={filepath!r}"
        )
    if not compiled_model.is_installed():
        raise ImportError(
            '`runtime="compiled_model"` needs LiteRT 2.1 or later: '
            '`pip install "ai-edge-litert>=2.1"`'
        )
    return True


def _empty_outputs(runner, samples):
    details = runner.get_output_details()
    return {
        name: np.zeros((samples, *shape[1:]), dtype)
        for name, (shape, dtype) in _shapes_and_dtypes(details).items()
    }


def preprocess(preprocessor, inputs, sequence_length):
    """Preprocess raw inputs to another sequence length than the default.

    Args:
        preprocessor: A preprocessor of this package.
        inputs: The raw inputs of the task.
        sequence_length: int. The length to pack the inputs to.

    Returns:
        A dictionary of int32 arrays by the names of the backbone's inputs.
    """
    with fixed_sequence_length(preprocessor, sequence_length):
        outputs = preprocessor.serving_inputs(inputs)
    return {name: np.asarray(array) for name, array in outputs.items()}


def spread(samples, most):
    """Select samples that are evenly spread over the data.

    Args:
        samples: Dictionary of arrays by the names of the backbone's inputs.
        most: int. The maximum number of samples.

    Returns:
        A dictionary of arrays by the names of the backbone's inputs.
    """
    count = len(samples["token_ids"])
    rows = np.linspace(0, count - 1, min(most, count)).astype("int32")
    return {name: np.asarray(samples[name])[rows] for name in INPUTS.values()}


@contextlib.contextmanager
def fixed_sequence_length(preprocessor, sequence_length):
    """Context in which a preprocessor packs to another sequence length.

    Args:
        preprocessor: A preprocessor of this package.
        sequence_length: int. The length.
    """
    before = preprocessor.sequence_length
    preprocessor.sequence_length = sequence_length
    try:
        yield
    finally:
        preprocessor.sequence_length = before


def _shapes_and_dtypes(details):
    return {
        name: (
            tuple(int(size) for size in detail["shape"]),
            np.dtype(detail["dtype"]).name,
        )
        for name, detail in details.items()
    }
