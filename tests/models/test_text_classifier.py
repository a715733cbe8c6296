import gc
import weakref

import keras
import keras_hub
import numpy as np
import pytest
import sklearn.utils.class_weight
import tensorflow as tf
import transformers

from keras_squeeze.models.tasks import input_pipeline
from tests.backends import only_on
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.task_checks import XLA
from tests.task_checks import check_head
from tests.task_checks import check_learned
from tests.task_checks import check_saving
from tests.tiny import tiny_backbone
from tests.tiny import vocabulary_of

HAM = [
    "See you at nine then.",
    "I am on the bus, call you later",
    "Ok lar... Joking wif u oni...",
    "Did you buy milk?",
]
SPAM = [
    "WINNER!! You have won a prize, call now",
    "Free entry in a weekly comp to win cash",
    "Urgent! Claim your FREE phone today.",
    "Text WIN to 80086 to claim",
]
TEXTS = [text for pair in zip(HAM, SPAM, strict=True) for text in pair]
NAMES = ["ham", "spam"]
LABELS = NAMES * 4
IDS = [0, 1] * 4
VOCABULARY = vocabulary_of(TEXTS, ".,!?")


def make_preprocessor(model):
    return model.preprocessor_cls(
        model.tokenizer_cls(VOCABULARY), sequence_length=24
    )


def make_backbone(model, **kwargs):
    return tiny_backbone(
        model.backbone_cls, VOCABULARY, max_sequence_length=32, **kwargs
    )


def make_task(model, preprocessor=True, backbone=None, **kwargs):
    kwargs = kwargs or {"class_names": NAMES}
    return model.classifier_cls(
        backbone or make_backbone(model),
        preprocessor=make_preprocessor(model) if preprocessor else None,
        **kwargs,
    )


def compile_eagerly(task, optimizer="auto"):
    """Compile without tracing, which takes longer than a few steps."""
    task.compile(optimizer, run_eagerly=True)


def randomize(task):
    """Make every weight affect the outputs, unlike in a new model."""
    random = np.random.default_rng(0)
    task.set_weights(
        [random.normal(0, 0.3, w.shape) for w in task.get_weights()]
    )


@pytest.fixture(scope="module")
def trained(model):
    """A task that has memorized the texts."""
    keras.utils.set_random_seed(0)
    task = make_task(
        model, backbone=make_backbone(model, attention_dropout=0.0, dropout=0.0)
    )
    task.compile(
        keras.optimizers.Adam(1e-2, global_clipnorm=1.0),
        jit_compile=XLA if model is SqueezeBert else "auto",
    )
    task.fit(TEXTS, LABELS, batch_size=8, epochs=40, verbose=0)
    return task


def test_learns_real_texts(trained):
    check_learned(trained, TEXTS, LABELS)
    answers = trained.annotate(TEXTS)
    assert [answer["label"] for answer in answers] == LABELS
    assert all(answer["score"] > 0.95 for answer in answers)


@pytest.mark.parametrize(
    "convert", [list, np.array, lambda x: np.array(x, "object"), tf.constant]
)
@pytest.mark.parametrize("labels", [LABELS, IDS])
def test_forms_of_texts_and_labels(trained, convert, labels):
    x, y = convert(TEXTS), convert(labels)
    assert trained.evaluate(x, y, verbose=0)[1] == 1
    data_set = tf.data.Dataset.from_tensor_slices((TEXTS, labels)).batch(3)
    assert trained.evaluate(data_set, verbose=0)[1] == 1
    logits = trained.predict(x, verbose=0)
    assert np.argmax(logits, axis=-1).tolist() == IDS


