"""Folders that are there as a whole or not at all."""

import contextlib
import os
import pathlib
import tempfile


@contextlib.contextmanager
def new_folder(path):
    """Give a folder to fill, which becomes `path` when all went well.

    Args:
        path: A `pathlib.Path`, absolute. If it exists, it is replaced.

    Yields:
        A `pathlib.Path`, an empty folder beside `path`.
    """
    with tempfile.TemporaryDirectory(
        prefix=f".{path.name}.", dir=path.parent
    ) as temporary:
        # A folder inside, because the outer one is readable for us alone.
        new = pathlib.Path(temporary) / "new"
        new.mkdir()
        yield new
        if path.exists():
            os.replace(path, new.with_name("old"))
        os.replace(new, path)
