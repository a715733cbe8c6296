"""A declarative map between checkpoint tensors and model variables."""

import dataclasses

import numpy as np
from keras import ops

from keras_squeeze.checkpoints.weight_values import fault_of
from keras_squeeze.checkpoints.weight_values import refuse

# A kind of layer: the suffix of the name in the checkpoint, the attribute of
# our layer, and whether the axes are in reverse order. Reversing is its own
# inverse, and works for the kernels of dense layers and convolutions.
DENSE = ((".weight", "kernel", True), (".bias", "bias", False))
NORM = ((".weight", "gamma", False), (".bias", "beta", False))
EMBEDDING = ((".weight", "embeddings", False),)
TENSOR = (("", None, False),)

_LISTED = 10


@dataclasses.dataclass
class Comparison:
    """The result of comparing a checkpoint with a model.

    Args:
        fitting: Dictionary from tensor names in the checkpoint to tuples of the
            variable and whether its axes are reversed.
        missing: List of the names, without the prefix, that the checkpoint
            lacks.
        unexpected: List of the names that the model has no variable for.
        unread: List of the names of tensors of heads that the model lacks.
        mismatched: List of tuples of a tensor's name, its shape, and the
            expected shape.
    """

    fitting: dict = dataclasses.field(default_factory=dict)
    missing: list = dataclasses.field(default_factory=list)
    unexpected: list = dataclasses.field(default_factory=list)
    unread: list = dataclasses.field(default_factory=list)
    mismatched: list = dataclasses.field(default_factory=list)