def test_predictions_in_the_order_of_the_lengths(model, monkeypatch):
    """The outputs are in the order of the texts, whatever their padding."""
    task = make_task(model)
    task.preprocessor.sequence_length = 32
    randomize(task)
    words = " ".join(TEXTS).split()
    texts = [" ".join(words[i : i + 7 * i % 29]) for i in range(21)]
    lengths, call = [], task.backbone.attention_mask.call
    monkeypatch.setattr(
        task.backbone.attention_mask,
        "call",
        lambda mask: lengths.append(mask.shape[1]) or call(mask),
    )
    found = task.predict(texts, batch_size=4, verbose=0)
    # 16 and 32, or unknown in a graph.
    assert set(lengths) - {32}
    data_set = tf.data.Dataset.from_tensor_slices(texts).batch(3)
    expected = task.predict(data_set, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    # Many texts are sorted in parts.
    monkeypatch.setattr(input_pipeline, "SAMPLES_SORTED", 8)
    found = task.predict(texts, batch_size=4, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_group_by_length(monkeypatch):
    texts = [text + " call" * (12 * (i % 2)) for i, text in enumerate(TEXTS)]
    task = make_task(SqueezeBert, class_names=NAMES, dropout=0.0)
    randomize(task)
    lengths = []
    fit = keras.Model.fit

    def look_and_fit(self, x, **kwargs):
        batches = [x[i][0] for i in range(len(x))]
        lengths.extend(batch["token_ids"].shape[1] for batch in batches)
        return fit(self, x, **kwargs)

    monkeypatch.setattr(keras.Model, "fit", look_and_fit)
    compile_eagerly(task, keras.optimizers.SGD(0.0))
    loss, accuracy = task.evaluate(texts, LABELS, verbose=0)
    kwargs = {"batch_size": 4, "group_by_length": True, "verbose": 0}
    history = task.fit(
        texts, LABELS, validation_data=(texts, LABELS), **kwargs
    ).history
    assert lengths == [16, 24]
    assert history["val_loss"][0] == pytest.approx(loss, rel=1e-4)
    assert history["val_sparse_categorical_accuracy"][0] == accuracy
    data_set = tf.data.Dataset.from_tensor_slices((texts, LABELS)).batch(4)
    with pytest.raises(ValueError, match="`group_by_length` must be False"):
        task.fit(data_set, group_by_length=True)
    history = task.fit(
        texts, LABELS, validation_data=data_set, **kwargs
    ).history
    assert history["val_loss"][0] == pytest.approx(loss, rel=1e-4)
    history = task.fit(texts, LABELS, validation_split=0.25, **kwargs).history
    assert np.isfinite(history["val_loss"]).all()


def test_pairs(model):
    task = make_task(model)
    randomize(task)
    compile_eagerly(task)
    pairs = (TEXTS, TEXTS[::-1])
    logits = task.predict(pairs, verbose=0)
    expected = task(task.preprocessor(pairs, y=None))
    np.testing.assert_allclose(
        logits, keras.ops.convert_to_numpy(expected), rtol=1e-5, atol=1e-5
    )
    assert not np.allclose(logits, task.predict(TEXTS, verbose=0))
    arrays = tuple(map(np.array, pairs))
    np.testing.assert_array_equal(task.predict(arrays, verbose=0), logits)
    losses = np.log(np.exp(logits).sum(-1)) - logits[range(8), IDS]
    loss = task.evaluate(pairs, LABELS, verbose=0)[0]
    assert loss == pytest.approx(losses.mean(), rel=1e-4)
    answers = task.annotate(pairs)
    assert [NAMES.index(answer["label"]) for answer in answers] == np.argmax(
        logits, axis=-1
    ).tolist()


def test_unknown_label(trained):
    labels = ["spam", "egg"] * 4
    message = r"among the `class_names` \['ham', 'spam'\]. Received: \['egg'\]"
    for method in (trained.fit, trained.evaluate):
        with pytest.raises(ValueError, match=message):
            method(TEXTS, labels, verbose=0)
    with pytest.raises(ValueError, match=message):
        trained.fit(TEXTS, labels, shuffle=False, verbose=0)
    with pytest.raises(ValueError, match=message):
        trained.train_on_batch(TEXTS, labels)


def test_annotate(trained):
    logits = trained.predict(TEXTS[:2], verbose=0)
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    for i, answer in enumerate(trained.annotate(TEXTS[:2])):
        assert answer["score"] == pytest.approx(probabilities[i, i], rel=1e-5)
    assert trained.annotate(TEXTS[0])["label"] == "ham"
    everything = trained.annotate(TEXTS[1], top_k=5)
    assert [answer["label"] for answer in everything] == ["spam", "ham"]
    assert sum(answer["score"] for answer in everything) == pytest.approx(1)
    first = trained.annotate(TEXTS[:1], top_k=1)
    assert [[answer["label"] for answer in row] for row in first] == [["ham"]]
    with pytest.raises(ValueError, match="top_k=0"):
        trained.annotate(TEXTS, top_k=0)
    with pytest.raises(ValueError, match="at least one sample"):
        trained.annotate([])


def test_annotate_without_names():
    task = make_task(SqueezeBert, num_classes=3)
    answers = task.annotate(TEXTS[0], top_k=3)
    labels = sorted(answer["label"] for answer in answers)
    assert labels == ["LABEL_0", "LABEL_1", "LABEL_2"]


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_annotate_with_activation(activation):
    task = make_task(SqueezeBert, class_names=NAMES, activation=activation)
    task.output_dense.bias.assign([0.0, 3.0])
    outputs = task.predict(TEXTS[:1], verbose=0)[0]
    answer = task.annotate(TEXTS[0])
    assert answer == {"label": "spam", "score": float(outputs[1])}
    assert task.loss.get_config()["from_logits"] == (activation == "sigmoid")


def test_without_preprocessor(model):
    task = make_task(model, preprocessor=False)
    compile_eagerly(task)
    arrays = make_preprocessor(model)(TEXTS)
    history = task.fit(arrays, LABELS, batch_size=4, verbose=0).history
    assert np.isfinite(history["loss"][0])
    assert task.predict(arrays, verbose=0).shape == (8, 2)
    with pytest.raises(ValueError, match="needs a `preprocessor`"):
        task.annotate(TEXTS)


def test_keras_file(trained, model, tmp_path, recwarn):
    path = tmp_path / "task.keras"
    trained.save(path)
    loaded = keras.saving.load_model(path)
    assert not [w for w in recwarn if w.category is UserWarning]
    assert type(loaded) is model.classifier_cls
    assert loaded.class_names == NAMES
    np.testing.assert_array_equal(
        loaded.predict(TEXTS, verbose=0), trained.predict(TEXTS, verbose=0)
    )
    optimizer = loaded.optimizer
    assert isinstance(optimizer, keras.optimizers.Adam)
    assert optimizer.get_config() == trained.optimizer.get_config()
    assert int(optimizer.iterations) == int(trained.optimizer.iterations) > 0
    for ours, theirs in zip(
        optimizer.variables, trained.optimizer.variables, strict=True
    ):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(ours),
            keras.ops.convert_to_numpy(theirs),
        )
    assert loaded.evaluate(TEXTS, LABELS, verbose=0) == pytest.approx(
        trained.evaluate(TEXTS, LABELS, verbose=0)
    )


def test_keras_file_keeps_another_compilation(tmp_path, recwarn):
    task = make_task(SqueezeBert, class_names=NAMES, activation="softmax")
    task.compile(
        keras.optimizers.SGD(0.5, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=1),
        metrics=["accuracy"],
    )
    # As a training step does.
    task.optimizer.build(task.trainable_variables)
    task.save(tmp_path / "task.keras")
    loaded = keras.saving.load_model(tmp_path / "task.keras")
    assert not [w for w in recwarn if w.category is UserWarning]
    assert loaded.optimizer.get_config() == task.optimizer.get_config()
    assert loaded.loss.get_config() == task.loss.get_config()
    assert loaded.activation is keras.activations.softmax


def test_config(model):
    task = make_task(
        model, class_names=NAMES, activation="softmax", dropout=0.3, name="t"
    )
    config = task.get_config()
    again = model.classifier_cls.from_config(config)
    assert again.get_config() == task.get_config()
    assert again.num_classes == 2
    assert again.output_dropout.rate == 0.3


def test_summary(trained, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    lines = []
    trained.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert f"Vocab size: {len(VOCABULARY)}" in text
    assert f"{trained.count_params():,}" in text


def test_lora(model):
    task = make_task(model)
    randomize(task)
    task.backbone.enable_lora(2)
    compile_eagerly(task, keras.optimizers.Adam(1e-2))
    head = {id(w) for w in task.output_dense.trainable_weights}
    before = [keras.ops.convert_to_numpy(w) for w in task.weights]
    trainable = {id(w) for w in task.trainable_weights}
    adapters = {
        w.path.partition("/")[2]
        for w in task.trainable_weights
        if id(w) not in head
    }
    # Keras keeps the bias of a layer with an adapter trainable.
    assert adapters == {
        f"{layer}/{weight}"
        for layer in ("query", "value")
        for weight in ("lora_kernel_a", "lora_kernel_b", "bias")
    }
    task.fit(TEXTS, LABELS, epochs=2, verbose=0)
    for weight, old in zip(task.weights, before, strict=True):
        changed = not np.array_equal(keras.ops.convert_to_numpy(weight), old)
        if "seed_generator" not in weight.path:
            assert changed == (id(weight) in trainable), weight.path


@pytest.mark.parametrize(
    "model, policy",
    [
        (MobileBert, "mixed_float16"),
        (MobileBert, "bfloat16"),
        (SqueezeBert, "mixed_bfloat16"),
    ],
    indirect=["model"],
)
def test_dtype_policies(model, policy):
    task = make_task(model, backbone=make_backbone(model, dtype=policy))
    compile_eagerly(task)
    assert task.output_dense.compute_dtype == policy.removeprefix("mixed_")
    is_scaled = isinstance(task.optimizer, keras.optimizers.LossScaleOptimizer)
    assert is_scaled == (policy == "mixed_float16")
    loss = task.fit(TEXTS, LABELS, verbose=0).history["loss"][0]
    assert np.isfinite(loss)
    answers = task.annotate(TEXTS[0], top_k=2)
    total = sum(answer["score"] for answer in answers)
    assert total == pytest.approx(1, abs=1e-6)


def test_default_compilation(model):
    task = make_task(model)
    assert isinstance(task.optimizer, keras.optimizers.Adam)
    assert task.optimizer.global_clipnorm == 1
    assert float(task.optimizer.learning_rate) == pytest.approx(5e-5)
    assert type(task.loss) is keras.losses.SparseCategoricalCrossentropy
    assert task.loss.get_config()["from_logits"]


def test_large_activations_train():
    # As in the published checkpoint.
    backbone = make_backbone(MobileBert, classifier_activation=False)
    norm = backbone.transformer_layers[-1].output_bottleneck.norm
    norm.beta.assign(np.linspace(-1e7, 1e7, 16))
    task = make_task(MobileBert, backbone=backbone)
    compile_eagerly(task)
    assert task.evaluate(TEXTS, LABELS, verbose=0)[0] > 1e4
    losses = task.fit(TEXTS, LABELS, epochs=3, verbose=0).history["loss"]
    assert np.all(np.isfinite(losses))
    assert np.all(np.isfinite(task.predict(TEXTS, verbose=0)))


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"num_classes": 0}, "`num_classes` must be a positive integer"),
        ({"num_classes": 2.0}, "num_classes=2.0"),
        ({"class_names": ["a", "a"]}, "`class_names` must be distinct"),
        ({"class_names": NAMES, "num_classes": 3}, "one name per class"),
        ({"num_classes": None}, "One of `num_classes` and `class_names`"),
        ({"num_classes": 2, "dropout": 1.0}, "`dropout` must be"),
    ],
)
def test_wrong_arguments(kwargs, message):
    backbone = make_backbone(SqueezeBert)
    with pytest.raises(ValueError, match=message):
        make_task(SqueezeBert, preprocessor=False, backbone=backbone, **kwargs)


