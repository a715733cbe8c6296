"""Tests training of the model classes against losses of transformers."""

import keras
import numpy as np
import pytest
import transformers

from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import assert_close
from tests.task_checks import RUN_EAGERLY
from tests.transformers.faces import each_head
from tests.transformers.faces import face
from tests.transformers.faces import inputs
from tests.transformers.faces import labels
from tests.transformers.faces import pair
from tests.transformers.faces import run_original
from tests.transformers.faces import saved_original
from tests.transformers.faces import to_numpy

TEXT = "ForSequenceClassification"


def loaded(model, task, **kwargs):
    """A separate model that a test can train."""
    _, folder = saved_original(model, task)
    return face(model, task).from_pretrained(folder, **kwargs)


@each_head
def test_own_loss(model, task):
    theirs, ours = pair(model, task)
    x, y = inputs(task), labels(task)
    expected = float(run_original(theirs, **x, **y).loss)
    ours.compile(run_eagerly=True)
    names = {label: out for out, label in ours.labels_of_outputs.items()}
    forms = [
        ({**x, **y}, None),
        (x, y),
        (x, {names[key]: value for key, value in y.items()}),
        (x, list(y.values())[0] if len(y) == 1 else list(y.values())),
        (transformers.BatchEncoding({**x, **y}), None),
    ]
    if task not in (TEXT, "ForQuestionAnswering"):
        forms = forms[:1]
    for form in forms:
        loss = float(ours.test_on_batch(*form))
        assert loss == pytest.approx(expected, rel=1e-5)


def test_fit_and_its_kin(model=MobileBert):
    """In graphs, which is the default."""
    ours = loaded(model, TEXT)
    x, y = inputs(TEXT, batch=8), labels(TEXT, batch=8)["labels"]
    ours.compile(
        keras.optimizers.Adam(3e-3, global_clipnorm=1.0),
        metrics=["accuracy"],
    )
    history = ours.fit(
        {**x, "labels": y},
        None,
        4,
        epochs=12,
        validation_data=(x, y),
        verbose=0,
    ).history
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history["loss"][-1] < 0.95 * history["loss"][0]
    result = ours.evaluate(x, y, 4, verbose=0, return_dict=True)
    output = ours(**x, labels=y)
    assert result["loss"] == pytest.approx(float(to_numpy(output.loss)), 1e-4)
    logits = to_numpy(output.logits)
    assert result["accuracy"] == np.mean(logits.argmax(-1) == y)
    predicted = ours.predict({**x, "labels": y}, 3, verbose=0)
    assert type(predicted) is type(output)
    assert list(predicted) == ["logits"]
    assert isinstance(predicted.logits, np.ndarray)
    np.testing.assert_allclose(predicted.logits, logits, atol=1e-5)
    np.testing.assert_allclose(
        ours.predict_on_batch(x).logits, logits, atol=1e-5
    )


def test_lists_and_data_sets():
    ours = loaded(MobileBert, TEXT)
    x, y = inputs(TEXT, batch=4), labels(TEXT, batch=4)["labels"]
    ours.compile(run_eagerly=True)
    expected = float(to_numpy(ours(**x, labels=y).loss))
    as_lists = {key: value.tolist() for key, value in x.items()}
    batches = [(x, y)]

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return batches[index]

    for form in (
        (list(x.values()), y),
        (as_lists, y.tolist()),
        (Batches(), None),
    ):
        found = ours.evaluate(*form, verbose=0)
        assert found == pytest.approx(expected, rel=1e-5)


