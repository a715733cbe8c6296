"""Prepares the raw inputs of `fit()`, `evaluate()` and `predict()`."""

import functools

import keras
import numpy as np

from keras_squeeze import keras_hub_seam
from keras_squeeze.models.class_names import balanced_class_weights
from keras_squeeze.models.class_names import class_weights_to_ids
from keras_squeeze.models.devices import by_all_processes
from keras_squeeze.models.devices import check_batch_size
from keras_squeeze.models.devices import check_workers
from keras_squeeze.models.devices import num_replicas
from keras_squeeze.models.devices import shares_samples
from keras_squeeze.models.one_at_a_time import one_at_a_time
from keras_squeeze.models.optimization import build_optimizer
from keras_squeeze.models.preprocessors.text_preprocessor import (
    TextPreprocessor,
)
from keras_squeeze.models.tasks.array_batches import PREDICTION_TOKENS
from keras_squeeze.models.tasks.array_batches import LengthBatches
from keras_squeeze.models.tasks.row_counts import first_rows
from keras_squeeze.models.tasks.row_counts import pad_rows
from keras_squeeze.models.tasks.samples import check_weights
from keras_squeeze.models.tasks.samples import is_data_set
from keras_squeeze.models.tasks.samples import to_arrays
from keras_squeeze.models.tasks.samples import to_source

# The number of texts that are tokenized and sorted at once.
SAMPLES_SORTED = 65536


