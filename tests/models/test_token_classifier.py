import json

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
import transformers

from keras_squeeze.distillation import SoftLabelAccuracy
from keras_squeeze.distillation import SoftLabelLoss
from keras_squeeze.distillation import soft_labels
from keras_squeeze.metrics.entities import entity_scores
from keras_squeeze.models import SqueezeBertTextClassifier
from keras_squeeze.models import SqueezeBertTokenClassifier
from tests.backends import only_on
from tests.checkpoint_folders import MODELS
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.model_oracle import randomized
from tests.model_oracle import squeeze_bert_config
from tests.task_checks import assert_close_to_largest
from tests.task_checks import check_export
from tests.task_checks import check_head
from tests.task_checks import check_learned
from tests.task_checks import check_saving
from tests.task_checks import task_class
from tests.task_checks import to_numpy
from tests.tiny import SPECIAL_TOKENS
from tests.tiny import tiny_backbone

# From WNUT-17 (Derczynski et al., 2017), licensed under CC BY 4.0.
TAGGED = [
    "Greek/O Festival/O at/O St/B-location Johns/I-location before/O "
    "ASPEN/B-location",
    "Don/B-person Mattingly/I-person will/O replace/O Joe/B-person "
    "Torre/I-person as/O LA/B-group Dodgers/I-group manager/O after/O this/O "
    "season/O",
    "Costco/B-corporation Irvine/B-location has/O fresh/O sushi/O samples/O "
    "today/O ./O Awesome/O ./O",
    "Arsenal/B-group need/O to/O beat/O West/B-group Ham/I-group tomorrow/O "
    "!/O",
]
WORDS = [[pair.split("/")[0] for pair in row.split()] for row in TAGGED]
LABELS = [[pair.split("/")[1] for pair in row.split()] for row in TAGGED]
NAMES = ["O", "B-corporation", "B-group", "I-group"]
NAMES += ["B-location", "I-location", "B-person", "I-person"]
IDS = [[NAMES.index(label) for label in row] for row in LABELS]
TEXTS = [" ".join(words) for words in WORDS]
# Longer words have two tokens.
STEMS = {word.lower()[:5] for words in WORDS for word in words}
ENDINGS = {"##" + word.lower()[5:] for words in WORDS for word in words}
VOCABULARY = [*SPECIAL_TOKENS, *sorted(STEMS | ENDINGS - {"##"})]
ENTITIES = [
    ["location: St Johns", "location: ASPEN"],
    ["person: Don Mattingly", "person: Joe Torre", "group: LA Dodgers"],
    ["corporation: Costco", "location: Irvine"],
    ["group: Arsenal", "group: West Ham"],
]


def make_preprocessor(model, sequence_length=10, stride=4):
    return task_class(model, "TokenClassifierPreprocessor")(
        model.tokenizer_cls(VOCABULARY), sequence_length, stride
    )


def make_task(model, preprocessor=None, **kwargs):
    backbone = tiny_backbone(
        model.backbone_cls,
        VOCABULARY,
        max_sequence_length=64,
        dropout=0.0,
        attention_dropout=0.0,
    )
    return task_class(model, "TokenClassifier")(
        backbone,
        preprocessor=preprocessor or make_preprocessor(model),
        **(kwargs or {"class_names": NAMES}),
    )


# For tests that do not depend on the model.
one_model = pytest.mark.parametrize("trained", [SqueezeBert], indirect=True)


def found(entities):
    """Format entities so that they are easy to read."""
    return [f"{entity['label']}: {entity['word']}" for entity in entities]


@pytest.fixture(scope="module", params=MODELS, ids=lambda m: m.original)
def trained(request):
    """A task that has memorized the sentences, each in several windows."""
    keras.utils.set_random_seed(0)
    task = make_task(request.param)
    task.compile(keras.optimizers.Adam(1e-2, global_clipnorm=1.0))
    task.fit(WORDS, LABELS, epochs=80, verbose=0)
    return task


