import os
import pathlib
import time

import huggingface_hub
import numpy as np
import pytest
import safetensors.numpy

from keras_squeeze.checkpoints import files
from keras_squeeze.checkpoints.files import get_file
from keras_squeeze.checkpoints.files import load_json
from keras_squeeze.checkpoints.state_dict import open_state_dict
from tests.backends import only_on
from tests.hub import local_hub as local_hub
from tests.processes import run_python

HANDLE = "hf://org/name"


@pytest.fixture
def repository(local_hub):
    folder = local_hub.root / "org" / "name"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def no_waiting(monkeypatch):
    """Do not wait between attempts to reach a hub."""
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
    # The hub is only checked once.
    requests = [("HEAD", "org/name", "config.json")] * 2
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
    with pytest.raises(ValueError, match="must be an existing repository"):
        get_file(HANDLE, "config.json")


def test_gated_repository(local_hub, repository):
    local_hub.gated.add("org/name")
    with pytest.raises(ValueError, match="request access"):
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
    # Known files can still be found.
    assert os.path.exists(get_file(HANDLE, "config.json"))
    with pytest.raises(FileNotFoundError):
        get_file(HANDLE, "vocab.txt")
    with pytest.raises(ConnectionError, match="`tokenizer.json` of .* reached"):
        get_file(HANDLE, "tokenizer.json")
    with pytest.raises(ConnectionError, match="cannot be reached"):
        get_file("hf://org/other", "config.json")


@pytest.fixture
def count_of_attempts(monkeypatch):
    """Limit the attempts of the library, each of which takes long."""
    calls = []
    download = huggingface_hub.hf_hub_download

    def count(*args, **kwargs):
        if not kwargs.get("local_files_only"):
            calls.append(args)
        return download(*args, **kwargs)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", count)
    return calls


@pytest.mark.parametrize("fault", ["gone", "hang", 503])
def test_hub_that_is_gone_is_asked_once(
    local_hub, repository, count_of_attempts, monkeypatch, fault
):
    names = ["config.json", "vocab.txt", "tokenizer_config.json"]
    for name in names:
        (repository / name).write_text("{}")
        get_file(HANDLE, name)
    # As in a new process.
    files._hubs.clear()
    count_of_attempts.clear()
    if fault == "gone":
        local_hub.stop()
    local_hub.faults = dict.fromkeys(names, fault)
    local_hub.requests.clear()
    monkeypatch.setattr(files, "_TIMEOUT", 0.5)
    for name in names:
        assert pathlib.Path(get_file(HANDLE, name)).read_text() == "{}"
    with pytest.raises(ConnectionError, match="`tokenizer.json` of .* reached"):
        get_file(HANDLE, "tokenizer.json")
    assert count_of_attempts == []
    assert len(local_hub.requests) == (fault != "gone")


def test_hub_that_comes_back(local_hub, repository, monkeypatch):
    local_hub.faults["config.json"] = 503
    with pytest.raises(ConnectionError):
        get_file(HANDLE, "config.json")
    local_hub.faults.clear()
    with pytest.raises(ConnectionError):
        get_file(HANDLE, "config.json")
    monkeypatch.setattr(files, "_REMEMBERED", 0)
    assert pathlib.Path(get_file(HANDLE, "config.json")).read_text() == "{}"


def test_absence_of_no_named_commit(local_hub, repository, no_waiting):
    local_hub.names_commits = False
    get_file(HANDLE, "config.json")
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            get_file(HANDLE, "tokenizer.json")
    local_hub.stop()
    with pytest.raises(FileNotFoundError):
        get_file(HANDLE, "tokenizer.json")


def test_absence_in_a_built_in_preset(local_hub, no_waiting):
    folder = local_hub.root / "google" / "mobilebert-uncased"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    name = "mobile_bert_en_uncased"
    get_file(name, "config.json")
    with pytest.raises(FileNotFoundError):
        get_file(name, "tokenizer.json")
    local_hub.stop()
    with pytest.raises(FileNotFoundError):
        get_file(name, "tokenizer.json")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe(tmp_path):
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ValueError, match="config.json` must be a regular file"):
        load_json(str(tmp_path), "config.json")


def test_text_without_end(tmp_path):
    with open(tmp_path / "config.json", "wb") as file:
        file.truncate(2**42)
    with pytest.raises(ValueError, match="config.json` must have at most"):
        load_json(str(tmp_path), "config.json")


def test_weights_of_an_unreachable_hub(local_hub, repository, no_waiting):
    # Preferred files are known to be missing.
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
    with pytest.raises(OSError, match="cannot be downloaded: .* failed$"):
        get_file(HANDLE, "config.json")


@only_on("torch", reason="files are fetched in the same way on every backend")
def test_endpoint_of_a_child_process(local_hub, repository):
    code = (
        "from keras_squeeze.checkpoints.files import get_file\n"
        f"print(open(get_file({HANDLE!r}, 'config.json')).read())"
    )
    # TensorFlow imports faster than PyTorch.
    result = run_python(
        "-c", code, KERAS_BACKEND="tensorflow", **local_hub.environment
    )
    assert result.stdout.strip() == "{}"
