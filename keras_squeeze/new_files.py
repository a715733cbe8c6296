"""Files and folders that are there as a whole or not at all."""

import contextlib
import errno
import glob
import math
import os
import pathlib
import shutil
import tempfile
import uuid

# By this one a preset is found. It goes first and comes last, so that there
# is no moment in which the files of two presets are taken for one.
_FIRST_READ = "config.json"


@contextlib.contextmanager
def new_file(path):
    """Give the name of a file to write, which becomes `path` when it is whole.

    Args:
        path: string or `os.PathLike`. If it exists, it is replaced.

    Yields:
        A `pathlib.Path` beside `path`, of the same ending.
    """
    # What a link leads to is replaced, and not the link.
    path = pathlib.Path(os.path.realpath(path))
    new = path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")
    try:
        yield new
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def write_file(path, contents):
    """Write a file as a whole or not at all.

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
    """Give a folder to fill, which becomes `path` when all went well.

    What an earlier call left that was killed is removed then.

    Args:
        path: string or `os.PathLike`. If it exists, it is replaced. Its
            parent folder exists.

    Yields:
        A `pathlib.Path`, an empty folder beside `path`.
    """
    path = pathlib.Path(os.path.realpath(path))
    prefix = f".{path.name}."
    with _temporary_folder(path.parent, prefix) as temporary:
        # A folder inside, because the outer one is readable for us alone.
        new = temporary / "new"
        new.mkdir()
        yield new
        if path.exists():
            os.replace(path, temporary / "old")
        os.replace(new, path)


@contextlib.contextmanager
def new_files(folder):
    """Give a folder to fill, whose files get to `folder` when all went well.

    Other files in `folder` stay.

    Args:
        folder: string or `os.PathLike`. It is made if there is none.

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
    """Replace files in a folder; if that fails, put the replaced ones back."""
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
    """Raise an `OSError` if there is no room for the weights of a model.

    HDF5 takes the process down, some time after, if there is none.

    Args:
        folder: string or `os.PathLike`. The folder of the file to write.
        variables: The variables of the model and of its optimizer.
        copies: int. How often they are written. Defaults to `1`.
    """
    count = sum(math.prod(variable.shape) for variable in variables)
    # No variable has more than four bytes a number, but a few scalars.
    needed = copies * 4 * count + 2**20
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            errno.ENOSPC,
            f"There is no room for the weights: {needed / 1e6:.0f} MB are "
            f"needed, and there are {free / 1e6:.0f} MB left",
            os.fspath(folder),
        )
