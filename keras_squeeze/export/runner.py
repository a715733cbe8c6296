import contextlib
import os

import numpy as np

# The exported names, which MediaPipe's and the Task Library's metadata
# writers expect by default, and the backbone's.
INPUTS = {
    "input_word_ids": "token_ids",
    "input_mask": "padding_mask",
    "input_type_ids": "segment_ids",
}

SIGNATURE = "serving_default"


class TFLiteModel:
    """Runs a file that `export_tflite()` wrote, one input at a time.

    The file is run by LiteRT's interpreter with its CPU kernels, those an app
    on a phone uses. If the file takes several sequence lengths, each input is
    run with the shortest that it fits in.

    Args:
        filepath: string or `pathlib.Path`. The `.tflite` file.
        preprocessor: Optional preprocessor of the exported task, for
            `predict()` to take text. It is used with the longest sequence
            length of the file, whatever its own.
        num_threads: int. Number of threads of the interpreter. Defaults to
            `1`.

    Attributes:
        signatures: Dictionary of the names of the signatures of the file by
            the lengths of their inputs, from the shortest to the longest.
        sequence_length: int. The longest of these lengths.
        inputs: Dictionary of the `(shape, dtype)` of each input of that
            length by name.
        outputs: Dictionary of the `(shape, dtype)` of each output for inputs
            of that length by name.

    Raises:
        ValueError: If the file is missing, is not a `.tflite` file or does
            not have the inputs that `export_tflite()` gives it.

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

    def __init__(self, filepath, preprocessor=None, num_threads=1):
        from ai_edge_litert.interpreter import Interpreter

        filepath = os.fspath(filepath)
        if not os.path.isfile(filepath):
            raise ValueError(
                "`filepath` must be a `.tflite` file. Received: "
                f"filepath={filepath!r}, which does not exist"
            )
        try:
            # Nothing is allocated before a signature is first used.
            interpreter = Interpreter(
                model_path=filepath, num_threads=num_threads
            )
            signatures = interpreter.get_signature_list()
        except (RuntimeError, ValueError) as e:
            raise ValueError(
                f"LiteRT cannot run the file {filepath!r}: {e}"
            ) from e
        if not signatures or any(
            set(signature["inputs"]) != set(INPUTS)
            for signature in signatures.values()
        ):
            raise ValueError(
                f"The signatures of the file must have the inputs "
                f"{sorted(INPUTS)}. Received: filepath={filepath!r} with the "
                f"signatures {signatures}"
            )
        self.preprocessor = preprocessor
        runners = {
            name: interpreter.get_signature_runner(name) for name in signatures
        }
        lengths = {
            _shapes_and_dtypes(runner.get_input_details())["input_mask"][0][
                1
            ]: name
            for name, runner in runners.items()
        }
        self.signatures = dict(sorted(lengths.items()))
        self._runners = {
            length: runners[name] for length, name in self.signatures.items()
        }
        self.sequence_length = max(self.signatures)
        longest = self._runners[self.sequence_length]
        self.inputs = _shapes_and_dtypes(longest.get_input_details())
        self.outputs = _shapes_and_dtypes(longest.get_output_details())

    def predict(self, inputs, sequence_length=None):
        """Run the file on each of the inputs.

        Args:
            inputs: The raw inputs of the task, if there is a preprocessor, or
                a dictionary of int arrays `token_ids`, `segment_ids` and
                `padding_mask` of shape `(samples, length)`, where the length
                is one of those of the file.
            sequence_length: int or `None`. The length of the file to run all
                inputs with. Defaults to `None`, for the shortest that each
                of them fits in.

        Returns:
            A float array whose first axis counts the inputs, or their windows
            where the preprocessor cuts them into some, or a dictionary
            of such arrays by name where the file has several outputs. Outputs
            that have an axis for the positions are zeros where an input was
            run with a shorter length than others might be.
        """
        if sequence_length not in (None, *self._runners):
            raise ValueError(
                "`sequence_length` must be None or one of the lengths of the "
                f"file, {list(self._runners)}. Received: "
                f"sequence_length={sequence_length!r}"
            )
        if not isinstance(inputs, dict) or "token_ids" not in inputs:
            if self.preprocessor is None:
                raise ValueError(
                    "`inputs` must be a dictionary of arrays for a "
                    "TFLiteModel without a `preprocessor`. Received: "
                    f"inputs of type {type(inputs).__name__}"
                )
            if isinstance(inputs, str):
                inputs = [inputs]
            inputs = preprocess(
                self.preprocessor,
                inputs,
                sequence_length or self.sequence_length,
            )
        arrays = {
            name: np.asarray(inputs[key], dtype="int32")
            for name, key in INPUTS.items()
        }
        allowed = [sequence_length] if sequence_length else list(self._runners)
        shape = arrays["input_mask"].shape
        for name, array in arrays.items():
            if (
                array.ndim != 2
                or array.shape[1] not in allowed
                or array.shape != shape
            ):
                raise ValueError(
                    f"`{INPUTS[name]}` must have the shape (samples, length), "
                    "that of the other arrays, where the length is "
                    f"{' or '.join(map(str, allowed))}. Received: "
                    f"shape={array.shape}"
                )
        samples, longest = shape
        details = self._runners[longest].get_output_details()
        outputs = {
            name: np.zeros((samples, *shape[1:]), dtype)
            for name, (shape, dtype) in _shapes_and_dtypes(details).items()
        }
        lengths = np.full(samples, longest)
        if sequence_length is None:
            lengths = self._shortest_lengths(arrays["input_mask"])
        for i, length in enumerate(lengths.tolist()):
            row = self._runners[length](
                **{
                    name: array[i : i + 1, :length]
                    for name, array in arrays.items()
                }
            )
            for name, values in row.items():
                filled = tuple(map(slice, values.shape[1:]))
                outputs[name][(i, *filled)] = values[0]
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def _shortest_lengths(self, padding_mask):
        """The lengths of the file that rows of tokens fit in."""
        positions = np.arange(1, padding_mask.shape[1] + 1)
        used = np.max(padding_mask * positions, axis=1, initial=0)
        lengths = np.array(list(self._runners))
        return lengths[np.searchsorted(lengths, used)]


def preprocess(preprocessor, inputs, sequence_length):
    """Preprocess raw inputs with another sequence length than usual.

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


@contextlib.contextmanager
def fixed_sequence_length(preprocessor, sequence_length):
    """Context in which a preprocessor packs to another length than its own.

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
