import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import keras_squeeze
from keras_squeeze.layers.choices import ChoiceLogits
from keras_squeeze.models.tasks.multiple_choice import MultipleChoice
from tests.backends import only_on
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import assert_close
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.model_oracle import random_inputs
from tests.task_checks import XLA
from tests.task_checks import assert_close_to_largest
from tests.task_checks import check_learned
from tests.task_checks import check_saving
from tests.task_checks import check_tensors
from tests.task_checks import task_class
from tests.task_checks import to_numpy
from tests.tiny import tiny_backbone
from tests.tiny import vocabulary_of

PROMPTS = [
    "it rained, so she took",
    "he was hungry, so he",
    "the bus had left, so they",
    "the soup was hot, so she",
    "the lamp broke, so it",
    "he lost his keys, so he",
]
CHOICES = [
    ["an umbrella.", "a nap.", "the piano."],
    ["sang.", "ate."],
    ["got on it.", "drank it.", "sang to it.", "walked home."],
    ["let it cool down.", "sold it."],
    ["was bright.", "was dark.", "was blue."],
    ["could not get in.", "flew."],
]
X = {"prompt": PROMPTS, "choices": CHOICES}
LABELS = [0, 1, 3, 0, 1, 0]
ANSWERS = [row[i] for row, i in zip(CHOICES, LABELS, strict=True)]
VOCABULARY = vocabulary_of([*PROMPTS, *itertools.chain(*CHOICES)], ".,")


def make_task(model, preprocessor=True, dtype=None, **kwargs):
    if preprocessor:
        kwargs["preprocessor"] = task_class(
            model, "MultipleChoicePreprocessor"
        )(model.tokenizer_cls(VOCABULARY), sequence_length=20)
    backbone = tiny_backbone(
        model.backbone_cls,
        VOCABULARY,
        max_sequence_length=32,
        attention_dropout=0.0,
        dropout=0.0,
        # With the usual value, such a small model takes long to learn.
        initializer_range=0.2,
        dtype=dtype,
    )
    return task_class(model, "MultipleChoice")(backbone, **kwargs)


def random_choices(num_choices, length, batch=3):
    """Random inputs, and the same with the names of transformers."""
    inputs = random_inputs(60, batch=batch * num_choices, length=length)
    inputs = {
        name: array.reshape(batch, num_choices, length)
        for name, array in inputs.items()
    }
    names = {
        "input_ids": "token_ids",
        "attention_mask": "padding_mask",
        "token_type_ids": "segment_ids",
    }
    theirs = {
        name: torch.tensor(inputs[key]).long() for name, key in names.items()
    }
    return inputs, theirs


@pytest.fixture(scope="module")
def trained(model):
    """A task that has memorized the right choices."""
    keras.utils.set_random_seed(0)
    task = make_task(model, dropout=0.0)
    task.compile(
        keras.optimizers.Adam(1e-2, global_clipnorm=1.0),
        jit_compile=XLA if model is MobileBert else "auto",
    )
    task.fit(X, LABELS, batch_size=6, epochs=40, verbose=0)
    return task


def check_oracle(model, folder, close, **config):
    theirs = original(model, "ForMultipleChoice", **config)
    task = task_class(model, "MultipleChoice").from_preset(
        save_checkpoint(theirs, folder)
    )
    for num_choices in (4, 1):
        ours, inputs = random_choices(num_choices, length=7)
        with torch.no_grad():
            expected = theirs(**inputs).logits
        close(to_numpy(task(ours)), expected)
    check_tensors(model, task, theirs)
    return task


def test_logits_of_the_original(model, tmp_path):
    task = check_oracle(model, tmp_path, assert_close, hidden_dropout_prob=0.25)
    assert task.output_dropout.rate == 0.25


