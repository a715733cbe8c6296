import keras
import keras_hub
import numpy as np
import pytest
import torch
import transformers

import keras_squeeze
from keras_squeeze import models
from keras_squeeze.models.tasks.pair_loss import PairLoss
from tests.backends import only_on
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import assert_close
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.model_oracle import random_inputs
from tests.model_oracle import randomized
from tests.model_oracle import run
from tests.task_checks import check_graph
from tests.task_checks import check_saving
from tests.task_checks import task_class
from tests.task_checks import to_numpy
from tests.tiny import tiny_backbone

TEXTS = ["abc bcd.", "abc bcd!", "z", "yz xyz zz? zyx", "a b c d"]


@pytest.fixture(scope="module")
def checkpoint(model, tmp_path_factory):
    """A transformers model and its folder."""
    cls = getattr(transformers, f"{model.original}Model")
    # With the usual means, its vectors of texts are not all alike.
    theirs = randomized(cls, model.config(), norm_mean=1.0)
    folder = tmp_path_factory.mktemp(model.original)
    return theirs, save_checkpoint(theirs, folder)


def embedder_of(model, checkpoint, **kwargs):
    return task_class(model, "TextEmbedder").from_preset(
        checkpoint[1], **kwargs
    )


@pytest.mark.parametrize("normalize", [True, False])
def test_mean_of_the_originals_outputs(model, checkpoint, normalize):
    task = embedder_of(model, checkpoint, normalize=normalize)
    inputs = random_inputs(60, batch=4, length=7)
    states = run(checkpoint[0], inputs).last_hidden_state
    mask = torch.tensor(inputs["padding_mask"])[..., None]
    expected = (states * mask).sum(1) / mask.sum(1)
    if normalize:
        expected = torch.nn.functional.normalize(expected)
    found = to_numpy(task(inputs))
    assert_close(found, expected)
    if normalize:
        np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, rtol=1e-6)


@pytest.mark.parametrize("normalize", [True, False])
def test_pooled_output_of_the_original(model, checkpoint, normalize):
    task = embedder_of(model, checkpoint, pooling="pooled", normalize=normalize)
    inputs = random_inputs(60, batch=4, length=7)
    expected = run(checkpoint[0], inputs).pooler_output
    if normalize:
        expected = torch.nn.functional.normalize(expected)
    assert_close(to_numpy(task(inputs)), expected)


def test_padding_does_not_matter(model, checkpoint):
    task = embedder_of(model, checkpoint)
    task.preprocessor.sequence_length = 24
    expected = task.predict(TEXTS, verbose=0)
    task.preprocessor.sequence_length = 40
    np.testing.assert_allclose(
        task.predict(TEXTS, verbose=0), expected, atol=1e-5
    )
    nothing = {name: np.zeros((1, 5), "int32") for name in task.input}
    np.testing.assert_array_equal(to_numpy(task(nothing)), 0)


def test_pooler_is_only_needed_for_pooled_outputs(tmp_path):
    # A masked language model has no pooler.
    preset = save_checkpoint(original(MobileBert, "ForMaskedLM"), tmp_path)
    cls = models.MobileBertTextEmbedder
    assert cls.from_preset(preset).predict(TEXTS, verbose=0).shape == (5, 24)
    with pytest.raises(ValueError, match="pooler.dense.weight"):
        cls.from_preset(preset, pooling="pooled")


@pytest.mark.parametrize("head", ["ForMaskedLM", "ForQuestionAnswering"])
def test_other_heads_are_left_out(tmp_path, head):
    theirs = original(SqueezeBert, head)
    preset = save_checkpoint(theirs, tmp_path)
    task = models.SqueezeBertTextEmbedder.from_preset(preset, normalize=False)
    inputs = random_inputs(60, batch=1, length=7)
    states = run(theirs.transformer, inputs).last_hidden_state
    assert_close(to_numpy(task(inputs)), states.mean(1))


def test_saving(model, checkpoint, tmp_path):
    task = embedder_of(model, checkpoint, pooling="pooled", normalize=False)
    loaded = check_saving(task, TEXTS, tmp_path)
    assert loaded.pooling == "pooled"
    assert not loaded.normalize


def test_keras_hubs_class_loads_it(model):
    preset, *_ = [name for name in model.backbone_cls.presets if "tiny" in name]
    task = keras_hub.models.TextEmbedder.from_preset(preset, load_weights=False)
    assert type(task) is task_class(model, "TextEmbedder")


def test_preprocessor_in_a_graph(model, checkpoint):
    preprocessor = embedder_of(model, checkpoint).preprocessor
    preprocessor.sequence_length = 12
    found = check_graph(preprocessor, np.array(TEXTS))
    assert found["token_ids"].shape == (5, 12)
    check_graph(preprocessor, (np.array(TEXTS), np.array(TEXTS[::-1])))


