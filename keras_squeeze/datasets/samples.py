"""Containers for the samples of any task."""

import dataclasses
import hashlib
import json

import numpy as np


@dataclasses.dataclass(frozen=True)
class Samples:
    """Raw inputs of a task, with their labels.

    Args:
        x: The raw inputs: an array with the samples on its first axis, or a
            tuple or dictionary of such arrays.
        y: The labels in the same form, or `None` for a task without labels.
    """

    x: object
    y: object = None

    def __len__(self):
        lengths = []
        _map(lambda a: lengths.append(len(a)), self.x)
        return lengths[0]

    def parts(self):
        """Return a tuple of the inputs and, if there are any, the labels."""
        return (self.x,) if self.y is None else (self.x, self.y)

    def take(self, indices):
        """Select some of the samples.

        Args:
            indices: int array of indices, or bool array with one entry per
                sample.

        Returns:
            A `Samples`.
        """
        return Samples(
            *(_map(lambda a: a[indices], part) for part in (self.x, self.y))
        )

    def joined(self, other):
        """Append other samples.

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
        """Return a string that identifies the samples."""
        lists = [_map(lambda a: a.tolist(), part) for part in self.parts()]
        data = json.dumps(lists).encode("utf-8")
        return hashlib.sha256(data).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class WeightedSamples(Samples):
    """Samples with a weight each.

    Args:
        x: See `Samples`.
        y: See `Samples`.
        weights: float array of shape `(num_samples,)`.
    """

    weights: np.ndarray = None

    def parts(self):
        """Return a tuple of the inputs, the labels and the weights."""
        return self.x, self.y, self.weights


def object_array(values):
    """Make an array of arbitrary objects, such as lists of any length.

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
