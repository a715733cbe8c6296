"""Measure the speed of parts of the package on this machine."""

from rich.console import Console
from rich.table import Table

from keras_squeeze.benchmarks import comparison
from keras_squeeze.benchmarks import devices
from keras_squeeze.benchmarks import grouped_dense
from keras_squeeze.benchmarks import latency
from keras_squeeze.benchmarks import lengths
from keras_squeeze.benchmarks import litert_files
from keras_squeeze.benchmarks import scoring
from keras_squeeze.benchmarks import tokenization
from keras_squeeze.cli import arguments
from keras_squeeze.datasets import sms_spam

_JIT_COMPILE = {"auto": "auto", "on": True, "off": False}


def add_arguments(parser):
    subparsers = parser.add_subparsers(metavar="PART", required=True)
    _add_training(subparsers)
    _add_prediction(subparsers)
    _add_scoring(subparsers)
    _add_tokenization(subparsers)
    _add_grouped_dense(subparsers)
    _add_latency(subparsers)
    _add_lengths(subparsers)
    _add_devices(subparsers)


def run(args):
    args.measure(args)


def _add_training(subparsers):
    parser = subparsers.add_parser(
        "training",
        help="steps of training and of prediction, compared with transformers",
        description="Times of the first step of training, of later ones, and "
        "of predictions, with the same weights as transformers on PyTorch. "
        "The spread is half the distance between the quartiles, in percent, "
        "and ratios are relative to transformers.",
    )
    _add_sides(parser)
    arguments.add_count(
        parser, "--batch-size", 16, "number of sequences per step"
    )
    parser.add_argument(
        "--jit-compile",
        choices=list(_JIT_COMPILE),
        default="auto",
        help="whether to use XLA (default: %(default)s, as in Keras)",
    )
    _add_sequence_length(parser)
    _add_repeats(parser, 10)
    parser.set_defaults(measure=_measure_training)


def _measure_training(args):
    _print_table(
        comparison.run_training(
            batch_size=args.batch_size,
            sequence_length=args.sequence_length,
            jit_compile=_JIT_COMPILE[args.jit_compile],
            **_settings_of_sides(args),
        )
    )


def _add_prediction(subparsers):
    parser = subparsers.add_parser(
        "prediction",
        help="predictions for many texts and for one, compared with a "
        "pipeline of transformers",
        description="Texts per second of `annotate()`, compared with a "
        "pipeline of transformers with batches of 32, and the time for a "
        "single text, also compared with that of the model alone.",
    )
    _add_sides(parser)
    _add_sentences(parser)
    _add_num_texts(parser)
    _add_repeats(parser, 3)
    parser.set_defaults(measure=_measure_prediction)


def _measure_prediction(args):
    _print_table(
        comparison.run_prediction(
            texts=_sentences(args.sentences),
            num_texts=args.num_texts,
            **_settings_of_sides(args),
        )
    )


def _add_scoring(subparsers):
    parser = subparsers.add_parser(
        "scoring",
        help="scoring files with several workers, compared with a pipeline of "
        "transformers",
        description="Rows per second of `score`, with a preset and with a "
        ".tflite file, compared with a pipeline of transformers with batches "
        "of 32 and as many cores. The preset is on the backend of this "
        "process.",
    )
    _add_model(parser)
    _add_sentences(parser)
    _add_num_texts(parser)
    parser.add_argument(
        "--workers",
        type=arguments.positive_ints,
        default="1,2",
        metavar="N[,N...]",
        help="numbers of workers, and of cores (default: %(default)s)",
    )
    _add_repeats(parser, 1)
    parser.set_defaults(measure=_measure_scoring)


def _measure_scoring(args):
    _print_table(
        scoring.run(
            texts=_sentences(args.sentences),
            num_texts=args.num_texts,
            workers=args.workers,
            repeats=args.repeats,
            **({"models": args.model} if args.model else {}),
        )
    )


def _add_model(parser):
    parser.add_argument(
        "--model",
        action="append",
        choices=comparison.MODELS,
        help="a model to measure; can be given several times (default: the "
        "tiny presets)",
    )