def test_encode_text(model, checkpoint):
    task = embedder_of(model, checkpoint)
    task.preprocessor.sequence_length = 16
    vectors = task.encode_text(TEXTS, verbose=0)
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, task.backbone.hidden_dim)
    np.testing.assert_allclose(
        task.encode_text(TEXTS[0], verbose=0), vectors[:1], atol=1e-6
    )
    pairs = task.encode_text((TEXTS, TEXTS[::-1]), verbose=0)
    assert not np.allclose(pairs, vectors, atol=1e-3)


def test_search(checkpoint, model):
    task = embedder_of(model, checkpoint, normalize=False)
    task.preprocessor.sequence_length = 16
    first, second = task.search(TEXTS[:2], TEXTS, top_k=3)
    assert first[0]["sequence"] == TEXTS[0]
    assert first[0]["score"] == pytest.approx(1, abs=1e-5)
    assert (second[0]["index"], len(second)) == (1, 3)
    vectors = task.encode_text(TEXTS, verbose=0)
    lengths = np.linalg.norm(vectors, axis=-1)
    cosines = vectors @ vectors[0] / lengths / lengths[0]
    answers = task.search(TEXTS[0], TEXTS, 10, corpus_embeddings=vectors)
    order = [answer["index"] for answer in answers]
    assert order == np.argsort(-cosines).tolist()
    assert [a["score"] for a in answers] == pytest.approx(
        cosines[order], abs=1e-5
    )
    with pytest.raises(ValueError, match="2 vectors for 5 texts"):
        task.search("a", TEXTS, corpus_embeddings=vectors[:2])
    with pytest.raises(ValueError, match="`corpus` must be a list.*'abc'"):
        task.search("a", "abc")
    with pytest.raises(ValueError, match="top_k=0"):
        task.search("a", TEXTS, top_k=0)


def test_mixed_precision_stays_in_range():
    backbone = tiny_backbone(
        models.SqueezeBertBackbone, 60, dtype="mixed_float16"
    )
    task = models.SqueezeBertTextEmbedder(backbone)
    norm = backbone.transformer_layers[-1].output_projection.norm
    # The sum over the tokens, and the squares, exceed float16.
    norm.beta.assign(np.linspace(1000, 20000, 16))
    inputs = random_inputs(60, batch=4, length=128)
    found = to_numpy(task(inputs))
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, rtol=1e-5)


def test_learns_which_texts_belong_together(model, checkpoint):
    animals = ["the cat sleeps.", "a dog barks!", "birds sing."]
    weather = ["it is raining.", "snow falls today.", "what a hot day!"]
    texts = animals + weather
    task = embedder_of(model, checkpoint, load_weights=False)
    task.preprocessor.sequence_length = 24
    task.compile(
        keras.optimizers.Adam(1e-2, global_clipnorm=1.0),
        loss=keras.losses.CosineSimilarity(),
    )
    directions = np.eye(2, task.backbone.hidden_dim, dtype="float32")
    task.fit(
        texts,
        directions[[0, 0, 0, 1, 1, 1]],
        batch_size=6,
        epochs=60,
        verbose=0,
    )
    vectors = task.encode_text(texts, verbose=0)
    for group in (animals, weather):
        answers = task.search(group[0], texts, 3, corpus_embeddings=vectors)
        assert {answer["sequence"] for answer in answers} == set(group)
        assert all(answer["score"] > 0.9 for answer in answers)


def test_defaults(model, checkpoint):
    task = embedder_of(model, checkpoint)
    assert isinstance(task.loss, PairLoss)
    assert task.optimizer.global_clipnorm == 1


def test_wrong_pooling():
    backbone = tiny_backbone(models.SqueezeBertBackbone, 60)
    with pytest.raises(ValueError, match="`pooling` must be.*pooling='cls'"):
        models.SqueezeBertTextEmbedder(backbone, pooling="cls")


@only_on(
    "tensorflow", reason="files are converted by TensorFlow from every backend"
)
def test_export(tmp_path):
    theirs = original(MobileBert)
    preset = save_checkpoint(theirs, tmp_path)
    task = models.MobileBertTextEmbedder.from_preset(preset)
    path = tmp_path / "embedder.tflite"
    report = keras_squeeze.export_tflite(
        task, path, sequence_length=16, verbose=False
    )
    assert report.outputs == {"embedding": ((1, 24), "float32")}
    runner = keras_squeeze.TFLiteModel(path, task.preprocessor)
    task.preprocessor.sequence_length = 16
    np.testing.assert_allclose(
        runner.predict(TEXTS), task.predict(TEXTS, verbose=0), atol=1e-4
    )
