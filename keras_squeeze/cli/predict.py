"""Predict with a fine-tuned preset.

Takes texts as arguments, or one per line from the standard input if the only
argument is `-`. The kind of texts depends on the task of the preset.
"""

import itertools
import json
import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras_squeeze.cli import arguments
from keras_squeeze.cli.task_types import TASK_TYPES
from keras_squeeze.cli.task_types import lay_out
from keras_squeeze.cli.task_types import task_type_of

# The lines of the standard input that are read before they are answered.
LINES_AT_ONCE = 1024


def add_arguments(parser):
    texts = {name: x.texts_help for name, x in TASK_TYPES.items()}
    parser.epilog = f"The texts for each task:\n\n{lay_out(texts)}"
    arguments.add_preset_argument(parser)
    parser.add_argument(
        "--task",
        choices=list(TASK_TYPES),
        help="the task to use if the preset has several; every preset has "
        "text_embedding (default: the first task of the preset)",
    )
    parser.add_argument(
        "texts",
        nargs="+",
        metavar="TEXT",
        help="a text, in quotes, or - to read lines from the standard input",
    )
    parser.add_argument(
        "--pairs",
        action="store_true",
        help="each text is two texts separated by a tab",
    )
    parser.add_argument(
        "--context",
        metavar="TEXT",
        help="the text that contains the answers to questions",
    )
    parser.add_argument(
        "--may-have-no-answer",
        action="store_true",
        help="the text of --context may not contain an answer",
    )
    parser.add_argument(
        "--choice",
        action="append",
        metavar="TEXT",
        help="a choice for a prompt; give this option once per choice",
    )
    parser.add_argument(
        "--top-k",
        type=arguments.positive_int,
        metavar="K",
        help="number of answers to show per text (default: the best one, "
        "or all entities)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="write one JSON object per line instead of a table",
    )


def run(args):
    parts = [args.texts]
    if args.texts == ["-"]:
        parts = _parts_of_stdin()

    task_type = task_type_of(args.preset, args.task)
    task = None
    for args.texts in parts:
        inputs, shown = task_type.inputs(args)
        # Inputs are checked before the task is loaded.
        task = task or task_type.task_class.from_preset(args.preset)
        answers = task_type.annotate(task, inputs, args)
        _print_rows(task_type.rows(shown, answers), args.json)


def _print_rows(rows, as_json):
    if not as_json:
        _print_table(rows)
        return
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))
    sys.stdout.flush()


def _print_table(rows):
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(*(name.replace("_", " ").capitalize() for name in names))
    for row in rows:
        cells = (row.get(name, "") for name in names)
        table.add_row(
            *(
                f"{cell:.4f}" if isinstance(cell, float) else Text(str(cell))
                for cell in cells
            )
        )
    Console().print(table)


def _parts_of_stdin():
    """Yield lists of lines, as all lines may not fit into memory."""
    lines = (line.rstrip("\n") for line in sys.stdin)
    try:
        while part := list(itertools.islice(lines, LINES_AT_ONCE)):
            yield part
    except UnicodeDecodeError as e:
        raise ValueError(
            f"The standard input must be in {e.encoding}. Received: the byte "
            f"0x{e.object[e.start]:02x} ({e.reason})"
        ) from e
