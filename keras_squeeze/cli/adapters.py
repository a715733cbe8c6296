"""Trains low-rank adapters (LoRA) instead of the weights of a backbone.

Keras adds adapters to the kernels when it saves weights, in the precision of
the dtype policy. A training that is resumed, or that used mixed precision,
needs both of them separately.
"""

import keras

from keras_squeeze.new_files import new_file
from keras_squeeze.processes import by_first_process

ADAPTER_FILE = "adapter.lora.h5"


def add_adapters(task, rank):
    """Freeze the backbone of a task, and add adapters to it.

    Args:
        task: A task.
        rank: int. The rank of the adapters.
    """
    task.backbone.enable_lora(rank)
    for layer in _layers(task):
        # Otherwise the adapters would not be all that the backbone learns.
        layer.bias.trainable = False


def has_adapters(task):
    """Whether a model is a task with adapters.

    Args:
        task: A `keras.Model`.

    Returns:
        bool.
    """
    return hasattr(task, "backbone") and bool(_layers(task))


@by_first_process
def save_adapters(task, path):
    """Write the adapters of a task.

    Args:
        task: A task with adapters.
        path: A `pathlib.Path`. The file, which ends in `.lora.h5`.
    """
    with new_file(path) as new:
        task.backbone.save_lora_weights(str(new))


def load_weights(task, path, adapter_path):
    """Load weights that were saved with their adapters added to the kernels.

    Args:
        task: A task with adapters, whose kernels have not been changed.
        path: A `pathlib.Path`. The weights.
        adapter_path: A `pathlib.Path`. The result of `save_adapters()`.
    """
    kernels = [
        (layer, keras.ops.convert_to_numpy(layer._kernel))
        for layer in _layers(task)
    ]
    task.load_weights(path)
    for layer, kernel in kernels:
        layer._kernel.assign(kernel)
    task.backbone.load_lora_weights(str(adapter_path))


def _layers(task):
    layers = task.backbone._flatten_layers(include_self=False)
    return [x for x in layers if getattr(x, "lora_enabled", False)]
