import concurrent.futures
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_squeeze.models import MobileBertMaskedLMPreprocessor
from keras_squeeze.models import MobileBertPretrainingPreprocessor
from keras_squeeze.models import MobileBertTextClassifierPreprocessor
from keras_squeeze.models import MobileBertTokenizer
from keras_squeeze.models.preprocessors import masking_preprocessor
from keras_squeeze.tokenizers.token_masker import TokenMasker
from tests.task_checks import check_graph
from tests.task_checks import to_numpy

CLS, SEP, MASK = 101, 102, 103
TEXTS = [
    "The quick brown fox jumped over the lazy dog.",
    "Call me Ishmael. Some years ago, never mind how long precisely, having "
    "little or no money in my purse, I thought I would sail about a little.",
    "A [MASK] in the text, and [PAD] and [UNK] and [SEP]",
    "one",
    "",
]
SECOND = ["It barked.", "", "Café", "two three", "four"]


@pytest.fixture(scope="module")
def tokenizer(vocabulary):
    # The whole vocabulary would take a second per graph.
    return MobileBertTokenizer(vocabulary[:6000])


@pytest.fixture(scope="module")
def make(tokenizer):
    def make(cls=MobileBertMaskedLMPreprocessor, **kwargs):
        sizes = {"sequence_length": 24, "mask_selection_length": 8}
        return cls(tokenizer, **{**sizes, **kwargs})

    return make


def all_masked(**kwargs):
    return {
        "mask_selection_rate": 1.0,
        "mask_selection_length": 30,
        "mask_token_rate": 1.0,
        "random_token_rate": 0.0,
        **kwargs,
    }


def unmasked(tokenizer, x):
    """The inputs before they are masked."""
    preprocessor = MobileBertTextClassifierPreprocessor(
        tokenizer, sequence_length=24
    )
    return to_numpy(preprocessor(x, y=None))


# === Random masks ===


@pytest.mark.parametrize("x", [TEXTS, (TEXTS, SECOND)])
def test_masks(make, tokenizer, x):
    inputs, ids, weights = to_numpy(make()(x, y=None))
    expected = unmasked(tokenizer, x)
    for name in ("segment_ids", "padding_mask"):
        np.testing.assert_array_equal(inputs[name], expected[name])
    positions = inputs["mask_positions"]
    assert ids.shape == weights.shape == positions.shape == (5, 8)
    special = {0, 100, CLS, SEP, MASK}
    restored = inputs["token_ids"].copy()
    for row in range(5):
        count = int(weights[row].sum())
        selectable = sum(id not in special for id in expected["token_ids"][row])
        assert count == min(selectable, max(1, int(selectable * 0.15 + 0.5)))
        assert weights[row].tolist() == [1] * count + [0] * (8 - count)
        assert not ids[row, count:].any() and not positions[row, count:].any()
        chosen = positions[row, :count]
        assert chosen.tolist() == sorted(set(chosen.tolist()))
        assert not special & set(ids[row, :count].tolist())
        restored[row, chosen] = ids[row, :count]
    np.testing.assert_array_equal(restored, expected["token_ids"])


def test_shares(tokenizer, vocabulary):
    preprocessor = MobileBertMaskedLMPreprocessor(
        tokenizer, sequence_length=102, mask_selection_length=60
    )
    text = " ".join(["house"] * 100)
    house = vocabulary.index("house")
    keras.utils.set_random_seed(0)
    inputs, ids, weights = to_numpy(preprocessor([text] * 2000))
    assert weights.sum() == 2000 * 15
    assert set(ids.ravel().tolist()) == {0, house}
    tokens = inputs["token_ids"]
    masked = (tokens == MASK).sum() / weights.sum()
    other = ~np.isin(tokens, [house, MASK, CLS, SEP])
    assert masked == pytest.approx(0.8, abs=0.01)
    assert other.sum() / weights.sum() == pytest.approx(0.1, abs=0.01)
    assert not {0, 100} & set(tokens[other].tolist())
    # Random words are from the whole vocabulary, and masks are everywhere.
    assert tokens[other].min() < 200 and tokens[other].max() > 5800
    share = weights.sum() / tokens[:, 1:-1].size
    places = (tokens != house)[:, 1:-1].mean(0)
    assert places.min() > 0.5 * share and places.max() < 1.5 * share


