import json
import pathlib

import keras
import keras_hub
import numpy as np
import pytest
import safetensors.torch
import tensorflow as tf
import transformers

from keras_squeeze.export.runner import preprocess
from tests.backends import only_on
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import assert_close
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.model_oracle import random_inputs
from tests.model_oracle import run
from tests.task_checks import assert_close_to_largest
from tests.task_checks import check_export
from tests.task_checks import check_head
from tests.task_checks import check_saving
from tests.task_checks import check_tensors
from tests.task_checks import task_class
from tests.task_checks import to_numpy
from tests.tiny import tiny_backbone
from tests.tiny import vocabulary_of

# The first sentences of novels.
TEXTS = [
    "Call me Ishmael.",
    "It was a bright cold day in April.",
    "All happy families are alike.",
    "Someone must have slandered Josef K.",
]
VOCABULARY = vocabulary_of(TEXTS, ".")
MASKED = [
    "Call me [MASK].",
    "It was a bright [MASK] day in April.",
    "All [MASK] families are alike.",
    "Someone must [MASK] slandered Josef K.",
]
FILLINGS = ["ishmael", "cold", "happy", "have"]


def make_backbone(model, **kwargs):
    sizes = {"hidden_dim": 32, "intermediate_dim": 32, "embedding_dim": 32}
    if model is MobileBert:
        sizes.update(embedding_dim=16, bottleneck_dim=16)
    return tiny_backbone(
        model.backbone_cls,
        VOCABULARY,
        max_sequence_length=16,
        dropout=0.0,
        attention_dropout=0.0,
        **{**sizes, **kwargs},
    )


def make_preprocessor(model, **kwargs):
    return task_class(model, "MaskedLMPreprocessor")(
        model.tokenizer_cls(VOCABULARY),
        **{"sequence_length": 12, "mask_selection_length": 3, **kwargs},
    )


def make_task(model, preprocessor=None, **kwargs):
    return task_class(model, "MaskedLM")(
        make_backbone(model, **kwargs),
        preprocessor=preprocessor or make_preprocessor(model),
    )


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    """A transformers masked language model, and its folder."""
    folder = tmp_path_factory.mktemp("masked_lm")
    masked_lm = original(model, "ForMaskedLM", num_hidden_layers=1)
    return masked_lm, save_checkpoint(masked_lm, folder)


@pytest.fixture(scope="module")
def trained(model):
    """A task that has memorized the texts."""
    keras.utils.set_random_seed(0)
    task = make_task(model)
    task.compile(keras.optimizers.Adam(1e-2, global_clipnorm=1.0))
    task.fit(TEXTS * 16, batch_size=32, epochs=60, verbose=0)
    return task


# === Checkpoints ===


def test_head(model, tmp_path):
    check_head(model, "MaskedLM", "ForMaskedLM", tmp_path, {None: "logits"})


@only_on(
    "torch", reason="models of the published sizes are compared on one backend"
)
def test_published_size(tmp_path):
    config = transformers.MobileBertConfig().to_dict()
    check_head(
        MobileBert,
        "MaskedLM",
        "ForMaskedLM",
        tmp_path,
        {None: "logits"},
        close=assert_close_to_largest,
        **config,
    )


def test_head_of_pretraining(tmp_path):
    theirs = original(MobileBert, "ForPreTraining", num_hidden_layers=1)
    folder = save_checkpoint(theirs, tmp_path)
    inputs = random_inputs(60, batch=2, length=7)
    expected = run(theirs, inputs).prediction_logits[:, 2:3]
    inputs["mask_positions"] = np.array([[2], [2]], "int32")
    task = task_class(MobileBert, "MaskedLM").from_preset(folder)
    assert_close(to_numpy(task(inputs)), expected)


def test_embeddings_as_wide_as_the_model(tmp_path):
    theirs = original(MobileBert, "ForMaskedLM", embedding_size=24)
    folder = save_checkpoint(theirs, tmp_path)
    task = task_class(MobileBert, "MaskedLM").from_preset(folder)
    assert task.masked_lm_head.rest_kernel is None
    inputs = random_inputs(60, batch=2, length=7)
    expected = run(theirs, inputs).logits
    inputs["mask_positions"] = np.tile(np.arange(7, dtype="int32"), (2, 1))
    assert_close(to_numpy(task(inputs)), expected)


def edit_tensors(folder, edit):
    path = pathlib.Path(folder) / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    edit(tensors)
    safetensors.torch.save_file(tensors, path, {"format": "pt"})