class InputPipeline:
    """Checks raw inputs, batches and shuffles them, and passes them to Keras.

    Tasks that preprocess all inputs at once, instead of batch by batch,
    override `prepare()`. `reads_segments` is `False` for tasks in which a
    tuple is not a text with several parts. `chooses_one_class` is `True` for
    tasks that support class weights, and `can_group_by_length` for tasks that
    preprocess a text in the same way in each epoch. `batch_tokens` is the
    number of tokens per batch, with padding, of texts that are predicted in
    the order of their lengths without a `batch_size`.
    """

    batch_tokens = PREDICTION_TOKENS
    reads_segments = True
    chooses_one_class = False
    can_group_by_length = False

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
        group_by_length=False,
        **kwargs,
    ):
        """Train the task on raw inputs.

        KerasHub feeds `fit()` from its own dataset, which has the same order
        in every epoch. Here, raw inputs that are not a dataset are shuffled
        again in each epoch, as in `keras.Model`.

        Args:
            x: The raw inputs of the task, or a `tf.data.Dataset` or `grain`
                dataset of batches of inputs, labels and sample weights.
            y: The labels, if `x` is not a dataset.
            batch_size: int. Defaults to `32` if `x` is not a dataset.
            sample_weight: Optional sample weights.
            validation_data: Optional tuple `(x, y)` or `(x, y,
                sample_weight)`, or a dataset.
            validation_split: Optional float. The fraction of the arrays, from
                their end, to use for validation.
            shuffle: bool. Whether to shuffle inputs that are not a dataset.
                The order depends on `keras.utils.set_random_seed()`. Defaults
                to `True`.
            class_weight: Optional dictionary that maps the ids or names of
                classes to their weights in the loss, for tasks that choose
                one class. Missing classes have a weight of 1. With
                `"balanced"`, the weights are inversely proportional to the
                numbers of labels in `y`, and on average 1.
            group_by_length: bool. Whether to put texts of similar length in
                the same batch, without the padding that all of them share.
                This saves much time if the lengths vary a lot, but JAX
                compiles a program for each of a few lengths. All inputs are
                tokenized before the first step. Tasks that draw new masks in
                each epoch do not support it. Defaults to `False`.
            **kwargs: Other arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.

        Raises:
            ValueError: If `class_weight` is passed for a task without
                classes, or with `sample_weight`; or if `group_by_length` is
                passed for a dataset, or for a task that does not support it.
        """
        if group_by_length and is_data_set(x):
            raise ValueError(
                "`group_by_length` must be False for a dataset, which already "
                f"has batches. Received: x of type {type(x).__name__}"
            )
        if group_by_length and not self.can_group_by_length:
            raise ValueError(
                "`group_by_length` must be False for a task that draws new "
                "masks in each epoch. Received: group_by_length=True for a "
                f"{type(self).__name__}"
            )
        return self._train(
            self._prepare_by_length if group_by_length else self.prepare,
            x,
            y=y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            validation_data=validation_data,
            validation_split=validation_split,
            shuffle=shuffle,
            class_weight=class_weight,
            **kwargs,
        )

    @one_at_a_time
    def _train(
        self,
        prepare,
        x,
        *,
        y,
        batch_size,
        sample_weight,
        validation_data,
        validation_split,
        shuffle,
        class_weight,
        **kwargs,
    ):
        """Train on the result of `prepare`, a method like `prepare()`.

        The other arguments are the same as for `fit()`.
        """
        check_workers(self)
        class_weight = self.checked_class_weight(class_weight, sample_weight, y)
        is_preprocessed = False
        train = {
            "x": x,
            "y": y,
            "batch_size": batch_size,
            "sample_weight": sample_weight,
            "validation_split": validation_split,
            "class_weight": class_weight,
        }
        if not is_data_set(x):
            check_batch_size(self, batch_size or 32)
            arrays = self.checked_arrays(x, y, sample_weight)
            if validation_split and validation_data is None:
                to_source(arrays)
                arrays, rest = keras_hub_seam.train_validation_split(
                    arrays, validation_split
                )
                validation_data = keras.utils.unpack_x_y_sample_weight(rest)
            train, is_preprocessed = prepare(
                arrays, batch_size, shuffle, class_weight
            )
        if isinstance(validation_data, (list, tuple)):
            arrays = self.checked_arrays(*validation_data)
            validation_data = prepare(arrays, batch_size)[0]["x"]
        elif is_preprocessed and validation_data is not None:
            validation_data = keras_hub_seam.apply_preprocessing(
                validation_data, self.preprocess_samples
            )
        # Keras' own method does not do this.
        build_optimizer(self)
        return self._method("fit", is_preprocessed)(
            **train,
            validation_data=validation_data,
            # The batches for KerasHub's `fit()` are already shuffled.
            shuffle=shuffle and is_preprocessed,
            **kwargs,
        )

    def prepare(self, arrays, batch_size=None, shuffle=None, class_weight=None):
        """Create batches from array samples.

        Tasks that do not preprocess batch by batch override it.

        Args:
            arrays: The result of `checked_arrays()`.
            batch_size: int. Defaults to `32`.
            shuffle: bool. Whether to shuffle the samples. Defaults to `None`,
                for samples that are not used for training.
            class_weight: Optional dictionary of a float per class id.

        Returns:
            A tuple `(arguments, is_preprocessed)`: a dictionary of arguments
            of `keras.Model.fit`, and whether they are preprocessed inputs
            instead of raw ones. For samples that are not used for training,
            `"x"` is a dataset with everything.
        """
        if shares_samples() and self.can_group_by_length:
            # Otherwise each process would tokenize the texts of all of them.
            to_source(arrays)
            arrays = keras.utils.pack_x_y_sample_weight(
                *self._preprocessed(arrays)
            )
        batches = self.batches(arrays, batch_size or 32, shuffle)
        return {"x": batches, "class_weight": class_weight}, False

    def _prepare_by_length(
        self, arrays, batch_size=None, shuffle=None, class_weight=None
    ):
        """Like `prepare()`, but batches have texts of similar length."""
        to_source(arrays)
        samples = self._preprocessed(arrays)
        batches = self._length_batches(samples, batch_size, shuffle)
        return {"x": batches, "class_weight": class_weight}, True

    def _length_batches(self, samples, batch_size=None, shuffle=None, **kwargs):
        """Create batches of samples of similar length for training.

        Args:
            samples: A tuple of preprocessed inputs, labels and sample weights.
            batch_size: int. Defaults to `32`.
            shuffle: bool. Whether the order changes in each epoch.
            **kwargs: Other arguments of `LengthBatches`.

        Returns:
            A `LengthBatches`.
        """
        return LengthBatches(
            *samples,
            batch_size or 32,
            seed=np.random.randint(2**31) if shuffle else None,
            few_lengths=self._uses_xla(),
            **kwargs,
        )

    def _method(self, name, is_preprocessed):
        """Return Keras' method, or that of KerasHub, which preprocesses."""
        if is_preprocessed:
            return functools.partial(getattr(keras.Model, name), self)
        return getattr(super(), name)

    @one_at_a_time
    def evaluate(
        self, x=None, y=None, batch_size=None, sample_weight=None, **kwargs
    ):
        """Compute the loss and the metrics on raw inputs.

        Args:
            x: The raw inputs of the task, or a dataset of batches of inputs,
                labels and sample weights.
            y: The labels, if `x` is not a dataset.
            batch_size: int. Defaults to `32` if `x` is not a dataset.
            sample_weight: Optional sample weights.
            **kwargs: Other arguments of `keras.Model.evaluate`.

        Returns:
            The result of `keras.Model.evaluate`.
        """
        is_preprocessed = False
        if not is_data_set(x):
            arrays = self.checked_arrays(x, y, sample_weight)
            arguments, is_preprocessed = self.prepare(arrays, batch_size)
            x = arguments["x"]
            y = sample_weight = batch_size = None
        return self._method("evaluate", is_preprocessed)(
            x=x,
            y=y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            **kwargs,
        )

    def predict(self, x=None, batch_size=None, **kwargs):
        """Compute the outputs for raw inputs.

        Args:
            x: The raw inputs of the task, or a dataset of batches of them.
            batch_size: int. Defaults to `None` for batches of about 4,096
                tokens if `x` is not a dataset. Tasks that do not sort texts by
                their lengths then have 32 per batch.
            **kwargs: Other arguments of `keras.Model.predict`.

        Returns:
            An array, or a structure of arrays, depending on the task.
        """
        if is_data_set(x):
            return super().predict(x, batch_size=batch_size, **kwargs)
        arrays = self.checked_arrays(x)
        if self._can_sort(x) and kwargs.get("steps") is None:
            return self._predict_by_length(arrays, batch_size, **kwargs)
        to_source(arrays)
        size = batch_size or 32
        arrays, count = pad_rows(arrays, size)
        outputs = super().predict(self.batches(arrays, size), **kwargs)
        return first_rows(outputs, count)

    def _can_sort(self, x):
        """Whether raw inputs may be predicted in the order of their lengths."""
        return (
            self.can_group_by_length
            and isinstance(self.preprocessor, TextPreprocessor)
            and self._is_raw(x)
        )

    def _is_raw(self, x):
        """Whether inputs are not preprocessed yet."""
        return not isinstance(x, dict) or set(x) != set(self.input)

    def _predict_by_length(self, arrays, size, **kwargs):
        """Like `predict()`, for batches of texts of similar length."""
        count = len(to_source(arrays))
        parts = []
        # A dataset of many texts would not fit into memory.
        for start in range(0, count, SAMPLES_SORTED):
            part = keras.tree.map_structure(
                lambda array, i=start: array[i : i + SAMPLES_SORTED],
                arrays,
                none_is_leaf=False,
            )
            batches = LengthBatches(
                *self._preprocessed(part),
                **self._prediction_batches(size),
            )
            is_single = len(batches) == 1 and kwargs == {"verbose": 0}
            if is_single and num_replicas(self) == 1:
                # `predict()` makes a dataset, which takes longer than this.
                outputs = self._method("predict_on_batch", True)(batches[0])
            else:
                outputs = self._method("predict", True)(batches, **kwargs)
            parts.append(batches.in_order(outputs))
        return keras.tree.map_structure(
            lambda *arrays: np.concatenate(arrays), *parts
        )

    def _prediction_batches(self, batch_size):
        """Arguments of `LengthBatches` for predictions."""
        arguments = {"few_lengths": self._uses_xla(), "repeat_rows": True}
        if batch_size is None:
            return {"batch_tokens": self.batch_tokens, **arguments}
        return {"batch_size": batch_size, **arguments}

    def _uses_xla(self):
        """Whether a program is compiled for each shape of a batch."""
        backend = keras.backend.backend()
        return backend == "jax" or (
            backend == "tensorflow" and bool(self.jit_compile)
        )

    def _preprocessed(self, arrays):
        """Preprocess all samples at once.

        Args:
            arrays: The result of `checked_arrays()`.

        Returns:
            A tuple of the inputs of the model, the labels and the sample
            weights: NumPy arrays, or `None`.
        """

        def preprocess(arrays):
            return keras_hub_seam.convert_to_numpy(
                self.preprocess_samples(
                    *keras.utils.unpack_x_y_sample_weight(arrays)
                )
            )

        return keras.utils.unpack_x_y_sample_weight(
            by_all_processes(preprocess, arrays)
        )

    def num_samples(self, x):
        """Count the samples that `fit()` makes from raw inputs.

        Args:
            x: The raw inputs of the task.

        Returns:
            int.
        """
        return len(keras_hub_seam.TensorLikeSource(to_arrays(x)))

    def checked_arrays(self, x, y=None, sample_weight=None):
        """Validate raw inputs and convert them to arrays.

        Tasks extend it to reject an invalid sample before they train on the
        samples that come before it.

        Args:
            x: The raw inputs of the task.
            y: Optional labels.
            sample_weight: Optional sample weights.

        Returns:
            The result of `to_arrays()`.

        Raises:
            ValueError: If the inputs cannot be read, or a weight is not a
                finite number.
        """
        if y is not None:
            y = self.read_labels(y)
        self.check_texts(x)
        if isinstance(self.preprocessor, TextPreprocessor):
            if not self.preprocessor.built:
                # Otherwise Keras would first run the whole task to build it.
                self.preprocessor.build(None)
            if self._is_raw(x):
                self.preprocessor.check_inputs(x)
        arrays = to_arrays(x, y, sample_weight)
        if sample_weight is not None:
            check_weights(arrays[-1])
        return arrays

    def read_labels(self, y):
        """Validate labels, and convert them to numbers for the loss.

        Tasks override it. It must accept its own results.

        Args:
            y: The labels of all samples, or of a batch of a dataset.

        Returns:
            The labels for `keras.Model.fit`.

        Raises:
            ValueError: If a label is invalid.
        """
        return y

    def checked_class_weight(self, class_weight, sample_weight=None, y=None):
        """Convert class weights to the form that Keras takes.

        Args:
            class_weight: The argument of `fit()`.
            sample_weight: The argument of `fit()`.
            y: The labels, to balance the classes.

        Returns:
            `None`, or a dictionary of a float per class id.

        Raises:
            ValueError: If there are class weights for a task without classes,
                or if they are invalid.
        """
        if class_weight is None:
            return None
        if not self.chooses_one_class:
            raise ValueError(
                "`class_weight` must be None for a task that does not choose "
                f"one class. Received: class_weight={class_weight!r:.200} for "
                f"a {type(self).__name__}"
            )
        if sample_weight is not None:
            raise ValueError(
                "`class_weight` and `sample_weight` must not both be passed. "
                f"Received: class_weight={class_weight!r:.200}"
            )
        if isinstance(class_weight, str) and class_weight == "balanced":
            if y is None:
                raise ValueError(
                    '`class_weight="balanced"` needs the labels `y` of all '
                    "samples. Received: y=None"
                )
            return balanced_class_weights(
                self.all_class_ids(y), self.num_classes
            )
        return class_weights_to_ids(
            class_weight, self.class_names, self.num_classes
        )

    def all_class_ids(self, y):
        """Find the class of every label, for tasks that choose one class.

        Args:
            y: The labels of all samples.

        Returns:
            An int array of rank 1.
        """
        return np.ravel(keras.ops.convert_to_numpy(self.read_labels(y)))

    def preprocess_samples(self, x, y=None, sample_weight=None):
        if self.preprocessor is not None and not self._is_raw(x):
            # With several processes, `prepare()` has preprocessed them.
            return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
        # Datasets have not been checked before.
        if y is not None:
            y = self.read_labels(y)
        self.check_texts(x)
        return super().preprocess_samples(x, y, sample_weight)

    def check_texts(self, x):
        """Raise a `ValueError` for inputs that the backbone cannot embed.

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
                f"`{type(self).__name__}` reads texts, or tuples of at most "
                f"{num_segments} segments. To pass several texts, use a "
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
        """Create a dataset of batches of array samples.

        KerasHub also creates one, but it stacks single samples, which may not
        contain lists, and passes them to TensorFlow if preprocessing fails,
        which hides the original error.

        Args:
            arrays: The result of `to_arrays()`.
            size: int. The number of samples per batch.
            shuffle: bool. Whether to shuffle the samples. Defaults to
                `False`.

        Returns:
            A `grain.MapDataset`.
        """
        import grain

        source = to_source(arrays)
        indices = grain.MapDataset.range(len(source))
        if shuffle:
            # KerasHub repeats the dataset for all epochs, and a shuffled
            # dataset has a different order in each repetition.
            indices = indices.shuffle(seed=np.random.randint(2**31))
        return indices.batch(size).map(source.__getitem__)
