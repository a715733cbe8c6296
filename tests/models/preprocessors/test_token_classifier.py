import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_squeeze.models import MobileBertTokenClassifierPreprocessor
from keras_squeeze.models import MobileBertTokenizer
from tests.bert_oracle import make_fast_tokenizer
from tests.task_checks import check_graph
from tests.task_checks import to_numpy

WORDS = [
    ["The", "unaffable", "Café", "中国", "O'Neil's", "[MASK]", "."],
    [],
    ["fox"],
    # Some words have no tokens, including the first and the last.
    ["\u200b", "quick", "\u200b", "antidisestablishmentarianism", "\x00", ""],
    "it was the best of times , it was the worst of times".split(),
    ["incomprehensibilities"] * 7,
]
NAMES = {
    "token_ids": "input_ids",
    "segment_ids": "token_type_ids",
    "padding_mask": "attention_mask",
}
SIZES = [(16, 4), (16, 0), (9, 3), (8, 5), (32, 8), (4, 1), (3, 0), (128, 32)]


def labels_of(words):
    """A different label for each word."""
    counts = np.cumsum([0, *map(len, words)])
    return [
        list(range(1 + start, 1 + end))
        for start, end in zip(counts, counts[1:], strict=False)
    ]


@pytest.fixture(scope="module")
def tokenizer(vocabulary):
    return MobileBertTokenizer(vocabulary)


@pytest.fixture(scope="module")
def oracle(vocabulary, tmp_path_factory):
    tokenizer = make_fast_tokenizer(
        vocabulary, tmp_path_factory.mktemp("oracle")
    )

    def encode(words, labels, sequence_length, stride):
        """The windows of transformers, and where words should count."""
        rows = []
        for sample, of_sample in zip(words, labels, strict=True):
            windows = tokenizer(
                sample,
                is_split_into_words=True,
                padding="max_length",
                truncation=True,
                max_length=sequence_length,
                stride=stride,
                return_overflowing_tokens=True,
            )
            whole = tokenizer(
                sample, is_split_into_words=True, add_special_tokens=False
            )
            step = sequence_length - 2 - stride
            y = np.zeros((len(windows["input_ids"]), sequence_length), "int32")
            context = {}
            for i in range(len(y)):
                word_ids = windows.word_ids(i)
                columns = [k for k, w in enumerate(word_ids) if w is not None]
                for k in columns:
                    word = word_ids[k]
                    if i * step + k - 1 != whole.word_ids().index(word):
                        continue
                    distance = min(k - columns[0], columns[-1] - k)
                    if distance > context.get(word, (-1,))[0]:
                        context[word] = distance, i, k
            for word, (_, i, k) in context.items():
                y[i, k] = of_sample[word]
            x = {name: windows[theirs] for name, theirs in NAMES.items()}
            rows.append((x, y))
        x = {
            name: np.concatenate([part[name] for part, _ in rows])
            for name in NAMES
        }
        return x, np.concatenate([part for _, part in rows])

    return encode


def assert_equal(output, expected):
    output = to_numpy(output)
    assert sorted(output) == sorted(expected)
    for name, array in output.items():
        assert array.dtype == "int32"
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("sequence_length, stride", SIZES)
def test_windows_and_labels(tokenizer, oracle, sequence_length, stride):
    preprocessor = MobileBertTokenClassifierPreprocessor(
        tokenizer, sequence_length=sequence_length, stride=stride
    )
    labels = labels_of(WORDS)
    x, y, weights = preprocessor(WORDS, y=labels)
    expected, expected_labels = oracle(WORDS, labels, sequence_length, stride)
    assert_equal(x, expected)
    assert_equal({"y": y}, {"y": expected_labels})
    weights = to_numpy(weights)
    assert weights.dtype == "float32"
    np.testing.assert_array_equal(weights, expected_labels > 0)
    # Every word that has tokens counts once.
    found = expected_labels[expected_labels > 0]
    absent = {9, 11, 13, 14}
    assert sorted(found) == sorted(set(sum(labels, [])) - absent)
    assert_equal(preprocessor(WORDS), expected)