@pytest.mark.parametrize("names_class", [True, False])
def test_old_checkpoint(model, saved, tmp_path, names_class):
    theirs, _ = saved
    # The old format has the tied tensors under all their names.
    folder = save_checkpoint(theirs, tmp_path, safe_serialization=False)
    if not names_class:
        path = tmp_path / "config.json"
        config = json.loads(path.read_text())
        del config["architectures"]
        path.write_text(json.dumps(config))
    task = task_class(model, "MaskedLM").from_preset(folder)
    check_tensors(model, task, theirs)


def test_bias_of_the_decoder_alone(model, saved, tmp_path):
    theirs, _ = saved
    folder = save_checkpoint(theirs, tmp_path)

    def edit(tensors):
        bias = tensors.pop("cls.predictions.bias")
        tensors["cls.predictions.decoder.bias"] = bias

    edit_tensors(folder, edit)
    task = task_class(model, "MaskedLM").from_preset(folder)
    check_tensors(model, task, theirs)


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_untied_decoder(model, saved, tmp_path, name):
    theirs, _ = saved
    folder = save_checkpoint(theirs, tmp_path)
    name = f"cls.predictions.decoder.{name}"

    def edit(tensors):
        tensors[name] = theirs.state_dict()[name] + 1

    edit_tensors(folder, edit)
    with pytest.raises(ValueError, match=f"`{name}` must be equal to"):
        task_class(model, "MaskedLM").from_preset(folder)


def test_backbone_alone_gets_a_new_head(model, tmp_path):
    theirs = original(model, num_hidden_layers=1)
    folder = save_checkpoint(theirs, tmp_path)
    task = task_class(model, "MaskedLM").from_preset(folder)
    assert not to_numpy(task.masked_lm_head.bias).any()
    np.testing.assert_array_equal(
        to_numpy(task.backbone.token_embedding.embeddings),
        theirs.embeddings.word_embeddings.weight.detach(),
    )


# === Masks in the text ===


