"""Tests the training of embedders on pairs with the formulas in PyTorch."""

import keras
import numpy as np
import pytest
import scipy.spatial
import tensorflow as tf
import torch

from keras_squeeze import models
from keras_squeeze.models.tasks.pair_loss import PairLoss
from tests.export.classifiers import randomise
from tests.task_checks import RUN_EAGERLY
from tests.task_checks import to_numpy
from tests.tiny import tiny_backbone
from tests.tiny import vocabulary_of

ANIMALS = ["the cat sleeps", "a dog barks", "birds sing", "fish swim a lot"]
WEATHER = ["it rains", "snow falls today", "what a hot day", "sun and wind"]
TEXTS = ANIMALS + WEATHER
VOCABULARY = vocabulary_of(TEXTS)
PAIRS = {"anchor": TEXTS[::2], "positive": TEXTS[1::2]}
TRIPLES = {**PAIRS, "negative": TEXTS[4:]}
SCORED = {"sentence1": TEXTS, "sentence2": TEXTS[::-1]}
SCORES = np.linspace(-1, 1, 8)


def make_embedder(learning_rate=0.0, loss="auto", **kwargs):
    """An embedder without dropout."""
    keras.utils.set_random_seed(0)
    backbone = tiny_backbone(
        models.SqueezeBertBackbone,
        VOCABULARY,
        max_sequence_length=32,
        dropout=0.0,
        attention_dropout=0.0,
    )
    preprocessor = models.SqueezeBertTextEmbedderPreprocessor(
        models.SqueezeBertTokenizer(VOCABULARY), sequence_length=32
    )
    task = models.SqueezeBertTextEmbedder(
        backbone, preprocessor=preprocessor, **kwargs
    )
    randomise(task, scale=0.5)
    task.compile(
        keras.optimizers.Adam(learning_rate, global_clipnorm=1.0),
        loss=loss,
        run_eagerly=RUN_EAGERLY,
    )
    return task


def ranking(*vectors, scale=20.0):
    """The loss of sentence-transformers, for each anchor."""
    first, *others = map(torch.tensor, vectors)
    cosines = torch.nn.functional.cosine_similarity(
        first[:, None], torch.cat(others)[None], dim=-1
    )
    return torch.nn.functional.cross_entropy(
        cosines * scale, torch.arange(len(first)), reduction="none"
    ).numpy()


def regression(first, second, scores):
    """Its loss for pairs with scores, for each pair."""
    first, second = torch.tensor(first), torch.tensor(second)
    cosines = torch.nn.functional.cosine_similarity(first, second)
    return (cosines.numpy() - scores) ** 2


def loss_of(vectors, scores, weights=None, **kwargs):
    """Compute the loss of vectors by the places of the texts."""
    rows = np.stack(vectors, axis=1).reshape(-1, vectors[0].shape[-1])
    labels = np.stack(
        [
            np.repeat(scores, len(vectors)),
            np.tile(np.arange(len(vectors)), len(scores)),
        ],
        axis=1,
    ).astype("float32")
    if weights is not None:
        weights = np.repeat(weights, len(vectors))
    return float(PairLoss(**kwargs)(labels, rows, weights))


@pytest.mark.parametrize("texts", [2, 3])
@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_contrastive_loss(texts, scale):
    random = np.random.default_rng(0)
    vectors = random.normal(size=(texts, 6, 5)).astype("float32")
    none = np.full(6, np.nan)
    expected = ranking(*vectors, scale=scale)
    assert loss_of(vectors, none, scale=scale) == pytest.approx(
        expected.mean(), rel=1e-5
    )
    weights = random.uniform(size=6)
    assert loss_of(vectors, none, weights, scale=scale) == pytest.approx(
        np.mean(expected * weights), rel=1e-5
    )


def test_scores():
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 6, 5)).astype("float32")
    scores = random.uniform(-1, 1, size=6)
    expected = regression(first, second, scores)
    assert loss_of([first, second], scores) == pytest.approx(
        expected.mean(), rel=1e-5
    )
    # Some of the pairs have no score.
    scores[:3] = np.nan
    expected[:3] = ranking(first, second)[:3]
    assert loss_of([first, second], scores) == pytest.approx(
        expected.mean(), rel=1e-5
    )