class WeightTable:
    """A map between the tensors of a checkpoint and the variables of a model.

    Args:
        prefix: string. The prefix of the backbone's names in checkpoints of
            task models, e.g. `"mobilebert."`. It may be absent.
        body: List of rows `(name, path, kind)` for the backbone. `name` is the
            tensor's name in the checkpoint without the kind's suffix, `path`
            the attributes from the backbone to our layer, and `kind` one of the
            constants of this module. In a path, `*` stands for each item of a
            list, `:-1` for each but the last, and `-1` for the last. The index
            of the item replaces the next `*` in the name. A row whose path
            meets `None` has no variable in that model.
        head_names: Tuple of strings. The prefixes of the names of heads. A head
            that the task does not have is left unread.
    """

    def __init__(self, prefix, body, head_names):
        self.prefix = prefix
        self.body = body
        self.head_names = head_names

    def variables(self, backbone, task=None):
        """Find every variable and its name in a checkpoint.

        Args:
            backbone: The backbone model.
            task: The task model, whose `hugging_face_head` has the rows of its
                head, or `None` for the backbone alone.

        Returns:
            A dictionary from the tensor's name, without the prefix, to a
            tuple of the variable and whether its axes are reversed.
        """
        return {
            name: (variable, is_reversed)
            for name, (variable, is_reversed) in self._tensors(
                backbone, task
            ).items()
            if variable is not None
        }

    def _tensors(self, backbone, task):
        # Like `variables()`, but with `None` for tensors that a checkpoint may
        # contain although the model does not use them.
        found = {}
        head = [] if task is None else task.hugging_face_head
        for root, rows in ((backbone, self.body), (task, head)):
            for name, path, kind in rows:
                for full_name, layer in _walk(root, path.split("."), name):
                    for suffix, attribute, is_reversed in kind:
                        variable = layer
                        if layer is not None and attribute:
                            variable = getattr(layer, attribute)
                        found[full_name + suffix] = variable, is_reversed
        return found

    def load(self, state_dict, backbone, task=None, optional=""):
        """Assign the tensors of a checkpoint to the variables of a model.

        Args:
            state_dict: Mapping from names to NumPy arrays, with a method
                `shape(name)`.
            backbone: The backbone model.
            task: The task model, or `None` to not load its head.
            optional: string. A prefix of tensor names that may be missing, or
                `""` for none.

        Returns:
            A list of the names of the missing optional tensors.

        Raises:
            ValueError: If tensors are missing, unexpected, of another shape or
                not finite floats, or if tied tensors are not equal. The error
                lists the first ten of each kind.
        """
        found = self.compare(state_dict, backbone, task)
        absent = [
            name
            for name in found.missing
            if optional and name.startswith(optional)
        ]
        missing = [name for name in found.missing if name not in absent]
        if missing or found.unexpected or found.mismatched:
            raise ValueError(
                "The checkpoint does not match the model."
                + _listing("Missing", missing)
                + _listing("Unexpected", found.unexpected)
                + _listing("Mismatched shapes", describe(found.mismatched))
            )
        self.assign(state_dict, found)
        return absent

    def compare(self, state_dict, backbone, task=None):
        """Compare the tensors of a checkpoint with a model.

        Args:
            state_dict: As in `load()`.
            backbone: The backbone model.
            task: The task model, or `None` to not load its head.

        Returns:
            A `Comparison`.

        Raises:
            ValueError: If tied tensors are not equal.
        """
        names = {}
        for name in state_dict:
            names.setdefault(name.removeprefix(self.prefix), name)
        ties = {} if task is None else task.hugging_face_ties
        self._resolve_ties(ties, names, state_dict)
        known = self._tensors(backbone, task)
        found = Comparison()
        for name, (variable, is_reversed) in known.items():
            if variable is None:
                continue
            if name not in names:
                found.missing.append(name)
                continue
            shape = tuple(state_dict.shape(names[name]))
            expected = tuple(variable.shape)
            expected = expected[::-1] if is_reversed else expected
            if shape == expected:
                found.fitting[names[name]] = variable, is_reversed
            else:
                found.mismatched.append((names[name], shape, expected))
        for name in state_dict:
            short = name.removeprefix(self.prefix)
            # A tensor may be present both with and without the prefix.
            is_repeated = names[short] != name
            if short in known and not is_repeated:
                continue
            if short.startswith(self.head_names) and not is_repeated:
                if short not in ties:
                    found.unread.append(name)
                continue
            found.unexpected.append(name)
        return found

    def assign(self, state_dict, comparison):
        """Assign the matching tensors of a checkpoint to a model.

        Args:
            state_dict: As in `load()`.
            comparison: The result of `compare()` for it.

        Raises:
            ValueError: If tensors are not finite floats.
        """
        faults = {}
        for name, (variable, is_reversed) in comparison.fitting.items():
            value = state_dict[name]
            fault = fault_of(value, variable.dtype)
            if fault is not None:
                faults[name] = fault
                continue
            variable.assign(value.transpose() if is_reversed else value)
        refuse(faults)

    def state_dict(self, backbone, task=None):
        """Collect a model's weights in the format of a checkpoint.

        Args:
            backbone: The backbone model.
            task: The task model, or `None` for the backbone alone.

        Returns:
            A dictionary from names, without the prefix, to NumPy arrays.
        """
        return {
            name: np.ascontiguousarray(
                ops.convert_to_numpy(variable).transpose()
                if is_reversed
                else ops.convert_to_numpy(variable)
            )
            for name, (variable, is_reversed) in self.variables(
                backbone, task
            ).items()
        }

    def _resolve_ties(self, ties, names, state_dict):
        """Add the names of tied tensors, and check that they are equal."""
        for alias, name in ties.items():
            if alias not in names:
                continue
            names.setdefault(name, names[alias])
            # Tensors of different shapes need not be read.
            pair = (names[alias], names[name])
            shapes = [tuple(state_dict.shape(x)) for x in pair]
            if shapes[0] != shapes[1] or not np.array_equal(
                *(state_dict[x] for x in pair)
            ):
                raise ValueError(
                    f"The tensor `{names[alias]}` must be equal to "
                    f"`{names[name]}`, because the model ties them. The "
                    "checkpoint does not."
                )


def describe(mismatched):
    """Describe tensors that have the wrong shape.

    Args:
        mismatched: List, as in a `Comparison`.

    Returns:
        A list of strings.
    """
    return [
        f"{name} (expected {expected}, received {shape})"
        for name, shape, expected in mismatched
    ]


def _walk(node, path, name):
    """Yield `(name, layer)` for every layer on a path.

    The layer is `None` if the path meets `None`.
    """
    if node is None or not path:
        yield name, node
        return
    part, *rest = path
    if part in ("*", ":-1"):
        items = node if part == "*" else node[:-1]
        for i, item in enumerate(items):
            yield from _walk(item, rest, name.replace("*", str(i), 1))
    elif part == "-1":
        yield from _walk(node[-1], rest, name)
    else:
        yield from _walk(getattr(node, part), rest, name)


def _listing(title, names):
    if not names:
        return ""
    listed = "".join(f"\n  {name}" for name in names[:_LISTED])
    more = len(names) - _LISTED
    rest = f"\n  and {more} more" if more > 0 else ""
    return f"\n{title} ({len(names)}):{listed}{rest}"
