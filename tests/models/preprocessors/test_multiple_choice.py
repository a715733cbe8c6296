import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_squeeze import models
from tests.task_checks import check_graph
from tests.task_checks import to_numpy

PROMPTS = [
    "It rained all day, so she took",
    "He was hungry.",
    "The dog that had run through the whole of the town",
]
CHOICES = [
    ["a nap.", "an umbrella with her.", "the piano and a very long walk home"],
    ["Then he ate."],
    ["slept!", ""],
]
X = {"prompt": PROMPTS, "choices": CHOICES}
LENGTH = 14


@pytest.fixture(scope="module")
def preprocessor(vocabulary):
    tokenizer = models.MobileBertTokenizer(vocabulary)
    return models.MobileBertMultipleChoicePreprocessor(
        tokenizer, sequence_length=LENGTH
    )


@pytest.fixture(scope="module")
def expected(oracle):
    """The results of transformers for each pair, and zeros for no pair."""
    arrays = np.zeros((3, 3, 3, LENGTH), "int32")
    for i, (prompt, choices) in enumerate(zip(PROMPTS, CHOICES, strict=True)):
        pairs = oracle(
            [prompt] * len(choices),
            choices,
            padding="max_length",
            truncation=True,
            max_length=LENGTH,
        )
        names = ("input_ids", "token_type_ids", "attention_mask")
        for array, name in zip(arrays, names, strict=True):
            array[i, : len(choices)] = pairs[name]
    names = ("token_ids", "segment_ids", "padding_mask")
    return dict(zip(names, arrays, strict=True))


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


def test_pairs_of_the_original(preprocessor, expected):
    found = to_numpy(preprocessor(X))
    assert found["token_ids"].dtype == np.int32
    # Two of them are too long.
    assert (expected["padding_mask"].sum(-1) == LENGTH).sum() >= 2
    assert_same(found, expected)


@pytest.mark.parametrize(
    "choices",
    [
        [*CHOICES[:1], [*CHOICES[1], None, None], [*CHOICES[2], None]],
        tuple(map(tuple, CHOICES)),
        np.array(CHOICES, "object"),
        tf.ragged.constant(CHOICES),
        [[choice.encode() for choice in row] for row in CHOICES],
    ],
)
def test_forms_of_choices(preprocessor, expected, choices):
    x = {"prompt": np.array(PROMPTS), "choices": choices}
    assert_same(to_numpy(preprocessor(x)), expected)


def test_missing_choice_keeps_its_place(preprocessor, expected):
    rows = [["slept!", None, ""]]
    found = to_numpy(preprocessor({"prompt": PROMPTS[2:], "choices": rows}))
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name][0], array[2, [0, 2, 1]])


def test_graph(preprocessor, expected):
    ragged = {"prompt": PROMPTS, "choices": tf.ragged.constant(CHOICES)}
    y = [1, 0, 0]
    found, labels = check_graph(preprocessor, ragged, y)
    assert_same(found, expected)
    assert labels.tolist() == y
    even = {
        "prompt": tf.constant(PROMPTS),
        "choices": tf.constant([["a", "b c d e"]] * 3),
    }
    found = check_graph(preprocessor, even)
    assert found["token_ids"].shape == (3, 2, LENGTH)


def test_single_prompts(preprocessor, expected):
    x = {"prompt": PROMPTS[0], "choices": CHOICES[0]}
    found, label = to_numpy(preprocessor(x, y=2))
    assert label == 2
    assert_same(found, {name: a[0] for name, a in expected.items()})
    data_set = tf.data.Dataset.from_tensor_slices(
        {"prompt": PROMPTS, "choices": tf.ragged.constant(CHOICES)}
    )
    rows = list(data_set.map(preprocessor).as_numpy_iterator())
    for i, row in enumerate(rows):
        count = len(CHOICES[i])
        assert_same(row, {n: a[i, :count] for n, a in expected.items()})


def test_sample_weights_are_passed_on(preprocessor):
    _, y, weights = preprocessor(X, y=[0, 0, 1], sample_weight=[1.0, 2.0, 3.0])
    assert list(to_numpy(y)) == [0, 0, 1]
    assert list(weights) == [1.0, 2.0, 3.0]


