"""Tests against the transformers classes that wrote the files."""

import json
import os
import pathlib
import shutil
import tracemalloc

import h5py
import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
import transformers

from keras_squeeze.checkpoints.state_dict import open_state_dict
from tests.model_oracle import mobile_bert_config
from tests.model_oracle import randomized
from tests.transformers_versions import needs_transformers_4

# The same model, saved from TensorFlow and from PyTorch.
TF_MOBILE_BERT = pathlib.Path(__file__).parents[1] / "data" / "tf_mobile_bert"
FORMATS = {
    "model.safetensors": {},
    "model.safetensors.index.json": {"max_shard_size": "20KB"},
    "pytorch_model.bin": {"safe_serialization": False},
    "pytorch_model.bin.index.json": {
        "safe_serialization": False,
        "max_shard_size": "20KB",
    },
}


@pytest.fixture(scope="module")
def model():
    config = mobile_bert_config(
        num_hidden_layers=1,
        num_feedforward_networks=2,
        max_position_embeddings=16,
    )
    return randomized(transformers.MobileBertForPreTraining, config)


def write_safetensors(folder, tensors, name="model.safetensors"):
    safetensors.torch.save_file(tensors, os.path.join(folder, name))


writes_every_format = needs_transformers_4("a writer of pickles")


@pytest.mark.parametrize(
    "name",
    [
        name
        if "safetensors" in name
        else pytest.param(name, marks=writes_every_format)
        for name in FORMATS
    ],
)
def test_files_of_transformers(tmp_path, model, name):
    model.save_pretrained(tmp_path, **FORMATS[name])
    assert (tmp_path / name).exists()
    expected = model.state_dict()
    if "safetensors" in name:
        # They are tied, and only this format omits them.
        del expected["cls.predictions.decoder.weight"]
        del expected["cls.predictions.decoder.bias"]
    state_dict = open_state_dict(str(tmp_path))
    assert len(state_dict) == len(expected)
    assert set(state_dict) == set(expected)
    for key, tensor in expected.items():
        assert key in state_dict
        assert state_dict.shape(key) == tuple(tensor.shape)
        np.testing.assert_array_equal(state_dict[key], tensor.numpy())


@pytest.mark.parametrize("format", ["h5", "safetensors"])
def test_files_of_tensorflow(format):
    state_dict = open_state_dict(str(TF_MOBILE_BERT / format))
    expected = safetensors.numpy.load_file(
        TF_MOBILE_BERT / "pytorch" / "model.safetensors"
    )
    # TensorFlow only has one bias, that of the head.
    expected.pop("cls.predictions.decoder.bias", None)
    assert set(state_dict) == set(expected)
    for key, tensor in expected.items():
        assert state_dict.shape(key) == tensor.shape
        np.testing.assert_array_equal(state_dict[key], tensor)


@writes_every_format
def test_order_of_the_formats(tmp_path, model):
    for value, (name, kwargs) in enumerate(FORMATS.items()):
        torch.nn.init.constant_(model.cls.seq_relationship.bias, value)
        model.save_pretrained(tmp_path / name, **kwargs)
    everything = tmp_path / "everything"
    shutil.copytree(TF_MOBILE_BERT / "h5", everything)
    # From the last choice to the first.
    for value, name in reversed(list(enumerate(FORMATS))):
        bias = open_state_dict(str(everything))["cls.seq_relationship.bias"]
        assert not np.all(bias == value)
        shutil.copytree(tmp_path / name, everything, dirs_exist_ok=True)
        bias = open_state_dict(str(everything))["cls.seq_relationship.bias"]
        np.testing.assert_array_equal(bias, [value, value])


def test_legacy_names(tmp_path):
    tensors = {
        "bert.embeddings.position_ids": torch.arange(4),
        "bert.embeddings.LayerNorm.gamma": torch.ones(3),
        "bert.embeddings.LayerNorm.beta": torch.zeros(3),
        "bert.gamma.layernorm.gamma": torch.full((3,), 2.0),
        "bert.mixing.gamma": torch.full((3,), 3.0),
        "gamma": torch.full((3,), 4.0),
    }
    write_safetensors(tmp_path, tensors)
    state_dict = open_state_dict(str(tmp_path))
    assert {name: value[0] for name, value in state_dict.items()} == {
        "bert.embeddings.LayerNorm.weight": 1,
        "bert.embeddings.LayerNorm.bias": 0,
        "bert.gamma.layernorm.weight": 2,
        "bert.mixing.gamma": 3,
        "gamma": 4,
    }


