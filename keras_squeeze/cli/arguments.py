"""Arguments that several commands have, and checks of their values."""

import argparse
import os
import pathlib


def positive_int(text):
    """The type of arguments that are counts."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"must be a positive integer, not {text!r}"
        )
    return value


def positive_ints(text):
    """The type of arguments that are one count or, with commas, several."""
    return [positive_int(part) for part in text.split(",")]


def positive_float(text):
    """The type of arguments that are rates."""
    return _float(text, "a positive number", lambda x: 0 < x < float("inf"))


def share(text):
    """The type of arguments that are parts of a whole."""
    return _float(text, "a number from 0 to 1", lambda x: 0 <= x <= 1)


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
        help="the preset, as `finetune` and `quickstart` write it",
    )


def add_column_arguments(parser):
    """Add the arguments of how a table of labelled texts is read.

    Args:
        parser: The `argparse.ArgumentParser`.
    """
    parser.add_argument(
        "--text-column",
        action="append",
        metavar="NAME",
        help="the column of the texts, if its name is another; twice for pairs",
    )
    parser.add_argument(
        "--label-column",
        metavar="NAME",
        help="the column of the labels, if its name is another",
    )
    parser.add_argument(
        "--label-separator",
        metavar="TEXT",
        help="what stands between the labels of a text that has several",
    )


def add_training_arguments(parser, epochs, learning_rate, sequence_length):
    """Add the arguments of a fine-tuning.

    Args:
        parser: The `argparse.ArgumentParser`.
        epochs: int. A default.
        learning_rate: float. A default.
        sequence_length: int. A default, or `None` for that of the task.
    """
    parser.add_argument(
        "--epochs",
        type=positive_int,
        default=epochs,
        metavar="N",
        help="how often to go through the training data (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size",
        type=positive_int,
        default=32,
        metavar="N",
        help="how many texts to train on at once (default: %(default)s)",
    )
    parser.add_argument(
        "--learning-rate",
        type=positive_float,
        default=learning_rate,
        metavar="RATE",
        help="the highest learning rate, from which it falls to zero; the "
        "tiny presets want about 5e-4 (default: %(default)s)",
    )
    parser.add_argument(
        "--sequence-length",
        type=positive_int,
        default=sequence_length,
        metavar="N",
        help="how many tokens of a text to use (default: "
        f"{sequence_length or 'that of the task'})",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="what the random numbers start from (default: %(default)s)",
    )


def check_output_folder(path, overwrite=False):
    """Check that a preset can be written, before the work for it is done.

    Args:
        path: string. The folder.
        overwrite: bool. Whether the folder may be a preset, which will be
            replaced. Another folder with something in it never may.

    Returns:
        A `pathlib.Path`, absolute. Its parent folder exists.

    Raises:
        FileExistsError: If there is something that must stay.
        PermissionError: If the folder cannot be made.
    """
    path = pathlib.Path(path).resolve()
    if path.is_dir() and (path / "config.json").exists():
        if not overwrite:
            raise FileExistsError(
                f"There is a preset in `{path}` already. Give another folder, "
                "or --overwrite to replace it."
            )
    elif path.exists() and (path.is_file() or any(path.iterdir())):
        raise FileExistsError(
            f"`{path}` is neither new nor empty nor a preset, and is not "
            "written over. Give another folder."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"`{path.parent}` is not writable.")
    return path


def check_output_file(path, *suffixes):
    """Check that a file can be written, before the work for it is done.

    Args:
        path: string. The file.
        *suffixes: strings. The endings that its name may have.

    Raises:
        ValueError: If its name has another ending.
        FileNotFoundError: If the folder for it does not exist.
        PermissionError: If the file cannot be written.
    """
    path = pathlib.Path(path).resolve()
    if path.suffix not in suffixes:
        raise ValueError(f"`{path}` must end in {' or '.join(suffixes)}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"`{path.parent}` is not a folder.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"`{path}` is not writable.")
