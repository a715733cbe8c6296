"""Runs Python programs in processes of their own."""

import os
import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def run_python(*arguments, folder=REPOSITORY, status=0, **environment):
    """Run Python, and check its exit status.

    Args:
        *arguments: strings or paths. `"-c"` and a program, or `"-m"` and the
            name of a module, and what they take.
        folder: path. The working directory. Defaults to the repository.
        status: int. The expected exit status. Defaults to `0`.
        **environment: Environment variables to set.

    Returns:
        A `subprocess.CompletedProcess` with `stdout` and `stderr` as strings.
    """
    result = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
    )
    assert result.returncode == status, result.stderr
    return result
