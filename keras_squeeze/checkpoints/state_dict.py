"""Reads the tensors of a Hugging Face checkpoint in any file format."""

import collections.abc
import json
import math
import os
import posixpath
import re

import ml_dtypes
import numpy as np

from keras_squeeze.checkpoints.files import get_file
from keras_squeeze.checkpoints.original import CHECKPOINT
from keras_squeeze.checkpoints.original import VariablesFile
from keras_squeeze.checkpoints.sizes import Holdings
from keras_squeeze.checkpoints.torch_pickle import TorchPickle
from keras_squeeze.checkpoints.weights_file import check_stored

# In the same order of preference as transformers.
_WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tf_model.h5",
)
# Shards must be in the same folder as the index.
_SHARD_NAME = re.compile(r"[\w.-]+\.(safetensors|bin)")
# Names of variables that PyTorch calls `weight`. `gamma` and `beta` also occur
# in old PyTorch files and are handled there.
_TENSORS = {"kernel": "weight", "embeddings": "weight"}


def open_state_dict(preset, subfolder="", **options):
    """Open the weights of a Hugging Face checkpoint.

    It reads the first of these that exists: `model.safetensors` or its shards,
    `pytorch_model.bin` or its shards, `tf_model.h5`,
    `mobilebert_variables.ckpt`.

    Args:
        preset: string. A local folder or a handle such as
            `"hf://org/name"`.
        subfolder: string. The subfolder that holds the files. Defaults to `""`.
        **options: Arguments of `huggingface_hub.hf_hub_download`, such as
            `revision`, for presets on the hub.

    Returns:
        A `StateDict`, which maps the names of PyTorch's state dict to NumPy
        arrays.

    Raises:
        FileNotFoundError: If there are no weight files.
        ValueError: If a file is damaged, incomplete or not in the format of its
            extension.

    Example:

    ```python
    backbone = keras_squeeze.models.MobileBertBackbone.from_preset(
        "mobile_bert_tiny_en_uncased"
    )
    backbone.export_to_transformers("checkpoint")
    state_dict = open_state_dict("checkpoint")
    state_dict.shape("embeddings.word_embeddings.weight")  # (30522, 128)
    ```
    """

    def find(name):
        path = posixpath.join(subfolder, name)
        return get_file(preset, path, **options)

    for name in _WEIGHT_FILES:
        try:
            path = find(name)
        except FileNotFoundError:
            continue
        if name.endswith(".index.json"):
            return StateDict(_open_shards(find, path))
        return _all_of(_open(path))
    try:
        return _all_of(VariablesFile.find(find))
    except FileNotFoundError:
        pass
    raise FileNotFoundError(
        f"There are no weights in `{preset}`. Expected one of the files "
        + ", ".join(f"`{name}`" for name in (*_WEIGHT_FILES, CHECKPOINT))
        + "."
    )


def _all_of(file):
    return StateDict((name, file) for name in file)


class StateDict(collections.abc.Mapping):
    """Tensors by their names in the current PyTorch classes.

    The names are those in the files, with two exceptions: older names that end
    in `LayerNorm.gamma` and `LayerNorm.beta` end in `weight` and `bias`, and
    the `position_ids` of the embeddings, which are constants, are left out. A
    tensor is read on access and not kept, so a loader never holds more than
    one.

    Args:
        tensors: Iterable of pairs of a name and the open file with that tensor.
            A file has a `path`, iterates over its names, and supports
            `shape(name)` and `file[name]`.

    Raises:
        ValueError: If two tensors have the same name.
    """

    def __init__(self, tensors):
        self._places = {}
        for stored_name, file in tensors:
            if stored_name.endswith("embeddings.position_ids"):
                continue
            name = _modern_name(stored_name)
            if name in self._places:
                raise ValueError(
                    f"The checkpoint has the tensor `{name}` twice, once as "
                    f"`{stored_name}`."
                )
            self._places[name] = (file, stored_name)

    def __len__(self):
        return len(self._places)

    def __iter__(self):
        return iter(self._places)

    def __contains__(self, name):
        # The method of `Mapping` would read the tensor.
        return name in self._places

    def __getitem__(self, name):
        file, stored_name = self._places[name]
        return file[stored_name]

    def shape(self, name):
        """Return the shape of a tensor, as a tuple, without reading data."""
        file, stored_name = self._places[name]
        return file.shape(stored_name)

    def holdings(self, preset):
        """Count the tensors and elements, without reading data.

        Args:
            preset: string. The name of the checkpoint in errors.

        Returns:
            A `Holdings`.
        """
        paths = {file.path for file, _ in self._places.values()}
        num_elements = sum(math.prod(self.shape(name)) for name in self)
        return Holdings(preset, len(self), num_elements, sorted(paths))


def _modern_name(name):
    *parents, last = name.split(".")
    if parents and "norm" in parents[-1].lower():
        last = {"gamma": "weight", "beta": "bias"}.get(last, last)
    return ".".join([*parents, last])