@only_on(
    "torch", reason="models of the published sizes are compared on one backend"
)
def test_published_size(tmp_path):
    sizes = {"hidden_size": 512, "embedding_size": 128, "num_hidden_layers": 24}
    sizes.update(intra_bottleneck_size=128, intermediate_size=512)
    check_oracle(
        MobileBert,
        tmp_path,
        assert_close_to_largest,
        num_attention_heads=4,
        **sizes,
    )


def test_learns_real_choices(trained):
    check_learned(trained, X, LABELS)
    answers = trained.annotate(X)
    assert [answer["label"] for answer in answers] == LABELS
    assert [answer["answer"] for answer in answers] == ANSWERS
    assert all(answer["score"] > 0.95 for answer in answers)


def test_forms_of_choices(trained):
    expected = trained.predict(X, batch_size=4, verbose=0)
    assert expected.shape == (6, 4)
    is_choice = np.arange(4) < np.array([len(row) for row in CHOICES])[:, None]
    assert np.all(expected[~is_choice] < -1e30)
    assert np.all(np.abs(expected[is_choice]) < 1e3)
    for choices in (np.array(CHOICES, "object"), tf.ragged.constant(CHOICES)):
        x = {"prompt": np.array(PROMPTS), "choices": choices}
        np.testing.assert_allclose(
            trained.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-5
        )
    ragged = {"prompt": PROMPTS, "choices": tf.ragged.constant(CHOICES)}
    data_set = tf.data.Dataset.from_tensor_slices((ragged, LABELS)).batch(4)
    assert trained.evaluate(data_set, verbose=0)[1] == 1


def test_annotate(trained):
    logits = trained.predict(X, verbose=0)
    ranking = trained.annotate(X, top_k=3)
    assert [len(row) for row in ranking] == [3, 2, 3, 2, 3, 2]
    for row, scores, choices in zip(ranking, logits, CHOICES, strict=True):
        scores = np.exp(scores[: len(choices)] - scores.max())
        scores /= scores.sum()
        order = np.argsort(-scores)[: len(row)]
        assert [answer["label"] for answer in row] == order.tolist()
        assert [answer["answer"] for answer in row] == [
            choices[i] for i in order
        ]
        assert [answer["score"] for answer in row] == pytest.approx(
            scores[order], abs=1e-5
        )
    single = {"prompt": PROMPTS[1], "choices": CHOICES[1]}
    assert trained.annotate(single)["answer"] == "ate."
    (best,) = trained.annotate(single, top_k=1)
    assert best["label"] == 1
    with pytest.raises(ValueError, match="top_k=0"):
        trained.annotate(X, top_k=0)


def test_more_padding_changes_nothing(trained):
    """Neither more choices nor longer ones affect the results."""
    inputs = to_numpy(trained.preprocessor(X))
    logits = to_numpy(trained(inputs))
    wider = {
        name: np.pad(array, [(0, 0), (0, 2), (0, 5)])
        for name, array in inputs.items()
    }
    found = to_numpy(trained(wider))
    np.testing.assert_allclose(found[:, :4], logits, rtol=1e-4, atol=1e-4)
    assert np.all(found[:, 4:] < -1e30)


