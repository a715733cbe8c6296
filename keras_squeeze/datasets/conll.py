"""Reads labelled words from CoNLL files."""

import pathlib
import re

import numpy as np


def read_conll(path, word_column=0, label_column=-1):
    """Read sentences whose words have labels from a CoNLL file in UTF-8.

    Such a file has a line for each word, and a line with nothing but spaces
    and tabs after each sentence. The columns of a line are separated by tabs,
    or if the first line has none by spaces. All lines have the same number of
    columns. Lines that start with `-DOCSTART-`, which begin a
    document in CoNLL-2003, are left out.

    Args:
        path: string or path. The file.
        word_column: int. The index of the column of the words. Defaults to
            `0`.
        label_column: int. The index of the column of the labels. Defaults to
            `-1`, the last.

    Returns:
        A tuple `(x, y)` of arrays of shape `(num_sentences,)`: a list of words
        and a list of labels for each sentence, as token classifiers take them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not what is described above.

    Example:

    ```python
    x, y = keras_squeeze.datasets.conll.read_conll("train.conll")
    class_names = keras_squeeze.datasets.conll.class_names(y)
    ```
    """
    path = pathlib.Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as e:
        raise ValueError(f"`{path}` must be in UTF-8: {e}") from e
    sentences = [[]]
    separator = num_columns = None
    # Not `splitlines()`, and no other white space than this: a word may be
    # one of the rarer line separators or spaces.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip(" \t\r") or line.startswith("-DOCSTART-"):
            if sentences[-1]:
                sentences.append([])
            continue
        if num_columns is None:
            separator = r"\t" if "\t" in line else " +"
        columns = [
            part.strip(" \r") for part in re.split(separator, line.strip(" \r"))
        ]
        if num_columns is None:
            num_columns = len(columns)
            for name, index in (
                ("word_column", word_column),
                ("label_column", label_column),
            ):
                if not -num_columns <= index < num_columns:
                    raise ValueError(
                        f"`{path}` has no column {index}: line {number} has "
                        f"{num_columns} columns. Received: {name}={index}"
                    )
        if num_columns < 2 or len(columns) != num_columns:
            raise ValueError(
                f"Line {number} of `{path}` must have a word and a label, in "
                f"{max(num_columns, 2)} columns. Received: {line.strip()!r}"
            )
        word, label = columns[word_column], columns[label_column]
        if not word or not label:
            missing = "label" if word else "word"
            raise ValueError(f"Line {number} of `{path}` has no {missing}.")
        sentences[-1].append((word, label))
    if not sentences[-1]:
        sentences.pop()
    if not sentences:
        raise ValueError(f"`{path}` has no words.")
    return tuple(
        np.fromiter(
            ([word[i] for word in sentence] for sentence in sentences),
            "object",
            len(sentences),
        )
        for i in (0, 1)
    )


def class_names(labels):
    """The distinct labels, in the order of the class ids to give them.

    Args:
        labels: List or array of lists of strings, as `read_conll()` gives
            them.

    Returns:
        A list of strings: `"O"` first, if it is there, then those with the
        same name behind `"B-"`, `"I-"` and so on together.
    """
    found = {label for row in labels for label in row}

    def order(label):
        prefix, dash, name = label.partition("-")
        return label != "O", name if dash else label, label

    return sorted(found, key=order)
