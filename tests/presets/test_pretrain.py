"""Tests the recipe of the tiny presets on a few sentences."""

import json
import os
import random
import sys

import keras
import numpy as np
import pytest
import torch
import transformers

import keras_squeeze
from tests.backends import only_on
from tests.conftest import REPOSITORY
from tests.model_oracle import bert_config


@pytest.fixture(scope="module")
def teacher(tmp_path_factory, vocabulary):
    """The folder of a BERT with two layers and the real vocabulary."""
    folder = tmp_path_factory.mktemp("teacher")
    torch.manual_seed(0)
    config = bert_config(vocab_size=30522, intermediate_size=16)
    transformers.BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(
        folder
    )
    return folder


def check_improved(provenance):
    """Check that the student learned, on sentences that were held out.

    Returns:
        The losses before and after the training.
    """
    before, after = provenance["held_out_losses"].values()
    assert after["loss"] < before["loss"]
    return before, after


@pytest.fixture
def student(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "presets")
    import student

    return student


@pytest.fixture(scope="module")
def near_words(teacher, vocabulary):
    """What the recipe finds for this teacher and a part of the words."""
    sys.path.insert(0, str(REPOSITORY / "presets"))
    try:
        from text_source import nearest_words
    finally:
        sys.path.pop(0)
    embeddings = transformers.BertModel.from_pretrained(teacher).embeddings
    words = embeddings.word_embeddings.weight.detach().numpy()
    # All words would take seconds.
    words, vocabulary = words[:14000], vocabulary[:14000]
    tokenizer = keras_squeeze.models.MobileBertTokenizer(vocabulary)
    return nearest_words(words, tokenizer)


@pytest.fixture
def run(monkeypatch, capsys, tmp_path, teacher, near_words):
    """A function that runs the recipe and returns what it prints."""
    monkeypatch.syspath_prepend(REPOSITORY / "presets")
    import pretrain

    monkeypatch.setattr(pretrain, "EVALUATION_STEPS", 2)
    # They only depend on the teacher, and take seconds to find.
    monkeypatch.setattr(pretrain, "nearest_words", lambda *args: near_words)

    def run(preset="mobile_bert_tiny_en_uncased", *options):
        arguments = [
            "pretrain.py",
            preset,
            f"--teacher={teacher}",
            f"--corpus={tmp_path / 'corpus.txt'}",
            "--num-texts=60",
            "--steps=4",
            "--batch-tokens=128",
            "--sequence-length=12",
            "--held-out=6",
            "--save-every=2",
            f"--work={tmp_path / 'work'}",
            f"--output={tmp_path / 'presets'}",
            *options,
        ]
        monkeypatch.setattr(sys, "argv", arguments)
        pretrain.main()
        return capsys.readouterr().out

    return run


@pytest.fixture(
    params=["mobile_bert_tiny_en_uncased", "squeeze_bert_tiny_en_uncased"]
)
def backbone(student, request):
    """A student with nine words and one layer."""
    preprocessor_cls, config = student.ARCHITECTURES[request.param]
    config = {**config, "vocabulary_size": 9, "num_layers": 1}
    return preprocessor_cls.backbone_cls(**config)


def write_corpus(tmp_path):
    words = "the quick brown fox jumped over a lazy dog in our garden".split()
    generator = random.Random(0)
    lines = [" ".join(generator.choices(words, k=12)) for _ in range(200)]
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(lines), encoding="utf-8")


