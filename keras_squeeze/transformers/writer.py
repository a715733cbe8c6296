"""Writes the objects of `keras_squeeze.models` as transformers checkpoints."""

import keras_hub

from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from keras_squeeze.checkpoints.hugging_face import set_writer
from keras_squeeze.transformers.auto import class_of
from keras_squeeze.transformers.tokenizers.layers import tokenizer_of


def write_checkpoint(source, folder):
    """Write the files that `from_pretrained()` in transformers reads.

    Args:
        source: A task, a backbone, a preprocessor or a tokenizer of
            `keras_squeeze.models`. The parts that belong to a task or a
            preprocessor are also written.
        folder: string or `os.PathLike`. The folder. It is created if it does
            not exist.

    Raises:
        ValueError: If the weights are quantized, or transformers cannot
            represent a part of the source.
    """
    options = {}
    tokenizer = source
    if isinstance(source, keras_hub.models.Preprocessor):
        tokenizer = source.tokenizer
        options["model_max_length"] = source.sequence_length
    elif not isinstance(source, keras_hub.tokenizers.Tokenizer):
        backbone = getattr(source, "backbone", source)
        _check_not_quantized(source)
        (model_type,) = (
            name
            for name, architecture in ARCHITECTURES.items()
            if isinstance(backbone, architecture.backbone_cls)
        )
        face = class_of(model_type, source).from_task(source)
        face.save_pretrained(folder)
        preprocessor = getattr(source, "preprocessor", None)
        tokenizer = getattr(preprocessor, "tokenizer", None)
        options["model_max_length"] = backbone.max_sequence_length
    if tokenizer is not None:
        tokenizer_of(tokenizer, **options).save_pretrained(folder)


def _check_not_quantized(model):
    for layer in model._flatten_layers():
        if layer.quantization_mode is not None:
            raise ValueError(
                "A transformers checkpoint cannot hold quantized weights. "
                "Export the model before calling `quantize()`. "
                f"Received: `{layer.path}` with "
                f"quantization_mode={layer.quantization_mode!r}"
            )


set_writer(write_checkpoint)
