"""Checks the sizes in a configuration against the weight files."""

import dataclasses
import os

# Models may be larger than their checkpoint: heads and poolers may be new.
_FACTOR = 2
_SLACK = 2**22
# An upper bound for the weights per byte in a compressed file.
_NUMBERS_PER_BYTE = 4


@dataclasses.dataclass
class Holdings:
    """The size of the weights of a preset.

    Args:
        preset: string. The name of the preset in errors.
        num_tensors: int. The number of tensors that the files declare.
        num_elements: int. The number of elements that the files declare.
        paths: List of the paths of the files.
    """

    preset: str
    num_tensors: int
    num_elements: int
    paths: list

    def check(self, num_parameters, num_layers, sizes):
        """Reject a model that is far larger than the weights.

        Args:
            num_parameters: int. A lower bound for the number of parameters.
            num_layers: int. The number of layers.
            sizes: Dictionary of the sizes in the configuration, for the error.

        Raises:
            ValueError: If the model is far larger than the weights.
        """
        num_bytes = sum(map(_bytes_on_disk, self.paths))
        num_elements = min(self.num_elements, _NUMBERS_PER_BYTE * num_bytes)
        if (
            num_parameters <= _FACTOR * num_elements + _SLACK
            and num_layers <= self.num_tensors
        ):
            return
        stated = ", ".join(f"{name}={value}" for name, value in sizes.items())
        raise ValueError(
            f"The configuration of `{self.preset}` must match its weights, "
            f"which have {self.num_tensors} tensors with {num_elements} "
            f"elements. Received: a model with at least {num_parameters} "
            f"parameters: {stated}"
        )


def _bytes_on_disk(path):
    found = os.stat(path)
    # Sparse files take less space than their size. Not every file system
    # reports the blocks.
    blocks = getattr(found, "st_blocks", 0)
    return min(found.st_size, 512 * blocks) if blocks else found.st_size
