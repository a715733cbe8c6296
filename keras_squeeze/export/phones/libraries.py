"""Which libraries for phones can open a file, or else why they cannot."""

import dataclasses

from keras_squeeze.export.conversion.model_file import operation_name
from keras_squeeze.export.conversion.model_file import signature_tensors
from keras_squeeze.export.phones.metadata import add_metadata
from keras_squeeze.export.phones.tokenizer import PhoneTokenizer
from keras_squeeze.models.tasks.question_answering import QuestionAnswering
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.version import __version__

# The only length for which the Task Library prepares questions.
_LENGTH_OF_QUESTIONS = 384

# The newest versions of operations that the last release of the Task Library,
# tflite-support 0.4.4 of 2023, opens. It has the first version of the others.
_TASK_LIBRARY_OPERATIONS = {
    "ABS": 5,
    "ADD": 5,
    "ARG_MAX": 3,
    "BATCH_MATMUL": 4,
    "BROADCAST_TO": 3,
    "CAST": 5,
    "CONCATENATION": 4,
    "CONV_2D": 7,
    "DEQUANTIZE": 5,
    "DIV": 2,
    "EMBEDDING_LOOKUP": 3,
    "EQUAL": 4,
    "EXP": 2,
    "FILL": 4,
    "FLOOR_DIV": 3,
    "FULLY_CONNECTED": 10,
    "GATHER": 6,
    "GATHER_ND": 4,
    "GELU": 2,
    "GREATER": 2,
    "GREATER_EQUAL": 3,
    "L2_NORMALIZATION": 2,
    "LESS": 3,
    "LESS_EQUAL": 2,
    "LOGISTIC": 3,
    "MAXIMUM": 4,
    "MEAN": 3,
    "MINIMUM": 4,
    "MUL": 7,
    "NOT_EQUAL": 3,
    "PACK": 4,
    "PAD": 4,
    "PADV2": 4,
    "QUANTIZE": 3,
    "REDUCE_MAX": 3,
    "REDUCE_MIN": 3,
    "REDUCE_PROD": 2,
    "RELU": 3,
    "RELU6": 3,
    "RSQRT": 2,
    "SELECT": 4,
    "SELECT_V2": 2,
    "SLICE": 6,
    "SOFTMAX": 3,
    "SPLIT": 4,
    "SPLIT_V": 2,
    "SQUARED_DIFFERENCE": 2,
    "SQUEEZE": 2,
    "STRIDED_SLICE": 8,
    "SUB": 5,
    "SUM": 2,
    "TANH": 3,
    "TILE": 3,
    "TRANSPOSE": 6,
    "UNPACK": 4,
}


@dataclasses.dataclass(frozen=True)
class PhoneLibraries:
    """Which libraries for phones can open a file.

    Args:
        obstacles: Dictionary, by the name of each library that has the task
            of the model, of `None` if it opens the file, or else a string
            that says why it does not.
        texts: int. How many texts, those of the evaluation or else of the
            verification, were tokenized as the libraries do it. `0` if none
            of them opens the file.
        differing_texts: List of those texts to which the libraries give
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
    """The names of the classes that a file is to give.

    Args:
        model: The model to export.
        labels: List of strings, or `None` for the names that the task knows.

    Returns:
        A list of strings, or `None` for a model that has no classes.

    Raises:
        ValueError: If the labels are not one for each class.
    """
    has_classes = (
        isinstance(model, TextClassifier) and model.problem_type != "regression"
    )
    if not has_classes:
        if labels is not None:
            raise ValueError(
                "`labels` must be None for a model that is no text "
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
            f"`labels` must be a list of {model.num_classes} strings, one for "
            "each class, that are not empty and have no line breaks. "
            f"Received: labels={labels!r}, class_names={names!r}"
        )
    return list(names)


def add_libraries_metadata(contents, model, labels, texts):
    """Give a file metadata, if there is a library that can use it.

    Args:
        contents: What `model_file.load_model()` returns of the file. It is
            changed in place.
        model: The exported model.
        labels: What `check_labels()` returns.
        texts: List of strings to compare the tokenizers on.

    Returns:
        A tuple of `PhoneLibraries` and of the files that belong behind the
        model, as `metadata.append_files()` takes them.
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
    """Why no library can read text for a model, or `None`."""
    if len(contents.subgraphs) > 1:
        return "needs a file with one graph, for inputs of one length"
    preprocessor = model.preprocessor
    if preprocessor is None:
        return "needs a model with a preprocessor, for its vocabulary"
    tokenizer = preprocessor.tokenizer
    if not tokenizer.lowercase:
        return "lowercases all text, and the model's tokenizer does not"
    if tokenizer.pad_token_id != 0:
        return (
            "pads with the id 0, and the vocabulary has [PAD] at "
            f"{tokenizer.pad_token_id}"
        )
    if not tokenizer.split or tokenizer.suffix_indicator != "##":
        return "splits text into words, and words into pieces as BERT does"
    if tokenizer.oov_token != "[UNK]":
        return (
            "has [UNK] for unknown words, and the model's tokenizer "
            f"{tokenizer.oov_token}"
        )
    if any("\n" in token for token in tokenizer.vocabulary):
        return "needs a vocabulary without line breaks"
    if preprocessor.truncation_side != "right":
        return "cuts text at its end, and the preprocessor at its start"
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
