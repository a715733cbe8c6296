"""The tensors of a Hugging Face checkpoint, whatever files hold them."""

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

# In the order of preference, which is that of transformers.
_WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tf_model.h5",
)
# Nothing but a file beside the index.
_SHARD_NAME = re.compile(r"[\w.-]+\.(safetensors|bin)")
# What PyTorch calls `weight`; `gamma` and `beta` are also found in old files
# of PyTorch.
_TENSORS = {"kernel": "weight", "embeddings": "weight"}


def open_state_dict(preset, subfolder="", **options):
    """Opens the weights of a Hugging Face checkpoint.

    The first of these files that exists is read: `model.safetensors` or its
    shards, `pytorch_model.bin` or its shards, `tf_model.h5`,
    `mobilebert_variables.ckpt`.

    Args:
        preset: string. A local folder or a handle such as
            `"hf://org/name"`.
        subfolder: string. Where in it the files are. Defaults to `""`.
        **options: Arguments of `huggingface_hub.hf_hub_download`, such as
            `revision`, for presets on the hub.

    Returns:
        A `StateDict`, which maps the names of the PyTorch state dictionary
        to NumPy arrays.

    Raises:
        FileNotFoundError: if there is no file of weights.
        ValueError: if a file is damaged, incomplete or not what its name
            promises.

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
        f"There are no weights in `{preset}`: none of the files "
        + ", ".join(f"`{name}`" for name in (*_WEIGHT_FILES, CHECKPOINT))
        + " exists."
    )


def _all_of(file):
    return StateDict((name, file) for name in file)


class StateDict(collections.abc.Mapping):
    """Tensors by the names that today's PyTorch classes give them.

    The names are those of the files with two exceptions: the last part of
    the older names `LayerNorm.gamma` and `LayerNorm.beta` reads `weight` and
    `bias`, and the `position_ids` of the embeddings, which are counted and
    not learned, are left out. A tensor is read when it is asked for and is
    not kept, so that a loader never holds more than one.

    Args:
        tensors: iterable of pairs of a name and of the opened file that
            holds it. Such a file has a `path`, the names to iterate over,
            `shape(name)` and `file[name]`.

    Raises:
        ValueError: if two tensors have the same name.
    """

    def __init__(self, tensors):
        self._places = {}
        for stored_name, file in tensors:
            if stored_name.endswith("embeddings.position_ids"):
                continue
            name = _modern_name(stored_name)
            if name in self._places:
                raise ValueError(
                    f"The checkpoint holds the tensor `{name}` twice, once "
                    f"as `{stored_name}`."
                )
            self._places[name] = (file, stored_name)

    def __len__(self):
        return len(self._places)

    def __iter__(self):
        return iter(self._places)

    def __contains__(self, name):
        # That of `Mapping` would read the tensor.
        return name in self._places

    def __getitem__(self, name):
        file, stored_name = self._places[name]
        return file[stored_name]

    def shape(self, name):
        """The shape of a tensor, as a tuple; reads no data."""
        file, stored_name = self._places[name]
        return file.shape(stored_name)

    def holdings(self, preset):
        """How much there is; reads no data.

        Args:
            preset: string. What the checkpoint is called in messages.

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
    """Pairs of a name and of the opened shard that the index gives it."""
    _refuse_placeholder(index_path)
    try:
        with open(index_path, encoding="utf-8") as file:
            index = json.load(file)
    except (ValueError, RecursionError):
        index = None
    weight_map = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(weight_map, dict):
        raise ValueError(
            f"`{index_path}` is not an index of shards: it must hold a JSON "
            "object whose `weight_map` maps names of tensors to files."
        )
    shards = {}
    for shard in weight_map.values():
        if not isinstance(shard, str) or not _SHARD_NAME.fullmatch(shard):
            raise ValueError(
                f"`{index_path}` must name `.safetensors` or `.bin` files of "
                f"its own folder. Received: {shard!r:.200}"
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
                f"`{index_path}` names the tensor `{name}`, which its shard "
                f"`{shard}` lacks."
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
    """Says what lies there when a download went wrong."""
    with open(path, "rb") as file:
        start = file.read(64).lstrip().lower()
    if not start:
        raise ValueError(f"`{path}` is empty.")
    if start.startswith(b"version https://git-lfs"):
        raise ValueError(
            f"`{path}` looks like a git-lfs pointer, not the file it stands "
            "for: run `git lfs pull` in its repository."
        )
    if start.startswith((b"<!doctype html", b"<html")):
        raise ValueError(
            f"`{path}` looks like an HTML page, not a checkpoint: download "
            "the file itself."
        )


class _SafetensorsFile:
    """One file in the safetensors format."""

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
                f"The tensor `{name}` of `{self.path}` has the type {dtype}, "
                "which NumPy does not know."
            ) from e
        if tensor.dtype == ml_dtypes.bfloat16:
            # As the other formats give it.
            tensor = tensor.astype(np.float32)
        return tensor


class _H5File:
    """The variables of a `tf_model.h5`, without what precedes their names."""

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
            # Open as long as the datasets are.
            file = h5py.File(path, "r")
            if "layer_names" not in file.attrs:
                raise ValueError("the attribute `layer_names` is missing")
            file.visititems(collect)
        except Exception as e:
            # Damage comes as any type: `KeyError`, `OSError`, `TypeError`...
            raise ValueError(
                f"Cannot read `{path}` as weights that transformers saved "
                f"from TensorFlow: {e}"
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
    """Variables of the TensorFlow classes as the tensors of PyTorch's.

    `encoder/layer_._0/output/dense/kernel:0` is the transposed
    `encoder.layer.0.output.dense.weight`. All kernels are transposed, also
    those of convolutions; tables of embeddings and the two matrices of the
    masked language head, which TensorFlow does not call kernels, are not.
    """

    def __init__(self, file):
        self._file = file
        self.path = file.path
        self._variables = {}
        for variable in file:
            *parents, last = variable.removesuffix(":0").split("/")
            # A layer that PyTorch has in an inner module: `predictions___cls`.
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
