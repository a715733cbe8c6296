"""Random numbers for preprocessing, with and without TensorFlow."""

import numpy as np

from keras_squeeze.tokenizers.arrays import library_of


class RandomNumbers:
    """Draws numbers that follow `keras.utils.set_random_seed()`.

    They come from NumPy or, in a TensorFlow graph, from TensorFlow. A `tf.data`
    pipeline gets new numbers in each epoch. `tf.random.uniform()` would repeat
    the same numbers if a seed is set.

    Example:

    ```python
    first, second = RandomNumbers()(2, like=np.zeros((3, 4)))
    ```
    """

    def __init__(self):
        self._generator = None

    def __call__(self, count, like, random=None):
        """Draw random numbers.

        Args:
            count: int. How many arrays to draw.
            like: An array, or a tensor of a TensorFlow graph.
            random: Optional `numpy.random.Generator` to draw from if `like` is
                an array.

        Returns:
            A list of float32 arrays or tensors with the shape of `like` and
            values in the range [0, 1).
        """
        if isinstance(like, np.ndarray):
            random = random or np.random.default_rng(np.random.randint(2**31))
            return list(random.random((count, *like.shape), dtype="float32"))
        tf = library_of(like)
        if self._generator is None:
            # The generator has a variable, which a graph cannot create.
            # Pipelines look for it on the CPU.
            with tf.init_scope(), tf.device("CPU"):
                self._generator = tf.random.Generator.from_seed(
                    np.random.randint(2**31)
                )
        shape = tf.concat([[count], tf.shape(like)], axis=0)
        return tf.unstack(self._generator.uniform(shape), count)
