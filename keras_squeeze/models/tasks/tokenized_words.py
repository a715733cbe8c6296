"""Tokenizes words, and keeps track of their positions in a text."""

import dataclasses

import numpy as np

from keras_squeeze.tokenizers.arrays import to_int32
from keras_squeeze.tokenizers.texts import flatten_texts
from keras_squeeze.tokenizers.texts import samples_of
from keras_squeeze.tokenizers.texts import word_rows


@dataclasses.dataclass(frozen=True)
class TokenizedWords:
    """The words of a list of samples.

    Args:
        texts: List of strings, the text of each sample.
        counts: int32 array of shape `(num_samples,)`. The number of words of
            each sample.
        spans: int32 array of shape `(num_words, 2)`. The index of the first
            character of each word in its text, and of the one after its last.
        ids: int32 array of the tokens of all words.
        pieces: int32 array of shape `(num_words,)`. The number of tokens of
            each word.
            has.
    """

    texts: list
    counts: np.ndarray
    spans: np.ndarray
    ids: np.ndarray
    pieces: np.ndarray

    @classmethod
    def of_inputs(cls, tokenizer, inputs):
        """Read either texts or lists of words.

        Args:
            tokenizer: A `keras_squeeze.tokenizers.BertWordPieceTokenizer`.
            inputs: A list of strings, or a list of lists of words.

        Returns:
            A `TokenizedWords`.

        Raises:
            ValueError: If `inputs` are invalid or empty.
        """
        inputs = samples_of(inputs, "inputs")
        if isinstance(inputs[0], (str, bytes)):
            return cls.of_texts(tokenizer, inputs)
        return cls.of_words(tokenizer, inputs)

    @classmethod
    def of_words(cls, tokenizer, inputs):
        """Read words, and join them with spaces to get texts.

        The arguments are the same as for `of_inputs()`.
        """
        words, counts = word_rows(inputs)
        ids, pieces = tokenizer.tokenize_rows(words)
        ends = np.cumsum(counts)
        texts = [
            " ".join(words[end - count : end])
            for end, count in zip(ends, counts, strict=True)
        ]
        # Treat all samples as one text, with a space after every sample.
        sizes = np.fromiter(map(len, words), "int64", len(words))
        starts = np.cumsum(sizes + 1) - sizes - 1
        first = np.append(starts, 0)[ends - counts]
        starts -= np.repeat(first, counts)
        spans = np.stack([starts, starts + sizes], axis=1)
        return cls(texts, counts, to_int32(spans), ids, pieces)

    @classmethod
    def of_texts(cls, tokenizer, inputs):
        """Read texts, and let the tokenizer split them into words.

        The arguments are the same as for `of_inputs()`.
        """
        texts, _ = flatten_texts(inputs)
        ids, lengths, offsets, words = tokenizer.encoder.encode_with_offsets(
            texts
        )
        rows = np.repeat(np.arange(len(texts)), lengths)
        is_first = np.ones(len(ids), bool)
        is_first[1:] = (np.diff(rows) != 0) | (np.diff(words) != 0)
        first = np.flatnonzero(is_first)
        pieces = np.diff(first, append=len(ids))
        spans = np.stack(
            [offsets[first, 0], offsets[first + pieces - 1, 1]], axis=1
        )
        counts = np.bincount(rows[first], minlength=len(texts))
        return cls(texts, to_int32(counts), spans, ids, to_int32(pieces))

    def samples(self):
        """Yield the text and the indices of the words of each sample."""
        ends = np.cumsum(self.counts)
        for text, end, count in zip(self.texts, ends, self.counts, strict=True):
            yield text, np.arange(end - count, end)
