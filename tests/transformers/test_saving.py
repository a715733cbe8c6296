"""Tests checkpoints that are exchanged with transformers."""

import io
import json
import pathlib
import types
import zipfile

import h5py
import huggingface_hub
import keras
import numpy as np
import pytest
import torch

import keras_squeeze
from tests.backends import only_on
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import assert_close
from tests.hub import local_hub as local_hub
from tests.task_checks import RUN_EAGERLY
from tests.transformers.faces import TASKS
from tests.transformers.faces import assert_same
from tests.transformers.faces import each_class
from tests.transformers.faces import each_model
from tests.transformers.faces import face
from tests.transformers.faces import for_classes
from tests.transformers.faces import inputs
from tests.transformers.faces import labels
from tests.transformers.faces import name
from tests.transformers.faces import pair
from tests.transformers.faces import run_original
from tests.transformers.faces import saved_original
from tests.transformers.faces import to_numpy
from tests.transformers.faces import transformers_class
from tests.transformers_versions import IS_TRANSFORMERS_4

on_one_backend = only_on(
    "torch",
    reason="files are the same on every backend; none is faster",
)
TEXT = "ForSequenceClassification"
KERAS_FILES = pathlib.Path(__file__).parents[1] / "data" / "keras_files"


def load_theirs(model, task, folder):
    """Load one of our checkpoints with transformers, without warnings."""
    cls = transformers_class(model, task)
    theirs, info = cls.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values())
    return theirs.eval()


@each_class
def test_round_trip(model, task, tmp_path):
    theirs, ours = pair(model, task)
    # transformers keeps the type from the labels of other tests.
    theirs.config.problem_type = None
    ours.save_pretrained(tmp_path)
    again = load_theirs(model, task, tmp_path)
    for key, tensor in theirs.state_dict().items():
        assert torch.equal(again.state_dict()[key], tensor), key
    expected, found = theirs.config.to_dict(), again.config.to_dict()
    expected.pop("_name_or_path"), found.pop("_name_or_path")
    assert found == {**expected, "architectures": [type(theirs).__name__]}
    assert ours.num_parameters() == theirs.num_parameters()
    assert ours.num_parameters(exclude_embeddings=True) == (
        theirs.num_parameters(exclude_embeddings=True)
    )


@for_classes((MobileBert, "ForPreTraining"), (SqueezeBert, "ForMaskedLM"))
def test_round_trip_after_training(model, task, tmp_path):
    _, folder = saved_original(model, task)
    ours = face(model, task, "TF").from_pretrained(folder)
    before = to_numpy(ours.get_input_embeddings().embeddings)
    ours.compile(keras.optimizers.Adam(1e-2), run_eagerly=RUN_EAGERLY)
    ours.train_on_batch({**inputs(task), **labels(task)})
    assert np.abs(to_numpy(before) - before).max() == 0
    after = to_numpy(ours.get_input_embeddings().embeddings)
    assert np.abs(after - before).max() > 1e-3
    ours.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["architectures"] == [model.original + task]
    theirs = load_theirs(model, task, tmp_path)
    arguments = {**inputs(task), **labels(task)}
    assert_same(ours(**arguments), run_original(theirs, **arguments))


@on_one_backend
@pytest.mark.filterwarnings("ignore:Some weights")
@pytest.mark.parametrize("task", TASKS["MobileBert"])
@pytest.mark.parametrize("of", ["ForPreTraining", "ForTokenClassification"])
def test_loading_info(of, task, model=MobileBert):
    _, folder = saved_original(model, of)
    options = {
        "num_labels": 2,
        "output_loading_info": True,
        "ignore_mismatched_sizes": True,
    }
    ours, info = face(model, task).from_pretrained(folder, **options)
    theirs, expected = transformers_class(model, task).from_pretrained(
        folder, **options
    )
    if IS_TRANSFORMERS_4:
        # Later versions have different fields.
        assert ours.config.to_dict() == theirs.config.to_dict() | {
            "architectures": ours.config.architectures
        }
    # transformers names tied weights twice. Ours also keeps the pooler where
    # transformers has none.
    missing = set(expected["missing_keys"]) - {"cls.predictions.decoder.bias"}
    unexpected = {k for k in expected["unexpected_keys"] if "pooler" not in k}
    assert set(info["missing_keys"]) == missing
    assert set(info["unexpected_keys"]) == unexpected
    # The TensorFlow classes also return the shapes.
    assert {key for key, _, _ in info["mismatched_keys"]} == {
        # Later versions also return the shapes.
        key if isinstance(key, str) else key[0]
        for key in expected["mismatched_keys"]
    }
    for key, found, wanted in info["mismatched_keys"]:
        assert (found[0], wanted) == (4, tuple(theirs.state_dict()[key].shape))


