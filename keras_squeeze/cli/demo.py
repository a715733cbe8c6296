"""Write a web page that runs an exported file in the browser.

Everything that is typed into the page stays there. The page also compares
itself with the examples that were exported with the file.
"""

import os
import pathlib
import tempfile

from keras_squeeze.cli import arguments
from keras_squeeze.cli.task_types import task_type_of
from keras_squeeze.demo.site import SETTINGS_FILE
from keras_squeeze.demo.site import write_demo
from keras_squeeze.export.litert import export_tflite


def add_arguments(parser):
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--file",
        metavar="FILE",
        help="a .tflite file that was exported with --app-files",
    )
    source.add_argument(
        "--preset",
        metavar="DIR",
        help="a preset, as written by `finetune`, to export first",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="the folder to write; an existing page is replaced",
    )
    parser.add_argument(
        "--quantization",
        choices=["none", "float16", "dynamic_int8"],
        default="dynamic_int8",
        help="how to export the preset (default: %(default)s)",
    )
    parser.add_argument(
        "--sequence-length",
        type=arguments.positive_ints,
        default="128",
        metavar="N[,N...]",
        help="number of tokens to export the preset with (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--runtime",
        metavar="DIR",
        help="a folder in which `npm install @litertjs/core` was run, to copy "
        "LiteRT.js from there; by default the page loads it from a content "
        "delivery network",
    )


def run(args):
    output = arguments.check_output_folder(
        args.output, overwrite=True, first_file=SETTINGS_FILE, kind="page"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = args.file
        if args.preset:
            file = os.path.join(
                folder, f"{pathlib.Path(args.preset).name}.tflite"
            )
            _export(args, file)
        write_demo(file, output, runtime=args.runtime)
    print(f"Wrote {output}\n{how_to_open(args.output)}")


def how_to_open(folder):
    """What to run to see a page.

    Args:
        folder: string. The folder of the page.

    Returns:
        string.
    """
    return (
        f"To open it, run\n  python -m http.server --directory {folder}\n"
        "and go to http://localhost:8000"
    )


def _export(args, file):
    print("Exporting the preset and comparing the file with the Keras model.")
    task = task_type_of(args.preset).task_class.from_preset(args.preset)
    export_tflite(
        task,
        file,
        sequence_length=args.sequence_length,
        quantization=None if args.quantization == "none" else args.quantization,
        app_files=True,
        verbose=False,
    )