def test_is_a_task_of_keras_hub(model):
    assert issubclass(model.classifier_cls, keras_hub.models.TextClassifier)
    with pytest.raises(ValueError, match="does not apply preprocessing"):
        make_task(model)(TEXTS)


SCORES = [0.5, 4.0, 1.0, 3.5, 0.0, 5.0, 2.0, 2.5]


def quick_backbone():
    """A backbone whose outputs differ more between texts, to learn faster."""
    return make_backbone(
        SqueezeBert,
        attention_dropout=0.0,
        dropout=0.0,
        initializer_range=0.2,
    )


def test_regression_learns_real_texts(tmp_path):
    backbone = make_backbone(SqueezeBert, attention_dropout=0.0, dropout=0.0)
    task = make_task(SqueezeBert, backbone=backbone, num_classes=1, dropout=0.0)
    task.compile(keras.optimizers.Adam(2e-2, global_clipnorm=1.0))
    pairs = (TEXTS, TEXTS[1:] + TEXTS[:1])
    task.fit(pairs, SCORES, batch_size=8, epochs=100, verbose=0)
    loss, error, correlation = task.evaluate(
        pairs, SCORES, batch_size=3, verbose=0
    )
    assert loss < 0.01
    assert error == pytest.approx(loss**0.5, abs=1e-3)
    assert correlation > 0.99
    answers = task.annotate(pairs)
    assert [answer["score"] for answer in answers] == pytest.approx(
        SCORES, abs=0.3
    )
    assert {answer["label"] for answer in answers} == {"LABEL_0"}
    assert [answers[0]] == task.annotate(pairs, top_k=1)[0]
    loaded = check_saving(task, pairs, tmp_path)
    assert loaded.problem_type == "regression"


