"""Scores the rows of files, and goes on where a run was stopped."""

import contextlib
import dataclasses
import os
import re
import time

from keras_squeeze import validation
from keras_squeeze.checkpoints.preset_names import check_preset
from keras_squeeze.models.tasks.array_batches import PREDICTION_TOKENS
from keras_squeeze.scoring.annotate import TASKS
from keras_squeeze.scoring.annotate import check_columns
from keras_squeeze.scoring.annotate import check_count
from keras_squeeze.scoring.annotate import check_free
from keras_squeeze.scoring.annotate import column_names
from keras_squeeze.scoring.annotate import find_task
from keras_squeeze.scoring.annotate import is_file
from keras_squeeze.scoring.manifest import check_output
from keras_squeeze.scoring.manifest import make_manifest
from keras_squeeze.scoring.manifest import write_manifest
from keras_squeeze.scoring.parquet_tables import PARQUET
from keras_squeeze.scoring.parquet_tables import check_pyarrow
from keras_squeeze.scoring.storage import OutputFolder
from keras_squeeze.scoring.storage import find_paths
from keras_squeeze.scoring.storage import is_folder
from keras_squeeze.scoring.storage import local_path
from keras_squeeze.scoring.storage import size_of
from keras_squeeze.scoring.tables import FORMATS
from keras_squeeze.scoring.tables import open_table
from keras_squeeze.scoring.tables import table_suffix
from keras_squeeze.scoring.tables import write_part
from keras_squeeze.scoring.tables import write_rejected
from keras_squeeze.scoring.workers import check_ray
from keras_squeeze.scoring.workers import start_workers

REJECTED = "_rejected"

# In batches of similar length out of so many rows, little is padding.
BLOCK_ROWS = 4096


@dataclasses.dataclass
class Counts:
    """What a run has done.

    Args:
        scored: int. The number of rows in the output.
        rejected: int. The number of rows that could not be scored.
        new: int. How many of both this run has added.
        seconds: float. How long this run took, without loading the model.
    """

    scored: int = 0
    rejected: int = 0
    new: int = 0
    seconds: float = 0.0


