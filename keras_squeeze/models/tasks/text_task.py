import keras
import numpy as np

from keras_squeeze import keras_hub_seam
from keras_squeeze.checkpoints.from_preset import FromPreset


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
        is_data_set = not isinstance(x, (list, tuple, dict, np.ndarray))
        if is_data_set or not shuffle or self.preprocessor is None:
            return super().fit(
                x=x,
                y=y,
                batch_size=batch_size,
                sample_weight=sample_weight,
                validation_data=validation_data,
                validation_split=validation_split,
                shuffle=shuffle and not is_data_set,
                **kwargs,
            )
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = (
                keras_hub_seam.train_validation_split(
                    (x, y, sample_weight), validation_split
                )
            )
        # KerasHub repeats the data set for all epochs, and a shuffled one has
        # another order in each repetition.
        samples = _data_set(x, y, sample_weight).shuffle(
            seed=int(np.random.randint(2**31))
        )
        if isinstance(validation_data, (list, tuple)):
            validation_data = _data_set(*validation_data).batch(
                batch_size or 32
            )
        return super().fit(
            x=samples.batch(batch_size or 32),
            validation_data=validation_data,
            shuffle=False,
            **kwargs,
        )

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


def _data_set(x, y=None, sample_weight=None):
    """A `grain` data set of the single samples of raw arrays or lists."""
    import grain

    samples = keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
    samples = keras_hub_seam.convert_to_numpy(samples)
    return grain.MapDataset.source(keras_hub_seam.TensorLikeSource(samples))
