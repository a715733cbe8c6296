"""What processes that work together need."""

import contextlib
import functools
import os
import sys

import keras


def by_first_process(write):
    """Make a function write files only in the first process of a training run.

    The others wait until it has. Their weights are the same, or are parts of
    the same weights, which the first process then collects.

    Args:
        write: A function or method that writes files and returns nothing. It
            may call others of this kind. Models are arguments of it.

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

        with _whole_variables([*args, *kwargs.values()]):
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


@contextlib.contextmanager
def _whole_variables(arguments):
    """Context in which each process has all of the variables of models."""
    from jax.experimental import multihost_utils

    parts = []
    for model in arguments:
        if isinstance(model, keras.Model):
            optimizer = getattr(model, "optimizer", None)
            variables = [*model.variables, *getattr(optimizer, "variables", [])]
            parts += [x for x in variables if _is_split(x.value)]
    values = [variable.value for variable in parts]
    try:
        for variable, value in zip(parts, values, strict=True):
            # `assign()` would split it again.
            variable._value = multihost_utils.process_allgather(
                value, tiled=True
            )
        yield
    finally:
        for variable, value in zip(parts, values, strict=True):
            variable._value = value


def _is_split(value):
    """Whether other processes have parts of an array that this one lacks."""
    return not (value.is_fully_addressable or value.is_fully_replicated)


def import_path():
    """The `PYTHONPATH` of a process that can import what this one can.

    Returns:
        string.
    """
    return os.pathsep.join(path or os.getcwd() for path in sys.path)
