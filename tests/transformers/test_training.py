"""Training of the model classes, against the losses of transformers."""

import keras
import numpy as np
import pytest
import transformers

from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import assert_close
from tests.task_checks import RUN_EAGERLY
from tests.transformers.faces import CLASSES
from tests.transformers.faces import face
from tests.transformers.faces import inputs
from tests.transformers.faces import labels
from tests.transformers.faces import name
from tests.transformers.faces import pair
from tests.transformers.faces import run_original
from tests.transformers.faces import saved_original
from tests.transformers.faces import to_numpy

TEXT = "ForSequenceClassification"


def loaded(model, task, **kwargs):
    """A model of the test's own, which it may train."""
    _, folder = saved_original(model, task)
    return face(model, task).from_pretrained(folder, **kwargs)


@pytest.mark.parametrize(
    ("model", "task"),
    [pair for pair in CLASSES if pair[1] != "Model"],
    ids=name,
)
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
    """In graphs, as compiled by default."""
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


def test_metrics_of_what_counts():
    ours = loaded(MobileBert, "ForTokenClassification")
    x, y = inputs("ForTokenClassification"), labels("ForTokenClassification")
    y = y["labels"]
    ours.compile(weighted_metrics=["accuracy"], run_eagerly=True)
    found = ours.test_on_batch(x, y, return_dict=True)["accuracy"]
    guesses = to_numpy(ours(**x).logits).argmax(-1)
    assert float(found) == pytest.approx(np.mean((guesses == y)[y != -100]))


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
    """A step is that of the original, in PyTorch."""
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
    # The embedding of the padding token is not trained in PyTorch as an
    # input, and neither is it here where nothing is padded with it.
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
    """Are those of a user, also in the middle of `fit()`."""
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


def test_training_goes_on_after_loading(tmp_path):
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
