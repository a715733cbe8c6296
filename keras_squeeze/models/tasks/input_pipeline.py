"""What `fit()` and its like make of raw inputs."""

import functools

import keras
import numpy as np

from keras_squeeze import keras_hub_seam
from keras_squeeze.models.class_names import class_weights_to_ids
from keras_squeeze.models.one_at_a_time import one_at_a_time
from keras_squeeze.models.optimization import build_optimizer
from keras_squeeze.models.preprocessors.text_preprocessor import (
    TextPreprocessor,
)
from keras_squeeze.models.tasks.row_counts import first_rows
from keras_squeeze.models.tasks.row_counts import pad_rows
from keras_squeeze.models.tasks.samples import check_weights
from keras_squeeze.models.tasks.samples import is_data_set
from keras_squeeze.models.tasks.samples import to_arrays
from keras_squeeze.models.tasks.samples import to_source


class InputPipeline:
    """Checks raw inputs, batches and shuffles them, and hands them to Keras.

    Tasks that preprocess all inputs at once, and not batch by batch, override
    `prepare()`. `reads_segments` is `False` for those for which a tuple is no
    text of several parts, and `chooses_one_class` is `True` for those whose
    classes can have weights.
    """

    reads_segments = True
    chooses_one_class = False

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
        return self._train(
            self.prepare,
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
        y=None,
        batch_size=None,
        sample_weight=None,
        validation_data=None,
        validation_split=None,
        shuffle=True,
        class_weight=None,
        **kwargs,
    ):
        """Train on what `prepare`, a method like `prepare()`, makes of arrays.

        The other arguments are those of `fit()`.
        """
        class_weight = self.checked_class_weight(class_weight, sample_weight)
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
        build_optimizer(self)
        return self._method("fit", is_preprocessed)(
            **train,
            validation_data=validation_data,
            # The batches of KerasHub's `fit()` are shuffled already.
            shuffle=shuffle and is_preprocessed,
            **kwargs,
        )

    def prepare(self, arrays, batch_size=None, shuffle=None, class_weight=None):
        """Make batches of the samples of arrays.

        Tasks that do not preprocess batch by batch override it.

        Args:
            arrays: What `checked_arrays()` returns.
            batch_size: int. Defaults to `32`.
            shuffle: bool. Whether to shuffle the samples. Defaults to `None`,
                for samples that are not trained on.
            class_weight: Optional dictionary of a float for each class id.

        Returns:
            A tuple `(arguments, is_preprocessed)`: a dictionary of arguments
            of `keras.Model.fit`, and whether they are the inputs of the model
            and not raw ones. Of samples that are not trained on, `"x"` is a
            data set with all there is.
        """
        batches = self.batches(arrays, batch_size or 32, shuffle)
        return {"x": batches, "class_weight": class_weight}, False

    def _method(self, name, is_preprocessed):
        """Returns a method of Keras, or KerasHub's, which preprocesses."""
        if is_preprocessed:
            return functools.partial(getattr(keras.Model, name), self)
        return getattr(super(), name)

    @one_at_a_time
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
            check_weights(arrays[-1])
        return arrays

    def checked_class_weight(self, class_weight, sample_weight=None):
        """The weights of the classes, as Keras takes them.

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
        return class_weights_to_ids(
            class_weight, self.class_names, self.num_classes
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
