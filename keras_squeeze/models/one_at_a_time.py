"""Models that several threads can share, and that failures leave whole."""

import contextlib
import functools
import os
import threading

from keras_squeeze.models.data_sets import released_data_sets
from keras_squeeze.new_files import check_free_space
from keras_squeeze.new_files import new_file

# What a step on JAX takes and gives back, in this order.
_JAX_STATE = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


def one_at_a_time(method):
    """Let a method of a model run in one thread at a time.

    Keras keeps the state of `fit()` and its like in the model, and on JAX the
    weights leave the model while it runs. What calls the model from another
    thread has to wait; what is called by the method itself has not.

    When the method fails, the model has its weights all the same. When it
    ends, the data sets that Keras made in it are let go of.

    Args:
        method: A method of a class with `OneAtATime` among its bases.

    Returns:
        A method.
    """

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        # The weights are the backbone's, whichever task it is that has it.
        # The lock is not set as an attribute, which Keras would look into;
        # of threads that come at once, `setdefault()` gives all the same one.
        owner = getattr(self, "backbone", self)
        lock = vars(owner).setdefault("_one_at_a_time", threading.RLock())
        with lock, released_data_sets():
            try:
                return method(self, *args, **kwargs)
            except BaseException:
                self.take_state_back()
                raise

    return wrapper


@contextlib.contextmanager
def _whole_file(filepath, ending, overwrite):
    """The name to write a file under, unless it is left to Keras."""
    name = os.fspath(filepath)
    is_ours = isinstance(name, str) and name.endswith(ending)
    # Keras asks before it replaces what is there, or writes elsewhere.
    asks = os.path.exists(name) and not overwrite
    if not is_ours or asks or "://" in name or os.path.isdir(name):
        yield filepath
        return
    with new_file(name) as new:
        yield new


class OneAtATime:
    """A model that several threads can share, and that failures leave whole.

    It comes before Keras' class in the bases. A class that calls the methods
    of `keras.Model` by name decorates its own with `one_at_a_time`.
    """

    @one_at_a_time
    def fit(self, *args, **kwargs):
        return super().fit(*args, **kwargs)

    @one_at_a_time
    def evaluate(self, *args, **kwargs):
        return super().evaluate(*args, **kwargs)

    @one_at_a_time
    def predict(self, *args, **kwargs):
        return super().predict(*args, **kwargs)

    @one_at_a_time
    def train_on_batch(self, *args, **kwargs):
        return super().train_on_batch(*args, **kwargs)

    @one_at_a_time
    def test_on_batch(self, *args, **kwargs):
        return super().test_on_batch(*args, **kwargs)

    @one_at_a_time
    def predict_on_batch(self, *args, **kwargs):
        return super().predict_on_batch(*args, **kwargs)

    @one_at_a_time
    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Write the model to a file, as a whole or not at all.

        Args:
            filepath: string or `os.PathLike`. See `keras.Model.save`.
            overwrite: bool. Whether to replace a file without being asked.
                Defaults to `True`.
            zipped: bool. Whether to write a file, and not a folder. Defaults
                to `None`, for `True` if the name ends in `.keras`.
            **kwargs: other arguments of `keras.Model.save`.
        """
        ending = "/" if zipped is False else ".keras"
        with _whole_file(filepath, ending, overwrite) as path:
            super().save(path, overwrite=overwrite, zipped=zipped, **kwargs)

    @one_at_a_time
    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Write the weights to a file, as a whole or not at all.

        Args:
            filepath: string or `os.PathLike`. See
                `keras.Model.save_weights`.
            overwrite: bool. Whether to replace a file without being asked.
                Defaults to `True`.
            **kwargs: other arguments of `keras.Model.save_weights`.
        """
        folder = os.path.dirname(os.path.abspath(filepath))
        if os.path.isdir(folder):
            optimizer = getattr(self, "optimizer", None)
            check_free_space(
                folder, [*self.variables, *getattr(optimizer, "variables", [])]
            )
        with _whole_file(filepath, ".weights.h5", overwrite) as path:
            super().save_weights(path, overwrite=overwrite, **kwargs)

    def _get_jax_state(self, purge_model_variables=False, **which):
        # Keras takes the weights out of the model here, and would know of
        # them after the first step only, which may fail.
        state = super()._get_jax_state(
            purge_model_variables=purge_model_variables, **which
        )
        if purge_model_variables:
            names = [name for name in _JAX_STATE if which.get(name)]
            self._jax_state = dict(zip(names, state, strict=True))
        return state

    def take_state_back(self):
        """Put what a method that failed had taken out of the model back."""
        if getattr(self, "_jax_state", None):
            self.jax_state_sync()
            self._jax_state = None
