"""Finds and fetches the files of a pretrained model."""

import functools
import os
import posixpath

from keras_squeeze.checkpoints.files import get_file
from keras_squeeze.checkpoints.files import load_json
from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from keras_squeeze.checkpoints.keras_preset import check_saved
from keras_squeeze.checkpoints.keras_preset import complete_preset
from keras_squeeze.checkpoints.preset_names import names_for

# The options that are passed on to the hub, and those that are ignored.
_HUB_OPTIONS = (
    "cache_dir",
    "force_download",
    "local_files_only",
    "revision",
    "token",
)
_IGNORED = (
    "_commit_hash",
    "_from_auto",
    "_from_pipeline",
    "proxies",
    "resume_download",
    "trust_remote_code",
)


class Repository:
    """A local folder or a repository on the Hugging Face hub.

    Args:
        name_or_path: string or `os.PathLike`. A local folder, a repository
            like `"google/mobilebert-uncased"`, or the name of a built-in
            preset like `"mobile_bert_tiny_en_uncased"`.
        subfolder: string. The subfolder that holds the files. Defaults to `""`.
        cache_dir: Optional path of the folder for downloaded files.
        force_download: bool. Whether to download files again. Defaults to
            `False`.
        local_files_only: bool. Whether to use only files that have already been
            downloaded. Defaults to `False`.
        revision: Optional string. A branch, tag or commit.
        token: Optional string or bool. The access token for the hub.
    """

    def __init__(self, name_or_path, subfolder="", **options):
        self.name = os.fspath(name_or_path)
        self.subfolder = subfolder
        self.options = {k: v for k, v in options.items() if v}

    @classmethod
    def from_kwargs(cls, name_or_path, kwargs):
        """Take the file options out of the arguments of `from_pretrained()`.

        Args:
            name_or_path: As in the constructor.
            kwargs: Dictionary. The options are removed from it.

        Returns:
            A `Repository`.
        """
        for name in _IGNORED:
            kwargs.pop(name, None)
        # The older name of `token`.
        token = kwargs.pop("use_auth_token", None)
        options = {k: kwargs.pop(k, None) for k in _HUB_OPTIONS}
        options["token"] = options["token"] or token
        subfolder = kwargs.pop("subfolder", "") or ""
        return cls(name_or_path, subfolder, **options)

    @functools.cached_property
    def preset(self):
        """The name that the loaders of this package use for it."""
        for architecture in ARCHITECTURES.values():
            presets = architecture.backbone_cls.presets
            if self.name in presets:
                return presets[self.name]["kaggle_handle"]
        if os.path.isdir(self.name) or "://" in self.name:
            return self.name
        return f"hf://{self.name}"

    def find(self, filename):
        """Find the local path of a file, and download the file if needed.

        Args:
            filename: string. The name of the file.

        Returns:
            string.

        Raises:
            FileNotFoundError: If there is no such file.
            OSError: If there is no such repository, or it is unreachable.
        """
        return self._read(get_file, filename)

    def load_json(self, filename):
        """Read a JSON file.

        Args:
            filename: string. The name of the file.

        Returns:
            A dictionary.

        Raises:
            OSError: As in `find()`, or if the file has no JSON object.
        """
        return self._read(load_json, filename)

    def load_saved(self, filename):
        """Read the description of an object in a KerasHub preset.

        Args:
            filename: string. The name of the file.

        Returns:
            A dictionary with `"registered_name"` and `"config"`.

        Raises:
            OSError: As in `load_json()`, or if it describes no object.
        """
        contents = self.load_json(filename)
        try:
            check_saved(contents, filename, self.name)
        except ValueError as e:
            raise OSError(str(e)) from e
        return contents

    def complete_preset(self, cls, **kwargs):
        """Find or download the parts of a KerasHub preset that a class needs.

        Args:
            cls: A class of `keras_squeeze.models`.
            **kwargs: Arguments of its `from_preset()`.

        Returns:
            string. The preset to pass to `cls.from_preset()`.

        Raises:
            FileNotFoundError: If a part is missing.
            ConnectionError: If the hub cannot be reached.
            ValueError: If a part is damaged.
        """
        return complete_preset(
            cls,
            self.preset,
            subfolder=self.subfolder,
            hub_options=self.options,
            **kwargs,
        )

    def _read(self, function, filename):
        path = posixpath.join(self.subfolder, filename)
        try:
            return function(self.preset, path, **self.options)
        except FileNotFoundError as e:
            raise FileNotFoundError(
                f"`{self.name}` does not have a file named `{path}`."
            ) from e
        except ValueError as e:
            # transformers raises an `OSError` for all of these.
            raise OSError(
                f"Cannot read `{path}` of `{self.name}`, which must be a "
                "local folder, a repository on the hub that you can access, "
                f"or the name of a preset. {names_for(self.name)} {e}"
            ) from e
