"""The base class of model configurations."""

import copy
import json
import os
import warnings

from keras_squeeze.new_files import write_file
from keras_squeeze.transformers.models.config_files import CONFIG_NAME
from keras_squeeze.transformers.models.config_files import read_fields
from keras_squeeze.transformers.models.config_files import read_json
from keras_squeeze.transformers.repository import Repository
from keras_squeeze.transformers.saving import PushToHubMixin
from keras_squeeze.transformers.saving import check_not_a_file
from keras_squeeze.validation import check_choice

PROBLEM_TYPES = (
    "regression",
    "single_label_classification",
    "multi_label_classification",
)
# The transformers release whose file layout is written.
_TRANSFORMERS_VERSION = "4.57.6"
# The fields of every transformers configuration.
_SHARED_DEFAULTS = {
    "return_dict": True,
    "output_hidden_states": False,
    "output_attentions": False,
    "torchscript": False,
    "dtype": None,
    "pruned_heads": {},
    "tie_word_embeddings": True,
    "chunk_size_feed_forward": 0,
    "is_encoder_decoder": False,
    "is_decoder": False,
    "cross_attention_hidden_size": None,
    "add_cross_attention": False,
    "tie_encoder_decoder": False,
    "architectures": None,
    "finetuning_task": None,
    "id2label": {0: "LABEL_0", 1: "LABEL_1"},
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
    "task_specific_params": None,
    "problem_type": None,
    "tokenizer_class": None,
    "prefix": None,
    "bos_token_id": None,
    "pad_token_id": None,
    "eos_token_id": None,
    "sep_token_id": None,
    "decoder_start_token_id": None,
    "tf_legacy_loss": False,
    "use_bfloat16": False,
    # Encoders do not use these, but every configuration has them.
    "max_length": 20,
    "min_length": 0,
    "do_sample": False,
    "early_stopping": False,
    "num_beams": 1,
    "temperature": 1.0,
    "top_k": 50,
    "top_p": 1.0,
    "typical_p": 1.0,
    "repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "bad_words_ids": None,
    "num_return_sequences": 1,
    "output_scores": False,
    "return_dict_in_generate": False,
    "forced_bos_token_id": None,
    "forced_eos_token_id": None,
    "remove_invalid_values": False,
    "exponential_decay_length_penalty": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
}