@pytest.mark.parametrize("sequence_length, stride", SIZES)
def test_graph(tokenizer, sequence_length, stride):
    preprocessor = MobileBertTokenClassifierPreprocessor(
        tokenizer, sequence_length=sequence_length, stride=stride
    )
    x = tf.ragged.constant(WORDS)
    outputs = check_graph(preprocessor, x, tf.ragged.constant(labels_of(WORDS)))
    assert outputs[1].max() == sum(map(len, WORDS))
    check_graph(preprocessor, x)


def test_graph_of_dense_tensors(tokenizer):
    preprocessor = MobileBertTokenClassifierPreprocessor(tokenizer, 8, 2)
    x, y = [["a", "fox", "ran"], ["the", "", "dog"]], [[1, 2, 3], [4, 0, 5]]
    _, y, weights = check_graph(preprocessor, tf.constant(x), tf.constant(y))
    assert y[weights > 0].tolist() == [1, 2, 3, 4, 5]


def test_tf_data(tokenizer, oracle):
    preprocessor = MobileBertTokenClassifierPreprocessor(tokenizer, 16, 4)
    labels = labels_of(WORDS)
    data_set = tf.data.Dataset.from_tensor_slices(
        (
            tf.ragged.constant(WORDS),
            tf.ragged.constant(labels),
            tf.range(6, dtype="float32"),
        )
    )
    data_set = data_set.ragged_batch(4).map(preprocessor)
    assert data_set.element_spec[0]["token_ids"].shape == (None, 16)
    x, y, weights = zip(*data_set.as_numpy_iterator(), strict=True)
    expected, expected_labels = oracle(WORDS, labels, 16, 4)
    for name, array in expected.items():
        np.testing.assert_array_equal(
            np.concatenate([part[name] for part in x]), array
        )
    np.testing.assert_array_equal(np.concatenate(y), expected_labels)
    weights, y = np.concatenate(weights), np.concatenate(y)
    assert set(weights[(y >= 9) & (y <= 14)]) == {3.0}
    assert set(weights[y == 8]) == {2.0}


@pytest.mark.parametrize(
    "convert",
    [
        list,
        tuple,
        lambda x: np.fromiter(x, "object", len(x)),
        lambda x: [np.array(row) for row in x],
        tf.ragged.constant,
    ],
)
def test_forms_of_inputs(tokenizer, convert):
    preprocessor = MobileBertTokenClassifierPreprocessor(tokenizer, 8, 2)
    x, y = [["a", "fox"], ["the"]], [[1, 2], [3]]
    # A tuple alone would be taken for inputs and labels.
    outputs = preprocessor(convert(x), convert(y))
    expected = preprocessor(x, y)
    keras.tree.map_structure(
        np.testing.assert_array_equal, to_numpy(outputs), to_numpy(expected)
    )
    assert to_numpy(outputs)[1].sum() == 6


def test_rows_of_floats(tokenizer):
    preprocessor = MobileBertTokenClassifierPreprocessor(tokenizer, 10, 2)
    ids = labels_of(WORDS)
    rows = [
        np.array([[i, i + 0.5] for i in row], "float32").reshape(-1, 2)
        for row in ids
    ]
    x, y, weights = preprocessor(WORDS, y=ids)
    expected = to_numpy(y)[..., np.newaxis] + [0, 0.5]
    expected *= to_numpy(weights)[..., np.newaxis]
    with_rows = preprocessor(WORDS, y=np.fromiter(rows, "object", len(rows)))
    assert_equal(with_rows[0], {name: to_numpy(a) for name, a in x.items()})
    y = to_numpy(with_rows[1])
    assert y.dtype == "float32"
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(to_numpy(with_rows[2]), to_numpy(weights))
    with pytest.raises(ValueError, match="labels of shape"):
        preprocessor(WORDS, y=[rows[0][:-1], *rows[1:]])


def test_sample_weight(tokenizer):
    preprocessor = MobileBertTokenClassifierPreprocessor(tokenizer, 6, 1)
    x, y = [["a", "fox"], ["dog"] * 9], [[1, 2], [1] * 9]
    _, _, weights = preprocessor(x, y, [2.0, 0.5])
    weights = to_numpy(weights)
    assert weights[0].tolist() == [0, 2, 2, 0, 0, 0]
    assert weights[1:].sum() == 4.5
    with pytest.raises(ValueError, match="2 samples and weights of shape"):
        preprocessor(x, y, [2.0, 0.5, 1.0])


