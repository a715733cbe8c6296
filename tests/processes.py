"""Runs Python programs in processes of their own."""

import contextlib
import os
import pathlib
import socket
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


def start_python(*arguments, **environment):
    """Start Python in the repository, without waiting for its end.

    Args:
        *arguments: The same as for `run_python()`.
        **environment: Environment variables to set.

    Returns:
        A `subprocess.Popen`.
    """
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )


def free_addresses(count):
    """Addresses of this machine that no process listens at.

    Args:
        count: int.

    Returns:
        A list of different strings, with the port.
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
