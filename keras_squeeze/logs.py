"""Leaves out what the libraries log that tells nobody anything."""

import os
import sys

from absl import logging as absl_logging

# Of each command; it is looked for before there is a parser.
FLAG = "--log"

# `grain` says it where there is no JAX, though nothing here profiles it.
_MEANINGLESS = "Failed to load jax profiler"


def _says_something(record):
    return not record.getMessage().startswith(_MEANINGLESS)


def _is_command_line():
    """Whether this process runs `keras-squeeze` and nothing else."""
    name = os.path.basename(sys.argv[0]).partition(".")[0]
    if name.removesuffix("-script") == "keras-squeeze":
        return True
    # While `python -m` imports the package, that is all that there is.
    return name == "-m" and "keras_squeeze" in sys.orig_argv


def _drop_output_of_libraries():
    """Leave the standard error to Python alone.

    TensorFlow logs in C++ that there is no GPU, as an error among others, and
    no environment variable keeps it from doing so.
    """
    try:
        number = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except OSError:
        # A process without a standard error.
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


# What it is imported for, before anything that logs is.
absl_logging.get_absl_logger().addFilter(_says_something)
if _is_command_line() and FLAG not in sys.argv:
    _drop_output_of_libraries()
