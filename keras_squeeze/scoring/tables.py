"""Reads tables block by block, and writes blocks with their answers."""

import collections
import csv
import dataclasses
import gzip
import io
import json
import os
import pathlib
import zlib

import numpy as np

from keras_squeeze.datasets.tables import STYLES
from keras_squeeze.new_files import new_file

TEXT_SUFFIXES = (*STYLES, ".jsonl", ".txt")
PARQUET = ".parquet"
FORMATS = ("parquet", "jsonl", "csv")

# An unclosed quote would otherwise take the rest of the file into memory.
_LONGEST_VALUE = 2**20

_DAMAGED = (EOFError, gzip.BadGzipFile, zlib.error)


@dataclasses.dataclass
class Block:
    """Some consecutive rows of a file.

    Args:
        file: int. The index of the file.
        index: int. The index of the block in the file.
        rows: The rows that can be scored: a list of dictionaries, or for a
            Parquet file a `pyarrow.Table`.
        texts: List that has a list of strings for each text column.
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
        contents = _plain_rows(self.rows)
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


def open_table(path, block_rows):
    """Open a file of rows.

    Args:
        path: string. A `.parquet` file, or a `.csv`, `.tsv`, `.jsonl` or `.txt`
            file in UTF-8, which may be compressed by gzip, as `.csv.gz`.
        block_rows: int. The number of rows per block.

    Returns:
        A table with its `columns`, a list of strings; `blocks()`, and
        `check_texts()`.

    Raises:
        ValueError: If the file has no such format, or cannot be read.
        ImportError: If pyarrow is needed but missing.
    """
    suffix = table_suffix(path)
    if suffix == PARQUET:
        return _ParquetTable(path, block_rows)
    cls = {".jsonl": _JsonTable, ".txt": _LineTable}.get(suffix, _CsvTable)
    try:
        return cls(path, suffix, block_rows)
    except _DAMAGED as e:
        raise ValueError(f"`{path}` cannot be decompressed: {e}") from e


def table_suffix(path):
    """The extension that tells the format of a file, without `.gz`.

    Args:
        path: string.

    Returns:
        string.

    Raises:
        ValueError: If the extension is unknown.
    """
    name = pathlib.Path(path).name.lower()
    suffix = pathlib.Path(name.removesuffix(".gz")).suffix
    if suffix in TEXT_SUFFIXES or name.endswith(PARQUET):
        return suffix
    raise ValueError(
        f"An input file must be {PARQUET}, or one of "
        f"{', '.join(TEXT_SUFFIXES)}, which may also end in .gz. Received: "
        f"{path}"
    )


def check_pyarrow(purpose):
    """Raise an `ImportError` if pyarrow is missing.

    Args:
        purpose: string. What it is needed for.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as e:
        raise ImportError(
            f"{purpose} needs the package pyarrow: "
            "`pip install keras-squeeze[ray]`"
        ) from e


class _TextTable:
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

    def open(self):
        """Open the file from its start.

        Returns:
            A tuple of an iterator over its lines and a function that returns
            how many bytes of the file have been read. Bytes that are not UTF-8
            are surrogates in the lines, so that only their row is lost.
        """
        if self.path.lower().endswith(".gz"):
            data = gzip.GzipFile(self.path)
            raw = data.fileobj
        else:
            data = raw = open(self.path, "rb")
        lines = io.TextIOWrapper(
            data,
            encoding="utf-8-sig",
            errors="surrogateescape",
            newline=self.newline,
        )
        return lines, raw.tell

    def check_texts(self, text_columns):
        """Raise a `ValueError` if a text column cannot have texts."""

    def fix_columns(self):
        """Only read rows whose columns are among those of the first ones."""

    def blocks(self, file, text_columns, reserved):
        """Read the blocks of the file.

        Args:
            file: int. The index of the file.
            text_columns: List of strings.
            reserved: Names that the columns of a row may not have.

        Yields:
            A `Block`.
        """
        lines, position = self.open()
        read = 0
        block = Block(file, 0, [], [[] for _ in text_columns], [], [])
        with lines:
            for number, record in enumerate(self._all_records(lines), start=1):
                values, reason, content = record
                reason = reason or self._reason(values, text_columns, reserved)
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
                        texts.append(values[name])
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
        except _DAMAGED as e:
            reason = f"The rest of the file cannot be decompressed: {e}"
            yield None, reason, None

    def _reason(self, values, text_columns, reserved):
        """Why a row cannot be scored, or `None`."""
        taken = [name for name in reserved if name in values]
        if taken:
            return f"has the columns {taken} of the answers"
        return _reason_of_texts(values.get(name) for name in text_columns)