def score_files(
    model,
    input,
    output,
    text_column="text",
    task=None,
    tokenizer=None,
    format=None,
    workers=None,
    address=None,
    prefix="",
    batch_tokens=PREDICTION_TOKENS,
    block_rows=BLOCK_ROWS,
    progress=False,
):
    """Score the rows of files, with any number of workers.

    The output has every row that can be read exactly once, with all of its
    columns and those of the answers. The rows of a block are in their order, in
    a file `part-<file>-<block>` that appears when it is complete. The folder
    `_rejected` has the rows that cannot be read, with the reason. The memory
    does not depend on the length of the input.

    If the process, a worker or the machine is stopped, call this again with
    the same arguments: it goes on with the blocks that are missing. The number
    of workers may be another one.

    `input` and `output` can be URLs of remote storage, such as `s3://` or
    `gs://`, if the package that fsspec needs for it is installed. A file is
    uploaded under another name, and renamed when it is complete.

    Args:
        model: string or `os.PathLike`. A preset or a `.tflite` file, as for
            `Annotate`.
        input: string, or a list of strings. Patterns of files, as for
            `glob.glob()`. The files are `.parquet`, `.csv`, `.tsv`, `.jsonl`
            or `.txt`, and all but the first may be compressed, as `.csv.gz`.
            CSV and TSV files start with the names of the columns. Text files
            have one text per line, and a single column `text`. Blank lines are
            left out.
        output: string or `os.PathLike`. A new folder, or that of the run to
            go on with.
        text_column: string, or a list of strings, as for `Annotate`. Defaults
            to `"text"`.
        task: Optional string, as for `Annotate`.
        tokenizer: Optional string, as for `Annotate`.
        format: Optional string. `"parquet"`, `"jsonl"` or `"csv"`. With the
            last two, vectors are JSON. In Parquet, the columns of files without
            types are strings. Defaults to `"parquet"` if all inputs are
            Parquet files, and else to `"jsonl"`.
        workers: Optional int. The number of workers of Ray. Defaults to this
            process without Ray, or with `address` to all of the cluster.
        address: Optional string. The address of a Ray cluster, or `"auto"`.
            Its machines only need to read the model: files are read and written
            by this process.
        prefix: string. Put before the names of the columns of the answers.
            Defaults to `""`.
        batch_tokens: int. The number of tokens that are computed at once, as
            for `Annotate`. Defaults to `4096`.
        block_rows: int. The number of rows per block. A worker that is stopped
            loses what it has computed of a block. Defaults to `4096`.
        progress: bool. Whether to show a progress bar. Defaults to `False`.

    Returns:
        A `keras_squeeze.scoring.run.Counts`.

    Raises:
        ValueError: If an argument is invalid, no file matches, a column is
            missing, or the workers cannot load the model.
        FileExistsError: If the folder has anything but the output of a run
            with these arguments, or an input file has changed.
        ImportError: If pyarrow or Ray is needed but missing.

    Example:

    ```python
    counts = keras_squeeze.scoring.score_files(
        "mobile_bert_tiny_en_uncased_sms_spam", "books.txt", "scores"
    )
    print(counts.scored, counts.rejected)
    ```
    """
    text_columns = column_names(text_column)
    validation.check_positive_int("batch_tokens", batch_tokens)
    validation.check_positive_int("block_rows", block_rows)
    if workers is not None:
        validation.check_positive_int("workers", workers)
    if address is not None or (workers or 1) > 1:
        check_ray()
    model, task, tokenizer = _check_model(model, task, tokenizer)
    num_texts = _check_count(model, task, text_columns)
    paths = find_files(input)
    folder = OutputFolder(output)
    _check_outside(folder, paths)
    format = _check_format(format, paths)
    tables = _open_tables(paths, text_columns, num_texts, format, block_rows)
    manifest = make_manifest(
        paths,
        [name for name in (model, tokenizer) if name],
        {
            "text_column": text_columns,
            "task": task,
            "format": format,
            "prefix": prefix,
            "block_rows": block_rows,
        },
    )
    check_output(folder, manifest)
    arguments = {
        "model": model,
        "text_column": text_columns,
        "task": task,
        "tokenizer": tokenizer,
        "batch_tokens": batch_tokens,
        "prefix": prefix,
    }
    with start_workers(arguments, workers, address) as pool:
        for table in tables:
            _check_answers(table, pool.columns)
        folder.make(REJECTED)
        write_manifest(folder, manifest)
        _remove_unfinished(folder)
        reading = (text_columns, num_texts, pool.columns)
        run = _Run(tables, reading, folder, format)
        with _progress_bar(run, progress):
            start = time.monotonic()
            for block, result in pool.score(run.unfinished_blocks()):
                run.finish(block, *result)
            run.counts.seconds = time.monotonic() - start
    return run.counts


class _Run:
    """The blocks of a run, and what becomes of them.

    Args:
        tables: List of the tables, one per file.
        reading: Tuple of the other arguments for their `blocks()`.
        folder: An `OutputFolder`.
        format: string. The format of the output.

    Attributes:
        counts: The `Counts` so far.
        todo: int. How many bytes of the input are to be read for this run.
        done: int. How many of them have been.
    """

    def __init__(self, tables, reading, folder, format):
        self.tables = tables
        self.reading = reading
        self.folder = folder
        self.format = format
        self.written = folder.names()
        self.counts = Counts()
        self.todo = sum(size_of(table.path) for table in tables)
        self.done = 0
        self.on_change = lambda: None

    def unfinished_blocks(self):
        """Read the blocks whose output is not there yet."""
        for file, table in enumerate(self.tables):
            for block in table.blocks(file, *self.reading):
                if self._output_of(block) not in self.written:
                    yield block
                    continue
                rejected = self._count_rejected(block)
                rows = len(block.numbers) + len(block.rejected)
                self.counts.rejected += rejected
                self.counts.scored += rows - rejected
                self.todo -= block.size
                self.on_change()

    def finish(self, block, answers, reasons):
        """Write a block.

        Args:
            block: The `Block`.
            answers: Dictionary of arrays, the columns of the answers.
            reasons: Dictionary of why texts have no answers, by their index.
        """
        table = self.tables[block.file]
        block.reject(reasons)
        # The output of a block is written last, as it says that it is complete.
        if block.rejected:
            with self.folder.new_file(self._rejected_of(block)) as new:
                write_rejected(new, block, table.path)
        with self.folder.new_file(self._output_of(block)) as new:
            write_part(new, block, answers, self.format, table.names)
        self.counts.scored += len(block.numbers)
        self.counts.rejected += len(block.rejected)
        self.counts.new += len(block.numbers) + len(block.rejected)
        self.done += block.size
        self.on_change()

    def _output_of(self, block):
        return f"{block.name}.{self.format}"

    def _rejected_of(self, block):
        return f"{REJECTED}/{block.name}.jsonl"

    def _count_rejected(self, block):
        name = self._rejected_of(block)
        if name not in self.written:
            return 0
        return self.folder.read(name).count(b"\n")