def test_regression_names_its_number():
    task = make_task(SqueezeBert, class_names=["similarity"])
    value = task.predict(TEXTS[:1], verbose=0)[0, 0]
    assert task.annotate(TEXTS[0]) == {
        "label": "similarity",
        "score": float(value),
    }
    assert type(task.loss) is keras.losses.MeanSquaredError
    outputs = task.export_outputs(task.output)
    assert list(outputs) == ["score"]
    assert outputs["score"] is task.output


@pytest.mark.parametrize(
    "labels", [[*SCORES[:7], float("nan")], ["1"] * 8, [*SCORES[:7], None]]
)
def test_regression_takes_only_numbers(labels):
    task = make_task(SqueezeBert, num_classes=1)
    with pytest.raises(ValueError, match="`num_classes=1`.* finite numbers"):
        task.fit(TEXTS, labels, batch_size=2, verbose=0)
    assert int(task.optimizer.iterations) == 0


@pytest.mark.parametrize(
    "labels",
    [
        np.array(SCORES, "object"),
        [np.float64(x) for x in SCORES],
        np.array([int(x) for x in SCORES], "object"),
    ],
)
def test_regression_takes_numbers_of_any_kind(labels):
    task = make_task(SqueezeBert, num_classes=1)
    compile_eagerly(task)
    expected = task.evaluate(TEXTS, list(map(float, labels)), verbose=0)
    assert task.evaluate(TEXTS, labels, verbose=0) == expected


