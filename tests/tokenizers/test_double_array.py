import numpy as np
import pytest

from keras_squeeze.tokenizers import double_array
from keras_squeeze.tokenizers.double_array import build_double_array
from tests.backends import only_on

pytestmark = only_on(
    "tensorflow", reason="the arrays are the same on every backend"
)


def look_up(array, string):
    """Follow the bytes of a string as darts-clone does."""

    def following(index):
        number = int(array[index])
        # Large offsets are in units of 256.
        return index ^ ((number >> 10) << ((number & 0x200) >> 6))

    index = 0
    for byte in string:
        index = following(index) ^ byte
        if int(array[index]) & 0x800000FF != byte:
            return None
    if not int(array[index]) & 0x100:
        return None
    return int(array[following(index)]) & 0x7FFFFFFF


def test_strings_are_found_and_others_are_not():
    random = np.random.default_rng(0)
    characters = [chr(i) for i in random.choice(0xD000, 2000, replace=False)]
    strings = [
        character.encode() for character in characters if character > "\0"
    ]
    values = {string: int(random.integers(2**31)) for string in strings[:1000]}
    # Some strings are prefixes of others, and some have the same value.
    values.update({b"ab": 0, b"abc": 1, b"abcd": 1, b"xbcd": 1})
    array = build_double_array(values)
    assert array.dtype == "uint32"
    assert len(array) % 256 == 0
    for string in [*strings, *values, b"a", b"abcde", b"x", b"cd"]:
        assert look_up(array, string) == values.get(string)


def test_what_is_alike_is_there_once():
    """Tests all private use characters of a plane, which are dropped."""
    plane = {chr(i).encode(): 7 for i in range(0xF0000, 0xFFFFE)}
    assert len(build_double_array(plane)) <= 1024


def test_too_many_strings(monkeypatch):
    monkeypatch.setattr(double_array, "_MOST_NUMBERS", 256)
    strings = {chr(i).encode(): i for i in range(1, 300)}
    with pytest.raises(ValueError, match="299 strings"):
        build_double_array(strings)
