import os
import pathlib
import subprocess
import sys
import time

import huggingface_hub
import keras
import numpy as np
import pytest
import safetensors.numpy

from keras_squeeze.checkpoints.files import get_file
from keras_squeeze.checkpoints.state_dict import open_state_dict
from tests.hub import local_hub as local_hub

HANDLE = "hf://org/name"


@pytest.fixture
def repository(local_hub):
    folder = local_hub.root / "org" / "name"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def no_waiting(monkeypatch):
    """Between the attempts to reach a hub."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def test_local_folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    path = get_file(str(tmp_path), "config.json")
    assert pathlib.Path(path) == tmp_path / "config.json"
    with pytest.raises(FileNotFoundError, match="`vocab.txt` doesn't exist"):
        get_file(str(tmp_path), "vocab.txt")


def test_local_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def refuse(preset, path):
        raise PermissionError("Permission denied")

    monkeypatch.setattr("keras_squeeze.keras_hub_seam.get_file", refuse)
    with pytest.raises(PermissionError):
        get_file(str(tmp_path), "config.json")


def test_unknown_preset():
    with pytest.raises(ValueError, match="Unknown preset"):
        get_file("mobile_bert_of_nobody", "config.json")
    with pytest.raises(ValueError, match="must be a string"):
        get_file(3, "config.json")


def test_fetches_once(local_hub, repository):
    for _ in range(2):
        path = pathlib.Path(get_file(HANDLE, "config.json"))
        assert path.read_text() == "{}"
    requests = [("HEAD", "org/name", "config.json")]
    requests.append(("GET", "org/name", "config.json"))
    requests.append(("HEAD", "org/name", "config.json"))
    assert local_hub.requests == requests


def test_fetches_only_what_is_needed(local_hub, repository):
    for i in range(2):
        safetensors.numpy.save_file(
            {f"{i}": np.full(2, i, "float32")},
            repository / f"{i}.safetensors",
        )
    (repository / "model.safetensors.index.json").write_text(
        '{"weight_map": {"0": "0.safetensors", "1": "1.safetensors"}}'
    )
    (repository / "pytorch_model.bin").write_bytes(b"not wanted")
    state_dict = open_state_dict(HANDLE)
    assert {name: value[0] for name, value in state_dict.items()} == {
        "0": 0,
        "1": 1,
    }
    fetched = [file for kind, _, file in local_hub.requests if kind == "GET"]
    assert fetched == [
        "model.safetensors.index.json",
        "0.safetensors",
        "1.safetensors",
    ]


def test_missing_file(local_hub, repository):
    with pytest.raises(FileNotFoundError, match="`vocab.txt` doesn't exist"):
        get_file(HANDLE, "vocab.txt")


def test_missing_repository(local_hub):
    with pytest.raises(ValueError, match="must be a repository that exists"):
        get_file(HANDLE, "config.json")


def test_gated_repository(local_hub, repository):
    local_hub.gated.add("org/name")
    with pytest.raises(ValueError, match="ask for access"):
        get_file(HANDLE, "config.json")


def test_malformed_handle(local_hub):
    with pytest.raises(ValueError, match="should have the form"):
        get_file("hf://a/b/c/d", "config.json")
    assert local_hub.requests == []


def test_unreachable_hub(local_hub, repository, no_waiting):
    get_file(HANDLE, "config.json")
    with pytest.raises(FileNotFoundError):
        get_file(HANDLE, "vocab.txt")
    local_hub.stop()
    # What is known stays known.
    assert os.path.exists(get_file(HANDLE, "config.json"))
    with pytest.raises(FileNotFoundError):
        get_file(HANDLE, "vocab.txt")
    with pytest.raises(ConnectionError, match="`tokenizer.json` of .* reached"):
        get_file(HANDLE, "tokenizer.json")
    with pytest.raises(ConnectionError, match="cannot be reached"):
        get_file("hf://org/other", "config.json")


def test_weights_of_an_unreachable_hub(local_hub, repository, no_waiting):
    # Files that are preferred are known not to exist.
    weights = np.arange(3, dtype="float32")
    safetensors.numpy.save_file({"a": weights}, repository / "0.safetensors")
    (repository / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "0.safetensors"}}'
    )
    open_state_dict(HANDLE)
    local_hub.stop()
    np.testing.assert_array_equal(open_state_dict(HANDLE)["a"], weights)


def test_download_that_breaks_off(local_hub, repository, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("Consistency check failed\n\nwith some details")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(OSError, match="cannot be fetched: .* failed$"):
        get_file(HANDLE, "config.json")


@pytest.mark.skipif(
    keras.config.backend() != "torch",
    reason="files are fetched in the same way on every backend",
)
def test_endpoint_of_a_child_process(local_hub, repository):
    code = (
        "from keras_squeeze.checkpoints.files import get_file\n"
        f"print(open(get_file({HANDLE!r}, 'config.json')).read())"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **local_hub.environment},
        check=True,
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() == "{}"