def test_serving_inputs(preprocessor, expected):
    found = preprocessor.serving_inputs(X)
    is_choice = expected["padding_mask"].any(-1)
    assert_same(found, {n: a[is_choice] for n, a in expected.items()})


@pytest.mark.parametrize(
    "x, message",
    [
        (PROMPTS, 'dictionary with the keys "prompt" and "choices"'),
        ({"prompt": PROMPTS}, r"Received: the keys \['prompt'\]"),
        ({**X, "label": [0]}, r"the keys \['choices', 'label', 'prompt'\]"),
        ({"prompt": PROMPTS, "choices": CHOICES[:2]}, "2 lists for 3 prompts"),
        (
            {"prompt": PROMPTS[:2], "choices": [["a"], []]},
            r"at least one choice. Received: choices=\[\] for prompt 1",
        ),
        (
            {"prompt": PROMPTS[:2], "choices": [["a"], [None]]},
            r"at least one choice. Received: choices=\[None\] for prompt 1",
        ),
        (
            {"prompt": PROMPTS[:2], "choices": [["a"], "bc"]},
            "must be a list of strings. Received: choices='bc' for prompt 1",
        ),
        (
            {"prompt": PROMPTS[:2], "choices": ["a", "bc"]},
            "must be a list of strings. Received: choices='a' for prompt 0",
        ),
        ({"prompt": PROMPTS[0], "choices": "a"}, "`choices` must be a list"),
        (
            {"prompt": PROMPTS[:1], "choices": [["a", 3]]},
            "must be strings. Received: 3 of type int",
        ),
    ],
)
def test_wrong_inputs(preprocessor, x, message):
    with pytest.raises(ValueError, match=message):
        preprocessor(x)


@pytest.mark.parametrize(
    "y, message",
    [
        ([0, 1, 0], "Received: 1 for prompt 1 with 1 choices"),
        ([3, 0, 0], "Received: 3 for prompt 0 with 3 choices"),
        ([-1, 0, 0], "Received: -1 for prompt 0"),
        ([0, 0, 0.5], "Received: 0.5 for prompt 2"),
        (["0", "0", "0"], "Received: '0' for prompt 0"),
        ([0, 0], r"labels of the shape \(2,\) for 3 prompts"),
    ],
)
def test_wrong_labels(preprocessor, y, message):
    with pytest.raises(ValueError, match=message):
        preprocessor(X, y=y)


@pytest.mark.parametrize(
    "choices, y, message",
    [
        ([["a"], ["b"], []], [0, 0, 0], "at least one choice"),
        ([["a"], ["b"]], [0, 0, 0], "a list of choices for each prompt"),
        (CHOICES, [0, 1, 0], "Labels must be the indices of choices"),
    ],
)
def test_wrong_batches_in_a_graph(preprocessor, choices, y, message):
    x = {"prompt": PROMPTS, "choices": tf.ragged.constant(choices)}
    data_set = tf.data.Dataset.from_tensors((x, y))
    # The shapes of these batches are known in advance.
    errors = (ValueError, tf.errors.InvalidArgumentError)
    with pytest.raises(errors, match=message):
        next(iter(data_set.map(lambda x, y: preprocessor(x, y=y))))


def test_batches_of_unknown_sizes_in_a_graph(preprocessor, expected):
    def of_unknown_size(count):
        parts = (PROMPTS, tf.ragged.constant(CHOICES[:count]))
        data_set = tf.data.Dataset.zip(
            *(tf.data.Dataset.from_tensor_slices(x).batch(4) for x in parts)
        )
        data_set = data_set.map(lambda p, c: {"prompt": p, "choices": c})
        return next(iter(data_set.map(preprocessor)))

    assert_same(to_numpy(of_unknown_size(3)), expected)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="a list of choices for each"
    ):
        of_unknown_size(2)


def test_config(preprocessor, expected, vocabulary):
    config = keras.saving.serialize_keras_object(preprocessor)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is models.MobileBertMultipleChoicePreprocessor
    again.tokenizer.set_vocabulary(vocabulary)
    assert_same(to_numpy(again(X)), expected)
