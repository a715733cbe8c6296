"""One declarative table of weights, read in both directions."""

import numpy as np
from keras import ops

# What a row's two ends share: the name's suffix in the checkpoint, the
# attribute of our layer, and whether the axes run in the opposite order.
# Reversing is its own inverse, and serves dense kernels and convolution
# kernels alike.
DENSE = ((".weight", "kernel", True), (".bias", "bias", False))
NORM = ((".weight", "gamma", False), (".bias", "beta", False))
EMBEDDING = ((".weight", "embeddings", False),)
TENSOR = (("", None, False),)

_LISTED = 10


class WeightTable:
    """Which tensor of a checkpoint is which variable of a model.

    Args:
        prefix: string. What the checkpoint's task models put before the names
            of the body, e.g. `"mobilebert."`. It may be absent.
        body: List of rows `(name, path, kind)` for the backbone. `name` is
            the tensor's name in the checkpoint without the kind's suffix,
            `path` the attributes that lead from the backbone to our layer,
            `kind` one of the constants of this module. A part `*` of a path
            stands for each item of a list, `:-1` for each but the last, and
            `-1` for the last; the item's number takes the place of the next
            `*` in the name. A row whose path meets `None` has no variable in
            that model.
        head_names: Tuple of strings. How the names of heads start; a head
            that no task asks for is left unread.
    """

    def __init__(self, prefix, body, head_names):
        self.prefix = prefix
        self.body = body
        self.head_names = head_names

    def variables(self, backbone, task=None):
        """Find every variable and the name it has in a checkpoint.

        Args:
            backbone: The backbone model.
            task: The task model, whose `hugging_face_head` has the rows of
                its head, or `None` for the body alone.

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
        # Like `variables()`, with `None` for the tensors that a checkpoint
        # may hold although the model's configuration has no use for them.
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
            state_dict: Mapping from names to numpy arrays, with a method
                `shape(name)`.
            backbone: The backbone model.
            task: The task model, or `None` if its head is not to be loaded.
            optional: string. How the names of the tensors start that may be
                missing; `""` for none.

        Returns:
            A list of the names of the missing optional tensors.

        Raises:
            ValueError: If tensors are missing, unexpected or of another
                shape, of which the first ten of each kind are named, or if
                those that are tied are not equal.
        """
        names = {}
        for name in state_dict:
            names.setdefault(name.removeprefix(self.prefix), name)
        if task is not None:
            self._resolve_ties(task.hugging_face_ties, names, state_dict)
        known = self._tensors(backbone, task)
        wanted = self.variables(backbone, task)
        missing = [name for name in wanted if name not in names]
        absent = [n for n in missing if optional and n.startswith(optional)]
        missing = [name for name in missing if name not in absent]
        unexpected = [
            name
            for name in state_dict
            if not self._is_expected(name, names, known)
        ]
        mismatched = []
        for name, (variable, is_reversed) in wanted.items():
            if name not in names:
                continue
            shape = tuple(state_dict.shape(names[name]))
            expected = tuple(variable.shape)
            expected = expected[::-1] if is_reversed else expected
            if shape != expected:
                mismatched.append(
                    f"{names[name]} (expected {expected}, received {shape})"
                )
        if missing or unexpected or mismatched:
            raise ValueError(
                "The checkpoint does not fit the model."
                + _listing("Missing", missing)
                + _listing("Unexpected", unexpected)
                + _listing("Of another shape", mismatched)
            )
        for name, (variable, is_reversed) in wanted.items():
            if name in names:
                value = state_dict[names[name]]
                variable.assign(value.transpose() if is_reversed else value)
        return absent

    def state_dict(self, backbone, task=None):
        """The reverse of `load()`: the model's weights as a checkpoint's.

        Args:
            backbone: The backbone model.
            task: The task model, or `None` for the body alone.

        Returns:
            A dictionary from names, without the prefix, to numpy arrays.
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
        """Find tensors under the names of those that they are equal to."""
        for alias, name in ties.items():
            if alias not in names:
                continue
            names.setdefault(name, names[alias])
            if not np.array_equal(
                state_dict[names[alias]], state_dict[names[name]]
            ):
                raise ValueError(
                    f"The tensor `{names[alias]}` must be equal to "
                    f"`{names[name]}`, whose weights the model uses in its "
                    "place. The checkpoint does not tie them."
                )

    def _is_expected(self, name, names, known):
        short = name.removeprefix(self.prefix)
        if names[short] != name:
            # The same tensor is there with and without the prefix.
            return False
        return short in known or short.startswith(self.head_names)


def _walk(node, path, name):
    """Yield `(name, layer)` for every layer that a path leads to.

    The layer is `None` where the path meets `None`.
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
