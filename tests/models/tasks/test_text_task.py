"""Tests how tasks handle their data."""

import itertools
import threading

import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from keras_squeeze import models
from keras_squeeze.models.tasks import windowed_task
from keras_squeeze.models.tasks.text_task import TextTask
from tests.backends import only_on
from tests.tiny import SPECIAL_TOKENS
from tests.tiny import tiny_backbone

TEXTS = [str(i) for i in range(10)]
LABELS = np.arange(10, dtype="float32")
ORDER = list(range(10))


def to_numbers(texts):
    """A preprocessor for texts that are numbers."""
    if isinstance(texts, tuple):
        return sum(map(to_numbers, texts))
    if isinstance(texts, tf.Tensor):
        return tf.strings.to_number(texts)[:, tf.newaxis]
    return np.array([[float(text)] for text in texts], "float32")


class Doubler(TextTask, keras_hub.models.Task):
    """A task that initially multiplies by two."""

    def __init__(self, preprocessor=to_numbers):
        inputs = keras.Input((1,))
        self.backbone = keras.Model(inputs, keras.layers.Identity()(inputs))
        self.preprocessor = preprocessor
        outputs = keras.layers.Dense(
            1, kernel_initializer=keras.initializers.Constant(2.0)
        )(self.backbone(inputs))
        super().__init__(inputs=inputs, outputs=outputs)

    def compile(self, **kwargs):
        super().compile(keras.optimizers.SGD(0.0), **kwargs)

    def default_loss(self):
        return "mse"

    def default_metrics(self):
        return {}

    def checked_class_weight(self, class_weight, *args):
        # For tests that set class weights, its labels are classes.
        return class_weight


@pytest.fixture
def task():
    return Doubler()


@pytest.fixture
def fed(monkeypatch):
    """Collect the labels that Keras receives, as a list per epoch."""
    epochs = []

    def collect(data_set, steps, repetitions):
        batches = iter(data_set)
        for _ in range(repetitions):
            epoch = list(itertools.islice(batches, steps))
            epochs.append([int(label) for _, y in epoch for label in y])

    def fit(
        self,
        x,
        epochs=1,
        steps_per_epoch=None,
        validation_data=None,
        validation_steps=None,
        **kwargs,
    ):
        collect(x, steps_per_epoch, epochs)
        if validation_data is not None:
            collect(validation_data, validation_steps, 1)

    monkeypatch.setattr(keras.Model, "fit", fit)
    return epochs


def test_every_epoch_has_its_own_order(task, fed):
    keras.utils.set_random_seed(7)
    task.fit(TEXTS, LABELS, batch_size=3, epochs=3)
    for epoch in fed:
        assert sorted(epoch) == ORDER != epoch
    assert fed[0] != fed[1] != fed[2] != fed[0]


def test_order_follows_the_seed(task, fed):
    for seed in (7, 7, 8):
        keras.utils.set_random_seed(seed)
        task.fit(TEXTS, LABELS)
    assert fed[0] == fed[1] != fed[2]


def test_no_shuffling(task, fed):
    task.fit(TEXTS, LABELS, batch_size=3, epochs=2, shuffle=False)
    assert fed == [ORDER, ORDER]


@pytest.mark.parametrize(
    "convert",
    [
        list,
        np.array,
        lambda x: np.array(x, "object"),
        tf.constant,
        lambda x: (x, ["0"] * 10),
        lambda x: (np.array(x), np.array(["0"] * 10)),
    ],
)
def test_forms_of_inputs(task, fed, convert):
    x = convert(TEXTS)
    keras.utils.set_random_seed(7)
    task.fit(x, LABELS)
    assert sorted(fed[0]) == ORDER != fed[0]
    expected = 2 * LABELS[:, np.newaxis]
    np.testing.assert_array_equal(task.predict(x, verbose=0), expected)
    assert task.evaluate(x, 2 * LABELS, batch_size=4, verbose=0) == 0


def test_inputs_that_need_no_preprocessing(fed):
    keras.utils.set_random_seed(7)
    Doubler(preprocessor=None).fit(LABELS[:, np.newaxis], LABELS)
    assert sorted(fed[0]) == ORDER != fed[0]


def test_data_set(task, fed):
    data_set = tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(4)
    task.fit(data_set)
    assert fed == [ORDER]
    texts = data_set.map(lambda x, y: x)
    np.testing.assert_array_equal(
        task.predict(texts, verbose=0)[:, 0], 2 * LABELS
    )
    assert task.evaluate(data_set, verbose=0) == pytest.approx(28.5)
    with pytest.raises(ValueError, match="do not provide `batch_size`"):
        task.fit(data_set, batch_size=2)


@pytest.mark.parametrize("convert", [list, np.array])
def test_validation_split(task, fed, convert):
    task.fit(convert(TEXTS), LABELS, validation_split=0.2)
    assert sorted(fed[0]) == ORDER[:8]
    assert fed[1] == ORDER[8:]


