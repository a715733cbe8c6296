"""Reads and writes Parquet files."""

from keras_squeeze.scoring.blocks import Block
from keras_squeeze.scoring.blocks import check_names
from keras_squeeze.scoring.blocks import reason_of_texts
from keras_squeeze.scoring.blocks import text_or_none
from keras_squeeze.scoring.storage import open_file
from keras_squeeze.scoring.storage import size_of

PARQUET = ".parquet"


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


class ParquetTable:
    """A `.parquet` file.

    Args:
        path: string. The file.
        suffix: string. Its extension.
        block_rows: int. The number of rows per block.
    """

    def __init__(self, path, suffix, block_rows):
        check_pyarrow("A Parquet file")
        import pyarrow
        import pyarrow.parquet

        self.path = path
        self.block_rows = block_rows
        try:
            with open_file(path) as file:
                self.schema = pyarrow.parquet.read_schema(file)
        except (pyarrow.ArrowException, OSError) as e:
            raise ValueError(f"`{path}` is not a Parquet file: {e}") from e
        self.columns = self.names = self.schema.names
        check_names(path, self.columns)

    def fix_columns(self):
        """Nothing to do: all rows have the same columns."""

    def check_texts(self, text_columns, num_texts):
        """Raise a `ValueError` if a text column cannot have texts.

        Args:
            text_columns: List of strings.
            num_texts: int. The number of the first of these that must have
                texts. The others may also have lists of texts.
        """
        from pyarrow import types

        for i, name in enumerate(text_columns):
            kind = self.schema.field(name).type
            expected = "strings"
            if i >= num_texts:
                expected = "strings or lists of strings"
                if types.is_list(kind) or types.is_large_list(kind):
                    kind = kind.value_type
            if types.is_dictionary(kind):
                kind = kind.value_type
            if not (types.is_string(kind) or types.is_large_string(kind)):
                raise ValueError(
                    f"The column {name!r} of `{self.path}` must have "
                    f"{expected}. Received: {self.schema.field(name).type}"
                )

    def blocks(self, file, text_columns, num_texts, reserved):
        """Read the blocks of the file, as `TextTable.blocks()` does."""
        import pyarrow.parquet

        size = size_of(self.path)
        with open_file(self.path) as source:
            source = pyarrow.parquet.ParquetFile(source)
            count = source.metadata.num_rows
            first = 0
            for index, table in enumerate(self._tables(source)):
                block = Block(file, index, table, None, [], None)
                block.numbers = [first + i + 1 for i in range(len(table))]
                columns = [_strings(table.column(x)) for x in text_columns]
                reasons = {}
                for i, texts in enumerate(zip(*columns, strict=True)):
                    reason = reason_of_texts(texts, num_texts)
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


def write_parquet(path, rows, answers, names):
    """Write rows with their answers to a Parquet file.

    Args:
        path: A `pathlib.Path`.
        rows: The `rows` of a `Block`.
        answers: Dictionary of arrays, the columns of the answers.
        names: List of strings, the columns of the rows.
    """
    import pyarrow
    import pyarrow.parquet

    if isinstance(rows, list):
        # The rows of a later block may have values of other types.
        rows = pyarrow.table(
            {
                name: pyarrow.array(
                    [text_or_none(row.get(name)) for row in rows],
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
