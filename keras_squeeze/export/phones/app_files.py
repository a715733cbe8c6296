"""Writes the files that an app needs with an exported file, and test data."""

import importlib.resources
import json
import os

import numpy as np

from keras_squeeze.export.checks.verification import SENTENCES
from keras_squeeze.export.phones.characters import describe_characters
from keras_squeeze.export.phones.metadata import LABELS_FILE
from keras_squeeze.export.phones.metadata import VOCABULARY_FILE
from keras_squeeze.export.phones.metadata import file_of_lines
from keras_squeeze.export.runner import INPUTS
from keras_squeeze.export.runner import fixed_sequence_length
from keras_squeeze.models.preprocessors.windowed_preprocessor import (
    WindowedPreprocessor,
)
from keras_squeeze.new_files import write_file
from keras_squeeze.tokenizers.word_piece_encoder import MAX_CHARACTERS_PER_WORD

CONTRACT_FILE = "contract.json"
GOLDEN_FILE = "golden.json"
CHARACTERS_FILE = "characters.json"

# The files of program code, by language.
PROGRAMS = {
    "kotlin": "WordPieceTokenizer.kt",
    "swift": "WordPieceTokenizer.swift",
}

_MEANINGS = {
    "input_word_ids": "the ids of the tokens, padded with that of [PAD]",
    "input_mask": "1 for tokens, 0 for padding",
    "input_type_ids": "0 for the first text and padding, 1 for the "
    "second text and its [SEP]",
}

_PAIRS = (
    ("Where was Ada born?", "Ada Lovelace was born in London in 1815."),
    ("It's raining.", "Take an umbrella!"),
    ("a rather long question " * 50, "and an answer that is long, too " * 50),
)

# For outputs with more values per row, such as a score per position and
# vocabulary entry, only the indices of the largest values are stored.
_MOST_VALUES = 2**14


def app_folder(filepath):
    """The folder of the app files that belong to an exported file.

    Args:
        filepath: string. The exported file.

    Returns:
        string.
    """
    return f"{os.path.splitext(filepath)[0]}_app_files"


def check_app_files(app_files, filepath, model, num_texts):
    """Raise a `ValueError` if the app files cannot be written.

    Args:
        app_files: The argument of `export_tflite()`.
        filepath: string. The exported file.
        model: The model to export.
        num_texts: int. The number of texts that the file takes, or zero for
            ids.
    """
    is_list = isinstance(app_files, (list, tuple))
    if app_files is not True and not (
        is_list and set(app_files) <= {*PROGRAMS}
    ):
        raise ValueError(
            f"`app_files` must be a bool, or a list of {list(PROGRAMS)}. "
            f"Received: app_files={app_files!r}"
        )
    if num_texts:
        raise ValueError(
            "`app_files` must be False for a file that takes text instead of "
            f"ids. Received: app_files={app_files!r} with `text_input`"
        )
    if getattr(model, "preprocessor", None) is None:
        raise ValueError(
            "`app_files` must be False for a model without a `preprocessor`, "
            "which defines how text becomes ids. Received: "
            f"app_files={app_files!r}"
        )
    folder = app_folder(filepath)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ValueError(
            f"`app_files` are written to the folder {folder!r}, but there is "
            f"a file with that name. Received: app_files={app_files!r}"
        )


def write_app_files(folder, runner, model, labels, report, languages=()):
    """Write the vocabulary, the labels, a contract and golden examples.

    Args:
        folder: string. The folder to write them to.
        runner: The `TFLiteModel` of the exported file.
        model: The exported model, which has a preprocessor.
        labels: List of strings or `None`. The names of the classes.
        report: The `ExportReport`.
        languages: List of keys of `PROGRAMS`. The languages of the tokenizers
            to write. Defaults to none.
    """
    tokenizer = model.preprocessor.tokenizer
    files = {VOCABULARY_FILE: file_of_lines(tokenizer.vocabulary)}
    if labels is not None:
        files[LABELS_FILE] = file_of_lines(labels)
    contract = _contract(runner, model, labels, report)
    golden = _golden(runner, model)
    for name, content in ((CONTRACT_FILE, contract), (GOLDEN_FILE, golden)):
        files[name] = json.dumps(content, ensure_ascii=False, indent=1)
    if languages:
        files[CHARACTERS_FILE] = json.dumps(
            describe_characters(contract["tokenizer"])
        )
    for language in languages:
        name = PROGRAMS[language]
        files[name] = program(name)
    for name, text in files.items():
        write_file(os.path.join(folder, name), text)


def program(name):
    """The code of a tokenizer.

    Args:
        name: string. The name of its file, one of the values of `PROGRAMS`.

    Returns:
        string.
    """
    folder = importlib.resources.files("keras_squeeze.export.phones")
    return (folder / name).read_text(encoding="utf-8")


