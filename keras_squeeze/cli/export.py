"""Export a fine-tuned preset to a TFLite file.

The file takes token ids, or text, and gives the probabilities of the classes.
It is compared with the preset on real text before it is put in place.
"""

from keras_squeeze.cli import arguments
from keras_squeeze.cli.task_types import task_type_of
from keras_squeeze.datasets.text_files import read_texts
from keras_squeeze.export.litert import export_tflite


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
        help="dynamic_int8 for weights of 8 bits (default: none, 32 bits)",
    )
    parser.add_argument(
        "--calibration",
        metavar="FILE",
        help="a file with a text per line, on which int8 and int8x16 measure "
        "the ranges of activations, and on which the file is compared",
    )
    parser.add_argument(
        "--sequence-length",
        type=arguments.positive_ints,
        default="128",
        metavar="N[,N...]",
        help="how many tokens the file takes; several numbers, as in "
        "16,32,64,128, for a signature of each (default: %(default)s)",
    )
    parser.add_argument(
        "--per-tensor",
        action="store_true",
        help="one scale for all quantized weights of a dense layer, for "
        "runtimes from before 2024, such as that of the Task Library",
    )
    parser.add_argument(
        "--text-input",
        nargs="?",
        const=True,
        default=False,
        choices=["pair"],
        metavar="pair",
        help="take text in place of token ids, or pairs of texts, with "
        "operations of TensorFlow Text; for texts that are taken as they are",
    )
    parser.add_argument(
        "--evaluate",
        metavar="FILE",
        help="a file of labelled samples, as `finetune` takes them, to "
        "compare the answers of the file and of the preset on",
    )
    arguments.add_column_arguments(parser)
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="a .json or .md file to write what is printed and more to",
    )
    parser.add_argument(
        "--app-files",
        action="store_true",
        help="also write the vocabulary, a contract and golden examples for "
        "an app to a folder beside the file",
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
        app_files=args.app_files,
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
            # Classes without names are in files by their ids.
            "class_names": names or [str(i) for i in range(num_classes)],
        },
    )
    # Questions may have several right answers, of which training takes one.
    return samples.x, getattr(samples, "answers", samples.y)