def test_saving(trained, tmp_path):
    loaded = check_saving(trained, X, tmp_path)
    answers = loaded.annotate(X)
    assert [answer["answer"] for answer in answers] == ANSWERS
    by_base_class = MultipleChoice.from_preset(str(tmp_path / "preset"))
    assert type(by_base_class) is type(trained)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_missing_choices_in_half_precision(policy):
    task = make_task(SqueezeBert, dtype=policy)
    task.compile(run_eagerly=True)
    losses = task.fit(X, LABELS, batch_size=3, verbose=0).history["loss"]
    assert np.isfinite(losses[0])
    answers = task.annotate(X, top_k=9)
    for row in answers:
        assert sum(answer["score"] for answer in row) == pytest.approx(1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_missing_choices_have_no_probability(dtype):
    scores = np.array([[0.5], [-60000.0], [3.0], [1.0]], dtype="float32")
    mask = np.array([[[1, 1], [1, 0]], [[0, 0], [1, 0]]])
    logits = ChoiceLogits(dtype=dtype)(scores, mask)
    logits = to_numpy(keras.ops.cast(logits, "float32"))
    assert np.all(np.isfinite(logits))
    assert logits[1, 0] < -30000
    assert logits[1, 1] == 1
    assert logits[0, 0] == 0.5
    assert to_numpy(keras.ops.softmax(logits))[1].tolist() == [0, 1]


@pytest.mark.parametrize(
    "x, y, message",
    [
        (X, [0, 1, 3, 0, 1, 2], "Received: 2 for prompt 5 with 2 choices"),
        (X, [0, 1, 3], r"labels of the shape \(3,\) for 6 prompts"),
        ({**X, "choices": [*CHOICES[:5], []]}, LABELS, "for prompt 5"),
        (
            {**X, "choices": [*CHOICES[:5], "flew."]},
            LABELS,
            "'flew.' for prompt",
        ),
        ({**X, "choices": CHOICES[:5]}, LABELS, "5 lists for 6 prompts"),
        ({"prompt": PROMPTS}, LABELS, "the keys"),
        (PROMPTS, LABELS, "dictionary with the keys"),
        (
            {**X, "prompt": [*PROMPTS[:5], float("nan")]},
            LABELS,
            "Text 5 of .*prompt.* strings. Received: nan",
        ),
        (
            {**X, "choices": [[float("nan"), "a"], *CHOICES[1:]]},
            LABELS,
            r"Text 0 of `x..choices..\[0\]` .* strings. Received: nan",
        ),
        (
            {**X, "choices": [*CHOICES[:5], [b"\xff", "a"]]},
            LABELS,
            r"Text 0 of `x..choices..\[5\]` .* UTF-8",
        ),
        (X, [*LABELS[:5], None], "Received: None for prompt 5"),
        (X, [*LABELS[:5], float("nan")], "Received: nan for prompt 5"),
    ],
)
def test_errors_come_before_training(x, y, message):
    task = make_task(SqueezeBert)
    with pytest.raises(ValueError, match=message):
        task.fit(x, y, batch_size=1, shuffle=False, verbose=0)
    with pytest.raises(ValueError, match=message):
        task.fit(X, LABELS, validation_data=(x, y), verbose=0)
    with pytest.raises(ValueError, match="`class_weight` must be None"):
        task.fit(X, LABELS, class_weight={0: 2.0}, verbose=0)
    assert int(task.optimizer.iterations) == 0
    with pytest.raises(ValueError, match=message):
        task.evaluate(x, y, batch_size=1, verbose=0)


def test_without_preprocessor(trained, model):
    inputs = to_numpy(trained.preprocessor(X))
    task = make_task(model, preprocessor=False)
    task.set_weights(trained.get_weights())
    assert task.evaluate(inputs, np.array(LABELS), verbose=0)[1] == 1
    with pytest.raises(ValueError, match="needs a `preprocessor`"):
        task.annotate(X)
    with pytest.raises(ValueError, match="`dropout` must be"):
        make_task(model, dropout=1)


@only_on(
    "tensorflow", reason="files are converted by TensorFlow from every backend"
)
@pytest.mark.parametrize("model", [SqueezeBert], indirect=True)
def test_export(trained, tmp_path):
    path = tmp_path / "multiple_choice.tflite"
    report = keras_squeeze.export_tflite(
        trained, path, sequence_length=20, verbose=False
    )
    assert report.outputs == {"logits": ((1, 1), "float32")}
    assert report.agreement.source == "text"
    assert report.agreement.equal_predictions is None
    runner = keras_squeeze.TFLiteModel(path, trained.preprocessor)
    found = runner.predict(X)[:, 0]
    logits = trained.predict(X, verbose=0)
    np.testing.assert_allclose(
        found, logits[logits > -1e30], rtol=1e-4, atol=1e-4
    )