def test_learns_real_sentences(trained):
    check_learned(trained, WORDS, LABELS)
    labels = trained.predict_labels(WORDS)
    assert labels == LABELS
    assert entity_scores(LABELS, labels)["f1"] == 1
    for inputs in (WORDS, TEXTS):
        answers = trained.annotate(inputs)
        assert list(map(found, answers)) == ENTITIES
        for text, entities in zip(TEXTS, answers, strict=True):
            for entity in entities:
                assert text[entity["start"] : entity["end"]] == entity["word"]
                assert entity["score"] > 0.95


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: np.fromiter(x, "object", len(x)),
        lambda x: [np.array(row) for row in x],
        tf.ragged.constant,
    ],
)
@pytest.mark.parametrize("labels", [LABELS, IDS], ids=["names", "ids"])
@one_model
def test_forms_of_words_and_labels(trained, convert, labels):
    x, y = convert(WORDS), convert(labels)
    assert trained.evaluate(x, y, verbose=0)[1] == 1
    assert trained.predict_labels(x) == LABELS
    assert trained.num_samples(x) == len(trained.predict(x, verbose=0)) == 11


@one_model
@pytest.mark.parametrize("labels", [LABELS, IDS], ids=["names", "ids"])
def test_data_sets(trained, labels):
    x, y = tf.ragged.constant(WORDS), tf.ragged.constant(labels)
    data_set = tf.data.Dataset.from_tensor_slices((x, y)).ragged_batch(3)
    assert trained.evaluate(data_set, verbose=0)[1] == 1
    inputs = data_set.map(lambda x, y: x)
    np.testing.assert_allclose(
        trained.predict(inputs, verbose=0),
        trained.predict(WORDS, verbose=0),
        atol=1e-5,
    )


def test_validation():
    task = make_task(SqueezeBert)
    for data in (
        {"validation_split": 0.5},
        {"validation_data": (WORDS[2:], LABELS[2:])},
    ):
        history = task.fit(WORDS, LABELS, verbose=0, **data).history
        expected = task.evaluate(WORDS[2:], LABELS[2:], verbose=0)
        assert [
            history["val_loss"][0],
            history["val_sparse_categorical_accuracy"][0],
        ] == pytest.approx(expected, rel=1e-4)


def test_loss_is_the_mean_over_words():
    task = make_task(SqueezeBert)
    random = np.random.default_rng(0)
    task.set_weights(
        [random.normal(0, 0.5, w.shape) for w in task.get_weights()]
    )
    x, y, weights = to_numpy(task.preprocessor(WORDS, IDS))
    logits = task.predict(WORDS, verbose=0).astype("float64")
    log_probabilities = logits - np.log(
        np.exp(logits).sum(axis=-1, keepdims=True)
    )
    is_word = weights > 0
    assert is_word.sum() == sum(map(len, WORDS))
    expected = -log_probabilities[is_word, y[is_word]].mean()
    loss, accuracy = task.evaluate(WORDS, LABELS, verbose=0)
    assert loss == pytest.approx(expected, rel=1e-4)
    hits = logits.argmax(axis=-1)[is_word] == y[is_word]
    assert accuracy == pytest.approx(hits.mean())
    # Only the first sentence has a weight.
    loss, _ = task.evaluate(
        WORDS, LABELS, sample_weight=[2.0, 0.0, 0.0, 0.0], verbose=0
    )
    first = task.evaluate(WORDS[:1], LABELS[:1], verbose=0)[0]
    assert loss == pytest.approx(first, rel=1e-4)


def test_class_weight():
    """The class weights are the same as in PyTorch's loss."""
    task = make_task(SqueezeBert)
    task.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    random = np.random.default_rng(0)
    task.set_weights(
        [random.normal(0, 0.5, w.shape) for w in task.get_weights()]
    )
    task.output_dropout.rate = 0.0
    weights = [0.5, 1.0, 1.0, 1.0, 3.0, 1.0, 2.0, 1.0]
    by_name = {name: weights[i] for i, name in enumerate(NAMES)}
    _, y, is_word = to_numpy(task.preprocessor(WORDS, IDS))
    logits = torch.tensor(task.predict(WORDS, verbose=0))
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1),
        torch.tensor(np.where(is_word, y, -100)).long().flatten(),
        torch.tensor(weights),
    )
    data = (WORDS, LABELS)
    for class_weight in (by_name, dict(enumerate(weights))):
        history = task.fit(
            *data,
            batch_size=99,
            class_weight=class_weight,
            validation_data=data,
            verbose=0,
        ).history
        assert history["loss"][0] == pytest.approx(expected.item(), rel=1e-4)
    weights = {
        i: len(sum(IDS, [])) / len(set(sum(IDS, []))) / sum(IDS, []).count(i)
        for i in set(sum(IDS, []))
    }
    balanced, by_id = (
        task.fit(*data, batch_size=99, class_weight=x, verbose=0).history
        for x in ("balanced", weights)
    )
    assert balanced["loss"] == pytest.approx(by_id["loss"], rel=1e-5)
    unweighted = task.evaluate(*data, verbose=0)[0]
    assert history["val_loss"][0] == pytest.approx(unweighted, rel=1e-5)
    data_set = tf.data.Dataset.from_tensors((WORDS[:1], LABELS[:1]))
    for x, y, sample_weight, message in (
        (*data, [1.0] * 4, "must not both"),
        (data_set, None, None, "that are not a dataset"),
    ):
        with pytest.raises(ValueError, match=message):
            task.fit(x, y, sample_weight=sample_weight, class_weight={"O": 2.0})
    with pytest.raises(ValueError, match="Received: 'egg'"):
        task.fit(*data, class_weight={"egg": 2.0})


