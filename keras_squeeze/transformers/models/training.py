"""Training of the model classes with Keras and the losses of transformers."""

import collections.abc
import contextlib
import inspect
import math
import warnings

import keras
import numpy as np
from keras import ops

from keras_squeeze.models.one_at_a_time import OneAtATime
from keras_squeeze.models.optimization import build_optimizer
from keras_squeeze.models.optimization import default_optimizer
from keras_squeeze.models.optimization import zero_of
from keras_squeeze.transformers.models.losses import IGNORED
from keras_squeeze.transformers.models.losses import weighted


class Training(OneAtATime):
    """Training and evaluation with the API of Keras, for a `PreTrainedModel`.

    Labels may be among the inputs, as in transformers, or be passed as `y`, as
    in Keras.
    """

    # Whether a step of `fit()`, `evaluate()` or `predict()` is running.
    _is_in_step = False
    # Whether `compile()` was called without a loss.
    _uses_own_loss = False

    def compile(self, optimizer="auto", loss="auto", metrics=None, **kwargs):
        """Configure the model for training.

        Args:
            optimizer: `"auto"`, an optimizer name or a `keras.Optimizer`.
                    Defaults to `"auto"`: Adam with a learning rate of 5e-5 and
                    gradients clipped to a global norm of 1. Without clipping,
                    MobileBERT's published checkpoint does not train.
            loss: `"auto"`, or any loss that `keras.Model.compile` accepts.
                Defaults to `"auto"`, the model's own loss on the labels among
                the inputs or in `y`. `"passthrough"` is a synonym.
            metrics: The metrics for `keras.Model.compile`. They receive the
                logits.
            **kwargs: Other arguments of `keras.Model.compile`.
        """
        if isinstance(optimizer, str) and optimizer == "auto":
            optimizer = default_optimizer()
        else:
            self._advise_clipping(optimizer)
        self._uses_own_loss = isinstance(loss, str) and loss in (
            "auto",
            "passthrough",
        )
        super().compile(
            optimizer=optimizer,
            loss=None if self._uses_own_loss else loss,
            metrics=metrics,
            **kwargs,
        )

    def _advise_clipping(self, optimizer):
        is_pooled = getattr(self.task_cls, "uses_pooled_output", False)
        clips = any(
            getattr(optimizer, name, None)
            for name in ("clipnorm", "global_clipnorm", "clipvalue")
        )
        if (
            is_pooled
            and not getattr(self.config, "classifier_activation", True)
            and not clips
        ):
            warnings.warn(
                "The pooled output of this model is unbounded, because its "
                "`classifier_activation` is False. It reaches 1e7 in the "
                "published checkpoint, and the first loss may be as large. "
                "Clip the gradients, as with `keras.optimizers.Adam(5e-5, "
                "global_clipnorm=1.0)`, the default of `compile()`.",
                stacklevel=3,
            )

    def get_compile_config(self):
        config = super().get_compile_config()
        if config is not None and self._uses_own_loss:
            config["loss"] = "auto"
        return config

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        build_optimizer(self)

    @contextlib.contextmanager
    def _step(self):
        """Skip the loss in calls, and return named outputs.

        On every backend, the calls of a step run inside this context, whether
        they are traced or eager.
        """
        self._is_in_step = True
        try:
            yield
        finally:
            self._is_in_step = False

    def train_step(self, *args, **kwargs):
        with self._step():
            return super().train_step(*args, **kwargs)

    def test_step(self, *args, **kwargs):
        with self._step():
            return super().test_step(*args, **kwargs)

    def predict_step(self, *args, **kwargs):
        with self._step():
            return super().predict_step(*args, **kwargs)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        labels = self._labels(x, y)
        if not self._uses_own_loss:
            loss = super().compute_loss(
                x, *self._targets(labels, y, y_pred, sample_weight), training
            )
            return loss + zero_of(self.backbone.pooler)
        loss = self.own_loss(y_pred, labels, self._weights(sample_weight))
        if loss is None:
            raise ValueError(
                f"`{type(self).__name__}` computes its loss from the labels "
                f"{self.label_names()}, which must be among the inputs or in "
                f"`y`. Received: labels {sorted(labels)}. For another loss, "
                "pass `loss` to `compile()`."
            )
        for extra in self.losses:
            loss = ops.add(loss, ops.cast(extra, loss.dtype))
        return loss + zero_of(self.backbone.pooler)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        labels = self._labels(x, y)
        y, y_pred, sample_weight = self._targets(
            labels, y, y_pred, sample_weight
        )
        if labels:
            # Weighted metrics ignore the same labels as the loss.
            kept = keras.tree.map_structure(
                lambda label: ops.cast(
                    ops.not_equal(label, IGNORED), "float32"
                ),
                y,
            )
            if isinstance(kept, dict):
                weights = sample_weight or {}
                sample_weight = {
                    name: weighted(value, weights.get(name))
                    for name, value in kept.items()
                }
            else:
                sample_weight = weighted(kept, sample_weight)
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def _labels(self, x, y):
        """Collect the labels of a batch by argument name."""
        if y is not None:
            return self._by_label(y)
        tensors, _ = self._arguments((x,), {})
        return {
            name: tensors[name]
            for name in self.label_names()
            if name in tensors
        }

    def _weights(self, sample_weight):
        """Collect the weights of a batch by the names of their labels."""
        if sample_weight is None:
            return {}
        if isinstance(sample_weight, (collections.abc.Mapping, list, tuple)):
            # Keras gives the weights the structure of `y`.
            return self._by_label(sample_weight)
        return dict.fromkeys(self.label_names(), sample_weight)

    def _by_label(self, values):
        """Map values with the structure of `y` to the names of the labels."""
        names = self.label_names()
        if isinstance(values, collections.abc.Mapping):
            aliases = {**self.labels_of_outputs, **self.label_aliases}
            found = {aliases.get(k, k): value for k, value in values.items()}
            return {name: found[name] for name in names if name in found}
        if not isinstance(values, (list, tuple)):
            names, values = names[:1], [values]
        return dict(zip(names, values, strict=False))

    def _targets(self, labels, y, y_pred, sample_weight):
        """Select the labels, outputs and weights for Keras losses."""
        names = list(self.labels_of_outputs) or list(y_pred)[:1]
        y_pred = {name: y_pred[name] for name in names}
        if labels:
            weights = self._weights(sample_weight)
            y, weights = (
                {
                    name: found.get(label)
                    for name, label in self.labels_of_outputs.items()
                }
                for found in (labels, weights)
            )
            sample_weight = None if sample_weight is None else weights
        if len(names) > 1:
            return y, y_pred, sample_weight
        if labels:
            y = y[names[0]]
            if sample_weight is not None:
                sample_weight = sample_weight[names[0]]
        return y, y_pred[names[0]], sample_weight

    def fit(self, x=None, y=None, *args, **kwargs):
        """Train the model. See `keras.Model.fit`.

        Args:
            x: The inputs, which may include the labels: a mapping, a list, an
                array, or a dataset of batches of these.
            y: The labels, if they are not among the inputs: the values of the
                only label argument, or a dictionary by the names of the
                arguments or of the outputs.
            *args: Other positional arguments of `keras.Model.fit`.
            **kwargs: Other keyword arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.
        """
        return super().fit(**self._bind("fit", x, y, *args, **kwargs))

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Compute the loss and the metrics. See `keras.Model.evaluate`.

        Args:
            x: As in `fit()`.
            y: As in `fit()`.
            *args: Other positional arguments of `keras.Model.evaluate`.
            **kwargs: Other keyword arguments of `keras.Model.evaluate`.

        Returns:
            The return value of `keras.Model.evaluate`.
        """
        return super().evaluate(**self._bind("evaluate", x, y, *args, **kwargs))

    def predict(self, x, *args, **kwargs):
        """Compute the outputs. See `keras.Model.predict`.

        Args:
            x: As in `fit()`. Labels are not used.
            *args: Other positional arguments of `keras.Model.predict`.
            **kwargs: Other keyword arguments of `keras.Model.predict`.

        Returns:
            A named output of NumPy arrays.
        """
        return super().predict(_to_arrays(x), *args, **kwargs)

    def train_on_batch(self, x, y=None, *args, **kwargs):
        return super().train_on_batch(
            **self._bind("train_on_batch", x, y, *args, **kwargs)
        )

    def test_on_batch(self, x, y=None, *args, **kwargs):
        return super().test_on_batch(
            **self._bind("test_on_batch", x, y, *args, **kwargs)
        )

    def predict_on_batch(self, x):
        return super().predict_on_batch(_to_arrays(x))

    def _bind(self, method, *args, **kwargs):
        """Bind the arguments of a Keras method by name.

        Lists are converted to arrays, and class weights to sample weights.
        """
        signature = inspect.signature(getattr(keras.Model, method))
        arguments = signature.bind(self, *args, **kwargs).arguments
        arguments.pop("self")
        arguments.update(arguments.pop("kwargs", {}))
        for name in ("x", "y", "sample_weight"):
            if name in arguments:
                arguments[name] = _to_arrays(arguments[name])
        validation_data = arguments.get("validation_data")
        if isinstance(validation_data, (list, tuple)):
            arguments["validation_data"] = tuple(
                map(_to_arrays, validation_data)
            )
        if arguments.get("sample_weight") is not None and (
            arguments.get("y") is None
        ):
            # Keras drops the sample weights if there is no `y`.
            labels = self._labels_as_given(arguments["x"], None)
            arguments["y"] = labels or None
        # A model without its own labels is compared with a plain `y`.
        if arguments.get("class_weight") is not None and self.label_names():
            self._weigh_classes(arguments)
        return arguments

    def _weigh_classes(self, arguments):
        """Convert class weights to sample weights.

        Keras only does this for a plain `y` with one class per sample. Here,
        labels may be named or among the inputs, and there may be one per token.

        Args:
            arguments: Dictionary of the arguments of `fit()` or
                `train_on_batch()`. It is modified.
        """
        if len(self.label_names()) > 1:
            raise ValueError(
                "`class_weight` is for models with one label argument. "
                f"`{type(self).__name__}` has {self.label_names()}. Pass "
                "`sample_weight` instead. Received: "
                f"class_weight={arguments['class_weight']}"
            )
        if arguments.get("sample_weight") is not None:
            raise ValueError(
                "`class_weight` and `sample_weight` cannot both be passed."
            )
        weights = self._weights_of_ids(arguments["class_weight"])
        if self._uses_own_loss:
            del arguments["class_weight"]
        else:
            # Keras applies it to its own losses, with a plain `y`.
            arguments["class_weight"] = weights

        def weigh(x, y=None, sample_weight=None):
            labels = self._labels_as_given(x, y)
            if not labels:
                raise ValueError(
                    "`class_weight` needs labels among the inputs, named "
                    f"{self.label_names()}, or as `y`. Received: none"
                )
            (labels,) = labels.values()
            if not self._uses_own_loss:
                return x, labels
            if not self._are_ids(labels):
                raise ValueError(
                    "`class_weight` is for labels that are class ids. "
                    f"Received: labels of dtype {labels.dtype}"
                )
            values = 1.0
            for i, weight in weights.items():
                values += (weight - 1.0) * _as_float(labels == i)
            return x, labels, values

        x = arguments.get("x")
        if hasattr(x, "element_spec"):
            arguments["x"] = x.map(weigh)
        elif isinstance(x, keras.utils.PyDataset):
            arguments["x"] = _MappedBatches(x, weigh)
        elif isinstance(x, collections.abc.Iterator):
            arguments["x"] = (weigh(*_as_tuple(batch)) for batch in x)
        elif isinstance(x, (collections.abc.Mapping, list)) or (
            hasattr(x, "shape")
        ):
            y = arguments.get("y")
            split = arguments.pop("validation_split", None)
            if split and arguments.get("validation_data") is None:
                # Validation data is not weighted.
                size = len(keras.tree.flatten(x)[0])
                size = math.floor(size * (1.0 - split))
                arguments["validation_data"] = _cut((x, y), size, None)
                x, y = _cut((x, y), 0, size)
            names = ("x", "y", "sample_weight")
            arguments.update(zip(names, weigh(x, y), strict=False))

    def _labels_as_given(self, x, y):
        """Collect the labels by name, like `_labels()`, but unconverted."""
        if y is not None:
            return self._by_label(y)
        if isinstance(x, (list, tuple)):
            x = dict(zip(self.argument_names(), x, strict=False))
        return (
            self._by_label(x) if isinstance(x, collections.abc.Mapping) else {}
        )

    def _weights_of_ids(self, class_weight):
        """Convert class weights by name or id to weights by id."""
        found = {}
        for key, weight in class_weight.items():
            i = key
            if isinstance(key, str):
                i = self.config.label2id.get(key)
            if i is None or int(i) != i or i < 0:
                raise ValueError(
                    "`class_weight` must have class ids, or names from "
                    f"{sorted(self.config.label2id)}. Received: {key!r}"
                )
            found[int(i)] = float(weight)
        return found


class _MappedBatches(keras.utils.PyDataset):
    """A dataset with a function applied to its batches."""

    def __init__(self, data_set, function):
        super().__init__(
            workers=data_set.workers,
            use_multiprocessing=data_set.use_multiprocessing,
            max_queue_size=data_set.max_queue_size,
        )
        self._data_set = data_set
        self._function = function

    @property
    def num_batches(self):
        return self._data_set.num_batches

    def __getitem__(self, index):
        return self._function(*_as_tuple(self._data_set[index]))

    def on_epoch_begin(self):
        self._data_set.on_epoch_begin()

    def on_epoch_end(self):
        self._data_set.on_epoch_end()


def _as_tuple(batch):
    return batch if isinstance(batch, tuple) else (batch,)


def _as_float(value):
    """Cast an array or a `tf.data` tensor to float32, on every backend."""
    if isinstance(value, np.ndarray):
        return value.astype("float32")
    if type(value).__module__.startswith("tensorflow."):
        import tensorflow as tf

        return tf.cast(value, "float32")
    return ops.cast(value, "float32")


def _cut(values, start, stop):
    return keras.tree.map_structure(
        lambda value: None if value is None else value[start:stop], values
    )


def to_array(value):
    """Convert a value to an array, unless it is a tensor."""
    if isinstance(value, keras.KerasTensor) or ops.is_tensor(value):
        return value
    return np.asarray(value)


def _to_arrays(value):
    """Convert mappings and nested lists of numbers to arrays for `fit()`."""
    if isinstance(value, collections.abc.Mapping):
        return {k: to_array(v) for k, v in value.items() if v is not None}
    if not isinstance(value, (list, tuple)):
        return value
    if any(hasattr(item, "shape") for item in value):
        return [to_array(item) for item in value]
    return np.asarray(value)
