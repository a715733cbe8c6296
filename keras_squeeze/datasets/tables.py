"""Reads the rows of CSV, TSV and JSONL files."""

import csv
import io
import json
import math
import pathlib

from keras_squeeze.datasets.utf8 import read_utf8

SUFFIXES = (".csv", ".tsv", ".jsonl")


def read_rows(path):
    """Read a table in UTF-8.

    A `.csv` file has commas between its columns, and double quotes around the
    values that contain commas. A `.tsv` file has tabs, and its quotes are
    part of the text. A `.jsonl` file has a JSON object a line, whose fields
    are the columns; they may be missing, and their values are what JSON has.

    Args:
        path: string or path. The file.

    Returns:
        A list of tuples `(place, values)` for the rows that are not empty:
        where the row is, for messages, and the list of its values. The first
        of a JSONL file has the names of the fields, which a first row of the
        others may have.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is empty, or not what is described above.
    """
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            "A file of texts must be a `.csv`, `.tsv` or `.jsonl` file. "
            f"Received: {path}"
        )
    text = read_utf8(path)
    if suffix == ".jsonl":
        rows = _json_rows(path, text)
    elif suffix == ".csv":
        rows = _csv_rows(path, text, delimiter=",", strict=True)
    else:
        rows = _csv_rows(path, text, delimiter="\t", quoting=csv.QUOTE_NONE)
    if not rows:
        raise ValueError(f"`{path}` is empty.")
    return rows


def is_json(path):
    """Whether a file has JSON objects, and names of columns with them.

    Args:
        path: string or path. The file.

    Returns:
        bool.
    """
    return pathlib.Path(path).suffix.lower() == ".jsonl"


def check_width(rows):
    """Raise a `ValueError` unless all rows have as many values as the first.

    Args:
        rows: What `read_rows()` returns.
    """
    first, header = rows[0]
    for place, values in rows:
        if len(values) != len(header):
            raise ValueError(
                f"{place} must have {len(header)} columns like {first}. "
                f"Received: {len(values)} columns"
            )


def label_text(place, value):
    """The label of a row as a string.

    Args:
        place: string. Where the row is, for messages.
        value: What `read_rows()` gave.

    Returns:
        A string without white space around it.

    Raises:
        ValueError: If there is no label, or one that is neither a string nor
            a number.
    """
    is_missing = value is None or value != value
    if is_missing or (isinstance(value, str) and not value.strip()):
        raise ValueError(f"{place} has no label.")
    if isinstance(value, (bool, int, float)) and abs(value) < math.inf:
        # A number or a truth value of a JSON file, as it is written there.
        value = json.dumps(value)
    if not isinstance(value, str):
        raise ValueError(
            f"{place} must have a string or a number for its label. Received: "
            f"{value!r}"
        )
    return value.strip()


def _csv_rows(path, text, **style):
    # `csv` refuses longer values, as a guard against a quote left open.
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    reader = csv.reader(io.StringIO(text, newline=""), **style)
    try:
        return [(_place(path, reader.line_num), row) for row in reader if row]
    except csv.Error as e:
        raise ValueError(f"{_place(path, reader.line_num)}: {e}.") from e


def _json_rows(path, text):
    objects = []
    # Not `splitlines()`: JSON leaves other line separators in its strings.
    for line, part in enumerate(text.split("\n"), start=1):
        if not part.strip():
            continue
        try:
            fields = json.loads(part)
        except json.JSONDecodeError as e:
            raise ValueError(f"{_place(path, line)} is not JSON: {e}.") from e
        if not isinstance(fields, dict):
            raise ValueError(
                f"{_place(path, line)} must be a JSON object, like "
                f'{{"text": "Hi", "label": "ham"}}. Received: {part[:80]}'
            )
        objects.append((_place(path, line), fields))
    names = list(dict.fromkeys(name for _, row in objects for name in row))
    rows = [
        (place, [row.get(name) for name in names]) for place, row in objects
    ]
    return [(f"the fields of `{path}`", names), *rows] if rows else []


def _place(path, line):
    return f"Line {line} of `{path}`"
