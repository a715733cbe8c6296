"""BERT's WordPiece as TensorFlow operations."""

import re

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from keras_squeeze.tokenizers.unicode_tables import ACCENTS_ABOVE
from keras_squeeze.tokenizers.unicode_tables import DELETED_ABOVE
from keras_squeeze.tokenizers.unicode_tables import NUM_LISTED
from keras_squeeze.tokenizers.unicode_tables import normalization_table
from keras_squeeze.tokenizers.word_piece_encoder import MAX_CHARACTERS_PER_WORD
from keras_squeeze.tokenizers.word_piece_encoder import bert_normalizer
from keras_squeeze.tokenizers.word_piece_encoder import normalized_tokens

# Private use characters are removed from text, so they can mark the positions
# of special tokens and, from the third one on, represent them.
_PRIVATE_USE = r"[\x{E000}-\x{F8FF}]"
_MARK_START = "\ue000"
_MARK_END = "\ue001"
_PLACEHOLDERS = range(0xE002, 0xF900)
# This character is also removed from text.
_CONTROL = "\x01"


class WordPieceGraph:
    """Converts string tensors to the ids of `BertTokenizerFast`.

    Most English text is plain ASCII, which needs only lowercasing and
    splitting. Other texts are rewritten so that the same is enough for them:
    every character is replaced with its normalized form from `tokenizers`, and
    every special token with a placeholder.

    Tokens that are matched after normalization need an additional step before
    punctuation is split off.

    The arguments are those of `WordPieceEncoder`.
    """

    def __init__(
        self,
        vocabulary,
        special_tokens,
        lowercase,
        strip_accents,
        split,
        split_on_cjk,
        suffix_indicator,
        oov_token,
        added_tokens=(),
    ):
        self._lowercase = lowercase
        self._split = split
        self._oov_token = oov_token
        self._deleted_above = DELETED_ABOVE
        if strip_accents:
            self._deleted_above += ACCENTS_ABOVE
        added_tokens = normalized_tokens(
            added_tokens,
            bert_normalizer(lowercase, strip_accents, split and split_on_cjk),
        )
        # Longest first, because RE2 takes the first alternative that matches.
        special_tokens = sorted(special_tokens, key=len, reverse=True)
        patterns = sorted(added_tokens, key=len, reverse=True)
        known = set(vocabulary)
        free = (
            character
            for character in map(chr, _PLACEHOLDERS)
            if character not in known
        )
        self._placeholders = dict(zip(special_tokens, free, strict=False))
        self._added_placeholders = dict(zip(patterns, free, strict=False))
        placeholders = [
            *self._placeholders.values(),
            *self._added_placeholders.values(),
        ]
        tokens = [*special_tokens, *map(added_tokens.get, patterns)]
        # The separator of words. Normalized text has no line breaks.
        self._separator = " " if split else "\n"
        with tf.init_scope():
            ids = {token: id for id, token in enumerate(vocabulary)}
            self._special_ids = tf.constant(
                [ids[token] for token in tokens], "int32"
            )
            self._num_tokens = len(vocabulary)
            self._table = self._build_table(
                placeholders,
                lowercase,
                strip_accents,
                split and not added_tokens,
                split and split_on_cjk,
            )
            if split and added_tokens:
                self._punctuation_table = self._build_table(
                    placeholders, False, False, True, False
                )
            self._word_piece = tf_text.FastWordpieceTokenizer(
                vocab=list(vocabulary) + placeholders,
                token_out_type="int32",
                suffix_indicator=suffix_indicator,
                unknown_token=oov_token,
                no_pretokenization=True,
                # The limit must not make shorter words unknown.
                max_bytes_per_word=4 * MAX_CHARACTERS_PER_WORD,
            )

    def _build_table(self, placeholders, *options):
        table = normalization_table(*options)
        missing_columns = max(0, 3 - table.shape[1])
        table = np.pad(
            table, ((0, 0), (0, missing_columns)), constant_values=-1
        )
        separator = ord(self._separator)
        for placeholder in map(ord, placeholders):
            table[placeholder, :3] = separator, placeholder, separator
        return tf.constant(table)

    def encode(self, texts):
        """Encode a string tensor.

        Args:
            texts: string tensor of shape `(num_texts,)`.

        Returns:
            An int32 `tf.RaggedTensor` of shape `(num_texts, None)`.
        """
        words = self._to_words(self._normalize(texts))
        ids = self._word_piece.tokenize(self._to_known_words(words))
        return self._to_ids(ids.merge_dims(-2, -1))

    def encode_with_spans(self, texts, starts, ends):
        """Encode a string tensor, and find the tokens of a span in each text.

        Args:
            texts: string tensor of shape `(num_texts,)`.
            starts: int tensor of shape `(num_texts,)`. The first character of
                the span in each text.
            ends: int tensor of shape `(num_texts,)`. The end of the span in
                each text (exclusive).

        Returns:
            A tuple `(ids, first, last)`: the result of `encode()`, and two
            int32 tensors of shape `(num_texts,)` with the indices of the first
            and last token of each span. If a span has no tokens, `last` is less
            than `first`.
        """
        words = self._to_words(self._normalize(texts))
        ids, offsets, _ = self._word_piece.tokenize_with_offsets(
            self._to_known_words(words)
        )
        # Positions refer to the text without separators. There, tokens have no
        # gaps: each one ends where the next one starts.
        lengths = words.with_flat_values(tf.strings.length(words.flat_values))
        ends_of_words = tf.cumsum(lengths.flat_values)
        starts_of_words = ends_of_words - lengths.flat_values
        starts_of_words -= tf.repeat(
            tf.gather(tf.pad(ends_of_words, [[1, 0]]), words.row_starts()),
            words.row_lengths(),
        )
        offsets = offsets.with_values(
            offsets.values
            + tf.cast(starts_of_words, offsets.dtype)[:, tf.newaxis]
        ).merge_dims(-2, -1)

        def position(characters):
            # Normalization works on single characters, so a prefix of the text
            # can be normalized separately.
            before = tf.strings.substr(
                texts, tf.zeros_like(characters), characters, unit="UTF8_CHAR"
            )
            before = tf.strings.regex_replace(
                self._normalize(before), self._separator, ""
            )
            length = tf.strings.length(before)
            return tf.cast(length, offsets.dtype)[:, tf.newaxis]

        def count(is_counted):
            return tf.reduce_sum(tf.cast(is_counted, "int32"), axis=1)

        start, end = position(starts), position(ends)
        length = tf.cast(tf.reduce_sum(lengths, axis=1), start.dtype)
        is_inside = tf.cast(start[:, 0] < length, "int32")
        first = count(offsets <= start) - is_inside
        last = count(offsets < end) - 1
        return self._to_ids(ids.merge_dims(-2, -1)), first, last

    def _normalize(self, texts):
        """Normalize the texts that are not plain ASCII."""
        is_plain = tf.strings.regex_full_match(texts, "[ -~]*")
        if self._placeholders:
            is_plain &= ~_has_any(texts, self._placeholders)
        others = tf.where(~is_plain)
        texts = _map_some(texts, others, self._rewrite)
        if self._lowercase:
            texts = tf.strings.lower(texts)
        if self._added_placeholders:
            texts = _map_some(
                texts,
                tf.where(_has_any(texts, self._added_placeholders)),
                self._put_added_placeholders,
            )
            if self._split:
                texts = _map_some(texts, others, self._split_punctuation)
        if self._split:
            texts = tf.strings.regex_replace(texts, r"[!-/:-@\[-`{-~]", r" \0 ")
        return texts

    def _to_words(self, texts):
        """Split normalized texts into ragged words."""
        if self._split:
            return tf.strings.split(texts)
        return tf.strings.split(texts, self._separator)

    def _rewrite(self, texts):
        """Rewrite every character and special token of `texts`."""
        texts = tf.strings.regex_replace(texts, _PRIVATE_USE, _CONTROL)
        texts = _put_placeholders(texts, self._placeholders)
        return self._replace_characters(texts, self._table)

    def _put_added_placeholders(self, texts):
        placeholders = {
            pattern: f"{self._separator}{placeholder}{self._separator}"
            for pattern, placeholder in self._added_placeholders.items()
        }
        return _put_placeholders(texts, placeholders)

    def _split_punctuation(self, texts):
        return self._replace_characters(texts, self._punctuation_table)

    def _replace_characters(self, texts, table):
        """Replace every character of `texts` with its row of a table."""
        texts = tf.strings.unicode_decode(texts, "UTF-8", errors="strict")
        return tf.strings.unicode_encode(
            tf.RaggedTensor.from_row_splits(
                *self._replace(texts.values, texts.row_splits, table),
                validate=False,
            ),
            "UTF-8",
        )

    def _replace(self, code_points, row_splits, table):
        """Replace every code point with its row of a table."""
        rows = tf.gather(table, tf.minimum(code_points, NUM_LISTED - 1))
        is_listed = code_points < NUM_LISTED
        is_deleted = tf.zeros_like(is_listed)
        for first, last in self._deleted_above:
            is_deleted |= (code_points >= first) & (code_points <= last)
        unlisted = tf.pad(
            tf.where(is_deleted, -1, code_points)[:, tf.newaxis],
            [[0, 0], [0, table.shape[1] - 1]],
            constant_values=-1,
        )
        rows = tf.where(is_listed[:, tf.newaxis], rows, unlisted)
        is_used = rows >= 0
        ends = tf.cumsum(
            tf.math.count_nonzero(is_used, axis=1, dtype=row_splits.dtype)
        )
        ends = tf.pad(ends, [[1, 0]])
        return tf.boolean_mask(rows, is_used), tf.gather(ends, row_splits)

    def _to_known_words(self, words):
        """Replace words that exceed the maximum length."""
        too_long = (
            tf.strings.length(words.flat_values, unit="UTF8_CHAR")
            > MAX_CHARACTERS_PER_WORD
        )
        return words.with_flat_values(
            tf.where(too_long, self._oov_token, words.flat_values)
        )

    def _to_ids(self, ids):
        """Replace the ids of placeholders with those of the special tokens."""
        if not self._placeholders and not self._added_placeholders:
            return ids
        special = tf.maximum(ids.flat_values - self._num_tokens, 0)
        return ids.with_flat_values(
            tf.where(
                ids.flat_values < self._num_tokens,
                ids.flat_values,
                tf.gather(self._special_ids, special),
            )
        )


def _map_some(texts, indices, function):
    """Apply a function to the texts at some indices."""
    return tf.tensor_scatter_nd_update(
        texts, indices, function(tf.gather_nd(texts, indices))
    )


def _has_any(texts, tokens):
    """Whether each text contains any of the tokens."""
    return tf.strings.regex_full_match(
        texts, f"(?s).*(?:{'|'.join(map(re.escape, tokens))}).*"
    )


def _put_placeholders(texts, placeholders):
    """Replace tokens in texts with placeholders.

    Args:
        texts: string tensor.
        placeholders: Dictionary from tokens to placeholders, with the longest
            token first.
    """
    if not placeholders:
        return texts
    # Replace all at once, so that a token that overlaps an earlier match is
    # left unchanged.
    texts = tf.strings.regex_replace(
        texts,
        "|".join(map(re.escape, placeholders)),
        rf"{_MARK_START}\0{_MARK_END}",
    )
    for token, placeholder in placeholders.items():
        texts = tf.strings.regex_replace(
            texts, _MARK_START + re.escape(token) + _MARK_END, placeholder
        )
    return texts
