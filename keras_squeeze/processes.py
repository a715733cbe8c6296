"""What processes that work together need."""

import functools
import os
import sys

import keras


def by_first_process(write):
    """Make a function write files only in the first process of a training run.

    The others wait until it has. Their weights are the same.

    Args:
        write: A function or method that writes files and returns nothing. It
            may call others of this kind.

    Returns:
        A function or method.
    """

    @functools.wraps(write)
    def wrapper(*args, **kwargs):
        distribution = keras.distribution.distribution()
        if distribution is None or distribution.num_processes == 1:
            write(*args, **kwargs)
            return
        import jax
        from jax.experimental import multihost_utils

        if jax.process_index() == 0:
            # The variables that Keras creates while it writes must not be
            # spread over the processes.
            keras.distribution.set_distribution(None)
            try:
                write(*args, **kwargs)
            finally:
                keras.distribution.set_distribution(distribution)
        multihost_utils.sync_global_devices(write.__qualname__)

    return wrapper


def import_path():
    """The `PYTHONPATH` of a process that can import what this one can.

    Returns:
        string.
    """
    return os.pathsep.join(path or os.getcwd() for path in sys.path)
