"""Finds the files of a preset, and downloads them if needed."""

import json
import os
import re
import stat
import threading
import time

import huggingface_hub
from huggingface_hub import _CACHED_NO_EXIST
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.errors import GatedRepoError
from huggingface_hub.errors import HFValidationError
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import build_hf_headers

from keras_squeeze import keras_hub_seam

_SCHEME = "hf://"
_COMMIT = re.compile(r"[0-9a-f]{40}")
# The tokenizer of a multilingual model has 33 MB. Text files are read whole.
_MAX_TEXT_BYTES = 64 * 2**20
_TEXT_FILES = (".json", ".txt")

# How long, in seconds, an unreachable hub is not tried again. Otherwise every
# file would wait for the timeout.
_REMEMBERED = 60.0
# A reachable hub is checked again sooner, since it may become unreachable.
_REMEMBERED_REACHABLE = 10.0
_TIMEOUT = 5.0
_hubs = {}


def get_file(preset, path, **options):
    """Find the local path of a preset's file, and download it if needed.

    Like KerasHub's function, but errors state the cause. KerasHub treats an
    unreachable hub as if the file did not exist. After a hub does not answer
    within a few seconds, only files that have already been downloaded are used
    for a minute.

    Args:
        preset: string. A built-in preset name, a local folder or a handle
            such as `"hf://org/name"`.
        path: string. The path of the file inside the preset.
        **options: Arguments of `huggingface_hub.hf_hub_download`, such as
            `revision`, for presets on the hub.

    Returns:
        string. The local path of the file.

    Raises:
        FileNotFoundError: If the preset has no such file.
        ValueError: If there is no such preset, access is denied, or the file
            cannot be read.
        ConnectionError: If the file has not been downloaded and the hub is
            unreachable.
        OSError: If the download fails for another reason.

    Example:

    ```python
    path = get_file("mobile_bert_tiny_en_uncased", "config.json")
    ```
    """
    handle = preset
    if isinstance(preset, str) and preset in keras_hub_seam.BUILTIN_PRESETS:
        handle = keras_hub_seam.BUILTIN_PRESETS[preset]["kaggle_handle"]
    if isinstance(handle, str) and handle.startswith(_SCHEME):
        found = _fetch(preset, handle.removeprefix(_SCHEME), path, options)
    else:
        found = keras_hub_seam.get_file(handle, path)
    if not os.path.isdir(found):
        _check_file(found)
    return found


def commit_of(path):
    """Find the hub commit that a file was downloaded from.

    Args:
        path: string. A path returned by `get_file()`.

    Returns:
        string, or `None` if the file is not from the hub.
    """
    folders = os.path.normpath(path).split(os.sep)
    if "snapshots" not in folders[:-1]:
        return None
    commit = folders[folders.index("snapshots") + 1]
    return commit if _COMMIT.fullmatch(commit) else None


def load_json(preset, path, **options):
    """Read a JSON object from a file of a preset, downloaded if needed.

    Args:
        preset: string. A built-in preset name, a local folder or a handle
            such as `"hf://org/name"`.
        path: string. The path of the file inside the preset.
        **options: Other arguments of `get_file()`.

    Returns:
        A dictionary.

    Raises:
        FileNotFoundError: If the preset has no such file.
        ValueError: If the file does not hold a JSON object.
    """
    with open(get_file(preset, path, **options), encoding="utf-8") as file:
        try:
            contents = json.load(file)
        except (ValueError, RecursionError) as e:
            raise ValueError(
                f"`{path}` of `{preset}` is not valid JSON: {e}"
            ) from e
    if not isinstance(contents, dict):
        raise ValueError(
            f"`{path}` of `{preset}` must hold an object. Received: "
            f"{type(contents).__name__}"
        )
    return contents


