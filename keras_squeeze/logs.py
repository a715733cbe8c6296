"""Suppresses log messages of libraries that are of no use to anyone."""

import functools
import os
import sys

from absl import logging as absl_logging

# An option of every command. It is checked before there is a parser.
FLAG = "--log"

# `grain` logs this without JAX, although nothing here uses its profiler.
_MEANINGLESS = "Failed to load jax profiler"


def _says_something(record):
    return not record.getMessage().startswith(_MEANINGLESS)


@functools.cache
def is_command_line():
    """Whether this process only runs the `keras-squeeze` command.

    Returns:
        bool.
    """
    name = os.path.basename(sys.argv[0]).partition(".")[0]
    if name.removesuffix("-script") == "keras-squeeze":
        return True
    # Only while `python -m` imports the package, `sys.argv[0]` is `-m`.
    return name == "-m" and "keras_squeeze" in sys.orig_argv


def _drop_output_of_libraries():
    """Keep libraries from writing to the standard error.

    TensorFlow logs in C++, for example an error if there is no GPU, and no
    environment variable prevents this. Python can still write to it.
    """
    try:
        number = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except OSError:
        # The process has no standard error.
        return
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = open(
        number,
        "w",
        buffering=1,
        encoding=sys.stderr.encoding,
        errors=sys.stderr.errors,
    )


# Runs on import, before any library logs.
absl_logging.get_absl_logger().addFilter(_says_something)
if is_command_line() and FLAG not in sys.argv:
    _drop_output_of_libraries()
