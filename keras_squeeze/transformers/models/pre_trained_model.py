"""The base class of the model classes.

These classes have the names, arguments, outputs and files of the PyTorch
classes in transformers. They compute with the backbones and tasks of
`keras_squeeze.models`. The classes whose names start with `TF` differ only in
the order of their positional arguments. Intended differences from transformers
are described in `guides/coming_from_transformers.py`.
"""

import collections.abc
import re
import warnings

import keras
import numpy as np
from keras import ops

from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from keras_squeeze.transformers.data.tf_datasets import TensorFlowDatasets
from keras_squeeze.transformers.models.config_files import head_fields
from keras_squeeze.transformers.models.losses import IGNORED
from keras_squeeze.transformers.models.model_files import ModelFiles
from keras_squeeze.transformers.models.outputs import BaseModelOutputWithPooling
from keras_squeeze.transformers.models.parts import Part
from keras_squeeze.transformers.models.parts import below
from keras_squeeze.transformers.models.parts import named_values
from keras_squeeze.transformers.models.pretrained_config import PretrainedConfig
from keras_squeeze.transformers.models.training import Training
from keras_squeeze.transformers.models.training import to_array

_INPUTS = (
    "input_ids",
    "attention_mask",
    "token_type_ids",
    "position_ids",
    "head_mask",
    "inputs_embeds",
)
_INTEGER_INPUTS = ("input_ids", "token_type_ids", "position_ids")
# Where Keras inserts underscores into class names.
_SNAKE_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])")
_OPTIONS = ("output_attentions", "output_hidden_states", "return_dict")


