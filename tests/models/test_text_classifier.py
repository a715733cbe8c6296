import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from tests.checkpoint_folders import MODELS
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert

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
WORDS = sorted({word.strip(".,!?") for word in " ".join(TEXTS).lower().split()})
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *".,!?"]
SIZES = {
    "vocabulary_size": len(VOCABULARY),
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 16,
    "embedding_dim": 16,
    "max_sequence_length": 32,
}


def make_preprocessor(model):
    return model.preprocessor_cls(
        model.tokenizer_cls(VOCABULARY), sequence_length=24
    )


def make_backbone(model, **kwargs):
    if model is MobileBert:
        sizes = {"bottleneck_dim": 8, "num_feedforward_networks": 2}
        kwargs = {**sizes, **kwargs}
    return model.backbone_cls(**{**SIZES, **kwargs})


def make_task(model, preprocessor=True, backbone=None, **kwargs):
    kwargs = kwargs or {"class_names": NAMES}
    return model.classifier_cls(
        backbone or make_backbone(model),
        preprocessor=make_preprocessor(model) if preprocessor else None,
        **kwargs,
    )


def compile_eagerly(task, optimizer="auto"):
    """A few steps take less time than to trace them."""
    task.compile(optimizer, run_eagerly=True)


def randomize(task):
    """Make every weight matter, which new ones hardly do."""
    random = np.random.default_rng(0)
    task.set_weights(
        [random.normal(0, 0.3, w.shape) for w in task.get_weights()]
    )


@pytest.fixture(scope="module", params=MODELS, ids=lambda m: m.original)
def model(request):
    return request.param


@pytest.fixture(scope="module")
def trained(model):
    """A task that knows the texts by heart."""
    keras.utils.set_random_seed(0)
    task = make_task(
        model, backbone=make_backbone(model, attention_dropout=0.0, dropout=0.0)
    )
    task.compile(keras.optimizers.Adam(1e-2, global_clipnorm=1.0))
    task.fit(TEXTS, LABELS, batch_size=8, epochs=60, verbose=0)
    return task


def test_learns_real_texts(trained):
    loss, accuracy = trained.evaluate(TEXTS, LABELS, verbose=0)
    assert loss < 0.01
    assert accuracy == 1
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
    # Keras leaves the bias of a layer with an adapter trainable.
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
    assert 0.5 <= task.annotate(TEXTS[0])["score"] <= 1


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
        ({"class_names": NAMES, "num_classes": 3}, "one name for each class"),
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
