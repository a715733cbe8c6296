import keras
import keras_hub
import numpy as np
import pytest

from keras_squeeze.models import MobileBertBackbone
from keras_squeeze.models import MobileBertTextClassifier
from keras_squeeze.models import MobileBertTextClassifierPreprocessor
from keras_squeeze.models import MobileBertTokenizer
from tests.bert_oracle import make_fast_tokenizer
from tests.tiny import tiny_backbone

tf = pytest.importorskip("tensorflow")

FIRST = [
    "The quick brown fox jumped over the lazy dog.",
    "",
    "Café 中国 [MASK] 👩‍👩‍👧 x\x00y",
    "[PAD] is a token here [PAD]",
]
SECOND = ["Did it?", "No text before this.", "", "The fox tripped " * 9]
NAMES = {
    "token_ids": "input_ids",
    "segment_ids": "token_type_ids",
    "padding_mask": "attention_mask",
}


@pytest.fixture(scope="module")
def tokenizer(vocabulary):
    return MobileBertTokenizer(vocabulary)


@pytest.fixture
def preprocessor(tokenizer):
    return MobileBertTextClassifierPreprocessor(tokenizer, sequence_length=16)


@pytest.fixture(scope="module")
def oracle(vocabulary, tmp_path_factory):
    tokenizer = make_fast_tokenizer(
        vocabulary, tmp_path_factory.mktemp("oracle")
    )

    def encode(*texts, sequence_length=16, **options):
        encoding = tokenizer(
            *texts,
            padding="max_length",
            max_length=sequence_length,
            return_tensors="np",
            **{"truncation": True, **options},
        )
        return {name: encoding[theirs] for name, theirs in NAMES.items()}

    return encode


def assert_equal(output, expected):
    assert sorted(output) == sorted(expected)
    for name, array in output.items():
        if not isinstance(array, (np.ndarray, tf.Tensor)):
            array = keras.ops.convert_to_numpy(array)
        assert keras.backend.standardize_dtype(array.dtype) == "int32"
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize(
    "convert",
    [list, np.array, lambda x: np.array(x, "object"), tf.constant],
)
def test_single_texts(preprocessor, oracle, convert):
    assert_equal(preprocessor(convert(FIRST)), oracle(FIRST))


def test_outputs_are_tensors_of_the_backend(preprocessor):
    for output in (preprocessor(FIRST), preprocessor(FIRST[0])):
        assert all(map(keras.ops.is_tensor, output.values()))


def test_pairs(preprocessor, oracle):
    output, labels = preprocessor((FIRST, SECOND), y=[1, 0, 1, 0])
    assert_equal(output, oracle(FIRST, SECOND))
    assert labels == [1, 0, 1, 0]


def test_written_pad_token_is_no_padding(preprocessor):
    output = preprocessor(["[PAD] [PAD]"])
    mask = keras.ops.convert_to_numpy(output["padding_mask"])
    assert mask[0].sum() == 4


def test_unbatched(preprocessor, oracle):
    single = {name: array[0] for name, array in oracle(FIRST[:1]).items()}
    assert_equal(preprocessor(FIRST[0]), single)
    pair = oracle(FIRST[:1], SECOND[:1])
    pair = {name: array[0] for name, array in pair.items()}
    output, label = preprocessor((FIRST[0], SECOND[0]), y=1)
    assert_equal(output, pair)
    assert label == 1


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("sequence_length", [4, 7, 12, 40])
def test_longest_first_truncation(
    vocabulary, tokenizer, tmp_path, sequence_length, side
):
    theirs = make_fast_tokenizer(vocabulary, tmp_path, truncation_side=side)(
        FIRST,
        SECOND,
        padding="max_length",
        truncation=True,
        max_length=sequence_length,
        return_tensors="np",
    )
    preprocessor = MobileBertTextClassifierPreprocessor(
        tokenizer, sequence_length=sequence_length, truncation_side=side
    )
    output, _ = preprocessor((FIRST, SECOND), y=0)
    assert_equal(output, {name: theirs[NAMES[name]] for name in NAMES})


@pytest.mark.parametrize("strategy", ["only_first", "only_second"])
def test_truncation_of_one_segment(tokenizer, oracle, strategy):
    preprocessor = MobileBertTextClassifierPreprocessor(
        tokenizer, sequence_length=12, truncate=strategy
    )
    pair = (
        (FIRST[:1], ["No."])
        if strategy == "only_first"
        else (
            ["No."],
            FIRST[:1],
        )
    )
    output, _ = preprocessor(pair, y=0)
    assert_equal(output, oracle(*pair, sequence_length=12, truncation=strategy))


@pytest.mark.parametrize("strategy", ["round_robin", "waterfall"])
def test_keras_hub_truncation(vocabulary, tokenizer, strategy):
    texts = (["the fox " * 9, "a dog"], ["a quick brown dog", "it is " * 9])
    options = {"sequence_length": 14, "truncate": strategy}
    ours = MobileBertTextClassifierPreprocessor(tokenizer, **options)
    theirs = keras_hub.models.BertTextClassifierPreprocessor(
        keras_hub.models.BertTokenizer(vocabulary, lowercase=True), **options
    )
    output, expected = ours(texts, y=0)[0], theirs(texts, y=0)[0]
    for name, array in output.items():
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(array),
            keras.ops.convert_to_numpy(expected[name]),
        )