def _contract(runner, model, labels, report):
    """Describe the inputs and outputs of the file, and its tokenizer."""
    preprocessor = model.preprocessor
    return {
        "file": os.path.basename(report.path),
        "size_bytes": report.size_bytes,
        "sha256": report.sha256,
        "task": type(model).__name__,
        "problem_type": getattr(model, "problem_type", None),
        "quantization": report.quantization or "float32",
        "signatures": [
            {
                "name": name,
                "sequence_length": length,
                "overlap": _overlap(preprocessor, length),
            }
            for length, name in runner.signatures.items()
        ],
        "inputs": [
            {
                "name": name,
                "shape": [1, "sequence_length"],
                "dtype": runner.inputs[name][1],
                "meaning": meaning,
            }
            for name, meaning in _MEANINGS.items()
        ],
        "outputs": [
            {
                "name": name,
                # For the longest of several sequence lengths.
                "shape": list(shape),
                "dtype": dtype,
                "add_up_to_one": name == "probabilities"
                and not getattr(model, "multi_label", False),
            }
            for name, (shape, dtype) in runner.outputs.items()
        ],
        "labels": labels or _names_of_classes(model),
        "threshold": getattr(model, "threshold", None),
        "background_class": getattr(model, "background_class", None),
        "tokenizer": describe_tokenizer(preprocessor.tokenizer),
        "packing": {
            "text": "[CLS] text [SEP]",
            "pair": "[CLS] first [SEP] second [SEP]",
            "truncation": preprocessor.truncate,
            "truncation_side": preprocessor.truncation_side,
        },
    }


def _overlap(preprocessor, length):
    """The tokens that windows of long texts share, or `None` for no windows."""
    if not isinstance(preprocessor, WindowedPreprocessor):
        return None
    with fixed_sequence_length(preprocessor, length):
        return preprocessor.overlap


def _names_of_classes(model):
    if getattr(model, "problem_type", None) == "regression":
        return None
    if not hasattr(model, "names_of_classes"):
        return None
    return list(model.names_of_classes())


def describe_tokenizer(tokenizer):
    """Describe how a tokenizer converts text to ids.

    Args:
        tokenizer: A `keras_squeeze.tokenizers.BertWordPieceTokenizer`.

    Returns:
        A dictionary that can be saved as JSON.
    """
    encoder = tokenizer.encoder_arguments()
    roles = {
        "padding": tokenizer.pad_token,
        "unknown": tokenizer.oov_token,
        "start": tokenizer.cls_token,
        "end": tokenizer.sep_token,
        "mask": tokenizer.mask_token,
    }
    return {
        "type": "WordPiece",
        "vocabulary": VOCABULARY_FILE,
        "vocabulary_size": len(tokenizer.vocabulary),
        "lowercase": tokenizer.lowercase,
        "strip_accents": encoder["strip_accents"],
        "split_on_chinese_characters": tokenizer.split_on_cjk,
        "start_of_continuing_pieces": tokenizer.suffix_indicator,
        "longest_word": MAX_CHARACTERS_PER_WORD,
        "splits_text_into_words": tokenizer.split,
        "special_tokens_in_text": tokenizer.special_tokens_in_strings,
        # Never split, and found before and after the text is lowercased.
        "kept_tokens": {
            "in_text": encoder["special_tokens"],
            "in_normalized_text": encoder["added_tokens"],
        },
        "roles": roles,
        "special_ids": {
            token: tokenizer.token_to_id(token) for token in roles.values()
        },
    }


def _golden(runner, model):
    """Texts with their ids and the outputs of the file."""
    texts = [(text,) for text in SENTENCES]
    batches = [list(SENTENCES)]
    if model.backbone.embeddings.num_segments > 1:
        texts += _PAIRS
        batches.append(tuple(map(list, zip(*_PAIRS, strict=True))))
    rows = []
    for length, signature in runner.signatures.items():
        with fixed_sequence_length(model.preprocessor, length):
            packed = [model.preprocessor.pack_texts(x) for x in batches]
        inputs = {
            key: np.concatenate([np.asarray(x[key]) for x in packed])
            for key in INPUTS.values()
        }
        for i, row_texts in enumerate(texts):
            row = {key: array[i : i + 1] for key, array in inputs.items()}
            outputs = runner.predict(row, sequence_length=length)
            if not isinstance(outputs, dict):
                outputs = dict.fromkeys(runner.outputs, outputs)
            rows.append(
                {
                    "texts": list(row_texts),
                    "signature": signature,
                    "inputs": {
                        name: row[key][0].tolist()
                        for name, key in INPUTS.items()
                    },
                    "outputs": {
                        name: array[0].tolist()
                        for name, array in outputs.items()
                        if array.size <= _MOST_VALUES
                    },
                    "largest_values_at": {
                        name: np.argmax(array[0], axis=-1).tolist()
                        for name, array in outputs.items()
                        if array.size > _MOST_VALUES
                    },
                }
            )
    return rows