def test_two_tensors_of_one_name(tmp_path):
    names = ("a.LayerNorm.gamma", "a.LayerNorm.weight")
    write_safetensors(tmp_path, {name: torch.ones(3) for name in names})
    with pytest.raises(ValueError, match="`a.LayerNorm.weight` twice"):
        open_state_dict(str(tmp_path))


def test_unknown_name(tmp_path):
    write_safetensors(tmp_path, {"a": torch.ones(3)})
    state_dict = open_state_dict(str(tmp_path))
    assert "b" not in state_dict
    assert state_dict.get("b") is None
    with pytest.raises(KeyError):
        state_dict["b"]
    with pytest.raises(KeyError):
        state_dict.shape("b")


def test_types(tmp_path):
    tensors = {
        "float32": torch.randn(2, 3),
        "float16": torch.randn(2, 3).half(),
        "bfloat16": torch.randn(2, 3).bfloat16(),
        "scalar": torch.tensor(3.0).bfloat16(),
        "int64": torch.arange(3),
        "float8": torch.zeros(3).to(torch.float8_e4m3fn),
    }
    write_safetensors(tmp_path, tensors)
    state_dict = open_state_dict(str(tmp_path))
    with pytest.raises(ValueError, match="`float8` .* dtype F8_E4M3"):
        state_dict["float8"]
    del tensors["float8"]
    for name, tensor in tensors.items():
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.float()
        assert state_dict[name].dtype == tensor.numpy().dtype
        np.testing.assert_array_equal(state_dict[name], tensor.numpy())


@pytest.mark.parametrize("format", ["safetensors", "bin", "h5"])
def test_memory_is_that_of_one_tensor(tmp_path, format):
    size = 2**18
    tensors = {f"{i}.weight": torch.full((size,), float(i)) for i in range(8)}
    if format == "safetensors":
        write_safetensors(tmp_path, tensors)
    elif format == "bin":
        torch.save(tensors, tmp_path / "pytorch_model.bin")
    else:
        with h5py.File(tmp_path / "tf_model.h5", "w") as file:
            file.attrs["layer_names"] = ["layer"]
            for i, tensor in enumerate(tensors.values()):
                file[f"layer/model/{i}/weight:0"] = tensor.numpy()
    tracemalloc.start()
    try:
        state_dict = open_state_dict(str(tmp_path))
        for name in tensors:
            assert name in state_dict
            assert state_dict.shape(name) == (size,)
        _, before = tracemalloc.get_traced_memory()
        for i, name in enumerate(tensors):
            assert state_dict[name][-1] == i
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert before < 4 * size
    assert peak < 3 * 4 * size


def test_no_weights(tmp_path):
    with pytest.raises(FileNotFoundError, match="`pytorch_model.bin`"):
        open_state_dict(str(tmp_path))


@pytest.mark.parametrize(
    "name", [*FORMATS, "tf_model.h5", "model.safetensors.index.json"]
)
@pytest.mark.parametrize(
    "contents, message",
    [
        (b"", "is empty"),
        (
            b"version https://git-lfs.github.com/spec/v1\n"
            b"oid sha256:4d7a214614ab2935c943f9e0ff69d22e\nsize 12345\n",
            "git-lfs pointer",
        ),
        (b"<!DOCTYPE html>\n<html><body>Not found</body></html>", "HTML page"),
        (b"\n<html><body>Not found</body></html>", "HTML page"),
        (bytes(range(100, 200)), "Cannot read|is not an index"),
    ],
)
def test_something_else(tmp_path, name, contents, message):
    path = tmp_path / name
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=message) as error:
        open_state_dict(str(tmp_path))
    assert str(path) in str(error.value)


