"""Double arrays, the tries that TensorFlow Text looks strings up in."""

import numpy as np

# What a number has in it. Numbers of nodes have the last byte of their string,
# whether the string has a value, and how to get to the nodes that go on from
# there. Others have the value of a string, and the highest bit set.
_HAS_VALUE = 1 << 8
_OFFSET_SHIFT = 10
_IS_VALUE = 1 << 31
_MOST_NUMBERS = 1 << 21

# Readers add a byte to a position without a look at where the array ends.
_BLOCK_SIZE = 256


def build_double_array(values):
    """Build the double array of strings and their values.

    It is laid out as those of darts-clone are: where a string and one more
    byte are is found by an exclusive or of the byte and a position that the
    number of the string leads to. Strings that go on in the same ways with
    the same values lead to the same position.

    Args:
        values: Dictionary of ints of up to 31 bits by `bytes`, which may be
            neither empty nor have zeros in them.

    Returns:
        An uint32 array of rank 1.

    Raises:
        ValueError: If there are too many strings for the format.
    """
    root = {}
    for string, value in values.items():
        node = root
        for byte in string:
            node = node.setdefault(byte, {})
        node[0] = value
    branches = {}
    root = _intern(root, branches)
    # The largest find room first.
    branches = sorted(branches, key=len, reverse=True)
    positions = _place(branches)
    size = max(positions.values()) // _BLOCK_SIZE * _BLOCK_SIZE + _BLOCK_SIZE
    if size > _MOST_NUMBERS:
        raise ValueError(
            "`values` must fit into a double array, which has at most "
            f"{_MOST_NUMBERS} numbers. Received: {len(values)} strings, which "
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
    """Returns a node as a tuple, the same one for nodes that are equal."""
    branch = tuple(
        (byte, _intern(following, branches) if byte else following)
        for byte, following in sorted(node.items())
    )
    return branches.setdefault(branch, branch)


def _place(branches):
    """Returns a position for each of the branches."""
    positions = {}
    used = set()
    free = np.ones(_BLOCK_SIZE, "bool")
    # Where an array begins.
    free[0] = False
    position = 0
    for branch in branches:
        following = np.array([byte for byte, _ in branch])
        step = 1
        if len(branch) > 1:
            # Of bytes that go on, UTF-8 has 64 in a row.
            position, step = 0, 64
        while position in used or not free[position ^ following].all():
            position += step
            if position + _BLOCK_SIZE > len(free):
                free = np.append(free, np.ones_like(free))
        positions[branch] = position
        used.add(position)
        free[position ^ following] = False
    return positions
