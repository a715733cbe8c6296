"""Tests next sentence prediction, alone and with masked words."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_squeeze.export.runner import preprocess
from keras_squeeze.models import MobileBertNextSentencePredictor
from keras_squeeze.models import MobileBertNextSentencePredictorPreprocessor
from keras_squeeze.models import MobileBertPretraining
from keras_squeeze.models import MobileBertPretrainingPreprocessor
from keras_squeeze.models import MobileBertTokenizer
from tests.backends import only_on
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import assert_close
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.model_oracle import random_inputs
from tests.model_oracle import run
from tests.task_checks import XLA
from tests.task_checks import check_export
from tests.task_checks import check_graph
from tests.task_checks import check_head
from tests.task_checks import check_learned
from tests.task_checks import check_saving
from tests.task_checks import to_numpy
from tests.tiny import tiny_backbone
from tests.tiny import vocabulary_of

# The first sentences of novels, in two parts.
FIRST = [
    "Call me Ishmael.",
    "It was a bright cold day in April,",
    "All happy families are alike;",
    "Mother died today.",
]
SECOND = [
    "Some years ago I thought I would sail about a little.",
    "and the clocks were striking thirteen.",
    "each unhappy family is unhappy in its own way.",
    "Or maybe yesterday, I do not know.",
]
# Each first part with its own second part, and with the next one.
PAIRS = (FIRST * 2, SECOND + SECOND[1:] + SECOND[:1])
LABELS = [0] * 4 + [1] * 4
NAMES = [["is_next", "not_next"][label] for label in LABELS]
MASKED = (
    ["Call me [MASK].", "It was a bright [MASK] day in April,"],
    [SECOND[0], "and the clocks were striking [MASK]."],
)
WORDS = "".join(
    letter if letter.isalpha() else f" {letter} "
    for letter in " ".join(FIRST + SECOND).lower()
).split()
VOCABULARY = vocabulary_of(WORDS)


def make_backbone():
    return tiny_backbone(
        MobileBert.backbone_cls,
        VOCABULARY,
        num_layers=2,
        hidden_dim=32,
        intermediate_dim=32,
        embedding_dim=16,
        bottleneck_dim=16,
        num_feedforward_networks=1,
        max_sequence_length=32,
        attention_dropout=0.0,
        normalization_type="layer_norm",
        # With a smaller value, it takes long to learn to compare texts.
        initializer_range=0.1,
    )


def make_predictor(**kwargs):
    preprocessor = MobileBertNextSentencePredictorPreprocessor(
        MobileBertTokenizer(VOCABULARY), sequence_length=28
    )
    return MobileBertNextSentencePredictor(
        make_backbone(), preprocessor=preprocessor, **kwargs
    )


def make_pretraining():
    preprocessor = MobileBertPretrainingPreprocessor(
        MobileBertTokenizer(VOCABULARY),
        sequence_length=28,
        mask_selection_length=4,
    )
    return MobileBertPretraining(make_backbone(), preprocessor=preprocessor)


@pytest.fixture(scope="module")
def predictor():
    """A task that has memorized which texts follow each other."""
    keras.utils.set_random_seed(0)
    task = make_predictor()
    task.compile(keras.optimizers.Adam(5e-3, global_clipnorm=1.0))
    data = (PAIRS[0] * 8, PAIRS[1] * 8)
    task.fit(data, LABELS * 8, batch_size=16, epochs=25, verbose=0)
    return task


@pytest.fixture(scope="module")
def pretraining():
    """A task that has memorized the texts."""
    keras.utils.set_random_seed(0)
    task = make_pretraining()
    task.compile(
        keras.optimizers.Adam(5e-3, global_clipnorm=1.0), jit_compile=XLA
    )
    data = (PAIRS[0] * 8, PAIRS[1] * 8)
    task.fit(data, LABELS * 8, batch_size=32, epochs=60, verbose=0)
    return task


# === Next sentences ===


def test_head(tmp_path):
    check_head(
        MobileBert,
        "NextSentencePredictor",
        "ForNextSentencePrediction",
        tmp_path,
        {None: "logits"},
    )


def test_head_of_pretraining(tmp_path):
    theirs = original(MobileBert, "ForPreTraining", num_hidden_layers=1)
    folder = save_checkpoint(theirs, tmp_path)
    task = MobileBertNextSentencePredictor.from_preset(folder)
    inputs = random_inputs(60, batch=3, length=7)
    assert_close(
        to_numpy(task(inputs)), run(theirs, inputs).seq_relationship_logits
    )
    assert task.class_names == ["is_next", "not_next"]


def test_learns_real_pairs(predictor):
    check_learned(predictor, PAIRS, LABELS, loss=0.05)
    assert predictor.evaluate(PAIRS, NAMES, verbose=0)[1] == 1
    answers = predictor.annotate(PAIRS)
    assert [answer["label"] for answer in answers] == NAMES
    assert all(answer["score"] > 0.9 for answer in answers)


def test_forms_of_answers(predictor):
    logits = predictor.predict(PAIRS, verbose=0)
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    answer = predictor.annotate((FIRST[0], SECOND[0]))
    assert answer["label"] == "is_next"
    assert answer["score"] == pytest.approx(expected[0, 0], rel=1e-4)
    both = predictor.annotate((FIRST[:1], SECOND[:1]), top_k=2)[0]
    assert [x["label"] for x in both] == ["is_next", "not_next"]
    assert sum(x["score"] for x in both) == pytest.approx(1)


def test_preprocessor():
    preprocessor = make_predictor().preprocessor
    inputs, labels = check_graph(preprocessor, PAIRS, np.array(LABELS))
    assert labels.tolist() == LABELS
    assert inputs["segment_ids"].any(axis=1).all()
    single = to_numpy(preprocessor((PAIRS[0][0], PAIRS[1][0]), y=None))
    for name, array in single.items():
        np.testing.assert_array_equal(array, inputs[name][0])


def test_wrong_inputs():
    task = make_predictor()
    message = r"`x` must be a pair `\(first, second\)`"
    for call in (
        lambda: task.fit(FIRST, [0, 1, 1, 0]),
        lambda: task.predict(FIRST),
        lambda: task.annotate("Call me Ishmael."),
        lambda: task.annotate(list(zip(FIRST, SECOND, strict=True))),
        lambda: task.preprocessor((FIRST, SECOND)),
        lambda: task.fit(tf.data.Dataset.from_tensors((FIRST, [0, 1, 1, 0]))),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(ValueError, match="from 0 to 1. Received: .2."):
        task.fit((FIRST, SECOND), [0, 1, 2, 0])
    with pytest.raises(ValueError, match="among the `class_names`"):
        task.fit((FIRST, SECOND), ["is_next", "next", "is_next", "is_next"])
    with pytest.raises(ValueError, match="Text 3 of `x.1.` .*Received: nan"):
        task.fit((FIRST, [*SECOND[:3], float("nan")]), [0, 1, 1, 0])
    with pytest.raises(ValueError, match="Received: 'next': 2.0"):
        task.fit((FIRST, SECOND), [0, 1, 1, 0], class_weight={"next": 2.0})
    with pytest.raises(ValueError, match="`num_classes` must be 2"):
        make_predictor(num_classes=3)


def test_predictor_is_saved(predictor, tmp_path):
    loaded = check_saving(predictor, PAIRS, tmp_path)
    assert loaded.output_dropout.rate == 0.0
    assert loaded.annotate((FIRST[1], SECOND[1]))["label"] == "is_next"


# === Both ===


def test_heads_of_pretraining(tmp_path):
    outputs = ("prediction_logits", "seq_relationship_logits")
    check_head(
        MobileBert,
        "Pretraining",
        "ForPreTraining",
        tmp_path,
        {name: name for name in outputs},
    )


def test_pretraining_learns_real_pairs(pretraining):
    keras.utils.set_random_seed(1)
    found = pretraining.evaluate(
        (PAIRS[0] * 4, PAIRS[1] * 4), LABELS * 4, verbose=0, return_dict=True
    )
    # Some of the words that identify a text are also masked.
    assert found["prediction_logits_loss"] < 0.3
    assert found["seq_relationship_logits_loss"] < 0.3
    total = found["prediction_logits_loss"]
    total += found["seq_relationship_logits_loss"]
    assert found["loss"] == pytest.approx(total, rel=1e-3)
    names = {name for name in found if name.endswith("accuracy")}
    assert len(names) == 2
    assert all(found[name] > 0.9 for name in names)


def test_annotate(pretraining):
    first, second = pretraining.annotate(MASKED)
    assert [mask["token_str"] for mask in first["masks"]] == ["ishmael"]
    words = [mask["token_str"] for mask in second["masks"]]
    assert words == ["cold", "thirteen"]
    assert first["masks"][0]["sequence"] == (
        "Call me ishmael.",
        SECOND[0],
    )
    assert first["label"] == second["label"] == "is_next"
    assert min(first["score"], second["score"]) > 0.8
    other = pretraining.annotate((FIRST[0], SECOND[1]), top_k=2)
    assert other["masks"] == []
    assert other["label"] == "not_next"
    several = pretraining.annotate((MASKED[0][0], SECOND[0]), top_k=2)
    assert len(several["masks"]) == 1 and len(several["masks"][0]) == 2
    with pytest.raises(ValueError, match="`x` must be a pair"):
        pretraining.annotate("Call me [MASK].")


@pytest.mark.parametrize("form", ["texts", "pairs", "tf.data"])
def test_training_without_labels(form):
    task = make_pretraining()
    task.compile("sgd", run_eagerly=True)
    x = {
        "texts": FIRST,
        "pairs": (FIRST, SECOND),
        "tf.data": tf.data.Dataset.from_tensor_slices(FIRST).batch(2),
    }[form]
    history = task.fit(x, verbose=0).history
    assert all(np.isfinite(values[0]) for values in history.values())
    assert len(history) == 5


def test_masks_and_pairs_follow_the_seed():
    task = make_pretraining()

    def labels(seed):
        keras.utils.set_random_seed(seed)
        batches = task.batches((np.array(FIRST * 4),), 8).repeat(2)
        return [
            (x["mask_positions"], y["seq_relationship_logits"])
            for x, y, _ in batches.to_iter_dataset()
        ]

    first, again, other = (labels(seed) for seed in (1, 1, 2))
    keras.tree.map_structure(np.testing.assert_array_equal, first, again)
    for mixed in (other, first[2:] + first[:2]):
        assert any(
            not np.array_equal(a, b)
            for a, b in zip(
                keras.tree.flatten(first),
                keras.tree.flatten(mixed),
                strict=True,
            )
        )


def test_labels_that_pretraining_cannot_use():
    task = make_pretraining()
    with pytest.raises(ValueError, match="`x` must be pairs"):
        task.fit(FIRST, [0, 1, 0, 1])
    with pytest.raises(ValueError, match="from 0 to 1"):
        task.fit((FIRST, SECOND), [0, 1, 5, 1])
    with pytest.raises(ValueError, match="`sample_weight` must be None"):
        task.fit((FIRST, SECOND), sample_weight=np.ones(4))


def test_pretraining_is_saved(pretraining, tmp_path):
    loaded = check_saving(pretraining, MASKED, tmp_path)
    assert loaded.annotate(MASKED)[0]["masks"][0]["token_str"] == "ishmael"
    predictor = MobileBertNextSentencePredictor.from_preset(
        str(tmp_path / "preset")
    )
    np.testing.assert_array_equal(
        to_numpy(predictor.backbone.token_embedding.embeddings),
        to_numpy(pretraining.backbone.token_embedding.embeddings),
    )


@only_on(
    "tensorflow",
    reason="the converter runs in a process with TensorFlow, from any backend",
)
def test_export(pretraining, tmp_path):
    inputs = preprocess(pretraining.preprocessor, MASKED, 28)
    outputs = check_export(pretraining, tmp_path / "pretraining.tflite", inputs)
    assert set(outputs) == {
        "prediction_probabilities",
        "seq_relationship_probabilities",
    }
    words = outputs["prediction_probabilities"]
    assert words.shape == (2, 28, len(VOCABULARY))
    mask = VOCABULARY.index("[MASK]")
    for row, expected in enumerate([["ishmael"], ["cold", "thirteen"]]):
        places = inputs["token_ids"][row] == mask
        ids = words[row, places].argmax(-1)
        assert [VOCABULARY[i] for i in ids] == expected
    scores = outputs["seq_relationship_probabilities"]
    assert scores.argmax(-1).tolist() == [0, 0]