def _open_shards(find, index_path):
    """Pair each name in an index with its open shard."""
    _refuse_placeholder(index_path)
    try:
        with open(index_path, encoding="utf-8") as file:
            index = json.load(file)
    except (ValueError, RecursionError):
        index = None
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict):
        raise ValueError(
            f"`{index_path}` is not an index of shards: it must have a JSON "
            "object whose `weight_map` maps tensor names to files."
        )
    shards = {}
    for shard in weight_map.values():
        if not isinstance(shard, str) or not _SHARD_NAME.fullmatch(shard):
            raise ValueError(
                f"`{index_path}` must name `.safetensors` or `.bin` files in "
                f"the same folder. Received: {shard!r:.200}"
            )
        if shard in shards:
            continue
        try:
            shards[shard] = _open(find(shard))
        except FileNotFoundError as e:
            raise ValueError(
                f"`{index_path}` names the shard `{shard}`, which is missing."
            ) from e
    stored = {shard: set(file) for shard, file in shards.items()}
    for name, shard in weight_map.items():
        if name not in stored[shard]:
            raise ValueError(
                f"`{index_path}` names the tensor `{name}`, which is missing "
                f"in its shard `{shard}`."
            )
    return [(name, shards[shard]) for name, shard in weight_map.items()]


def _open(path):
    _refuse_placeholder(path)
    extension = os.path.splitext(path)[1]
    if extension == ".safetensors":
        file = _SafetensorsFile(path)
        return _TensorFlowVariables(file) if file.is_tensorflow else file
    if extension == ".bin":
        return TorchPickle(path)
    return _TensorFlowVariables(_H5File(path))


def _refuse_placeholder(path):
    """Reject a file that a failed download left behind."""
    with open(path, "rb") as file:
        start = file.read(64).lstrip().lower()
    if not start:
        raise ValueError(f"`{path}` is empty.")
    if start.startswith(b"version https://git-lfs"):
        raise ValueError(
            f"`{path}` looks like a git-lfs pointer instead of the file: run "
            "`git lfs pull` in its repository."
        )
    if start.startswith((b"<!doctype html", b"<html")):
        raise ValueError(
            f"`{path}` looks like an HTML page, not a checkpoint: download "
            "the file itself."
        )


class _SafetensorsFile:
    """A file in the safetensors format."""

    def __init__(self, path):
        import safetensors

        self.path = path
        try:
            self._file = safetensors.safe_open(path, framework="np")
        except safetensors.SafetensorError as e:
            raise ValueError(
                f"Cannot read `{path}` as a safetensors file: {e}"
            ) from e
        metadata = self._file.metadata() or {}
        self.is_tensorflow = metadata.get("format") == "tf"

    def __iter__(self):
        return iter(self._file.keys())

    def shape(self, name):
        return tuple(self._file.get_slice(name).get_shape())

    def __getitem__(self, name):
        try:
            tensor = self._file.get_tensor(name)
        except (TypeError, AttributeError) as e:
            dtype = self._file.get_slice(name).get_dtype()
            raise ValueError(
                f"The tensor `{name}` of `{self.path}` has the dtype {dtype}, "
                "which NumPy does not support."
            ) from e
        if tensor.dtype == ml_dtypes.bfloat16:
            # Same as in the other formats.
            tensor = tensor.astype(np.float32)
        return tensor


class _H5File:
    """The variables of a `tf_model.h5`, without the prefixes of their names."""

    def __init__(self, path):
        import h5py

        self.path = path
        self._datasets = {}

        def collect(name, item):
            if not isinstance(item, h5py.Dataset):
                return
            # `<layer>/<model>/<layer>/<...>/<variable>`
            parts = name.split("/", 2)
            if len(parts) < 3 or item.dtype.kind not in "fiub":
                raise ValueError(f"`{name}` is not a variable")
            check_stored(item)
            self._datasets[parts[2]] = item

        try:
            # The file must stay open as long as the datasets are used.
            file = h5py.File(path, "r")
            if "layer_names" not in file.attrs:
                raise ValueError("the attribute `layer_names` is missing")
            file.visititems(collect)
        except Exception as e:
            # Damaged files raise exceptions of any type: `KeyError`, `OSError`,
            # `TypeError`...
            raise ValueError(
                f"Cannot read `{path}` as TensorFlow weights saved by "
                f"transformers: {e}"
            ) from e

    def __iter__(self):
        return iter(self._datasets)

    def shape(self, name):
        return self._datasets[name].shape

    def __getitem__(self, name):
        try:
            return self._datasets[name][()]
        except (OSError, RuntimeError) as e:
            raise ValueError(
                f"Cannot read the tensor `{name}` of `{self.path}`: {e}"
            ) from e


class _TensorFlowVariables:
    """Presents variables of the TensorFlow classes as PyTorch tensors.

    `encoder/layer_._0/output/dense/kernel:0` is the transposed
    `encoder.layer.0.output.dense.weight`. All kernels are transposed, including
    those of convolutions. Embedding tables and the two matrices of the masked
    language modeling head, which TensorFlow does not call kernels, are not.
    """

    def __init__(self, file):
        self._file = file
        self.path = file.path
        self._variables = {}
        for variable in file:
            *parents, last = variable.removesuffix(":0").split("/")
            # Layers that PyTorch nests in another module: `predictions___cls`.
            parents = [
                part.rpartition("___")[2].replace("_._", ".")
                for part in parents
            ]
            self._variables[".".join([*parents, _TENSORS.get(last, last)])] = (
                variable,
                last == "kernel",
            )

    def __iter__(self):
        return iter(self._variables)

    def shape(self, name):
        variable, is_transposed = self._variables[name]
        shape = self._file.shape(variable)
        return shape[::-1] if is_transposed else shape

    def __getitem__(self, name):
        variable, is_transposed = self._variables[name]
        value = self._file[variable]
        return value.T if is_transposed else value
