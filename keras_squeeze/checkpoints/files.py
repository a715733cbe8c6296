"""Finds the files of a preset, or fetches them."""

import json

from huggingface_hub import _CACHED_NO_EXIST
from huggingface_hub import hf_hub_download
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.errors import GatedRepoError
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.errors import RepositoryNotFoundError

from keras_squeeze import keras_hub_seam

_SCHEME = "hf://"


def get_file(preset, path, **options):
    """Returns the local path of one file of a preset, fetched if need be.

    This is what KerasHub does, but a failure says what failed. KerasHub takes
    a hub that cannot be reached for one that lacks the file.

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
        ValueError: if there is no such preset, or no access to it.
        ConnectionError: if the file was not fetched before and the hub
            cannot be reached.
        OSError: if the file cannot be fetched for another reason.

    Example:

    ```python
    path = get_file("hf://google/mobilebert-uncased", "config.json")
    ```
    """
    try:
        return _get_file(preset, path, options)
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
    except FileNotFoundError as e:
        is_unreachable = isinstance(e.__cause__, LocalEntryNotFoundError)
        if is_unreachable and not _is_known_to_lack(preset, path, options):
            raise ConnectionError(
                f"`{path}` of `{preset}` was not fetched before, and the hub "
                "cannot be reached."
            ) from e
        raise
    except OSError as e:
        if not preset.startswith(_SCHEME):
            raise
        reason = str(e).partition("\n")[0]
        raise OSError(
            f"`{path}` of `{preset}` cannot be fetched: {reason}"
        ) from e


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


def _get_file(preset, path, options):
    if not options or not preset.startswith(_SCHEME):
        return keras_hub_seam.get_file(preset, path)
    try:
        return hf_hub_download(preset.removeprefix(_SCHEME), path, **options)
    except EntryNotFoundError as e:
        raise FileNotFoundError(
            f"`{path}` doesn't exist in preset directory `{preset}`."
        ) from e


def _is_known_to_lack(preset, path, options):
    """Whether the hub said, when it was last asked, that there is none."""
    known = try_to_load_from_cache(
        preset.removeprefix(_SCHEME),
        path,
        cache_dir=options.get("cache_dir"),
        revision=options.get("revision"),
    )
    return known is _CACHED_NO_EXIST
