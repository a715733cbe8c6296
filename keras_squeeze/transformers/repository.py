"""Where the files of a pretrained model are."""

import functools
import os
import posixpath
import tempfile

import huggingface_hub

from keras_squeeze.checkpoints.files import get_file
from keras_squeeze.checkpoints.files import load_json
from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from keras_squeeze.checkpoints.keras_preset import check_saved
from keras_squeeze.checkpoints.keras_preset import complete_preset
from keras_squeeze.checkpoints.preset_names import names_for

# What transformers passes on to the hub, and what it has no use for anymore.
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
    """A folder or a repository on the hub, as transformers takes them.

    Args:
        name_or_path: string or `os.PathLike`. A local folder, a repository
            like `"google/mobilebert-uncased"`, or the name of a built-in
            preset like `"mobile_bert_tiny_en_uncased"`.
        subfolder: string. Where in it the files are. Defaults to `""`.
        cache_dir: Optional path of the folder for fetched files.
        force_download: bool. Whether to fetch files anew. Defaults to
            `False`.
        local_files_only: bool. Whether to use only files that were fetched
            before. Defaults to `False`.
        revision: Optional string. A branch, tag or commit.
        token: Optional string or bool. The token to access the hub with.
    """

    def __init__(self, name_or_path, subfolder="", **options):
        self.name = os.fspath(name_or_path)
        self.subfolder = subfolder
        self.options = {k: v for k, v in options.items() if v}

    @classmethod
    def from_kwargs(cls, name_or_path, kwargs):
        """Take the arguments about files from those of `from_pretrained()`.

        Args:
            name_or_path: As in the constructor.
            kwargs: Dictionary, from which they are removed.

        Returns:
            A `Repository`.
        """
        for name in _IGNORED:
            kwargs.pop(name, None)
        # The older name.
        token = kwargs.pop("use_auth_token", None)
        options = {k: kwargs.pop(k, None) for k in _HUB_OPTIONS}
        options["token"] = options["token"] or token
        subfolder = kwargs.pop("subfolder", "") or ""
        return cls(name_or_path, subfolder, **options)

    @functools.cached_property
    def preset(self):
        """What the loaders of this package call it."""
        for architecture in ARCHITECTURES.values():
            presets = architecture.backbone_cls.presets
            if self.name in presets:
                return presets[self.name]["kaggle_handle"]
        if os.path.isdir(self.name) or "://" in self.name:
            return self.name
        return f"hf://{self.name}"

    def find(self, filename):
        """The path on this machine of one file, fetched if need be.

        Args:
            filename: string. The name of the file.

        Returns:
            string.

        Raises:
            FileNotFoundError: If there is no such file.
            OSError: If there is no such repository, or it cannot be reached.
        """
        return self._read(get_file, filename)

    def load_json(self, filename):
        """The contents of one JSON file.

        Args:
            filename: string. The name of the file.

        Returns:
            A dictionary.

        Raises:
            OSError: As `find()`, or if the file holds no JSON object.
        """
        return self._read(load_json, filename)

    def load_saved(self, filename):
        """The description of an object, in a preset of KerasHub's layout.

        Args:
            filename: string. The name of the file.

        Returns:
            A dictionary with `"registered_name"` and `"config"`.

        Raises:
            OSError: As `load_json()`, or if it describes no object.
        """
        contents = self.load_json(filename)
        try:
            check_saved(contents, filename, self.name)
        except ValueError as e:
            raise OSError(str(e)) from e
        return contents

    def complete_preset(self, cls, **kwargs):
        """Find, or fetch, what a class needs of a preset of KerasHub's layout.

        Args:
            cls: A class of `keras_squeeze.models`.
            **kwargs: Arguments of its `from_preset()`.

        Returns:
            string. What `cls.from_preset()` takes for it.

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
            # transformers has one class of errors for all of these.
            raise OSError(
                f"Cannot read `{path}` of `{self.name}`, which must be a "
                "local folder, a repository on the hub that you may read, or "
                f"the name of a preset. {names_for(self.name)} {e}"
            ) from e


def upload(
    pretrained,
    repo_id,
    commit_message=None,
    private=None,
    token=None,
    revision=None,
    create_pr=False,
    **kwargs,
):
    """Save something to the Hugging Face hub.

    Args:
        pretrained: An object with a `save_pretrained()`.
        repo_id: string. The repository, which is made if there is none.
        commit_message: Optional string.
        private: Optional bool. Whether a new repository is private.
        token: Optional string or bool. The token to access the hub with.
        revision: Optional string. The branch to upload to.
        create_pr: bool. Whether to open a pull request, and not to commit.
            Defaults to `False`.
        **kwargs: Arguments of `save_pretrained()`.

    Returns:
        What `huggingface_hub.upload_folder` returns.
    """
    repository = huggingface_hub.create_repo(
        repo_id, private=private, token=token, exist_ok=True
    )
    kind = type(pretrained).__name__
    with tempfile.TemporaryDirectory() as folder:
        pretrained.save_pretrained(folder, **kwargs)
        return huggingface_hub.upload_folder(
            repo_id=repository.repo_id,
            folder_path=folder,
            commit_message=commit_message or f"Upload {kind}",
            token=token,
            revision=revision,
            create_pr=create_pr,
        )