class PreTrainedModel(ModelFiles, TensorFlowDatasets, Training, keras.Model):
    """Base of the model classes.

    Args:
        config: The configuration.
        task: Optional task of `keras_squeeze.models` to compute with, or a
            backbone for a model without a head. The weights are shared.
            Defaults to `None`, which makes a new one from the configuration.
        dtype: The dtype policy. Defaults to the global one.
        **kwargs: Other keyword arguments of `keras.Model`, including `name`.

    Call arguments:
        input_ids: int tensor of shape `(batch, length)`. A list, tuple or
            mapping of several inputs may be passed instead.
        attention_mask: Optional tensor of shape `(batch, length)` or `(batch,
            length, length)`, 1 for tokens to attend to and 0 for padding.
        token_type_ids: Optional int tensor of shape `(batch, length)`.
        position_ids: Optional int tensor of shape `(batch, length)` or `(1,
            length)`.
        head_mask: Optional tensor of shape `(heads,)` or `(layers, heads)`, 0
            for heads to leave out.
        inputs_embeds: Optional tensor of shape `(batch, length,
            embedding_size)`, as a replacement for `input_ids`.
        output_attentions: bool. Defaults to the configuration's value.
        output_hidden_states: bool. Defaults to the configuration's value.
        return_dict: bool. Whether to return a named output instead of a tuple.
            Defaults to the configuration's value.
        training: bool. Whether dropout is active.
    """

    config_class = None
    base_model_prefix = ""
    main_input_name = "input_ids"
    # The class of the task that provides the head, or `None`.
    task_cls = None
    output_class = BaseModelOutputWithPooling
    # The label argument of each output, and other names of those arguments.
    labels_of_outputs = {}
    label_aliases = {}
    # Whether the transformers class has a pooler.
    has_pooler = True
    # The rank of `input_ids`.
    rank = 2
    option_names = _OPTIONS

    def __init__(self, config, *, task=None, dtype=None, **kwargs):
        if not isinstance(config, PretrainedConfig):
            raise ValueError(
                f"`config` must be a `{self.config_class.__name__}`. To load "
                "weights, call `from_pretrained()`. Received: "
                f"config={config!r}"
            )
        # Inputs are cast where they are used, so labels keep their precision.
        super().__init__(dtype=dtype, autocast=False, **kwargs)
        self.config = config
        if task is None:
            task = self._new_task(config, dtype)
        self._check_task(task)
        # A model without a head computes with the backbone.
        self.task = None if self.task_cls is None else task
        self.backbone = task if self.task_cls is None else task.backbone
        # The nested model that the transformers classes have.
        self._body = None
        if self.task is not None:
            self._body = self.body_class()(
                config,
                add_pooling_layer=self.has_pooler,
                task=self.backbone,
                dtype=self.dtype_policy,
                name=self.base_model_prefix,
            )
            # The name of the task in weight files, see `__dir__()`.
            name = _SNAKE_CASE.sub("_", type(task).__name__).lower()
            vars(self)[f"layers/{name}"] = task
        self._is_in_call = False
        self.built = True

    def __dir__(self):
        """List the attribute names, without the layers.

        When Keras writes a file, it walks these and names weights after the
        first attribute that leads to them. The head must be found through the
        task, not through `layers`, which only has the head's layers.
        """
        hidden = {"layers", "base_model", self.base_model_prefix, "_body"}
        return [name for name in super().__dir__() if name not in hidden]

    @classmethod
    def body_class(cls):
        """Return the class of the same model without a head."""
        raise NotImplementedError

    @classmethod
    def architecture(cls):
        """Return the `Architecture` that describes the checkpoints."""
        return ARCHITECTURES[cls.config_class.model_type]

    @classmethod
    def _new_task(cls, config, dtype):
        fields = config.to_dict()
        architecture = cls.architecture()
        backbone = architecture.backbone_cls(
            **architecture.config_map.backbone_kwargs(fields),
            dtype=dtype,
            name=cls.base_model_prefix,
        )
        if cls.task_cls is None:
            return backbone
        return cls.task_cls(
            backbone=backbone, preprocessor=None, **cls._head_kwargs(config)
        )

    @classmethod
    def _head_kwargs(cls, config):
        """Convert a configuration to arguments of the task."""
        return cls.task_cls.head_kwargs(config.to_dict(), is_restored=True)

    def _check_task(self, task):
        wanted = self.task_cls or self.architecture().backbone_cls
        if not isinstance(task, wanted):
            raise ValueError(
                f"`task` must be a `{wanted.__name__}`. Received: a "
                f"`{type(task).__name__}`"
            )
        activation = getattr(task, "activation", None)
        if self.task_cls is not None and activation not in (
            None,
            keras.activations.linear,
        ):
            raise ValueError(
                "`task` must output logits. Received: a task with "
                f"activation={activation.__name__}"
            )

    @classmethod
    def from_task(cls, task, **kwargs):
        """Wrap a task of `keras_squeeze.models`. The weights are shared.

        Args:
            task: The task. For a model without a head, a task or a backbone.
            **kwargs: Other arguments of the class.

        Returns:
            A model of this class.
        """
        backbone = getattr(task, "backbone", task)
        fields = cls.architecture().config_map.config(backbone)
        fields.update(head_fields(task, fields))
        return cls(
            cls.config_class(**fields),
            task=backbone if cls.task_cls is None else task,
            **kwargs,
        )

    @property
    def base_model(self):
        """The model without the head. It shares the weights."""
        return self if self._body is None else self._body

    @property
    def layers(self):
        """List of layers: the model without the head, then the head's layers.

        As in the TF classes, `model.layers[0].trainable` applies to everything
        except the head.
        """
        if self.task is None:
            return [self.backbone]
        layers = self.task.layers
        head = layers[layers.index(self.backbone) + 1 :]
        return [self._body] + [
            layer
            for layer in head
            if layer.weights or isinstance(layer, keras.layers.Dropout)
        ]

    def part(self, name):
        """Select the weights whose checkpoint names start with a prefix.

        Args:
            name: string. The name of a part, such as `"encoder.layer.0"`.

        Returns:
            A `keras_squeeze.transformers.models.parts.Part`.
        """
        variables = self._saved_variables()
        ties = {} if self.task is None else self.task.hugging_face_ties
        for tied, other in ties.items():
            variables[tied] = variables[self._full_name(other)]
        return Part(below(name, variables))

    if keras.config.backend() == "torch":

        def named_parameters(
            self, prefix="", recurse=True, remove_duplicate=True
        ):
            """Iterate over the parameters by their names in transformers.

            Args:
                prefix: string. A prefix for the names.
                recurse: Not used.
                remove_duplicate: Not used.

            Yields:
                A tuple of the name and the parameter, which has Keras' axis
                order.
            """
            yield from named_values(self._saved_variables(), prefix)

    @property
    def dummy_inputs(self):
        """Dictionary of minimal inputs for the model."""
        shape = (1,) * (self.rank - 1) + (2,)
        return {
            "input_ids": np.ones(shape, "int32"),
            "attention_mask": np.ones(shape, "int32"),
            "token_type_ids": np.zeros(shape, "int32"),
        }

    @property
    def input_signature(self):
        """Dictionary of the `tf.TensorSpec` of each input, for a graph."""
        import tensorflow as tf

        return {
            name: tf.TensorSpec([None] * self.rank, "int32", name=name)
            for name in self.dummy_inputs
        }

    @classmethod
    def input_names(cls):
        """Tuple of the names of the input arguments."""
        return _INPUTS

    @classmethod
    def label_names(cls):
        """Tuple of the names of the label arguments."""
        return tuple(cls.labels_of_outputs.values())

    @classmethod
    def argument_names(cls):
        """Tuple of the names of the positional arguments of a call."""
        return (*_INPUTS, *cls.label_names(), *cls.option_names)

    def __call__(self, *args, **kwargs):
        tensors, options = self._arguments(args, kwargs)
        return_dict = options.pop("return_dict", None)
        if return_dict is None:
            return_dict = self.config.use_return_dict
        self._is_in_call = True
        try:
            outputs = super().__call__(tensors, **options)
        finally:
            self._is_in_call = False
        if return_dict or self._is_in_step:
            return outputs
        return self._to_tuple(outputs)

    def forward(self, *args, **kwargs):
        """Call the model, under the name that PyTorch uses."""
        if self._is_in_call:
            # On the torch backend, Keras calls its layers this way.
            return super().forward(*args, **kwargs)
        return self(*args, **kwargs)

    def _to_tuple(self, outputs):
        return outputs.to_tuple()

    def _arguments(self, args, kwargs):
        """Sort the arguments of a call, in any supported form.

        Args:
            args: Tuple of the positional arguments.
            kwargs: Dictionary of the keyword arguments.

        Returns:
            A tuple of two dictionaries, of tensors and of options.
        """
        kwargs = dict(kwargs)
        if not args and "inputs" in kwargs:
            args = (kwargs.pop("inputs"),)
        names = self.argument_names()
        if len(args) > len(names):
            raise TypeError(
                f"`{type(self).__name__}` takes {len(names)} positional "
                f"arguments: {names}. Received: {len(args)}"
            )
        known = {*names, *self.label_aliases, "training"}
        unknown = [name for name in kwargs if name not in known]
        if unknown:
            raise TypeError(
                f"`{type(self).__name__}` does not take the arguments "
                f"{unknown}. It takes {names}."
            )
        first, *others = args or (None,)
        found = dict(zip(names[1:], others, strict=False))
        if isinstance(first, collections.abc.Mapping):
            ignored = [name for name in first if name not in known]
            if ignored:
                warnings.warn(
                    f"`{type(self).__name__}` does not use the inputs "
                    f"{ignored}.",
                    stacklevel=4,
                )
            found.update((k, first[k]) for k in first if k in known)
        elif self._is_list_of_inputs(first):
            found.update(zip(names, first, strict=False))
        else:
            found["input_ids"] = first
        for name, value in kwargs.items():
            if found.get(name) is not None:
                raise TypeError(f"`{name}` was passed twice.")
            found[name] = value
        for alias, name in self.label_aliases.items():
            if found.get(alias) is not None:
                found[name] = found.pop(alias)
        found = {k: value for k, value in found.items() if value is not None}
        options = {
            name: found.pop(name)
            for name in (*_OPTIONS, "training")
            if name in found
        }
        tensors = {name: to_array(value) for name, value in found.items()}
        self._check_inputs(tensors)
        return tensors, options

    def _is_list_of_inputs(self, value):
        """Whether a list holds several inputs rather than the rows of one."""
        if not isinstance(value, (list, tuple)) or not value:
            return False
        return _rank(value[0]) == self.rank

    def _check_inputs(self, tensors):
        if ("input_ids" in tensors) == ("inputs_embeds" in tensors):
            raise ValueError(
                "Exactly one of `input_ids` and `inputs_embeds` must be "
                f"passed. Received: {sorted(tensors)}"
            )
        mask = tensors.get("attention_mask")
        if mask is not None and len(mask.shape) - self.rank not in (0, 1):
            raise ValueError(
                "`attention_mask` must have the shape of `input_ids`, or an "
                "additional axis with a mask per position. Received: "
                f"attention_mask of shape {tuple(mask.shape)}"
            )
        for name, size in self._label_sizes(tensors).items():
            _check_range(name, tensors[name], size, IGNORED)
        ids = tensors.get("input_ids")
        name, inputs, axis = "input_ids", ids, -1
        if ids is None:
            name, inputs, axis = "inputs_embeds", tensors["inputs_embeds"], -2
        longest = self.config.max_position_embeddings
        length = inputs.shape[axis] if len(inputs.shape) >= -axis else None
        # An unknown length is `None`, or a symbolic dimension in JAX.
        if isinstance(length, int) and length > longest:
            raise ValueError(
                f"`{name}` must not be longer than the {longest} positions of "
                f"the model. Received: {name} of shape {tuple(inputs.shape)}"
            )
        if ids is None:
            return
        if len(ids.shape) != self.rank:
            axes = ("batch", "choices", "length")
            shape = axes if self.rank == 3 else (axes[0], axes[2])
            raise ValueError(
                f"`input_ids` must have the shape ({', '.join(shape)}). "
                f"Received: input_ids of shape {tuple(ids.shape)}"
            )
        _check_range("input_ids", ids, self.backbone.vocabulary_size)

    def _label_sizes(self, tensors):
        """Return the number of classes of each label that is a class id.

        Args:
            tensors: Dictionary of the inputs.

        Returns:
            A dictionary, with the names of labels that are among the inputs.
        """
        return {}

    def _are_ids(self, labels):
        """Whether labels are class ids rather than other numbers."""
        return True

    def call(
        self,
        inputs,
        training=None,
        output_attentions=None,
        output_hidden_states=None,
    ):
        # On jax, a training step calls this method without `__call__`.
        tensors, _ = self._arguments((inputs,), {})
        if output_attentions is None:
            output_attentions = self.config.output_attentions
        if output_hidden_states is None:
            output_hidden_states = self.config.output_hidden_states
        encoded = self.backbone.encode(
            **self._backbone_inputs(tensors),
            return_attention=output_attentions,
        )
        extra = {}
        if output_hidden_states:
            extra["hidden_states"] = tuple(encoded["hidden_states"])
        if output_attentions:
            extra["attentions"] = tuple(encoded["attention_probabilities"])
        outputs = self._head_outputs(encoded, tensors)
        loss = None
        # Within a step, `compute_loss()` computes the loss.
        if not self._is_in_step:
            loss = self.own_loss(outputs, tensors, {})
        if loss is not None:
            extra["loss"] = loss
        return self.output_class(**outputs, **extra)

    def _backbone_inputs(self, tensors):
        tensors = {
            name: ops.cast(value, "int32") if name in _INTEGER_INPUTS else value
            for name, value in tensors.items()
        }
        head_mask = tensors.get("head_mask")
        return {
            "token_ids": tensors.get("input_ids"),
            "segment_ids": tensors.get("token_type_ids"),
            "padding_mask": tensors.get("attention_mask"),
            "position_ids": tensors.get("position_ids"),
            "input_embeddings": tensors.get("inputs_embeds"),
            "head_mask": None
            if head_mask is None
            else self._head_masks(head_mask),
        }

    def _head_masks(self, head_mask):
        """Expand the mask that was passed to a mask per layer."""
        head_mask = ops.cast(head_mask, self.compute_dtype)
        num_layers = self.backbone.num_layers
        if len(head_mask.shape) == 1:
            head_mask = ops.expand_dims(head_mask, axis=0)
        expected = (num_layers, self.backbone.num_heads)
        if head_mask.shape[0] == 1:
            head_mask = ops.repeat(head_mask, num_layers, axis=0)
        if tuple(head_mask.shape) != expected:
            raise ValueError(
                "`head_mask` must have the shape (heads,) or (layers, heads), "
                f"where (layers, heads) is {expected}. Received: head_mask of "
                f"shape {tuple(head_mask.shape)}"
            )
        return [
            ops.reshape(head_mask[i], (1, -1, 1, 1)) for i in range(num_layers)
        ]

    def _head_outputs(self, encoded, tensors):
        """Compute the named outputs of the head.

        Args:
            encoded: Dictionary. The outputs of the backbone.
            tensors: Dictionary of the inputs.

        Returns:
            A dictionary.
        """
        outputs = self.task.apply_head(encoded)
        return outputs if isinstance(outputs, dict) else {"logits": outputs}

    def own_loss(self, outputs, labels, weights):
        """Compute the loss that transformers computes from the labels.

        Args:
            outputs: Dictionary of the head's outputs.
            labels: Dictionary of labels by argument name. Labels may be
                missing.
            weights: Dictionary of weights per sample or per label, by the same
                names. Weights may be missing.

        Returns:
            A scalar, or `None` if there are no labels.
        """
        return None

    def quantize(self, mode=None, config=None, **kwargs):
        """Quantize the weights of dense layers and embeddings.

        Args:
            mode: string. See `keras.Model.quantize`.
            config: Optional quantization configuration, as an alternative to
                `mode`.
            **kwargs: Other arguments of `keras.Model.quantize`.
        """
        # Keras would also look for weights in the task's tokenizer.
        (self.task or self.backbone).quantize(mode, config=config, **kwargs)
        self.train_function = None
        self.test_function = None
        self.predict_function = None

    def get_config(self):
        """Return the fields of the configuration, and those of Keras.

        Returns:
            A dictionary for `from_config()`.
        """
        return {
            **self.config.to_dict(),
            "name": self.name,
            "dtype_policy": keras.dtype_policies.serialize(self.dtype_policy),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Make a new model from a configuration.

        Args:
            config: A configuration, or its dictionary.
            custom_objects: Not used.

        Returns:
            A model of this class.
        """
        if isinstance(config, PretrainedConfig):
            return cls(config)
        config = dict(config)
        kwargs = cls._kwargs_of_config(config)
        policy = config.pop("dtype_policy", None)
        if policy is not None:
            kwargs["dtype"] = keras.dtype_policies.deserialize(policy)
        kwargs["name"] = config.pop("name", None)
        return cls(cls.config_class.from_dict(config), **kwargs)

    @classmethod
    def _kwargs_of_config(cls, config):
        """Take the arguments of the class out of a Keras config."""
        return {}


class TensorFlowOrder:
    """Gives a class the argument order of the TF classes."""

    option_names = _OPTIONS

    @classmethod
    def argument_names(cls):
        return (*_INPUTS, *_OPTIONS, *cls.label_names(), "training")


def _rank(value):
    """Count the axes of an array or of nested lists."""
    rank = 0
    while isinstance(value, (list, tuple)):
        if not value:
            return rank + 1
        value, rank = value[0], rank + 1
    return rank + len(getattr(value, "shape", ()))


def _check_range(name, ids, size, ignored=None):
    """Raise the error that PyTorch raises for ids out of range."""
    if not isinstance(ids, np.ndarray):
        # Tensors may be on another device, or have no values yet.
        return
    wrong = ids[((ids < 0) | (ids >= size)) & (ids != ignored)]
    if wrong.size:
        raise IndexError(
            f"`{name}` must be in the range [0, {size}). Received: "
            f"{np.unique(wrong)[:10].tolist()}"
        )