@pytest.mark.parametrize(
    "x, y", [(PAIRS, None), (TRIPLES, None), (SCORED, SCORES)]
)
def test_fit(x, y):
    task = make_embedder(normalize=False)
    count = len(next(iter(x.values())))
    vectors = [task.predict(texts, verbose=0) for texts in x.values()]
    losses = ranking(*vectors) if y is None else regression(*vectors, y)
    for kwargs, expected in (
        ({}, losses),
        ({"sample_weight": np.arange(count)}, losses * np.arange(count)),
    ):
        expected = pytest.approx(np.mean(expected), rel=1e-3)
        kwargs = {**kwargs, "batch_size": count, "verbose": 0}
        assert task.evaluate(x, y, **kwargs) == expected
        for group_by_length in (False, True):
            history = task.fit(
                x,
                y,
                group_by_length=group_by_length,
                validation_data=(x, y),
                **kwargs,
            ).history
            assert history["loss"][0] == expected
            assert history["val_loss"][0] == pytest.approx(
                losses.mean(), rel=1e-3
            )
    tensors = x if y is None else (x, y.astype("float32"))
    data_set = tf.data.Dataset.from_tensor_slices(tensors).batch(count)
    assert task.evaluate(data_set, verbose=0) == pytest.approx(
        losses.mean(), rel=1e-3
    )


@pytest.mark.parametrize("group_by_length", [False, True])
def test_a_batch_has_whole_pairs(group_by_length):
    task = make_embedder()
    cosines = task.similarity(*SCORED.values())
    y = np.array([0.5, -0.5] * 4)
    history = task.fit(
        SCORED,
        y,
        batch_size=3,
        group_by_length=group_by_length,
        verbose=0,
    ).history
    losses = (cosines - y) ** 2
    # The mean of the batches, of which the last is smaller.
    assert history["loss"][0] == pytest.approx(losses.mean(), rel=0.02)


def test_learns_which_texts_belong_together():
    task = make_embedder(1e-2)
    x = {
        "anchor": [ANIMALS[0], WEATHER[0]] * 3,
        "positive": np.stack([ANIMALS[1:], WEATHER[1:]], axis=1).ravel(),
    }
    task.fit(x, batch_size=2, epochs=20, shuffle=False, verbose=0)
    for group in (ANIMALS, WEATHER):
        answers = task.search(group[0], TEXTS, 4)
        assert {answer["sequence"] for answer in answers} == set(group)


def test_learns_scores(tmp_path):
    task = make_embedder(1e-2)
    task.fit(SCORED, SCORES, batch_size=8, epochs=60, verbose=0)
    cosines = task.similarity(*SCORED.values())
    # Both orders of a pair have the same cosine.
    expected = (SCORES + SCORES[::-1]) / 2
    np.testing.assert_allclose(cosines, expected, atol=0.2)
    task.save(tmp_path / "embedder.keras")
    loaded = keras.saving.load_model(tmp_path / "embedder.keras")
    assert loaded.loss.scale == 20.0
    assert loaded.evaluate(SCORED, SCORES, verbose=0) == pytest.approx(
        task.evaluate(SCORED, SCORES, verbose=0), rel=1e-4
    )


def test_similarity():
    task = make_embedder(normalize=False)
    first, second = (task.predict(x, verbose=0) for x in SCORED.values())
    expected = [
        1 - scipy.spatial.distance.cosine(a, b)
        for a, b in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(
        task.similarity(*SCORED.values()), expected, atol=1e-5
    )
    with pytest.raises(ValueError, match="the same number of texts"):
        task.similarity(TEXTS, TEXTS[1:])


def test_gradients_are_finite():
    """Also those of equal texts, of zeros and of pairs without a score."""
    rows = keras.ops.convert_to_tensor(
        np.array([[1, 0], [1, 0], [0, 0], [0, 0]], "float32")
    )
    labels = np.array([[np.nan, 0], [np.nan, 1], [0.5, 0], [0.5, 1]], "float32")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    model.compile("sgd", loss=PairLoss(), run_eagerly=RUN_EAGERLY)
    model.fit(to_numpy(rows), labels, verbose=0)
    assert np.isfinite(model.get_weights()[0]).all()


@pytest.mark.parametrize(
    "x, y, message",
    [
        (TEXTS, None, "must be a dictionary of the texts"),
        ({"anchor": TEXTS}, None, r"must be a dictionary .* \['anchor'\]"),
        (SCORED, None, "must have the cosine of each pair"),
        (SCORED, SCORES * 5, "a number from -1 to 1"),
        (SCORED, ["a"] * 8, "a number from -1 to 1"),
        ({**PAIRS, "anchor": "the cat"}, None, "a list of strings as its 'an"),
        ({**PAIRS, "positive": [1] * 4}, None, "string"),
        ({**PAIRS, "positive": TEXTS}, None, "the same batch dimension"),
    ],
)
def test_wrong_pairs(x, y, message):
    with pytest.raises(ValueError, match=message):
        make_embedder().fit(x, y, verbose=0)


def test_other_losses_and_other_methods():
    task = make_embedder()
    with pytest.raises(ValueError, match="`predict\\(\\)` takes texts"):
        task.predict(PAIRS)
    with pytest.raises(ValueError, match="needs pairs of texts"):
        PairLoss()(np.zeros((2, 3)), np.zeros((2, 3)))
    task.preprocessor = None
    with pytest.raises(ValueError, match="needs? an embedder with a `prepro"):
        task.fit(PAIRS)
