"""What all tasks share."""

import os

import keras
import keras_hub

from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.checkpoints.weights_file import CheckedWeights
from keras_squeeze.checkpoints.weights_file import open_weights
from keras_squeeze.models.docstrings import ComposedDocstring
from keras_squeeze.models.one_at_a_time import OneAtATime
from keras_squeeze.models.optimization import build_optimizer
from keras_squeeze.models.optimization import default_optimizer
from keras_squeeze.models.optimization import zero_of
from keras_squeeze.models.saved_model import SavedModelExport
from keras_squeeze.models.tasks.input_pipeline import InputPipeline
from keras_squeeze.models.tasks.quantization import Quantization
from keras_squeeze.models.torch_parameters import TorchParameters
from keras_squeeze.new_files import check_free_space


class TextTask(
    ComposedDocstring,
    InputPipeline,
    Quantization,
    SavedModelExport,
    FromPreset,
    CheckedWeights,
    TorchParameters,
    OneAtATime,
):
    """What the tasks do differently from KerasHub's, whatever their head.

    `fit()` shuffles, presets leave the optimizer's state out, and a model
    loaded from a `.keras` file goes on training as it was compiled.

    Subclasses set `hugging_face_classes`, the endings of the names of the
    transformers classes whose checkpoints have their head, and
    `hugging_face_head`, the rows of the weight table for it;
    `hugging_face_ties`, the names of tensors that a checkpoint may hold in
    addition, each with the name of the one that it is equal to;
    `uses_pooled_output`, without which a checkpoint may lack a pooler; and
    for exported files `phone_libraries`, what the libraries for phones call a
    model of the task, `reads_text`, whether an input is a text or a pair, and
    `evaluation_kind`, the kind of its labels: see `export.checks.evaluation`.
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
        """The `keras_hub.models.Preprocessor` of the raw inputs."""
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
                gradients clipped to a global norm of 1, without which
                MobileBERT's published checkpoint does not train.
            loss: `"auto"`, or what `keras.Model.compile` takes. Defaults to
                `"auto"`: the loss of the task, see `default_loss()`.
            metrics: `"auto"`, or what `keras.Model.compile` takes. Defaults
                to `"auto"`: the metrics of the task, see `default_metrics()`.
            weighted_metrics: The same, for metrics that sample weights apply
                to.
            **kwargs: other arguments of `keras.Model.compile`.
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
            # Keras would keep those of an earlier compilation.
            metrics = []
        # Not `super()`: KerasHub's tasks, which come next in some subclasses,
        # have defaults of their own.
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
            What `keras.Model.compile` takes for `loss`.
        """
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def default_metrics(self):
        """The metrics of the task.

        Returns:
            A dictionary of what `keras.Model.compile` takes for `metrics`,
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
        """The graph of layers that an exported file holds.

        Returns:
            A functional `keras.Model` over the inputs of the backbone, whose
            outputs are those that `export_outputs()` names.
        """
        return keras.Model(self.input, self.output, name=self.name)

    def save_task_weights(self, filepath):
        # The backbone's come next.
        folder = os.path.dirname(os.path.abspath(filepath))
        check_free_space(folder, self.weights)
        keras.saving.save_weights(
            self, filepath, objects_to_skip=self._not_in_task_weights()
        )

    def load_task_weights(self, filepath):
        with open_weights(filepath):
            # Keras does not name a file that is cut off.
            pass
        keras.saving.load_weights(
            self, filepath, objects_to_skip=self._not_in_task_weights()
        )

    def _not_in_task_weights(self):
        """The backbone's layers, and the optimizer.

        Its state is twice the size of the model, and of no use to a preset.
        """
        return [*self.backbone._flatten_layers(), self.optimizer]

    def check_annotatable(self):
        """Raise a `ValueError` if the task cannot read raw inputs."""
        if self.preprocessor is None:
            raise ValueError(
                "`annotate()` takes raw text and needs a `preprocessor`. "
                "Received: a task with preprocessor=None"
            )
        self.check_texts(None)

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
        return {}

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        build_optimizer(self)


def _check_vocabulary(preprocessor, backbone):
    """Check that the embeddings have a row for every token."""
    tokenizer = getattr(preprocessor, "tokenizer", None)
    num_rows = getattr(backbone, "vocabulary_size", None)
    # The vocabulary of a file that is being read comes later.
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
