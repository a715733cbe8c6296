"""Reads the rows of CSV, TSV and JSONL files."""

import csv
import io
import json
import math
import pathlib

from keras_squeeze.datasets.utf8 import read_utf8

SUFFIXES = (".csv", ".tsv", ".jsonl")

# The arguments of `csv.reader()`.
STYLES = {
    ".csv": {"delimiter": ",", "strict": True},
    ".tsv": {"delimiter": "\t", "quoting": csv.QUOTE_NONE},
}


def read_rows(path):
    """Read a table in UTF-8.

    A `.csv` file has commas between columns, and double quotes around values
    that contain commas. A `.tsv` file has tabs, and its quotes are part of the
    text. A `.jsonl` file has one JSON object per line, whose fields are the
    columns. Fields may be missing, and their values may be of any JSON type.

    Args:
        path: string or path. The file.

    Returns:
        A list of tuples `(place, values)` for the rows that are not empty: the
        position of the row for errors, and the list of its values. For a JSONL
        file, the first row has the names of the fields. For other files, the
        first row may be a header.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is empty, or not in this format.
    """
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            "A data file must be a `.csv`, `.tsv` or `.jsonl` file. "
            f"Received: {path}"
        )
    text = read_utf8(path)
    if suffix == ".jsonl":
        rows = _json_rows(path, text)
    else:
        rows = _csv_rows(path, text, **STYLES[suffix])
    if not rows:
        raise ValueError(f"`{path}` is empty.")
    return rows


def is_json(path):
    """Whether a file has JSON objects, which include column names.

    Args:
        path: string or path. The file.

    Returns:
        bool.
    """
    return pathlib.Path(path).suffix.lower() == ".jsonl"


def check_width(rows):
    """Raise a `ValueError` unless all rows have as many values as the first.

    rows: The result of `read_rows()`.
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
    """Convert the label of a row to a string.

    Args:
        place: string. The position of the row for errors.
        value: A value returned by `read_rows()`.

    Returns:
        A string without surrounding white space.

    Raises:
        ValueError: If the label is missing, or is neither a string nor a
            number.
    """
    is_missing = value is None or value != value
    if is_missing or (isinstance(value, str) and not value.strip()):
        raise ValueError(f"{place} has no label.")
    if isinstance(value, (bool, int, float)) and abs(value) < math.inf:
        # Format numbers and booleans of a JSON file as in the file.
        value = json.dumps(value)
    if not isinstance(value, str):
        raise ValueError(
            f"{place} must have a string or a number as its label. Received: "
            f"{value!r}"
        )
    return value.strip()


def _csv_rows(path, text, **style):
    # `csv` rejects longer values, as a guard against unclosed quotes.
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    reader = csv.reader(io.StringIO(text, newline=""), **style)
    try:
        return [(_place(path, reader.line_num), row) for row in reader if row]
    except csv.Error as e:
        raise ValueError(f"{_place(path, reader.line_num)}: {e}.") from e


def _json_rows(path, text):
    objects = []
    # Do not use `splitlines()`: JSON strings may contain other line separators.
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