@on_one_backend
def test_weights_of_other_shapes():
    _, folder = saved_original(MobileBert, TEXT)
    cls = face(MobileBert, TEXT)
    with pytest.raises(ValueError, match="classifier.weight"):
        cls.from_pretrained(folder, num_labels=5)
    with pytest.warns(UserWarning, match="classifier.weight"):
        ours = cls.from_pretrained(
            folder, num_labels=5, ignore_mismatched_sizes=True
        )
    assert ours(ours.dummy_inputs).logits.shape == (1, 5)


@on_one_backend
@each_model
def test_shards(model, tmp_path):
    task = "ForMaskedLM"
    theirs, ours = pair(model, task)
    theirs.save_pretrained(tmp_path / "theirs", max_shard_size="20KB")
    ours.save_pretrained(tmp_path / "ours")
    ours.save_pretrained(tmp_path / "ours", max_shard_size="20KB")
    index = json.loads(
        (tmp_path / "ours" / "model.safetensors.index.json").read_text()
    )
    files = {path.name for path in (tmp_path / "ours").iterdir()}
    assert files == {
        "config.json",
        "model.safetensors.index.json",
        *index["weight_map"].values(),
    }
    arrays = inputs(task)
    expected = run_original(theirs, **arrays)
    again = load_theirs(model, task, tmp_path / "ours")
    assert_same(run_original(again, **arrays), expected)
    ours = face(model, task).from_pretrained(tmp_path / "theirs")
    assert_same(ours(**arrays), expected)
    ours.save_pretrained(tmp_path / "theirs")
    files = {path.name for path in (tmp_path / "theirs").iterdir()}
    assert "model.safetensors" in files
    assert not any("-of-" in file or "index" in file for file in files)


