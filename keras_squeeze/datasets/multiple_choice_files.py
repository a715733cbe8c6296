"""Reads multiple-choice samples from CSV, TSV and JSONL files."""

import re

import numpy as np

from keras_squeeze.datasets.samples import Samples
from keras_squeeze.datasets.samples import object_array
from keras_squeeze.datasets.tables import check_width
from keras_squeeze.datasets.tables import label_text
from keras_squeeze.datasets.tables import read_rows

PROMPT_COLUMNS = ("prompt", "question", "context", "premise", "sentence")
LABEL_COLUMNS = ("label", "labels", "answer", "target")
CHOICE_COLUMN = re.compile(r"(?:choice|option|ending|answer)[ _]?(\d+)")


def read_multiple_choice(path, column_names=None):
    """Read prompts, choices and labels from a CSV, TSV or JSONL file in UTF-8.

    A `.csv` file has commas between columns, and double quotes around values
    that contain commas. A `.tsv` file has tabs, and its quotes are part of the
    text. A `.jsonl` file has one JSON object per line, whose fields are the
    columns.

    The columns are identified by name: `prompt`, `question`, `context`,
    `premise` or `sentence`; `choice1`, `choice2` and so on, or the same with
    `option`, `ending` or `answer`; and `label`, `labels`, `answer` or `target`.
    Other columns are left out. If a row has fewer choices than others, its last
    choices are empty. In a `.jsonl` file, the choices may also be a list in the
    field `choices`.

    A label is the index of the correct choice, starting at 0, or its text. If
    all labels of a file are integers, they are indices.

    Args:
        path: string or path. The file.
        column_names: Optional list of strings. The names of all columns, for a
            file without a header.

    Returns:
        A `keras_squeeze.datasets.samples.Samples`. Its `x` is a dictionary of
        `"prompt"`, an array of strings, and `"choices"`, an array of lists of
        strings. Its `y` is an int32 array of indices.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not in this format.

    Example:

    ```python
    train = keras_squeeze.datasets.multiple_choice_files.read_multiple_choice(
        "copa.csv"
    )
    x, y = train.x, train.y
    ```
    """
    rows = read_rows(path)
    if column_names is not None:
        rows = [("`column_names`", column_names), *rows]
    check_width(rows)
    header = [name.strip().casefold() for name in rows[0][1]]
    rows = rows[1:]
    if not rows:
        raise ValueError(f"`{path}` has no rows after its header.")
    prompt = _column(path, header, PROMPT_COLUMNS)
    label = _column(path, header, LABEL_COLUMNS)
    is_list = "choices" in header
    columns = _choice_columns(path, header)
    choices, labels = [], []
    for place, row in rows:
        if not isinstance(row[prompt], str):
            raise ValueError(
                f"{place} must have a string as its {header[prompt]!r}. "
                f"Received: {row[prompt]!r}"
            )
        values = [row[i] for i in columns]
        choices.append(check_choices(place, values[0] if is_list else values))
        labels.append(label_text(place, row[label]))
    are_indices = _are_indices(labels, choices)
    for i, (place, _) in enumerate(rows):
        labels[i] = _index(place, labels[i], choices[i], are_indices)
    prompts = object_array([row[prompt] for _, row in rows])
    return Samples(
        {"prompt": prompts, "choices": object_array(choices)},
        np.array(labels, "int32"),
    )


def _column(path, header, names):
    for name in names:
        if name in header:
            return header.index(name)
    raise ValueError(
        f"`{path}` must have a column named {names[0]!r}. Received: {header}"
    )


def _choice_columns(path, header):
    if "choices" in header:
        return [header.index("choices")]
    matches = map(CHOICE_COLUMN.fullmatch, header)
    numbers = {i: int(m.group(1)) for i, m in enumerate(matches) if m}
    if not numbers:
        raise ValueError(
            f"`{path}` must have columns named 'choice1', 'choice2' and so "
            f"on. Received: {header}"
        )
    return sorted(numbers, key=numbers.get)


def check_choices(place, values):
    """Check the choices for a prompt, and leave out those that are missing.

    Args:
        place: string. Where they come from, for errors.
        values: List of strings. The last ones may be empty or `None`.

    Returns:
        A list of strings, the choices.

    Raises:
        ValueError: If there are no choices, or one is not a text.
    """
    if not isinstance(values, list):
        raise ValueError(
            f"{place} must have a list as its 'choices'. Received: {values!r}"
        )
    # Unused choice columns are empty.
    while values and values[-1] in ("", None):
        values = values[:-1]
    wrong = [x for x in values if not isinstance(x, str) or not x.strip()]
    if wrong or not values:
        raise ValueError(
            f"{place} must have at least one choice, and no empty choice "
            f"before another. Received: {values}"
        )
    return values


def _are_indices(labels, choices):
    if all(re.fullmatch(r"-?\d+", label) for label in labels):
        return True
    # Data frames convert a column with missing numbers to floats.
    is_whole = all(re.fullmatch(r"-?\d+\.0", label) for label in labels)
    pairs = zip(labels, choices, strict=True)
    return is_whole and not all(label in row for label, row in pairs)


def _index(place, label, choices, is_index):
    if is_index and 0 <= float(label) < len(choices):
        return int(float(label))
    if not is_index and label in choices:
        return choices.index(label)
    expected = "the text of one of its choices"
    if is_index:
        expected = f"an index from 0 to {len(choices) - 1}"
    raise ValueError(
        f"{place} must have {expected} as its label. Received: {label!r}"
    )