def _add_num_texts(parser):
    arguments.add_count(
        parser, "--num-texts", 10000, "number of texts to predict"
    )


def _add_sides(parser):
    _add_model(parser)
    parser.add_argument(
        "--backend",
        action="append",
        choices=comparison.BACKENDS,
        help="a backend to measure; can be given several times (default: all)",
    )
    arguments.add_count(
        parser, "--threads", 1, "number of threads, and of cores"
    )


def _settings_of_sides(args):
    settings = {"num_threads": args.threads, "repeats": args.repeats}
    if args.model:
        settings["models"] = args.model
    if args.backend:
        settings["backends"] = args.backend
    return settings


def _add_tokenization(subparsers):
    parser = subparsers.add_parser(
        "tokenization",
        help="preprocessing, compared with other preprocessors for BERT",
        description="Sentences per second of this preprocessor and of others.",
    )
    _add_sentences(parser)
    _add_sequence_length(parser)
    _add_repeats(parser, 5)
    parser.set_defaults(measure=_measure_tokenization)


def _measure_tokenization(args):
    _print_table(
        tokenization.run(
            _sentences(args.sentences),
            sequence_length=args.sequence_length,
            repeats=args.repeats,
        )
    )


def _add_grouped_dense(subparsers):
    parser = subparsers.add_parser(
        "grouped_dense",
        help="SqueezeBERT's grouped projection, compared with alternatives",
        description="Times of a forward pass and of a training step of "
        "SqueezeBERT's grouped projection, in four implementations.",
    )
    arguments.add_count(
        parser, "--batch-size", 8, "number of sequences to compute at once"
    )
    _add_sequence_length(parser)
    _add_repeats(parser, 5)
    parser.set_defaults(measure=_measure_grouped_dense)


def _measure_grouped_dense(args):
    _print_table(
        grouped_dense.run(
            batch_size=args.batch_size,
            sequence_length=args.sequence_length,
            repeats=args.repeats,
        )
    )


def _add_latency(subparsers):
    parser = subparsers.add_parser(
        "latency",
        help="exported files, compared with BERT-base exported the same way",
        description="Times and sizes in LiteRT of classifiers of published "
        "size, including Google's miniature BERT models, and of the tiny "
        "presets. The speedup is relative to BERT-base in float32, and the "
        "speedup of type is relative to BERT-base with weights of the same "
        "type. The first answer and the peak of memory are those of a new "
        "process, after its imports. Models of published size have random "
        "weights, which do not affect the times.",
    )
    _add_files(parser, f"all of {', '.join(latency.MODELS)}")
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="FILE",
        help="another .tflite file to measure; can be given several times",
    )
    parser.add_argument(
        "--runtime",
        action="append",
        choices=litert_files.RUNTIMES,
        help="an interface of LiteRT to measure; can be given several times "
        "(default: interpreter)",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="also show how long each operation of a file takes",
    )
    parser.add_argument(
        "--plot", metavar="FILE", help="a .png file to plot the times in"
    )
    _add_sequence_length(parser)
    _add_repeats(parser, 50)
    parser.set_defaults(measure=_measure_latency)


def _measure_latency(args):
    if args.plot:
        arguments.check_output_file(args.plot, ".png")
    rows = latency.run(
        files=args.file,
        runtimes=args.runtime or ("interpreter",),
        profile=args.profile,
        **_settings_of_files(args),
    )
    operations = [row.pop("operations", None) for row in rows]
    _print_table(rows)
    if args.profile:
        for row, kinds in zip(rows, operations, strict=True):
            _print_table(kinds, title=f"{row['name']}, {row['weights']}")
    if args.plot:
        latency.plot(rows, args.plot)
        print(f"Wrote {args.plot}")


