"""Loading and saving of models, with the API of transformers."""

import contextlib
import copy
import json
import math
import os
import re
import warnings

import keras
import numpy as np
from huggingface_hub import split_state_dict_into_shards_factory

from keras_squeeze.checkpoints.keras_preset import load_weights
from keras_squeeze.checkpoints.weight_table import Comparison
from keras_squeeze.checkpoints.weight_table import describe
from keras_squeeze.models.optimization import follow_requires_grad
from keras_squeeze.new_files import new_files
from keras_squeeze.transformers.models.config_files import CONFIG_NAME
from keras_squeeze.transformers.models.config_files import is_keras_preset
from keras_squeeze.transformers.models.pretrained_config import PretrainedConfig
from keras_squeeze.transformers.repository import Repository
from keras_squeeze.transformers.saving import PushToHubMixin
from keras_squeeze.transformers.saving import check_not_a_file

_WEIGHTS_NAME = "model.safetensors"
_WEIGHTS_PATTERN = "model{suffix}.safetensors"
# Weight files that an earlier `save_pretrained()` may have left.
_WEIGHTS_FILE = re.compile(
    r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?"
)
# Parts of a saved model that have no influence on its weights, or that are
# compared on their own.
_COMPARED_OTHERWISE = ("backbone", "dtype", "name", "preprocessor")
# Arguments that have no effect: the weight format is detected, and there is
# only one way to load it.
_WITHOUT_MEANING = (
    "attn_implementation",
    "device_map",
    "from_pt",
    "from_tf",
    "low_cpu_mem_usage",
    "use_safetensors",
    "weights_only",
)
# Unsupported arguments, with what to do instead.
_NOT_SUPPORTED = {
    "saved_model": "Use `model.task.export()` or `export_tflite(model.task)`.",
    "variant": "Put the files in a folder of their own, or in a `subfolder`.",
}


