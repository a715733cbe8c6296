"""Lets go of the data sets that TensorFlow was fed from."""

import contextlib
import inspect
import threading

import keras

# Where TensorFlow keeps the functions of Python that a graph may call.
_KEPT = "_py_funcs_used_in_graph"
# What these functions call that which they read.
_STATE = "generator_state"
_state = threading.local()


@contextlib.contextmanager
def released_data_sets():
    """Within it, Keras makes no data set that outlives it.

    On TensorFlow, Keras reads other data sets through `from_generator()`,
    whose functions the default graph keeps until the end of the process, with
    the samples and the model that preprocesses them. That graph is one for
    each thread. A `fit()` that evaluates, which keeps its data set for the
    next epoch, lets go of all at its end.
    """
    is_outermost = not getattr(_state, "is_within", False)
    if keras.backend.backend() != "tensorflow" or not is_outermost:
        yield
        return
    import tensorflow as tf

    graph = tf.compat.v1.get_default_graph()
    before = len(getattr(graph, _KEPT, ()))
    _state.is_within = True
    try:
        yield
    finally:
        _state.is_within = False
        kept = getattr(graph, _KEPT, [])
        kept[before:] = [f for f in kept[before:] if not _is_of_keras(f)]


def _is_of_keras(function):
    """Whether a function reads a data set that Keras made of another one."""
    function = inspect.unwrap(function)
    state = getattr(function, "__self__", None)
    if state is None and inspect.isfunction(function):
        state = inspect.getclosurevars(function).nonlocals.get(_STATE)
    generator = getattr(state, "_generator", None)
    return "DatasetAdapter." in getattr(generator, "__qualname__", "")
