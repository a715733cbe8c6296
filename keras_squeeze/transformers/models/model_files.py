"""The files and the weights of models, as transformers has them."""

import copy
import json
import math
import os
import re
import warnings

import keras
import numpy as np
from huggingface_hub import split_state_dict_into_shards_factory

from keras_squeeze.checkpoints.weight_table import describe
from keras_squeeze.models.tasks.text_task import follow_requires_grad
from keras_squeeze.new_files import new_files
from keras_squeeze.transformers.models.configs import CONFIG_NAME
from keras_squeeze.transformers.models.configs import PretrainedConfig
from keras_squeeze.transformers.models.configs import check_not_a_file
from keras_squeeze.transformers.models.configs import is_keras_preset
from keras_squeeze.transformers.repository import Repository
from keras_squeeze.transformers.repository import upload

_WEIGHTS_NAME = "model.safetensors"
_WEIGHTS_PATTERN = "model{suffix}.safetensors"
# Files of weights that another `save_pretrained()` may have left.
_WEIGHTS_FILE = re.compile(
    r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?"
)
# What transformers takes and has no meaning here: every format is found, and
# there is one way to load it.
_WITHOUT_MEANING = (
    "attn_implementation",
    "device_map",
    "from_pt",
    "from_tf",
    "low_cpu_mem_usage",
    "use_safetensors",
    "weights_only",
)
# What it has, and what to do instead.
_NOT_SUPPORTED = {
    "saved_model": "Use `model.task.export()` or `export_tflite(model.task)`.",
    "variant": "Put the files in a folder of their own, or in a `subfolder`.",
}


