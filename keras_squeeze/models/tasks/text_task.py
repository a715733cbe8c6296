import keras
import numpy as np

from keras_squeeze import keras_hub_seam
from keras_squeeze.checkpoints.from_preset import FromPreset
from keras_squeeze.tokenizers.texts import lists_to_arrays


class TextTask(FromPreset):
    """What the tasks do differently from KerasHub's, whatever their head.

    `fit()` shuffles, presets leave the optimizer's state out, and a model
    loaded from a `.keras` file goes on training as it was compiled.
    """

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        sample_weight=None,
        validation_data=None,
        validation_split=None,
        shuffle=True,
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
            **kwargs: other arguments of `keras.Model.fit`.

        Returns:
            A `keras.callbacks.History`.
        """
        size = batch_size or 32
        if not _is_data_set(x):
            arrays = _to_arrays(x, y, sample_weight)
            if validation_split and validation_data is None:
                arrays, validation_data = keras_hub_seam.train_validation_split(
                    arrays, validation_split
                )
            samples = _samples(arrays)
            if shuffle:
                # KerasHub repeats the data set for all epochs, and a shuffled
                # one has another order in each repetition.
                samples = samples.shuffle(seed=np.random.randint(2**31))
            x = samples.batch(size)
            y = sample_weight = validation_split = batch_size = None
        if isinstance(validation_data, (list, tuple)):
            validation_data = _samples(_to_arrays(*validation_data)).batch(size)
        return super().fit(
            x=x,
            y=y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            validation_data=validation_data,
            validation_split=validation_split,
            shuffle=False,
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
        if not _is_data_set(x):
            samples = _samples(_to_arrays(x, y, sample_weight))
            x = samples.batch(batch_size or 32)
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
        if not _is_data_set(x):
            x = _samples(_to_arrays(x)).batch(batch_size or 32)
            batch_size = None
        return super().predict(x, batch_size=batch_size, **kwargs)

    def save_task_weights(self, filepath):
        keras.saving.save_weights(
            self, filepath, objects_to_skip=self._not_in_task_weights()
        )

    def load_task_weights(self, filepath):
        keras.saving.load_weights(
            self, filepath, objects_to_skip=self._not_in_task_weights()
        )

    def _not_in_task_weights(self):
        """The backbone's layers, and the optimizer.

        Its state is twice the size of the model, and of no use to a preset.
        """
        return [*self.backbone._flatten_layers(), self.optimizer]

    def compile_from_config(self, config):
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)


def _is_data_set(x):
    is_array = isinstance(x, (str, bytes)) or hasattr(x, "__array__")
    return not is_array and not isinstance(x, (list, tuple, dict))


def _to_arrays(x, y=None, sample_weight=None):
    """The arguments in one tuple, with arrays in the place of lists."""
    # Strings of any length: NumPy's own type has the longest one's for all.
    x, y = lists_to_arrays(x), lists_to_arrays(y)
    return keras_hub_seam.convert_to_numpy(
        keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
    )


def _samples(arrays):
    """A data set of the single samples of arrays.

    KerasHub makes the same one, but gives the samples to TensorFlow when
    preprocessing them fails, whose error says less than the first.
    """
    import grain

    source = keras_hub_seam.TensorLikeSource(arrays)
    if not len(source):
        raise ValueError(
            "`x` must have at least one sample. Received: no samples"
        )
    return grain.MapDataset.source(source)