TOPICS = ["money", "phone", "time"]
TOPIC_LISTS = [
    ["time"],
    ["money", "phone"],
    ["phone", "time"],
    ["money"],
    [],
    ["phone", "money"],
    ["money"],
    ["phone"],
]
TOPIC_VECTORS = [
    [0, 0, 1],
    [1, 1, 0],
    [0, 1, 1],
    [1, 0, 0],
    [0, 0, 0],
    [1, 1, 0],
    [1, 0, 0],
    [0, 1, 0],
]


@pytest.fixture(scope="module")
def tagger():
    """A task that has memorized all topics of the texts."""
    keras.utils.set_random_seed(0)
    task = make_task(
        SqueezeBert,
        backbone=quick_backbone(),
        class_names=TOPICS,
        multi_label=True,
        dropout=0.0,
    )
    task.compile(keras.optimizers.Adam(2e-2, global_clipnorm=1.0))
    task.fit(TEXTS, TOPIC_LISTS, batch_size=8, epochs=60, verbose=0)
    return task


def test_multi_label_learns_real_texts(tagger):
    check_learned(tagger, TEXTS, TOPIC_LISTS, loss=0.05)
    found = tagger.annotate(TEXTS)
    assert [{a["label"] for a in answers} for answers in found] == [
        set(topics) for topics in TOPIC_LISTS
    ]
    probabilities = 1 / (1 + np.exp(-tagger.predict(TEXTS[:2], verbose=0)))
    (ranked,) = tagger.annotate(TEXTS[1:2], top_k=3)
    assert [a["score"] for a in ranked] == pytest.approx(
        sorted(probabilities[1], reverse=True), rel=1e-5
    )
    assert tagger.annotate(TEXTS[0])[0]["label"] == "time"
    assert tagger.annotate(TEXTS[4]) == []


def test_forms_of_label_sets(tagger):
    expected = tagger.evaluate(TEXTS, TOPIC_LISTS, batch_size=3, verbose=0)
    forms = [
        TOPIC_VECTORS,
        np.array(TOPIC_VECTORS),
        tf.constant(TOPIC_VECTORS),
        tuple(map(tuple, TOPIC_LISTS)),
        np.array(TOPIC_LISTS, "object"),
        tf.ragged.constant(TOPIC_LISTS),
    ]
    for labels in forms:
        found = tagger.evaluate(TEXTS, labels, batch_size=3, verbose=0)
        assert found == pytest.approx(expected)
    for labels in (TOPIC_VECTORS, tf.ragged.constant(TOPIC_LISTS)):
        data_set = tf.data.Dataset.from_tensor_slices((TEXTS, labels)).batch(3)
        found = tagger.evaluate(data_set, verbose=0)
        assert found == pytest.approx(expected)


