"""Masks random tokens for masked language modeling."""

import numpy as np

from keras_squeeze.tokenizers.arrays import library_of
from keras_squeeze.tokenizers.arrays import take
from keras_squeeze.tokenizers.arrays import to_float32
from keras_squeeze.tokenizers.arrays import to_int32
from keras_squeeze.validation import check_positive_int


class TokenMasker:
    """Replaces some tokens of packed sequences, and returns the originals.

    In each sequence, a fraction of the tokens is selected. Of the selected
    tokens, a fraction becomes `mask_token_id`, another fraction becomes a
    random token, and the rest is unchanged. A model must therefore check every
    token, since any of them may be wrong.

    The same code works on NumPy arrays and on tensors of a TensorFlow graph.

    Args:
        selection_rate: float. The fraction of tokens to select, rounded to the
            nearest number of tokens, and at least one token.
        selection_length: int or `None`. The maximum number of tokens to select
            from a sequence, and the length of the outputs. `None` means the
            number that `selection_rate` selects from a full sequence.
        mask_token_rate: float. The fraction of selected tokens to mask.
        random_token_rate: float. The fraction of selected tokens to replace
            with a random token.
        mask_token_id: int. The id of the mask token.
        special_token_ids: list of ints. Tokens that are never selected, and
            never used as random tokens.
        vocabulary_size: int. The number of tokens to choose random tokens from.

    Example:

    ```python
    masker = TokenMasker(
        selection_rate=0.5,
        selection_length=3,
        mask_token_rate=1.0,
        random_token_rate=0.0,
        mask_token_id=103,
        special_token_ids=[0, 101, 102, 103],
        vocabulary_size=30522,
    )
    ids = np.array([[101, 7592, 2088, 1012, 999, 102, 0, 0]], "int32")
    numbers = np.random.random((3, *ids.shape)).astype("float32")
    masked_ids, positions, true_ids, weights = masker(ids, numbers)
    ```

    Reference:
     - [Devlin et al., 2018](https://arxiv.org/abs/1810.04805)
    """

    def __init__(
        self,
        selection_rate,
        selection_length,
        mask_token_rate,
        random_token_rate,
        mask_token_id,
        special_token_ids,
        vocabulary_size,
    ):
        self.selection_rate = selection_rate
        self.selection_length = selection_length
        self.mask_token_rate = mask_token_rate
        self.random_token_rate = random_token_rate
        self.mask_token_id = mask_token_id
        is_ordinary = np.ones(vocabulary_size, bool)
        is_ordinary[list(special_token_ids)] = False
        self._is_ordinary = is_ordinary
        self._ordinary_ids = np.flatnonzero(is_ordinary).astype("int32")

    def __call__(self, token_ids, random_numbers):
        """Mask random tokens.

        Args:
            token_ids: int32 array or tensor of shape `(num_rows, length)`.
            random_numbers: Three float32 arrays or tensors of the same shape,
                with values in the range [0, 1). They determine which tokens are
                selected, what happens to those, and the random tokens.

        Returns:
            A tuple `(token_ids, positions, true_ids, weights)`: the masked
            sequences, and three arrays or tensors of shape `(num_rows,
            selection_length)`: the positions of the selected tokens, their
            original ids, and 1 for selected tokens and 0 for padding.
        """
        lib = library_of(token_ids)
        noise, choice, word = random_numbers
        is_ordinary = take(self._is_ordinary, token_ids)
        counts = take(
            self._counts(token_ids.shape[1]),
            lib.cumsum(to_int32(is_ordinary), 1)[:, -1],
        )
        # Sort ordinary tokens to the front, in random order.
        order = _argsort(lib.where(is_ordinary, noise, 2.0))
        is_selected = _argsort(order) < counts[:, np.newaxis]

        words = to_int32(word * len(self._ordinary_ids))
        rates = self.mask_token_rate, self.random_token_rate
        replaced = replace_tokens(
            token_ids,
            choice < rates[0],
            self.mask_token_id,
            choice < sum(rates),
            take(self._ordinary_ids, words),
        )
        positions, weights = self.locate(is_selected)
        true_ids = _take_along_rows(token_ids, positions) * to_int32(weights)
        return (
            to_int32(lib.where(is_selected, replaced, token_ids)),
            positions,
            true_ids,
            weights,
        )

    def locate(self, is_selected):
        """Find the positions of the selected tokens.

        Args:
            is_selected: bool array or tensor of shape `(num_rows, length)`.

        Returns:
            A tuple `(positions, weights)` of an int32 and a float32 array or
            tensor of shape `(num_rows, selection_length)`: the positions from
            left to right, padded with zeros, and 1 for positions and 0 for
            padding. Positions beyond `selection_length` are dropped.
        """
        lib = library_of(is_selected)
        length = is_selected.shape[1]
        kept = self.length_of_outputs(length)
        columns = np.arange(length, dtype="int32")
        order = _argsort(lib.where(is_selected, columns, columns + length))
        order = to_int32(order)[:, :kept]
        missing = max(0, kept - length)
        order = lib.pad(order, [[0, 0], [0, missing]])
        counts = lib.cumsum(to_int32(is_selected), 1)[:, -1:]
        is_filled = np.arange(kept, dtype="int32") < counts
        return order * to_int32(is_filled), to_float32(is_filled)

    def length_of_outputs(self, length):
        """Compute the length of the outputs.

        Args:
            length: int. The length of the sequences.

        Returns:
            int.
        """
        return self.selection_length or max(
            1, int(length * self.selection_rate + 0.5)
        )

    def _counts(self, length):
        """Tabulate how many tokens to select for each number of tokens.

        NumPy and TensorFlow round products differently, so they share a table.
        """
        counts = np.arange(length + 1) * self.selection_rate + 0.5
        counts = np.clip(
            counts.astype("int32"), 1, self.length_of_outputs(length)
        )
        return np.minimum(counts, np.arange(length + 1, dtype="int32"))


