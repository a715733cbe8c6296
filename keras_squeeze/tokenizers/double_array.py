"""Builds double arrays, the tries that TensorFlow Text uses for lookups."""

import numpy as np

# The fields of a unit. A unit for a node has the last byte of its prefix,
# whether the prefix is a complete string, and an offset to the child nodes.
# Other units hold the value of a string, with the highest bit set.
_HAS_VALUE = 1 << 8
_OFFSET_SHIFT = 10
_IS_VALUE = 1 << 31
_MOST_NUMBERS = 1 << 21

# Readers add a byte to an offset without a bounds check.
_BLOCK_SIZE = 256


def build_double_array(values):
    """Build the double array of a map from strings to values.

    It has the layout of darts-clone: the unit for a prefix and one more byte is
    at the exclusive or of the byte and the offset in the prefix's unit.
    Prefixes with equal continuations and values share an offset.

    Args:
        values: Dictionary from `bytes` to ints of up to 31 bits. The keys must
            not be empty and must not contain zeros.

    Returns:
        A uint32 array of rank 1.

    Raises:
        ValueError: If the strings exceed the limits of the format.
    """
    root = {}
    for string, value in values.items():
        node = root
        for byte in string:
            node = node.setdefault(byte, {})
        node[0] = value
    branches = {}
    root = _intern(root, branches)
    # Nodes with the most children are placed first.
    branches = sorted(branches, key=len, reverse=True)
    positions = _place(branches)
    size = max(positions.values()) // _BLOCK_SIZE * _BLOCK_SIZE + _BLOCK_SIZE
    if size > _MOST_NUMBERS:
        raise ValueError(
            "`values` must fit into a double array, which has at most "
            f"{_MOST_NUMBERS} units. Received: {len(values)} strings, which "
            f"take {size}"
        )
    array = np.zeros(size, "uint32")
    array[0] = positions[root] << _OFFSET_SHIFT
    for branch in branches:
        for byte, following in branch:
            index = positions[branch] ^ byte
            if byte == 0:
                array[index] = following | _IS_VALUE
                continue
            number = (index ^ positions[following]) << _OFFSET_SHIFT | byte
            if following[0][0] == 0:
                number |= _HAS_VALUE
            array[index] = number
    return array


def _intern(node, branches):
    """Convert a node to a tuple that is shared by equal nodes."""
    branch = tuple(
        (byte, _intern(following, branches) if byte else following)
        for byte, following in sorted(node.items())
    )
    return branches.setdefault(branch, branch)


def _place(branches):
    """Find an offset for each node's children."""
    positions = {}
    used = set()
    free = np.ones(_BLOCK_SIZE, "bool")
    # Where the array starts.
    free[0] = False
    position = 0
    for branch in branches:
        following = np.array([byte for byte, _ in branch])
        step = 1
        if len(branch) > 1:
            # UTF-8 has 64 consecutive continuation bytes.
            position, step = 0, 64
        while position in used or not free[position ^ following].all():
            position += step
            if position + _BLOCK_SIZE > len(free):
                free = np.append(free, np.ones_like(free))
        positions[branch] = position
        used.add(position)
        free[position ^ following] = False
    return positions