def test_labels_and_weights_are_passed_through(preprocessor, oracle):
    labels, weights = np.array([1, 0, 1, 0]), np.array([1.0, 0.5, 1.0, 2.0])
    for output in (
        preprocessor(FIRST, labels, weights),
        preprocessor(FIRST, y=labels, sample_weight=weights),
        preprocessor((FIRST, labels, weights)),
    ):
        x, y, sample_weight = output
        assert_equal(x, oracle(FIRST))
        assert y is labels
        assert sample_weight is weights


@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize("is_pair", [True, False])
def test_tf_data(preprocessor, oracle, is_pair, batch_size):
    labels = [1, 0, 1, 0]
    x = (FIRST, SECOND) if is_pair else FIRST
    dataset = tf.data.Dataset.from_tensor_slices((x, labels))
    if batch_size is None:
        dataset = dataset.map(preprocessor).batch(len(labels))
    else:
        dataset = dataset.batch(batch_size).map(preprocessor)
        dataset = dataset.unbatch().batch(len(labels))
    assert dataset.element_spec[0]["token_ids"].shape[-1] == 16
    output, y = next(iter(dataset))
    assert y.numpy().tolist() == labels
    assert_equal(output, oracle(FIRST, SECOND) if is_pair else oracle(FIRST))


def test_tf_function(preprocessor, oracle):
    pairs = tf.function(lambda x, y: preprocessor((x, y), y=None))
    output = pairs(tf.constant(FIRST), tf.constant(SECOND))
    assert_equal(output, oracle(FIRST, SECOND))
    single = tf.function(lambda x: preprocessor(x))
    assert_equal(single(tf.constant(FIRST)), oracle(FIRST))


def test_sequence_length_can_be_set(preprocessor, oracle):
    for sequence_length in (16, 5, 31):
        preprocessor.sequence_length = sequence_length
        assert preprocessor.sequence_length == sequence_length
        assert_equal(
            preprocessor(FIRST), oracle(FIRST, sequence_length=sequence_length)
        )
    with pytest.raises(ValueError, match="Received: sequence_length=1"):
        preprocessor.sequence_length = 1
    assert preprocessor.sequence_length == 31


@pytest.mark.parametrize(
    "x, message",
    [
        (None, "must be strings. Received: None"),
        (["the", None], "must be strings. Received: None"),
        (["the", float("nan")], "must be strings. Received: nan"),
        (np.array([1, 2]), "must be strings. Received: 1 of type int"),
        (["the", b"\xff"], "must be UTF-8 text"),
        ((["a", "b"], ["c"]), "Received: 2 and 1 strings"),
        (("a", ["b"]), "same number of strings"),
        ([["a", "b"], ["c", "d"]], "use a tuple of two lists"),
    ],
)
def test_inputs_that_are_not_text(preprocessor, x, message):
    with pytest.raises(ValueError, match=message):
        preprocessor(x, y=None)


def test_inputs_that_are_not_text_in_a_graph(preprocessor):
    call = tf.function(lambda x: preprocessor(x, y=None))
    with pytest.raises(ValueError, match="string tensors of rank 1"):
        call(tf.constant([1, 2]))
    with pytest.raises(ValueError, match="string tensors of rank 1"):
        call(tf.constant([["a", "b"]]))
    pairs = tf.function(
        lambda x, y: preprocessor((x, y), y=None),
        input_signature=[tf.TensorSpec([None], tf.string)] * 2,
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="same number"):
        pairs(tf.constant(["a", "b"]), tf.constant(["c"]))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"sequence_length": 0}, "`sequence_length` must be a positive"),
        ({"sequence_length": 1}, "room for the start token"),
        ({"truncate": "first"}, "`truncate` must be one of"),
        ({"truncation_side": "top"}, '`truncation_side` must be "right"'),
    ],
)
def test_invalid_arguments(tokenizer, options, message):
    with pytest.raises(ValueError, match=message):
        MobileBertTextClassifierPreprocessor(tokenizer, **options)


def test_no_room_for_a_pair(tokenizer):
    preprocessor = MobileBertTextClassifierPreprocessor(
        tokenizer, sequence_length=2
    )
    with pytest.raises(ValueError, match="with 2 segments"):
        preprocessor((FIRST, SECOND), y=None)


def test_saving(tokenizer, oracle, tmp_path):
    preprocessor = MobileBertTextClassifierPreprocessor(
        tokenizer,
        sequence_length=16,
        truncate="only_first",
        truncation_side="left",
    )
    config = preprocessor.get_config()
    assert config["truncate"] == "only_first"
    assert config["truncation_side"] == "left"
    preprocessor.save_to_preset(str(tmp_path))
    restored = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(preprocessor)
    )
    restored.tokenizer.load_assets(str(tmp_path / "assets" / "tokenizer"))
    assert restored.get_config() == config
    texts = ["short", "the fox"]
    assert_equal(restored(texts), oracle(texts))


def make_classifier(preprocessor):
    keras.utils.set_random_seed(3)
    backbone = tiny_backbone(
        MobileBertBackbone,
        preprocessor.tokenizer.vocabulary_size(),
        max_sequence_length=16,
    )
    return MobileBertTextClassifier(
        backbone, num_classes=2, preprocessor=preprocessor
    )


def test_pairs_go_through_fit_and_predict(preprocessor):
    classifier = make_classifier(preprocessor)
    x = (FIRST, SECOND)
    history = classifier.fit(x, np.array([0, 1, 0, 1]), batch_size=3, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    predictions = classifier.predict(x, batch_size=3, verbose=0)
    inputs = preprocessor(x, y=None)
    np.testing.assert_allclose(
        predictions,
        keras.ops.convert_to_numpy(classifier(inputs)),
        rtol=1e-4,
        atol=1e-5,
    )
