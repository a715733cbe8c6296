"""Writes files and folders atomically."""

import contextlib
import errno
import glob
import math
import os
import pathlib
import shutil
import tempfile
import uuid

# A preset is recognized by this file. It is removed first and written last, so
# that the files of two presets are never mixed up.
_FIRST_READ = "config.json"


@contextlib.contextmanager
def new_file(path):
    """Write a file that replaces `path` once it is complete.

    Args:
        path: string or `os.PathLike`. If it exists, it is replaced.

    Yields:
        A `pathlib.Path` next to `path`, with the same extension.
    """
    # Replace the target of a link instead of the link.
    path = pathlib.Path(os.path.realpath(path))
    new = path.with_name(hidden_name(path.name))
    try:
        yield new
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def hidden_name(name):
    """A new name for a file that is not complete.

    Args:
        name: string. The name of the complete file.

    Returns:
        string. It has the same extension.
    """
    return f".{uuid.uuid4().hex[:8]}.{name}"


def write_file(path, contents):
    """Write a file atomically.

    Args:
        path: string or `os.PathLike`.
        contents: string or bytes.
    """
    if isinstance(contents, str):
        contents = contents.encode("utf-8")
    with new_file(path) as new:
        new.write_bytes(contents)


@contextlib.contextmanager
def new_folder(path):
    """Fill a folder that replaces `path` once it is complete.

    Folders left behind by a process that was killed are removed.

    Args:
        path: string or `os.PathLike`. If it exists, it is replaced. Its parent
            folder must exist.

    Yields:
        A `pathlib.Path`, an empty folder next to `path`.
    """
    path = pathlib.Path(os.path.realpath(path))
    prefix = f".{path.name}."
    with _temporary_folder(path.parent, prefix) as temporary:
        # Use an inner folder, because only the owner can read the outer one.
        new = temporary / "new"
        new.mkdir()
        yield new
        if path.exists():
            os.replace(path, temporary / "old")
        os.replace(new, path)


@contextlib.contextmanager
def new_files(folder):
    """Write files that are moved to `folder` once all are complete.

    Other files in `folder` are kept.

    Args:
        folder: string or `os.PathLike`. It is created if it does not exist.

    Yields:
        A `pathlib.Path`, an empty folder.
    """
    folder = pathlib.Path(os.path.realpath(folder))
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with new_folder(folder) as new:
            yield new
        return
    with _temporary_folder(folder, ".new.") as temporary:
        new = temporary / "new"
        new.mkdir()
        yield new
        _move(new, folder, temporary / "old")


def _move(new, folder, old):
    """Replace files in a folder, and restore them if that fails."""
    paths = [path.relative_to(new) for path in new.rglob("*")]
    for path in paths:
        if (new / path).is_dir():
            (folder / path).mkdir(parents=True, exist_ok=True)
            (old / path).mkdir(parents=True, exist_ok=True)
    old.mkdir(exist_ok=True)
    paths = [path for path in paths if not (new / path).is_dir()]
    paths.sort(key=lambda path: path.name != _FIRST_READ)
    replaced = [path for path in paths if (folder / path).exists()]
    moves = [(folder / path, old / path) for path in replaced]
    moves += [(new / path, folder / path) for path in reversed(paths)]
    done = []
    try:
        for source, target in moves:
            os.replace(source, target)
            done.append((source, target))
    except BaseException:
        for source, target in reversed(done):
            os.replace(target, source)
        raise


@contextlib.contextmanager
def _temporary_folder(parent, prefix):
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as temporary:
        yield pathlib.Path(temporary)
    for path in parent.glob(f"{glob.escape(prefix)}????????"):
        if path.is_dir() and {p.name for p in path.iterdir()} <= {"new", "old"}:
            shutil.rmtree(path, ignore_errors=True)


def check_free_space(folder, variables, copies=1):
    """Raise an `OSError` if there is not enough space for a model's weights.

    Otherwise HDF5 crashes the process some time later.

    Args:
        folder: string or `os.PathLike`. The folder of the file to write.
        variables: The variables of the model and of its optimizer.
        copies: int. How many copies are written. Defaults to `1`.
    """
    count = sum(math.prod(variable.shape) for variable in variables)
    # No variable uses more than four bytes per element, except a few scalars.
    needed = copies * 4 * count + 2**20
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"There is not enough space for the weights: {needed / 1e6:.0f} "
            f"MB are needed, but only {free / 1e6:.0f} MB are free",
            os.fspath(folder),
        )
