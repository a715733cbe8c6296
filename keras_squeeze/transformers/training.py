"""How the model classes are trained: by Keras, with the originals' losses."""

import collections.abc
import contextlib
import warnings

import keras
import numpy as np
from keras import ops

from keras_squeeze.models.tasks.text_task import build_optimizer
from keras_squeeze.models.tasks.text_task import default_optimizer
from keras_squeeze.transformers.losses import IGNORED


class Training:
    """`compile()`, `fit()` and what else Keras has, for a `PreTrainedModel`.

    Labels may be among the inputs, as in transformers, or be `y`, as in
    Keras.
    """

    # Whether a call is one of a step of `fit()`, `evaluate()` or `predict()`.
    _is_in_step = False
    # Whether `compile()` was called without another loss.
    _uses_own_loss = False

    def compile(self, optimizer="auto", loss="auto", metrics=None, **kwargs):
        """Configure the model for training.

        Args:
            optimizer: `"auto"`, an optimizer name or a `keras.Optimizer`.
                Defaults to `"auto"`: Adam with a learning rate of 5e-5 and
                gradients clipped to a global norm of 1, without which
                MobileBERT's published checkpoint does not train.
            loss: `"auto"`, or what `keras.Model.compile` takes. Defaults to
                `"auto"`: the model's own loss, of labels that are among the
                inputs or that are `y`. `"passthrough"` is another name of it.
            metrics: What `keras.Model.compile` takes. They get the logits.
            **kwargs: other arguments of `keras.Model.compile`.
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
                "The pooled output of this model is not bounded, because its "
                "`classifier_activation` is False, and reaches 1e7 in the "
                "published checkpoint: the first loss may be as large. Clip "
                "the gradients, as with `keras.optimizers.Adam(5e-5, "
                "global_clipnorm=1.0)`, which `compile()` takes by default.",
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
        """Compute no loss in a call, and return what has names.

        What is done in it is traced, or done eagerly: on every backend, the
        calls of a step are within it.
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
            y, y_pred = self._targets(labels, y, y_pred)
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        loss = self.own_loss(y_pred, labels, sample_weight)
        if loss is None:
            raise ValueError(
                f"`{type(self).__name__}` computes its loss of the labels "
                f"{self.label_names()}, which must be among the inputs or be "
                f"`y`. Received: labels {sorted(labels)}. For another loss, "
                "pass `loss` to `compile()`."
            )
        for extra in self.losses:
            loss = ops.add(loss, ops.cast(extra, loss.dtype))
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        labels = self._labels(x, y)
        y, y_pred = self._targets(labels, y, y_pred)
        if sample_weight is None and labels:
            # Weighted metrics leave out what the loss does.
            sample_weight = keras.tree.map_structure(
                lambda label: ops.cast(
                    ops.not_equal(label, IGNORED), "float32"
                ),
                y,
            )
        return super().compute_metrics(x, y, y_pred, sample_weight)

    def _labels(self, x, y):
        """The labels of a batch by the names of their arguments."""
        names = self.label_names()
        if y is None:
            tensors, _ = self._arguments((x,), {})
            return {name: tensors[name] for name in names if name in tensors}
        if isinstance(y, collections.abc.Mapping):
            aliases = {**self.labels_of_outputs, **self.label_aliases}
            y = {aliases.get(name, name): value for name, value in y.items()}
            return {name: y[name] for name in names if name in y}
        if isinstance(y, (list, tuple)):
            return dict(zip(names, y, strict=False))
        return dict(zip(names[:1], [y], strict=False))

    def _targets(self, labels, y, y_pred):
        """What losses and metrics of Keras compare: labels and logits."""
        names = list(self.labels_of_outputs) or list(y_pred)[:1]
        if labels:
            y = {
                name: labels[label]
                for name, label in self.labels_of_outputs.items()
            }
        if len(names) == 1:
            y = y[names[0]] if labels else y
            return y, y_pred[names[0]]
        return y, {name: y_pred[name] for name in names}

    def fit(self, x=None, y=None, *args, **kwargs):
        """Train the model; see `keras.Model.fit`.

        Args:
            x: The inputs, which may have the labels among them: a mapping, a
                list, an array, or a data set of batches of such.
            y: The labels, if they are not among the inputs: those of the one
                argument for labels, or a dictionary of those by the names of
                the arguments or of the outputs.
            *args: further arguments of `keras.Model.fit`, in its order.
            **kwargs: other arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.
        """
        validation_data = kwargs.get("validation_data")
        if isinstance(validation_data, (list, tuple)):
            kwargs["validation_data"] = tuple(map(_to_arrays, validation_data))
        build_optimizer(self)
        return super().fit(_to_arrays(x), _to_arrays(y), *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Compute the loss and the metrics; see `keras.Model.evaluate`.

        Args:
            x: As in `fit()`.
            y: As in `fit()`.
            *args: further arguments of `keras.Model.evaluate`, in its order.
            **kwargs: other arguments of `keras.Model.evaluate`.

        Returns:
            What `keras.Model.evaluate` returns.
        """
        return super().evaluate(_to_arrays(x), _to_arrays(y), *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Compute the outputs; see `keras.Model.predict`.

        Args:
            x: As in `fit()`. Labels are not used.
            *args: further arguments of `keras.Model.predict`, in its order.
            **kwargs: other arguments of `keras.Model.predict`.

        Returns:
            An output with names, of NumPy arrays.
        """
        return super().predict(_to_arrays(x), *args, **kwargs)

    def train_on_batch(self, x, y=None, *args, **kwargs):
        return super().train_on_batch(
            _to_arrays(x), _to_arrays(y), *args, **kwargs
        )

    def test_on_batch(self, x, y=None, *args, **kwargs):
        return super().test_on_batch(
            _to_arrays(x), _to_arrays(y), *args, **kwargs
        )

    def predict_on_batch(self, x):
        return super().predict_on_batch(_to_arrays(x))


def to_array(value):
    """Something that Keras takes for a tensor."""
    if isinstance(value, keras.KerasTensor) or ops.is_tensor(value):
        return value
    return np.asarray(value)


def _to_arrays(value):
    """What `fit()` takes, of mappings and of nested lists of numbers."""
    if isinstance(value, collections.abc.Mapping):
        return {k: to_array(v) for k, v in value.items() if v is not None}
    if not isinstance(value, (list, tuple)):
        return value
    if any(hasattr(item, "shape") for item in value):
        return [to_array(item) for item in value]
    return np.asarray(value)