@pytest.mark.parametrize("format", ["safetensors", "h5"])
def test_cut_off(tmp_path, format):
    name = {"safetensors": "model.safetensors", "h5": "tf_model.h5"}[format]
    contents = (TF_MOBILE_BERT / format / name).read_bytes()
    path = tmp_path / name
    for size in [*range(1, len(contents), 1009), len(contents) - 1]:
        path.write_bytes(contents[:size])
        with pytest.raises(ValueError) as error:
            open_state_dict(str(tmp_path))
        assert str(path) in str(error.value)


@pytest.fixture
def shards(tmp_path):
    """A function that writes two shards and a given index."""
    write_safetensors(tmp_path, {"a": torch.ones(1)}, "1.safetensors")
    write_safetensors(tmp_path, {"b": torch.ones(1)}, "2.safetensors")

    def write_index(index):
        path = tmp_path / "model.safetensors.index.json"
        path.write_text(json.dumps(index))
        return str(tmp_path)

    return write_index


def test_shards(shards):
    index = {"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}}
    assert set(open_state_dict(shards(index))) == {"a", "b"}


@pytest.mark.parametrize(
    "index, message",
    [
        ({"c": "1.safetensors"}, "tensor `c`, .* in its shard .1.safetensors"),
        ({"b": "1.safetensors"}, "tensor `b`, .* in its shard .1.safetensors"),
        ({"a": "3.safetensors"}, "shard `3.safetensors`, which is missing"),
        ({"a": "../1.safetensors"}, "the same folder"),
        ({"a": "/etc/passwd"}, "the same folder"),
        ({"a": "..\\1.safetensors"}, "the same folder"),
        ({"a": ".."}, "the same folder"),
        ({"a": ""}, "the same folder"),
        ({"a": 1}, "the same folder"),
        ({"a": ["1.safetensors"]}, "the same folder"),
        ({"a": "model.safetensors.index.json"}, "the same folder"),
        ([], "is not an index"),
        (["a"], "is not an index"),
        (None, "is not an index"),
        ("a", "is not an index"),
    ],
)
def test_indices(shards, index, message):
    with pytest.raises(ValueError, match=message):
        open_state_dict(shards({"weight_map": index}))


@pytest.mark.parametrize("index", [{}, [], None, 1])
def test_files_that_are_no_index(shards, index):
    with pytest.raises(ValueError, match="is not an index of shards"):
        open_state_dict(shards(index))


def test_h5_of_something_else(tmp_path):
    with h5py.File(tmp_path / "tf_model.h5", "w") as file:
        file["layers/dense/vars/0"] = np.zeros(3)
    with pytest.raises(ValueError, match="`layer_names` is missing"):
        open_state_dict(str(tmp_path))


def test_h5_without_the_data(tmp_path):
    with h5py.File(tmp_path / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = ["a"]
        group = file.create_group("a/b")
        group.create_dataset("c:0", (2**40,), "f4", chunks=(2**20,))
    with pytest.raises(ValueError, match="does not contain that much data"):
        open_state_dict(str(tmp_path))


def test_h5_reads_no_other_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(12)))
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret:0"] = np.zeros(3)

    def external(group):
        group.create_dataset("a:0", (3,), "f4", external=[(str(secret), 0, 12)])

    def virtual(group):
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource(
            str(tmp_path / "other.h5"), "secret:0", (3,)
        )
        group.create_virtual_dataset("a:0", layout)

    def text(group):
        group["a:0"] = ["text"]

    def link(group):
        group["a:0"] = h5py.ExternalLink(tmp_path / "other.h5", "secret:0")

    for write in (external, virtual, text):
        with h5py.File(tmp_path / "tf_model.h5", "w") as file:
            file.attrs["layer_names"] = ["layer"]
            write(file.create_group("layer/model/layer"))
        with pytest.raises(ValueError, match="layer/model/layer/a:0"):
            open_state_dict(str(tmp_path))
    with h5py.File(tmp_path / "tf_model.h5", "w") as file:
        file.attrs["layer_names"] = ["layer"]
        link(file.create_group("layer/model/layer"))
    assert list(open_state_dict(str(tmp_path))) == []
