"""Model outputs, with the API of transformers."""

import collections.abc
import dataclasses
import typing

import keras


class ModelOutput(collections.OrderedDict):
    """Outputs that can be accessed by attribute, key or index.

    Subclasses are dataclasses whose fields default to `None`. A field that is
    `None` has no key and no index.

    Example:

    ```python
    output = SequenceClassifierOutput(logits=np.zeros((1, 2)))
    output.logits is output["logits"] is output[0] is output[:1][0]
    output.loss is None and list(output) == ["logits"]
    ```
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        _register_as_structure(cls)

    def __post_init__(self):
        first = dataclasses.fields(self)[0].name
        if isinstance(getattr(self, first), collections.abc.Iterator):
            # TensorFlow rebuilds mappings from pairs of keys and values.
            pairs = getattr(self, first)
            setattr(self, first, None)
            for name, value in pairs:
                self[name] = value
            return
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None:
                self[field.name] = value

    def __getitem__(self, key):
        if isinstance(key, str):
            return super().__getitem__(key)
        return self.to_tuple()[key]

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        super().__setattr__(key, value)

    def __setattr__(self, name, value):
        if name in self and value is not None:
            super().__setitem__(name, value)
        super().__setattr__(name, value)

    def __delitem__(self, key):
        self._refuse("__delitem__")

    def pop(self, *args, **kwargs):
        self._refuse("pop")

    def setdefault(self, *args, **kwargs):
        self._refuse("setdefault")

    def update(self, *args, **kwargs):
        self._refuse("update")

    def _refuse(self, method):
        raise TypeError(
            f"A `{type(self).__name__}` has fixed fields: `{method}` is not "
            "supported."
        )

    def to_tuple(self):
        """Return the fields that are not `None`.

        Returns:
            A tuple in the order of the fields.
        """
        return tuple(self.values())

    def _leaves_and_keys(self):
        return list(self.values()), tuple(self)

    @classmethod
    def _from_keys_and_leaves(cls, keys, leaves):
        output = cls()
        for key, leaf in zip(keys, leaves, strict=True):
            output[key] = leaf
        return output


def _register_as_structure(cls):
    """Register a class as a node of nested structures."""
    backend = keras.config.backend()
    if backend == "torch":
        from torch.utils import _pytree as torch_tree

        torch_tree.register_pytree_node(
            cls,
            cls._leaves_and_keys,
            lambda leaves, keys: cls._from_keys_and_leaves(keys, leaves),
            serialized_type_name=f"{cls.__module__}.{cls.__name__}",
            flatten_with_keys_fn=lambda output: (
                [
                    (torch_tree.MappingKey(key), leaf)
                    for key, leaf in output.items()
                ],
                tuple(output),
            ),
        )
        return
    import optree

    optree.register_pytree_node(
        cls,
        cls._leaves_and_keys,
        cls._from_keys_and_leaves,
        namespace="keras",
    )
    if backend == "jax":
        import jax

        jax.tree_util.register_pytree_node(
            cls, cls._leaves_and_keys, cls._from_keys_and_leaves
        )


@dataclasses.dataclass
class BaseModelOutputWithPooling(ModelOutput):
    """The outputs of a model without a head.

    Args:
        last_hidden_state: Tensor of shape `(batch, length, hidden_size)`.
        pooler_output: Tensor of shape `(batch, hidden_size)`.
        hidden_states: Tuple of tensors of shape `(batch, length, hidden_size)`:
            the output of the embeddings and of every layer.
        attentions: Tuple with the attention probabilities of each layer, of
            shape `(batch, heads, length, length)`.
    """

    last_hidden_state: typing.Any = None
    pooler_output: typing.Any = None
    hidden_states: typing.Any = None
    attentions: typing.Any = None


@dataclasses.dataclass
class _LossAndLogits(ModelOutput):
    """The outputs of a model with a head.

    Args:
        loss: Scalar. Only present with labels.
        logits: Tensor. The scores before a softmax.
        hidden_states: As in `BaseModelOutputWithPooling`.
        attentions: As in `BaseModelOutputWithPooling`.
    """

    loss: typing.Any = None
    logits: typing.Any = None
    hidden_states: typing.Any = None
    attentions: typing.Any = None


@dataclasses.dataclass
class MaskedLMOutput(_LossAndLogits):
    """Outputs with `logits` of shape `(batch, length, vocab_size)`."""


@dataclasses.dataclass
class SequenceClassifierOutput(_LossAndLogits):
    """Outputs with `logits` of shape `(batch, num_labels)`."""


@dataclasses.dataclass
class TokenClassifierOutput(_LossAndLogits):
    """Outputs with `logits` of shape `(batch, length, num_labels)`."""


@dataclasses.dataclass
class MultipleChoiceModelOutput(_LossAndLogits):
    """Outputs with `logits` of shape `(batch, num_choices)`."""


@dataclasses.dataclass
class NextSentencePredictorOutput(_LossAndLogits):
    """Outputs with `logits` of shape `(batch, 2)`. Class 0 is "B follows A"."""


@dataclasses.dataclass
class QuestionAnsweringModelOutput(ModelOutput):
    """The outputs of a question answering model.

    Args:
        loss: Scalar. Only present with labels.
        start_logits: Tensor of shape `(batch, length)`.
        end_logits: Tensor of shape `(batch, length)`.
        hidden_states: As in `BaseModelOutputWithPooling`.
        attentions: As in `BaseModelOutputWithPooling`.
    """

    loss: typing.Any = None
    start_logits: typing.Any = None
    end_logits: typing.Any = None
    hidden_states: typing.Any = None
    attentions: typing.Any = None


@dataclasses.dataclass
class MobileBertForPreTrainingOutput(ModelOutput):
    """The outputs of `MobileBertForPreTraining`.

    Args:
        loss: Scalar. Only present with both labels.
        prediction_logits: Tensor of shape `(batch, length, vocab_size)`.
        seq_relationship_logits: Tensor of shape `(batch, 2)`. Class 0 is "B
            follows A".
        hidden_states: As in `BaseModelOutputWithPooling`.
        attentions: As in `BaseModelOutputWithPooling`.
    """

    loss: typing.Any = None
    prediction_logits: typing.Any = None
    seq_relationship_logits: typing.Any = None
    hidden_states: typing.Any = None
    attentions: typing.Any = None


@dataclasses.dataclass
class TFMobileBertForPreTrainingOutput(MobileBertForPreTrainingOutput):
    """The outputs of `TFMobileBertForPreTraining`."""
