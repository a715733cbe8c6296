"""Finds the files of a preset, or fetches them."""

import json

from huggingface_hub import _CACHED_NO_EXIST
from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import GatedRepoError
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.errors import RepositoryNotFoundError

from keras_squeeze import keras_hub_seam

_SCHEME = "hf://"


def get_file(preset, path):
    """Returns the local path of one file of a preset, fetched if need be.

    This is what KerasHub does, but a failure says what failed. KerasHub takes
    a hub that cannot be reached for one that lacks the file.

    Args:
        preset: string. A built-in preset name, a local folder or a handle
            such as `"hf://org/name"`.
        path: string. The file inside of the preset.

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
        return keras_hub_seam.get_file(preset, path)
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
        if is_unreachable and not _is_known_to_lack(preset, path):
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


def load_json(preset, path):
    """Reads the JSON object in one file of a preset, fetched if need be.

    Args:
        preset: string. A built-in preset name, a local folder or a handle
            such as `"hf://org/name"`.
        path: string. The file inside of the preset.

    Returns:
        A dictionary.

    Raises:
        FileNotFoundError: if the preset has no such file.
        ValueError: if the file does not hold a JSON object.
    """
    with open(get_file(preset, path), encoding="utf-8") as file:
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


def _is_known_to_lack(preset, path):
    """Whether the hub said, when it was last asked, that there is none."""
    known = try_to_load_from_cache(preset.removeprefix(_SCHEME), path)
    return known is _CACHED_NO_EXIST