def test_texts_without_labels(tagger):
    expected = tagger.evaluate(TEXTS[4:5], [[0, 0, 0]], verbose=0)
    for labels in ([[]], [()], np.zeros((1, 0)), np.array([[]], "object")):
        assert tagger.evaluate(TEXTS[4:5], labels, verbose=0) == expected
    rows = [np.array(row) for row in TOPIC_LISTS]
    assert tagger.evaluate(TEXTS, rows, verbose=0)[1] == 1


def test_multi_label_is_kept(tagger, tmp_path):
    loaded = check_saving(tagger, TEXTS, tmp_path)
    assert loaded.multi_label
    assert loaded.class_names == TOPICS
    assert loaded.problem_type == "multi_label_classification"
    assert loaded.annotate(TEXTS)[4] == []
    other = keras_hub.models.TextClassifier.from_preset(
        str(tmp_path / "preset")
    )
    assert type(other) is SqueezeBert.classifier_cls
    assert other.multi_label


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_multi_label_outputs(activation):
    task = make_task(
        SqueezeBert, num_classes=3, multi_label=True, activation=activation
    )
    task.output_dense.bias.assign([-3.0, 2.0, 3.0])
    x = task.preprocessor(TEXTS)
    model = keras.Model(task.input, task.export_outputs(task.output))
    (name, found), *others = model(x).items()
    assert (name, others) == ("probabilities", [])
    answers = task.annotate(TEXTS[0])
    assert [answer["label"] for answer in answers] == ["LABEL_2", "LABEL_1"]
    row = keras.ops.convert_to_numpy(found)[0]
    assert [a["score"] for a in answers] == pytest.approx(row[[2, 1]])
    assert task.loss.get_config()["from_logits"] == (activation is None)
    accuracy = task.evaluate(TEXTS, [[0, 1, 1]] * 8, verbose=0)[1]
    assert accuracy == 1
    if activation is None:
        logits = task.export_outputs(task.output, probabilities=False)
        assert list(logits) == ["logits"]


@pytest.mark.parametrize(
    "labels, message",
    [
        (
            TOPICS[:1] * 8,
            "must be a list of names.*Received: 'money' for text 0",
        ),
        ([["fun"], *TOPIC_LISTS[1:]], r"Received: \['fun'\]"),
        ([[0, 2], *TOPIC_VECTORS[1:]], r"must have the shape \(num_texts, 3\)"),
        ([[0, 2, 1], *TOPIC_VECTORS[1:]], "from 0 to 1"),
        ([[None, 0, 1], *TOPIC_VECTORS[1:]], "from 0 to 1"),
        ([["time", float("nan")], *TOPIC_LISTS[1:]], "Received: nan"),
        ([[None, "time"], *TOPIC_LISTS[1:]], "Received: None"),
        ([float("nan"), *TOPIC_LISTS[1:]], "Received: nan for text 7"),
    ],
)
def test_wrong_label_sets(labels, message):
    task = make_task(SqueezeBert, class_names=TOPICS, multi_label=True)
    with pytest.raises(ValueError, match=message):
        task.fit(TEXTS[::-1], labels[::-1], batch_size=2, verbose=0)
    assert int(task.optimizer.iterations) == 0


@pytest.mark.parametrize("wrong", [None, float("nan"), b"\xff", 7])
def test_texts_that_are_missing(wrong):
    task = make_task(SqueezeBert)
    message = r"Text 7 of `x` is invalid.* Received: "
    for texts in ([*TEXTS[:7], wrong], np.array([*TEXTS[:7], wrong], "object")):
        for call in (
            lambda x: task.fit(x, IDS, batch_size=2, shuffle=False, verbose=0),
            lambda x: task.fit(
                x, IDS, batch_size=2, group_by_length=True, verbose=0
            ),
            lambda x: task.evaluate(x, IDS, verbose=0),
            task.predict,
            task.annotate,
        ):
            with pytest.raises(ValueError, match=message):
                call(texts)
        with pytest.raises(ValueError, match=r"Text 7 of `x\[1\]` is invalid"):
            task.annotate((TEXTS, texts))
    assert int(task.optimizer.iterations) == 0


