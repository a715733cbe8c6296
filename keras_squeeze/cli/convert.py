"""Convert a Hugging Face or Google checkpoint to a Keras preset.

A checkpoint with a head becomes a task with that head, including the names of
the classes. Otherwise only the backbone and the tokenizer are converted.
"""

from keras_squeeze.checkpoints.from_preset import load_config
from keras_squeeze.checkpoints.hugging_face import is_hugging_face_config
from keras_squeeze.cli import arguments
from keras_squeeze.cli.task_types import task_types_of_checkpoint
from keras_squeeze.keras_hub_seam import find_subclass
from keras_squeeze.models.encoder_backbone import EncoderBackbone
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.new_files import new_folder


def add_arguments(parser):
    parser.add_argument(
        "checkpoint",
        metavar="HF_FOLDER",
        help="the checkpoint folder, or hf://org/name; for Google's MobileBERT "
        "the folder with mobilebert_variables.ckpt and its configuration as "
        "bert_config.json",
    )
    parser.add_argument(
        "preset", metavar="PRESET_DIR", help="the preset folder to write"
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace an existing preset in PRESET_DIR",
    )


def run(args):
    output = arguments.check_output_folder(args.preset, args.overwrite)
    config = load_config(args.checkpoint)
    if not is_hugging_face_config(config):
        raise ValueError(
            f"`{args.checkpoint}` must be a Hugging Face checkpoint whose "
            "`config.json` has a `model_type`."
        )
    task_types = task_types_of_checkpoint(config)
    if task_types:
        parts = [task_types[0].task_class.from_preset(args.checkpoint)]
    else:
        backbone = EncoderBackbone.from_preset(args.checkpoint)
        cls = find_subclass(args.checkpoint, TextClassifier, type(backbone))
        tokenizer_cls = cls.preprocessor_cls.tokenizer_cls
        parts = [backbone, tokenizer_cls.from_preset(args.checkpoint)]
    with new_folder(output) as folder:
        for part in parts:
            part.save_to_preset(folder)
    names = " and ".join(type(part).__name__ for part in parts)
    print(f"Wrote the preset `{output}`: {names}.")