class PretrainedConfig(PushToHubMixin):
    """Base of the configurations.

    It holds the fields as attributes, and reads and writes `config.json`.
    Unknown fields are kept.

    Two configurations are equal if their dictionaries are equal. In
    transformers, a configuration that was saved and loaded does not equal the
    original.

    Args:
        num_labels: Optional int. The number of labels. Defaults to the size of
            `id2label`, or to `2`.
        id2label: Optional dictionary from ids to label names.
        label2id: Optional dictionary, the reverse of `id2label`.
        problem_type: Optional string. `"regression"`,
            `"single_label_classification"` or `"multi_label_classification"`.
            It selects the loss of `...ForSequenceClassification`.
        **kwargs: Other fields.

    Raises:
        ValueError: If `problem_type` is not one of these, or `id2label` or
            `label2id` is not a dictionary.
    """

    model_type = ""

    def __init__(self, num_labels=None, id2label=None, label2id=None, **kwargs):
        for name, value in (("id2label", id2label), ("label2id", label2id)):
            if value is not None and not isinstance(value, dict):
                raise ValueError(
                    f"`{name}` must be a dictionary. Received: {name}={value!r}"
                )
        problem_type = kwargs.get("problem_type")
        if problem_type is not None:
            check_choice("problem_type", problem_type, PROBLEM_TYPES)
        if None not in (num_labels, id2label) and num_labels != len(id2label):
            warnings.warn(
                f"`num_labels={num_labels}` contradicts `id2label`, which has "
                f"{len(id2label)} entries. `id2label` is used.",
                stacklevel=3,
            )
        # The class defines the model type, and this package the version.
        # `attn_implementation` selects an attention kernel of PyTorch.
        for name in ("model_type", "transformers_version", "_commit_hash"):
            kwargs.pop(name, None)
        kwargs.pop("attn_implementation", None)
        torch_dtype = kwargs.pop("torch_dtype", None)
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = torch_dtype
        self._name_or_path = str(kwargs.pop("name_or_path", ""))
        for name, value in {**_SHARED_DEFAULTS, **kwargs}.items():
            setattr(self, name, copy.deepcopy(value))
        if id2label is None:
            self._name_labels(2 if num_labels is None else num_labels)
            if label2id is not None:
                self.label2id = label2id
        else:
            # JSON turns all keys into strings.
            self.id2label = {int(key): name for key, name in id2label.items()}
            self.label2id = label2id

    def _name_labels(self, num_labels):
        self.id2label = {i: f"LABEL_{i}" for i in range(num_labels)}
        self.label2id = {name: i for i, name in self.id2label.items()}

    @property
    def name_or_path(self):
        """string. The name or path passed to `from_pretrained()`."""
        return self._name_or_path

    @name_or_path.setter
    def name_or_path(self, value):
        self._name_or_path = str(value)

    @property
    def num_labels(self):
        """int. The number of labels. Changing it resets the label names."""
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, num_labels):
        if num_labels != self.num_labels:
            self._name_labels(num_labels)

    @property
    def use_return_dict(self):
        """bool. Whether models return named outputs instead of tuples."""
        return self.return_dict and not self.torchscript

    @property
    def torch_dtype(self):
        """The older name of `dtype`."""
        return self.dtype

    @torch_dtype.setter
    def torch_dtype(self, value):
        self.dtype = value

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path, return_unused_kwargs=False, **kwargs
    ):
        """Read a configuration.

        Args:
            pretrained_model_name_or_path: string or `os.PathLike`. A folder
                with a `config.json`, the path of such a file, a repository on
                the hub, or the name of a built-in preset.
            return_unused_kwargs: bool. Whether to also return the arguments
                that are not fields. Defaults to `False`.
            **kwargs: Values that replace fields of the file, and options that
                locate the files: `subfolder`, `revision`, `cache_dir`,
                `local_files_only`, `force_download` and `token`.

        Returns:
            A configuration of this class. With `return_unused_kwargs`, a tuple
            of the configuration and a dictionary.

        Raises:
            OSError: If there is no configuration.
            ValueError: If `num_labels` contradicts `id2label`.

        Example:

        ```python
        keras_squeeze.MobileBertConfig.from_pretrained(
            "mobile_bert_tiny_en_uncased", num_labels=3
        )
        ```
        """
        name = os.fspath(pretrained_model_name_or_path)
        repository = Repository.from_kwargs(name, kwargs)
        return cls.from_repository(repository, return_unused_kwargs, **kwargs)

    @classmethod
    def from_repository(cls, repository, return_unused_kwargs=False, **kwargs):
        """Read a configuration from a `Repository`.

        Args:
            repository: A `Repository`.
            return_unused_kwargs: bool. As in `from_pretrained()`.
            **kwargs: Values that replace fields of the file.

        Returns:
            The same as `from_pretrained()`.
        """
        fields = read_fields(repository)
        model_type = fields.get("model_type", cls.model_type)
        if model_type != cls.model_type:
            warnings.warn(
                f"The configuration is for the model type `{model_type}` but "
                f"is used for `{cls.model_type}`, which may not work.",
                stacklevel=3,
            )
        return cls.from_dict(fields, return_unused_kwargs, **kwargs)

    @classmethod
    def get_config_dict(cls, pretrained_model_name_or_path, **kwargs):
        """Read the fields of a configuration.

        Args:
            pretrained_model_name_or_path: As in `from_pretrained()`.
            **kwargs: As in `from_pretrained()`.

        Returns:
            A tuple of the dictionary of fields and the arguments that do not
            locate files.
        """
        name = os.fspath(pretrained_model_name_or_path)
        repository = Repository.from_kwargs(name, kwargs)
        return read_fields(repository), kwargs

    @classmethod
    def from_dict(cls, config_dict, return_unused_kwargs=False, **kwargs):
        """Make a configuration from a dictionary of fields.

        Args:
            config_dict: Dictionary of fields.
            return_unused_kwargs: bool. Whether to also return the arguments
                that are not fields. Defaults to `False`.
            **kwargs: Values that replace fields of the dictionary.

        Returns:
            A configuration of this class. With `return_unused_kwargs`, a tuple
            of the configuration and a dictionary.

        Raises:
            ValueError: If `num_labels` contradicts `id2label`.
        """
        num_labels, id2label = kwargs.get("num_labels"), kwargs.get("id2label")
        if None not in (num_labels, id2label) and num_labels != len(id2label):
            raise ValueError(
                "`num_labels` must be the number of entries of `id2label`. "
                f"Received: num_labels={num_labels}, id2label={id2label}"
            )
        if "torch_dtype" in kwargs:
            kwargs.setdefault("dtype", kwargs.pop("torch_dtype"))
        config = cls(**config_dict)
        config.pruned_heads = {
            int(layer): heads for layer, heads in config.pruned_heads.items()
        }
        unused = {}
        for name, value in kwargs.items():
            if config._is_field(name):
                setattr(config, name, value)
            else:
                unused[name] = value
        return (config, unused) if return_unused_kwargs else config

    def _is_field(self, name):
        found = getattr(type(self), name, None)
        is_property = isinstance(found, property) and found.fset is not None
        return is_property or name in vars(self)

    @classmethod
    def from_json_file(cls, json_file):
        """Make a configuration from a JSON file.

        Args:
            json_file: string or `os.PathLike`.

        Returns:
            A configuration of this class.
        """
        return cls(**read_json(json_file))

    def save_pretrained(self, save_directory, push_to_hub=False, **kwargs):
        """Write the configuration to `config.json`.

        Args:
            save_directory: string or `os.PathLike`. The folder. It is created
                if it does not exist.
            push_to_hub: bool. Whether to also upload the file. Defaults to
                `False`.
            **kwargs: Arguments of `push_to_hub()`.

        Raises:
            AssertionError: If `save_directory` is a file.
        """
        check_not_a_file(save_directory)
        os.makedirs(save_directory, exist_ok=True)
        self.to_json_file(os.path.join(save_directory, CONFIG_NAME))
        if push_to_hub:
            self._push_saved(save_directory, **kwargs)

    def to_dict(self):
        """Convert all fields to a dictionary that JSON can store.

        Returns:
            A dictionary.
        """
        fields = copy.deepcopy(vars(self))
        fields["model_type"] = self.model_type
        fields["transformers_version"] = _TRANSFORMERS_VERSION
        if fields["dtype"] is not None:
            # The string of a PyTorch dtype is like `torch.float32`.
            fields["dtype"] = str(fields["dtype"]).rpartition(".")[2]
        return fields

    def to_diff_dict(self):
        """Return the fields specific to this model and those that were changed.

        Returns:
            A dictionary.
        """
        defaults = type(self)().to_dict()
        fields = self.to_dict()
        fields.pop("_name_or_path")
        return {
            name: value
            for name, value in fields.items()
            if name not in _SHARED_DEFAULTS
            or value != _SHARED_DEFAULTS[name]
            or value != defaults[name]
        }

    def to_json_string(self, use_diff=True):
        """Convert the fields to JSON.

        Args:
            use_diff: bool. Whether to leave out shared fields that have their
                default values. Defaults to `True`.

        Returns:
            string.
        """
        fields = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(fields, indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path, use_diff=True):
        """Write the fields to a JSON file.

        Args:
            json_file_path: string or `os.PathLike`.
            use_diff: bool. As in `to_json_string()`.
        """
        write_file(json_file_path, self.to_json_string(use_diff))

    def update(self, config_dict):
        """Set fields from a dictionary.

        Args:
            config_dict: Dictionary of fields.
        """
        for name, value in config_dict.items():
            setattr(self, name, value)

    def __eq__(self, other):
        if not isinstance(other, PretrainedConfig):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __iter__(self):
        return iter(vars(self))

    def __repr__(self):
        return f"{type(self).__name__} {self.to_json_string()}"
