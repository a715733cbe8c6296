"""Reads and writes CSV files, and reads TSV files."""

import collections
import csv

from keras_squeeze.datasets.tables import STYLES
from keras_squeeze.scoring.blocks import check_names
from keras_squeeze.scoring.blocks import text_or_none
from keras_squeeze.scoring.blocks import with_answers
from keras_squeeze.scoring.text_tables import TextTable
from keras_squeeze.scoring.text_tables import is_utf8

# An unclosed quote would otherwise take the rest of the file into memory.
_LONGEST_VALUE = 2**20


class CsvTable(TextTable):
    """A `.csv` or `.tsv` file that starts with the names of its columns."""

    # `csv` recognizes line endings itself, as values may have some.
    newline = ""

    def __init__(self, path, suffix, block_rows):
        super().__init__(path, suffix, block_rows)
        csv.field_size_limit(max(_LONGEST_VALUE, csv.field_size_limit()))
        with self.open() as (lines, _):
            try:
                rows = csv.reader(lines, **STYLES[suffix])
                header = next(row for row in rows if row)
            except StopIteration:
                raise ValueError(f"`{path}` is empty.") from None
            except csv.Error as e:
                raise ValueError(
                    f"`{path}` must start with the names of its columns: {e}"
                ) from e
        self.columns = [name.strip() for name in header]
        self.names = self.columns
        check_names(path, self.columns)

    def records(self, lines):
        lines = _Lines(lines)
        rows = csv.reader(lines, **STYLES[self.suffix])
        width = None
        while True:
            lines.taken.clear()
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as e:
                first, *others = lines.taken
                # After an unclosed quote, the other lines are whole rows.
                lines.again.extendleft(reversed(others))
                yield None, f"is not CSV: {e}", first
                continue
            if not row:
                continue
            if width is None:
                width = len(row)
                continue
            content = "".join(lines.taken)
            if not is_utf8(content):
                yield None, "is not in UTF-8", content
            elif len(row) != width:
                reason = f"has {len(row)} columns instead of {width}"
                yield None, reason, content
            else:
                yield dict(zip(self.columns, row, strict=True)), None, content


class _Lines:
    """An iterator over lines that can be taken again.

    Args:
        lines: Iterator of strings.

    Attributes:
        taken: List of the lines that were taken since it was last cleared.
        again: Deque of lines that come before the others.
    """

    def __init__(self, lines):
        self.lines = lines
        self.taken = []
        self.again = collections.deque()

    def __iter__(self):
        return self

    def __next__(self):
        line = self.again.popleft() if self.again else next(self.lines)
        self.taken.append(line)
        return line


def write_csv(path, rows, answers, names):
    """Write rows with their answers to a CSV file.

    Args:
        path: A `pathlib.Path`.
        rows: The `rows` of a `Block`.
        answers: Dictionary of arrays, the columns of the answers.
        names: List of strings, the columns of the rows.
    """
    columns = [*names, *answers]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in with_answers(rows, answers):
            writer.writerow([_cell(row.get(name)) for name in columns])


def _cell(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else text_or_none(value)
