"""The sizes that a file states, next to what there is."""

import dataclasses
import os

# Models may be larger than their checkpoint: heads are new, and poolers.
_FACTOR = 2
_SLACK = 2**22
# As many numbers as a byte holds, if they are compressed as weights can be.
_NUMBERS_PER_BYTE = 4


@dataclasses.dataclass
class Holdings:
    """What the weights of a preset are, by their files.

    Args:
        preset: string. The preset, for messages.
        num_tensors: int. How many tensors the files state to hold.
        num_elements: int. How many numbers these have.
        paths: List of the paths of the files.
    """

    preset: str
    num_tensors: int
    num_elements: int
    paths: list

    def check(self, num_parameters, num_layers, sizes):
        """Refuse to build a model that the weights cannot fill.

        Args:
            num_parameters: int. How many parameters the model has at least.
            num_layers: int. How many layers.
            sizes: Dictionary of what the configuration says, for the message.

        Raises:
            ValueError: If the model is larger by far.
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
            f"The configuration of `{self.preset}` must describe the model of "
            f"its weights, which are {self.num_tensors} tensors of "
            f"{num_elements} numbers. Received a model of {num_parameters} "
            f"parameters or more: {stated}"
        )


def _bytes_on_disk(path):
    found = os.stat(path)
    # Of a file with holes there is less than its size. Not every file system
    # says how much.
    blocks = getattr(found, "st_blocks", 0)
    return min(found.st_size, 512 * blocks) if blocks else found.st_size
