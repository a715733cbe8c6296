"""Export a fine-tuned preset to a TFLite file.

The file takes token ids and gives the probabilities of the classes. It is
compared with the preset on real text before it is put in place.
"""

from keras_squeeze.cli import arguments


def add_arguments(parser):
    parser.add_argument(
        "--preset",
        required=True,
        metavar="DIR",
        help="the preset, as `finetune` and `quickstart` write it",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="FILE",
        help="the .tflite file to write",
    )
    parser.add_argument(
        "--quantization",
        choices=["dynamic_int8"],
        help="dynamic_int8 for weights of 8 bits (default: none, 32 bits)",
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


def run(args):
    import keras_squeeze
    from keras_squeeze.cli.loading import load_task

    report = keras_squeeze.export_tflite(
        load_task(args.preset),
        args.output,
        sequence_length=args.sequence_length,
        quantization=args.quantization,
        per_channel=not args.per_tensor,
    )
    print(report)
