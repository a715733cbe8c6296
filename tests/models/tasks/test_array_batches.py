import keras
import numpy as np
import pytest

from keras_squeeze.models.tasks.array_batches import LengthBatches

LENGTHS = np.random.default_rng(0).integers(3, 50, size=70)
MASK = (np.arange(50) < LENGTHS[:, np.newaxis]).astype("int32")
X = {
    "token_ids": MASK * (1 + np.arange(70)[:, np.newaxis]),
    "padding_mask": MASK,
}
Y = np.arange(70)


def epoch(batches):
    """The labels of each batch."""
    return [batches[i][1].tolist() for i in range(len(batches))]


@pytest.mark.parametrize(
    ("few_lengths", "shapes"),
    [(False, [8, 16, 24, 32, 40, 48, 50]), (True, [16, 32, 50])],
)
def test_batches_have_texts_of_about_the_same_length(few_lengths, shapes):
    batches = LengthBatches(X, Y, -Y, batch_size=8, few_lengths=few_lengths)
    assert len(batches) == 9
    assert sorted(sum(epoch(batches), [])) == Y.tolist()
    for i in range(len(batches)):
        x, y, sample_weight = batches[i]
        length = x["token_ids"].shape[1]
        # The last token keeps its padding, unless it is the last of all.
        assert length == next(
            (n for n in shapes if n > LENGTHS[y].max()), shapes[-1]
        )
        np.testing.assert_array_equal(x["padding_mask"], MASK[y, :length])
        assert (x["token_ids"].max(axis=1) == 1 + y).all()
        np.testing.assert_array_equal(sample_weight, -y)
    spread = [np.ptp(LENGTHS[labels]) for labels in epoch(batches)]
    assert np.mean(spread) < np.ptp(LENGTHS) / 5


@pytest.mark.parametrize("few_lengths", [False, True])
@pytest.mark.parametrize("batch_tokens", [8, 100, 200])
def test_batches_have_about_the_same_number_of_tokens(
    batch_tokens, few_lengths
):
    batches = LengthBatches(
        X, Y, few_lengths=few_lengths, batch_tokens=batch_tokens
    )
    assert sorted(sum(epoch(batches), [])) == Y.tolist()
    sizes = []
    for i in range(len(batches)):
        x, y = batches[i]
        rows, length = x["token_ids"].shape
        assert rows == len(y) and length > min(LENGTHS[y].max(), 49)
        assert rows == 1 or rows * length <= batch_tokens
        sizes.append(rows * length)
    if batch_tokens > 8:
        # Sizes are powers of two, so that some batches are half empty.
        assert np.median(sizes) > batch_tokens / 2
    # Short texts need fewer batches than long ones.
    assert len(batches[0][1]) >= len(batches[1][1])
    outputs = np.concatenate([batches[i][1] for i in range(len(batches))])
    np.testing.assert_array_equal(batches.in_order(outputs), Y)


def test_few_lengths_follow_the_longest_text():
    wide = {
        name: np.pad(array, ((0, 0), (0, 462))) for name, array in X.items()
    }
    batches = LengthBatches(wide, Y, batch_size=8, few_lengths=True)
    shapes = [batches[i][0]["token_ids"].shape[1] for i in range(len(batches))]
    assert set(shapes) == {16, 32, 64}
    wide["padding_mask"][3] = 1
    batches = LengthBatches(wide, Y, batch_size=1, few_lengths=True)
    shapes = [batches[i][0]["token_ids"].shape[1] for i in range(len(batches))]
    assert set(shapes) == {64, 512}


def test_all_texts_of_a_sample_count():
    x = {name: np.repeat(array[:, None], 4, 1) for name, array in X.items()}
    batches = LengthBatches(x, Y, batch_tokens=200)
    sizes = [batches[i][0]["token_ids"].size for i in range(len(batches))]
    assert 100 < np.median(sizes) <= max(sizes) <= 200
    assert sorted(sum(epoch(batches), [])) == Y.tolist()


def test_first_batches_show_what_varies():
    batches = LengthBatches(X, Y, batch_size=8, seed=0)
    lengths = [
        x["token_ids"].shape[1] for x, _ in map(batches.__getitem__, (0, 1))
    ]
    assert lengths == [8, 50]


def test_every_epoch_has_its_own_order():
    first, second = (LengthBatches(X, Y, batch_size=8, seed=7) for _ in "ab")
    one = epoch(first)
    assert epoch(second) == one
    first.on_epoch_end()
    two = epoch(first)
    assert two != one and sorted(sum(two, [])) == Y.tolist()
    assert epoch(LengthBatches(X, Y, batch_size=8, seed=8)) != one
    still = LengthBatches(X, Y, batch_size=8)
    before = epoch(still)
    still.on_epoch_end()
    assert epoch(still) == before


def test_a_single_batch():
    x = {name: array[:3] for name, array in X.items()}
    assert [sorted(y) for y in epoch(LengthBatches(x, Y[:3], seed=0))] == [
        [0, 1, 2]
    ]


def test_outputs_in_the_order_of_the_samples():
    batches = LengthBatches(X, None, batch_size=8, repeat_rows=True)
    batches.on_epoch_end()
    sizes = [len(rows) for rows in batches.indices]
    if keras.config.backend() == "jax":
        # The last batch has 6 samples.
        assert sizes == [8] * 9
    found = [batches[i] for i in range(len(batches))]
    outputs = {
        "first": np.concatenate([x["token_ids"][:, 0] for x in found]),
        "rows": np.concatenate([x["token_ids"][:, :2] for x in found]),
    }
    in_order = batches.in_order(outputs)
    np.testing.assert_array_equal(in_order["first"], 1 + Y)
    np.testing.assert_array_equal(in_order["rows"], X["token_ids"][:, :2])