class _CsvTable(_TextTable):
    # `csv` recognizes line endings itself, as values may have some.
    newline = ""

    def __init__(self, path, suffix, block_rows):
        super().__init__(path, suffix, block_rows)
        csv.field_size_limit(max(_LONGEST_VALUE, csv.field_size_limit()))
        lines, _ = self.open()
        with lines:
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
        _check_names(path, self.columns)

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
            if not _is_utf8(content):
                yield None, "is not in UTF-8", content
            elif len(row) != width:
                reason = f"has {len(row)} columns instead of {width}"
                yield None, reason, content
            else:
                yield dict(zip(self.columns, row, strict=True)), None, content


class _JsonTable(_TextTable):
    def __init__(self, path, suffix, block_rows):
        super().__init__(path, suffix, block_rows)
        self.names = None
        lines, _ = self.open()
        columns = {}
        count = 0
        with lines:
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
            if not _is_utf8(line):
                yield None, "is not in UTF-8", line
                continue
            try:
                values = json.loads(line)
            except (ValueError, RecursionError) as e:
                yield None, f"is not JSON: {e}", line
                continue
            if not isinstance(values, dict):
                yield None, "is not a JSON object", line
            elif "\\u" in line and not _is_utf8(
                json.dumps(values, ensure_ascii=False)
            ):
                yield None, "has half of a surrogate pair", line
            else:
                yield values, None, line

    def _reason(self, values, text_columns, reserved):
        if self.names is not None:
            new = [name for name in values if name not in self.names]
            if new:
                return (
                    f"has the columns {new}, which the first rows lack; only "
                    "JSONL can keep them"
                )
        return super()._reason(values, text_columns, reserved)


class _LineTable(_TextTable):
    columns = names = ["text"]

    def records(self, lines):
        for line in lines:
            text = line.rstrip("\r\n")
            if not text.strip():
                continue
            if _is_utf8(text):
                yield {"text": text}, None, line
            else:
                yield None, "is not in UTF-8", line


class _ParquetTable:
    def __init__(self, path, block_rows):
        check_pyarrow("A Parquet file")
        import pyarrow
        import pyarrow.parquet

        self.path = path
        self.block_rows = block_rows
        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                self.schema = file.schema_arrow
        except (pyarrow.ArrowException, OSError) as e:
            raise ValueError(f"`{path}` is not a Parquet file: {e}") from e
        self.columns = self.names = self.schema.names
        _check_names(path, self.columns)

    def fix_columns(self):
        """Nothing to do: all rows have the same columns."""

    def check_texts(self, text_columns):
        from pyarrow import types

        for name in text_columns:
            kind = self.schema.field(name).type
            if types.is_dictionary(kind):
                kind = kind.value_type
            if not (types.is_string(kind) or types.is_large_string(kind)):
                raise ValueError(
                    f"The column {name!r} of `{self.path}` must have strings. "
                    f"Received: {kind}"
                )

    def blocks(self, file, text_columns, reserved):
        import pyarrow.parquet

        size = os.path.getsize(self.path)
        with pyarrow.parquet.ParquetFile(self.path) as source:
            count = source.metadata.num_rows
            first = 0
            for index, table in enumerate(self._tables(source)):
                block = Block(file, index, table, None, [], None)
                block.numbers = [first + i + 1 for i in range(len(table))]
                columns = [_strings(table.column(x)) for x in text_columns]
                reasons = {}
                for i, texts in enumerate(zip(*columns, strict=True)):
                    reason = _reason_of_texts(texts)
                    if reason:
                        reasons[i] = reason
                block.reject(reasons)
                block.texts = [
                    [x for i, x in enumerate(column) if i not in reasons]
                    for column in columns
                ]
                first += len(table)
                block.size = size * len(table) // count
                yield block

    def _tables(self, source):
        """Tables of exactly `block_rows` rows, whatever the row groups."""
        import pyarrow

        rest = self.schema.empty_table()
        for batch in source.iter_batches(batch_size=self.block_rows):
            rest = pyarrow.concat_tables(
                [rest, pyarrow.Table.from_batches([batch])]
            )
            while len(rest) >= self.block_rows:
                # A slice would keep all of its memory.
                yield rest.slice(0, self.block_rows)
                rest = rest.slice(self.block_rows)
        if len(rest):
            yield rest


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


