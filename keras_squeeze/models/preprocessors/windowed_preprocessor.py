"""What the preprocessors share that cut long texts into windows."""

import numpy as np

from keras_squeeze import validation
from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.models.preprocessors.text_preprocessor import (
    TextPreprocessor,
)


class WindowedPreprocessor(TextPreprocessor):
    """Base of the preprocessors that cut long texts into windows.

    The windows are those that `transformers.BertTokenizerFast` gives for
    `return_overflowing_tokens=True`, so that a batch gives at least as many
    windows as it has samples.

    Args:
        tokenizer: A `keras_squeeze.tokenizers.BertWordPieceTokenizer`.
        sequence_length: int. The length of the windows.
        stride: int or `None`. How many tokens a window has in common with the
            next, what transformers calls so, too. `None` leaves it to the
            task.
        **kwargs: Other arguments of `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: if an argument has no meaning.
    """

    def __init__(self, tokenizer, sequence_length=512, stride=None, **kwargs):
        # By position: nothing is truncated, so that there is no choice how.
        super().__init__(
            tokenizer, sequence_length, "longest_first", "right", **kwargs
        )
        self.stride = stride

    @property
    def stride(self):
        """How many tokens a window has in common with the next."""
        return self._stride

    @stride.setter
    def stride(self, value):
        if value is not None and value != 0:
            validation.check_positive_int("stride", value)
        self._stride = value

    @staticmethod
    def sample_weights(sample_weight, counts):
        """The weights of the samples as float32.

        Args:
            sample_weight: A list, array or tensor of a number a sample, or
                the number of a single one.
            counts: Array of rank 1, or tensor of a TensorFlow graph, whose
                first axis counts the samples.

        Returns:
            A float32 array or tensor of the same shape.

        Raises:
            ValueError: if there is another number of weights.
        """
        if in_tf_function():
            import tensorflow as tf

            weights = tf.reshape(tf.cast(sample_weight, "float32"), [-1])
            return tf.ensure_shape(weights, counts.shape[:1])
        weights = np.atleast_1d(np.asarray(sample_weight, "float32"))
        if weights.shape != counts.shape:
            raise ValueError(
                "`sample_weight` must have one number for each sample. "
                f"Received: {len(counts)} samples and weights of shape "
                f"{weights.shape}"
            )
        return weights

    def get_config(self):
        config = super().get_config()
        del config["truncate"], config["truncation_side"]
        config["stride"] = self.stride
        return config
