"""Samples of any task, as files of data hold them."""

import dataclasses
import hashlib
import json

import numpy as np


@dataclasses.dataclass(frozen=True)
class Samples:
    """Raw inputs of a task, and what it has to learn of them.

    Args:
        x: The raw inputs: an array whose first axis counts the samples, or a
            tuple or a dictionary of such arrays.
        y: The labels, likewise, or `None` for a task that has none.
    """

    x: object
    y: object = None

    def __len__(self):
        lengths = []
        _map(lambda a: lengths.append(len(a)), self.x)
        return lengths[0]

    def parts(self):
        """The tuple of the inputs and, if there are some, the labels."""
        return (self.x,) if self.y is None else (self.x, self.y)

    def take(self, indices):
        """Some of the samples.

        Args:
            indices: int array of indices, or bool array with an entry a
                sample.

        Returns:
            A `Samples`.
        """
        return Samples(
            *(_map(lambda a: a[indices], part) for part in (self.x, self.y))
        )

    def joined(self, other):
        """These samples and others after them.

        Args:
            other: A `Samples` with the same arrays.

        Returns:
            A `Samples`.
        """
        return Samples(
            *(
                _map(lambda *arrays: np.concatenate(arrays), one, two)
                for one, two in ((self.x, other.x), (self.y, other.y))
            )
        )

    def digest(self):
        """A string that is another one for other samples."""
        lists = [_map(lambda a: a.tolist(), part) for part in self.parts()]
        data = json.dumps(lists).encode("utf-8")
        return hashlib.sha256(data).hexdigest()[:16]


def object_array(values):
    """An array of any objects, lists of different lengths among them.

    Args:
        values: list of objects.

    Returns:
        An array of shape `(len(values),)`.
    """
    return np.fromiter(values, "object", len(values))


def _map(function, arrays, *others):
    if arrays is None:
        return None
    if isinstance(arrays, tuple):
        parts = zip(arrays, *others, strict=True)
        return tuple(_map(function, *part) for part in parts)
    if isinstance(arrays, dict):
        return {
            name: _map(function, part, *(other[name] for other in others))
            for name, part in arrays.items()
        }
    return function(arrays, *others)