BAD_LABELS = [
    ([[0, 1, 8, 0, 0, 0, 0]], "Sample 0 .* from 0 to 7. Received: .8"),
    ([[0, -1, 0, 0, 0, 0, 0]], "Sample 0 .* Received: .-1"),
    ([LABELS[0][:-1] + ["B-egg"]], "Sample 0 .*`class_names`.*'B-egg'"),
    ([LABELS[0][:-1]], "7 words .* for sample 0"),
    ([LABELS[0], LABELS[1]], "same batch dimension"),
    ([], "same batch dimension"),
    (["B-person"], r"7 words and labels of shape \(\) for sample 0"),
    ([[*LABELS[0][:6], None]], "Sample 0 .* Received: None"),
    ([[float("nan"), *LABELS[0][1:]]], "Sample 0 .* Received: nan"),
    ([float("nan")], "Sample 0 of `y`.* Received: .nan"),
]


@one_model
@pytest.mark.parametrize("labels, message", BAD_LABELS)
def test_bad_labels(trained, labels, message):
    step = int(trained.optimizer.iterations)
    for method in (trained.fit, trained.evaluate):
        with pytest.raises(ValueError, match=message):
            method(WORDS[:1], labels, verbose=0)
    assert int(trained.optimizer.iterations) == step


@one_model
@pytest.mark.parametrize(
    "x, message",
    [
        (TEXTS, "Sample 0 of `x` must be a list of words"),
        ([*WORDS[:3], TEXTS[3]], "Sample 3 of `x` must be a list of words"),
        ("a text", "must be a list of samples|batch dimension"),
        ([["a", None]] * 4, "Sample 0 .* must be strings. Received: None"),
        (
            [[float("nan"), "a"]] * 4,
            "Sample 0 .* must be strings. Received: nan",
        ),
        ([*WORDS[:3], [b"\xff"]], "Sample 3 .* UTF-8"),
    ],
)
def test_bad_words(trained, x, message):
    step = int(trained.optimizer.iterations)
    with pytest.raises(ValueError, match=message):
        trained.fit(x, LABELS, verbose=0)
    with pytest.raises(ValueError, match=message):
        trained.predict(x, verbose=0)
    with pytest.raises(ValueError, match=message):
        trained.predict_labels(x)
    with pytest.raises(ValueError, match="at least one sample"):
        trained.fit([], [], verbose=0)
    assert int(trained.optimizer.iterations) == step


@one_model
def test_bad_labels_in_a_data_set(trained):
    for labels, message in (([[8]], "from 0 to 7"), ([["egg"]], "not among")):
        data_set = tf.data.Dataset.from_tensors(([["a"]], labels))
        data_set = data_set.map(trained.preprocess_samples)
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            list(data_set)


def test_label_names_need_class_names():
    task = make_task(SqueezeBert, num_classes=8)
    with pytest.raises(ValueError, match="Sample 0 .*with `class_names`"):
        task.fit(WORDS, LABELS, verbose=0)
    assert np.isfinite(task.evaluate(WORDS, IDS, verbose=0)[0])


