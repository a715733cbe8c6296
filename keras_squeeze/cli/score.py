"""Score the texts of files of any size, and go on where a run was stopped.

Each row is written once, with all of its columns and those of the answers, to
files in the output folder. Its folder `_rejected` has the rows that cannot be
read, with the reason. If the command is stopped, run it again.
"""

from keras_squeeze import scoring
from keras_squeeze.cli import arguments
from keras_squeeze.models.tasks.array_batches import PREDICTION_TOKENS
from keras_squeeze.scoring.annotate import TASKS
from keras_squeeze.scoring.run import BLOCK_ROWS
from keras_squeeze.scoring.run import REJECTED
from keras_squeeze.scoring.tables import FORMATS


def add_arguments(parser):
    _add_model_arguments(parser)
    parser.add_argument(
        "--input",
        required=True,
        nargs="+",
        metavar="GLOB",
        help="the files: .parquet, or .csv, .tsv, .jsonl or .txt, which may be "
        "compressed, as .csv.gz; also URLs such as s3://",
    )
    parser.add_argument(
        "--text-column",
        action="append",
        metavar="NAME",
        help="the text column; give it twice for pairs, for a question and its "
        "context, or for a prompt and its list of choices, and more often for "
        "choices in columns of their own (default: text)",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="a new folder, or that of the run to go on with; also a URL",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="the format of the output (default: parquet if all inputs are, "
        "otherwise jsonl)",
    )
    parser.add_argument(
        "--prefix",
        default="",
        metavar="TEXT",
        help="text before the names of the columns of the answers, if columns "
        "with these names exist already",
    )
    parser.add_argument(
        "--workers",
        type=arguments.positive_int,
        metavar="N",
        help="number of workers; more than one need the extra `ray` (default: "
        "one, or all of the cluster of --address)",
    )
    parser.add_argument(
        "--address",
        help="the address of a Ray cluster, or auto for that of this machine "
        "(default: workers on this machine)",
    )
    parser.add_argument(
        "--batch-tokens",
        type=arguments.positive_int,
        default=PREDICTION_TOKENS,
        metavar="N",
        help="number of tokens that are computed at once; a GPU needs more "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--block-rows",
        type=arguments.positive_int,
        default=BLOCK_ROWS,
        metavar="N",
        help="number of rows per file of the output, which is also what a "
        "stopped worker repeats (default: %(default)s)",
    )


def _add_model_arguments(parser):
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="the preset; with --file, the one whose tokenizer the file needs",
    )
    parser.add_argument(
        "--file",
        metavar="FILE",
        help="a .tflite file to run instead of a preset; it needs no --preset "
        "if it takes text or has metadata",
    )
    parser.add_argument(
        "--task",
        choices=list(TASKS),
        help="the task to use if the preset has several; every preset has "
        "text_embedding (default: the first task of the preset)",
    )


def run(args):
    if args.preset is None and args.file is None:
        raise ValueError("Pass a preset with --preset, or a file with --file.")
    counts = scoring.score_files(
        args.preset if args.file is None else args.file,
        args.input,
        args.output,
        text_column=args.text_column or "text",
        task=args.task,
        tokenizer=None if args.file is None else args.preset,
        format=args.format,
        workers=args.workers,
        address=args.address,
        prefix=args.prefix,
        batch_tokens=args.batch_tokens,
        block_rows=args.block_rows,
        progress=True,
    )
    print(f"{args.output} has {counts.scored:,} rows with answers.")
    if counts.new:
        rate = counts.new / counts.seconds
        print(f"This run added {counts.new:,} rows, {rate:,.0f} per second.")
    if counts.rejected:
        print(
            f"{counts.rejected:,} rows cannot be scored: see "
            f"{args.output}/{REJECTED}."
        )
