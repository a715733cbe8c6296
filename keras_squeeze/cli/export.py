"""Export a fine-tuned preset to a TFLite file.

The file takes token ids, or text, and returns the probabilities of the
classes. It is verified against the preset on real text before it is saved.
"""

from keras_squeeze.cli import arguments
from keras_squeeze.cli.task_types import task_type_of
from keras_squeeze.datasets.text_files import read_texts
from keras_squeeze.export.litert import export_tflite
from keras_squeeze.export.phones.app_files import PROGRAMS


def add_arguments(parser):
    arguments.add_preset_argument(parser)
    parser.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="the .tflite file to write",
    )
    parser.add_argument(
        "--quantization",
        choices=["float16", "dynamic_int8", "dynamic_int4", "int8", "int8x16"],
        help="for example dynamic_int8 for 8-bit weights (default: none, for "
        "32-bit weights)",
    )
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        help="a file with one text per line to compare the exported file on, "
        "and to measure the ranges of activations for int8 and int8x16",
    )
    parser.add_argument(
        "--sequence-length",
        type=arguments.positive_ints,
        default="128",
        metavar="N[,N...]",
        help="number of tokens that the file takes; several numbers, such as "
        "16,32,64,128, give a signature for each (default: %(default)s)",
    )
    parser.add_argument(
        "--per-tensor",
        action="store_true",
        help="use one scale per dense layer for quantized weights, for "
        "runtimes from before 2024, such as that of the Task Library",
    )
    parser.add_argument(
        "--text-input",
        nargs="?",
        const=True,
        default=False,
        choices=["pair"],
        metavar="pair",
        help="take text instead of token ids, or pairs of texts, with "
        "operations of TensorFlow Text; only for tasks on whole texts",
    )
    parser.add_argument(
        "--evaluate",
        metavar="FILE",
        help="a file of labelled samples, as for `finetune`, to evaluate the "
        "exported file and the preset on",
    )
    arguments.add_column_arguments(parser)
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="a .json or .md file to write the full report to",
    )
    parser.add_argument(
        "--app-files",
        nargs="*",
        choices=list(PROGRAMS),
        metavar="LANGUAGE",
        help="also write the vocabulary, a contract and golden examples for "
        "an app, to a folder next to the file; and its tokenizer in kotlin or "
        "swift, if these are given",
    )


def run(args):
    if args.report:
        arguments.check_output_file(args.report, ".json", ".md")

    calibration_data = None
    if args.calibration:
        calibration_data = read_texts(args.calibration)
    task_type = task_type_of(args.preset)
    task = task_type.task_class.from_preset(args.preset)
    evaluation_data = None
    if args.evaluate:
        evaluation_data = _evaluation_data(args, task_type, task)
    report = export_tflite(
        task,
        args.output,
        sequence_length=args.sequence_length,
        quantization=args.quantization,
        calibration_data=calibration_data,
        text_input=args.text_input,
        per_channel=not args.per_tensor,
        evaluation_data=evaluation_data,
        app_files=False if args.app_files is None else args.app_files,
    )
    print(report)
    if args.report:
        report.save(args.report)
        print(f"Wrote {args.report}")


def _evaluation_data(args, task_type, task):
    num_classes = getattr(task, "num_classes", 0)
    names = getattr(task, "class_names", None)
    samples = task_type.samples(
        task_type.read(args.evaluate, args),
        {
            "num_classes": num_classes,
            # Files refer to classes without names by their ids.
            "class_names": names or [str(i) for i in range(num_classes)],
        },
    )
    # Questions can have several correct answers; training uses only one.
    return samples.x, getattr(samples, "answers", samples.y)
