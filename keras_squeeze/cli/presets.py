"""List the built-in presets."""


def add_arguments(parser):
    del parser


def run(args):
    import pathlib

    from rich.console import Console
    from rich.table import Table

    from keras_squeeze import models
    from keras_squeeze.models.encoder_backbone import EncoderBackbone

    table = Table("Preset", "Parameters", "Size", "Description")
    for cls in vars(models).values():
        if not (isinstance(cls, type) and issubclass(cls, EncoderBackbone)):
            continue
        for name, preset in cls.presets.items():
            folder = pathlib.Path(preset["kaggle_handle"])
            files = [path for path in folder.rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files) / 1e6
            table.add_row(
                name,
                f"{preset['metadata']['params'] / 1e6:.1f} M",
                f"{size:.1f} MB" if files else "fetched at first use",
                preset["metadata"]["description"],
            )
    Console().print(table)
