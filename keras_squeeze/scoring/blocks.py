"""Blocks of rows, and which of their rows can be scored."""

import dataclasses
import json

import numpy as np


@dataclasses.dataclass
class Block:
    """Some consecutive rows of a file.

    Args:
        file: int. The index of the file.
        index: int. The index of the block in the file.
        rows: The rows that can be scored: a list of dictionaries, or for a
            Parquet file a `pyarrow.Table`.
        texts: List that has a list for each text column, of strings or of
            choices.
        rejected: List of dictionaries, the rows that cannot be scored, with
            their number `"row"` in the file, counted from 1, the `"reason"`,
            and their `"content"`.
        numbers: List of ints. The numbers of the rows that can be scored.
        size: int. How many bytes of the file were read for this block.
    """

    file: int
    index: int
    rows: object
    texts: list
    rejected: list
    numbers: list
    size: int = 0

    @property
    def name(self):
        """string. The name of its output, without an extension."""
        return f"part-{self.file:05d}-{self.index:05d}"

    def reject(self, reasons):
        """Move rows to those that cannot be scored.

        Args:
            reasons: Dictionary of strings, by the index of the row in `rows`.
        """
        if not reasons:
            return
        contents = plain_rows(self.rows)
        for i, reason in reasons.items():
            self.rejected.append(
                {
                    "row": self.numbers[i],
                    "reason": reason,
                    "content": contents[i],
                }
            )
        self.rejected.sort(key=lambda row: row["row"])
        kept = [i for i in range(len(self.numbers)) if i not in reasons]
        if isinstance(self.rows, list):
            self.rows = [self.rows[i] for i in kept]
        else:
            self.rows = self.rows.take(kept)
        self.numbers = [self.numbers[i] for i in kept]


def reason_of_texts(texts, num_texts):
    """Why a row with these texts cannot be scored, or `None`.

    Args:
        texts: Values of the text columns. `False` is for bytes that are not
            UTF-8.
        num_texts: int. The number of the first columns that must have a text.
    """
    for i, text in enumerate(texts):
        if text is False:
            return "is not in UTF-8"
        if i >= num_texts:
            continue
        if text is None:
            return "has no text"
        if not isinstance(text, str):
            return f"has a text that is not a string: {text!r:.80}"
        if not text.strip():
            return "has an empty text"
    return None


def reason_of_columns(names, reserved):
    """Why a row with these columns cannot be scored, or `None`.

    Args:
        names: The columns.
        reserved: List of strings, the columns of the answers.
    """
    taken = [name for name in reserved if name in names]
    return f"has the columns {taken} of the answers" if taken else None


def check_names(path, names):
    """Raise a `ValueError` if columns of a file have the same name.

    Args:
        path: string. The file.
        names: List of strings.
    """
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ValueError(
            f"The columns of `{path}` must have different names. Received: "
            f"{twice} more than once"
        )


def plain_rows(rows):
    """The rows of a block as a list of dictionaries.

    Args:
        rows: The `rows` of a `Block`.

    Returns:
        A list of dictionaries.
    """
    return rows if isinstance(rows, list) else rows.to_pylist()


def with_answers(rows, answers):
    """Yield the rows of a block as dictionaries, with their answers.

    Args:
        rows: The `rows` of a `Block`.
        answers: Dictionary of arrays, the columns of the answers.
    """
    columns = {
        name: np.asarray(values).tolist() for name, values in answers.items()
    }
    for i, row in enumerate(plain_rows(rows)):
        yield {**row, **{name: values[i] for name, values in columns.items()}}


def text_or_none(value):
    """A value as text, for formats that have no types.

    Args:
        value: The value of a column.

    Returns:
        string, or `None` for `None`.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float, list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