@pytest.mark.parametrize("rate, expected", [(0.15, 4), (1.0, 24), (0.01, 1)])
def test_room_for_what_can_be_selected(make, rate, expected):
    """Each prediction covers the vocabulary, so none should be wasted."""
    preprocessor = make(mask_selection_length=None, mask_selection_rate=rate)
    long = " ".join(TEXTS)
    for data in (long, tf.constant([long, "one"])):
        inputs, ids, weights = to_numpy(preprocessor(data))
        for array in (inputs["mask_positions"], ids, weights):
            assert array.shape[-1] == expected
    # All tokens except [CLS] and [SEP].
    assert weights[0].sum() == min(expected, 22 if rate == 1 else 3)
    preprocessor.sequence_length = 48
    inputs, ids, weights = to_numpy(preprocessor(long))
    assert ids.shape == (max(1, int(48 * rate + 0.5)),)


def test_seed(make):
    preprocessor = make()
    found = []
    for seed in (7, 7, 8):
        keras.utils.set_random_seed(seed)
        found.append(to_numpy(preprocessor(TEXTS))[0]["mask_positions"])
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    again = to_numpy(preprocessor(TEXTS))[0]["mask_positions"]
    assert not np.array_equal(found[2], again)


def test_every_epoch_of_a_pipeline_has_its_own_masks(make):
    keras.utils.set_random_seed(7)
    data_set = tf.data.Dataset.from_tensors(TEXTS).map(make())
    epochs = [next(iter(data_set.as_numpy_iterator())) for _ in range(3)]
    positions = [inputs["mask_positions"] for inputs, _, _ in epochs]
    assert not np.array_equal(positions[0], positions[1])
    assert not np.array_equal(positions[1], positions[2])
    keras.utils.set_random_seed(7)
    again = tf.data.Dataset.from_tensors(TEXTS).map(make())
    inputs, _, _ = next(iter(again.as_numpy_iterator()))
    np.testing.assert_array_equal(inputs["mask_positions"], positions[0])


def test_same_random_numbers_in_a_graph(tokenizer):
    masker = TokenMasker(0.3, 9, 0.5, 0.3, MASK, [0, 100, CLS, SEP, MASK], 900)
    ids = unmasked(tokenizer, (TEXTS, SECOND))["token_ids"]
    numbers = np.random.default_rng(0).random((3, *ids.shape), dtype="float32")
    expected = masker(ids, numbers)
    found = tf.function(masker)(
        tf.constant(ids), tuple(map(tf.constant, numbers))
    )
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours.numpy(), theirs)


@pytest.mark.parametrize("x", [TEXTS, (TEXTS, SECOND)])
def test_graph_when_all_is_masked(make, x):
    inputs, ids, weights = check_graph(make(**all_masked()), x)
    assert set(inputs["token_ids"].ravel().tolist()) <= {0, 100, CLS, SEP, MASK}
    assert weights.sum() == (ids != 0).sum() > 30
    assert ids.dtype == "int32" and weights.dtype == "float32"


def test_unbatched(make):
    preprocessor = make(**all_masked())
    batch = to_numpy(preprocessor(TEXTS[:1]))
    single = to_numpy(preprocessor(TEXTS[0]))
    data_set = tf.data.Dataset.from_tensor_slices(TEXTS[:1]).map(preprocessor)
    for found in (single, next(iter(data_set.as_numpy_iterator()))):
        keras.tree.map_structure(
            lambda one, all: np.testing.assert_array_equal(one, all[0]),
            found,
            batch,
        )