def test_sample_weights():
    ours = loaded(MobileBert, TEXT)
    x, y = inputs(TEXT), labels(TEXT)["labels"]
    ours.compile(run_eagerly=True)
    losses = [
        float(
            to_numpy(
                ours(
                    **{k: v[i : i + 1] for k, v in x.items()},
                    labels=y[i : i + 1],
                ).loss
            )
        )
        for i in range(3)
    ]
    weights = np.array([1.0, 0.0, 0.5])
    found = ours.test_on_batch(x, y, sample_weight=weights)
    assert float(found) == pytest.approx(np.dot(losses, weights) / 3, 1e-5)
    words = loaded(MobileBert, "ForTokenClassification")
    words.compile(run_eagerly=True)
    y = labels("ForTokenClassification")["labels"]
    whole = float(words.test_on_batch(x, y))
    halved = float(words.test_on_batch(x, y, sample_weight=np.full(3, 0.5)))
    assert halved == pytest.approx(whole / 2, 1e-5)


def data_set(x, y, weights):
    """A `tf.data` dataset with one batch."""
    import tensorflow as tf

    parts = (x, y) if weights is None else (x, y, weights)
    return tf.data.Dataset.from_tensors(parts)


def batches(*batch):
    """A Keras dataset with one batch."""

    class Batches(keras.utils.PyDataset):
        num_batches = 1

        def __getitem__(self, index):
            return batch

    return Batches()


def weighted_loss(logits, labels, weights, length=None):
    """The cross-entropy of PyTorch with sample weights."""
    ignored = -100
    if length is not None:
        labels, ignored = np.clip(labels, 0, length), length
    kept = labels != ignored
    logits = logits - logits.max(-1, keepdims=True)
    scores = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    ids = np.where(kept, labels, 0)[..., None]
    losses = -np.take_along_axis(scores, ids, -1)[..., 0]
    weights = np.reshape(weights, (-1, *(1,) * (labels.ndim - 1)))
    return (losses * kept * weights).sum() / kept.sum()


@each_head
def test_sample_weights_of_named_labels(model, task):
    """They have the same effect as without a dictionary of labels."""
    _, ours = pair(model, task)
    x, y = inputs(task), labels(task)
    outputs = {out: y[label] for out, label in ours.labels_of_outputs.items()}
    weights = np.array([1.0, 0.0, 0.5], "float32")
    length = 7 if task == "ForQuestionAnswering" else None
    found = ours(**x)
    expected = [
        weighted_loss(to_numpy(found[out]), label, weights, length)
        for out, label in outputs.items()
    ]
    expected = np.mean(expected) if length else np.sum(expected)
    ours.compile(run_eagerly=True)
    by_label = dict.fromkeys(y, weights)
    for form in (
        (x, list(y.values())[0] if len(y) == 1 else list(y.values()), weights),
        (x, y, weights),
        (x, outputs, weights),
        (x, y, by_label),
        ({**x, **y}, None, weights),
        (data_set(x, y, weights), None, None),
        (data_set(x, y, by_label), None, None),
        (batches(x, y, weights), None, None),
    ):
        x_, y_, weights_ = form
        found = ours.evaluate(x_, y_, sample_weight=weights_, verbose=0)
        assert found == pytest.approx(expected, rel=1e-5)


def test_fit_with_weights():
    """In graphs with metrics, the results are those of unnamed labels."""
    x, y = inputs(TEXT, batch=4), labels(TEXT, batch=4)["labels"]
    weights = np.array([1.0, 0.0, 0.5, 2.0], "float32")
    class_weight = {0: 0.5, 2: 3.0}
    accuracy = keras.metrics.SparseCategoricalAccuracy
    ours = loaded(MobileBert, TEXT, num_hidden_layers=1)
    optimizer = keras.optimizers.SGD(0.0)
    ours.compile(optimizer, weighted_metrics=[accuracy(name="accuracy")])

    def history(data, **kwargs):
        size = None if len(data) == 1 else 4
        found = ours.fit(*data, batch_size=size, verbose=0, **kwargs).history
        return {key: value for key, (value,) in found.items()}

    found = [
        history(form, sample_weight=weights)
        for form in ((x, y), (x, {"labels": y}), ({**x, "labels": y}, None))
    ]
    assert set(found[0]) == {"loss", "accuracy"}
    for other in found[1:]:
        assert other == pytest.approx(found[0], rel=1e-5)
    by_class = np.array([class_weight.get(label, 1.0) for label in y])
    expected = history((x, y), sample_weight=by_class)
    assert expected != pytest.approx(found[0], rel=1e-3)
    for form in (
        (x, y),
        (x, {"labels": y}),
        ({**x, "labels": y}, None),
        (data_set(x, {"labels": y}, None),),
    ):
        found = history(form, class_weight=class_weight)
        assert found == pytest.approx(expected, rel=1e-5)


