"""Base class of the tasks that classify texts or tokens."""

import re

import keras
import numpy as np
from keras import ops

from keras_squeeze import validation
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.models.class_names import check_class_names
from keras_squeeze.models.class_names import softmax
from keras_squeeze.models.decisions import Decision
from keras_squeeze.models.tasks.calibration import LabelledLogits
from keras_squeeze.models.tasks.text_task import TextTask

# The arguments that belong to the classes of a head.
_OF_HEAD = ("class_names", "threshold", "background_class")


class ClassificationTask(TextTask):
    """Base class of the tasks that choose between classes.

    A dense layer computes the scores of the classes: for the whole text, from
    the pooled output, if `uses_pooled_output` is `True`, and otherwise for
    each token, from the sequence output.

    Args:
        backbone: The backbone model.
        num_classes: int. The number of classes. Can be omitted if
            `class_names` is passed.
        preprocessor: The preprocessor layer, or `None` if inputs are already
            preprocessed.
        class_names: Optional list of strings, the classes in the order of
            their ids. They are saved in presets, are the labels in the answers
            of `annotate()`, and can be used as labels in `fit()`.
        activation: Optional string or callable. The activation of the
            outputs. Defaults to `None`, for logits.
        dropout: float. Dropout rate before the dense layer. Defaults to
            `0.1`.
        threshold: Optional float. The probability above which the answer is
            another class than the `background_class`. Defaults to `None`, for
            one half. `calibrate()` chooses it.
        background_class: Optional name or id of the class that is the answer
            if no other class is likely enough, such as "out of scope".
            Defaults to `None`: the answer is the likeliest class.
        **kwargs: Other keyword arguments of `keras_hub.models.Task`.

    Raises:
        ValueError: If an argument is invalid, or `num_classes` and
            `class_names` contradict each other.
    """

    hugging_face_head = [("classifier", "output_dense", DENSE)]
    chooses_one_class = True
    multi_label = False

    def __init__(
        self,
        backbone,
        num_classes=None,
        preprocessor=None,
        class_names=None,
        activation=None,
        dropout=0.1,
        threshold=None,
        background_class=None,
        **kwargs,
    ):
        class_names, num_classes = check_class_names(class_names, num_classes)
        validation.check_positive_int("num_classes", num_classes)
        validation.check_rate("dropout", dropout)

        # These must be set first, because the default loss depends on them.
        self.num_classes = num_classes
        self.activation = keras.activations.get(activation)

        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.output_dropout = keras.layers.Dropout(
            dropout, dtype=backbone.dtype_policy, name="classifier_dropout"
        )
        self.output_dense = keras.layers.Dense(
            num_classes,
            kernel_initializer=keras.initializers.RandomNormal(
                stddev=backbone.initializer_range
            ),
            activation=activation,
            dtype=backbone.dtype_policy,
            name="logits",
        )

        # === Functional Model ===
        inputs = backbone.input
        outputs = self.apply_head(backbone(inputs))
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.class_names = class_names
        self.dropout = dropout
        decision = Decision.of(threshold, background_class, self)
        self.threshold = decision.threshold
        self.background_class = decision.background

    def apply_head(self, encoded):
        """Compute the outputs of the task from those of its backbone.

        Args:
            encoded: Dictionary of tensors. The outputs of the backbone.

        Returns:
            A tensor whose last axis has the classes.
        """
        features = encoded[
            "pooled_output" if self.uses_pooled_output else "sequence_output"
        ]
        return self.output_dense(self.output_dropout(features))

    def default_loss(self):
        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=self.activation is not keras.activations.softmax
        )

    def names_of_classes(self):
        """The names of all classes, or `"LABEL_0"` and so on without names.

        Returns:
            A list of strings in the order of the ids.
        """
        return self.class_names or [
            f"LABEL_{i}" for i in range(self.num_classes)
        ]

    def probabilities(self, outputs):
        """Convert the outputs of the task to probabilities.

        Args:
            outputs: The outputs of the task, whose last axis has the classes.

        Returns:
            A float32 NumPy array of the same shape.
        """
        if self.activation is keras.activations.linear:
            return softmax(outputs)
        return ops.convert_to_numpy(outputs).astype("float32")

    @property
    def decision(self):
        """The `Decision` that turns probabilities into answers."""
        return Decision.of(self.threshold, self.background_class, self)

    def calibrate(
        self,
        x,
        y,
        background_class=None,
        background_recall=0.0,
        batch_size=None,
    ):
        """Choose the temperature and the thresholds on validation data.

        All logits are divided by a temperature, the one with the lowest log
        loss, so that the probabilities agree better with frequencies. The
        weights of the dense layer are divided by it, so it is also in all
        exported files. The order of the classes stays the same.

        With a background class, the `threshold` is the one with the highest
        F1 of all other classes together. If the likeliest class has a higher
        F1, there is none. With several labels, each class gets the threshold
        with its highest F1.

        The data should be that on which the epoch was chosen, or other data
        that the task was not trained on.

        Args:
            x: The raw inputs of the task.
            y: The labels, as for `fit()`.
            background_class: Optional name or id of the background class.
                Defaults to that of the task.
            background_recall: float from 0 to below 1. The least part of the
                samples of the background class that must be recognized. A
                larger part costs accuracy on the other classes. Defaults to
                `0.0`.
            batch_size: int. The number of inputs per batch. Defaults to
                `None` for batches of about 4,096 tokens.

        Returns:
            A dictionary of the `temperature`, the `threshold`, the number of
            `samples`, and the dictionaries `before` and `after` of the
            metrics on this data, among them the `log_loss` and the
            `expected_calibration_error`.

        Raises:
            ValueError: If the task has no probabilities, its dense layer
                cannot be changed, or an argument is invalid.

        Example:

        ```python
        classifier.calibrate(
            ["See you at nine?", "You have won! Call now to claim."],
            ["ham", "spam"],
            background_class="ham",
        )
        # {"temperature": 1.3, "threshold": 0.62, ...}
        ```
        """
        if background_class is None:
            background_class = self.background_class
        decision = Decision.of(None, background_class, self)
        self._check_calibratable(decision, background_recall)
        logits, labels = self._labelled_logits(x, y, batch_size)
        data = LabelledLogits(logits, labels, decision.background)
        background = data.labels == decision.background
        if decision.background is not None and (
            background.all() or not background.any()
        ):
            raise ValueError(
                "`y` must have samples of the background class and of others "
                f"to choose the threshold. Received: {background.sum()} of "
                f"{background.size} samples with background_class="
                f"{background_class!r}"
            )
        before = {
            "log_loss": data.log_loss(),
            **data.measures(data.probabilities(), self.decision),
        }
        temperature = data.best_temperature()
        probabilities = data.probabilities(temperature)
        decision = data.best_decision(probabilities, background_recall)
        for weight in (self.output_dense.kernel, self.output_dense.bias):
            weight.assign(weight / temperature)
        self.threshold = decision.threshold
        self.background_class = decision.background
        after = {
            "log_loss": data.log_loss(temperature),
            **data.measures(probabilities, self.decision),
        }
        return {
            "temperature": temperature,
            "threshold": decision.threshold,
            "samples": len(data.labels),
            "before": before,
            "after": after,
        }

    def _labelled_logits(self, x, y, batch_size):
        labels = self._label_array(y)
        outputs = self.predict(x, batch_size=batch_size, verbose=0)
        self._check_counts(outputs, labels)
        return self._logits(outputs), labels

    def _label_array(self, y):
        """The labels as an array, with a row per sample."""
        return self.read_labels(y)

    @staticmethod
    def _check_counts(outputs, labels):
        if len(outputs) != len(labels):
            raise ValueError(
                "`x` and `y` must have the same number of samples. Received: "
                f"{len(outputs)} and {len(labels)} samples"
            )

    def _check_calibratable(self, decision, background_recall):
        """Raise a `ValueError` if `calibrate()` is impossible."""
        self.check_head_is_free("calibrate")
        validation.check_rate("background_recall", background_recall)
        if background_recall and decision.background is None:
            raise ValueError(
                "`background_recall` needs a `background_class`. Received: "
                f"background_recall={background_recall}"
            )

    def check_head_is_free(self, method):
        """Raise a `ValueError` unless new weights of the head can be set.

        Args:
            method: string. The name of the method that sets them.
        """
        known = (keras.activations.linear, keras.activations.softmax)
        if self.multi_label:
            known = (keras.activations.linear, keras.activations.sigmoid)
        if self.num_classes == 1 and not self.multi_label:
            raise ValueError(
                f"`{method}()` needs a task with classes. Received: a task "
                "with num_classes=1, whose output is a number"
            )
        if self.activation not in known:
            names = [function.__name__ for function in known]
            raise ValueError(
                f"`{method}()` needs a task whose `activation` is one of "
                f"{names}. Received: activation={self.activation.__name__}"
            )
        dense = self.output_dense
        if dense.lora_enabled or dense.quantization_mode is not None:
            raise ValueError(
                f"`{method}()` changes the weights of the dense layer, which "
                "must not be quantized or have LoRA weights. Received: "
                f"quantization_mode={dense.quantization_mode!r}, "
                f"lora_enabled={dense.lora_enabled}"
            )

    def _logits(self, outputs):
        """Undo the activation of the outputs of the task.

        Args:
            outputs: float array.

        Returns:
            A float64 array. For a softmax, a number may be added to each row.
        """
        outputs = ops.convert_to_numpy(outputs).astype("float64")
        if self.activation is keras.activations.linear:
            return outputs
        tiny = np.finfo("float32").tiny
        logits = np.log(np.maximum(outputs, tiny))
        if self.multi_label:
            logits -= np.log(np.maximum(1 - outputs, tiny))
        return logits

    def export_outputs(self, outputs, probabilities=True):
        """Name the outputs for a file that runs without Keras.

        Args:
            outputs: Symbolic tensor. The outputs of the task.
            probabilities: bool. Whether the file returns probabilities instead
                of logits. Defaults to `True`.

        Returns:
            A dictionary of symbolic tensors by name.
        """
        gives_logits = self.activation is keras.activations.linear
        if not probabilities:
            if not gives_logits:
                raise ValueError(
                    "`probabilities` must be True for a task with an "
                    "`activation`, which has no logits. Received: "
                    f"probabilities={probabilities}, "
                    f"activation={self.activation.__name__}"
                )
            return {"logits": outputs}
        if gives_logits:
            layer = keras.layers.Softmax(
                dtype=outputs.dtype, name="probabilities"
            )
            outputs = layer(outputs)
        return {"probabilities": outputs}

    @classmethod
    def head_kwargs(cls, config, is_restored):
        kwargs = dropout_of_head(config)
        if not is_restored:
            return kwargs
        names = config.get("id2label")
        if names is None:
            return {**kwargs, "num_classes": config.get("num_labels", 2)}
        names = [str(names[key]) for key in sorted(names, key=int)]
        kwargs["num_classes"] = len(names)
        is_generic = all(re.fullmatch(r"LABEL_\d+", name) for name in names)
        # transformers lets classes share a name.
        if not is_generic and len(set(names)) == len(names):
            kwargs["class_names"] = names
        return kwargs

    @classmethod
    def from_preset(cls, preset, **kwargs):
        if "num_classes" in kwargs:
            # The names in the preset belong to its own head.
            for name in _OF_HEAD:
                kwargs.setdefault(name, None)
        return super().from_preset(preset, **kwargs)

    @classmethod
    def from_config(cls, config):
        names = config.get("class_names")
        if names and config.get("num_classes") not in (None, len(names)):
            # `from_preset()` of KerasHub's own classes combines the number of
            # classes of a new head with the names of the preset.
            config = {**config, **dict.fromkeys(_OF_HEAD)}
        return super().from_config(config)

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "num_classes": self.num_classes,
                "class_names": self.class_names,
                "activation": keras.activations.serialize(self.activation),
                "dropout": self.dropout,
                "threshold": self.threshold,
                "background_class": self.background_class,
            }
        )
        return config


def dropout_of_head(config):
    """The dropout rate before the dense layer of a Hugging Face checkpoint.

    Args:
        config: Dictionary. The contents of `config.json`.

    Returns:
        A dictionary of the keyword argument `dropout`. It is empty if the
        checkpoint does not specify it.
    """
    dropout = config.get("classifier_dropout")
    if dropout is None:
        dropout = config.get("hidden_dropout_prob")
    return {} if dropout is None else {"dropout": dropout}
