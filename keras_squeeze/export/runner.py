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
    on a phone uses.

    Args:
        filepath: string or `pathlib.Path`. The `.tflite` file.
        preprocessor: Optional preprocessor of the exported task, for
            `predict()` to take text. It is used with the sequence length of
            the file, whatever its own.
        num_threads: int. Number of threads of the interpreter. Defaults to
            `1`.

    Attributes:
        sequence_length: int. The length of the inputs of the file.
        inputs: Dictionary of the `(shape, dtype)` of each input by name.
        outputs: Dictionary of the `(shape, dtype)` of each output by name.

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
            interpreter = Interpreter(
                model_path=filepath, num_threads=num_threads
            )
            interpreter.allocate_tensors()
            signatures = interpreter.get_signature_list()
        except (RuntimeError, ValueError) as e:
            raise ValueError(
                f"LiteRT cannot run the file {filepath!r}: {e}"
            ) from e
        names = signatures.get(SIGNATURE, {}).get("inputs", [])
        if set(names) != set(INPUTS):
            raise ValueError(
                f"The file must have a signature `{SIGNATURE}` with the "
                f"inputs {sorted(INPUTS)}. Received: filepath={filepath!r} "
                f"with the signatures {signatures}"
            )
        self.preprocessor = preprocessor
        self._signature = interpreter.get_signature_runner(SIGNATURE)
        self.inputs = _shapes_and_dtypes(self._signature.get_input_details())
        self.outputs = _shapes_and_dtypes(self._signature.get_output_details())
        self.sequence_length = self.inputs["input_word_ids"][0][1]

    def predict(self, inputs):
        """Run the file on each of the inputs.

        Args:
            inputs: The raw inputs of the task, if there is a preprocessor, or
                a dictionary of int arrays `token_ids`, `segment_ids` and
                `padding_mask` of shape `(samples, sequence_length)`.

        Returns:
            A float array whose first axis counts the inputs, or their windows
            where the preprocessor cuts them into some, or a dictionary
            of such arrays by name where the file has several outputs.
        """
        if not isinstance(inputs, dict) or "token_ids" not in inputs:
            if self.preprocessor is None:
                raise ValueError(
                    "`inputs` must be a dictionary of arrays for a "
                    "TFLiteModel without a `preprocessor`. Received: "
                    f"inputs of type {type(inputs).__name__}"
                )
            if isinstance(inputs, str):
                inputs = [inputs]
            inputs = preprocess(self.preprocessor, inputs, self.sequence_length)
        arrays = {
            name: np.asarray(inputs[key], dtype="int32")
            for name, key in INPUTS.items()
        }
        for name, array in arrays.items():
            if array.ndim != 2 or array.shape[1] != self.sequence_length:
                raise ValueError(
                    f"`{INPUTS[name]}` must have the shape (samples, "
                    f"{self.sequence_length}). Received: shape={array.shape}"
                )
        samples = len(arrays["input_word_ids"])
        rows = [
            self._signature(
                **{name: array[i : i + 1] for name, array in arrays.items()}
            )
            for i in range(samples)
        ]
        outputs = {
            name: np.concatenate(
                [np.empty((0, *shape[1:]), dtype), *(row[name] for row in rows)]
            )
            for name, (shape, dtype) in self.outputs.items()
        }
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))


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
