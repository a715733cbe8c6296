"""Finds the files of a preset, or fetches them."""

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
# A tokenizer of a hundred languages has 33 MB. The rest is read at once.
_MAX_TEXT_BYTES = 64 * 2**20
_TEXT_FILES = (".json", ".txt")

# What is known of a hub is not asked again for so long, in seconds. A hub
# that is gone must not be waited for once a file.
_REMEMBERED = 60.0
# And that it can be reached is asked again soon: it may go in the middle.
_REMEMBERED_REACHABLE = 10.0
_TIMEOUT = 5.0
_hubs = {}


def get_file(preset, path, **options):
    """Returns the local path of one file of a preset, fetched if need be.

    This is what KerasHub does, but a failure says what failed. KerasHub takes
    a hub that cannot be reached for one that lacks the file. A hub that does
    not answer within some seconds is not asked again for a minute, in which
    the files count that were fetched before.

    Args:
        preset: string. A built-in preset name, a local folder or a handle
            such as `"hf://org/name"`.
        path: string. The file inside of the preset.
        **options: Arguments of `huggingface_hub.hf_hub_download`, such as
            `revision`, for presets on the hub.

    Returns:
        string. The path of the file on this machine.

    Raises:
        FileNotFoundError: if the preset has no such file.
        ValueError: if there is no such preset, or no access to it, or the
            file is none that can be read.
        ConnectionError: if the file was not fetched before and the hub
            cannot be reached.
        OSError: if the file cannot be fetched for another reason.

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
    """The commit of the hub that a file was fetched from.

    Args:
        path: string. What `get_file()` returned.

    Returns:
        string, or `None` for a file that is not from the hub.
    """
    folders = os.path.normpath(path).split(os.sep)
    if "snapshots" not in folders[:-1]:
        return None
    commit = folders[folders.index("snapshots") + 1]
    return commit if _COMMIT.fullmatch(commit) else None


def load_json(preset, path, **options):
    """Reads the JSON object in one file of a preset, fetched if need be.

    Args:
        preset: string. A built-in preset name, a local folder or a handle
            such as `"hf://org/name"`.
        path: string. The file inside of the preset.
        **options: Further arguments of `get_file()`.

    Returns:
        A dictionary.

    Raises:
        FileNotFoundError: if the preset has no such file.
        ValueError: if the file does not hold a JSON object.
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
    """`get_file()` for a repository on the hub."""
    try:
        if _is_known_to_lack(repository, path, options):
            # A commit stays as it is.
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
            "`preset` is open to some accounts only: ask for access on its "
            f"page, then run `hf auth login`. Received: preset={preset}"
        ) from e
    except RepositoryNotFoundError as e:
        raise ValueError(
            "`preset` must be a repository that exists and that you may "
            f"read. Received: preset={preset}"
        ) from e
    except LocalEntryNotFoundError as e:
        if _is_known_to_lack(repository, path, options):
            raise FileNotFoundError(_absence(preset, path)) from e
        if not options.get("local_files_only"):
            _remember(False)
        raise ConnectionError(
            f"`{path}` of `{preset}` was not fetched before, and the hub "
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
            f"`{path}` of `{preset}` cannot be fetched: {reason}"
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
    """Whether the hub said, when it was last asked, that there is none."""
    return _cached(repository, path, options) is _CACHED_NO_EXIST


def _remember_absence(repository, path, options):
    """Keep it for when the hub is gone that there is no such file.

    The library does, unless the hub does not say which commit lacks it.
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
    """Whether the hub answers at all, which is asked once for many files.

    The library that fetches files tries six times with pauses, for each.
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
            # Its type depends on the release.
            answers.append(False)

    # The time is that of one attempt for one of perhaps many addresses, and
    # does not count what it takes to find them.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_TIMEOUT)
    return _remember(bool(answers) and answers[0])


def _remember(is_reachable):
    endpoint = huggingface_hub.constants.ENDPOINT
    _hubs[endpoint] = (is_reachable, time.monotonic())
    return is_reachable


def _check_file(path):
    """Refuse what would be read for ever, or without end."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"`{path}` must be a file, and is none.")
    if path.endswith(_TEXT_FILES) and found.st_size > _MAX_TEXT_BYTES:
        raise ValueError(
            f"`{path}` must have no more than {_MAX_TEXT_BYTES} bytes. "
            f"Received: {found.st_size} bytes"
        )