class ModelFiles:
    """Loads and saves models, and hands out their weights.

    Mixed into `PreTrainedModel`, whose `config`, `task` and `backbone` it
    works with.
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
            pretrained_model_name_or_path: string or `os.PathLike`. A folder
                or a repository on the hub, with a `config.json` and with
                weights in any format of PyTorch or TensorFlow; or a preset of
                `keras_squeeze.models`, built-in or in a folder.
            *model_args: Arguments of the class, behind `config`.
            config: Optional configuration, or what its `from_pretrained()`
                takes. Defaults to that of the checkpoint.
            ignore_mismatched_sizes: bool. Whether weights of another shape
                are left new, and not an error. Defaults to `False`.
            output_loading_info: bool. Whether to return, too, what was
                missing. Defaults to `False`.
            **kwargs: Fields of the configuration, like `num_labels`; where
                files are: `subfolder`, `revision`, `cache_dir`,
                `local_files_only`, `force_download` and `token`; `dtype`, or
                `torch_dtype`, the dtype to compute with; and arguments of the
                class. `from_pt`, `from_tf` and the like are not needed.

        Returns:
            A model of this class; with `output_loading_info`, a tuple of it
            and a dictionary of `missing_keys`, `unexpected_keys`,
            `mismatched_keys` and `error_msgs`.

        Raises:
            OSError: If there are no such files.
            ValueError: If weights have another shape than the model's, or are
                not made of finite floats.
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
            # PyTorch's print as `torch.float32`.
            dtype = str(dtype).rpartition(".")[2]
        state_dict = cls._open_weights(repository)
        if is_stated and state_dict is not None:
            # What the caller says is the caller's to say.
            fields = {**config.to_dict(), "num_labels": config.num_labels}
            cls.architecture().check_config(
                {k: v for k, v in fields.items() if k not in given},
                state_dict.holdings(repository.name),
            )
        model = cls(config, *model_args, dtype=dtype, **kwargs)
        if state_dict is None:
            state_dict = model._weights_of_preset(repository)
        info = model._load_weights(
            state_dict, repository, ignore_mismatched_sizes
        )
        return (model, info) if output_loading_info else model

    def _load_weights(self, state_dict, repository, ignore_mismatched_sizes):
        table = self.architecture().weight_table
        try:
            found = table.compare(state_dict, self.backbone, self.task)
        except ValueError as e:
            raise ValueError(
                f"The weights of `{repository.name}` cannot be loaded. {e}"
            ) from e
        if found.mismatched and not ignore_mismatched_sizes:
            raise ValueError(
                f"The weights of `{repository.name}` do not have the shapes "
                f"of the model's: {'; '.join(describe(found.mismatched))}. "
                "To leave those new, pass `ignore_mismatched_sizes=True`."
            )
        try:
            table.assign(state_dict, found)
        except ValueError as e:
            raise ValueError(
                f"The weights of `{repository.name}` cannot be loaded. {e}"
            ) from e
        missing = [
            self._full_name(name)
            for name in found.missing
            if self._is_saved(name)
        ]
        new = missing + describe(found.mismatched)
        if new:
            warnings.warn(
                f"Some weights of `{type(self).__name__}` are new, because "
                f"`{repository.name}` does not have them, or the shapes did "
                "not match. You should train the model before you use it: "
                + ", ".join(new),
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
        """The weights of a checkpoint, `None` for a preset of KerasHub's."""
        # Reading files needs packages that no other call does.
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

    def _weights_of_preset(self, repository):
        """The weights of a preset of KerasHub's layout, as a state dict."""
        try:
            found = repository.load_saved("task.json")["registered_name"]
        except FileNotFoundError:
            found = None
        if self.task is not None and (
            found == keras.saving.get_registered_name(type(self.task))
        ):
            preset = repository.complete_preset(
                type(self.task), preprocessor=None
            )
            task = type(self.task).from_preset(preset, preprocessor=None)
            backbone = task.backbone
        else:
            preset = repository.complete_preset(type(self.backbone))
            task = None
            backbone = type(self.backbone).from_preset(preset)
        return _Arrays(
            self.architecture().weight_table.state_dict(backbone, task)
        )

    def _full_name(self, name):
        """The name of a tensor in a file, of that in the table of weights."""
        table = self.architecture().weight_table
        is_of_head = name.startswith(table.head_names)
        return name if self.task is None or is_of_head else table.prefix + name

    def _is_saved(self, name):
        """Whether the original has a tensor."""
        return self.has_pooler or not name.startswith("pooler.")

    def _saved_variables(self):
        """The variables that are saved, by the names of their tensors."""
        table = self.architecture().weight_table
        return {
            self._full_name(name): variable
            for name, (variable, _) in table.variables(
                self.backbone, self.task
            ).items()
            if self._is_saved(name)
        }

    def _state_dict(self):
        """The weights by the names that PyTorch's class has them by."""
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
        """Write `config.json` and the weights, as PyTorch's classes do.

        What was written is also found by transformers. No file is there
        before all are complete.

        Args:
            save_directory: string or `os.PathLike`. The folder, which is made
                if there is none.
            push_to_hub: bool. Whether to upload it, too. Defaults to `False`.
            max_shard_size: int or string like `"200MB"`. The size of a file
                of weights above which they are put into several. Defaults to
                `"5GB"`.
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
        # Not written yet, so that nothing is if it cannot be.
        contents = config.to_json_string()
        with new_files(save_directory) as folder:
            names = _save_weights(self._state_dict(), folder, max_shard_size)
            (folder / CONFIG_NAME).write_text(contents, encoding="utf-8")
        for name in os.listdir(save_directory):
            if _WEIGHTS_FILE.fullmatch(name) and name not in names:
                os.remove(os.path.join(save_directory, name))
        if push_to_hub:
            name = os.path.basename(os.path.abspath(save_directory))
            self.push_to_hub(kwargs.pop("repo_id", name), **kwargs)

    def push_to_hub(self, repo_id, **kwargs):
        """Upload the model to the Hugging Face hub.

        Args:
            repo_id: string. The repository, which is made if there is none.
            **kwargs: `commit_message`, `private`, `token`, `revision` and
                `create_pr`, as transformers takes them, and arguments of
                `save_pretrained()`.

        Returns:
            What `huggingface_hub.upload_folder` returns.
        """
        return upload(self, repo_id, **kwargs)

    # === Weights ===

    def num_parameters(self, only_trainable=False, exclude_embeddings=False):
        """Count the parameters that the original has.

        Args:
            only_trainable: bool. Whether to leave out those that are not
                trained. Defaults to `False`.
            exclude_embeddings: bool. Whether to leave out the embeddings.
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
        """The layer of the token embeddings.

        Returns:
            A `keras.layers.ReversibleEmbedding`.
        """
        return self.backbone.token_embedding

    def set_input_embeddings(self, value):
        """Replace the token embeddings.

        Args:
            value: A layer of embeddings, or an array of shape `(vocab_size,
                embedding_size)`. Its values are copied.

        Raises:
            ValueError: If the embeddings have another size.
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
        """The layer of the embeddings that words are predicted with.

        Returns:
            That of `get_input_embeddings()`, to which it is tied; `None` for
            a model that predicts no words.
        """
        head = self.get_lm_head()
        return None if head is None else head.token_embedding

    def set_output_embeddings(self, value):
        """Replace the embeddings that words are predicted with.

        Args:
            value: As in `set_input_embeddings()`, to which they are tied.
        """
        if self.get_lm_head() is not None:
            self.set_input_embeddings(value)

    def get_lm_head(self):
        """The layer that predicts words, or `None`."""
        return getattr(self.task, "masked_lm_head", None)

    def get_bias(self):
        """The bias of the layer that predicts words.

        Returns:
            A dictionary of the variable, or `None`.
        """
        head = self.get_lm_head()
        return None if head is None else {"bias": head.bias}

    def set_bias(self, value):
        """Replace the bias of the layer that predicts words.

        Args:
            value: A dictionary of the values, as `get_bias()` gives it.

        Raises:
            ValueError: If the model predicts no words.
        """
        if self.get_lm_head() is None:
            raise ValueError(
                f"`{type(self).__name__}` predicts no words, and has no bias "
                "to set."
            )
        self.get_lm_head().bias.assign(value["bias"])

    def prune_heads(self, heads_to_prune):
        """Not there: the heads of attention stay as they are.

        Args:
            heads_to_prune: Dictionary of lists of heads by layer.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            "Heads of attention cannot be removed. To compute without some of "
            "them, pass `head_mask` to the model. Received: "
            f"heads_to_prune={heads_to_prune}"
        )

    def resize_token_embeddings(
        self, new_num_tokens=None, pad_to_multiple_of=None, mean_resizing=True
    ):
        """Let the vocabulary grow or shrink at its end.

        The head that predicts words follows. A model that was compiled has to
        be compiled again.

        Args:
            new_num_tokens: Optional int. The new size of the vocabulary.
                Defaults to `None`, for that which it has.
            pad_to_multiple_of: Optional int. What the size is made a multiple
                of.
            mean_resizing: bool. Whether new tokens have the mean of the
                embeddings, or random ones. Defaults to `True`.

        Returns:
            The layer of the token embeddings.
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


def _check_supported(kwargs):
    """Take arguments that are not supported out, which must not be set."""
    for name, advice in _NOT_SUPPORTED.items():
        value = kwargs.pop(name, None)
        if value:
            raise NotImplementedError(
                f"`{name}` is not supported. {advice} Received: "
                f"{name}={value!r}"
            )


class _Arrays(dict):
    """Arrays by name, as a table of weights takes them."""

    def shape(self, name):
        return np.shape(self[name])


def _save_weights(state_dict, folder, max_shard_size):
    """Write weights to one file, or to several and an index.

    Args:
        state_dict: Dictionary of NumPy arrays.
        folder: A `pathlib.Path`.
        max_shard_size: int or string.

    Returns:
        A list of the names of the files.
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
        # What PyTorch's classes look for.
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
