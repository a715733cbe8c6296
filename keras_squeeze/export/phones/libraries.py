"""Finds out which libraries for phones can open a file, and why not."""

import dataclasses

from keras_squeeze.export.conversion.model_file import operation_name
from keras_squeeze.export.conversion.model_file import signature_tensors
from keras_squeeze.export.phones.metadata import DECISION_FILE
from keras_squeeze.export.phones.metadata import add_metadata
from keras_squeeze.export.phones.tokenizer import PhoneTokenizer
from keras_squeeze.models.tasks.question_answering import QuestionAnswering
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.version import __version__

# The only length that the Task Library supports for question answering.
_LENGTH_OF_QUESTIONS = 384

# The newest supported versions of operations in the last release of the Task
# Library, tflite-support 0.4.4 of 2023. It supports version 1 of all others.
_TASK_LIBRARY_OPERATIONS = {
    name: version
    for version, names in (
        (
            2,
            "DIV EXP GELU GREATER L2_NORMALIZATION LESS_EQUAL "
            "REDUCE_PROD RSQRT SELECT_V2 SPLIT_V SQUARED_DIFFERENCE "
            "SQUEEZE SUM",
        ),
        (
            3,
            "ARG_MAX BROADCAST_TO EMBEDDING_LOOKUP FLOOR_DIV "
            "GREATER_EQUAL LESS LOGISTIC MEAN NOT_EQUAL QUANTIZE "
            "REDUCE_MAX REDUCE_MIN RELU RELU6 SOFTMAX TANH TILE",
        ),
        (
            4,
            "BATCH_MATMUL CONCATENATION EQUAL FILL GATHER_ND MAXIMUM "
            "MINIMUM PACK PAD PADV2 SELECT SPLIT UNPACK",
        ),
        (5, "ABS ADD CAST DEQUANTIZE SUB"),
        (6, "GATHER SLICE TRANSPOSE"),
        (7, "CONV_2D MUL"),
        (8, "STRIDED_SLICE"),
        (10, "FULLY_CONNECTED"),
    )
    for name in names.split()
}


@dataclasses.dataclass(frozen=True)
class PhoneLibraries:
    """Which libraries for phones can open a file.

    Args:
        obstacles: Dictionary by the name of each library that supports the
            task of the model. A value is `None` if the library opens the file,
            or else a string that says why not.
        texts: int. The number of texts, from the evaluation or else from the
            verification, for which the tokenizers were compared. `0` if no
            library opens the file.
        differing_texts: List of the texts for which the libraries compute
            other token ids than the preprocessor of the model.
    """

    obstacles: dict
    texts: int
    differing_texts: list

    def __str__(self):
        lines = [
            f"{name}: {obstacle or 'opens it'}"
            for name, obstacle in self.obstacles.items()
        ]
        if self.texts:
            lines.append(
                f"their tokens differ for {len(self.differing_texts)} of "
                f"{self.texts} texts"
            )
        return "\n".join(lines)


def check_labels(model, labels):
    """The names of the classes to store in a file.

    Args:
        model: The model to export.
        labels: List of strings, or `None` for the class names of the task.

    Returns:
        A list of strings, or `None` for a model without classes.

    Raises:
        ValueError: If there is not exactly one valid label per class.
    """
    has_classes = (
        isinstance(model, TextClassifier) and model.problem_type != "regression"
    )
    if not has_classes:
        if labels is not None:
            raise ValueError(
                "`labels` must be None for a model that is not a text "
                f"classifier with classes. Received: labels={labels!r}, "
                f"model of type {type(model).__name__}"
            )
        return None
    names = model.names_of_classes() if labels is None else labels
    valid = isinstance(names, (list, tuple)) and all(
        isinstance(name, str) and name and "\n" not in name for name in names
    )
    if not valid or len(names) != model.num_classes:
        raise ValueError(
            f"`labels` must be a list of {model.num_classes} strings, one per "
            "class, that are not empty and have no line breaks. "
            f"Received: labels={labels!r}, class_names={names!r}"
        )
    return list(names)


