"""Classify texts with a fine-tuned preset.

Takes the texts as arguments, or from the standard input, one a line, for the
single argument `-`.
"""

import json
import sys

from keras_squeeze.cli import arguments


def add_arguments(parser):
    parser.add_argument(
        "--preset",
        required=True,
        metavar="DIR",
        help="the preset, as `finetune` and `quickstart` write it",
    )
    parser.add_argument(
        "texts",
        nargs="+",
        metavar="TEXT",
        help="a text, in quotes; - for the lines of the standard input",
    )
    parser.add_argument(
        "--pairs",
        action="store_true",
        help="each text is two, with a tab between them",
    )
    parser.add_argument(
        "--top-k",
        type=arguments.positive_int,
        default=1,
        metavar="K",
        help="how many classes to show for each text (default: %(default)s)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="write one JSON object a line instead of a table",
    )


def run(args):
    texts = args.texts
    if texts == ["-"]:
        texts = [line.rstrip("\n") for line in sys.stdin]
    inputs = _pairs(texts) if args.pairs else texts

    from keras_squeeze.cli.loading import load_task

    task = load_task(args.preset)
    answers = task.annotate(inputs, top_k=args.top_k) if texts else []
    rows = [
        {"text": text, **answer}
        for text, best in zip(texts, answers, strict=True)
        for answer in best
    ]
    if args.json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("Text", "Label", "Score")
    for row in rows:
        table.add_row(
            Text(row["text"]), Text(row["label"]), f"{row['score']:.4f}"
        )
    Console().print(table)


def _pairs(texts):
    for text in texts:
        if text.count("\t") != 1:
            raise ValueError(
                "With --pairs, each text must be two texts with a tab between "
                f"them. Received: {text!r}"
            )
    pairs = [text.split("\t") for text in texts]
    return [first for first, _ in pairs], [second for _, second in pairs]