def _strings(column):
    """The values of a column of strings, `False` for those not in UTF-8."""
    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return [_string_of(value) for value in column]


def _string_of(value):
    try:
        return value.as_py()
    except UnicodeDecodeError:
        return False


def _reason_of_texts(texts):
    """Why a row with these texts cannot be scored, or `None`."""
    for text in texts:
        if text is None:
            return "has no text"
        if text is False:
            return "is not in UTF-8"
        if not isinstance(text, str):
            return f"has a text that is not a string: {text!r:.80}"
        if not text.strip():
            return "has an empty text"
    return None


def _is_utf8(text):
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_names(path, names):
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ValueError(
            f"The columns of `{path}` must have different names. Received: "
            f"{twice} more than once"
        )


def write_part(path, block, answers, format, names):
    """Write the rows of a block with their answers.

    The file appears when it is complete, also if the machine loses power.

    Args:
        path: A `pathlib.Path`.
        block: The `Block`.
        answers: Dictionary of arrays, the columns of the answers.
        format: string. One of `FORMATS`.
        names: List of strings, the columns of the rows, or `None` if each row
            has its own.
    """
    write = {"parquet": _write_parquet, "jsonl": _write_jsonl}
    with new_file(path) as new:
        write.get(format, _write_csv)(new, block.rows, answers, names)
        _flush(new)


def write_rejected(path, block, source):
    """Write the rows of a block that cannot be scored.

    Args:
        path: A `pathlib.Path`. A `.jsonl` file.
        block: The `Block`.
        source: string. The file of the rows.
    """
    with new_file(path) as new:
        with open(new, "w", encoding="utf-8") as file:
            for row in block.rejected:
                # Escapes can represent bytes that are not UTF-8.
                line = json.dumps({"file": source, **row}, default=str)
                file.write(f"{line}\n")
        _flush(new)


def _flush(path):
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _write_jsonl(path, rows, answers, names):
    with open(path, "w", encoding="utf-8", newline="") as file:
        for row in _with_answers(rows, answers):
            file.write(json.dumps(row, ensure_ascii=False, default=str))
            file.write("\n")


def _write_csv(path, rows, answers, names):
    columns = [*names, *answers]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in _with_answers(rows, answers):
            writer.writerow([_cell(row.get(name)) for name in columns])


def _write_parquet(path, rows, answers, names):
    import pyarrow
    import pyarrow.parquet

    if isinstance(rows, list):
        # The rows of a later block may have values of other types.
        rows = pyarrow.table(
            {
                name: pyarrow.array(
                    [_text_or_none(row.get(name)) for row in rows],
                    pyarrow.string(),
                )
                for name in names
            }
        )
    for name, values in answers.items():
        rows = rows.append_column(name, _arrow_column(values))
    pyarrow.parquet.write_table(rows, path)


def _arrow_column(values):
    import pyarrow

    if values.ndim == 2:
        kind = pyarrow.list_(pyarrow.float32())
        return pyarrow.array(list(values), kind)
    if values.dtype == object:
        return pyarrow.array(values.tolist(), pyarrow.string())
    return pyarrow.array(values)


def _with_answers(rows, answers):
    """Yield the rows as dictionaries, with their answers."""
    columns = {
        name: np.asarray(values).tolist() for name, values in answers.items()
    }
    for i, row in enumerate(_plain_rows(rows)):
        yield {**row, **{name: values[i] for name, values in columns.items()}}


def _plain_rows(rows):
    return rows if isinstance(rows, list) else rows.to_pylist()


def _cell(value):
    if value is None:
        return ""
    return value if isinstance(value, str) else _text_or_none(value)


def _text_or_none(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float, list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
