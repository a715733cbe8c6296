import numpy as np
import pytest
import tensorflow as tf

from keras_squeeze.tokenizers.texts import flatten_texts
from keras_squeeze.tokenizers.texts import join_innermost
from keras_squeeze.tokenizers.texts import lists_to_arrays
from keras_squeeze.tokenizers.texts import regroup
from keras_squeeze.tokenizers.texts import text_segments
from keras_squeeze.tokenizers.texts import word_rows


@pytest.mark.parametrize(
    "inputs, texts, nesting",
    [
        ("a", ["a"], None),
        (b"caf\xc3\xa9", ["café"], None),
        (np.str_("a"), ["a"], None),
        (np.array("a"), ["a"], None),
        ([], [], 0),
        (["a", "b"], ["a", "b"], 2),
        (("a", b"b", np.str_("c")), ["a", "b", "c"], 3),
        (np.array(["a", "b"]), ["a", "b"], 2),
        (np.array([b"a", "b"], "object"), ["a", "b"], 2),
        ([["a", "b"], ["c"]], ["a", "b", "c"], [2, 1]),
        ([["a"], []], ["a"], [1, 0]),
        ([[["a"], ["b"]], [["c"]]], ["a", "b", "c"], [[1, 1], [1]]),
        (np.array([["a", "b"]]), ["a", "b"], [2]),
    ],
)
def test_flatten_texts(inputs, texts, nesting):
    assert flatten_texts(inputs) == (texts, nesting)
    assert all(type(text) is str for text in flatten_texts(inputs)[0])


def test_flatten_texts_of_tensors():
    tf = pytest.importorskip("tensorflow")
    assert flatten_texts(tf.constant("é")) == (["é"], None)
    assert flatten_texts(tf.constant(["é", "b"])) == (["é", "b"], 2)
    ragged = tf.ragged.constant([["a"], ["b", "c"]])
    assert flatten_texts(ragged) == (["a", "b", "c"], [1, 2])


@pytest.mark.parametrize(
    "inputs, message",
    [
        (None, "must be strings. Received: None of type NoneType"),
        (["a", None], "Received: None of type NoneType"),
        (["a", float("nan")], "Received: nan of type float"),
        ([1, 2], "Received: 1 of type int"),
        (np.arange(3), "Received: 0 of type int"),
        ({"a": 1}, "of type dict"),
        (["a", b"\xff"], "must be UTF-8 text. Received: b'\\\\xff'"),
        (["a", ["b"]], "the same nesting depth"),
    ],
)
def test_flatten_texts_rejects(inputs, message):
    with pytest.raises(ValueError, match=message):
        flatten_texts(inputs)


def test_message_stays_short():
    with pytest.raises(ValueError) as error:
        flatten_texts([["a"] * 10_000, "b"])
    assert len(str(error.value)) < 250


@pytest.mark.parametrize(
    "nesting, expected",
    [
        (None, 0),
        (3, [0, 1, 2]),
        ([2, 1], [[0, 1], [2]]),
        ([[1, 1], [], [1]], [[[0], [1]], [], [[2]]]),
    ],
)
def test_regroup(nesting, expected):
    assert regroup([0, 1, 2], nesting) == expected


def test_regroup_keeps_even_arrays_dense():
    rows = np.arange(12).reshape(4, 3)
    assert regroup(rows, [2, 2]).shape == (2, 2, 3)
    ragged = regroup(rows, [1, 3])
    assert [part.shape for part in ragged] == [(1, 3), (3, 3)]


@pytest.mark.parametrize(
    "nesting, expected",
    [
        (None, ([1], None)),
        (4, ([4], None)),
        ([2, 0, 1], ([2, 0, 1], 3)),
        ([[2], [1, 1]], ([2, 1, 1], [1, 2])),
    ],
)
def test_join_innermost(nesting, expected):
    assert join_innermost(nesting) == expected


def test_lists_to_arrays_takes_lists_of_strings_only():
    first, labels, single = lists_to_arrays((["a", "b"], [1, 2], "c"))
    assert first.dtype == "object" and first.tolist() == ["a", "b"]
    assert labels == [1, 2]
    assert single == "c"


