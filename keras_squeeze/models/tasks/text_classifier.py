"""Text classification and regression."""

import math
import numbers

import keras
import keras_hub
import numpy as np
from keras import ops

from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.metrics.correlation import PearsonCorrelation
from keras_squeeze.models.class_names import check_class_ids
from keras_squeeze.models.class_names import labels_to_ids
from keras_squeeze.models.tasks.array_batches import LengthBatches
from keras_squeeze.models.tasks.classification_task import ClassificationTask
from keras_squeeze.models.tasks.label_sets import label_sets_to_vectors
from keras_squeeze.models.tasks.logistic_regression import logistic_regression


class TextClassifier(ClassificationTask, keras_hub.models.TextClassifier):
    """Base class of the text classifiers.

    With a `preprocessor`, which `from_preset()` creates by default, `fit()`,
    `evaluate()`, `predict()` and `annotate()` take raw text. A dense layer on
    the pooled output predicts one of several classes, a number, or any number
    of classes:

    - By default, `y` has the ids or the names of the classes.
    - With `num_classes=1`, `y` has numbers. The loss is the mean squared
        error, and the only output is the number.
    - With `multi_label=True`, `y` has a list of names per text, or a
        vector with a 0 or a 1 per class. Each class is predicted separately,
        with a binary cross-entropy.

    Args:
        backbone: The backbone model.
        num_classes: int. The number of classes, or `1` for regression. Can be
            omitted if `class_names` is passed.
        preprocessor: The preprocessor layer, or `None` if inputs are already
            preprocessed.
        class_names: Optional list of strings, the classes in the order of
            their ids. They are saved in presets, are the labels in the answers
            of `annotate()`, and can be used as labels in `fit()`.
        activation: Optional string or callable. The activation of the
            outputs. Defaults to `None`, for logits.
        dropout: float. Dropout rate before the dense layer. Defaults to
            `0.1`.
        multi_label: bool. Whether a text can have any number of classes.
            Defaults to `False`.
        threshold: Optional float, the probability above which the answer is
            another class than the `background_class`. With `multi_label`, the
            probability above which a text has a class, or a list of one per
            class. Defaults to `None`, for one half. `calibrate()` chooses it.
        background_class: Optional name or id of the class that is the answer
            if no other class is likely enough, such as "out of scope".
            Defaults to `None`: the answer is the likeliest class.
        **kwargs: Other keyword arguments of `keras_hub.models.Task`.

    Raises:
        ValueError: If an argument is invalid, or arguments contradict
            each other.

    Example:

    ```python
    classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
        "mobile_bert_tiny_en_uncased",
        class_names=["ham", "spam"],
    )
    classifier.fit(
        x=["See you at nine?", "You have won! Call now to claim."],
        y=["ham", "spam"],
        batch_size=2,
    )
    classifier.annotate(["Claim your prize."])
    classifier.save_to_preset("./spam_classifier")
    ```
    """

    hugging_face_classes = ("ForSequenceClassification",)
    uses_pooled_output = True
    phone_libraries = (
        "MediaPipe TextClassifier",
        "Task Library BertNLClassifier",
    )
    reads_text = True
    can_group_by_length = True
    evaluation_kind = "texts"

    def __init__(
        self,
        backbone,
        num_classes=None,
        preprocessor=None,
        class_names=None,
        activation=None,
        dropout=0.1,
        multi_label=False,
        threshold=None,
        background_class=None,
        **kwargs,
    ):
        # This must be set first, because the default loss depends on it.
        self.multi_label = multi_label
        super().__init__(
            backbone,
            num_classes=num_classes,
            preprocessor=preprocessor,
            class_names=class_names,
            activation=activation,
            dropout=dropout,
            threshold=threshold,
            background_class=background_class,
            **kwargs,
        )
        if (
            self.problem_type != "single_label_classification"
            and self.activation is keras.activations.softmax
        ):
            raise ValueError(
                "`activation` must not be a softmax, whose outputs add up to "
                "one, for regression or with `multi_label`. "
                f"Received: activation={activation}, "
                f"num_classes={self.num_classes}, multi_label={multi_label}"
            )

    @property
    def problem_type(self):
        """string. The kind of prediction, in the terms of transformers.

        One of `"regression"`, `"single_label_classification"` and
        `"multi_label_classification"`.
        """
        if self.multi_label:
            return "multi_label_classification"
        if self.num_classes == 1:
            return "regression"
        return "single_label_classification"

    @property
    def chooses_one_class(self):
        """bool. Whether a text has exactly one class."""
        return self.problem_type == "single_label_classification"

    def default_loss(self):
        if self.problem_type == "regression":
            return keras.losses.MeanSquaredError()
        if self.multi_label:
            return keras.losses.BinaryCrossentropy(
                from_logits=self.activation is not keras.activations.sigmoid
            )
        return super().default_loss()

    def default_metrics(self):
        if self.problem_type == "regression":
            metrics = [keras.metrics.RootMeanSquaredError()]
            return {"metrics": [*metrics, PearsonCorrelation()]}
        if self.multi_label:
            gives_logits = self.activation is keras.activations.linear
            threshold = 0.0 if gives_logits else 0.5
            return {
                "metrics": [keras.metrics.BinaryAccuracy(threshold=threshold)]
            }
        return super().default_metrics()

    def read_labels(self, y):
        if self.problem_type == "regression":
            return _check_numbers(y)
        if self.multi_label:
            return label_sets_to_vectors(y, self.class_names, self.num_classes)
        y = labels_to_ids(y, self.class_names)
        is_sparse = isinstance(
            self.loss, keras.losses.SparseCategoricalCrossentropy
        )
        # With another loss, labels can be anything.
        if is_sparse and self.loss.ignore_class is None:
            return check_class_ids(y, self.num_classes)
        return y

    def annotate(self, inputs, top_k=None, batch_size=None):
        """Classify raw inputs and return readable answers.

        Args:
            inputs: A string, a list of strings, or a pair `(first, second)`
                of lists of strings.
            top_k: int or `None`. The number of classes per input, the
                likeliest first. Defaults to `None`, for the likeliest class
                without a list, or with `multi_label` for all classes whose
                probability is above the `threshold`, of which there may be
                none. With a `background_class`, the answer is the first.
            batch_size: int. The number of inputs per batch. Defaults to
                `None` for batches of about 4,096 tokens.

        Returns:
            A list that has a dictionary per input: the `label` and its
            `score`, a probability. That of a `background_class` is one minus
            the largest of the others. With `top_k`, a list of `top_k` such
            dictionaries, and with `multi_label` always a list. For regression,
            the `score` is the number. For a single string, only its entry.

        Example:

        ```python
        classifier.annotate(["Win a prize! Call now."])
        # [{"label": "spam", "score": 0.98}]
        ```
        """
        self.check_annotatable(top_k)
        if isinstance(inputs, str):
            return self.annotate([inputs], top_k, batch_size)[0]
        outputs = self.predict(inputs, batch_size=batch_size, verbose=0)
        return self.decision.answers(
            self.probabilities(outputs), self.names_of_classes(), top_k
        )

    def _label_array(self, y):
        y = self.read_labels(y)
        if self.multi_label:
            return np.asarray(y) > 0.5
        return check_class_ids(y, self.num_classes)

    def fit_head(self, x, y, inverse_penalty=10.0, batch_size=None):
        """Fit the dense layer alone, by a logistic regression.

        The backbone reads each text once and is not changed. `fit()` can go on
        from there, and needs fewer epochs than with a random dense layer.

        Args:
            x: The raw inputs of the task.
            y: The labels, as for `fit()`.
            inverse_penalty: float. The smaller, the closer the weights are to
                zero. It is the `C` of scikit-learn. Defaults to `10.0`.
            batch_size: int. The number of inputs per batch. Defaults to
                `None` for batches of about 4,096 tokens.

        Raises:
            ValueError: If the task has no probabilities, its dense layer
                cannot be changed, or an argument is invalid.

        Example:

        ```python
        classifier.fit_head(
            ["See you at nine?", "You have won! Call now to claim."],
            ["ham", "spam"],
        )
        ```
        """
        self.check_head_is_free("fit_head")
        if not 0 < inverse_penalty < math.inf:
            raise ValueError(
                "`inverse_penalty` must be a positive number. Received: "
                f"inverse_penalty={inverse_penalty}"
            )
        labels = self._label_array(y)
        samples = self._preprocessed(self.checked_arrays(x))
        batches = LengthBatches(
            samples[0], None, **self._prediction_batches(batch_size)
        )
        model = keras.Model(
            self.backbone.input, self.backbone.output["pooled_output"]
        )
        features = batches.in_order(model.predict(batches, verbose=0))
        self._check_counts(features, labels)
        kernel, bias = logistic_regression(
            features, labels, self.num_classes, inverse_penalty
        )
        self.output_dense.kernel.assign(kernel)
        self.output_dense.bias.assign(bias)

    def probabilities(self, outputs):
        if self.problem_type == "single_label_classification":
            return super().probabilities(outputs)
        outputs = ops.convert_to_numpy(outputs).astype("float32")
        if self.multi_label and self.activation is keras.activations.linear:
            outputs = ops.convert_to_numpy(ops.sigmoid(outputs))
        return outputs

    def export_outputs(self, outputs, probabilities=True):
        """Name the outputs for a file that runs without Keras.

        Args:
            outputs: Symbolic tensor. The outputs of the task.
            probabilities: bool. Whether the file returns probabilities instead
                of logits. Ignored for regression. Defaults to `True`.

        Returns:
            A dictionary that maps a name to a symbolic tensor:
            `"probabilities"`, `"logits"`, or `"score"` for regression.
        """
        if self.problem_type == "regression":
            return {"score": outputs}
        gives_logits = self.activation is keras.activations.linear
        if self.multi_label and probabilities and gives_logits:
            sigmoid = keras.layers.Activation(
                "sigmoid", dtype=outputs.dtype, name="probabilities"
            )
            return {"probabilities": sigmoid(outputs)}
        return super().export_outputs(outputs, probabilities)

    @classmethod
    def head_kwargs(cls, config, is_restored):
        kwargs = super().head_kwargs(config, is_restored)
        if not is_restored:
            return kwargs
        problem_type = config.get("problem_type")
        if problem_type == "multi_label_classification":
            return {**kwargs, "multi_label": True}
        if problem_type == "regression" and kwargs["num_classes"] != 1:
            raise ValueError(
                "The checkpoint must have a single label for regression. "
                "Received: "
                f"problem_type={problem_type!r}, "
                f"num_labels={kwargs['num_classes']}"
            )
        return kwargs

    def get_config(self):
        config = super().get_config()
        config["multi_label"] = self.multi_label
        return config


def _check_numbers(y):
    message = "With `num_classes=1`, labels must be finite numbers. Received: "
    if in_tf_function():
        if y.dtype.name == "string":
            raise ValueError(f"{message}{y}")
        return y
    y = np.asarray(y)
    if y.dtype.kind == "O":
        # Object arrays, as from data frames, may have numbers.
        values = y.ravel().tolist()
        wrong = [x for x in values if not isinstance(x, numbers.Real)]
        if wrong:
            raise ValueError(f"{message}{wrong[:10]}")
        y = np.array(list(map(float, values))).reshape(y.shape)
    if y.dtype.kind not in "biuf":
        raise ValueError(f"{message}{y.ravel()[:10].tolist()}")
    with np.errstate(over="ignore"):
        single = y.astype("float32")
    wrong = y[~np.isfinite(single)]
    if len(wrong):
        raise ValueError(f"{message}{wrong[:10].tolist()}")
    return single
