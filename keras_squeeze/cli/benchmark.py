"""Measure the speed of parts of the package on this machine."""

from keras_squeeze.cli import arguments


def add_arguments(parser):
    subparsers = parser.add_subparsers(
        metavar="PART", dest="part", required=True
    )
    tokenization = subparsers.add_parser(
        "tokenization",
        help="preprocessing, next to other preprocessors of BERT",
        description="Sentences a second of the preprocessor and of others.",
    )
    tokenization.add_argument(
        "--sentences",
        metavar="FILE",
        help="a text file with a sentence a line (default: the SMS Spam "
        "Collection)",
    )
    grouped_dense = subparsers.add_parser(
        "grouped_dense",
        help="SqueezeBERT's grouped projection, next to other ways to write it",
        description="Times of a forward pass and of a training step of "
        "SqueezeBERT's grouped projection, written in four ways.",
    )
    grouped_dense.add_argument(
        "--batch-size",
        type=arguments.positive_int,
        default=8,
        metavar="N",
        help="how many sequences to compute at once (default: %(default)s)",
    )
    for subparser in (tokenization, grouped_dense):
        subparser.add_argument(
            "--sequence-length",
            type=arguments.positive_int,
            default=128,
            metavar="N",
            help="tokens a sequence (default: %(default)s)",
        )
        subparser.add_argument(
            "--repeats",
            type=arguments.positive_int,
            default=5,
            metavar="N",
            help="how often to measure, of which the median is given "
            "(default: %(default)s)",
        )


def run(args):
    from rich.console import Console
    from rich.table import Table

    settings = {
        "sequence_length": args.sequence_length,
        "repeats": args.repeats,
    }
    if args.part == "tokenization":
        from keras_squeeze.benchmarks import tokenization

        sentences = _sentences(args.sentences)
        rows = tokenization.run(sentences, **settings)
    else:
        from keras_squeeze.benchmarks import grouped_dense

        rows = grouped_dense.run(batch_size=args.batch_size, **settings)
    table = Table(*(name.replace("_", " ") for name in rows[0]))
    for row in rows:
        table.add_row(
            *(
                f"{value:,.2f}" if isinstance(value, float) else str(value)
                for value in row.values()
            )
        )
    Console().print(table)


def _sentences(path):
    if path is None:
        from keras_squeeze.datasets import sms_spam

        (x_train, _), (x_test, _) = sms_spam.load_data()
        return [*x_train, *x_test]
    with open(path, encoding="utf-8") as file:
        sentences = [line.strip() for line in file if line.strip()]
    if not sentences:
        raise ValueError(f"`{path}` has no sentences.")
    return sentences
