"""Reads and writes JSONL files."""

import json

from keras_squeeze.scoring.blocks import with_answers
from keras_squeeze.scoring.text_tables import TextTable
from keras_squeeze.scoring.text_tables import is_utf8


class JsonTable(TextTable):
    """A `.jsonl` file that has a JSON object per line."""

    def __init__(self, path, suffix, block_rows):
        super().__init__(path, suffix, block_rows)
        self.names = None
        columns = {}
        count = 0
        with self.open() as (lines, _):
            for values, _, _ in self.records(lines):
                columns.update(dict.fromkeys(values or ()))
                count += 1
                if count == block_rows:
                    break
        if count and not columns:
            raise ValueError(
                f"The first {count} rows of `{path}` are not JSON objects."
            )
        self.columns = list(columns) if count else None

    def fix_columns(self):
        self.names = self.columns

    def records(self, lines):
        for line in lines:
            if not line.strip():
                continue
            if not is_utf8(line):
                yield None, "is not in UTF-8", line
                continue
            try:
                values = json.loads(line)
            except (ValueError, RecursionError) as e:
                yield None, f"is not JSON: {e}", line
                continue
            if not isinstance(values, dict):
                yield None, "is not a JSON object", line
            elif "\\u" in line and not is_utf8(
                json.dumps(values, ensure_ascii=False)
            ):
                yield None, "has half of a surrogate pair", line
            else:
                yield values, None, line

    def _reason(self, values, reserved):
        if self.names is not None:
            new = [name for name in values if name not in self.names]
            if new:
                return (
                    f"has the columns {new}, which the first rows lack; only "
                    "JSONL can keep them"
                )
        return super()._reason(values, reserved)


def write_jsonl(path, rows, answers, names):
    """Write rows with their answers to a JSONL file.

    Args:
        path: A `pathlib.Path`.
        rows: The `rows` of a `Block`.
        answers: Dictionary of arrays, the columns of the answers.
        names: Not used, as each row has its own columns.
    """
    with open(path, "w", encoding="utf-8", newline="") as file:
        for row in with_answers(rows, answers):
            file.write(json.dumps(row, ensure_ascii=False, default=str))
            file.write("\n")