def test_class_weights():
    """In every form of data, except the validation data."""
    ours = loaded(MobileBert, TEXT, num_hidden_layers=1)
    ours.config.label2id = {"a": 0, "b": 1, "c": 2}
    ours.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    x, y = inputs(TEXT, batch=4), labels(TEXT, batch=4)["labels"]
    by_class = np.array([0.5, 1.0, 3.0])[y]
    expected = float(ours.train_on_batch(x, y, sample_weight=by_class))
    class_weight = {"a": 0.5, 2: 3.0}
    found = ours.train_on_batch(x, {"labels": y}, class_weight=class_weight)
    assert float(found) == pytest.approx(expected, rel=1e-5)
    for form in (
        (batches(x, {"labels": y}),),
        (batches({**x, "labels": y}),),
        ((batch for batch in [(x, {"labels": y})]),),
        (x, {"logits": y.tolist()}),
        (list(x.values()), y),
    ):
        found = ours.fit(*form, verbose=0, class_weight=class_weight).history[
            "loss"
        ]
        assert found == pytest.approx([expected], rel=1e-5)
    first, last = (
        {k: v[part] for k, v in {**x, "labels": y}.items()}
        for part in (slice(2), slice(2, 4))
    )
    found = ours.fit(
        {**x, "labels": y},
        validation_split=0.5,
        class_weight=class_weight,
        verbose=0,
    ).history
    weights = by_class[:2]
    expected = {
        "loss": ours.evaluate(first, sample_weight=weights, verbose=0),
        "val_loss": ours.evaluate(last, verbose=0),
    }
    assert {k: v for k, (v,) in found.items()} == pytest.approx(expected, 1e-5)


def test_class_weights_of_tokens():
    task = "ForTokenClassification"
    ours = loaded(MobileBert, task, num_hidden_layers=1)
    ours.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    x, y = inputs(task), labels(task)["labels"]
    by_class = np.where(y == 3, 5.0, 1.0)
    expected = float(ours.train_on_batch(x, y, sample_weight=by_class))
    for form in ((x, y), (x, {"labels": y}), ({**x, "labels": y},)):
        found = ours.train_on_batch(*form, class_weight={3: 5.0})
        assert float(found) == pytest.approx(expected, rel=1e-5)


def test_class_weights_that_cannot_be():
    x = inputs(TEXT)
    ours = loaded(MobileBert, TEXT, num_hidden_layers=1)
    ours.compile(run_eagerly=True)
    y = labels(TEXT)["labels"]
    for class_weight in ({"none": 2.0}, {-1: 2.0}, {0.5: 2.0}):
        with pytest.raises(ValueError, match="class ids, or names"):
            ours.fit(x, y, class_weight=class_weight)
    with pytest.raises(ValueError, match="cannot both be passed"):
        ours.fit(x, y, class_weight={0: 2.0}, sample_weight=np.ones(3))
    with pytest.raises(ValueError, match="needs labels"):
        ours.fit(x, class_weight={0: 2.0})
    with pytest.raises(ValueError, match="dtype float32"):
        ours.fit(x, np.ones((3, 3), "float32"), class_weight={0: 2.0})
    task = "ForQuestionAnswering"
    _, spans = pair(MobileBert, task)
    spans.compile(run_eagerly=True)
    with pytest.raises(ValueError, match="one label argument"):
        spans.fit(inputs(task), labels(task), class_weight={0: 2.0})