def test_config(make, tokenizer):
    preprocessor = make(mask_token_rate=0.5, random_token_rate=0.25)
    again = MobileBertMaskedLMPreprocessor.from_config(
        preprocessor.get_config()
    )
    config = again.get_config()
    assert config == preprocessor.get_config()
    assert config["mask_selection_length"] == 8
    assert config["random_token_rate"] == 0.25


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"mask_selection_rate": 0.0}, "`mask_selection_rate` must be above"),
        ({"mask_selection_rate": 1.5}, "`mask_selection_rate` must be a"),
        ({"mask_selection_length": 0}, "`mask_selection_length` must be"),
        ({"mask_token_rate": -0.1}, "mask_token_rate=-0.1"),
        ({"mask_token_rate": True}, "`mask_token_rate` must be a number"),
        ({"random_token_rate": 0.3}, "must add up to at most 1"),
    ],
)
def test_wrong_arguments(make, kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


def test_labels_are_refused(make):
    with pytest.raises(ValueError, match="`y` must be None.*, y=None"):
        make()((TEXTS, SECOND))
    with pytest.raises(ValueError, match="`sample_weight` must be None"):
        make()(TEXTS, sample_weight=[1, 1, 1, 1, 1])


# === Masks in the text ===

FILLED = ["My [MASK] is [MASK].", "[MASK]", "a b c [MASK]"]


@pytest.mark.parametrize("x", [FILLED, (FILLED, ["[MASK]", "x", ""])])
def test_fill_mask_inputs(make, tokenizer, x):
    preprocessor = make()
    inputs = preprocessor.fill_mask_inputs(x)
    for name, array in unmasked(tokenizer, x).items():
        np.testing.assert_array_equal(inputs[name], array)
    for row, positions in zip(
        inputs["token_ids"], inputs["mask_positions"], strict=True
    ):
        places = np.flatnonzero(row == MASK).tolist()
        assert places
        assert positions.tolist() == [*places, *[0] * (8 - len(places))]
    data_set = tf.data.Dataset.from_tensors((x,)).map(
        preprocessor.fill_mask_inputs
    )
    in_graph = next(iter(data_set.as_numpy_iterator()))
    keras.tree.map_structure(np.testing.assert_array_equal, in_graph, inputs)


@pytest.mark.parametrize(
    "x, message",
    [
        (["a [MASK]", "no mask"], r"must have a `\[MASK\]`.*'no mask'.*text 1"),
        (["a " * 30 + "[MASK]"], "may be truncated.*sequence_length=24"),
        (["[MASK] " * 9], "8 times. To allow more, pass `mask_sel"),
        (["a [mask]"], r"must have a `\[MASK\]`"),
    ],
)
def test_texts_that_cannot_be_filled(make, x, message):
    preprocessor = make()
    with pytest.raises(ValueError, match=message):
        preprocessor.fill_mask_inputs(x)
    data_set = tf.data.Dataset.from_tensors(x).map(
        preprocessor.fill_mask_inputs
    )
    with pytest.raises(tf.errors.InvalidArgumentError):
        next(iter(data_set))


# === Pretraining ===


@pytest.fixture
def pairs(make):
    return make(MobileBertPretrainingPreprocessor)


def parts(inputs, row):
    """The ids of both parts of a row, without special tokens."""
    is_text = ~np.isin(inputs["token_ids"][row], [0, CLS, SEP])
    segment = inputs["segment_ids"][row]
    return tuple(
        inputs["token_ids"][row][is_text & (segment == i)].tolist()
        for i in (0, 1)
    )


def unmask(outputs):
    """Restore the masked words of the inputs."""
    inputs, labels, weights = to_numpy(outputs)
    ids = labels["prediction_logits"]
    tokens = inputs["token_ids"].copy()
    for row, count in enumerate(
        weights["prediction_logits"].sum(1).astype(int)
    ):
        places = inputs["mask_positions"][row, :count]
        tokens[row, places] = ids[row, :count]
    return {**inputs, "token_ids": tokens}, labels["seq_relationship_logits"]


@pytest.mark.parametrize("in_graph", [False, True])
def test_half_of_the_pairs_are_mixed(pairs, tokenizer, in_graph):
    first = [f"first {i}" for i in range(11)]
    second = [f"second {i}" for i in range(11)]
    words = [tokenizer(text).tolist() for text in second]
    seen = set()
    if in_graph:
        data_set = tf.data.Dataset.from_tensors(((first, second),)).repeat(4)
        data_set = data_set.map(lambda x: pairs(x, y=None))
        batches = data_set.as_numpy_iterator()
    else:
        batches = (pairs((first, second), y=None) for _ in range(4))
    for outputs in batches:
        inputs, labels = unmask(outputs)
        assert labels.sum() == 5 and labels.dtype == "int32"
        for row, label in enumerate(labels):
            start, end = parts(inputs, row)
            assert start == tokenizer(first[row]).tolist()
            assert (words.index(end) != row) == label
        seen.add(tuple(labels.tolist()))
    assert len(seen) > 1


def test_single_texts_are_cut_in_two(pairs, tokenizer):
    inputs, labels = unmask(pairs(["a b c d e", "f g h", "i", ""]))
    wanted = [("a b c", "d e"), ("f g", "h"), ("i", ""), ("", "")]
    ends = [tokenizer(end).tolist() for _, end in wanted]
    assert labels.sum() == 2
    for row, (start, end) in enumerate(wanted):
        found = parts(inputs, row)
        assert found[0] == tokenizer(start).tolist()
        if labels[row]:
            assert found[1] in ends[:row] + ends[row + 1 :]
        else:
            assert found[1] == tokenizer(end).tolist()


def test_one_pair_stays_together(pairs, tokenizer):
    inputs, labels = unmask(pairs((["a b"], ["c d"]), y=None))
    assert labels.tolist() == [0]
    assert parts(inputs, 0)[1] == tokenizer("c d").tolist()
    _, labels, weights = to_numpy(pairs(("a b", "c d"), y=None))
    assert labels["seq_relationship_logits"] == 0
    assert weights["seq_relationship_logits"] == 1


@pytest.mark.parametrize("convert", [list, np.array, tf.constant])
def test_pairs_with_labels_stay_as_they_are(make, pairs, tokenizer, convert):
    labels = convert([0, 1, 1, 0, 1])
    inputs, found = unmask(pairs((TEXTS, SECOND), y=labels))
    assert found.tolist() == [0, 1, 1, 0, 1]
    expected = unmasked(tokenizer, (TEXTS, SECOND))
    np.testing.assert_array_equal(inputs["token_ids"], expected["token_ids"])


def test_graph_of_pairs_with_labels(make):
    preprocessor = make(MobileBertPretrainingPreprocessor, **all_masked())
    check_graph(preprocessor, (TEXTS, SECOND), [0, 1, 1, 0, 1])


def test_wrong_inputs_of_pretraining(pairs):
    with pytest.raises(ValueError, match="`x` must be pairs"):
        pairs(["a", "b"], y=[0, 1])
    with pytest.raises(ValueError, match="from 0 to 1"):
        pairs((["a", "b"], ["c", "d"]), y=[0, 2])
    with pytest.raises(ValueError, match="Received: 3 parts"):
        pairs((["a"], ["b"], ["c"]), y=None)


def test_threads_may_start_together(make, monkeypatch):
    """A thread waits for what another one has begun to build."""
    preprocessor = make()
    has_begun, may_end = threading.Event(), threading.Event()

    def slow_masker(*args, **kwargs):
        if not has_begun.is_set():
            has_begun.set()
            may_end.wait(timeout=10)
        return TokenMasker(*args, **kwargs)

    monkeypatch.setattr(masking_preprocessor, "TokenMasker", slow_masker)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        first = pool.submit(preprocessor.training_samples, TEXTS)
        has_begun.wait(timeout=10)
        second = pool.submit(preprocessor.training_samples, TEXTS)
        second.exception(timeout=10)
        may_end.set()
        for future in (first, second):
            x, _, _ = future.result()
            assert to_numpy(x["token_ids"]).shape == (5, 24)