@one_model
def test_annotate_one_text(trained):
    entities = trained.annotate(TEXTS[1])
    assert found(entities) == ENTITIES[1]
    assert list(entities[0]) == ["label", "score", "word", "start", "end"]
    surest = trained.annotate(TEXTS[1], top_k=2)
    by_score = sorted(entities, key=lambda entity: -entity["score"])
    assert [e["start"] for e in surest] == [e["start"] for e in by_score[:2]]
    assert len(trained.annotate(TEXTS[1], top_k=9)) == 3
    with pytest.raises(ValueError, match="top_k=0"):
        trained.annotate(TEXTS, top_k=0)
    with pytest.raises(ValueError, match="at least one sample"):
        trained.annotate([])
    with pytest.raises(ValueError, match="the same nesting depth"):
        trained.annotate([TEXTS[0], WORDS[0]])


def test_annotate_reads_other_schemes(monkeypatch):
    names = ["O", "B-a", "I-a", "E-a", "S-a"]
    task = make_task(SqueezeBert, class_names=names)
    answer = np.array([1, 2, 3, 0, 4, 4]), np.ones(6, "float32")
    monkeypatch.setattr(task, "_classify", lambda words, batch_size: answer)
    entities = task.annotate([["at", "St", "Johns", "will", "LA", "Ham"]])[0]
    assert found(entities) == ["a: at St Johns", "a: LA", "a: Ham"]


def test_long_texts_are_read_once(monkeypatch):
    task = make_task(SqueezeBert)
    counts = []

    def predict_windows(x, batch_size):
        counts.append(len(x["token_ids"]))
        return np.zeros((counts[-1], 10, len(NAMES)), "float32")

    monkeypatch.setattr(task, "predict_windows", predict_windows)
    for num_words in (500, 1000):
        task.annotate("Arsenal " * num_words)
    # With two tokens per word, a window has four that the last one lacks.
    assert counts == [249, 499]


@one_model
def test_nothing_to_find(trained):
    assert trained.annotate(["", " \u200b "]) == [[], []]
    assert trained.annotate([[], ["\u200b"]]) == [[], []]
    assert trained.predict_labels([[], ["\u200b"]]) == [[], ["O"]]


@one_model
def test_words_without_tokens(trained):
    words = ["Greek", "Festival", "\u200b", "at", "St", "\u200b", "Johns"]
    words += ["before", "", "ASPEN", "\x00"]
    labels = list(LABELS[0])
    for i in (2, 5, 8, 10):
        labels.insert(i, "O")
    assert trained.predict_labels([words]) == [labels]
    assert trained.evaluate([words], [labels], verbose=0)[1] == 1
    entities = trained.annotate([words])[0]
    assert found(entities) == ["location: St \u200b Johns", "location: ASPEN"]


@one_model
def test_outputs_of_words(trained):
    outputs = trained.word_outputs([*WORDS, ["\u200b", "at"]])
    for words, labels, rows in zip(WORDS, IDS, outputs, strict=False):
        assert rows.shape == (len(words), len(NAMES))
        assert rows.argmax(axis=-1).tolist() == labels
    assert not outputs[-1][0].any() and outputs[-1][1].any()
    _, _, is_word = to_numpy(trained.preprocessor(WORDS[:1], IDS[:1]))
    tokens = to_numpy(trained.predict(WORDS[:1], verbose=0))[is_word > 0]
    np.testing.assert_allclose(outputs[0], tokens, atol=1e-4)


@one_model
def test_learns_from_outputs_for_words(trained):
    keras.utils.set_random_seed(0)
    student = make_task(SqueezeBert)
    loss = SoftLabelLoss(
        len(NAMES), label_weight=0.0, reduction="mean_with_sample_weight"
    )
    student.compile(
        keras.optimizers.Adam(1e-2, global_clipnorm=1.0),
        loss=loss,
        weighted_metrics=[SoftLabelAccuracy(len(NAMES))],
    )
    # No word has a label.
    y = soft_labels(trained, WORDS)
    with pytest.raises(ValueError, match="`class_weight` must be None if"):
        student.fit(WORDS, y, class_weight={"O": 2.0}, verbose=0)
    student.fit(WORDS, y, epochs=80, verbose=0)
    # Plain labels are for validation.
    scores = student.evaluate(WORDS, LABELS, verbose=0, return_dict=True)
    assert scores["sparse_categorical_accuracy"] == 1
    assert student.predict_labels(WORDS) == LABELS


@one_model
def test_capitals_and_accents_keep_their_place(trained):
    text = "  ARSENAL\u00ad need to  b\u00e9at\tWe\u0301st HAM tomorrow!"
    entities = trained.annotate(text)
    assert found(entities) == ["group: ARSENAL", "group: We\u0301st HAM"]
    assert [text[e["start"] : e["end"]] for e in entities] == [
        e["word"] for e in entities
    ]