def test_outputs_are_tensors_of_the_backend(tokenizer):
    preprocessor = MobileBertTokenClassifierPreprocessor(tokenizer, 8)
    outputs = preprocessor(WORDS, y=labels_of(WORDS))
    assert all(map(keras.ops.is_tensor, keras.tree.flatten(outputs)))


def test_sizes_can_be_set(tokenizer, oracle):
    preprocessor = MobileBertTokenClassifierPreprocessor(tokenizer)
    assert preprocessor.sequence_length == 512
    labels = labels_of(WORDS)
    for sequence_length, stride, used in ((16, None, 4), (9, 0, 0), (9, 5, 5)):
        preprocessor.sequence_length = sequence_length
        preprocessor.stride = stride
        x, y, _ = preprocessor(WORDS, labels)
        expected, expected_labels = oracle(WORDS, labels, sequence_length, used)
        assert_equal(x, expected)
        assert_equal({"y": y}, {"y": expected_labels})


def test_config(tokenizer):
    preprocessor = MobileBertTokenClassifierPreprocessor(
        tokenizer, sequence_length=24, stride=3
    )
    config = preprocessor.get_config()
    again = MobileBertTokenClassifierPreprocessor.from_config(config)
    assert again.sequence_length == 24
    assert again.stride == 3
    assert again.get_config() == preprocessor.get_config()
    assert not {"truncate", "truncation_side"} & set(config)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"stride": -1}, ValueError, "`stride` .* Received: stride=-1"),
        ({"stride": 1.5}, ValueError, "stride=1.5"),
        ({"sequence_length": 1}, ValueError, "sequence_length=1"),
        ({"truncate": "only_first"}, TypeError, "truncate"),
    ],
)
def test_wrong_arguments(tokenizer, arguments, error, message):
    with pytest.raises(error, match=message):
        MobileBertTokenClassifierPreprocessor(tokenizer, **arguments)


@pytest.mark.parametrize("sequence_length, stride", [(10, 8), (2, None)])
def test_no_room(tokenizer, sequence_length, stride):
    preprocessor = MobileBertTokenClassifierPreprocessor(
        tokenizer, sequence_length=sequence_length, stride=stride
    )
    with pytest.raises(ValueError, match=f"`stride` .*stride={stride}, seq"):
        preprocessor(WORDS)


@pytest.mark.parametrize(
    "x, y, message",
    [
        ("a text", None, "must be a list of samples"),
        (["a text"], None, "Sample 0 of `x` must be a list of words"),
        ([], None, "at least one sample"),
        ([["a"]], [[1], [2]], "1 samples and 2 lists of labels"),
        ([["a"], ["b", "c"]], [[1], [2]], r"2 words .* \(1,\) for sample 1"),
        ([["a"], ["b"]], [1, 2], r"1 words .* \(\) for sample 0"),
        ([["a"]], 1, "`y` must be a list of samples"),
        ([["a"], ["b"]], [[1], ["O"]], r"class ids.*\['O'\] for sample 1"),
        ([["a"]], [[0.5]], "must have class ids"),
    ],
)
def test_wrong_inputs(tokenizer, x, y, message):
    preprocessor = MobileBertTokenClassifierPreprocessor(tokenizer, 8)
    with pytest.raises(ValueError, match=message):
        preprocessor(x, y=y)


def test_wrong_inputs_in_a_data_set(tokenizer):
    preprocessor = MobileBertTokenClassifierPreprocessor(tokenizer, 8)
    data_set = tf.data.Dataset.from_tensors(
        (tf.ragged.constant([["a"], ["b"]]), tf.ragged.constant([[1], [2, 3]]))
    )
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="one label per word"
    ):
        list(data_set.map(preprocessor))
    data_set = tf.data.Dataset.from_tensors(["a text"])
    with pytest.raises(ValueError, match="of rank 2"):
        data_set.map(preprocessor)
