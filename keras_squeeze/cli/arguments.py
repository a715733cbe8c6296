"""Adds arguments that several commands share, and checks their values."""

import argparse
import os
import pathlib


def positive_int(text):
    """Argument type for counts."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"must be a positive integer, not {text!r}"
        )
    return value


def positive_ints(text):
    """Argument type for one count or several, separated by commas."""
    return [positive_int(part) for part in text.split(",")]


def positive_float(text):
    """Argument type for rates."""
    return _float(text, "a positive number", lambda x: 0 < x < float("inf"))


def share(text):
    """Argument type for fractions."""
    return _float(text, "a number from 0 to 1", lambda x: 0 <= x <= 1)


def share_below_one(text):
    """Argument type for fractions that are not everything."""
    return _float(text, "a number from 0 to below 1", lambda x: 0 <= x < 1)


def _float(text, expected, is_expected):
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not is_expected(value):
        raise argparse.ArgumentTypeError(f"must be {expected}, not {text!r}")
    return value


def add_preset_argument(parser):
    """Add the argument for the preset of a task.

    Args:
        parser: The `argparse.ArgumentParser`.
    """
    parser.add_argument(
        "--preset",
        required=True,
        metavar="DIR",
        help="the preset, as written by `finetune` or `quickstart`",
    )


def add_column_arguments(parser):
    """Add the arguments for reading a table of labelled texts.

    Args:
        parser: The `argparse.ArgumentParser`.
    """
    parser.add_argument(
        "--text-column",
        action="append",
        metavar="NAME",
        help="the text column, if it has another name; give it twice for pairs",
    )
    parser.add_argument(
        "--label-column",
        metavar="NAME",
        help="the label column, if it has another name",
    )
    parser.add_argument(
        "--label-separator",
        metavar="TEXT",
        help="the separator between the labels of a text with several labels",
    )


def add_count(parser, name, default, help):
    """Add an argument that is a positive integer.

    Args:
        parser: The `argparse.ArgumentParser`.
        name: string. The name, which starts with `--`.
        default: int.
        help: string. What it counts, without the default.
    """
    parser.add_argument(
        name,
        type=positive_int,
        default=default,
        metavar="N",
        help=f"{help} (default: %(default)s)",
    )


def add_training_arguments(parser, epochs, learning_rate, sequence_length):
    """Add the arguments of a training run.

    Args:
        parser: The `argparse.ArgumentParser`.
        epochs: int. The default of `--epochs`.
        learning_rate: float. The default of `--learning-rate`.
        sequence_length: int. The default of `--sequence-length`, or `None` for
            that of the task.
    """
    add_count(
        parser, "--epochs", epochs, "number of passes over the training data"
    )
    add_count(parser, "--batch-size", 32, "number of texts per batch")
    parser.add_argument(
        "--learning-rate",
        type=positive_float,
        default=learning_rate,
        metavar="RATE",
        help="the highest learning rate, which then decays to zero; the tiny "
        "presets need about 5e-4 (default: %(default)s)",
    )
    parser.add_argument(
        "--sequence-length",
        type=positive_int,
        default=sequence_length,
        metavar="N",
        help="maximum number of tokens per text (default: "
        f"{sequence_length or 'that of the task'})",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="the seed of the random numbers (default: %(default)s)",
    )


def check_output_folder(
    path, overwrite=False, first_file="config.json", kind="preset"
):
    """Check that a folder can be written, before any work is done.

    Args:
        path: string. The folder.
        overwrite: bool. Whether an existing preset may be replaced. Other
            folders must be empty. Defaults to `False`.
        first_file: string. The file by which what may be replaced is
            recognized. Defaults to that of a preset.
        kind: string. What is written, for errors. Defaults to `"preset"`.

    Returns:
        A `pathlib.Path`, absolute. Its parent folder is created.

    Raises:
        FileExistsError: If the folder has contents that must be kept.
        PermissionError: If the folder cannot be created.
    """
    path = pathlib.Path(path).resolve()
    if path.is_dir() and (path / first_file).exists():
        if not overwrite:
            raise FileExistsError(
                f"`{path}` already has a {kind}. Choose another folder, or use "
                "--overwrite to replace it."
            )
    elif path.exists() and (path.is_file() or any(path.iterdir())):
        raise FileExistsError(
            f"`{path}` is not empty and has no {kind}, so it is not replaced. "
            "Choose another folder."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"`{path.parent}` is not writable.")
    return path


def check_output_file(path, *suffixes):
    """Check that a file can be written, before any work is done.

    Args:
        path: string. The file.
        *suffixes: strings. The allowed extensions.

    Raises:
        ValueError: If the file has another extension.
        FileNotFoundError: If its folder does not exist.
        PermissionError: If the file cannot be written.
    """
    path = pathlib.Path(path).resolve()
    if path.suffix not in suffixes:
        raise ValueError(f"`{path}` must end in {' or '.join(suffixes)}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"`{path.parent}` is not a folder.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"`{path}` is not writable.")