def replace_tokens(token_ids, is_masked, mask_token_id, is_random, random_ids):
    """Replace tokens with a mask or other tokens, as in BERT's pretraining.

    Args:
        token_ids: int array or tensor.
        is_masked: bool array or tensor of the same shape.
        mask_token_id: int.
        is_random: bool array or tensor of the same shape. Ignored where
            `is_masked` is true.
        random_ids: int array or tensor of the same shape.

    Returns:
        An int array or tensor of the same shape.
    """
    lib = library_of(token_ids)
    replaced = lib.where(is_random, random_ids, token_ids)
    return lib.where(is_masked, mask_token_id, replaced)


def check_masking(
    mask_selection_rate,
    mask_selection_length,
    mask_token_rate,
    random_token_rate,
):
    """Raise a `ValueError` for masking arguments that cannot work."""
    if mask_selection_length is not None:
        check_positive_int("mask_selection_length", mask_selection_length)
    rates = {
        "mask_selection_rate": mask_selection_rate,
        "mask_token_rate": mask_token_rate,
        "random_token_rate": random_token_rate,
    }
    for name, rate in rates.items():
        valid = isinstance(rate, (int, float)) and not isinstance(rate, bool)
        if not valid or not 0 <= rate <= 1:
            raise ValueError(
                f"`{name}` must be a number in the range [0, 1]. Received: "
                f"{name}={rate!r}"
            )
    if mask_selection_rate == 0:
        raise ValueError(
            "`mask_selection_rate` must be above 0, or there is nothing to "
            f"predict. Received: mask_selection_rate={mask_selection_rate}"
        )
    # The sum of rates such as 0.9 and 0.1 may have a rounding error.
    if mask_token_rate + random_token_rate > 1 + 1e-9:
        raise ValueError(
            "`mask_token_rate` and `random_token_rate` must add up to at most "
            f"1. Received: mask_token_rate={mask_token_rate}, "
            f"random_token_rate={random_token_rate}"
        )


def _argsort(array):
    if isinstance(array, np.ndarray):
        return np.argsort(array, axis=1, kind="stable")
    return library_of(array).argsort(array, axis=1, stable=True)


def _take_along_rows(array, indices):
    if isinstance(array, np.ndarray):
        return np.take_along_axis(array, indices, axis=1)
    return library_of(array).gather(array, indices, batch_dims=1)
