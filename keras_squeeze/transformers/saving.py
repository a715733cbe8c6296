"""What `save_pretrained()` of models, configurations and tokenizers shares."""

import os
import tempfile

import huggingface_hub


def check_not_a_file(save_directory):
    """Raise the error of transformers if a folder to save to is a file.

    Args:
        save_directory: string or `os.PathLike`.
    """
    if os.path.isfile(save_directory):
        raise AssertionError(
            "`save_directory` must be a folder and not a file. Received: "
            f"save_directory={os.fspath(save_directory)!r}"
        )


class PushToHubMixin:
    """Uploads an object with a `save_pretrained()` method."""

    def push_to_hub(
        self,
        repo_id,
        *,
        commit_message=None,
        private=None,
        token=None,
        revision=None,
        create_pr=False,
        **kwargs,
    ):
        """Upload the files of `save_pretrained()` to the Hugging Face hub.

        Args:
            repo_id: string. The repository. It is created if it does not exist.
            commit_message: Optional string.
            private: Optional bool. Whether a new repository is private.
            token: Optional string or bool. The access token for the hub.
            revision: Optional string. The branch to upload to.
            create_pr: bool. Whether to open a pull request instead of
                committing. Defaults to `False`.
            **kwargs: Arguments of `save_pretrained()`.

        Returns:
            The return value of `huggingface_hub.upload_folder`.
        """
        repository = huggingface_hub.create_repo(
            repo_id, private=private, token=token, exist_ok=True
        )
        kind = type(self).__name__
        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder, **kwargs)
            return huggingface_hub.upload_folder(
                repo_id=repository.repo_id,
                folder_path=folder,
                commit_message=commit_message or f"Upload {kind}",
                token=token,
                revision=revision,
                create_pr=create_pr,
            )

    def _push_saved(self, save_directory, repo_id=None, **kwargs):
        """Do what `push_to_hub=True` means in `save_pretrained()`.

        Args:
            save_directory: string or `os.PathLike`. The folder, whose name is
                the default of `repo_id`.
            repo_id: Optional string. As in `push_to_hub()`.
            **kwargs: Other arguments of `push_to_hub()`.
        """
        if repo_id is None:
            repo_id = os.path.basename(os.path.abspath(save_directory))
        self.push_to_hub(repo_id, **kwargs)
