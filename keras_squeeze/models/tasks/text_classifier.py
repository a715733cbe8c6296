import re

import keras
import keras_hub
from keras import ops

from keras_squeeze import validation
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.models.tasks.class_names import check_class_names
from keras_squeeze.models.tasks.class_names import labels_to_ids
from keras_squeeze.models.tasks.class_names import likeliest
from keras_squeeze.models.tasks.text_task import TextTask


class TextClassifier(TextTask, keras_hub.models.TextClassifier):
    """Base of the text classifiers: a dense layer on the pooled output.

    Args:
        backbone: The backbone model.
        num_classes: int. Number of classes to predict. May be left out if
            `class_names` is passed.
        preprocessor: The preprocessor layer, or `None` to pass inputs that
            are preprocessed already.
        class_names: Optional list of strings, the classes in the order of
            their ids. They are kept in presets, name the answers of
            `annotate()`, and can stand for the ids in the labels of `fit()`.
        activation: Optional string or callable. The activation of the
            outputs. Defaults to `None`, which gives logits.
        dropout: float. Dropout rate before the dense layer. Defaults to
            `0.1`.
        **kwargs: other keyword arguments of `keras_hub.models.Task`.
    """

    hugging_face_classes = ("ForSequenceClassification",)
    hugging_face_head = [("classifier", "output_dense", DENSE)]
    uses_pooled_output = True

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

        # The default loss, which depends on it, is made with the model.
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
        pooled = backbone(inputs)["pooled_output"]
        outputs = self.output_dense(self.output_dropout(pooled))
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.num_classes = num_classes
        self.class_names = class_names
        self.dropout = dropout

    def default_loss(self):
        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=self.activation is not keras.activations.softmax
        )

    def preprocess_samples(self, x, y=None, sample_weight=None):
        if y is not None:
            y = labels_to_ids(y, self.class_names)
        return super().preprocess_samples(x, y, sample_weight)

    def annotate(self, inputs, top_k=None, batch_size=32):
        """Classify raw inputs and give the answers by name.

        Args:
            inputs: A string, a list of strings, or a pair `(first, second)`
                of lists of strings.
            top_k: int or `None`. How many classes to give for each input,
                the likeliest first. Defaults to `None`, for the likeliest
                alone and not in a list.
            batch_size: int. How many inputs to predict at once. Defaults to
                `32`.

        Returns:
            A list with, for each input, a dictionary of the `label` and its
            `score`, a probability; with `top_k`, a list of `top_k` such
            dictionaries. For a single string, the entry alone.

        Example:

        ```python
        classifier.annotate(["Win a prize! Call now."])
        # [{"label": "spam", "score": 0.98}]
        ```
        """
        self.check_annotatable()
        if top_k is not None:
            validation.check_positive_int("top_k", top_k)
        if isinstance(inputs, str):
            return self.annotate([inputs], top_k, batch_size)[0]
        outputs = self.predict(inputs, batch_size=batch_size, verbose=0)
        if self.activation is keras.activations.linear:
            outputs = ops.softmax(outputs, axis=-1)
        probabilities = ops.convert_to_numpy(ops.cast(outputs, "float32"))
        names = self.class_names or [
            f"LABEL_{i}" for i in range(self.num_classes)
        ]
        return [likeliest(row, names, top_k) for row in probabilities]

    def export_outputs(self, outputs, probabilities=True):
        """Name the outputs for a file that runs without Keras.

        Args:
            outputs: Symbolic tensor. The outputs of the task.
            probabilities: bool. Whether the file gives probabilities, or
                logits. Defaults to `True`.

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
            softmax = keras.layers.Softmax(
                dtype=outputs.dtype, name="probabilities"
            )
            outputs = softmax(outputs)
        return {"probabilities": outputs}

    @classmethod
    def head_kwargs(cls, config, is_restored):
        """Our arguments for the head of a Hugging Face checkpoint.

        Args:
            config: Dictionary. The contents of `config.json`.
            is_restored: bool. Whether the checkpoint's own head is used, and
                not a new one in its place.

        Returns:
            A dictionary of keyword arguments of the class.
        """
        dropout = config.get("classifier_dropout")
        if dropout is None:
            dropout = config.get("hidden_dropout_prob")
        kwargs = {} if dropout is None else {"dropout": dropout}
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
            # The names in the preset are those of its own head.
            kwargs.setdefault("class_names", None)
        return super().from_preset(preset, **kwargs)

    @classmethod
    def from_config(cls, config):
        names = config.get("class_names")
        if names and config.get("num_classes") not in (None, len(names)):
            # `from_preset()` of KerasHub's own classes puts the number of
            # classes of a new head beside the names of the preset's.
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
