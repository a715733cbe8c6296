"""Reads labeled words from CoNLL files."""

import re

import numpy as np

from keras_squeeze.datasets.utf8 import read_utf8

_COMMENT = re.compile(r"# +\S|#(?:begin|end) document\b")
_PREFIXED = re.compile(r"[BIELSU]-.")


def read_conll(path, word_column=0, label_column=-1):
    """Read sentences of labeled words from a CoNLL file in UTF-8.

    The file has one line per word. Blank lines, with only spaces and tabs,
    separate sentences. Columns are separated by tabs if the first line of words
    contains a tab, and by spaces otherwise. All lines have the same number of
    columns. Lines that start with `-DOCSTART-`, which begin a document in
    CoNLL-2003, are left out.

    Comments before a sentence are also left out. A line that starts with `#`
    and a space, such as `# id 7 domain=news`, or with `#begin document` or
    `#end document`, is a comment if it has a different number of columns than
    the lines of words, or if its label does not occur in those lines and has no
    prefix such as `B-`. In a line such as `# O`, `#` is a word.

    Args:
        path: string or path. The file.
        word_column: int. The index of the column of the words. Defaults to
            `0`.
        label_column: int. The index of the column of the labels. Defaults to
            `-1`, the last.

    Returns:
        A tuple `(x, y)` of arrays of shape `(num_sentences,)`: one list of
        words and one list of labels per sentence, as token classifiers take
        them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not in this format.

    Example:

    ```python
    x, y = keras_squeeze.datasets.conll.read_conll("train.conll")
    class_names = keras_squeeze.datasets.conll.class_names(y)
    ```
    """
    sentences = [[]]
    num_columns = None
    for number, line, columns in _columns(read_utf8(path), label_column):
        if columns is None:
            if sentences[-1]:
                sentences.append([])
            continue
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
                f"{max(num_columns, 2)} columns. Received: {line!r}"
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


def _columns(text, label_column):
    """Yield the number, the text and the columns of each line.

    Comments are left out. A line between two sentences has `None` as columns.
    """
    lines, is_before = [], True
    # Do not use `splitlines()` or `strip()`: a word may consist of one of the
    # rarer line separators or spaces.
    for line in text.split("\n"):
        is_border = not line.strip(" \t") or line.startswith("-DOCSTART-")
        may_be_comment = is_before and _COMMENT.match(line) is not None
        is_before = is_border or may_be_comment
        lines.append((line.strip(" "), is_border, may_be_comment))
    words = [line for line, *others in lines if not any(others)]
    # If all lines look like comments, they determine the columns.
    others = [line for line, is_border, _ in lines if not is_border]
    first = next(iter(words or others), "")
    separator = re.compile(r"\t" if "\t" in first else " +")

    def split(line):
        return [part.strip(" ") for part in separator.split(line)]

    width = len(split(first))
    has_label = -width <= label_column < width
    rows = [row for row in map(split, words) if len(row) == width]
    labels = {"O", *(row[label_column] for row in rows if has_label)}

    def is_comment(columns):
        if len(columns) != width or not has_label:
            return True
        label = columns[label_column]
        return label not in labels and not _PREFIXED.match(label)

    is_before = True
    for number, (line, is_border, may_be_comment) in enumerate(lines, start=1):
        columns = None if is_border else split(line)
        if is_before and may_be_comment and is_comment(columns):
            continue
        is_before = is_border
        yield number, line, columns


def class_names(labels):
    """List the distinct labels in the order of their class ids.

    Args:
        labels: List or array of lists of strings, as returned by
            `read_conll()`.

    Returns:
        A list of strings: `"O"` first, if present, then the other labels sorted
        so that labels with the same name after `"B-"`, `"I-"` and so on are
        adjacent.
    """
    found = {label for row in labels for label in row}

    def order(label):
        prefix, dash, name = label.partition("-")
        return label != "O", name if dash else label, label

    return sorted(found, key=order)