class ModelFiles(PushToHubMixin):
    """Loads and saves models, and gives access to their weights.

    A mixin of `PreTrainedModel`, whose `config`, `task` and `backbone` it uses.
    """

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path,
        *model_args,
        config=None,
        ignore_mismatched_sizes=False,
        output_loading_info=False,
        **kwargs,
    ):
        """Load a model.

        Args:
            pretrained_model_name_or_path: string or `os.PathLike`. A folder or
                a repository on the hub, with a `config.json` and weights in any
                PyTorch or TensorFlow format; or a preset of
                `keras_squeeze.models`, built-in or in a folder.
            *model_args: Positional arguments of the class, after `config`.
            config: Optional configuration, or anything that its
                `from_pretrained()` accepts. Defaults to the checkpoint's
                configuration.
            ignore_mismatched_sizes: bool. Whether to initialize weights whose
                shapes do not match, instead of raising an error. Defaults to
                `False`.
            output_loading_info: bool. Whether to also return a report of the
                missing and unexpected weights. Defaults to `False`.
            **kwargs: Fields of the configuration, such as `num_labels`; the
                options that locate the files: `subfolder`, `revision`,
                `cache_dir`, `local_files_only`, `force_download` and `token`;
                `dtype` or `torch_dtype`, the dtype to compute in; and arguments
                of the class. `from_pt`, `from_tf` and similar arguments are not
                needed.

        Returns:
            A model of this class. With `output_loading_info`, a tuple of the
            model and a dictionary of `missing_keys`, `unexpected_keys`,
            `mismatched_keys` and `error_msgs`.

        Raises:
            OSError: If the files do not exist.
            ValueError: If weights do not have the shapes of the model, or are
                not finite floats.
            NotImplementedError: If `variant` is passed.

        Example:

        ```python
        model = keras_squeeze.MobileBertForTokenClassification.from_pretrained(
            "mobile_bert_tiny_en_uncased", num_labels=3
        )
        ```
        """
        repository = Repository.from_kwargs(
            pretrained_model_name_or_path, kwargs
        )
        for name in _WITHOUT_MEANING:
            kwargs.pop(name, None)
        _check_supported(kwargs)
        torch_dtype = kwargs.pop("torch_dtype", None)
        dtype = kwargs.pop("dtype", torch_dtype)
        given = set(kwargs)
        is_stated = config is None
        if is_stated:
            config, kwargs = cls.config_class.from_repository(
                repository, return_unused_kwargs=True, **kwargs
            )
        elif not isinstance(config, PretrainedConfig):
            config = cls.config_class.from_pretrained(config)
        config.name_or_path = repository.name
        if dtype == "auto":
            dtype = config.dtype
        if not isinstance(dtype, (str, keras.DTypePolicy, type(None))):
            # The string of a PyTorch dtype is like `torch.float32`.
            dtype = str(dtype).rpartition(".")[2]
        state_dict = cls._open_weights(repository)
        if is_stated and state_dict is not None:
            # Fields that the caller passed are not checked against the file.
            fields = {**config.to_dict(), "num_labels": config.num_labels}
            cls.architecture().check_config(
                {k: v for k, v in fields.items() if k not in given},
                state_dict.holdings(repository.name),
            )
        model = cls(config, *model_args, dtype=dtype, **kwargs)
        if state_dict is None:
            found = model._load_preset(repository, ignore_mismatched_sizes)
        else:
            found = model._load_weights(
                state_dict, repository, ignore_mismatched_sizes
            )
        info = model._report(found, repository)
        return (model, info) if output_loading_info else model

    def _load_weights(self, state_dict, repository, ignore_mismatched_sizes):
        table = self.architecture().weight_table
        with _naming(repository):
            found = table.compare(state_dict, self.backbone, self.task)
        if found.mismatched and not ignore_mismatched_sizes:
            raise ValueError(
                f"The weights of `{repository.name}` do not have the shapes "
                f"of the model: {'; '.join(describe(found.mismatched))}. To "
                "initialize those, pass `ignore_mismatched_sizes=True`."
            )
        with _naming(repository):
            table.assign(state_dict, found)
        return found

    def _report(self, found, repository):
        """Report which weights were not loaded, and warn if there are any."""
        missing = [
            self._full_name(name)
            for name in found.missing
            if self._is_saved(name)
        ]
        new = missing + describe(found.mismatched)
        if new:
            warnings.warn(
                f"Some weights of `{type(self).__name__}` are newly "
                f"initialized, because they are missing in "
                f"`{repository.name}` or their shapes do not match. You "
                "should train the model before you use it: " + ", ".join(new),
                stacklevel=3,
            )
        return {
            "missing_keys": missing,
            "unexpected_keys": found.unread + found.unexpected,
            "mismatched_keys": found.mismatched,
            "error_msgs": [],
        }

    @classmethod
    def _open_weights(cls, repository):
        """Open the weights of a checkpoint. `None` for a KerasHub preset."""
        # Reading weight files needs packages that nothing else needs.
        from keras_squeeze.checkpoints.state_dict import open_state_dict

        if is_keras_preset(repository.load_json(CONFIG_NAME)):
            repository.complete_preset(cls.architecture().backbone_cls)
            return None
        try:
            return open_state_dict(
                repository.preset, repository.subfolder, **repository.options
            )
        except ValueError as e:
            raise OSError(
                f"The weights of `{repository.name}` cannot be read. {e}"
            ) from e

    def _load_preset(self, repository, ignore_mismatched_sizes):
        """Load the weights of a KerasHub preset."""
        table = self.architecture().weight_table
        saved, options = repository.load_saved(CONFIG_NAME), {}
        backbone, task = self.backbone, None
        try:
            saved_task = repository.load_saved("task.json")
        except FileNotFoundError:
            saved_task = {"registered_name": None}
        if saved_task["registered_name"] == keras.saving.get_registered_name(
            type(self.task)
        ):
            saved, options = saved_task, {"preprocessor": None}
            task = self.task
        model = backbone if task is None else task
        preset = repository.complete_preset(type(model), **options)
        if _is_as_saved(model, saved["config"]):
            load_weights(preset, backbone, task)
            loaded = table.variables(backbone, task)
            own = table.variables(backbone, self.task)
            return Comparison(missing=[x for x in own if x not in loaded])
        # Keras can only read the weights into the model that was saved, and
        # the caller changed it, for example with `num_labels`.
        other = type(model).from_preset(preset, **options)
        if task is None:
            arrays = table.state_dict(other)
        else:
            arrays = table.state_dict(other.backbone, other)
        return self._load_weights(
            _Arrays(arrays), repository, ignore_mismatched_sizes
        )

    def _full_name(self, name):
        """Convert a name in the weight table to the name in a file."""
        table = self.architecture().weight_table
        is_of_head = name.startswith(table.head_names)
        return name if self.task is None or is_of_head else table.prefix + name

    def _is_saved(self, name):
        """Whether the transformers class has this tensor."""
        return self.has_pooler or not name.startswith("pooler.")

    def _saved_variables(self):
        """Map the tensor names of a file to the variables that are saved."""
        table = self.architecture().weight_table
        return {
            self._full_name(name): variable
            for name, (variable, _) in table.variables(
                self.backbone, self.task
            ).items()
            if self._is_saved(name)
        }

    def _state_dict(self):
        """Collect the weights by their names in the PyTorch class."""
        table = self.architecture().weight_table
        return {
            self._full_name(name): value
            for name, value in table.state_dict(
                self.backbone, self.task
            ).items()
            if self._is_saved(name)
        }

    def save_pretrained(
        self,
        save_directory,
        push_to_hub=False,
        max_shard_size="5GB",
        safe_serialization=True,
        **kwargs,
    ):
        """Write `config.json` and the weights in the format of PyTorch.

        transformers can load the result. The files appear only once all of them
        are complete.

        Args:
            save_directory: string or `os.PathLike`. The folder. It is created
                if it does not exist.
            push_to_hub: bool. Whether to also upload the files. Defaults to
                `False`.
            max_shard_size: int or string like `"200MB"`. The maximum size of a
                weight file. Larger weights are split into several files.
                Defaults to `"5GB"`.
            safe_serialization: bool. Must be `True`: the weights are written
                as safetensors.
            **kwargs: Arguments of `push_to_hub()`.

        Raises:
            AssertionError: If `save_directory` is a file.
            ValueError: If `safe_serialization` is not True.
            NotImplementedError: If `saved_model` or `variant` is passed.
        """
        check_not_a_file(save_directory)
        _check_supported(kwargs)
        if not safe_serialization:
            raise ValueError(
                "`safe_serialization` must be True: weights are written as "
                "safetensors, which transformers reads on every framework. "
                f"Received: safe_serialization={safe_serialization}"
            )
        config = copy.deepcopy(self.config)
        config.architectures = [type(self).__name__.removeprefix("TF")]
        config.dtype = self.variable_dtype
        # Serialize first, so that a failure leaves no files behind.
        contents = config.to_json_string()
        with new_files(save_directory) as folder:
            names = _save_weights(self._state_dict(), folder, max_shard_size)
            (folder / CONFIG_NAME).write_text(contents, encoding="utf-8")
        for name in os.listdir(save_directory):
            if _WEIGHTS_FILE.fullmatch(name) and name not in names:
                os.remove(os.path.join(save_directory, name))
        if push_to_hub:
            self._push_saved(save_directory, **kwargs)

    # === Weights ===

    def num_parameters(self, only_trainable=False, exclude_embeddings=False):
        """Count the parameters of the transformers model.

        Args:
            only_trainable: bool. Whether to count only trainable parameters.
                Defaults to `False`.
            exclude_embeddings: bool. Whether to exclude the embeddings.
                Defaults to `False`.

        Returns:
            int.
        """
        follow_requires_grad(self)
        return sum(
            math.prod(variable.shape)
            for name, variable in self._saved_variables().items()
            if (variable.trainable or not only_trainable)
            and not (exclude_embeddings and "_embeddings." in name)
        )

    def get_input_embeddings(self):
        """Return the token embedding layer.

        Returns:
            A `keras.layers.ReversibleEmbedding`.
        """
        return self.backbone.token_embedding

    def set_input_embeddings(self, value):
        """Replace the token embeddings.

        Args:
            value: An embedding layer, or an array of shape `(vocab_size,
                embedding_size)`. Its values are copied.

        Raises:
            ValueError: If the embedding size differs.
        """
        value = keras.ops.convert_to_numpy(getattr(value, "embeddings", value))
        size = self.config.embedding_size
        if value.ndim != 2 or value.shape[1] != size:
            raise ValueError(
                f"`value` must have the shape (vocab_size, {size}). "
                f"Received: value of shape {value.shape}"
            )
        self.resize_token_embeddings(len(value))
        self.get_input_embeddings().embeddings.assign(value)

    def get_output_embeddings(self):
        """Return the output embedding layer.

        Returns:
            The layer of `get_input_embeddings()`, which is tied to the output;
            or `None` if the model has no language modeling head.
        """
        head = self.get_lm_head()
        return None if head is None else head.token_embedding

    def set_output_embeddings(self, value):
        """Replace the output embeddings, and the input embeddings with them.

        Args:
            value: As in `set_input_embeddings()`.
        """
        if self.get_lm_head() is not None:
            self.set_input_embeddings(value)

    def get_lm_head(self):
        """Return the language modeling head, or `None`."""
        return getattr(self.task, "masked_lm_head", None)

    def get_bias(self):
        """Return the bias of the language modeling head.

        Returns:
            A dictionary with the variable, or `None`.
        """
        head = self.get_lm_head()
        return None if head is None else {"bias": head.bias}

    def set_bias(self, value):
        """Replace the bias of the language modeling head.

        Args:
            value: A dictionary of the values, in the format of `get_bias()`.

        Raises:
            ValueError: If the model has no language modeling head.
        """
        if self.get_lm_head() is None:
            raise ValueError(
                f"`{type(self).__name__}` has no language modeling head, so "
                "there is no bias to set."
            )
        self.get_lm_head().bias.assign(value["bias"])

    def prune_heads(self, heads_to_prune):
        """Not supported: attention heads cannot be removed.

        Args:
            heads_to_prune: Dictionary of lists of heads per layer.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            "Attention heads cannot be removed. To compute without some of "
            "them, pass `head_mask` to the model. Received: "
            f"heads_to_prune={heads_to_prune}"
        )

    def resize_token_embeddings(
        self, new_num_tokens=None, pad_to_multiple_of=None, mean_resizing=True
    ):
        """Grow the vocabulary, or shrink it, at its end.

        The language modeling head is resized as well. A compiled model must be
        compiled again.

        Args:
            new_num_tokens: Optional int. The new vocabulary size. Defaults to
                `None`, which keeps the current size.
            pad_to_multiple_of: Optional int. The size is rounded up to a
                multiple of it.
            mean_resizing: bool. Whether to initialize new tokens with the mean
                of the embeddings instead of randomly. Defaults to `True`.

        Returns:
            The token embedding layer.
        """
        size = self.backbone.vocabulary_size
        wanted = size if new_num_tokens is None else new_num_tokens
        if pad_to_multiple_of is not None:
            wanted = math.ceil(wanted / pad_to_multiple_of) * pad_to_multiple_of
        if wanted != size:
            initializer = "mean"
            if not mean_resizing:
                initializer = keras.initializers.RandomNormal(
                    stddev=self.config.initializer_range
                )
            self.backbone.resize_vocabulary(wanted, initializer)
            if self.get_lm_head() is not None:
                self.get_lm_head().resize_vocabulary(initializer)
            self.config.vocab_size = wanted
        return self.get_input_embeddings()


@contextlib.contextmanager
def _naming(repository):
    """Name the repository in the errors of the weight table."""
    try:
        yield
    except ValueError as e:
        raise ValueError(
            f"The weights of `{repository.name}` cannot be loaded. {e}"
        ) from e


def _check_supported(kwargs):
    """Remove unsupported arguments, and raise an error if one is set."""
    for name, advice in _NOT_SUPPORTED.items():
        value = kwargs.pop(name, None)
        if value:
            raise NotImplementedError(
                f"`{name}` is not supported. {advice} Received: "
                f"{name}={value!r}"
            )


class _Arrays(dict):
    """Arrays by name, with the interface that the weight table needs."""

    def shape(self, name):
        return np.shape(self[name])


def _is_as_saved(model, config):
    """Whether a model is what `from_preset()` makes of a saved configuration.

    Args:
        model: A backbone, or a task without a preprocessor.
        config: Dictionary. The `"config"` in the file.

    Returns:
        bool.
    """
    own, saved = (
        {k: v for k, v in settings.items() if k not in _COMPARED_OTHERWISE}
        for settings in (model.get_config(), config)
    )
    if own != saved:
        return False
    if hasattr(model, "backbone"):
        backbone = config.get("backbone") or {}
        return _is_as_saved(model.backbone, backbone.get("config", {}))
    # KerasHub loads floats in the current policy, and other kinds unchanged.
    policy = keras.dtype_policies.get(config.get("dtype"))
    is_float = type(policy) is keras.dtype_policies.DTypePolicy
    return is_float and model.dtype_policy == keras.config.dtype_policy()


def _save_weights(state_dict, folder, max_shard_size):
    """Write weights to one file, or to several files and an index.

    Args:
        state_dict: Dictionary of NumPy arrays.
        folder: A `pathlib.Path`.
        max_shard_size: int or string.

    Returns:
        A list of file names.
    """
    from safetensors.numpy import save

    split = split_state_dict_into_shards_factory(
        state_dict,
        get_storage_size=lambda tensor: tensor.nbytes,
        filename_pattern=_WEIGHTS_PATTERN,
        max_shard_size=max_shard_size,
    )
    names = list(split.filename_to_tensors)
    for name in names:
        shard = {
            key: state_dict[key] for key in split.filename_to_tensors[name]
        }
        # The PyTorch classes require this.
        contents = save(shard, metadata={"format": "pt"})
        (folder / name).write_bytes(contents)
    if split.is_sharded:
        index = {
            "metadata": split.metadata,
            "weight_map": split.tensor_to_filename,
        }
        contents = json.dumps(index, indent=2, sort_keys=True) + "\n"
        names.append(f"{_WEIGHTS_NAME}.index.json")
        (folder / names[-1]).write_text(contents, encoding="utf-8")
    return names
