"""Base class of the preprocessors that split long texts into windows."""

import numpy as np

from keras_squeeze import validation
from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.models.preprocessors.text_preprocessor import (
    TextPreprocessor,
)


class WindowedPreprocessor(TextPreprocessor):
    """Base class of the preprocessors that split long texts into windows.

    The windows are the same as those of `transformers.BertTokenizerFast` with
    `return_overflowing_tokens=True`. A batch has at least as many windows as
    samples.

    Args:
        tokenizer: A `keras_squeeze.tokenizers.BertWordPieceTokenizer`.
        sequence_length: int. The length of the windows.
        stride: int or `None`. The number of tokens that consecutive windows
            share, as in transformers. `None` is for the default of the task.
        **kwargs: Other arguments of `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: if an argument is invalid.
    """

    def __init__(self, tokenizer, sequence_length=512, stride=None, **kwargs):
        # Nothing is truncated, so the truncation arguments have no effect.
        super().__init__(
            tokenizer, sequence_length, "longest_first", "right", **kwargs
        )
        self.stride = stride

    @property
    def stride(self):
        """The number of tokens that consecutive windows share."""
        return self._stride

    @stride.setter
    def stride(self, value):
        if value is not None and value != 0:
            validation.check_positive_int("stride", value)
        self._stride = value

    @property
    def overlap(self):
        """int. The number of tokens that consecutive windows share."""
        return self.default_stride() if self.stride is None else self.stride

    def default_stride(self):
        """The overlap of windows of the current `sequence_length`.

        Returns:
            int.
        """
        raise NotImplementedError

    @staticmethod
    def sample_weights(sample_weight, counts):
        """Convert sample weights to float32.

        Args:
            sample_weight: A list, array or tensor of a number per sample, or
                the number of a single sample.
            counts: Array of rank 1, or tensor of a TensorFlow graph, whose
                first axis is for the samples.

        Returns:
            A float32 array or tensor of the same shape.

        Raises:
            ValueError: if the number of weights is wrong.
        """
        if in_tf_function():
            import tensorflow as tf

            weights = tf.reshape(tf.cast(sample_weight, "float32"), [-1])
            return tf.ensure_shape(weights, counts.shape[:1])
        weights = np.atleast_1d(np.asarray(sample_weight, "float32"))
        if weights.shape != counts.shape:
            raise ValueError(
                "`sample_weight` must have one number per sample. "
                f"Received: {len(counts)} samples and weights of shape "
                f"{weights.shape}"
            )
        return weights

    def get_config(self):
        config = super().get_config()
        del config["truncate"], config["truncation_side"]
        config["stride"] = self.stride
        return config