@only_on("torch", reason="the whole recipe takes long")
def test_recipe_writes_a_preset_and_resumes(tmp_path, teacher, run):
    write_corpus(tmp_path)
    printed = run()
    assert "all, 4/4" in printed
    folder = tmp_path / "presets" / "mobile_bert_tiny_en_uncased"
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["settings"]["steps"] == 4
    assert provenance["started_from"] is None
    assert provenance["terms"]["pooled_pair_similarity"] == 40.0
    assert provenance["settings"]["dtype"] == "mixed_bfloat16"
    assert f"{os.cpu_count()} cores of " in provenance["hardware"]
    assert provenance["recipe"] == (
        f"KERAS_BACKEND=torch python presets/pretrain.py {folder.name} "
        f"--teacher {teacher.name} --corpus corpus.txt --steps 4 "
        "--num-texts 60 --held-out 6 --batch-tokens 128 --sequence-length 12 "
        "--seeds 0"
    )
    assert set(provenance["held_out_losses"]) == {"before", "after"}
    before, after = check_improved(provenance)
    assert (folder / "learning_curve.png").exists()
    backbone = keras_squeeze.models.MobileBertBackbone.from_preset(str(folder))
    assert backbone.count_params() == provenance["parameters"]
    assert backbone.dtype_policy.name == "float32"
    inputs = {
        "token_ids": np.array([[101, 1996, 102]]),
        "segment_ids": np.zeros((1, 3), "int32"),
        "padding_mask": np.ones((1, 3), "int32"),
    }
    output = keras.ops.convert_to_numpy(backbone(inputs)["pooled_output"])
    assert np.isfinite(output).all()

    # If it is interrupted before everything is written, there is nothing left
    # to train, and the weights are the same.
    work = tmp_path / "work" / "seed_0"
    (work / folder.name / "preset" / "provenance.json").unlink()
    assert "all, " not in run()
    again = json.loads((folder / "provenance.json").read_text())
    assert again["curve"] == provenance["curve"]
    assert again["held_out_losses"]["after"] == after
    provenance = again

    # The next cycle starts from the result, which is not changed.
    printed = run("mobile_bert_tiny_en_uncased", "--seeds", "0", "1")
    assert printed.count("all, 4/4") == 1
    again = json.loads((folder / "provenance.json").read_text())
    assert again["started_from"] == provenance
    assert again["settings"] == {**provenance["settings"], "seed": 1}
    assert again["recipe"].endswith("--seeds 0 1")
    assert again["weights_sha256"] != provenance["weights_sha256"]
    # The projections to the teacher's hidden states are kept.
    halfway = (before["loss"] + after["loss"]) / 2
    assert again["held_out_losses"]["before"]["loss"] < halfway

    # The other preset uses the teacher's outputs for the first one.
    cache = work / "train" / "part_0" / "sentence.npy"
    written = cache.stat().st_mtime_ns
    printed = run("squeeze_bert_tiny_en_uncased")
    assert "all, 4/4" in printed
    assert cache.stat().st_mtime_ns == written
    folder = tmp_path / "presets" / "squeeze_bert_tiny_en_uncased"
    provenance = json.loads((folder / "provenance.json").read_text())
    check_improved(provenance)


@only_on("jax", reason="the whole recipe takes long")
def test_recipe_on_jax(tmp_path, teacher, run):
    write_corpus(tmp_path)
    name = "mobile_bert_tiny_en_uncased"
    options = ["--length-multiple=32", "--workers=2", "--log-every=2"]
    printed = run(name, *options)
    assert "all, 2/4" in printed and "all, 4/4" in printed
    folder = tmp_path / "presets" / name
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["backend"] == "jax"
    assert provenance["settings"]["length_multiple"] == 32
    check_improved(provenance)


