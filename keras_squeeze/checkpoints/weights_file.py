"""Checks the weight files of Keras before Keras reads them."""

import contextlib
import functools
import math
import os

import h5py
import ml_dtypes
import numpy as np

from keras_squeeze.checkpoints.sizes import Holdings
from keras_squeeze.checkpoints.weight_values import fault_of
from keras_squeeze.checkpoints.weight_values import refuse

# The maximum compression ratio of deflate.
_MAX_DEFLATE_RATIO = 1032
# How much of a weight is read at once.
_SLICE_BYTES = 2**24
# Keras saves these next to the weights, with numbers of any kind.
_NOT_WEIGHTS = ("optimizer", "seed_generator")


class CheckedWeights:
    """Checks a weight file before a model loads it.

    Keras casts values of any kind, and reads a dataset before comparing its
    shape. This mixin must come before `keras.Model` in the bases.
    """

    def load_weights(self, filepath, *args, **kwargs):
        if str(filepath).endswith(".h5"):
            with open_weights(filepath):
                pass
        super().load_weights(filepath, *args, **kwargs)

    def load_own_variables(self, store):
        # Keras calls this first, both for `.keras` files and for weight files.
        try:
            _check_store(store, self)
        except ValueError as e:
            store.get = functools.partial(_stop, e)
            raise
        super().load_own_variables(store)


@contextlib.contextmanager
def open_weights(path):
    """Open a weight file.

    Args:
        path: string or `os.PathLike`.

    Yields:
        An `h5py.File`.

    Raises:
        ValueError: If it is truncated, or not an HDF5 file.
    """
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise
    except OSError as e:
        raise ValueError(
            f"Cannot read `{os.fspath(path)}` as weights saved by Keras: {e}"
        ) from e
    with file:
        yield file


def holdings(preset, paths):
    """Count the tensors and elements in weight files.

    Args:
        preset: string. The name of the preset in errors.
        paths: List of the paths of its files.

    Returns:
        A `Holdings`.

    Raises:
        ValueError: If a file cannot be read, or lacks data that it declares.
    """
    sizes = []
    for path in paths:
        with open_weights(path) as file:
            sizes += [
                math.prod(dataset.shape)
                for dataset in _datasets(file, path).values()
            ]
    return Holdings(preset, len(sizes), sum(sizes), paths)


def check_stored(dataset):
    """Reject a dataset that lacks data that it declares.

    Args:
        dataset: An `h5py.Dataset`.

    Raises:
        ValueError: If its data is in another file, or it is larger than the
            stored data.
    """
    # External data could be a part of any file on this machine.
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"`{dataset.name}` has its data outside the file")
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    if size > _MAX_DEFLATE_RATIO * dataset.id.get_storage_size():
        raise ValueError(
            f"`{dataset.name}` has the shape {dataset.shape}, but the file "
            "does not contain that much data"
        )


def _stop(error, path):
    """Stop loading, as a replacement for `store.get()`.

    Otherwise Keras swallows the error of a layer and continues with the next.
    """
    raise error


def _datasets(group, path):
    found = {}

    def collect(name, item):
        if isinstance(item, h5py.Dataset):
            check_stored(item)
            found[name] = item

    try:
        group.visititems(collect)
    except Exception as e:
        # Damaged files raise exceptions of any type.
        raise ValueError(
            f"Cannot read `{path}` as weights saved by Keras: {e}"
        ) from e
    return found


def _check_store(store, model):
    """Reject weights that are not finite floats."""
    if not hasattr(store, "h5_file"):
        return
    prefix = store._h5_entry_path or ""
    if any(prefix.startswith(done) for done in _checked(store)):
        return
    # Shards are opened one at a time.
    shards = getattr(store, "sharding_config", {}).get("weight_map", {})
    names = {
        name
        for value in shards.values()
        for name in (value if isinstance(value, list) else [value])
    }
    if names:
        for name in sorted(names):
            path = store.path.with_name(name)
            with open_weights(path) as file:
                _check_values(file, prefix, model, path)
    else:
        _check_values(store.h5_file, prefix, model, store.path_or_io)
    _checked(store).append(prefix)


def _checked(store):
    """List the prefixes that were checked: a model comes before its parts."""
    if not hasattr(store, "checked_prefixes"):
        store.checked_prefixes = []
    return store.checked_prefixes


def _check_values(file, prefix, model, path):
    if prefix and prefix not in file:
        return
    path = path if isinstance(path, (str, os.PathLike)) else "the file"
    group = file[prefix] if prefix else file
    # Quantized models have integer weights.
    integers = {
        tuple(variable.shape)
        for variable in model.weights
        if "int" in variable.dtype
    }
    faults = {}
    for name, dataset in _datasets(group, path).items():
        if any(part in _NOT_WEIGHTS for part in name.split("/")):
            continue
        if dataset.dtype.kind in "iu" and dataset.shape in integers:
            continue
        try:
            fault = _fault_of_dataset(dataset)
        except (OSError, RuntimeError) as e:
            raise ValueError(
                f"Cannot read the weight `{name}` of `{path}`: {e}"
            ) from e
        if fault is not None:
            faults[name] = fault
    refuse(faults, path)


def _fault_of_dataset(dataset):
    is_bfloat16 = dataset.attrs.get("dtype") == "bfloat16"
    rows = dataset.shape[0] if dataset.shape else 1
    size = math.prod(dataset.shape) * dataset.dtype.itemsize
    step = max(1, rows * _SLICE_BYTES // max(1, size))
    for start in range(0, rows, step):
        if dataset.shape:
            value = dataset[start : start + step]
        else:
            value = np.asarray(dataset[()])
        if is_bfloat16:
            value = value.view(ml_dtypes.bfloat16)
        fault = fault_of(value)
        if fault is not None:
            return fault
    return None
