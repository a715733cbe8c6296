"""Makes models safe to share between threads, and intact after failures."""

import contextlib
import functools
import os
import threading

from keras_squeeze.models.data_sets import released_data_sets
from keras_squeeze.models.devices import whole_batches
from keras_squeeze.models.optimization import build_optimizer
from keras_squeeze.new_files import check_free_space
from keras_squeeze.new_files import new_file
from keras_squeeze.processes import by_first_process

# The inputs and outputs of a step on JAX, in this order.
_JAX_STATE = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


def one_at_a_time(method):
    """Make a method of a model run in one thread at a time.

    Keras stores the state of methods such as `fit()` in the model, and on JAX
    the weights leave the model while they run. Calls from other threads wait,
    calls by the method itself do not.

    If the method fails, the weights are put back into the model. When it ends,
    the datasets that Keras created in it are released.

    Args:
        method: A method of a subclass of `OneAtATime`.

    Returns:
        A method.
    """

    @functools.wraps(method)
    def wrapper(self, *args, **kwargs):
        # The lock belongs to the backbone, whose weights several tasks may
        # share. It is not set as an attribute, which Keras would track. With
        # concurrent calls, `setdefault()` returns the same lock to all.
        owner = getattr(self, "backbone", self)
        lock = vars(owner).setdefault("_one_at_a_time", threading.RLock())
        with lock, released_data_sets(), whole_batches():
            try:
                return method(self, *args, **kwargs)
            except BaseException:
                self.take_state_back()
                raise

    return wrapper


@contextlib.contextmanager
def _whole_file(filepath, ending, overwrite):
    """Yield the path of a temporary file to write, unless Keras handles it."""
    name = os.fspath(filepath)
    is_ours = isinstance(name, str) and name.endswith(ending)
    # Keras asks before it replaces a file, and writes to remote paths itself.
    asks = os.path.exists(name) and not overwrite
    if not is_ours or asks or "://" in name or os.path.isdir(name):
        yield filepath
        return
    with new_file(name) as new:
        yield new


class OneAtATime:
    """Makes a model safe to share between threads, and intact after failures.

    It must come before the Keras class in the bases. A class that calls the
    methods of `keras.Model` by name must decorate its own with
    `one_at_a_time`.
    """

    @one_at_a_time
    def fit(self, *args, **kwargs):
        build_optimizer(self)
        return super().fit(*args, **kwargs)

    @one_at_a_time
    def evaluate(self, *args, **kwargs):
        return super().evaluate(*args, **kwargs)

    @one_at_a_time
    def predict(self, *args, **kwargs):
        return super().predict(*args, **kwargs)

    @one_at_a_time
    def train_on_batch(self, *args, **kwargs):
        build_optimizer(self)
        return super().train_on_batch(*args, **kwargs)

    @one_at_a_time
    def test_on_batch(self, *args, **kwargs):
        return super().test_on_batch(*args, **kwargs)

    @one_at_a_time
    def predict_on_batch(self, *args, **kwargs):
        return super().predict_on_batch(*args, **kwargs)

    @by_first_process
    @one_at_a_time
    def save(self, filepath, overwrite=True, zipped=None, **kwargs):
        """Write the model to a file atomically.

        Args:
            filepath: string or `os.PathLike`. See `keras.Model.save`.
            overwrite: bool. Whether to replace a file without asking. Defaults
                to `True`.
            zipped: bool. Whether to write a file instead of a folder. Defaults
                to `None`, for `True` if the name ends with `.keras`.
            **kwargs: Other arguments of `keras.Model.save`.
        """
        ending = "/" if zipped is False else ".keras"
        with _whole_file(filepath, ending, overwrite) as path:
            super().save(path, overwrite=overwrite, zipped=zipped, **kwargs)

    @by_first_process
    @one_at_a_time
    def save_weights(self, filepath, overwrite=True, **kwargs):
        """Write the weights to a file atomically.

        Args:
            filepath: string or `os.PathLike`. See
                `keras.Model.save_weights`.
            overwrite: bool. Whether to replace a file without asking. Defaults
                to `True`.
            **kwargs: Other arguments of `keras.Model.save_weights`.
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
        # Keras removes the weights from the model here, and would only record
        # them after the first step, which can fail.
        state = super()._get_jax_state(
            purge_model_variables=purge_model_variables, **which
        )
        if purge_model_variables:
            names = [name for name in _JAX_STATE if which.get(name)]
            self._jax_state = dict(zip(names, state, strict=True))
        return state

    def take_state_back(self):
        """Restore the state that a failed method took out of the model."""
        if getattr(self, "_jax_state", None):
            self.jax_state_sync()
            self._jax_state = None