@pytest.mark.parametrize("text", ["ab [MASK] c!", "[MASK] a [MASK]."])
def test_annotate_equals_the_pipeline(model, saved, text):
    theirs, folder = saved
    pipeline = transformers.pipeline(
        "fill-mask",
        model=theirs,
        tokenizer=transformers.BertTokenizerFast(f"{folder}/vocab.txt"),
        device="cpu",
        top_k=4,
    )
    task = task_class(model, "MaskedLM").from_preset(folder)
    found, expected = task.annotate(text, top_k=4), pipeline(text)
    if text.count("[MASK]") == 1:
        found, expected = [found], [expected]
    assert len(found) == len(expected) == text.count("[MASK]")
    for ours, theirs in zip(found, expected, strict=True):
        assert [x["token"] for x in ours] == [x["token"] for x in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert one["token_str"] == other["token_str"]
            assert one["score"] == pytest.approx(other["score"], rel=1e-4)


def test_learns_real_texts(trained):
    keras.utils.set_random_seed(1)
    loss, accuracy = trained.evaluate(TEXTS * 8, verbose=0)
    assert loss < 0.05
    assert accuracy > 0.98
    answers = trained.annotate(MASKED)
    assert [answer["token_str"] for answer in answers] == FILLINGS
    assert all(answer["score"] > 0.9 for answer in answers)
    # The sequence is the original text, not the lowercased one.
    assert answers[1]["sequence"] == TEXTS[1]


def test_forms_of_answers(trained):
    (first, second) = trained.annotate("Call [MASK] [MASK].")
    # It has not memorized texts with two masks.
    assert first["sequence"] == f"Call {first['token_str']} [MASK]."
    assert second["sequence"] == f"Call [MASK] {second['token_str']}."
    assert second["token_str"] == VOCABULARY[second["token"]]
    several = trained.annotate(MASKED[:3], top_k=2, batch_size=2)
    assert [len(answers) for answers in several] == [2, 2, 2]
    for (best, other), single in zip(
        several, trained.annotate(MASKED[:3]), strict=True
    ):
        assert best["score"] == pytest.approx(single["score"], rel=1e-4)
        assert best["sequence"] == single["sequence"]
        assert best["score"] > other["score"]
    everything = trained.annotate(MASKED[0], top_k=1000)
    assert len(everything) == len(VOCABULARY)
    assert sum(x["score"] for x in everything) == pytest.approx(1, rel=1e-4)
    pair = trained.annotate((["Call [MASK]"], ["[MASK]."]))[0]
    assert pair[0]["sequence"][1] == "[MASK]."
    assert pair[1]["sequence"][0] == "Call [MASK]"
    for convert in (np.array, tf.constant):
        assert trained.annotate(convert(MASKED[:1]))[0] == pytest.approx(
            trained.annotate(MASKED[:1])[0]
        )


def test_pieces_of_words_are_joined(model):
    tokenizer = model.tokenizer_cls([*VOCABULARY, "##s"])
    preprocessor = make_preprocessor(model)
    preprocessor.tokenizer = tokenizer
    backbone = make_backbone(model)
    theirs = model.backbone_cls.from_config(
        {**backbone.get_config(), "vocabulary_size": len(VOCABULARY) + 8}
    )
    task = task_class(model, "MaskedLM")(theirs, preprocessor=preprocessor)
    task.masked_lm_head.bias.assign([0.0] * len(VOCABULARY) + [9.0] * 8)
    answer = task.annotate("Call [MASK].")
    assert answer["token_str"] == "##s"
    assert answer["sequence"] == "Calls."


@pytest.mark.parametrize("top_k", [None, 3])
def test_text_without_a_mask(trained, top_k, monkeypatch):
    monkeypatch.setattr(type(trained), "predict_on_batch", None)
    message = r"must have a `\[MASK\]`.*Received: \['Call me Ishmael.'\]"
    with pytest.raises(ValueError, match=message):
        trained.annotate([MASKED[0], TEXTS[0]], top_k=top_k)
    with pytest.raises(ValueError, match="`top_k` must be a positive integer"):
        trained.annotate(MASKED, top_k=0)


def test_predict(trained):
    logits = trained.predict(MASKED, verbose=0)
    assert logits.shape == (4, 3, len(VOCABULARY))
    # Texts without masks are allowed, as in KerasHub's task.
    assert trained.predict([TEXTS[0], MASKED[0]], verbose=0).shape == (
        2,
        *logits.shape[1:],
    )
    ids = [VOCABULARY.index(word) for word in FILLINGS]
    assert logits[:, 0].argmax(-1).tolist() == ids
    data_set = tf.data.Dataset.from_tensor_slices(MASKED).batch(3)
    for x in (
        np.array(MASKED),
        data_set,
        trained.preprocessor.fill_mask_inputs(MASKED),
    ):
        found = trained.predict(x, verbose=0)
        np.testing.assert_allclose(found, logits, rtol=1e-4, atol=1e-4)


# === Training ===


def masks_of(task, seed, epochs=2):
    keras.utils.set_random_seed(seed)
    batches = task.batches(np.array(TEXTS * 4), 8).repeat(epochs)
    return [x["mask_positions"] for x, _, _ in batches.to_iter_dataset()]


def test_masks_follow_the_seed_and_differ_in_every_epoch():
    task = make_task(SqueezeBert)
    first, again, other = (masks_of(task, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[:2], first[2:])


def test_loss_and_accuracy_are_over_masked_words(model):
    task = make_task(model)
    task.compile("sgd", run_eagerly=True)
    inputs, ids, weights = to_numpy(task.preprocessor(TEXTS))
    assert 0 < weights.sum() < weights.size
    logits = to_numpy(task(inputs)).astype("float64")
    likelihoods = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    losses = -np.take_along_axis(likelihoods, ids[..., None], -1)[..., 0]
    hits = (logits.argmax(-1) == ids)[weights > 0]
    loss, accuracy = task.evaluate(
        inputs, ids, sample_weight=weights, verbose=0
    )
    assert loss == pytest.approx(losses[weights > 0].mean(), rel=1e-4)
    assert accuracy == pytest.approx(hits.mean())


@pytest.mark.parametrize("form", ["list", "pairs", "tf.data", "validation"])
def test_forms_of_inputs(form):
    task = make_task(SqueezeBert)
    task.compile("sgd", run_eagerly=True)
    kwargs = {}
    x = TEXTS
    if form == "pairs":
        x = (TEXTS, TEXTS[::-1])
    elif form == "tf.data":
        x = tf.data.Dataset.from_tensor_slices(TEXTS).batch(2)
        kwargs["validation_data"] = x
    elif form == "validation":
        kwargs["validation_split"] = 0.5
    history = task.fit(x, verbose=0, **kwargs).history
    assert all(np.isfinite(values[0]) for values in history.values())
    assert ("val_loss" in history) == bool(kwargs)


def test_validation_split_is_masked_like_the_rest(monkeypatch):
    task = make_task(SqueezeBert)
    task.compile(run_eagerly=True, **task.default_metrics())
    seen = {"train_step": [], "test_step": []}

    def record(name):
        step = getattr(task, name)

        def recorded(*args, **kwargs):
            # On JAX, the first argument is the state of the model.
            seen[name].append(to_numpy(args[-1]))
            return step(*args, **kwargs)

        monkeypatch.setattr(task, name, recorded)

    record("train_step")
    record("test_step")
    texts = TEXTS * 4
    history = task.fit(
        texts, batch_size=4, epochs=2, validation_split=0.375, verbose=0
    ).history
    metrics = task.evaluate(texts, verbose=0, return_dict=True)
    assert set(history) == {*metrics, *[f"val_{name}" for name in metrics]}
    # Ten texts to train on, and six for validation.
    sizes = {"train_step": [4, 4, 2] * 2, "test_step": [4, 2] * 2}
    expected = to_numpy(task.preprocessor.fill_mask_inputs(TEXTS, False))
    for name, rows in sizes.items():
        batches = seen[name][: len(rows)]
        assert [len(x["token_ids"]) for x, _, _ in batches] == rows
        for x, ids, weights in batches:
            masked = x["token_ids"].copy()
            assert (weights.sum(axis=1) > 0).all()
            # The labels are the words that were there.
            for row, column in zip(*np.nonzero(weights), strict=True):
                position = x["mask_positions"][row, column]
                masked[row, position] = ids[row, column]
            originals = expected["token_ids"].tolist()
            assert all(row in originals for row in masked.tolist())
    validation = [x["token_ids"] for x, _, _ in seen["test_step"][:4]]
    mask = VOCABULARY.index("[MASK]")
    assert any((ids == mask).any() for ids in validation)
    # The losses of different epochs are for the same masks.
    for first, second in zip(validation[:2], validation[2:], strict=True):
        np.testing.assert_array_equal(first, second)


def test_wrong_inputs():
    task = make_task(SqueezeBert)
    with pytest.raises(ValueError, match="`y` must be None"):
        task.fit(TEXTS, [0, 1, 0, 1])
    with pytest.raises(ValueError, match="`sample_weight` must be None"):
        task.fit(TEXTS, sample_weight=np.ones(4))
    with pytest.raises(ValueError, match="must be strings"):
        task.fit([1, 2, 3])
    with pytest.raises(ValueError, match="Text 1 of `x` .*Received: nan"):
        task.fit([TEXTS[0], float("nan")])
    with pytest.raises(ValueError, match="`class_weight` must be None"):
        task.fit(TEXTS, class_weight={0: 2.0})
    with pytest.raises(ValueError, match="at least one sample"):
        task.fit([])
    task.preprocessor = None
    with pytest.raises(ValueError, match="needs a `preprocessor`"):
        task.annotate(MASKED)


def test_without_preprocessor(model):
    task = make_task(model)
    inputs, ids, weights = task.preprocessor(TEXTS)
    task.preprocessor = None
    task.compile(run_eagerly=True)
    history = task.fit(inputs, ids, sample_weight=weights, verbose=0).history
    assert np.isfinite(history["loss"][0])
    assert task.predict(inputs, verbose=0).shape[:2] == (4, 3)


# === Files ===


def test_saving(trained, tmp_path):
    loaded = check_saving(trained, MASKED, tmp_path)
    assert loaded.preprocessor.get_config().keys() >= {"mask_selection_rate"}
    assert loaded.annotate(MASKED[0])["token_str"] == "ishmael"
    embedding = loaded.backbone.token_embedding
    assert loaded.masked_lm_head.token_embedding is embedding


def test_is_a_task_of_keras_hub(model):
    cls = task_class(model, "MaskedLM")
    assert issubclass(cls, keras_hub.models.MaskedLM)
    assert issubclass(
        cls.preprocessor_cls, keras_hub.models.MaskedLMPreprocessor
    )
    task = make_task(model)
    assert isinstance(task.optimizer, keras.optimizers.Adam)
    assert task.optimizer.global_clipnorm == 1


@only_on(
    "tensorflow",
    reason="the converter runs in a process with TensorFlow, from any backend",
)
def test_export(tmp_path):
    task = make_task(MobileBert)
    inputs = preprocess(task.preprocessor, MASKED, 12)
    assert set(inputs) == {"token_ids", "segment_ids", "padding_mask"}
    (output,) = check_export(
        task, tmp_path / "masked_lm.tflite", inputs
    ).items()
    assert output[0] == "probabilities"
    assert output[1].shape == (4, 12, len(VOCABULARY))
    positions = np.tile(np.arange(12, dtype="int32"), (4, 1))
    logits = task({**inputs, "mask_positions": positions})
    expected = to_numpy(keras.ops.softmax(logits))
    np.testing.assert_allclose(output[1], expected, atol=1e-5)