@on_one_backend
def test_failing_to_save_leaves_what_there_is(tmp_path, monkeypatch):
    _, ours = pair(MobileBert, TEXT)
    ours.save_pretrained(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def fail(*args):
        raise OSError("The disk is full.")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="full"):
        ours.save_pretrained(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@on_one_backend
def test_failing_to_save_the_last_file(tmp_path, monkeypatch):
    # The weights are changed below.
    _, folder = saved_original(MobileBert, TEXT)
    ours = face(MobileBert, TEXT).from_pretrained(folder)
    ours.save_pretrained(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def fail(self, contents, *args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.write_text", fail)
    ours.set_weights([weights + 1 for weights in ours.get_weights()])
    with pytest.raises(KeyboardInterrupt):
        ours.save_pretrained(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@on_one_backend
def test_from_the_hub(local_hub, tmp_path):
    theirs, _ = pair(MobileBert, TEXT)
    folder = local_hub.root / "org" / "name"
    theirs.save_pretrained(folder / "inner", safe_serialization=False)
    cls = face(MobileBert, TEXT)
    where = {"subfolder": "inner", "cache_dir": tmp_path / "cache"}
    arrays = inputs(TEXT)
    expected = run_original(theirs, **arrays)
    ours = cls.from_pretrained(
        "org/name", revision="main", from_pt=True, **where
    )
    assert_same(ours(**arrays), expected)
    with pytest.raises(OSError, match="org/other"):
        cls.from_pretrained("org/other", **where)
    local_hub.stop()
    ours = cls.from_pretrained("org/name", local_files_only=True, **where)
    assert_same(ours(**arrays), expected)


@on_one_backend
def test_configuration_is_passed():
    theirs, folder = saved_original(MobileBert, TEXT)
    cls = face(MobileBert, TEXT)
    config = cls.config_class.from_pretrained(
        folder, id2label={0: "a", 1: "b", 2: "c"}
    )
    for given in (config, str(folder)):
        ours = cls.from_pretrained(folder, config=given)
        arrays = inputs(TEXT)
        assert_same(ours(**arrays), run_original(theirs, **arrays))
    ours = cls.from_pretrained(
        folder, id2label={0: "a", 1: "b", 2: "c"}, output_attentions=True
    )
    assert ours.config.id2label == {0: "a", 1: "b", 2: "c"}
    assert ours.task.class_names == ["a", "b", "c"]
    assert ours(**arrays).attentions is not None
    assert ours.config.name_or_path == str(folder)


@on_one_backend
@pytest.mark.parametrize("dtype", ["float16", torch.float16])
def test_dtype(dtype):
    _, folder = saved_original(MobileBert, TEXT)
    ours = face(MobileBert, TEXT).from_pretrained(folder, torch_dtype=dtype)
    logits = ours(**inputs(TEXT)).logits
    assert keras.backend.standardize_dtype(logits.dtype) == "float16"


@on_one_backend
@pytest.mark.filterwarnings("ignore:Some weights")
@pytest.mark.parametrize(
    ("model", "preset"),
    [
        (MobileBert, "mobile_bert_tiny_en_uncased"),
        (SqueezeBert, "squeeze_bert_tiny_en_uncased"),
    ],
    ids=name,
)
def test_built_in_preset(model, preset, tmp_path):
    ours, info = face(model, TEXT).from_pretrained(
        preset, num_labels=3, output_loading_info=True
    )
    assert info["missing_keys"] == ["classifier.weight", "classifier.bias"]
    ids = np.array([[101, 7592, 2088, 102]])
    backbone = model.backbone_cls.from_preset(preset)
    expected = backbone.encode(token_ids=ids)["pooled_output"]
    base = face(model, "Model").from_task(ours.task)
    assert_close(to_numpy(base(ids).pooler_output), to_numpy(expected))
    ours.save_pretrained(tmp_path)
    theirs = load_theirs(model, TEXT, tmp_path)
    assert_same(ours(ids), run_original(theirs, input_ids=ids))


@on_one_backend
def test_preset_of_a_task(tmp_path):
    _, ours = pair(SqueezeBert, TEXT)
    task = type(ours.task)(ours.backbone, class_names=["a", "b", "c"])
    task.save_to_preset(tmp_path)
    loaded, info = face(SqueezeBert, TEXT).from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not any(info.values())
    assert loaded.config.label2id == {"a": 0, "b": 1, "c": 2}
    arrays = inputs(TEXT)
    shared = face(SqueezeBert, TEXT).from_task(task)
    assert shared.config.id2label == loaded.config.id2label
    expected = to_numpy(shared(**arrays).logits)
    assert_close(to_numpy(loaded(**arrays).logits), expected)


@on_one_backend
@pytest.mark.parametrize(
    ("task", "changes", "num_built"),
    [
        (TEXT, {}, 1),
        (TEXT, {"hidden_dropout_prob": 0.3}, 2),
        (TEXT, {"dtype": "bfloat16"}, 2),
        ("ForMaskedLM", {}, 1),
        ("Model", {}, 1),
    ],
    ids=str,
)
def test_preset_is_loaded_into_the_model(
    task, changes, num_built, tmp_path, monkeypatch
):
    """A second model is built only to read weights of other settings."""
    _, saved = pair(SqueezeBert, TEXT)
    saved = type(saved.task)(saved.backbone, num_classes=3, dropout=0.2)
    saved.save_to_preset(tmp_path)
    built, encode = [], SqueezeBert.backbone_cls.encode

    # A backbone is encoded once to build it.
    def count(self, *args, **kwargs):
        built.append(self)
        return encode(self, *args, **kwargs)

    monkeypatch.setattr(SqueezeBert.backbone_cls, "encode", count)
    ours = face(SqueezeBert, task).from_pretrained(tmp_path, **changes)
    assert len(built) == num_built
    assert ours.backbone.dropout == changes.get("hidden_dropout_prob", 0.0)
    table = ours.architecture().weight_table
    is_restored = task == TEXT
    expected = table.state_dict(saved.backbone, saved if is_restored else None)
    found = table.state_dict(ours.backbone, ours.task if is_restored else None)
    assert expected.keys() == found.keys()
    for key, value in expected.items():
        value = value.astype(ours.variable_dtype)
        np.testing.assert_array_equal(found[key], value, err_msg=key)
    if is_restored:
        assert ours.task.dropout == 0.2


@on_one_backend
def test_preset_does_not_fix_the_seed(tmp_path):
    _, ours = pair(SqueezeBert, TEXT)
    task = type(ours.task)(ours.backbone, num_classes=3, dropout=0.5)
    task.save_to_preset(tmp_path)
    arrays = inputs(TEXT)

    def outputs(seed):
        keras.utils.set_random_seed(seed)
        loaded = face(SqueezeBert, TEXT).from_pretrained(tmp_path)
        return to_numpy(loaded(**arrays, training=True).logits)

    np.testing.assert_array_equal(outputs(1), outputs(1))
    assert np.any(outputs(1) != outputs(2))


@on_one_backend
def test_preset_of_a_task_on_the_hub(local_hub, tmp_path):
    _, ours = pair(SqueezeBert, TEXT)
    task = type(ours.task)(ours.backbone, class_names=["a", "b", "c"])
    task.save_to_preset(local_hub.root / "org" / "name" / "part")
    loaded, info = face(SqueezeBert, TEXT).from_pretrained(
        "org/name",
        subfolder="part",
        cache_dir=tmp_path,
        output_loading_info=True,
    )
    assert not any(info.values())
    assert [path.name for path in tmp_path.glob("models--*")] == [
        "models--org--name"
    ]
    arrays = inputs(TEXT)
    shared = face(SqueezeBert, TEXT).from_task(task)
    expected = to_numpy(shared(**arrays).logits)
    assert_close(to_numpy(loaded(**arrays).logits), expected)
    assert not any(
        pathlib.Path(local_hub.environment["HF_HUB_CACHE"]).glob("models--*")
    )


@on_one_backend
def test_errors(tmp_path):
    _, ours = pair(MobileBert, TEXT)
    cls = type(ours)
    with pytest.raises(OSError, match="config.json"):
        cls.from_pretrained(tmp_path)
    ours.config.save_pretrained(tmp_path)
    with pytest.raises(OSError, match="no weights"):
        cls.from_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(OSError, match="safetensors"):
        cls.from_pretrained(tmp_path)
    with pytest.raises(AssertionError, match="`save_directory`"):
        ours.save_pretrained(tmp_path / "config.json")
    with pytest.raises(ValueError, match="`safe_serialization`"):
        ours.save_pretrained(tmp_path / "new", safe_serialization=False)
    for name_ in ("saved_model", "variant"):
        with pytest.raises(NotImplementedError, match=f"`{name_}` is not"):
            ours.save_pretrained(tmp_path / "new", **{name_: "fp16"})
    assert not (tmp_path / "new").exists()
    with pytest.raises(NotImplementedError, match="a folder of their own"):
        cls.from_pretrained(tmp_path, variant="fp16")
    with pytest.raises(ValueError, match="vocab_size"):
        ours.set_input_embeddings(np.ones((3, 2)))


@pytest.mark.parametrize(
    ("model", "size"),
    [(MobileBert, 57), (MobileBert, 64), (SqueezeBert, 64)],
    ids=name,
)
def test_resizing(model, size, tmp_path):
    task = "ForMaskedLM"
    theirs, folder = saved_original(model, task)
    theirs = transformers_class(model, task).from_pretrained(folder).eval()
    ours = face(model, task).from_pretrained(folder)
    arrays = inputs(task)
    arrays["input_ids"] %= 57
    before = to_numpy(ours(**arrays).logits)
    assert ours.resize_token_embeddings() is ours.get_input_embeddings()
    assert ours.config.vocab_size == 60
    layer = ours.resize_token_embeddings(size)
    theirs.resize_token_embeddings(size)
    assert layer is ours.get_input_embeddings() is ours.get_output_embeddings()
    assert layer.embeddings.shape[0] == size == ours.config.vocab_size
    assert ours.num_parameters() == theirs.num_parameters()
    found = to_numpy(ours(**arrays).logits)
    kept = min(size, 60)
    assert found.shape[-1] == size
    assert_close(found[..., :kept], before[..., :kept])
    # In transformers, new embeddings are random and close to the mean.
    expected = to_numpy(run_original(theirs, **arrays).logits)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    ours.save_pretrained(tmp_path)
    again = load_theirs(model, task, tmp_path)
    assert_same(ours(**arrays), run_original(again, **arrays))
    ours.compile(run_eagerly=RUN_EAGERLY)
    ours.train_on_batch({**arrays, "labels": arrays["input_ids"]})
    assert np.abs(to_numpy(ours(**arrays).logits) - found).max() > 1e-5


def test_resizing_with_random_rows():
    ours = face(SqueezeBert, "Model").from_pretrained(
        saved_original(SqueezeBert, "Model")[1]
    )
    ours.resize_token_embeddings(61, pad_to_multiple_of=32, mean_resizing=False)
    rows = to_numpy(ours.get_input_embeddings().embeddings)
    assert rows.shape[0] == 64
    assert 0.01 < rows[60:].std() < 0.03


@on_one_backend
def test_embeddings():
    ours = face(MobileBert, "ForMaskedLM").from_pretrained(
        saved_original(MobileBert, "ForMaskedLM")[1]
    )
    rows = np.random.default_rng(0).normal(size=(62, 12)).astype("float32")
    ours.set_input_embeddings(rows)
    embedded = ours.get_input_embeddings()(np.array([[61]]))
    assert_close(to_numpy(embedded)[0, 0], rows[61])
    assert ours(ours.dummy_inputs).logits.shape[-1] == 62
    ours.set_output_embeddings(rows[:60])
    assert ours.get_bias()["bias"].shape == (60,)
    ours.set_bias({"bias": rows[:60, 0]})
    assert_close(to_numpy(ours.get_bias()["bias"]), rows[:60, 0])
    _, other = pair(MobileBert, TEXT)
    assert other.get_output_embeddings() is None and other.get_bias() is None
    with pytest.raises(ValueError, match="no language modeling head"):
        other.set_bias({"bias": rows[:60, 0]})


def test_parameters_that_are_trained():
    _, folder = saved_original(MobileBert, TEXT)
    ours = face(MobileBert, TEXT).from_pretrained(folder)
    theirs = transformers_class(MobileBert, TEXT).from_pretrained(folder)
    ours.mobilebert.trainable = False
    for parameter in theirs.mobilebert.parameters():
        parameter.requires_grad = False
    assert ours.num_parameters(only_trainable=True) == (
        theirs.num_parameters(only_trainable=True)
    )
    ours.mobilebert.trainable = True


@on_one_backend
def test_push_to_hub(monkeypatch):
    _, ours = pair(MobileBert, TEXT)
    calls = {}

    def create_repo(repo_id, **kwargs):
        calls["create"] = repo_id, kwargs
        return types.SimpleNamespace(repo_id=f"me/{repo_id}")

    def upload_folder(folder_path, **kwargs):
        calls["upload"] = kwargs
        theirs = load_theirs(MobileBert, TEXT, folder_path)
        arrays = inputs(TEXT)
        assert_same(ours(**arrays), run_original(theirs, **arrays))
        return "done"

    monkeypatch.setattr(huggingface_hub, "create_repo", create_repo)
    monkeypatch.setattr(huggingface_hub, "upload_folder", upload_folder)
    assert ours.push_to_hub("name", private=True, commit_message="A") == "done"
    assert calls["create"][0] == "name"
    assert calls["create"][1]["private"] is True
    assert calls["upload"]["repo_id"] == "me/name"
    assert calls["upload"]["commit_message"] == "A"


@for_classes((MobileBert, "ForPreTraining"), (SqueezeBert, "Model"))
def test_keras_file(model, task, tmp_path):
    theirs, ours = pair(model, task)
    ours.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is face(model, task)
    assert loaded.config == ours.config and loaded.name == ours.name
    arrays = inputs(task)
    assert_same(loaded(**arrays), run_original(theirs, **arrays))
    assert type(ours).from_config(ours.config).config == ours.config


@only_on(
    "torch", reason="the files were written on PyTorch, with its class of Adam"
)
@pytest.mark.parametrize(
    ("file", "labels_", "expected"),
    [
        (
            "mobile_bert_for_sequence_classification",
            [2, 0],
            [0.6942464113235474, 0.6619102358818054],
        ),
        (
            "squeeze_bert_for_masked_lm",
            [[2, 5, 6, 3], [2, 9, 3, 0]],
            [2.7177481651306152, 2.618300199508667],
        ),
    ],
)
def test_keras_file_of_an_older_version(file, labels_, expected):
    """The answers are those from when it was written, with Adam's state."""
    loaded = keras.saving.load_model(KERAS_FILES / f"{file}.keras")
    batch = {
        "input_ids": np.array([[2, 5, 6, 3], [2, 9, 3, 0]]),
        "labels": np.array(labels_),
    }
    found = [float(loaded.train_on_batch(batch)) for _ in range(2)]
    assert found == pytest.approx(expected, rel=1e-5)


@on_one_backend
def test_layout_of_keras_files(tmp_path):
    """The layout is unchanged, so older versions can read new files."""
    path = KERAS_FILES / "mobile_bert_for_sequence_classification.keras"
    keras.saving.load_model(path).save(tmp_path / "model.keras")
    layouts = []
    for file in (path, tmp_path / "model.keras"):
        with zipfile.ZipFile(file) as archive:
            contents = io.BytesIO(archive.read("model.weights.h5"))
        names = []
        with h5py.File(contents) as weights:
            weights.visit(names.append)
        layouts.append(names)
    assert layouts[0] == layouts[1]


def test_untied_weights_are_refused():
    cls = keras_squeeze.MobileBertForMaskedLM
    config = cls.config_class.from_dict(
        MobileBert.config(tie_word_embeddings=False).to_dict()
    )
    with pytest.raises(ValueError, match="`tie_word_embeddings`"):
        cls(config)