def make_steady_task():
    """A task with the same loss in training as in evaluation."""
    backbone = make_backbone(SqueezeBert, attention_dropout=0.0, dropout=0.0)
    task = make_task(
        SqueezeBert, backbone=backbone, class_names=NAMES, dropout=0.0
    )
    randomize(task)
    compile_eagerly(task, keras.optimizers.SGD(0.0))
    return task


@pytest.mark.parametrize("labels", [LABELS, IDS, np.array(LABELS, "object")])
@pytest.mark.parametrize("group_by_length", [False, True])
def test_class_weight(labels, group_by_length):
    task = make_steady_task()
    weights = [1.0, 5.0] * 4
    expected = task.evaluate(TEXTS, IDS, sample_weight=weights, verbose=0)[0]
    unweighted = task.evaluate(TEXTS, IDS, verbose=0)[0]
    kwargs = {"group_by_length": group_by_length, "verbose": 0}
    data = (TEXTS, labels)
    for class_weight in ({0: 1.0, 1: 5.0}, {"spam": 5.0}):
        history = task.fit(
            *data, class_weight=class_weight, validation_data=data, **kwargs
        ).history
        assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
        assert history["val_loss"][0] == pytest.approx(unweighted, rel=1e-5)
    for wrong, message in (({"Ham": 1.0}, "'Ham'"), ({2: 1.0}, "2: 1.0")):
        with pytest.raises(ValueError, match=message):
            task.fit(*data, class_weight=wrong, **kwargs)
    with pytest.raises(ValueError, match="must not both"):
        task.fit(
            *data, sample_weight=weights, class_weight={"ham": 2.0}, **kwargs
        )


def test_balanced_class_weight():
    task = make_steady_task()
    ids = [0] * 6 + [1] * 2
    weights = sklearn.utils.class_weight.compute_sample_weight("balanced", ids)
    expected = task.evaluate(TEXTS, ids, sample_weight=weights, verbose=0)[0]
    for labels in (ids, [NAMES[i] for i in ids]):
        history = task.fit(
            TEXTS, labels, class_weight="balanced", verbose=0
        ).history
        assert history["loss"][0] == pytest.approx(expected, rel=1e-5)
    data_set = tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(8)
    with pytest.raises(ValueError, match="needs the labels `y`"):
        task.fit(data_set, class_weight="balanced", verbose=0)


def test_class_weight_in_a_data_set():
    task = make_steady_task()
    weights = [5.0, 1.0] * 4
    expected = task.evaluate(TEXTS, IDS, sample_weight=weights, verbose=0)[0]
    data_set = tf.data.Dataset.from_tensor_slices((TEXTS, LABELS)).batch(8)
    history = task.fit(data_set, class_weight={"ham": 5.0}, verbose=0).history
    assert history["loss"][0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "kwargs", [{"num_classes": 1}, {"num_classes": 2, "multi_label": True}]
)
def test_class_weight_needs_one_class(kwargs):
    task = make_task(SqueezeBert, **kwargs)
    labels = [[0, 1]] * 8 if "multi_label" in kwargs else SCORES
    with pytest.raises(ValueError, match="`class_weight` must be None"):
        task.fit(TEXTS, labels, class_weight={0: 2.0}, verbose=0)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), None])
def test_sample_weights_that_are_not_finite(weight):
    task = make_task(SqueezeBert)
    with pytest.raises(ValueError, match="`sample_weight` must be finite"):
        task.fit(TEXTS, IDS, sample_weight=[1.0] * 7 + [weight], verbose=0)
    assert int(task.optimizer.iterations) == 0


@pytest.mark.parametrize("wrong", [2, -1, 0.5])
def test_label_outside_the_classes(wrong):
    task = make_task(SqueezeBert)
    labels = [*IDS[:7], wrong]
    message = f"Labels must be integers from 0 to 1. Received: .*{wrong}"
    for arguments in ((TEXTS, labels), (TEXTS, IDS, 2, None, (TEXTS, labels))):
        with pytest.raises(ValueError, match=message):
            task.fit(*arguments, shuffle=False, verbose=0)
    with pytest.raises(ValueError, match=message):
        task.evaluate(TEXTS, np.array(labels), batch_size=2, verbose=0)
    assert int(task.optimizer.iterations) == 0