def find_files(patterns):
    """Find the input files.

    Args:
        patterns: string, or a list of strings, as for `glob.glob()`, or URLs.

    Returns:
        A sorted list of strings, absolute paths or URLs.

    Raises:
        ValueError: If nothing matches a pattern, or a folder does.
    """
    found = set()
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        paths = find_paths(local_path(pattern))
        if not paths:
            raise ValueError(f"No file matches `{pattern}`.")
        found.update(paths)
    for path in sorted(found):
        if is_folder(path):
            raise ValueError(
                f"`{path}` is a folder. Use a pattern of its files, such as "
                f"`{os.path.join(path, '*.csv')}`."
            )
        table_suffix(path)
    return sorted(found)


def _check_model(model, task, tokenizer):
    """Return the model as workers elsewhere find it, and the task."""
    model = os.fspath(model)
    tokenizer = None if tokenizer is None else os.fspath(tokenizer)
    if is_file(model):
        if not os.path.isfile(model):
            raise ValueError(f"There is no file `{model}`.")
        if tokenizer is not None:
            check_preset(tokenizer)
    else:
        task = find_task(model, task)
    return _absolute(model), task, tokenizer and _absolute(tokenizer)


def _check_count(model, task, text_columns):
    """Return how many of the text columns must have a text in each row."""
    if is_file(model):
        check_count(None, text_columns)
        return len(text_columns)
    check_count(task, text_columns)
    return TASKS[task].num_texts(text_columns)


def _absolute(name):
    return os.path.realpath(name) if os.path.exists(name) else name


def _check_outside(folder, paths):
    inside = [path for path in paths if folder.has(path)]
    if inside:
        raise ValueError(
            "The input must not be in the output folder. Received: "
            f"`{folder.path}` has `{inside[0]}`"
        )


def _check_format(format, paths):
    if format is None:
        suffixes = {table_suffix(path) for path in paths}
        format = "parquet" if suffixes == {PARQUET} else "jsonl"
    if format not in FORMATS:
        raise ValueError(
            f"`format` must be one of {', '.join(FORMATS)}. Received: "
            f"format={format!r}"
        )
    if format == "parquet":
        check_pyarrow("The format parquet")
    return format


def _open_tables(paths, text_columns, num_texts, format, block_rows):
    tables = []
    for path in paths:
        table = open_table(path, block_rows)
        if format != "jsonl":
            table.fix_columns()
        # An empty JSONL file has no columns.
        if table.columns is not None:
            try:
                check_columns(table.columns, text_columns)
                table.check_texts(text_columns, num_texts)
            except ValueError as e:
                raise ValueError(f"`{path}` cannot be scored. {e}") from e
        tables.append(table)
    return tables


def _check_answers(table, columns):
    try:
        check_free(table.columns or [], columns)
    except ValueError as e:
        raise ValueError(f"`{table.path}` cannot be scored. {e}") from e


def _remove_unfinished(folder):
    """Remove the temporary files of processes that were killed."""
    for name in folder.names():
        if re.match(rf"({REJECTED}/)?\.[0-9a-f]{{8}}\.part-", name):
            folder.remove(name)


@contextlib.contextmanager
def _progress_bar(run, is_shown):
    """Context in which the progress of a run is shown."""
    if not is_shown:
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn
    from rich.progress import Progress
    from rich.progress import TaskProgressColumn
    from rich.progress import TextColumn
    from rich.progress import TimeRemainingColumn

    columns = (
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[rate]:,.0f} rows/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=run.todo, rows=0, rate=0.0)
        start = time.monotonic()

        def show():
            bar.update(
                task,
                total=run.todo,
                completed=run.done,
                rows=run.counts.scored + run.counts.rejected,
                rate=run.counts.new / (time.monotonic() - start),
            )

        run.on_change = show
        yield
