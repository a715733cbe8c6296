"""List the built-in presets."""

import pathlib
import shutil
import textwrap

from keras_squeeze.checkpoints.built_in_presets import MOBILE_BERT_PRESETS
from keras_squeeze.checkpoints.built_in_presets import SQUEEZE_BERT_PRESETS


def add_arguments(parser):
    del parser


def run(args):
    width = shutil.get_terminal_size().columns
    for name, preset in {**MOBILE_BERT_PRESETS, **SQUEEZE_BERT_PRESETS}.items():
        folder = pathlib.Path(preset["kaggle_handle"])
        files = [path for path in folder.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files) / 1e6
        params = preset["metadata"]["params"] / 1e6
        print(name)
        print(
            f"  {params:.1f} M parameters,",
            f"{size:.1f} MB," if files else "downloaded on first use,",
            preset["metadata"]["license"],
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
