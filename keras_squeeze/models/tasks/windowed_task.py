"""Base class of the tasks that split long texts into windows."""

import keras
import numpy as np

from keras_squeeze.models.devices import by_all_processes
from keras_squeeze.models.devices import num_replicas
from keras_squeeze.models.one_at_a_time import one_at_a_time
from keras_squeeze.models.tasks.array_batches import ArrayBatches
from keras_squeeze.models.tasks.array_batches import LengthBatches
from keras_squeeze.models.tasks.row_counts import first_rows
from keras_squeeze.models.tasks.row_counts import pad_rows
from keras_squeeze.models.tasks.samples import is_data_set
from keras_squeeze.models.tasks.samples import to_source
from keras_squeeze.models.tasks.text_task import TextTask


class WindowedTask(TextTask):
    """Base class of the tasks whose preprocessors split texts into windows.

    A batch of texts has any number of windows, so raw inputs are preprocessed
    at once, before they are shuffled and batched as windows. Only datasets are
    preprocessed batch by batch.
    """

    can_group_by_length = True

    def windows(self, x, y=None, sample_weight=None):
        """Preprocess raw inputs.

        Args:
            x: The raw inputs of the task.
            y: Optional labels.
            sample_weight: Optional sample weights.

        Returns:
            A tuple `(x, y, sample_weight)` of arrays whose first axis is for
            the windows. The last two are `None` if they were not passed.

        Raises:
            ValueError: If there are no samples, or the arrays have different
                numbers of samples.
        """
        return self._windows_of(self.checked_arrays(x, y, sample_weight))

    def _windows_of(self, arrays):
        to_source(arrays)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(arrays)
        outputs = self.preprocess_samples(x, y, sample_weight)
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

    def _train(self, prepare, x, class_weight=None, **kwargs):
        if class_weight is not None and (
            is_data_set(x) or self.preprocessor is None
        ):
            # Keras only supports them for one label per sample.
            raise ValueError(
                "`class_weight` must be None, unless `x` is raw inputs that "
                "are not a dataset. Received: "
                f"class_weight={class_weight!r:.200}"
            )
        return super()._train(prepare, x, class_weight=class_weight, **kwargs)

    def prepare(self, arrays, batch_size=None, shuffle=None, class_weight=None):
        if self.preprocessor is None:
            return super().prepare(arrays, batch_size, shuffle, class_weight)
        x, y, sample_weight = self._weighted_windows(arrays, class_weight)
        if shuffle is None:
            batches = ArrayBatches(x, y, sample_weight, batch_size or 32)
            return {"x": batches}, True
        arguments = {"x": x, "y": y, "sample_weight": sample_weight}
        return {**arguments, "batch_size": batch_size}, True

    def _prepare_by_length(
        self, arrays, batch_size=None, shuffle=None, class_weight=None
    ):
        samples = self._weighted_windows(arrays, class_weight)
        batches = self._length_batches(
            samples, batch_size, shuffle, has_token_labels=True
        )
        return {"x": batches}, True

    def _weighted_windows(self, arrays, class_weight):
        to_source(arrays)
        x, y, sample_weight = by_all_processes(self._windows_of, arrays)
        if class_weight is not None:
            if y.dtype.kind == "f":
                raise ValueError(
                    "`class_weight` must be None if `y` has rows of floats. "
                    f"Received: class_weight={class_weight!r:.200}"
                )
            weights = [class_weight[i] for i in range(len(class_weight))]
            sample_weight = sample_weight * np.array(weights, "float32")[y]
        return x, y, sample_weight

    def predict(self, x=None, batch_size=None, **kwargs):
        """Compute the outputs for the windows of raw inputs.

        Args:
            x: The raw inputs of the task, or a dataset of batches of them.
            batch_size: int. The number of windows per batch. Defaults to
                `32` if `x` is not a dataset.
            **kwargs: Other arguments of `keras.Model.predict`.

        Returns:
            Arrays whose first axis is for the windows of all inputs, in
            order. `annotate()` merges them.
        """
        if is_data_set(x) or self.preprocessor is None:
            return super().predict(x, batch_size=batch_size, **kwargs)
        x, _, _ = self.windows(x)
        return self._predict_all(x, batch_size or 32, **kwargs)

    @one_at_a_time
    def predict_windows(self, x, batch_size):
        """Compute the outputs that `annotate()` merges.

        Windows of similar length are computed together.

        Args:
            x: Dictionary of arrays. The windows, already preprocessed, which
                `predict()` would preprocess again.
            batch_size: int or `None`. The number of windows per batch, or
                `None` for batches of `batch_tokens` tokens.

        Returns:
            A structure of arrays of shape `(num_windows, length, ...)`. The
            outputs for padding have no meaning.
        """
        if num_replicas(self) > 1:
            return self._predict_all(x, batch_size or 32, verbose=0)
        batches = LengthBatches(x, None, **self._prediction_batches(batch_size))
        outputs = [
            keras.tree.map_structure(
                lambda array: _pad_length(array, batches.longest),
                keras.Model.predict_on_batch(self, batches[i]),
            )
            for i in range(len(batches))
        ]
        return batches.in_order(
            keras.tree.map_structure(
                lambda *arrays: np.concatenate(arrays), *outputs
            )
        )

    @one_at_a_time
    def _predict_all(self, x, batch_size, **kwargs):
        x, count = pad_rows(x, batch_size)
        predict = self._method("predict", is_preprocessed=True)
        outputs = predict(x, batch_size, **kwargs)
        return first_rows(outputs, count)


def _pad_length(array, length):
    """Add zeros to the second axis of an array."""
    widths = [(0, 0)] * array.ndim
    widths[1] = (0, length - array.shape[1])
    return np.pad(array, widths)