@pytest.mark.parametrize("sequence_length, stride", [(10, 4), (8, 0), (23, 9)])
def test_windows_make_no_difference(sequence_length, stride, monkeypatch):
    """The windows do not affect a model that reads words separately."""
    task = make_task(SqueezeBert)
    random = np.random.default_rng(0)
    scores = random.normal(0, 1, (len(VOCABULARY), len(NAMES)))
    monkeypatch.setattr(
        keras.Model,
        "predict_on_batch",
        lambda self, x: scores[np.asarray(x["token_ids"])],
    )
    # The embeddings are not used.
    monkeypatch.setattr(task.backbone, "max_sequence_length", 200)
    text = " ".join(TEXTS * 3)
    words = [sum(WORDS * 3, []), WORDS[0]]
    task.preprocessor = make_preprocessor(SqueezeBert, 200, 0)
    expected = task.annotate(text), task.predict_labels(words)
    assert len(expected[0]) > 60
    task.preprocessor = make_preprocessor(SqueezeBert, sequence_length, stride)
    assert (task.annotate(text), task.predict_labels(words)) == expected


@pytest.mark.parametrize(
    "names",
    [
        ["O", "B-a", "I-a", "B-b", "I-b"],
        ["O", "I-a", "I-b"],
        ["a", "O", "b"],
        None,
    ],
    ids=["BIO", "IO", "plain", "unnamed"],
)
def test_annotate_agrees_with_pipeline(names, tmp_path):
    labels = dict(enumerate(names or [f"LABEL_{i}" for i in range(4)]))
    theirs = randomized(
        transformers.SqueezeBertForTokenClassification,
        squeeze_bert_config(num_labels=len(labels), id2label=labels),
        norm_mean=1.0,
    )
    save_checkpoint(theirs, tmp_path)
    tokenizer = transformers.BertTokenizerFast(str(tmp_path / "vocab.txt"))
    texts = [
        "The quick brown fox. Jumps over! the lazy dog?",
        "a  b?c d",
        "Who wrote this, and why was it ever thrown into the river !",
        "",
    ]
    with torch.no_grad():
        # Otherwise the bias gives all words the same class.
        inputs = tokenizer(texts[0], return_tensors="pt")
        logits = theirs(**inputs).logits[0]
        theirs.classifier.weight.div_(logits.std(0)[:, None])
        theirs.classifier.bias.sub_(logits.mean(0)).div_(logits.std(0))
    preset = save_checkpoint(theirs, tmp_path)
    task = SqueezeBertTokenClassifier.from_preset(preset)
    assert task.class_names == names
    answers = task.annotate(texts)
    pipeline = transformers.TokenClassificationPipeline(
        model=theirs, tokenizer=tokenizer, aggregation_strategy="first"
    )
    found = {entity["label"] for row in answers for entity in row}
    assert len(found) > 1
    for text, ours, row in zip(texts, answers, pipeline(texts), strict=True):
        for entity, expected in zip(ours, row, strict=True):
            assert entity["label"] == expected["entity_group"]
            assert entity["score"] == pytest.approx(expected["score"], abs=1e-5)
            assert entity["start"] == expected["start"]
            assert entity["end"] == expected["end"]
            assert entity["word"] == text[entity["start"] : entity["end"]]


def test_words_agree_with_pipeline(tmp_path):
    theirs = original(SqueezeBert, "ForTokenClassification", num_labels=3)
    preset = save_checkpoint(theirs, tmp_path)
    pipeline = transformers.TokenClassificationPipeline(
        model=theirs,
        tokenizer=transformers.BertTokenizerFast(
            str(tmp_path / "vocab.txt"), model_max_length=512
        ),
        aggregation_strategy="first",
    )
    task = SqueezeBertTokenClassifier.from_preset(preset)
    words = ["the", "lazy", "dog", "jumps", "over"]
    (ours,) = task.annotate([words])
    (theirs,) = pipeline(words, is_split_into_words=True)
    assert [(e["label"], e["start"], e["end"]) for e in ours] == [
        (e["entity_group"], e["start"], e["end"]) for e in theirs
    ]
    np.testing.assert_allclose(
        [e["score"] for e in ours], [e["score"] for e in theirs], rtol=1e-4
    )