@pytest.mark.parametrize("missing", [None, np.nan, np.float32("nan"), b"\xff"])
def test_what_is_missing_among_strings_stays_what_it_is(missing):
    for inputs in (["a", missing], [missing, "a"]):
        assert lists_to_arrays(inputs).tolist() == inputs
        found = lists_to_arrays([inputs, ["b", "c"]])
        assert found.tolist() == [inputs, ["b", "c"]]
    assert lists_to_arrays([["a"], missing]).tolist() == [["a"], missing]
    assert lists_to_arrays([missing, [1]]).tolist() == [missing, [1]]


def test_text_segments():
    assert text_segments("a") == ([["a"]], False)
    assert text_segments(["a", "b"]) == ([["a", "b"]], True)
    assert text_segments(("a", "b")) == ([["a"], ["b"]], False)
    assert text_segments((["a"], np.array(["b"]))) == ([["a"], ["b"]], True)


@pytest.mark.parametrize(
    "x, message",
    [
        ((), "at least one segment"),
        ((["a", "b"], ["c"]), "Received: 2 and 1 strings"),
        (("a", ["b"]), "same number of strings"),
        ([["a", "b"], ["c", "d"]], "use a tuple of two lists"),
        ((["a", None], ["b", "c"]), "None of type NoneType"),
        (["a", np.nan], "Text 1 of `x` is invalid.* Received: nan"),
        ((["a"], [b"\xff"]), r"Text 0 of `x\[1\]` is invalid.* UTF-8"),
        (np.array(["a", None], "object"), "Text 1 of `x` is invalid"),
        ({}, "`x` is invalid.* of type dict"),
    ],
)
def test_text_segments_rejects(x, message):
    with pytest.raises(ValueError, match=message):
        text_segments(x)


WORD_LISTS = [["a", "b"], [], ["c"]]


@pytest.mark.parametrize(
    "convert",
    [
        list,
        tuple,
        lambda x: np.fromiter(x, "object", len(x)),
        lambda x: [np.array(words, "str") for words in x],
        lambda x: [[word.encode() for word in words] for words in x],
        tf.ragged.constant,
    ],
)
def test_word_rows(convert):
    words, counts = word_rows(convert(WORD_LISTS))
    assert words == ["a", "b", "c"]
    assert counts.dtype == "int32"
    assert counts.tolist() == [2, 0, 1]


@pytest.mark.parametrize("is_ragged", [True, False])
def test_word_rows_in_a_data_set(is_ragged):
    x = tf.ragged.constant(WORD_LISTS) if is_ragged else [["a", "b"]]
    data_set = tf.data.Dataset.from_tensors(x).map(word_rows)
    words, counts = next(iter(data_set))
    assert counts.dtype == "int32"
    if is_ragged:
        assert words.numpy().tolist() == [b"a", b"b", b"c"]
        assert counts.numpy().tolist() == [2, 0, 1]
    else:
        assert counts.numpy().tolist() == [2]


@pytest.mark.parametrize(
    "x, message",
    [
        ("a text", "must be a list of samples. Received: x='a text'"),
        ([], "at least one sample"),
        (["a text", "b"], "Sample 0 of `x` must be a list of words.*'a text'"),
        ([["a"], "a text"], "Sample 1 of `x` must be a list of words"),
        ([["a"], [["b"]]], "Sample 1 of `x` must be a list of words"),
        ([["a"], ["b", None]], "Sample 1 .* must be strings. Received: None"),
        ([["a"], ["b", ["c"]]], "Sample 1 .* the same nesting depth"),
    ],
)
def test_what_are_no_words(x, message):
    with pytest.raises(ValueError, match=message):
        word_rows(x)


@pytest.mark.parametrize("x", [["a", "b"], [[1, 2]]])
def test_what_are_no_words_in_a_data_set(x):
    data_set = tf.data.Dataset.from_tensors(x)
    with pytest.raises(ValueError, match="of rank 2|must be strings"):
        data_set.map(word_rows)


def test_arrays_as_samples():
    samples = [np.array(["a", "b"]), np.array(["c"])]
    arrays = lists_to_arrays(samples)
    assert arrays.shape == (2,)
    assert [words.tolist() for words in arrays] == [["a", "b"], ["c"]]
    numbers = [np.array([1, 2]), np.array([3, 4])]
    assert lists_to_arrays(numbers) is numbers