def _fetch(preset, repository, path, options):
    """Find or download a file of a repository on the hub."""
    try:
        if _is_known_to_lack(repository, path, options):
            # The contents of a commit never change.
            if _COMMIT.fullmatch(options.get("revision") or ""):
                raise FileNotFoundError(_absence(preset, path))
        is_reachable = (
            options.get("force_download")
            or options.get("local_files_only")
            or _is_reachable(repository, path, options)
        )
        if not is_reachable:
            options = {**options, "local_files_only": True}
        return huggingface_hub.hf_hub_download(repository, path, **options)
    except HFValidationError as e:
        raise ValueError(
            "The handle of a preset on the hub should have the form "
            f"`hf://org/name`. Received: preset={preset}"
        ) from e
    except GatedRepoError as e:
        raise ValueError(
            "`preset` is a gated repository: request access on its page, then "
            f"run `hf auth login`. Received: preset={preset}"
        ) from e
    except RepositoryNotFoundError as e:
        raise ValueError(
            "`preset` must be an existing repository that you can access. "
            f"Received: preset={preset}"
        ) from e
    except LocalEntryNotFoundError as e:
        if _is_known_to_lack(repository, path, options):
            raise FileNotFoundError(_absence(preset, path)) from e
        if not options.get("local_files_only"):
            _remember(False)
        raise ConnectionError(
            f"`{path}` of `{preset}` has not been downloaded, and the hub "
            "cannot be reached."
        ) from e
    except EntryNotFoundError as e:
        _remember_absence(repository, path, options)
        raise FileNotFoundError(_absence(preset, path)) from e
    except FileNotFoundError:
        raise
    except OSError as e:
        reason = str(e).partition("\n")[0]
        raise OSError(
            f"`{path}` of `{preset}` cannot be downloaded: {reason}"
        ) from e


def _absence(preset, path):
    return f"`{path}` doesn't exist in preset directory `{preset}`."


def _cached(repository, path, options):
    return try_to_load_from_cache(
        repository,
        path,
        cache_dir=options.get("cache_dir"),
        revision=options.get("revision"),
    )


def _is_known_to_lack(repository, path, options):
    """Whether the hub reported last time that the file does not exist."""
    return _cached(repository, path, options) is _CACHED_NO_EXIST


def _remember_absence(repository, path, options):
    """Record that a file does not exist, for when the hub is unreachable.

    The library does this itself, unless the hub's answer lacks the commit.
    """
    if _is_known_to_lack(repository, path, options):
        return
    folder = os.path.join(
        options.get("cache_dir") or huggingface_hub.constants.HF_HUB_CACHE,
        repo_folder_name(repo_id=repository, repo_type="model"),
    )
    revision = options.get("revision") or "main"
    try:
        with open(os.path.join(folder, "refs", *revision.split("/"))) as file:
            revision = file.read()
    except FileNotFoundError:
        pass
    if _COMMIT.fullmatch(revision):
        marker = os.path.join(folder, ".no_exist", revision, *path.split("/"))
        os.makedirs(os.path.dirname(marker), exist_ok=True)
        with open(marker, "w"):
            pass


def _is_reachable(repository, path, options):
    """Whether the hub answers at all. The result is shared between files.

    The library would retry each file six times, with pauses in between.
    """
    endpoint = huggingface_hub.constants.ENDPOINT
    known, time_of_answer = _hubs.get(endpoint, (None, 0))
    remembered = _REMEMBERED_REACHABLE if known else _REMEMBERED
    if known is not None and time.monotonic() < time_of_answer + remembered:
        return known
    url = huggingface_hub.hf_hub_url(
        repository,
        path,
        revision=options.get("revision"),
        endpoint=endpoint,
    )
    headers = build_hf_headers(token=options.get("token"))
    answers = []

    def ask():
        try:
            answer = huggingface_hub.get_session().head(
                url, headers=headers, timeout=_TIMEOUT
            )
            answers.append(answer.status_code < 500)
        except Exception:
            # The exception type depends on the release.
            answers.append(False)

    # The timeout is per address and excludes the DNS lookup, so the whole
    # request runs in a thread with its own timeout.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_TIMEOUT)
    return _remember(bool(answers) and answers[0])


def _remember(is_reachable):
    endpoint = huggingface_hub.constants.ENDPOINT
    _hubs[endpoint] = (is_reachable, time.monotonic())
    return is_reachable


def _check_file(path):
    """Reject files that are too large, or have no end, such as pipes."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"`{path}` must be a regular file.")
    if path.endswith(_TEXT_FILES) and found.st_size > _MAX_TEXT_BYTES:
        raise ValueError(
            f"`{path}` must have at most {_MAX_TEXT_BYTES} bytes. "
            f"Received: {found.st_size} bytes"
        )