def test_class_weights_of_other_losses():
    ours = loaded(MobileBert, TEXT, num_hidden_layers=1)
    ours.compile(
        keras.optimizers.SGD(0.0), "categorical_crossentropy", run_eagerly=True
    )
    x = inputs(TEXT)
    y = np.eye(3, dtype="float32")[labels(TEXT)["labels"]]
    expected = float(ours.train_on_batch(x, y, class_weight={2: 3.0}))
    found = ours.train_on_batch(x, {"labels": y}, class_weight={2: 3.0})
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_metrics_of_what_counts():
    ours = loaded(MobileBert, "ForTokenClassification")
    x, y = inputs("ForTokenClassification"), labels("ForTokenClassification")
    y = y["labels"]
    ours.compile(weighted_metrics=["accuracy"], run_eagerly=True)
    guesses = to_numpy(ours(**x).logits).argmax(-1)
    for weights in (None, np.array([0.5, 1.0, 2.0])):
        found = ours.test_on_batch(x, y, weights, return_dict=True)["accuracy"]
        rows = np.ones(3) if weights is None else weights
        counted = rows[:, None] * (y != -100)
        assert float(found) == pytest.approx(
            np.average(guesses == y, weights=counted)
        )


def test_other_losses():
    x = inputs(TEXT)
    y = labels(TEXT)["labels"]
    ours = loaded(SqueezeBert, TEXT)
    logits = to_numpy(ours(**x).logits)
    ours.compile(
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=True,
    )
    expected = float(to_numpy(ours(**x, labels=y).loss))
    assert float(ours.test_on_batch(x, y)) == pytest.approx(expected, 1e-5)
    found = ours.test_on_batch({**x, "labels": y})
    assert float(found) == pytest.approx(expected, 1e-5)
    ours.compile(loss="mse", run_eagerly=True)
    targets = np.zeros((3, 3), "float32")
    found = float(ours.test_on_batch(x, targets))
    assert found == pytest.approx(np.mean(logits**2), 1e-5)
    _, base = pair(SqueezeBert, "Model")
    base.compile(loss="mse", run_eagerly=True)
    hidden = to_numpy(base(**x).last_hidden_state)
    found = float(base.test_on_batch(x, np.zeros_like(hidden)))
    assert found == pytest.approx(np.mean(hidden**2), 1e-5)


def test_several_outputs():
    task = "ForQuestionAnswering"
    ours = loaded(MobileBert, task)
    x, y = (
        inputs(task),
        {
            "start_positions": np.array([1, 2, 3]),
            "end_positions": np.array([3, 2, 1]),
        },
    )
    crossentropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ours.compile(
        loss={"start_logits": crossentropy, "end_logits": crossentropy},
        metrics={"start_logits": ["accuracy"]},
        run_eagerly=True,
    )
    result = ours.test_on_batch(x, y, return_dict=True)
    expected = 2 * float(to_numpy(ours(**x, **y).loss))
    assert float(result["loss"]) == pytest.approx(expected, 1e-5)
    start = to_numpy(ours(**x).start_logits).argmax(-1)
    assert float(result["start_logits_accuracy"]) == pytest.approx(
        np.mean(start == y["start_positions"])
    )


def test_gradients():
    """A step is the same as in PyTorch."""
    import torch

    task = "ForMaskedLM"
    theirs, folder = saved_original(SqueezeBert, task)
    theirs = type(theirs).from_pretrained(folder)
    ours = loaded(SqueezeBert, task)
    x, y = inputs(task), labels(task)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    tensors = {k: torch.from_numpy(v) for k, v in {**x, **y}.items()}
    theirs(**tensors).loss.backward()
    optimizer.step()
    ours.compile(keras.optimizers.SGD(0.1), run_eagerly=RUN_EAGERLY)
    ours.train_on_batch({**x, **y})
    found = ours(**x).logits
    expected = run_original(theirs.eval(), **x).logits
    # PyTorch does not train the padding embedding as an input, and neither do
    # we if no input is padding.
    kept = (x["input_ids"] != 0).all(-1)
    assert_close(to_numpy(found)[kept], to_numpy(expected)[kept])