def test_labels_of_another_loss():
    task = make_task(SqueezeBert)
    loss = keras.losses.SparseCategoricalCrossentropy(True, ignore_class=-1)
    task.compile(loss=loss, metrics=None, run_eagerly=True)
    assert np.all(np.isfinite(task.evaluate(TEXTS, [-1, *IDS[1:]], verbose=0)))
    task.compile(
        loss=keras.losses.CategoricalCrossentropy(True),
        metrics=None,
        run_eagerly=True,
    )
    one_hot = np.eye(2, dtype="float32")[IDS]
    assert np.all(np.isfinite(task.evaluate(TEXTS, one_hot, verbose=0)))


@pytest.mark.parametrize(
    "kwargs", [{"num_classes": 1}, {"num_classes": 2, "multi_label": True}]
)
def test_softmax_needs_classes_to_choose_from(kwargs):
    with pytest.raises(ValueError, match="must not be a softmax"):
        make_task(SqueezeBert, activation="softmax", **kwargs)


@pytest.mark.parametrize(
    "model, problem_type, num_labels",
    [
        (MobileBert, "regression", 1),
        (MobileBert, None, 1),
        (SqueezeBert, "multi_label_classification", 3),
    ],
    indirect=["model"],
)
def test_hugging_face_problem_types(model, tmp_path, problem_type, num_labels):
    task, theirs = check_head(
        model,
        "TextClassifier",
        "ForSequenceClassification",
        tmp_path,
        {None: "logits"},
        num_labels=num_labels,
        problem_type=problem_type,
    )
    assert task.problem_type == (problem_type or "regression")
    pipeline = transformers.TextClassificationPipeline(
        model=theirs,
        tokenizer=transformers.BertTokenizerFast(str(tmp_path / "vocab.txt")),
        device="cpu",
        top_k=None,
        # For a single output without a declared type, it uses a sigmoid,
        # unlike the training.
        function_to_apply=None if problem_type else "none",
    )
    (expected,) = pipeline(["Win a prize!"])
    (found,) = task.annotate(["Win a prize!"], top_k=num_labels)
    assert [a["label"] for a in found] == [a["label"] for a in expected]
    assert [a["score"] for a in found] == pytest.approx(
        [a["score"] for a in expected], abs=1e-5
    )


def test_hugging_face_regression_of_several_numbers(tmp_path):
    theirs = original(
        SqueezeBert,
        "ForSequenceClassification",
        num_labels=2,
        problem_type="regression",
    )
    preset = save_checkpoint(theirs, tmp_path)
    with pytest.raises(ValueError, match="single label.*num_labels=2"):
        SqueezeBert.classifier_cls.from_preset(preset)


def predict_some(task):
    task.predict(TEXTS, verbose=0)


def fit_some(task):
    data = (TEXTS, LABELS)
    task.fit(*data, epochs=2, validation_data=data, verbose=0)


def fit_groups(task):
    data = (TEXTS, LABELS)
    task.fit(*data, validation_data=data, group_by_length=True, verbose=0)


@pytest.mark.parametrize("use", [predict_some, fit_some, fit_groups])
def test_task_that_was_used_is_let_go(use):
    task = make_task(MobileBert)
    use(task)
    parts = (task, task.backbone, task.preprocessor.tokenizer)
    alive = [weakref.ref(part) for part in parts]
    del task, parts
    gc.collect()
    assert [reference() for reference in alive] == [None] * 3


@only_on(
    "tensorflow", reason="other backends read data sets without TensorFlow"
)
def test_other_data_sets_are_kept():
    data_set = tf.data.Dataset.from_generator(
        lambda: iter([1, 2]), output_signature=tf.TensorSpec((), "int32")
    )
    made = []

    class MakeOne(keras.callbacks.Callback):
        def on_predict_begin(self, logs=None):
            made.append(data_set.map(lambda x: x + 1))
            made.append(
                tf.data.Dataset.from_generator(
                    lambda: iter([3]),
                    output_signature=tf.TensorSpec((), "int32"),
                )
            )

    task = make_task(MobileBert)
    task.predict(TEXTS, verbose=0, callbacks=[MakeOne()])
    gc.collect()
    found = [[int(x) for x in item] for item in (data_set, *made)]
    assert found == [[1, 2], [2, 3], [3]]
