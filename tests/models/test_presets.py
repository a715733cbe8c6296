import hashlib
import json
import os
import pathlib
import shutil
import socket
import time
import zipfile

import h5py
import huggingface_hub
import keras
import keras_hub
import ml_dtypes
import numpy as np
import pytest
import torch
import transformers

import keras_squeeze
from keras_squeeze.checkpoints import built_in_presets
from keras_squeeze.checkpoints import files
from keras_squeeze.datasets import sms_spam
from tests.checkpoint_folders import MODELS
from tests.checkpoint_folders import VOCABULARY
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.hub import local_hub as local_hub
from tests.model_oracle import random_inputs
from tests.processes import run_python
from tests.tiny import tiny_backbone

TINY = {
    "mobile_bert_tiny_en_uncased": MobileBert,
    "squeeze_bert_tiny_en_uncased": SqueezeBert,
}
SPAM = "mobile_bert_tiny_en_uncased_sms_spam"
# Texts and what the presets that are ready to use answer.
READY = {
    SPAM: {
        "See you at nine, I'm on the bus": "ham",
        "You have won a prize! Call 09061701461 now to claim": "spam",
    },
    "mobile_bert_tiny_en_uncased_intents": {
        "wake me up at seven tomorrow": "alarm",
        "how do you say good morning in italian": "translate",
        "how much money is in my account": "balance",
        "what is the name of the 13th president": "out_of_scope",
    },
    "mobile_bert_tiny_en_uncased_emotions": {
        "thank you so much for your help": ["gratitude"],
        "this makes me so angry": ["anger", "annoyance"],
        "the train leaves at nine": ["neutral"],
    },
    "mobile_bert_tiny_en_uncased_entities": {
        "Charles Babbage is in London": ["person", "location"],
        "we are late again": [],
    },
}
CARRIED = {**TINY, **dict.fromkeys(READY, MobileBert)}
HUB = {
    "mobile_bert_en_uncased": (MobileBert, "google/mobilebert-uncased"),
    "squeeze_bert_en_uncased": (SqueezeBert, "squeezebert/squeezebert-uncased"),
    "squeeze_bert_mnli_en_uncased": (
        SqueezeBert,
        "squeezebert/squeezebert-mnli",
    ),
    "squeeze_bert_mnli_headless_en_uncased": (
        SqueezeBert,
        "squeezebert/squeezebert-mnli-headless",
    ),
}
INPUTS = random_inputs(60, batch=3, length=7)


def outputs(task):
    return keras.ops.convert_to_numpy(task(INPUTS))


@pytest.fixture(scope="module")
def task(model):
    """A task with weights as after training."""
    backbone = tiny_backbone(model.backbone_cls, VOCABULARY)
    preprocessor = model.preprocessor_cls(
        model.tokenizer_cls(VOCABULARY, strip_accents=False), sequence_length=9
    )
    task = model.classifier_cls(
        backbone, preprocessor=preprocessor, class_names=["no", "yes"]
    )
    random = np.random.default_rng(0)
    task.set_weights(
        [random.normal(0, 0.1, w.shape) for w in task.get_weights()]
    )
    task.optimizer.build(task.trainable_variables)
    return task


@pytest.fixture(scope="module")
def saved(task, tmp_path_factory):
    folder = tmp_path_factory.mktemp("preset")
    task.save_to_preset(str(folder))
    return str(folder)


@pytest.fixture
def copy(saved, tmp_path):
    """A copy of the preset, to damage."""
    return shutil.copytree(saved, tmp_path / "copy")


# === Folders ===


def files_of(folder):
    folder = pathlib.Path(folder)
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", ["task", "backbone", "preprocessor"])
def test_failing_to_save_leaves_the_preset(task, copy, monkeypatch, name):
    def fail(self, *args, **kwargs):
        raise KeyboardInterrupt

    part = task if name == "task" else getattr(task, name)
    before = files_of(copy)
    # These are written last, after the configuration and other weights.
    last = [task.backbone, "save_weights"]
    if name != "backbone":
        last = [task.preprocessor.tokenizer, "save_assets"]
    monkeypatch.setattr(type(last[0]), last[1], fail)
    monkeypatch.setattr(type(part), "get_config", lambda self: {"name": "new"})
    with pytest.raises(KeyboardInterrupt):
        part.save_to_preset(copy)
    assert files_of(copy) == before


