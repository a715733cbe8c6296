"""Base class of all tasks."""

import os

import keras
import keras_hub

from keras_squeeze import validation
from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.checkpoints.weights_file import CheckedWeights
from keras_squeeze.checkpoints.weights_file import open_weights
from keras_squeeze.models.devices import SplitRows
from keras_squeeze.models.docstrings import ComposedDocstring
from keras_squeeze.models.export_formats import ExportFormats
from keras_squeeze.models.one_at_a_time import OneAtATime
from keras_squeeze.models.optimization import build_optimizer
from keras_squeeze.models.optimization import default_optimizer
from keras_squeeze.models.optimization import zero_of
from keras_squeeze.models.tasks.any_shape import AnyShapePrediction
from keras_squeeze.models.tasks.input_pipeline import InputPipeline
from keras_squeeze.models.tasks.quantization import Quantization
from keras_squeeze.models.torch_parameters import TorchParameters
from keras_squeeze.new_files import check_free_space


class TextTask(
    ComposedDocstring,
    InputPipeline,
    Quantization,
    ExportFormats,
    FromPreset,
    CheckedWeights,
    TorchParameters,
    AnyShapePrediction,
    OneAtATime,
    SplitRows,
):
    """Defines how all tasks differ from those of KerasHub.

    `fit()` shuffles, presets do not store the optimizer's state, and a model
    loaded from a `.keras` file continues training as it was compiled.

    Subclasses set:

    - `hugging_face_classes`: the endings of the names of the transformers
        classes whose checkpoints have their head.
    - `hugging_face_head`: the rows of the weight table for the head.
    - `hugging_face_ties`: the names of additional tensors that a checkpoint
        may have, each with the name of the tensor that it is equal to.
    - `uses_pooled_output`: whether a checkpoint must have a pooler.
    - `phone_libraries`, for exported files: the libraries for phones that
        support the task, with their names for it.
    - `reads_text`, for exported files: whether an input is a text or a pair.
    - `evaluation_kind`, for exported files: the kind of the labels, see
        `export.checks.evaluation`.
    """

    hugging_face_classes = ()
    hugging_face_head = []
    hugging_face_ties = {}
    uses_pooled_output = False
    phone_libraries = ()
    reads_text = False
    evaluation_kind = None

    @property
    def preprocessor(self):
        """The `keras_hub.models.Preprocessor` for raw inputs."""
        return keras_hub.models.Task.preprocessor.fget(self)

    @preprocessor.setter
    def preprocessor(self, preprocessor):
        _check_vocabulary(preprocessor, self.backbone)
        keras_hub.models.Task.preprocessor.fset(self, preprocessor)

    def compile(
        self,
        optimizer="auto",
        loss="auto",
        *,
        metrics="auto",
        weighted_metrics="auto",
        **kwargs,
    ):
        """Configure the task for training.

        Args:
            optimizer: `"auto"`, an optimizer name or a `keras.Optimizer`.
                Defaults to `"auto"`: Adam with a learning rate of 5e-5 and
                gradients clipped to a global norm of 1, which the published
                MobileBERT checkpoint needs to train.
            loss: `"auto"`, or a loss of `keras.Model.compile`. Defaults to
                `"auto"`: the loss of the task, see `default_loss()`.
            metrics: `"auto"`, or metrics of `keras.Model.compile`. Defaults
                to `"auto"`: the metrics of the task, see `default_metrics()`.
            weighted_metrics: The same, for metrics that use sample weights.
            **kwargs: Other arguments of `keras.Model.compile`.
        """
        if isinstance(optimizer, str) and optimizer == "auto":
            optimizer = default_optimizer()
        if isinstance(loss, str) and loss == "auto":
            loss = self.default_loss()
        defaults = self.default_metrics()
        if isinstance(metrics, str) and metrics == "auto":
            metrics = defaults.get("metrics")
        if isinstance(weighted_metrics, str) and weighted_metrics == "auto":
            weighted_metrics = defaults.get("weighted_metrics")
        if metrics is None and weighted_metrics is None:
            # Keras would keep the metrics of an earlier compilation.
            metrics = []
        # Not `super()`: KerasHub's tasks, which come next in some subclasses,
        # have other defaults.
        keras.Model.compile(
            self,
            optimizer=optimizer,
            loss=loss,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            **kwargs,
        )

    def default_loss(self):
        """The loss of the task.

        Returns:
            A value for the `loss` of `keras.Model.compile`.
        """
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def default_metrics(self):
        """The metrics of the task.

        Returns:
            A dictionary of arguments of `keras.Model.compile`: `metrics`,
            `weighted_metrics`, or both.
        """
        return {"metrics": [keras.metrics.SparseCategoricalAccuracy()]}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if self.uses_pooled_output:
            return loss
        return loss + zero_of(getattr(self.backbone, "pooler", None))

    def serving_graph(self):
        """The graph of layers for an exported file.

        Returns:
            A functional `keras.Model` of the inputs of the backbone, whose
            outputs are named by `export_outputs()`.
        """
        return keras.Model(self.input, self.output, name=self.name)

    def save_task_weights(self, filepath):
        # The weights of the backbone are written next.
        folder = os.path.dirname(os.path.abspath(filepath))
        check_free_space(folder, self.weights)
        keras.saving.save_weights(
            self, filepath, objects_to_skip=self._not_in_task_weights()
        )

    def load_task_weights(self, filepath):
        with open_weights(filepath):
            # Keras does not name a truncated file in its error.
            pass
        keras.saving.load_weights(
            self, filepath, objects_to_skip=self._not_in_task_weights()
        )

    def _not_in_task_weights(self):
        """The backbone's layers and the optimizer.

        The state of the optimizer is twice the size of the model, and a preset
        does not need it.
        """
        return [*self.backbone._flatten_layers(), self.optimizer]

    def check_annotatable(self, top_k=None):
        """Raise a `ValueError` if the task cannot read raw inputs.

        Args:
            top_k: The argument of `annotate()`.
        """
        if self.preprocessor is None:
            raise ValueError(
                "`annotate()` takes raw text and needs a `preprocessor`. "
                "Received: a task with preprocessor=None"
            )
        if top_k is not None:
            validation.check_positive_int("top_k", top_k)
        self.check_texts(None)

    @classmethod
    def head_kwargs(cls, config, is_restored):
        """Arguments for the head of a Hugging Face checkpoint.

        Args:
            config: Dictionary. The contents of `config.json`.
            is_restored: bool. Whether the checkpoint's own head is used
                instead of a new one.

        Returns:
            A dictionary of keyword arguments of the class.
        """
        return {}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        build_optimizer(self)


def _check_vocabulary(preprocessor, backbone):
    """Check that the embeddings have a row for every token."""
    tokenizer = getattr(preprocessor, "tokenizer", None)
    num_rows = getattr(backbone, "vocabulary_size", None)
    # While a file is being loaded, the tokenizer has no vocabulary yet.
    if getattr(tokenizer, "vocabulary", None) is None or num_rows is None:
        return
    num_tokens = tokenizer.vocabulary_size()
    if num_tokens > num_rows:
        raise ValueError(
            "The tokenizer of `preprocessor` may not have more tokens than the "
            "embeddings of `backbone` have rows; `backbone.resize_vocabulary("
            f"{num_tokens})` adds rows. Received: {num_tokens} tokens, and a "
            f"backbone with vocabulary_size={num_rows}"
        )
