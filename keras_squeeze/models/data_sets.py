"""Releases datasets that TensorFlow would keep."""

import contextlib
import inspect
import threading

import keras

# The attribute in which TensorFlow keeps Python functions used by a graph.
_KEPT = "_py_funcs_used_in_graph"
# The variable of these functions that refers to the data they read.
_STATE = "generator_state"
_state = threading.local()


@contextlib.contextmanager
def released_data_sets():
    """Context at whose end the datasets that Keras created are released.

    On TensorFlow, Keras reads other datasets through `from_generator()`. The
    default graph keeps its functions until the process ends, along with the
    samples and the model that preprocesses them. There is one such graph per
    thread. A `fit()` with validation, which keeps its validation dataset for
    the next epoch, releases everything when it ends.
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
    """Whether a function reads a dataset that Keras made from another one."""
    function = inspect.unwrap(function)
    state = getattr(function, "__self__", None)
    if state is None and inspect.isfunction(function):
        state = inspect.getclosurevars(function).nonlocals.get(_STATE)
    generator = getattr(state, "_generator", None)
    return "DatasetAdapter." in getattr(generator, "__qualname__", "")
