"""Reads and writes files on this machine and in remote storage."""

import contextlib
import glob
import os
import pathlib
import tempfile

from keras_squeeze import new_files


def is_remote(path):
    """Whether a path is the URL of remote storage, such as `s3://`.

    Args:
        path: string.

    Returns:
        bool.
    """
    return "://" in path and not path.startswith("file://")


def local_path(path):
    """A path on this machine without `file://`.

    Args:
        path: string or `os.PathLike`.

    Returns:
        string. The URLs of remote storage are unchanged.
    """
    return os.fspath(path).removeprefix("file://")


def find_paths(pattern):
    """Find files.

    Args:
        pattern: string. A path or a URL, or a pattern of either.

    Returns:
        A list of strings, absolute paths or URLs.

    Raises:
        ValueError: If the URL is of unknown storage.
        ImportError: If its storage needs another package.
    """
    if not is_remote(pattern):
        paths = glob.glob(pattern, recursive=True)
        if os.path.exists(pattern):
            # Its name may have brackets.
            paths = [pattern]
        return [os.path.realpath(path) for path in paths]
    files, path = _file_system(pattern)
    paths = [path] if files.exists(path) else files.glob(path)
    return [files.unstrip_protocol(path) for path in paths]


def is_folder(path):
    """Whether a path is a folder.

    Args:
        path: string. A path or a URL.

    Returns:
        bool.
    """
    files, path = _file_system(path)
    return files.isdir(path)


def open_file(path):
    """Open a file to read bytes.

    Args:
        path: string. A path or a URL.

    Returns:
        A binary file object.
    """
    if not is_remote(path):
        return open(path, "rb")
    files, path = _file_system(path)
    return files.open(path, "rb")


def size_of(path):
    """The number of bytes of a file.

    Args:
        path: string. A path or a URL.

    Returns:
        int.
    """
    files, path = _file_system(path)
    return files.size(path)


def version_of(path):
    """What tells the contents of a file from other contents of the same size.

    Args:
        path: string. A path or a URL.

    Returns:
        A value that can be saved as JSON.
    """
    if not is_remote(path):
        return os.stat(path).st_mtime_ns
    files, path = _file_system(path)
    return files.ukey(path)


class OutputFolder:
    """A folder of files that appear when they are complete.

    Args:
        path: string. A path or a URL.

    Attributes:
        path: string. The absolute path, or the URL.
    """

    def __init__(self, path):
        self.path = local_path(path)
        if not is_remote(self.path):
            self.path = os.path.realpath(self.path)
        self.files, self._root = _file_system(self.path)
        if is_remote(self.path):
            self.path = self.files.unstrip_protocol(self._root).rstrip("/")

    def has(self, path):
        """Whether another path is inside of this one.

        Args:
            path: string. An absolute path, or a URL.

        Returns:
            bool.
        """
        separator = "/" if is_remote(self.path) else os.sep
        return path.startswith(f"{self.path}{separator}")

    def is_new(self):
        """Whether there is nothing at the path, or an empty folder."""
        if not self.files.exists(self._root):
            return True
        return self.files.isdir(self._root) and not self.files.ls(self._root)

    def make(self, name):
        """Create the folder, and another one in it.

        Args:
            name: string. The name of the other one.
        """
        self.files.makedirs(self._path_of(name), exist_ok=True)

    def names(self):
        """The files in it.

        Returns:
            A set of strings, relative to the folder, with `/` in them.
        """
        start = len(self._path_of(""))
        self.files.invalidate_cache()
        return {path[start:] for path in self.files.find(self._root)}

    def read(self, name):
        """The contents of a file, as bytes.

        Args:
            name: string. Its path in the folder.

        Returns:
            bytes.
        """
        return self.files.cat_file(self._path_of(name))

    def remove(self, name):
        """Remove a file.

        Args:
            name: string. Its path in the folder.
        """
        self.files.rm_file(self._path_of(name))

    @contextlib.contextmanager
    def new_file(self, name):
        """Write a file that appears when it is complete.

        It does so also if the process is killed or the machine loses power.

        Args:
            name: string. Its path in the folder.

        Yields:
            A `pathlib.Path` on this machine, with the same extension.
        """
        if not is_remote(self.path):
            with new_files.new_file(self._path_of(name)) as new:
                yield new
                with open(new, "rb+") as file:
                    os.fsync(file.fileno())
            return
        target = self._path_of(name)
        with tempfile.TemporaryDirectory() as folder:
            new = pathlib.Path(folder, pathlib.PurePosixPath(name).name)
            yield new
            # Not all storage shows a file only once all of it is there. All
            # that has names for files renames them in one step, or copies whole
            # objects.
            hidden = self._path_of(
                name.removesuffix(new.name) + new_files.hidden_name(new.name)
            )
            self.files.put_file(str(new), hidden)
            self.files.mv(hidden, target)

    def _path_of(self, name):
        return f"{self._root.rstrip('/')}/{name}"


def _file_system(path):
    """The `fsspec` file system of a path or URL, and the path in it."""
    import fsspec

    try:
        return fsspec.core.url_to_fs(path)
    except ImportError as e:
        raise ImportError(
            f"`{path}` needs another package for its kind of storage: {e}"
        ) from e
    except ValueError as e:
        raise ValueError(
            f"`{path}` must be a path, or a URL that fsspec knows. {e}"
        ) from e
