"""Imports Keras faster, in processes that only run a program of this package.

This takes about 60 % of the time of a usual import.
"""

import contextlib
import gc
import importlib.abc
import importlib.machinery
import json
import os
import sys

# TensorFlow and Keras import these packages if they are installed. TensorFlow
# Lite converts the functions of JAX, and Keras wraps models for scikit-learn
# and plots with Matplotlib.
_UNNEEDED = ("jax", "matplotlib", "sklearn")


@contextlib.contextmanager
def quick_imports():
    """Hide packages that are not needed, and collect no garbage.

    Packages that were hidden can be imported afterwards.
    """
    finder = _Finder({*_UNNEEDED} - {backend_name()})
    sys.meta_path.insert(0, finder)
    # Imports make about a million objects, and hardly any garbage.
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        sys.meta_path.remove(finder)


def backend_name():
    """Find the backend in the places where Keras looks, without Keras.

    Returns:
        string, or `None` for the default backend.
    """
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"]
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    try:
        with open(os.path.join(home, "keras.json"), encoding="utf-8") as file:
            return json.load(file)["backend"]
    except (OSError, ValueError, KeyError):
        return None


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules that cannot be imported, instead of the packages.

    PyTorch and SciPy look for packages that they do not import, and must not
    be surprised.
    """

    def __init__(self, names):
        self.names = names

    def find_spec(self, fullname, path=None, target=None):
        if fullname in self.names:
            return importlib.machinery.ModuleSpec(fullname, _Loader())
        return None


class _Loader(importlib.abc.Loader):
    def create_module(self, spec):
        raise ModuleNotFoundError(
            f"No module named {spec.name!r}", name=spec.name
        )

    def exec_module(self, module):
        """Never called, as there is no module."""