@pytest.mark.skipif(
    keras.config.backend() == "torch",
    reason="Keras advises against compiling for torch",
)
def test_jit_compile():
    ours = loaded(MobileBert, TEXT)
    ours.compile(keras.optimizers.SGD(0.01), jit_compile=True)
    x, y = inputs(TEXT), labels(TEXT)
    expected = float(to_numpy(ours(**x, **y).loss))
    found = ours.fit({**x, **y}, verbose=0).history["loss"][0]
    assert found == pytest.approx(expected, 1e-4)


def test_mixed_precision():
    _, folder = saved_original(SqueezeBert, TEXT)
    ours = face(SqueezeBert, TEXT).from_pretrained(
        folder,
        dtype="mixed_bfloat16",
        num_labels=1,
        num_hidden_layers=1,
        ignore_mismatched_sizes=True,
    )
    x = inputs(TEXT)
    y = np.array([1.0009765625, 0.5, -1.0], "float32")
    output = ours(**x, labels=y)
    assert keras.backend.standardize_dtype(output.logits.dtype) == "bfloat16"
    logits = to_numpy(keras.ops.cast(output.logits, "float32"))
    expected = np.mean((logits[:, 0] - y) ** 2)
    # The labels are not rounded.
    assert float(to_numpy(output.loss)) == pytest.approx(expected, 1e-6)
    ours.compile(run_eagerly=RUN_EAGERLY)
    ours.fit(x, y, verbose=0)
    dtypes = {keras.backend.standardize_dtype(v.dtype) for v in ours.weights}
    assert dtypes == {"float32"}


def test_calls_in_callbacks():
    """They work like other calls, even in the middle of `fit()`."""
    ours = loaded(MobileBert, TEXT, num_hidden_layers=1)
    ours.config.return_dict = False
    x, y = inputs(TEXT), labels(TEXT)
    found = []
    callback = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: found.append(ours(**x, **y))
    )
    ours.compile(run_eagerly=RUN_EAGERLY)
    ours.fit({**x, **y}, callbacks=[callback], verbose=0)
    (outputs,) = found
    assert type(outputs) is tuple and len(outputs) == 2


def test_training_continues_after_loading(tmp_path):
    ours = loaded(MobileBert, TEXT, num_hidden_layers=1)
    ours.compile(keras.optimizers.Adam(1e-3), run_eagerly=RUN_EAGERLY)
    x, y = inputs(TEXT), labels(TEXT)
    ours.train_on_batch({**x, **y})
    ours.save(tmp_path / "model.keras")
    other = keras.saving.load_model(tmp_path / "model.keras")
    losses = [
        float(model.train_on_batch({**x, **y})) for model in (ours, other)
    ]
    assert losses[0] == pytest.approx(losses[1], 1e-5)
    assert int(other.optimizer.iterations) == 2


def test_advice_to_clip():
    cls = face(MobileBert, TEXT)
    config = cls.config_class.from_dict(
        MobileBert.config(classifier_activation=False).to_dict()
    )
    ours = cls(config)
    with pytest.warns(UserWarning, match="Clip the gradients"):
        ours.compile("adam")
    ours.compile()
    assert ours.optimizer.global_clipnorm == 1.0


def test_errors():
    ours = loaded(MobileBert, TEXT)
    ours.compile(run_eagerly=True)
    with pytest.raises(ValueError, match="labels"):
        ours.train_on_batch(inputs(TEXT))
    _, base = pair(MobileBert, "Model")
    base.compile(run_eagerly=True)
    with pytest.raises(ValueError, match="pass `loss`"):
        base.train_on_batch(inputs("Model"), np.zeros(3))