def test_weights_in_several_files_replace_those_in_one(task, copy):
    backbone = type(task.backbone).from_config(task.backbone.get_config())
    for max_shard_size in (3.5e-5, 10):
        weights = [w + 1 for w in backbone.get_weights()]
        backbone.set_weights(weights)
        backbone.save_to_preset(copy, max_shard_size=max_shard_size)
        is_sharded = (copy / "model.weights.json").exists()
        assert is_sharded == (max_shard_size < 1)
        loaded = type(backbone).from_preset(str(copy))
        for found, expected in zip(loaded.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_failing_to_save_leaves_the_file(task, tmp_path, monkeypatch):
    path, weights = tmp_path / "task.keras", tmp_path / "task.weights.h5"
    task.save(path)
    task.save_weights(weights)
    before = files_of(tmp_path)

    def fail(self, store):
        raise KeyboardInterrupt

    monkeypatch.setattr(
        type(task.backbone.pooler.dense), "save_own_variables", fail
    )
    for save in (task.save, task.backbone.save):
        with pytest.raises(KeyboardInterrupt):
            save(path)
    for save_weights in (task.save_weights, task.backbone.save_weights):
        with pytest.raises(KeyboardInterrupt):
            save_weights(weights)
    assert files_of(tmp_path) == before


def test_no_room_for_weights_is_told_first(task, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="enough space .* only 0 MB are free"):
        task.save_weights(tmp_path / "task.weights.h5")
    for part in (task, task.backbone):
        with pytest.raises(OSError, match="not enough space for the weights"):
            part.save_to_preset(tmp_path / "preset")
    with pytest.raises(OSError, match="not enough space for the weights"):
        keras_squeeze.export_tflite(task, tmp_path / "task.tflite")
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize("is_base", [False, True])
def test_task(task, saved, model, is_base):
    cls = keras_hub.models.TextClassifier if is_base else model.classifier_cls
    loaded = cls.from_preset(saved)
    assert type(loaded) is model.classifier_cls
    np.testing.assert_array_equal(outputs(loaded), outputs(task))
    assert loaded.class_names == ["no", "yes"]
    assert loaded.preprocessor.sequence_length == 9
    assert loaded.preprocessor.tokenizer.get_config()["strip_accents"] is False
    text = "Is this a text?"
    assert loaded.annotate(text) == task.annotate(text)


def test_configuration_is_read_once(saved, model, monkeypatch):
    """KerasHub reads it once more, and takes no contents."""
    paths, open_file = [], open

    def counting_open(path, *args, **kwargs):
        paths.append(str(path))
        return open_file(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", counting_open)
    model.classifier_cls.from_preset(saved)
    assert paths.count(os.path.join(saved, "config.json")) == 2


@pytest.mark.parametrize("is_base", [False, True])
@pytest.mark.parametrize("num_classes", [2, 5])
def test_new_head(task, saved, model, num_classes, is_base):
    cls = keras_hub.models.TextClassifier if is_base else model.classifier_cls
    loaded = cls.from_preset(saved, num_classes=num_classes)
    assert loaded.num_classes == num_classes
    if num_classes == 5 or not is_base:
        assert loaded.class_names is None
    kernels = [
        keras.ops.convert_to_numpy(x.output_dense.kernel)
        for x in (task, loaded)
    ]
    assert kernels[1].shape == (16, num_classes)
    assert num_classes == 5 or not np.allclose(*kernels)
    for ours, theirs in zip(
        loaded.backbone.get_weights(), task.backbone.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_parts(task, saved, model):
    for base, cls in (
        (keras_hub.models.Backbone, model.backbone_cls),
        (keras_hub.models.Tokenizer, model.tokenizer_cls),
        (keras_hub.models.TextClassifierPreprocessor, model.preprocessor_cls),
    ):
        for caller in (base, cls):
            assert type(caller.from_preset(saved)) is cls
    backbone = model.backbone_cls.from_preset(saved)
    ours, theirs = (
        keras.ops.convert_to_numpy(x(INPUTS)["pooled_output"])
        for x in (backbone, task.backbone)
    )
    np.testing.assert_array_equal(ours, theirs)
    tokenizer = model.tokenizer_cls.from_preset(saved)
    assert tokenizer.vocabulary == VOCABULARY


def test_no_weights(task, saved, model):
    loaded = model.classifier_cls.from_preset(saved, load_weights=False)
    assert loaded.class_names == ["no", "yes"]
    assert not np.allclose(outputs(loaded), outputs(task))


def test_optimizer_stays_out(task, saved):
    assert len(task.optimizer.variables) > len(task.trainable_variables)
    names = []
    with h5py.File(pathlib.Path(saved) / "task.weights.h5") as file:
        file.visititems(
            lambda name, x: (
                names.append(name) if isinstance(x, h5py.Dataset) else None
            )
        )
    assert names
    assert all(name.startswith("layers/dense/") for name in names), names


@pytest.mark.parametrize("file", ["config.json", "model.weights.h5", "assets"])
def test_incomplete(copy, model, file):
    path = copy / file
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ValueError, match=f"(?s){copy}"):
        model.classifier_cls.from_preset(str(copy))


one_model = pytest.mark.parametrize("model", [MobileBert], indirect=True)
PARTS = (
    "task.json",
    "task.weights.h5",
    "model.weights.h5",
    "preprocessor.json",
    "tokenizer.json",
    "assets/tokenizer/vocabulary.txt",
)


@one_model
@pytest.mark.parametrize("name", PARTS[1:])
def test_absent_part(copy, model, name):
    (copy / name).unlink()
    cls = model.classifier_cls
    if name == "preprocessor.json":
        # The task also has a config of the backbone.
        cls.from_preset(str(copy), load_weights=False)
        cls = model.preprocessor_cls
    with pytest.raises(ValueError, match=f"incomplete: `{name}`"):
        cls.from_preset(str(copy))


@one_model
def test_parts_that_may_be_absent(copy, task, model):
    (copy / "metadata.json").unlink()
    (copy / "task.weights.h5").unlink()
    # A new head does not use the old head's weights.
    model.classifier_cls.from_preset(str(copy), num_classes=3)
    (copy / "task.json").unlink()
    loaded = model.classifier_cls.from_preset(str(copy), num_classes=2)
    assert loaded.preprocessor.sequence_length == 9
    (copy / "preprocessor.json").unlink()
    preprocessor = model.preprocessor_cls.from_preset(str(copy))
    assert preprocessor.sequence_length == 512


@one_model
@pytest.mark.parametrize("name", PARTS[:5])
def test_damaged_part(copy, model, name):
    contents = (copy / name).read_bytes()
    (copy / name).write_bytes(contents[: len(contents) // 2])
    cls = model.classifier_cls
    if name == "preprocessor.json":
        cls = model.preprocessor_cls
    with pytest.raises(ValueError, match=f"{name}`"):
        cls.from_preset(str(copy))
    if name.endswith(".json"):
        (copy / name).write_text("{}")
        with pytest.raises(ValueError, match=f"{name}` of .* must have"):
            cls.from_preset(str(copy))


@one_model
def test_damaged_weights_that_are_loaded(copy, task):
    for name, load in (
        ("model.weights.h5", task.backbone.load_weights),
        ("task.weights.h5", task.load_task_weights),
    ):
        contents = (copy / name).read_bytes()
        (copy / name).write_bytes(contents[: len(contents) // 2])
        with pytest.raises(ValueError, match=f"Cannot read `.*{name}`"):
            load(str(copy / name))


def edit_weights(path, edit, ending="token_embedding/vars/0"):
    """Replace a dataset by the result of `edit(group, name, value)`."""
    with h5py.File(path, "r+") as file:
        found = []
        file.visit(lambda name: found.append(name))
        (name,) = [name for name in found if name.endswith(ending)]
        value = file[name][()]
        del file[name]
        edit(file, name, value)
    return name


def not_a_number(file, name, value):
    value[1, 1] = np.nan
    file[name] = value


def whole_numbers(file, name, value):
    file[name] = (100 * value).astype("int8")


def large_numbers(file, name, value):
    file[name] = value.astype("float64") + 1e300


def complex_numbers(file, name, value):
    file[name] = value.astype("complex64")


def nothing_stored(file, name, value):
    file.create_dataset(name, (2**40, 16), "f4", chunks=(2**16, 16))


EDITS = {
    not_a_number: "NaN or infinity",
    whole_numbers: "int8 instead of floats",
    large_numbers: "numbers outside the range of float32",
    complex_numbers: "complex64 instead of floats",
    nothing_stored: "does not contain that much data",
}


@one_model
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_numbers_that_are_no_weights(copy, task, model, edit, tmp_path):
    name = edit_weights(copy / "model.weights.h5", edit)
    base = keras_hub.models.TextClassifier
    for cls in (model.backbone_cls, model.classifier_cls, base):
        with pytest.raises(ValueError, match=EDITS[edit]) as error:
            cls.from_preset(str(copy))
        assert name in str(error.value)
        assert "objects could not be loaded" not in str(error.value)
    weights = str(copy / "task.weights.h5")
    edit_weights(weights, edit, "dense/vars/0")
    with pytest.raises(ValueError, match=EDITS[edit]):
        task.load_task_weights(weights)


@one_model
def test_keras_file_of_numbers_that_are_no_weights(task, tmp_path):
    path = tmp_path / "task.keras"
    task.save(path)
    with zipfile.ZipFile(path) as file:
        records = {name: file.read(name) for name in file.namelist()}
    weights = tmp_path / "model.weights.h5"
    weights.write_bytes(records["model.weights.h5"])
    edit_weights(weights, whole_numbers)
    records["model.weights.h5"] = weights.read_bytes()
    with zipfile.ZipFile(path, "w") as file:
        for name, contents in records.items():
            file.writestr(name, contents)
    with pytest.raises(ValueError, match="token_embedding.*int8 instead"):
        keras.saving.load_model(path)


@one_model
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floats(copy, task, model, dtype):
    dtype = np.dtype(getattr(ml_dtypes, dtype, dtype))

    def write(file, name, value):
        data_set = file.create_dataset(name, data=value.astype(dtype))
        if dtype == ml_dtypes.bfloat16:
            # As Keras writes it.
            data_set.attrs["dtype"] = "bfloat16"

    edit_weights(copy / "model.weights.h5", write)
    loaded = model.backbone_cls.from_preset(str(copy))
    expected = task.backbone.token_embedding.embeddings
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(loaded.token_embedding.embeddings),
        keras.ops.convert_to_numpy(expected).astype(dtype).astype("float32"),
    )


@one_model
@pytest.mark.parametrize(
    "name, path, size",
    [
        ("config.json", "vocabulary_size", 10**9),
        ("config.json", "num_layers", 10**6),
        ("task.json", "backbone.config.vocabulary_size", 10**9),
        ("task.json", "num_classes", 10**9),
    ],
)
def test_sizes_of_another_model(copy, model, name, path, size):
    contents = json.loads((copy / name).read_text())
    *parents, last = ["config", *path.split(".")]
    place = contents
    for parent in parents:
        place = place[parent]
    place[last] = size
    (copy / name).write_text(json.dumps(contents))
    face = keras_squeeze.MobileBertForSequenceClassification
    loaders = [model.classifier_cls.from_preset]
    if "backbone" not in path:
        # The transformers-style class reads `config.json`.
        loaders.append(face.from_pretrained)
    for load in loaders:
        with pytest.raises(ValueError, match=f"={size}"):
            load(str(copy))


@one_model
def test_other_backend(task, saved, model, tmp_path):
    other = "jax" if keras.backend.backend() == "tensorflow" else "tensorflow"
    np.savez(tmp_path / "inputs.npz", **INPUTS)
    program = (
        "import sys, keras, numpy, keras_squeeze\n"
        "folder, inputs, outputs = sys.argv[1:]\n"
        "cls = keras_squeeze.models." + model.classifier_cls.__name__ + "\n"
        "task = cls.from_preset(folder)\n"
        "logits = task(dict(numpy.load(inputs)))\n"
        "numpy.save(outputs, keras.ops.convert_to_numpy(logits))\n"
    )
    paths = [saved, tmp_path / "inputs.npz", tmp_path / "outputs.npy"]
    run_python("-c", program, *paths, KERAS_BACKEND=other)
    np.testing.assert_allclose(
        np.load(tmp_path / "outputs.npy"), outputs(task), atol=1e-5
    )


# === The hub ===


def test_preset_on_the_hub(local_hub, task, saved, model):
    shutil.copytree(saved, local_hub.root / "org" / "name")
    for cls in (model.classifier_cls, keras_hub.models.TextClassifier):
        loaded = cls.from_preset("hf://org/name")
        np.testing.assert_array_equal(outputs(loaded), outputs(task))


@one_model
@pytest.mark.parametrize("name", PARTS)
def test_part_that_cannot_be_fetched(
    local_hub, saved, model, name, monkeypatch
):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    shutil.copytree(saved, local_hub.root / "org" / "name")
    local_hub.faults[name] = 500
    cls = model.classifier_cls
    if name == "preprocessor.json":
        cls = model.preprocessor_cls
    with pytest.raises(ConnectionError, match=f"`{name}` of .* downloaded"):
        cls.from_preset("hf://org/name")


@one_model
@pytest.mark.parametrize("fault", ["hang", 404])
def test_head_that_cannot_be_fetched(
    local_hub, saved, model, fault, monkeypatch
):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    timeout = "HF_HUB_ETAG_TIMEOUT"
    monkeypatch.setattr(huggingface_hub.constants, timeout, 0.2)
    folder = shutil.copytree(saved, local_hub.root / "org" / "name")
    if fault == 404:
        (folder / "task.weights.h5").unlink()
    else:
        local_hub.faults["task.weights.h5"] = fault
    error = ValueError if fault == 404 else ConnectionError
    with pytest.raises(error, match="`task.weights.h5`"):
        model.classifier_cls.from_preset("hf://org/name")


@one_model
def test_offline_after_one_use(local_hub, saved, task, model, monkeypatch):
    shutil.copytree(saved, local_hub.root / "org" / "name")
    cls = model.classifier_cls
    cls.from_preset("hf://org/name")
    local_hub.requests.clear()
    cls.from_preset("hf://org/name")
    # All other files are from the commit that this response named.
    assert {name for *_, name in local_hub.requests} == {"config.json"}
    local_hub.stop()
    files._hubs.clear()
    loaded = cls.from_preset("hf://org/name")
    np.testing.assert_array_equal(outputs(loaded), outputs(task))


@pytest.mark.parametrize("name", HUB)
def test_built_in_name_on_the_hub(local_hub, name):
    model, repository = HUB[name]
    (local_hub.root / repository).mkdir(parents=True)
    base = original(model, num_hidden_layers=1)
    save_checkpoint(base, local_hub.root / repository)
    backbone = model.backbone_cls.from_preset(name)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(backbone.token_embedding.embeddings),
        base.embeddings.word_embeddings.weight.detach(),
    )
    tokenizer = model.tokenizer_cls.from_preset(name)
    assert tokenizer.vocabulary == VOCABULARY
    assert {asked for _, asked, _ in local_hub.requests} == {repository}


@pytest.mark.parametrize("name", HUB)
def test_published_size(name):
    model, _ = HUB[name]
    fields = {"vocab_size": 30528}
    if model is MobileBert:
        fields = {"classifier_activation": False}
    config = getattr(transformers, model.original + "Config")(**fields)
    with torch.device("meta"):
        pytorch_model = getattr(transformers, model.original + "Model")(config)
    metadata = model.backbone_cls.presets[name]["metadata"]
    assert metadata["params"] == pytorch_model.num_parameters()


# === Names ===


def test_built_in_names():
    names = {*CARRIED, *HUB}
    for model in MODELS:
        own = {name for name in CARRIED if CARRIED[name] is model}
        own |= {name for name in HUB if HUB[name][0] is model}
        assert set(model.backbone_cls.presets) == own
        assert set(model.classifier_cls.presets) == own
    assert names <= set(keras_hub.models.TextClassifier.presets)
    for model in MODELS:
        for preset in model.backbone_cls.presets.values():
            assert set(preset) == {"metadata", "kaggle_handle"}
            assert preset["metadata"]["description"].endswith(".")


def test_unknown_name(model):
    message = "Did you mean `mobile_bert_en_uncased`.*`squeeze_bert_en_uncased`"
    for cls in (model.backbone_cls, model.classifier_cls, model.tokenizer_cls):
        with pytest.raises(ValueError, match=message) as caught:
            cls.from_preset("mobile_bert_uncased")
        assert str(caught.value).endswith("preset='mobile_bert_uncased'")


@pytest.mark.parametrize("is_wheel", [True, False])
def test_folder_of_presets(tmp_path, monkeypatch, is_wheel):
    package = tmp_path / "keras_squeeze"
    (package / "models").mkdir(parents=True)
    folder = (package if is_wheel else tmp_path) / "presets"
    folder.mkdir()
    file = package / "checkpoints" / "built_in_presets.py"
    monkeypatch.setattr(built_in_presets, "__file__", str(file))
    assert built_in_presets.presets_folder() == folder


# === Weights inside of the package ===


@pytest.fixture
def no_network(monkeypatch):
    def refuse(self, address):
        raise AssertionError(f"{address} was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("name", CARRIED)
def test_tiny_preset(name, no_network):
    cls = CARRIED[name].backbone_cls
    backbone = cls.from_preset(name)
    assert backbone.dtype_policy.name == "float32"
    assert {w.dtype for w in backbone.weights} == {"float32"}
    assert backbone.count_params() <= 5_000_000
    params = cls.presets[name]["metadata"]["params"]
    assert params == backbone.count_params()
    assert backbone.vocabulary_size == 30522
    results = backbone(random_inputs(30522, batch=2, length=9))
    for result in results.values():
        assert np.all(np.isfinite(keras.ops.convert_to_numpy(result)))


@pytest.mark.parametrize("name", TINY)
def test_tiny_preset_makes_a_task(name, no_network, vocabulary):
    task = keras_hub.models.TextClassifier.from_preset(
        name, class_names=["no", "yes"]
    )
    assert type(task) is TINY[name].classifier_cls
    assert task.preprocessor.tokenizer.vocabulary == vocabulary
    assert task.preprocessor.sequence_length == 128
    answer = task.annotate("Call me Ishmael.")
    assert answer["label"] in ("no", "yes")


def test_spam_preset(no_network):
    task = keras_hub.models.TextClassifier.from_preset(SPAM)
    assert type(task) is MobileBert.classifier_cls
    assert {w.dtype for w in task.weights} == {"float32"}
    assert task.class_names == ["ham", "spam"]
    _, (x, y) = sms_spam.load_data()
    # The same number of messages from each class of the test split.
    chosen = np.concatenate([np.flatnonzero(y == i)[:60] for i in (0, 1)])
    answers = task.predict(x[chosen], verbose=0).argmax(axis=-1)
    assert (answers == y[chosen]).mean() > 0.95


@pytest.mark.parametrize("name", READY)
def test_preset_that_is_ready(name, no_network):
    cls = keras_squeeze.models.MobileBertTextClassifier
    if name.endswith("entities"):
        cls = keras_squeeze.models.MobileBertTokenClassifier
    task = cls.from_preset(name)
    texts, expected = zip(*READY[name].items(), strict=True)
    answers = [
        [label["label"] for label in answer]
        if isinstance(answer, list)
        else answer["label"]
        for answer in task.annotate(list(texts))
    ]
    assert answers == list(expected)


@pytest.mark.parametrize("name", READY)
def test_card_of_a_preset_that_is_ready(name):
    folder = built_in_presets.presets_folder() / name
    card = (folder / "README.md").read_text(encoding="utf-8")
    provenance = json.loads((folder / "provenance.json").read_text())
    for name, metric in provenance["metrics"].items():
        value, low, high = (metric[x] for x in ("value", "low", "high"))
        assert low <= value <= high
        assert f"| {name} | {value:.4f} | {low:.4f} to {high:.4f} |" in card
    assert provenance["corpus"].partition(", ")[2] in card
    assert provenance["recipe"] in card and "## Limits" in card


@pytest.mark.parametrize("name", TINY)
def test_card_of_a_tiny_preset(name):
    folder = built_in_presets.presets_folder() / name
    card = (folder / "README.md").read_text(encoding="utf-8")
    provenance = json.loads((folder / "provenance.json").read_text())
    measured = provenance["fine_tuned"]
    medians = [
        ("SST-2, dev | accuracy", measured["SST-2"]["dev_accuracy"]),
        (
            "SST-2, dev, with a teacher | accuracy",
            measured["SST-2 with a teacher"]["dev_accuracy"],
        ),
        (
            "STS-B, dev | Spearman's correlation",
            measured["STS-B"]["dev_spearman"],
        ),
        (
            "STS-B, test | Spearman's correlation",
            measured["STS-B"]["test_spearman"],
        ),
    ]
    for row, values in medians:
        assert f"| {row} | {np.median(values):.4f} |" in card
    assert f"{provenance['parameters']:,} parameters" in card
    assert "CC BY 4.0" in card and "## Limits" in card


@pytest.mark.parametrize("name", CARRIED)
def test_files_of_a_tiny_preset(name):
    folder = built_in_presets.presets_folder() / name
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 12_000_000
    provenance = json.loads((folder / "provenance.json").read_text())
    weights = (folder / "model.weights.h5").read_bytes()
    checksum = hashlib.sha256(weights).hexdigest()
    assert provenance["weights_sha256"] == checksum
    params = CARRIED[name].backbone_cls.presets[name]["metadata"]["params"]
    assert provenance["parameters"] == params
    assert provenance["license"] == "Apache-2.0"
    assert {"corpus", "corpus_sha256", "recipe", "settings"} <= set(provenance)