def add_libraries_metadata(contents, model, labels, texts):
    """Add metadata to a file if a library for phones can use it.

    Args:
        contents: The result of `model_file.load_model()` for the file. It is
            changed in place.
        model: The exported model.
        labels: The result of `check_labels()`.
        texts: List of strings to compare the tokenizers on.

    Returns:
        A tuple of `PhoneLibraries` and the files to append to the model, for
        `metadata.append_files()`.
    """
    names = getattr(model, "phone_libraries", ())
    if not names:
        return PhoneLibraries({}, 0, []), {}
    obstacle = _obstacle(model, contents)
    if obstacle:
        return PhoneLibraries(dict.fromkeys(names, obstacle), 0, []), {}
    vocabulary = model.preprocessor.tokenizer.vocabulary
    files = add_metadata(
        contents,
        name=type(model).__name__,
        description=f"Exported by keras_squeeze {__version__}.",
        vocabulary=vocabulary,
        labels=labels,
    )
    decision = getattr(model, "decision", None)
    if decision is not None and not decision.is_default:
        files[DECISION_FILE] = [decision.to_json()]
    too_new = _too_new_operations(contents)
    obstacles = {
        name: too_new if name.startswith("Task Library") else None
        for name in names
    }
    if all(obstacles.values()):
        return PhoneLibraries(obstacles, 0, []), files
    differing_texts = PhoneTokenizer(vocabulary).differing_texts(
        model.preprocessor, texts, _sequence_length(contents)
    )
    return PhoneLibraries(obstacles, len(texts), differing_texts), files


def _obstacle(model, contents):
    """Why no library can tokenize text for a model, or `None`."""
    if len(contents.subgraphs) > 1:
        return "needs a file with one graph, for inputs of a single length"
    preprocessor = model.preprocessor
    if preprocessor is None:
        return "needs a model with a preprocessor, for its vocabulary"
    tokenizer = preprocessor.tokenizer
    if not tokenizer.lowercase:
        return "lowercases all text, but the model's tokenizer does not"
    if tokenizer.pad_token_id != 0:
        return (
            "pads with the id 0, but the id of [PAD] in the vocabulary is "
            f"{tokenizer.pad_token_id}"
        )
    if not tokenizer.split or tokenizer.suffix_indicator != "##":
        return "splits text into words and word pieces as BERT does"
    if tokenizer.oov_token != "[UNK]":
        return (
            "uses [UNK] for unknown words, but the model's tokenizer uses "
            f"{tokenizer.oov_token}"
        )
    if any("\n" in token for token in tokenizer.vocabulary):
        return "needs a vocabulary without line breaks"
    if preprocessor.truncation_side != "right":
        return "truncates the end of text, but the preprocessor the start"
    is_for_questions = isinstance(model, QuestionAnswering)
    if is_for_questions and _sequence_length(contents) != _LENGTH_OF_QUESTIONS:
        return f"needs sequence_length={_LENGTH_OF_QUESTIONS}"
    return None


def _sequence_length(contents):
    inputs, _ = signature_tensors(contents)
    tensor = contents.subgraphs[0].tensors[inputs["input_word_ids"]]
    return int(tensor.shape[-1])


def _too_new_operations(contents):
    """What the Task Library lacks to run a file, or `None`."""
    lacking = set()
    for operation in contents.subgraphs[0].operators:
        name = operation_name(contents, operation)
        version = contents.operatorCodes[operation.opcodeIndex].version
        if version > _TASK_LIBRARY_OPERATIONS.get(name, 1):
            lacking.add(f"{name} of version {version}")
    if not lacking:
        return None
    advice = ""
    if any(name.startswith("FULLY_CONNECTED") for name in lacking):
        advice = ", needs per_channel=False"
    return f"lacks {', '.join(sorted(lacking))}{advice}"
