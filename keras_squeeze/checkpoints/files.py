"""Where the files of a preset are found or fetched from."""

from huggingface_hub.errors import GatedRepoError
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.errors import RepositoryNotFoundError

from keras_squeeze import keras_hub_seam


def get_file(preset, path):
    """Returns the local path of one file of a preset, fetched if need be.

    KerasHub's function of this name does the work. To it, a hub that cannot
    be reached is a hub without the file, and the other failures of a download
    come as they are. Here a `FileNotFoundError` means that the preset has no
    such file.

    Args:
        preset: string. A built-in preset name, a local folder or a handle
            such as `"hf://org/name"`.
        path: string. The file inside of the preset.

    Returns:
        string. The path of the file on this machine.

    Raises:
        FileNotFoundError: if the preset has no such file.
        ValueError: if there is no such preset or no access to it.
        ConnectionError: if the hub cannot be reached and the file was not
            fetched before.

    Example:

    ```python
    config = get_file("hf://google/mobilebert-uncased", "config.json")
    ```
    """
    try:
        return keras_hub_seam.get_file(preset, path)
    except GatedRepoError as e:
        raise ValueError(
            f"Access to `preset` needs a permission: ask for it on its page, "
            f"then run `hf auth login`. Received: preset={preset}"
        ) from e
    except RepositoryNotFoundError as e:
        raise ValueError(
            "`preset` must name a repository that exists and that you may "
            f"read. Received: preset={preset}"
        ) from e
    except HfHubHTTPError as e:
        raise ConnectionError(
            f"The hub failed to deliver `{path}` of `{preset}`: "
            f"{_first_line(e)}"
        ) from e
    except FileNotFoundError as e:
        if isinstance(e.__cause__, LocalEntryNotFoundError):
            raise ConnectionError(
                f"`{path}` of `{preset}` was not fetched before, and the hub "
                "cannot be reached."
            ) from e
        raise


def _first_line(error):
    return str(error).strip().partition("\n")[0]