def test_head(model, tmp_path):
    task, theirs = check_head(
        model,
        "TokenClassifier",
        "ForTokenClassification",
        tmp_path,
        {None: "logits"},
        num_labels=5,
        hidden_dropout_prob=0.3,
    )
    assert task.num_classes == 5
    assert task.dropout == theirs.dropout.p == 0.3


@only_on("torch", reason="the published sizes are compared on one backend")
def test_published_size(model, tmp_path):
    published = {
        "vocab_size": 30522,
        "hidden_size": 512 if model is MobileBert else 768,
        "num_hidden_layers": 24 if model is MobileBert else 12,
        "num_attention_heads": 4 if model is MobileBert else 12,
        "intermediate_size": 512 if model is MobileBert else 3072,
        "embedding_size": 128 if model is MobileBert else 768,
    }
    if model is MobileBert:
        published["intra_bottleneck_size"] = 128
    check_head(
        model,
        "TokenClassifier",
        "ForTokenClassification",
        tmp_path,
        {None: "logits"},
        close=assert_close_to_largest,
        num_labels=9,
        **published,
    )


def test_saving(trained, tmp_path):
    loaded = check_saving(trained, WORDS, tmp_path)
    assert loaded.class_names == NAMES
    assert loaded.preprocessor.stride == 4
    assert list(map(found, loaded.annotate(TEXTS))) == ENTITIES
    fresh = type(trained).from_preset(str(tmp_path / "preset"), num_classes=3)
    assert fresh.class_names is None
    assert fresh.output_shape == (None, None, 3)


def test_new_head_for_another_task(tmp_path):
    preset = save_checkpoint(
        original(SqueezeBert, "ForSequenceClassification", num_labels=3),
        tmp_path,
    )
    task = SqueezeBertTokenClassifier.from_preset(preset, class_names=NAMES)
    assert task.num_classes == 8
    # The MNLI configurations of SqueezeBERT do not name their classes.
    config = json.loads((tmp_path / "config.json").read_text())
    del config["architectures"]
    config["id2label"] = {"0": "no", "1": "yes", "2": "maybe"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    theirs = SqueezeBertTextClassifier.from_preset(preset)
    task = SqueezeBertTokenClassifier.from_preset(preset, num_classes=3)
    assert not np.array_equal(
        to_numpy(task.output_dense.kernel), to_numpy(theirs.output_dense.kernel)
    )
    with pytest.raises(ValueError, match="`num_classes` and `class_names`"):
        SqueezeBertTokenClassifier.from_preset(preset)


def test_softmax_activation():
    task = make_task(SqueezeBert, class_names=NAMES, activation="softmax")
    assert not task.loss.get_config()["from_logits"]
    assert task.loss.get_config()["reduction"] == "mean_with_sample_weight"
    task.output_dense.bias.assign([0.0, 3.0] + [0.0] * 6)
    outputs = task.predict(WORDS[:1], verbose=0)[0]
    entities = task.annotate(WORDS[:1])[0]
    assert len(entities) == 7
    assert entities[0]["score"] == pytest.approx(outputs[1, 1])


def test_without_preprocessor():
    task = make_task(SqueezeBert)
    x, y, weights = task.preprocessor(WORDS, IDS)
    task.preprocessor = None
    history = task.fit(x, y, sample_weight=weights, verbose=0).history
    assert np.isfinite(history["loss"][0])
    assert task.predict(x, verbose=0).shape == (11, 10, 8)
    for method in (task.annotate, task.predict_labels):
        with pytest.raises(ValueError, match="needs a `preprocessor`"):
            method(WORDS)


@only_on(
    "tensorflow", reason="the export is tested on all backends in tests/export"
)
def test_export(tmp_path):
    task = make_task(MobileBert)
    random = np.random.default_rng(0)
    task.set_weights(
        [random.normal(0, 0.5, w.shape) for w in task.get_weights()]
    )
    x = {
        name: array[:1]
        for name, array in to_numpy(task.preprocessor(WORDS)).items()
    }
    outputs = check_export(task, tmp_path / "task.tflite", x)
    assert set(outputs) == {"probabilities"}
    assert outputs["probabilities"].shape == (1, 10, 8)
    np.testing.assert_allclose(
        outputs["probabilities"], task.probabilities(task(x)), atol=1e-5
    )
