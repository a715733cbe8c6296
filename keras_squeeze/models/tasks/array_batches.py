"""Creates batches of preprocessed samples."""

import math

import keras
import numpy as np

from keras_squeeze.models.tasks.row_counts import pad_rows
from keras_squeeze.models.tasks.row_counts import power_of_two

# Products on GPUs and CPUs are fast for multiples of it.
LENGTH_STEP = 8
# XLA compiles a program for seconds for each length. It gets few: powers of two
# times a step.
XLA_LENGTHS = 4
XLA_STEP = 16
# The number of tokens per batch, with padding, for predictions.
PREDICTION_TOKENS = 4096
# The number of batches among which texts are sorted by length. It is limited,
# so that batches differ between epochs.
BATCHES_SORTED = 50


class ArrayBatches(keras.utils.PyDataset):
    """Batches of array samples, in order.

    Args:
        x: Dictionary of arrays whose first axis is for the samples.
        y: The labels, in an array or a dictionary of arrays, or `None`.
        sample_weight: Optional array of sample weights.
        batch_size: int. The number of samples per batch.
        **kwargs: Other keyword arguments of `keras.utils.PyDataset`.
    """

    def __init__(self, x, y, sample_weight=None, batch_size=32, **kwargs):
        super().__init__(**kwargs)
        self.samples = (x, y, sample_weight)
        self.batch_size = batch_size
        size = len(next(iter(x.values())))
        self.indices = np.split(
            np.arange(size), range(batch_size, size, batch_size)
        )

    def __len__(self):
        return len(self.indices)

    def __getitem__(self, index):
        x, y, sample_weight = keras.tree.map_structure(
            lambda array: array[self.indices[index]],
            self.samples,
            none_is_leaf=False,
        )
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)


class LengthBatches(ArrayBatches):
    """Batches of packed texts of similar length, with little padding.

    Args:
        x: Dictionary of arrays of shape `(num_samples, sequence_length)`, or
            `(num_samples, num_texts, sequence_length)`, including a
            `padding_mask`.
        y: The labels, in an array or a dictionary of arrays, or `None`.
        sample_weight: Optional array of sample weights.
        batch_size: int. The number of samples per batch.
        seed: int or `None`. The seed of the order of the samples, which
            changes in each epoch. Defaults to `None`, for the same batches in
            each epoch.
        few_lengths: bool. Whether batches have one of four lengths instead of
            a multiple of 8. Defaults to `False`.
        repeat_rows: bool. Whether to repeat samples on JAX, so that batches
            have one of a few sizes. Defaults to `False`.
        batch_tokens: int or `None`. The number of tokens per batch, with
            padding, instead of `batch_size` samples: batches of short texts
            then have more of them. Defaults to `None`.
        has_token_labels: bool. Whether labels and sample weights of rank 2
            have the shape of `x`. Defaults to `False`.
        split_texts: bool. Whether the texts of a sample become rows of the
            batch, one after the other. Defaults to `False`.
        **kwargs: Other keyword arguments of `keras.utils.PyDataset`.
    """

    def __init__(
        self,
        x,
        y,
        sample_weight=None,
        batch_size=32,
        seed=None,
        few_lengths=False,
        repeat_rows=False,
        batch_tokens=None,
        has_token_labels=False,
        split_texts=False,
        **kwargs,
    ):
        super().__init__(x, y, sample_weight, batch_size, **kwargs)
        self.batch_tokens = batch_tokens
        self.few_lengths = few_lengths
        self.repeat_rows = repeat_rows
        self.has_token_labels = has_token_labels
        self.split_texts = split_texts
        lengths = np.asarray(x["padding_mask"]).sum(axis=-1)
        self.lengths = lengths.reshape(len(lengths), -1).max(axis=-1)
        _, *texts_per_sample, self.longest = x["padding_mask"].shape
        self.texts_per_sample = math.prod(texts_per_sample)
        # Depends on the longest text, not on how long texts may be.
        top = _xla_length(min(self.lengths.max() + 1, self.longest))
        self.shortest = top // 2 ** (XLA_LENGTHS - 1)
        self.random = None if seed is None else np.random.default_rng(seed)
        self.on_epoch_end()

    def on_epoch_end(self):
        size = self.batch_size
        order = np.arange(len(self.lengths))
        pool = len(order)
        if self.random is not None:
            order = self.random.permutation(order)
            pool = BATCHES_SORTED * size
        batches = []
        for start in range(0, len(order), pool):
            part = order[start : start + pool]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            batches += self._split(part)
        if self.random is not None:
            mixed = self.random.permutation(len(batches))
            batches = [batches[i] for i in mixed]
        # Put the shortest and the longest batch first, because Keras inspects
        # the first batches to find out which shapes vary.
        for find in (np.argmax, np.argmin):
            i = find([self.lengths[batch].max() for batch in batches])
            batches.insert(0, batches.pop(i))
        if self.repeat_rows:
            if self.batch_tokens is not None:
                size = power_of_two(max(map(len, batches)))
            batches = [pad_rows(batch, size)[0] for batch in batches]
        self.indices = batches

    def _split(self, part):
        """Split samples that are sorted by length into batches."""
        if self.batch_tokens is None:
            size = self.batch_size
            return np.split(part, range(size, len(part), size))
        tokens = self.batch_tokens
        batches = []
        while len(part):
            # Powers of two, for which JAX compiles few programs.
            size = power_of_two(len(part))
            while size > 1 and self._num_tokens(part[:size]) > tokens:
                size //= 2
            batches.append(part[:size])
            part = part[size:]
        return batches

    def _num_tokens(self, batch):
        """The number of tokens, with padding, of samples sorted by length."""
        length = self._round_up(self.lengths[batch[-1]])
        return len(batch) * self.texts_per_sample * length

    def __getitem__(self, index):
        x, *others = keras.utils.unpack_x_y_sample_weight(
            super().__getitem__(index)
        )
        length = self._round_up(self.lengths[self.indices[index]].max())
        x = {name: array[..., :length] for name, array in x.items()}
        if self.has_token_labels:
            others = keras.tree.map_structure(
                lambda array: array[:, :length] if array.ndim > 1 else array,
                others,
                none_is_leaf=False,
            )
        if self.split_texts:
            x, others = keras.tree.map_structure(
                lambda array: array.reshape(-1, *array.shape[2:]),
                (x, others),
                none_is_leaf=False,
            )
        return keras.utils.pack_x_y_sample_weight(x, *others)

    def _round_up(self, length):
        """The length of a batch whose longest text has this length."""
        # MobileBERT embeds each token together with its neighbors. The last
        # one must keep its padding, to give the same as in a longer batch.
        length = length + 1
        if self.few_lengths:
            length = max(_xla_length(length), self.shortest)
        else:
            length = -(-length // LENGTH_STEP) * LENGTH_STEP
        return min(length, self.longest)

    def in_order(self, outputs):
        """Put the outputs for these batches in the order of the samples.

        Args:
            outputs: Any structure of arrays.

        Returns:
            The same structure.
        """
        order = np.concatenate(self.indices)

        def sort(array):
            found = np.empty((len(self.lengths), *array.shape[1:]), array.dtype)
            found[order] = array
            return found

        return keras.tree.map_structure(sort, outputs)


def _xla_length(length):
    return XLA_STEP * power_of_two(-(-int(length) // XLA_STEP))
