"""Base class of the preprocessors that mask words."""

import numpy as np

from keras_squeeze.models.preprocessors.text_preprocessor import (
    TextPreprocessor,
)
from keras_squeeze.models.preprocessors.text_preprocessor import first_if
from keras_squeeze.tokenizers.arrays import library_of
from keras_squeeze.tokenizers.arrays import take
from keras_squeeze.tokenizers.arrays import to_int32
from keras_squeeze.tokenizers.random_numbers import RandomNumbers
from keras_squeeze.tokenizers.texts import text_segments
from keras_squeeze.tokenizers.token_masker import TokenMasker
from keras_squeeze.tokenizers.token_masker import check_masking


class MaskingPreprocessor(TextPreprocessor):
    """Base class of the preprocessors for tasks that predict masked words.

    Direct calls, and `fit()` and `evaluate()` of the task, mask random words,
    which differ in each call. `predict()` and `annotate()` use the words that
    are `[MASK]` in the text.

    Args:
        tokenizer: A `keras_squeeze.tokenizers.BertWordPieceTokenizer`.
        sequence_length: int. The length of the packed inputs.
        truncate: string. How segments that are too long are truncated. See
            `SequencePacker`.
        truncation_side: string. The end of a segment that is truncated,
            `"right"` or `"left"`.
        mask_selection_rate: float. The fraction of the tokens of a text to
            select for prediction. Special tokens are never selected.
        mask_selection_length: int or `None`. The maximum number of tokens to
            select from a text, and the number of predictions that the model
            makes. Defaults to `None`, for as many as `mask_selection_rate`
            can select from `sequence_length` tokens.
        mask_token_rate: float. The fraction of the selected tokens that become
            `[MASK]`.
        random_token_rate: float. The fraction of the selected tokens that
            become a random token. The rest are not changed.
        **kwargs: Other arguments of `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: if an argument is invalid, or `sequence_length` has no
            room for the special tokens.
    """

    def __init__(
        self,
        tokenizer,
        sequence_length=512,
        truncate="longest_first",
        truncation_side="right",
        mask_selection_rate=0.15,
        mask_selection_length=None,
        mask_token_rate=0.8,
        random_token_rate=0.1,
        **kwargs,
    ):
        check_masking(
            mask_selection_rate,
            mask_selection_length,
            mask_token_rate,
            random_token_rate,
        )
        super().__init__(
            tokenizer,
            sequence_length=sequence_length,
            truncate=truncate,
            truncation_side=truncation_side,
            **kwargs,
        )
        self.mask_selection_rate = mask_selection_rate
        self.mask_selection_length = mask_selection_length
        self.mask_token_rate = mask_token_rate
        self.random_token_rate = random_token_rate
        self.masker = None
        self.random_numbers = RandomNumbers()

    def build(self, input_shape):
        tokenizer = self.tokenizer
        self.masker = TokenMasker(
            selection_rate=self.mask_selection_rate,
            selection_length=self.mask_selection_length,
            mask_token_rate=self.mask_token_rate,
            random_token_rate=self.random_token_rate,
            mask_token_id=tokenizer.mask_token_id,
            special_token_ids=[
                *tokenizer.special_token_ids,
                tokenizer.token_to_id(tokenizer.oov_token),
            ],
            vocabulary_size=tokenizer.vocabulary_size(),
        )
        # Last, because threads take the packer as the sign that this is done.
        super().build(input_shape)

    def mask(self, inputs, random=None):
        """Mask words of packed inputs.

        Args:
            inputs: The result of `pack()`.
            random: Optional `numpy.random.Generator` to draw from.

        Returns:
            A tuple `(inputs, mask_ids, mask_weights)`: the inputs of the
            task, the tokens to predict, and weights that are 1 for these and 0
            for padding.
        """
        token_ids = inputs["token_ids"]
        token_ids, positions, ids, weights = self.masker(
            token_ids, self.random_numbers(3, token_ids, random)
        )
        inputs = {
            **inputs,
            "token_ids": token_ids,
            "mask_positions": positions,
        }
        return inputs, ids, weights

    def fill_mask_inputs(self, x, is_mask_needed=True):
        """Preprocess text in which the words to predict are already masked.

        Args:
            x: A string, a batch of strings, or a pair of them. Words to
                predict are written as `[MASK]`.
            is_mask_needed: bool. Whether a text must have a `[MASK]`. Defaults
                to `True`.

        Returns:
            A dictionary of the inputs of the task.

        Raises:
            ValueError: If a text has no `[MASK]`, more than
                `mask_selection_length`, or one that was truncated. A
                TensorFlow graph raises a `tf.errors.InvalidArgumentError`
                instead, when it is run.
        """
        segments, is_batched = self.tokenize(x)
        inputs = self.pack(segments)
        mask_id = self.tokenizer.mask_token_id
        is_mask = inputs["token_ids"] == mask_id
        counts = sum(_count_in_rows(*part, mask_id) for part in segments)
        library = library_of(counts)
        kept = library.cumsum(to_int32(is_mask), 1)[:, -1]
        if is_mask_needed:
            _check_rows(
                counts > 0,
                f"Each text to fill must have a `{self.tokenizer.mask_token}`.",
                x,
            )
        _check_rows(
            counts == kept,
            f"No `{self.tokenizer.mask_token}` may be truncated: each must be "
            f"within sequence_length={self.sequence_length} tokens.",
            x,
        )
        longest = self.masker.length_of_outputs(self.sequence_length)
        _check_rows(
            counts <= longest,
            f"A text to fill may have `{self.tokenizer.mask_token}` {longest} "
            "times. To allow more, pass `mask_selection_length`.",
            x,
        )
        positions, _ = self.masker.locate(is_mask)
        return first_if(not is_batched, {**inputs, "mask_positions": positions})

    def serving_inputs(self, x):
        return self.pack_texts(x)

    def training_samples(self, x, y=None, random=None):
        """Preprocess raw inputs and mask random words.

        Args:
            x: A string, a batch of strings, or a pair of them.
            y: The labels, for tasks that have any.
            random: Optional `numpy.random.Generator` to draw from.

        Returns:
            A tuple `(x, y, sample_weight)` of structures of arrays, or of
            tensors in a TensorFlow graph.
        """
        segments, is_batched = self.tokenize(x)
        return first_if(
            not is_batched, self.masked_samples(segments, y, random)
        )

    def check_labels(self, y, sample_weight):
        """Raise a `ValueError` for labels or weights that cannot be used.

        Args:
            y: The labels, or `None`.
            sample_weight: The sample weights, or `None`.
        """
        if sample_weight is not None:
            raise ValueError(
                "`sample_weight` must be None: the preprocessor weights the "
                f"masked words. Received: sample_weight={sample_weight}"
            )

    def call(self, x, y=None, sample_weight=None):
        self.check_labels(y, sample_weight)
        return self.for_caller(self.training_samples(x, y))

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "mask_selection_rate": self.mask_selection_rate,
                "mask_selection_length": self.mask_selection_length,
                "mask_token_rate": self.mask_token_rate,
                "random_token_rate": self.random_token_rate,
            }
        )
        return config


def _count_in_rows(ids, lengths, id):
    """Count an id in each of the consecutive rows of `ids`."""
    lib = library_of(lengths)
    lengths = to_int32(lengths)
    sums = lib.pad(lib.cumsum(to_int32(ids == id)), [[1, 0]])
    ends = lib.cumsum(lengths)
    return to_int32(take(sums, ends) - take(sums, ends - lengths))


def _check_rows(is_valid, message, x):
    """Raise an error with the first of the invalid texts."""
    if isinstance(is_valid, np.ndarray):
        if not is_valid.all():
            segments, _ = text_segments(x)
            index = int(np.argmin(is_valid))
            texts = [segment[index] for segment in segments]
            raise ValueError(f"{message} Received: {texts} as text {index}")
        return
    library_of(is_valid).debugging.Assert(
        library_of(is_valid).reduce_all(is_valid), [message, x]
    )
