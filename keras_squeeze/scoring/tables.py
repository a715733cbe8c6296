"""Opens tables of any format, and writes blocks with their answers."""

import json
import pathlib

from keras_squeeze.scoring.csv_tables import CsvTable
from keras_squeeze.scoring.csv_tables import write_csv
from keras_squeeze.scoring.json_tables import JsonTable
from keras_squeeze.scoring.json_tables import write_jsonl
from keras_squeeze.scoring.parquet_tables import PARQUET
from keras_squeeze.scoring.parquet_tables import ParquetTable
from keras_squeeze.scoring.parquet_tables import write_parquet
from keras_squeeze.scoring.text_tables import DAMAGED
from keras_squeeze.scoring.text_tables import LineTable

_TABLES = {
    PARQUET: ParquetTable,
    ".csv": CsvTable,
    ".tsv": CsvTable,
    ".jsonl": JsonTable,
    ".txt": LineTable,
}
_WRITERS = {"parquet": write_parquet, "jsonl": write_jsonl, "csv": write_csv}
FORMATS = tuple(_WRITERS)


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
    try:
        return _TABLES[suffix](path, suffix, block_rows)
    except DAMAGED as e:
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
    name = pathlib.PurePath(path).name.lower()
    suffix = pathlib.PurePath(name.removesuffix(".gz")).suffix
    if name.endswith(PARQUET) or suffix in _TABLES and suffix != PARQUET:
        return suffix
    others = [x for x in _TABLES if x != PARQUET]
    raise ValueError(
        f"An input file must be {PARQUET}, or one of {', '.join(others)}, "
        f"which may also end in .gz. Received: {path}"
    )


def write_part(path, block, answers, format, names):
    """Write the rows of a block with their answers.

    Args:
        path: A `pathlib.Path`.
        block: The `Block`.
        answers: Dictionary of arrays, the columns of the answers.
        format: string. One of `FORMATS`.
        names: List of strings, the columns of the rows, or `None` if each row
            has its own.
    """
    _WRITERS[format](path, block.rows, answers, names)


def write_rejected(path, block, source):
    """Write the rows of a block that cannot be scored.

    Args:
        path: A `pathlib.Path`. A `.jsonl` file.
        block: The `Block`.
        source: string. The file of the rows.
    """
    with open(path, "w", encoding="utf-8") as file:
        for row in block.rejected:
            # Escapes can represent bytes that are not UTF-8.
            line = json.dumps({"file": source, **row}, default=str)
            file.write(f"{line}\n")
