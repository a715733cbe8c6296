"""Base class of the tasks that classify texts or tokens."""

import re

import keras
from keras import ops

from keras_squeeze import validation
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.models.class_names import check_class_names
from keras_squeeze.models.class_names import softmax
from keras_squeeze.models.tasks.text_task import TextTask


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
        **kwargs: Other keyword arguments of `keras_hub.models.Task`.

    Raises:
        ValueError: If an argument is invalid, or `num_classes` and
            `class_names` contradict each other.
    """

    hugging_face_head = [("classifier", "output_dense", DENSE)]
    chooses_one_class = True

    def __init__(
        self,
        backbone,
        num_classes=None,
        preprocessor=None,
        class_names=None,
        activation=None,
        dropout=0.1,
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
            kwargs.setdefault("class_names", None)
        return super().from_preset(preset, **kwargs)

    @classmethod
    def from_config(cls, config):
        names = config.get("class_names")
        if names and config.get("num_classes") not in (None, len(names)):
            # `from_preset()` of KerasHub's own classes combines the number of
            # classes of a new head with the names of the preset.
            config = {**config, "class_names": None}
        return super().from_config(config)

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "num_classes": self.num_classes,
                "class_names": self.class_names,
                "activation": keras.activations.serialize(self.activation),
                "dropout": self.dropout,
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