@pytest.mark.parametrize("with_weights", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_validation_data(task, shuffle, with_weights):
    data = [["3", "4"], [7.0, 9.0]] + [[1.0, 0.0]] * with_weights
    history = task.fit(
        TEXTS, LABELS, validation_data=tuple(data), shuffle=shuffle, verbose=0
    ).history
    # Both errors are 1, and the second one may be ignored.
    assert history["val_loss"] == [0.5 if with_weights else 1.0]


def test_validation_data_set(task):
    data_set = tf.data.Dataset.from_tensors((["3"], [7.0]))
    history = task.fit(TEXTS, LABELS, validation_data=data_set, verbose=0)
    assert history.history["val_loss"] == [1.0]


def test_sample_weight(task):
    weights = (LABELS == 3).astype("float32")
    history = task.fit(TEXTS, LABELS, sample_weight=weights, verbose=0).history
    assert history["loss"] == [pytest.approx(0.9)]
    loss = task.evaluate(TEXTS, LABELS, sample_weight=weights, verbose=0)
    assert loss == pytest.approx(0.9)


def test_class_weight(task):
    labels = (LABELS > 8).astype("int32")
    history = task.fit(
        TEXTS, labels, class_weight={0: 0.0, 1: 1.0}, verbose=0
    ).history
    assert history["loss"] == [pytest.approx((2 * 9 - 1) ** 2 / 10)]


def test_errors_of_preprocessing_come_through(task):
    for method in (task.predict, task.evaluate, task.fit):
        with pytest.raises(ValueError, match="could not convert string"):
            method(["1", "one"], verbose=0)


@pytest.mark.parametrize(
    "x, message",
    [
        ([], "`x` must have at least one sample"),
        ("1", "must have a batch dimension"),
        (TEXTS[:9], "the same batch dimension.*9, 10"),
    ],
)
def test_wrong_number_of_samples(task, x, message):
    y = LABELS if len(x) > 1 else LABELS[: len(x)]
    with pytest.raises(ValueError, match=message):
        task.fit(x, y, verbose=0)
    with pytest.raises(ValueError, match=message):
        task.evaluate(x, y, verbose=0)


def test_training_step_is_traced_once(task):
    """Keras would trace it twice on TensorFlow, which takes twice as long."""
    calls = []

    def loss(y_true, y_pred):
        calls.append(y_pred)
        return keras.losses.mean_squared_error(y_true, y_pred)

    TextTask.compile(task, keras.optimizers.Adam(), loss, jit_compile=False)
    assert task.fit(TEXTS, LABELS, epochs=2, verbose=0).history["loss"]
    if keras.backend.backend() == "tensorflow":
        assert len(calls) == 1
    assert task.optimizer.built


@pytest.fixture
def classifier():
    """A random classifier with a preprocessor."""
    vocabulary = [*SPECIAL_TOKENS, "a", "b"]
    tokenizer = models.SqueezeBertTokenizer(vocabulary)
    return models.SqueezeBertTextClassifier(
        tiny_backbone(models.SqueezeBertBackbone, vocabulary),
        num_classes=2,
        preprocessor=models.SqueezeBertTextClassifierPreprocessor(
            tokenizer, sequence_length=48
        ),
    )


@pytest.fixture
def calls(classifier, monkeypatch):
    """Collect the calls of the first layer: each is a trace, if compiled."""
    layer = classifier.backbone.embeddings
    call = layer.call
    calls = []

    def count(*args, **kwargs):
        calls.append(args)
        return call(*args, **kwargs)

    monkeypatch.setattr(layer, "call", count)
    return calls


@only_on("tensorflow", reason="only TensorFlow traces")
def test_prediction_is_traced_once(classifier, calls):
    """Keras would trace it for other lengths and for the last batch."""
    texts = ["a " * length for length in (1, 2, 20, 21, 40)]
    classifier.predict(texts, batch_size=2, verbose=0)
    classifier.annotate(texts[0])
    classifier.annotate(texts)
    assert len(calls) == 1


@only_on("jax", reason="only JAX compiles for each shape")
def test_prediction_runs_nothing_but_the_program(classifier, calls):
    """Keras would run a task that is not built outside the program."""
    for _ in range(3):
        classifier.predict(["a", "b"], verbose=0)
    assert len(calls) == 1


def test_one_batch_needs_no_data_set(classifier, monkeypatch):
    texts = ["a", "b a", "b"]
    expected = classifier.predict(texts, batch_size=2)
    monkeypatch.setattr(keras.Model, "predict", None)
    outputs = classifier.predict(texts, verbose=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)
    answers = classifier.annotate(texts)
    assert answers[1] == pytest.approx(classifier.annotate(texts[1]))


def test_batches_without_a_size_have_a_number_of_tokens(
    classifier, monkeypatch
):
    texts = ["a", "b a", "b"] * 30
    expected = classifier.predict(texts, batch_size=7, verbose=0)
    # Short texts fit into a single batch.
    monkeypatch.setattr(keras.Model, "predict", None)
    outputs = classifier.predict(texts, verbose=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)
    monkeypatch.undo()
    monkeypatch.setattr(classifier, "batch_tokens", 100)
    outputs = classifier.predict(texts, verbose=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5)


class Failure(keras.callbacks.Callback):
    """Fails in a method of a callback at the second batch."""

    def __init__(self, method, batch=1):
        super().__init__()
        self.batch = batch
        setattr(self, method, self.fail)

    def fail(self, batch, logs=None):
        if batch == self.batch:
            raise RuntimeError("no more")


@pytest.mark.parametrize("batch", [0, 1])
@pytest.mark.parametrize(
    "method",
    [
        "on_train_batch_begin",
        "on_train_batch_end",
        "on_test_batch_begin",
        "on_test_batch_end",
        "on_predict_batch_begin",
        "on_predict_batch_end",
    ],
)
def test_a_failure_leaves_the_weights_in_place(task, tmp_path, method, batch):
    # Unlike the initial weights, which Keras could reset to.
    task.set_weights([np.full((1, 1), 3.0), np.ones(1)])
    task.compile()
    task.fit(TEXTS, LABELS, batch_size=4, verbose=0)
    kwargs = {
        "batch_size": 4,
        "verbose": 0,
        "callbacks": [Failure(method, batch)],
    }
    with pytest.raises(RuntimeError, match="no more"):
        if "predict" in method:
            task.predict(TEXTS, **kwargs)
        elif "test" in method:
            task.evaluate(TEXTS, LABELS, **kwargs)
        else:
            task.fit(TEXTS, LABELS, **kwargs)
    np.testing.assert_array_equal(task.get_weights()[0], [[3.0]])
    np.testing.assert_allclose(
        task.predict(TEXTS, verbose=0)[:, 0], 3 * np.arange(10.0) + 1
    )
    task.fit(TEXTS, LABELS, batch_size=4, verbose=0)
    task.save_weights(tmp_path / "task.weights.h5")


def test_data_that_fails_leaves_the_weights_in_place(task):
    task.set_weights([np.full((1, 1), 3.0), np.ones(1)])
    task.compile()
    task.fit(TEXTS, LABELS, batch_size=4, verbose=0)
    with pytest.raises(Exception, match="could not convert|StringToNumber"):
        task.fit([*TEXTS * 10, "ten"], np.ones(101), batch_size=2, verbose=0)
    np.testing.assert_array_equal(task.get_weights()[0], [[3.0]])
    task.evaluate(TEXTS, LABELS, verbose=0)


def tiny_task(name, sequence_length, **kwargs):
    """A SqueezeBERT task whose tokenizer knows the words a and b."""
    words = [*SPECIAL_TOKENS, "a", "b"]
    cls = getattr(models, f"SqueezeBert{name}")
    return cls(
        tiny_backbone(
            models.SqueezeBertBackbone,
            words,
            max_sequence_length=32,
            initializer_range=0.5,
            dropout=0.0,
            attention_dropout=0.0,
        ),
        preprocessor=cls.preprocessor_cls(
            models.SqueezeBertTokenizer(words), sequence_length=sequence_length
        ),
        **kwargs,
    )


def test_tasks_that_draw_masks_do_not_group_texts():
    task = tiny_task("MaskedLM", 8)
    message = "`group_by_length`.*SqueezeBertMaskedLM"
    with pytest.raises(ValueError, match=message):
        task.fit(["a b a b", "b b a"], group_by_length=True)


def samples_of_lengths(name, counts):
    """Raw inputs of a task and labels, with these numbers of words."""
    words = [["a", "b"] * (count // 2) for count in counts]
    texts = [" ".join(row) for row in words]
    if name == "TokenClassifier":
        return words, [[0, 1] * (count // 2) for count in counts]
    if name == "QuestionAnswering":
        return (
            {"question": ["a" for _ in counts], "context": texts},
            {
                "answer_start": [2 for _ in counts],
                "answer_text": ["b" for _ in counts],
            },
        )
    return (
        {
            "prompt": ["a" for _ in counts],
            "choices": [["b", text] for text in texts],
        },
        [1 for _ in counts],
    )


@pytest.mark.parametrize(
    "name", ["TokenClassifier", "QuestionAnswering", "MultipleChoice"]
)
def test_samples_of_similar_length_share_batches(name, monkeypatch):
    kwargs = {"num_classes": 2} if name == "TokenClassifier" else {}
    if name != "QuestionAnswering":
        kwargs["dropout"] = 0.0
    task = tiny_task(name, 32, **kwargs)
    task.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    x, y = samples_of_lengths(name, [20, 4, 24, 6])
    lengths = []
    fit = keras.Model.fit

    def look_and_fit(self, x, **kwargs):
        batches = [x[i][0]["token_ids"] for i in range(len(x))]
        lengths.extend(batch.shape[-1] for batch in batches)
        return fit(self, x, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "fit", look_and_fit)
        losses = task.fit(
            x,
            y,
            batch_size=2,
            group_by_length=True,
            validation_data=(x, y),
            verbose=0,
        ).history
    assert lengths == [16, 32]
    expected = []
    for length, counts in ((16, [4, 6]), (32, [20, 24])):
        task.preprocessor.sequence_length = length
        part = samples_of_lengths(name, counts)
        expected.append(task.evaluate(*part, return_dict=True, verbose=0))
    expected = np.mean([part["loss"] for part in expected])
    assert losses["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert losses["val_loss"][0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "name", ["TokenClassifier", "QuestionAnswering", "MultipleChoice"]
)
def test_answers_do_not_depend_on_padding(name, monkeypatch):
    kwargs = {"num_classes": 2} if name == "TokenClassifier" else {}
    task = tiny_task(name, 32, **kwargs)
    # Some texts have several windows.
    x, _ = samples_of_lengths(name, [20, 4, 64, 6, 2, 28])
    shapes = []
    predict = keras.Model.predict_on_batch

    def look_and_predict(self, x):
        shapes.append(x["token_ids"].shape[-1])
        return predict(self, x)

    monkeypatch.setattr(keras.Model, "predict_on_batch", look_and_predict)
    answers = task.annotate(x, batch_size=3)
    if name != "MultipleChoice":
        assert sorted(set(shapes)) == [16, 32]
    monkeypatch.setattr(windowed_task, "num_replicas", lambda task: 2)
    monkeypatch.setattr(type(task), "can_group_by_length", False)
    seen = len(shapes)
    padded = task.annotate(x, batch_size=3)
    assert len(shapes) == seen
    keras.tree.map_structure(
        lambda one, two: (
            one == pytest.approx(two, abs=1e-5)
            or pytest.fail(f"{one} != {two}")
        ),
        answers,
        padded,
    )


def test_threads_share_a_task(task):
    expected = 2 * np.arange(10.0)
    failures = []

    def predict():
        try:
            for _ in range(5):
                outputs = task.predict(TEXTS, batch_size=2, verbose=0)
                np.testing.assert_allclose(outputs[:, 0], expected)
        except BaseException as e:
            failures.append(e)

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_the_readers_of_data_have_no_advice(task, caplog):
    task.compile()
    task.fit(TEXTS, LABELS, validation_data=(TEXTS, LABELS), verbose=0)
    task.predict(TEXTS, verbose=0)
    assert caplog.messages == []


def raw_samples(name):
    """Raw inputs of a task and labels."""
    if name == "TokenClassifier":
        return [["a", "b"], ["b"]], [[0, 1], [1]]
    if name == "QuestionAnswering":
        return (
            {"question": ["a", "b"], "context": ["b a", "b"]},
            {"answer_start": [0, 0], "answer_text": ["b", "b"]},
        )
    y = np.ones((2, 8), "float32") if name == "TextEmbedder" else None
    return ["a b a b", "b b a"], y


@pytest.mark.skipif(
    keras.config.backend() == "jax",
    reason="on JAX every weight has a gradient, so Keras does not warn",
)
@pytest.mark.filterwarnings("error:Gradients do not exist")
@pytest.mark.parametrize(
    "name",
    ["TextEmbedder", "TokenClassifier", "QuestionAnswering", "MaskedLM"],
)
def test_weights_without_a_part_in_the_loss_are_no_news(name):
    words = [*SPECIAL_TOKENS, "a", "b"]
    backbone = tiny_backbone(
        models.SqueezeBertBackbone,
        words,
        max_sequence_length=16,
        hidden_dim=8,
        embedding_dim=8,
    )
    cls = getattr(models, f"SqueezeBert{name}")
    task = cls(
        backbone=backbone,
        preprocessor=cls.preprocessor_cls(
            models.SqueezeBertTokenizer(words), sequence_length=8
        ),
        **({"num_classes": 2} if name == "TokenClassifier" else {}),
    )
    loss = "mse" if name == "TextEmbedder" else "auto"
    task.compile(loss=loss, run_eagerly=True)
    pooler = backbone.pooler.get_weights()
    task.fit(*raw_samples(name), verbose=0)
    # The others are trained, and the pooler is not changed.
    np.testing.assert_array_equal(backbone.pooler.get_weights()[0], pooler[0])
    assert int(task.optimizer.iterations) == 1
