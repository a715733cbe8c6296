import keras
import numpy as np

from keras_squeeze import keras_hub_seam
from keras_squeeze.models.one_at_a_time import one_at_a_time
from keras_squeeze.models.tasks.row_counts import first_rows
from keras_squeeze.models.tasks.row_counts import pad_rows
from keras_squeeze.models.tasks.text_task import TextTask
from keras_squeeze.models.tasks.text_task import is_data_set
from keras_squeeze.models.tasks.text_task import to_arrays
from keras_squeeze.models.tasks.text_task import to_source


class WindowedTask(TextTask):
    """What tasks do whose preprocessors cut long texts into windows.

    A batch of texts gives as many windows as it takes, so that raw inputs are
    preprocessed at once, before they are shuffled and batched as windows.
    Only data sets are preprocessed batch by batch.
    """

    def windows(self, x, y=None, sample_weight=None):
        """Preprocess raw inputs.

        Args:
            x: The raw inputs of the task.
            y: Optional labels.
            sample_weight: Optional weights of the samples.

        Returns:
            A tuple `(x, y, sample_weight)` of arrays whose first axis counts
            the windows. The last ones are `None` if there is nothing for
            them.

        Raises:
            ValueError: If there are no samples, or of some array another
                number than of the others.
        """
        arrays = self.checked_arrays(x, y, sample_weight)
        to_source(arrays)
        outputs = self.preprocess_samples(
            *keras.utils.unpack_x_y_sample_weight(arrays)
        )
        if y is None and sample_weight is None:
            outputs = (outputs,)
        return keras.utils.unpack_x_y_sample_weight(
            keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)
        )

    def num_samples(self, x):
        if self.preprocessor is None:
            return super().num_samples(x)
        x, _, _ = self.windows(x)
        return len(next(iter(x.values())))

    @one_at_a_time
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
        if is_data_set(x) or self.preprocessor is None:
            if class_weight is not None:
                # Keras has them for one label a sample alone.
                raise ValueError(
                    "`class_weight` must be None, unless `x` is raw inputs "
                    "that are not a data set. Received: "
                    f"class_weight={class_weight!r:.200}"
                )
            return super().fit(
                x=x,
                y=y,
                batch_size=batch_size,
                sample_weight=sample_weight,
                validation_data=validation_data,
                validation_split=validation_split,
                shuffle=shuffle,
                **kwargs,
            )
        class_weight = self.checked_class_weight(class_weight, sample_weight)
        if validation_split and validation_data is None:
            train, validation_data = keras_hub_seam.train_validation_split(
                to_arrays(x, y, sample_weight), validation_split
            )
            x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(train)
        if isinstance(validation_data, (list, tuple)):
            validation_data = self.windows(*validation_data)
        elif validation_data is not None:
            validation_data = validation_data.map(self.preprocess_samples)
        x, y, sample_weight = self.windows(x, y, sample_weight)
        if class_weight is not None:
            weights = [class_weight[i] for i in range(len(class_weight))]
            sample_weight = sample_weight * np.array(weights, "float32")[y]
        # Not `super()`, which would preprocess the windows again.
        return keras.Model.fit(
            self,
            x=x,
            y=y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            validation_data=validation_data,
            shuffle=shuffle,
            **kwargs,
        )

    @one_at_a_time
    def evaluate(
        self, x=None, y=None, batch_size=None, sample_weight=None, **kwargs
    ):
        if is_data_set(x) or self.preprocessor is None:
            return super().evaluate(
                x=x,
                y=y,
                batch_size=batch_size,
                sample_weight=sample_weight,
                **kwargs,
            )
        # `fit()` has made windows of its validation data already.
        if not kwargs.get("_use_cached_eval_dataset"):
            x, y, sample_weight = self.windows(x, y, sample_weight)
        return keras.Model.evaluate(
            self,
            x=x,
            y=y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            **kwargs,
        )

    def predict(self, x=None, batch_size=None, **kwargs):
        """Compute the outputs for the windows of raw inputs.

        Args:
            x: The raw inputs of the task, or a data set of batches of them.
            batch_size: int. How many windows to predict at once. Defaults to
                `32` if `x` is not a data set.
            **kwargs: other arguments of `keras.Model.predict`.

        Returns:
            Arrays whose first axis counts the windows of all inputs, in
            their order. `annotate()` puts them together.
        """
        if is_data_set(x) or self.preprocessor is None:
            return super().predict(x, batch_size=batch_size, **kwargs)
        x, _, _ = self.windows(x)
        return self._predict_windows(x, batch_size or 32, **kwargs)

    def predict_windows(self, x, batch_size):
        """Compute the outputs that `annotate()` puts together.

        Args:
            x: Dictionary of arrays. Preprocessed windows, which `predict()`
                would preprocess again.
            batch_size: int. How many windows to predict at once.

        Returns:
            What `keras.Model.predict` returns.
        """
        return self._predict_windows(x, batch_size, verbose=0)

    @one_at_a_time
    def _predict_windows(self, x, batch_size, **kwargs):
        x, count = pad_rows(x, batch_size)
        outputs = keras.Model.predict(self, x, batch_size, **kwargs)
        return first_rows(outputs, count)