@only_on("torch", reason="the whole recipe takes long")
def test_recipe_starts_from_a_preset(tmp_path, teacher, run):
    write_corpus(tmp_path)
    name = "squeeze_bert_tiny_en_uncased"
    start = REPOSITORY / "presets" / name
    # Steps too small to change a weight show the initial values.
    run(name, f"--start={start}", "--learning-rate=1e-12")
    made = tmp_path / "presets" / name
    provenance = json.loads((made / "provenance.json").read_text())
    assert f"--corpus corpus.txt --start {name} " in provenance["recipe"]
    history = json.loads((start / "provenance.json").read_text())
    assert provenance["started_from"] == history
    backbone_cls = keras_squeeze.models.SqueezeBertBackbone
    weights = backbone_cls.from_preset(str(made)).get_weights()
    before = backbone_cls.from_preset(str(start)).get_weights()
    for value, expected in zip(weights, before, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_students_start_with_what_the_teacher_knows(student, backbone):
    random = np.random.default_rng(0)
    words = random.normal(size=(9, 12)) * np.arange(12, 0, -1)
    positions = 0.5 * random.normal(size=(512, 12))
    student.start_from(backbone, words, positions)
    embeddings = backbone.embeddings
    tables = [(embeddings.token_embedding, words, 1.0)]
    if isinstance(backbone, keras_squeeze.models.SqueezeBertBackbone):
        scale = positions.std() / words.std()
        tables.append((embeddings.position_embedding, positions, scale))
        segments = embeddings.segment_embedding.embeddings
        segments = keras.ops.convert_to_numpy(segments)
        assert np.abs(segments[0] - segments[1]).mean() > 0.2
    for embedding, vectors, scale in tables:
        table = keras.ops.convert_to_numpy(embedding.embeddings)
        assert table[:, :12].std() == pytest.approx(scale, rel=1e-3)
        # The distances of the teacher's embeddings, up to a factor.
        products = table[:, :12] @ table[:, :12].T
        vectors = vectors - vectors.mean(axis=0)
        expected = vectors @ vectors.T
        ratio = np.trace(products) / np.trace(expected)
        np.testing.assert_allclose(products, ratio * expected, atol=1e-3)
    inputs = {
        "token_ids": np.arange(9)[None],
        "segment_ids": np.zeros((1, 9), "int32"),
        "padding_mask": np.ones((1, 9), "int32"),
    }
    states = backbone(inputs)["sequence_output"]
    states = keras.ops.convert_to_numpy(states)
    np.testing.assert_allclose(states.std(axis=-1), 0.2, rtol=1e-2)


def test_all_kernels_learn_by_muon(student, backbone):
    optimizer = student.new_optimizer(0.1, 2)
    optimizer.build(backbone.trainable_variables)
    velocities = dict(
        zip(
            [v.path for v in backbone.trainable_variables],
            optimizer.adam_velocities,
            strict=True,
        )
    )
    by_muon = {path for path, v in velocities.items() if v is None}
    assert by_muon == {p for p in velocities if p.endswith("/kernel")}
    # An update is orthogonal: all its singular values are about one.
    variable = next(
        v for v in backbone.trainable_variables if v.path.endswith("/kernel")
    )
    before = keras.ops.convert_to_numpy(variable)
    gradient = np.random.default_rng(0).normal(size=variable.shape)
    gradient = keras.ops.convert_to_tensor(gradient, "float32")
    # The learning rate of the first step is zero, that of the second is 0.1.
    for _ in range(2):
        apply(optimizer, [gradient], [variable])
    change = (before - keras.ops.convert_to_numpy(variable)).squeeze()
    scale = 0.1 * 0.2 * max(change.shape) ** 0.5
    values = np.linalg.svd(change / scale, compute_uv=False)
    assert values.min() > 0.5 and values.max() < 1.5


@pytest.mark.parametrize("nesterov", [True, False])
def test_kernels_learn_together_as_they_would_alone(student, nesterov):
    class Alone(student.KernelMuon):
        """Updates one kernel at a time, as Keras does."""

        _backend_update_step = keras.optimizers.Optimizer._backend_update_step
        _apply_weight_decay = keras.optimizers.Muon._apply_weight_decay

    def learner(optimizer_cls):
        keras.utils.set_random_seed(0)
        layers = [
            keras.layers.Dense(6, name="first"),
            keras.layers.Dense(6, name="second"),
            keras.layers.Conv1D(6, 1, name="third"),
        ]
        for layer in layers:
            layer.build((None, 4, 5))
        variables = [v for layer in layers for v in layer.trainable_variables]
        config = student.new_optimizer(0.1, 10).get_config()
        optimizer = optimizer_cls.from_config({**config, "nesterov": nesterov})
        optimizer.build(variables)
        return optimizer, variables

    optimizer, together = learner(student.KernelMuon)
    other, alone = learner(Alone)
    before = [keras.ops.convert_to_numpy(v) for v in together]
    random = np.random.default_rng(0)
    for _ in range(3):
        gradients = [
            keras.ops.convert_to_tensor(
                1e-3 * random.normal(size=v.shape), "float32"
            )
            for v in together
        ]
        apply(optimizer, gradients, together)
        apply(other, gradients, alone)
    for old, value, expected in zip(before, together, alone, strict=True):
        value, expected = map(keras.ops.convert_to_numpy, (value, expected))
        np.testing.assert_allclose(value, expected, atol=1e-5)
        assert np.abs(value - old).max() > 0.01


def apply(optimizer, gradients, variables):
    """Take a step in the same way as `fit()`."""
    if keras.backend.backend() == "torch":
        with torch.no_grad():
            optimizer.apply(gradients, variables)
    else:
        optimizer.apply(gradients, variables)


def test_kernels_decay(student):
    layer = keras.layers.Dense(6)
    layer.build((None, 5))
    before = keras.ops.convert_to_numpy(layer.kernel)
    optimizer = student.new_optimizer(0.1, 10)
    optimizer.build(layer.trainable_variables)
    none = [keras.ops.zeros(v.shape) for v in layer.trainable_variables]
    # The learning rate of the first step is zero, that of the second is 0.1.
    for _ in range(2):
        apply(optimizer, none, layer.trainable_variables)
    after = keras.ops.convert_to_numpy(layer.kernel)
    np.testing.assert_allclose(after, before * (1 - 0.02 * 0.1), rtol=1e-5)
