"""List the built-in presets."""

import pathlib
import shutil
import textwrap

from keras_squeeze import models
from keras_squeeze.models.encoder_backbone import EncoderBackbone


def add_arguments(parser):
    del parser


def run(args):
    width = shutil.get_terminal_size().columns
    for cls in vars(models).values():
        if not (isinstance(cls, type) and issubclass(cls, EncoderBackbone)):
            continue
        for name, preset in cls.presets.items():
            folder = pathlib.Path(preset["kaggle_handle"])
            files = [path for path in folder.rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files) / 1e6
            params = preset["metadata"]["params"] / 1e6
            print(name)
            print(
                f"  {params:.1f} M parameters,",
                f"{size:.1f} MB" if files else "downloaded on first use",
            )
            print(
                textwrap.fill(
                    preset["metadata"]["description"],
                    width,
                    initial_indent="  ",
                    subsequent_indent="  ",
                    break_on_hyphens=False,
                )
            )
