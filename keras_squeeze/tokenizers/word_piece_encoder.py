"""BERT's WordPiece based on the `tokenizers` library, with a word cache."""

import array

import numpy as np

# Longer words are unknown.
MAX_CHARACTERS_PER_WORD = 100

_MAX_CHARACTERS_REMEMBERED = 2**20
_TEXTS_AT_A_TIME = 1024


class WordPieceEncoder:
    """Converts strings to the ids of `BertTokenizerFast`.

    Text is split at spaces and the ids of each piece are cached, so only new
    pieces are passed to `tokenizers`. A space always separates two words in
    BERT, so this only affects the speed.

    An encoder can be used by several threads.

    Args:
        vocabulary: list of strings, the token of each id.
        special_tokens: list of strings. Tokens of the vocabulary that are never
            split and are matched in the original text.
        lowercase: bool. Whether to lowercase the text.
        strip_accents: bool. Whether to remove accents.
        split: bool. If `False`, every string is one word.
        split_on_cjk: bool. Whether to split each CJK character into a word of
            its own.
        suffix_indicator: string. The prefix of tokens that continue a word.
        oov_token: string. The token for unknown words.
        added_tokens: list of strings. Tokens of the vocabulary that are never
            split and are matched in the normalized text.
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
        import tokenizers

        self.tokenizer = tokenizers.Tokenizer(
            tokenizers.models.WordPiece(
                {token: id for id, token in enumerate(vocabulary)},
                unk_token=oov_token,
                max_input_chars_per_word=MAX_CHARACTERS_PER_WORD,
                continuing_subword_prefix=suffix_indicator,
            )
        )
        self.tokenizer.normalizer = bert_normalizer(
            lowercase, strip_accents, split and split_on_cjk
        )
        if split:
            self.tokenizer.pre_tokenizer = (
                tokenizers.pre_tokenizers.BertPreTokenizer()
            )
        self.tokenizer.add_special_tokens(
            [
                tokenizers.AddedToken(token, special=True, normalized=False)
                for token in special_tokens
            ]
        )
        self.tokenizer.add_tokens(
            [tokenizers.AddedToken(token) for token in added_tokens]
        )
        # Without `split`, a space is part of the word. A special token may also
        # contain a space.
        kept = [
            *special_tokens,
            *normalized_tokens(added_tokens, self.tokenizer.normalizer),
        ]
        self._cut_at_spaces = split and not any(" " in token for token in kept)
        self._forget()

    def encode(self, texts):
        """Encode a list of strings.

        Args:
            texts: list of strings.

        Returns:
            A tuple `(ids, lengths)` of two int32 arrays: the concatenated ids
            of all texts, and the number of ids per text.
        """
        # Encode an empty list as well, so there is something to concatenate.
        parts = [
            self._encode_some(texts[start : start + _TEXTS_AT_A_TIME])
            for start in range(0, max(len(texts), 1), _TEXTS_AT_A_TIME)
        ]
        ids, lengths = zip(*parts, strict=True)
        return np.concatenate(ids), np.concatenate(lengths)

    def encode_with_offsets(self, texts):
        """Encode a list of strings, and track the positions of the tokens.

        This is many times slower than `encode()`.

        Args:
            texts: list of strings.

        Returns:
            A tuple `(ids, lengths, offsets, words)` of int32 arrays. The first
            two are those of `encode()`. `offsets`, of shape `(num_tokens, 2)`,
            has the start and end of each token in its text. `words`, of shape
            `(num_tokens,)`, has the index of each token's word in its text.
        """
        encodings = self._encode_batch(self.tokenizer.encode_batch, texts)
        ids, offsets, words = [], [], []
        for encoding in encodings:
            ids += encoding.ids
            offsets += encoding.offsets
            words += encoding.word_ids
        return (
            np.array(ids, "int32"),
            np.array([len(encoding) for encoding in encodings], "int32"),
            np.array(offsets, "int32").reshape(-1, 2),
            np.array(words, "int32"),
        )

    def _encode_some(self, texts):
        pieces, num_pieces = texts, np.ones(len(texts), "int64")
        if self._cut_at_spaces and texts:
            pieces = " ".join(texts).split(" ")
            num_pieces += np.fromiter(
                (text.count(" ") for text in texts), "int64", len(texts)
            )
        # Other threads may add to this dict or replace it, but never remove an
        # entry, so the entries found here remain valid.
        known = self._ids
        new = {piece for piece in pieces if piece not in known}
        if new:
            self._learn(known, list(new))
        ids = [known[piece] for piece in pieces]
        ends = np.cumsum(np.fromiter(map(len, ids), "int64", len(ids)))
        ids = np.frombuffer(b"".join(ids), "int32")
        ends = ends[np.cumsum(num_pieces) - 1] // ids.itemsize
        return ids, np.diff(ends, prepend=0).astype("int32")

    def _learn(self, known, pieces):
        """Add the ids of `pieces` to `known`, as the bytes of arrays."""
        encodings = self._encode_batch(self.tokenizer.encode_batch_fast, pieces)
        for piece, encoding in zip(pieces, encodings, strict=True):
            known[piece] = array.array("i", encoding.ids).tobytes()
        self._num_characters += sum(map(len, pieces))
        if self._num_characters > _MAX_CHARACTERS_REMEMBERED:
            self._forget()

    def _encode_batch(self, encode, texts):
        try:
            return encode(texts, add_special_tokens=False)
        except TypeError as e:
            # How `tokenizers` reports half of a surrogate pair.
            raise ValueError(
                "The text to tokenize must be valid Unicode. Received "
                "surrogate code points, which cannot be encoded as UTF-8."
            ) from e

    def _forget(self):
        self._ids = {}
        self._num_characters = 0


def bert_normalizer(lowercase, strip_accents, split_on_cjk):
    """Make the normalizer for BERT's texts.

    Args:
        lowercase: bool. Whether to lowercase the text.
        strip_accents: Optional bool. Whether to remove accents. Defaults to
            `lowercase`.
        split_on_cjk: bool. Whether to split each CJK character into a word of
            its own.

    Returns:
        A `tokenizers.normalizers.BertNormalizer`.
    """
    import tokenizers

    return tokenizers.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_on_cjk,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )


def normalized_tokens(tokens, normalizer):
    """Normalize tokens that are matched in normalized text.

    Args:
        tokens: list of strings.
        normalizer: A normalizer of `tokenizers`.

    A dictionary from normalized tokens to tokens. If several tokens have the
    same normalized form, it maps to the first.
        are the same.

    Raises:
        ValueError: If the normalized form of a token is empty.
    """
    normalized = {}
    for token in tokens:
        text = normalizer.normalize_str(token)
        if not text:
            raise ValueError(
                "Added tokens must not be empty after normalization. "
                f"Received: {token!r}"
            )
        normalized.setdefault(text, token)
    return normalized
