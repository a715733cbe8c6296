"""Reads files line by line, such as text files."""

import contextlib
import gzip
import io
import zlib

from keras_squeeze.scoring.blocks import Block
from keras_squeeze.scoring.blocks import reason_of_columns
from keras_squeeze.scoring.blocks import reason_of_texts
from keras_squeeze.scoring.storage import open_file

DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


class TextTable:
    """Base class of the files that are read line by line.

    Subclasses set `columns`, and `names`, the columns of every row, or `None`
    if each row has its own. They implement `records()`, which yields a tuple
    `(values, reason, content)` for each row: a dictionary, or `None` and why
    the row cannot be read, and the row as it is in the file.

    Args:
        path: string. The file.
        suffix: string. The extension without `.gz`.
        block_rows: int. The number of rows per block.
    """

    newline = "\n"

    def __init__(self, path, suffix, block_rows):
        self.path = path
        self.suffix = suffix
        self.block_rows = block_rows

    @contextlib.contextmanager
    def open(self):
        """Open the file from its start.

        Yields:
            A tuple of an iterator over its lines and a function that returns
            how many bytes of the file have been read. Bytes that are not UTF-8
            are surrogates in the lines, so that only their row is lost.
        """
        with open_file(self.path) as raw:
            data = raw
            if self.path.lower().endswith(".gz"):
                data = gzip.GzipFile(fileobj=raw)
            with io.TextIOWrapper(
                data,
                encoding="utf-8-sig",
                errors="surrogateescape",
                newline=self.newline,
            ) as lines:
                yield lines, raw.tell

    def check_texts(self, text_columns, num_texts):
        """Raise a `ValueError` if a text column cannot have texts."""

    def fix_columns(self):
        """Only read rows whose columns are among those of the first ones."""

    def blocks(self, file, text_columns, num_texts, reserved):
        """Read the blocks of the file.

        Args:
            file: int. The index of the file.
            text_columns: List of strings.
            num_texts: int. The number of the first of these that must have a
                text in each row.
            reserved: Names that the columns of a row may not have.

        Yields:
            A `Block`.
        """
        read = 0
        block = Block(file, 0, [], [[] for _ in text_columns], [], [])
        with self.open() as (lines, position):
            for number, record in enumerate(self._all_records(lines), start=1):
                values, reason, content = record
                reason = (
                    reason
                    or self._reason(values, reserved)
                    or reason_of_texts(map(values.get, text_columns), num_texts)
                )
                if reason:
                    block.rejected.append(
                        {"row": number, "reason": reason, "content": content}
                    )
                else:
                    block.rows.append(values)
                    block.numbers.append(number)
                    for texts, name in zip(
                        block.texts, text_columns, strict=True
                    ):
                        texts.append(values.get(name))
                if number % self.block_rows == 0:
                    block.size, read = position() - read, position()
                    yield block
                    block = Block(
                        file,
                        block.index + 1,
                        [],
                        [[] for _ in text_columns],
                        [],
                        [],
                    )
            if block.rows or block.rejected:
                block.size = position() - read
                yield block

    def _all_records(self, lines):
        try:
            yield from self.records(lines)
        except DAMAGED as e:
            reason = f"The rest of the file cannot be decompressed: {e}"
            yield None, reason, None

    def _reason(self, values, reserved):
        """Why a row with other columns cannot be scored, or `None`."""
        return reason_of_columns(values, reserved)


class LineTable(TextTable):
    """A text file with a text per line."""

    columns = names = ["text"]

    def records(self, lines):
        for line in lines:
            text = line.rstrip("\r\n")
            if not text.strip():
                continue
            if is_utf8(text):
                yield {"text": text}, None, line
            else:
                yield None, "is not in UTF-8", line


def is_utf8(text):
    """Whether a text has no bytes that are not UTF-8.

    Args:
        text: string. Such bytes are surrogates in it.

    Returns:
        bool.
    """
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