def _add_lengths(subparsers):
    parser = subparsers.add_parser(
        "lengths",
        help="files with several sequence lengths, on real texts",
        description="Mean times of sentences, each run with the shortest "
        "length of a file that it fits in, compared with running all of them "
        "with the longest length.",
    )
    _add_files(parser, "the tiny presets")
    _add_sentences(parser)
    parser.add_argument(
        "--sequence-length",
        type=arguments.positive_ints,
        default="16,32,64,128",
        metavar="N[,N...]",
        help="the sequence lengths of a file (default: %(default)s)",
    )
    _add_repeats(parser, 20)
    parser.set_defaults(measure=_measure_lengths)


def _measure_lengths(args):
    _print_table(
        lengths.run(_sentences(args.sentences), **_settings_of_files(args))
    )


def _add_devices(subparsers):
    parser = subparsers.add_parser(
        "devices",
        help="a prediction of training on several GPUs, which needs none",
        description="How well several GPUs of a machine share a training with "
        "JAX, predicted from the work of each in the compiled program. The "
        "times are lower bounds: they assume the published speeds of TF32, of "
        "the memory and of the links between the GPUs, the memory that the "
        "program uses on CPUs, and that gradients are exchanged after the "
        "computation.",
    )
    _add_model(parser)
    arguments.add_count(parser, "--devices", 8, "number of GPUs")
    arguments.add_count(
        parser, "--batch-size", 32, "number of sequences per GPU and step"
    )
    _add_sequence_length(parser)
    parser.set_defaults(measure=_measure_devices)


def _measure_devices(args):
    _print_table(
        devices.run(
            num_devices=args.devices,
            batch_size=args.batch_size,
            sequence_length=args.sequence_length,
            **({"models": args.model} if args.model else {}),
        )
    )


def _add_files(parser, models):
    """Add the arguments for the models to export, and how to export them.

    Args:
        parser: The `argparse.ArgumentParser`.
        models: string. The models that are measured by default, for `--help`.
    """
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME",
        help="a model to export and measure; can be given several times "
        f"(default: {models})",
    )
    parser.add_argument(
        "--quantization",
        action="append",
        metavar="NAME",
        help="how to quantize the models, as for `export`, or float32; can be "
        "given several times (default: float32 and dynamic_int8)",
    )
    parser.add_argument(
        "--folder",
        metavar="DIR",
        help="a folder to keep the exported files in; existing files are "
        "reused (default: files are not kept)",
    )
    arguments.add_count(parser, "--threads", 1, "number of LiteRT threads")


def _settings_of_files(args):
    settings = {
        "sequence_length": args.sequence_length,
        "repeats": args.repeats,
        "folder": args.folder,
        "num_threads": args.threads,
    }
    if args.quantization:
        settings["quantizations"] = [
            None if name == "float32" else name for name in args.quantization
        ]
    if args.model:
        settings["models"] = args.model
    return settings


def _add_sentences(parser):
    parser.add_argument(
        "--sentences",
        metavar="FILE",
        help="a text file with one sentence per line (default: the SMS Spam "
        "Collection)",
    )


def _add_sequence_length(parser):
    arguments.add_count(parser, "--sequence-length", 128, "tokens per sequence")


def _add_repeats(parser, default):
    arguments.add_count(
        parser, "--repeats", default, "number of runs; the median is shown"
    )


def _print_table(rows, title=None):
    table = Table(title=title)
    for name, value in rows[0].items():
        table.add_column(
            name.replace("_", " "),
            justify="left" if isinstance(value, str) else "right",
            # Never truncate names: a truncated name may match another row.
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    console = Console()
    if not console.is_terminal:
        # Without a terminal, there is no width to wrap names at.
        console.width = 1000
        console.width = console.measure(table).maximum
    console.print(table)


def _cell(value):
    if value is None:
        return ""
    return f"{value:,.2f}" if isinstance(value, float) else str(value)


def _sentences(path):
    if path is None:
        (x_train, _), (x_test, _) = sms_spam.load_data()
        return [*x_train, *x_test]
    with open(path, encoding="utf-8") as file:
        sentences = [line.strip() for line in file if line.strip()]
    if not sentences:
        raise ValueError(f"`{path}` has no sentences.")
    return sentences
