import contextlib
import gc
import os
import warnings

import keras
import keras_hub
import numpy as np

from keras_squeeze import keras_hub_seam
from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.checkpoints.weights_file import CheckedWeights
from keras_squeeze.checkpoints.weights_file import open_weights
from keras_squeeze.models.docstrings import ComposedDocstring
from keras_squeeze.models.one_at_a_time import OneAtATime
from keras_squeeze.models.preprocessors.text_preprocessor import (
    TextPreprocessor,
)
from keras_squeeze.models.saved_model import SavedModelExport
from keras_squeeze.models.tasks.row_counts import first_rows
from keras_squeeze.models.tasks.row_counts import pad_rows
from keras_squeeze.models.torch_parameters import TorchParameters
from keras_squeeze.new_files import check_free_space
from keras_squeeze.tokenizers.texts import lists_to_arrays


class TextTask(
    ComposedDocstring,
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
    `uses_pooled_output`, without which a checkpoint may lack a pooler;
    `reads_segments`, without which a tuple is no text of several parts; and
    for exported files `phone_libraries`, what the libraries for phones call a
    model of the task, `reads_text`, whether an input is a text or a pair, and
    `evaluation_kind`, the kind of its labels: see `export.checks.evaluation`.
    """

    hugging_face_classes = ()
    hugging_face_head = []
    hugging_face_ties = {}
    uses_pooled_output = False
    reads_segments = True
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

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        sample_weight=None,
        validation_data=None,
        validation_split=None,
        shuffle=True,
        class_weight=None,
        **kwargs,
    ):
        """Train the task on raw inputs.

        KerasHub feeds `fit()` from a data set that it builds itself, and goes
        over it in the same order in every epoch. Here raw inputs that are
        not a data set are shuffled anew in each epoch, as `keras.Model` does.

        Args:
            x: The raw inputs of the task, or a `tf.data.Dataset` or `grain`
                data set of batches of inputs, labels and sample weights.
            y: The labels, if `x` is not a data set.
            batch_size: int. Defaults to `32` if `x` is not a data set.
            sample_weight: Optional weights of the samples.
            validation_data: Optional tuple `(x, y)` or `(x, y,
                sample_weight)`, or a data set.
            validation_split: Optional float. The part of the arrays, at their
                end, to validate on.
            shuffle: bool. Whether to shuffle inputs that are not a data set.
                The order follows `keras.utils.set_random_seed()`. Defaults to
                `True`.
            class_weight: Optional dictionary of the weights of the classes
                in the loss, by their ids or their names, for tasks that
                choose one class. Those that are left out weigh 1.
            **kwargs: other arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If `class_weight` is passed for a task without
                classes, or with `sample_weight`.
        """
        class_weight = self.checked_class_weight(class_weight, sample_weight)
        size = batch_size or 32
        if not is_data_set(x):
            arrays = self.checked_arrays(x, y, sample_weight)
            if validation_split and validation_data is None:
                arrays, validation_data = keras_hub_seam.train_validation_split(
                    arrays, validation_split
                )
            x = self.batches(arrays, size, shuffle)
            y = sample_weight = validation_split = batch_size = None
        if isinstance(validation_data, (list, tuple)):
            arrays = self.checked_arrays(*validation_data)
            validation_data = self.batches(arrays, size)
        build_optimizer(self)
        return super().fit(
            x=x,
            y=y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            validation_data=validation_data,
            validation_split=validation_split,
            shuffle=False,
            class_weight=class_weight,
            **kwargs,
        )

    def evaluate(
        self, x=None, y=None, batch_size=None, sample_weight=None, **kwargs
    ):
        """Compute the loss and the metrics on raw inputs.

        Args:
            x: The raw inputs of the task, or a data set of batches of inputs,
                labels and sample weights.
            y: The labels, if `x` is not a data set.
            batch_size: int. Defaults to `32` if `x` is not a data set.
            sample_weight: Optional weights of the samples.
            **kwargs: other arguments of `keras.Model.evaluate`.

        Returns:
            What `keras.Model.evaluate` returns.
        """
        if not is_data_set(x):
            arrays = self.checked_arrays(x, y, sample_weight)
            x = self.batches(arrays, batch_size or 32)
            y = sample_weight = batch_size = None
        return super().evaluate(
            x=x,
            y=y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            **kwargs,
        )

    def predict(self, x=None, batch_size=None, **kwargs):
        """Compute the outputs for raw inputs.

        Args:
            x: The raw inputs of the task, or a data set of batches of them.
            batch_size: int. Defaults to `32` if `x` is not a data set.
            **kwargs: other arguments of `keras.Model.predict`.

        Returns:
            An array, or whatever structure of arrays the task's outputs have.
        """
        if is_data_set(x):
            return super().predict(x, batch_size=batch_size, **kwargs)
        size = batch_size or 32
        arrays = self.checked_arrays(x)
        to_source(arrays)
        arrays, count = pad_rows(arrays, size)
        outputs = super().predict(self.batches(arrays, size), **kwargs)
        return first_rows(outputs, count)

    def num_samples(self, x):
        """Count the samples that raw inputs make, as `fit()` batches them.

        Args:
            x: The raw inputs of the task.

        Returns:
            int.
        """
        return len(keras_hub_seam.TensorLikeSource(to_arrays(x)))

    def checked_arrays(self, x, y=None, sample_weight=None):
        """Raw inputs as arrays, after a look at all of them.

        Tasks extend it to refuse a sample that cannot be used before they
        have trained on the ones that come first.

        Args:
            x: The raw inputs of the task.
            y: Optional labels.
            sample_weight: Optional weights of the samples.

        Returns:
            What `to_arrays()` returns.

        Raises:
            ValueError: If the inputs cannot be read, or a weight is not a
                finite number.
        """
        self.check_texts(x)
        # Inputs that are preprocessed already are in a dictionary.
        is_raw = not isinstance(x, dict) or set(x) != set(self.input)
        if isinstance(self.preprocessor, TextPreprocessor) and is_raw:
            self.preprocessor.check_inputs(x)
        arrays = to_arrays(x, y, sample_weight)
        if sample_weight is not None:
            _check_weights(arrays[-1])
        return arrays

    def checked_class_weight(self, class_weight, sample_weight=None):
        """The weights of the classes, as Keras takes them.

        Tasks that choose one class extend it.

        Args:
            class_weight: The argument of `fit()`.
            sample_weight: Another one.

        Returns:
            `None`, or a dictionary of a float for each class id.

        Raises:
            ValueError: If there are weights, but no classes that they could
                be of, or if they are not weights of classes.
        """
        if class_weight is None:
            return None
        raise ValueError(
            "`class_weight` must be None for a task that does not choose one "
            f"class. Received: class_weight={class_weight!r:.200} for a "
            f"{type(self).__name__}"
        )

    def preprocess_samples(self, x, y=None, sample_weight=None):
        # Of data sets, nothing was looked at before.
        self.check_texts(x)
        return super().preprocess_samples(x, y, sample_weight)

    def check_texts(self, x):
        """Raise a `ValueError` for what the backbone has no embeddings for.

        Args:
            x: The raw inputs of the task, or preprocessed ones.
        """
        num_segments = getattr(self.backbone, "num_segments", None)
        if (
            num_segments is not None
            and self.reads_segments
            and isinstance(x, tuple)
            and len(x) > num_segments
        ):
            raise ValueError(
                f"`{type(self).__name__}` reads texts, or tuples of as many "
                f"as {num_segments} segments. To pass several texts, use a "
                f"list. Received: a tuple of {len(x)}"
            )
        longest = getattr(self.backbone, "max_sequence_length", None)
        length = getattr(self.preprocessor, "sequence_length", None)
        name = "preprocessor.sequence_length"
        if isinstance(x, dict) and "token_ids" in x:
            length = np.shape(x["token_ids"])[-1]
            name = "the length of `token_ids`"
        if longest is not None and length is not None and length > longest:
            raise ValueError(
                f"A sequence must not be longer than the {longest} positions "
                f"of the backbone. Received: {name}={length}"
            )

    def batches(self, arrays, size, shuffle=False):
        """A data set of batches of the samples of arrays.

        KerasHub makes one, too, but stacks single samples, which can have no
        lists in them, and gives them to TensorFlow when preprocessing them
        fails, whose error says less than the first.

        Args:
            arrays: What `to_arrays()` returns.
            size: int. How many samples a batch has.
            shuffle: bool. Whether to shuffle the samples. Defaults to
                `False`.

        Returns:
            A `grain.MapDataset`.
        """
        import grain

        source = to_source(arrays)
        indices = grain.MapDataset.range(len(source))
        if shuffle:
            # KerasHub repeats the data set for all epochs, and a shuffled one
            # has another order in each repetition.
            indices = indices.shuffle(seed=np.random.randint(2**31))
        return indices.batch(size).map(source.__getitem__)

    def quantize(self, mode=None, config=None, filters=None, **kwargs):
        """Store the weights of dense layers and embeddings in fewer bits.

        The task predicts from them, but is not trained on. SqueezeBERT's
        grouped layers, which Keras has no integers for, stay as they are.
        Files for phones are quantized by `keras_squeeze.export_tflite()`,
        from a task that is not.

        Args:
            mode: string. `"int8"` or `"int4"`, or another of what
                `keras.Model.quantize` takes.
            config: Optional configuration, in the place of `mode`.
            filters: Optional regular expression of the names of the layers to
                quantize, a list of such, or a function of a layer.
            **kwargs: other arguments of `keras.Model.quantize`.

        Example:

        ```python
        classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
            "mobile_bert_tiny_en_uncased", num_classes=2
        )
        classifier.quantize("int8")
        classifier.save_to_preset("int8_preset")
        ```
        """
        # Without the preprocessor, which Keras would quantize as well.
        graph = keras.Model(self.input, self.output)
        with warnings.catch_warnings():
            # Of layers that have no weights to quantize.
            warnings.filterwarnings(
                "ignore", "Layer (?!GroupedDense).* does not have a `quantize`"
            )
            # Keras collects garbage for each weight that it replaces, which
            # looks at every object of the process each time.
            gc.freeze()
            try:
                graph.quantize(mode, config=config, filters=filters, **kwargs)
            finally:
                gc.unfreeze()
        for model in (self, self.backbone):
            # What was compiled of the layers that were.
            model.train_function = None
            model.test_function = None
            model.predict_function = None
            model._post_quantize(mode)

    def _quantized_head_layers(self):
        """The layers that are not the backbone's and are quantized."""
        of_backbone = set(map(id, self.backbone._flatten_layers()))
        return [
            layer
            for layer in self._flatten_layers(include_self=False)
            if id(layer) not in of_backbone
            and layer.quantization_mode is not None
        ]

    def get_config(self):
        config = super().get_config()
        # KerasHub keeps those of the backbone in the config of the latter.
        policies = {}
        for layer in self._quantized_head_layers():
            policy = layer.dtype_policy
            if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
                policy = policy[layer.path]
            policies[layer.path] = keras.dtype_policies.serialize(policy)
        return {**config, "quantized_layers": policies} if policies else config

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        policies = {
            path: keras.dtype_policies.deserialize(policy)
            for path, policy in config.pop("quantized_layers", {}).items()
        }
        if policies and isinstance(config["backbone"], dict):
            config["backbone"] = keras.layers.deserialize(config["backbone"])
            # What the layers of the head are made with.
            by_path = config["backbone"].dtype_policy
            if isinstance(by_path, keras.dtype_policies.DTypePolicyMap):
                for path in policies.keys() - by_path.keys():
                    by_path[path] = policies[path]
        task = super().from_config(config)
        for layer in task._flatten_layers(include_self=False):
            # Where only the head is quantized, there is no such map.
            if layer.path in policies and layer.quantization_mode is None:
                layer.dtype_policy = policies[layer.path]
            # Keras' "int4" leaves activations as they are, but embeddings that
            # are loaded would round those that they turn into logits.
            is_embedding = isinstance(layer, keras.layers.ReversibleEmbedding)
            if is_embedding and layer.quantization_mode == "int4":
                layer.inputs_quantizer = None
        return task

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


def default_optimizer():
    """Adam with a learning rate of 5e-5 and clipped gradients.

    Without clipping, MobileBERT's published checkpoint does not train.

    Returns:
        A `keras.Optimizer`.
    """
    return keras.optimizers.Adam(5e-5, global_clipnorm=1.0)


def build_optimizer(model):
    """Create the state of a compiled model's optimizer before `fit()` does.

    On TensorFlow `fit()` would create it while it traces the training step,
    which it then has to trace once more: half of the time until the first
    step, 22 s and not 11 s for a tiny MobileBERT.

    Args:
        model: A `keras.Model`. One that is not compiled is left to `fit()`,
            which says so.
    """
    follow_requires_grad(model)
    if not model.compiled or model.optimizer.built:
        return
    if keras.backend.backend() == "tensorflow":
        scope = model.distribute_strategy.scope()
    else:
        scope = contextlib.nullcontext()
    with scope:
        model.optimizer.build(model.trainable_variables)


def follow_requires_grad(model):
    """Train what PyTorch would, where `requires_grad` was set.

    Args:
        model: A `keras.Model`.
    """
    if keras.backend.backend() != "torch":
        return
    for variable in model.weights:
        if variable.trainable != variable.value.requires_grad:
            variable.trainable = variable.value.requires_grad


def zero_of(layer):
    """Zero, which has a gradient of zero for the weights of a layer.

    Added to a loss, it tells that weights have no part in it. Keras warns in
    each `fit()` of those that have no gradient, and trains on as it would
    with this.

    Args:
        layer: A `keras.Layer` or `None`.

    Returns:
        A scalar tensor, or 0.
    """
    weights = layer.trainable_weights if layer is not None else []
    return sum(0.0 * keras.ops.sum(weight) for weight in weights)


def is_data_set(x):
    """Whether what a method was passed is a data set, and not arrays.

    Args:
        x: The first argument of `fit()` and its like.

    Returns:
        bool.
    """
    is_array = isinstance(x, (str, bytes)) or hasattr(x, "__array__")
    return not is_array and not isinstance(x, (list, tuple, dict))


def to_arrays(x, y=None, sample_weight=None):
    """The arguments of `fit()` in one tuple, with arrays for lists.

    Args:
        x: The raw inputs.
        y: The labels.
        sample_weight: The weights of the samples.

    Returns:
        What `keras.utils.pack_x_y_sample_weight` makes of the arrays.
    """
    # Strings of any length: NumPy's own type has the longest one's for all.
    x, y = lists_to_arrays(x), lists_to_arrays(y)
    return keras_hub_seam.convert_to_numpy(
        keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
    )


def _check_weights(sample_weight):
    for weights in keras.tree.flatten(sample_weight):
        if weights.dtype.kind not in "biuf" or not np.isfinite(weights).all():
            raise ValueError(
                "`sample_weight` must be finite numbers. Received: "
                f"sample_weight={weights!r:.200}"
            )


def to_source(arrays):
    """The samples of arrays, one by one.

    Args:
        arrays: What `to_arrays()` returns.

    Returns:
        A source of a `grain.MapDataset`.

    Raises:
        ValueError: If the arrays are not all of the same number of samples,
            or have none.
    """
    source = keras_hub_seam.TensorLikeSource(arrays)
    if not len(source):
        raise ValueError(
            "`x` must have at least one sample. Received: no samples"
        )
    return source


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
