"""BERT's WordPiece on the `tokenizers` library, with a memory for words."""

import array

import numpy as np

# Words of more characters than this are unknown.
MAX_CHARACTERS_PER_WORD = 100

_MAX_CHARACTERS_REMEMBERED = 2**20
_TEXTS_AT_A_TIME = 1024


class WordPieceEncoder:
    """Turns strings into the ids that `BertTokenizerFast` gives.

    Text is cut at its spaces and the ids of every piece are remembered, so
    that only pieces not seen before go through `tokenizers`. A space always
    separates two words in BERT, so this changes nothing but the speed.

    Several threads may use the same encoder.

    Args:
        vocabulary: list of strings. The token of every id.
        special_tokens: list of strings. Tokens of the vocabulary that are
            kept whole wherever they are written in the text.
        lowercase: bool. Whether the text is lowercased.
        strip_accents: bool. Whether accents are removed.
        split: bool. If `False`, every string is one word.
        split_on_cjk: bool. Whether every CJK character is a word.
        suffix_indicator: string. The start of tokens that continue a word.
        oov_token: string. The token of words that have no other.
        added_tokens: list of strings. Tokens of the vocabulary that are kept
            whole wherever they are in the text after it was normalised.
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
        # Without `split` a space is a part of the word, and it may be a part
        # of a special token.
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
            A tuple `(ids, lengths)` of two int32 arrays: the ids of all texts
            one after the other, and how many of them each text has.
        """
        # An empty list too gives a part, so that there is one to concatenate.
        parts = [
            self._encode_some(texts[start : start + _TEXTS_AT_A_TIME])
            for start in range(0, max(len(texts), 1), _TEXTS_AT_A_TIME)
        ]
        ids, lengths = zip(*parts, strict=True)
        return np.concatenate(ids), np.concatenate(lengths)

    def encode_with_offsets(self, texts):
        """Encode a list of strings, and tell where the tokens come from.

        This takes many times as long as `encode()`, which forgets it.

        Args:
            texts: list of strings.

        Returns:
            A tuple `(ids, lengths, offsets, words)` of int32 arrays. The
            first two are those of `encode()`. `offsets`, of shape
            `(num_tokens, 2)`, has the character in its text that each token
            starts with, and the one after its last. `words`, of shape
            `(num_tokens,)`, has the number of the word in its text that each
            token is of.
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
        # Other threads add to these ids or begin anew with a dict of their
        # own, but none takes anything out: what is in here now stays.
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
        """Add the ids of `pieces` to `known`, as the bytes of an array."""
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
            # What `tokenizers` makes of half a surrogate pair.
            raise ValueError(
                "The text to tokenize must be valid Unicode. Received "
                "surrogate code points, which have no UTF-8 form."
            ) from e

    def _forget(self):
        self._ids = {}
        self._num_characters = 0


def bert_normalizer(lowercase, strip_accents, split_on_cjk):
    """What `tokenizers` prepares BERT's texts with.

    Args:
        lowercase: bool. Whether the text is lowercased.
        strip_accents: Optional bool. Whether accents are removed. Defaults to
            `lowercase`.
        split_on_cjk: bool. Whether every CJK character is a word.

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
    """What tokens are looked for as in normalised text.

    Args:
        tokens: list of strings.
        normalizer: A normalizer of `tokenizers`.

    Returns:
        A dictionary from normalised tokens to tokens, the first of those that
        are the same.

    Raises:
        ValueError: If nothing is left of a token, which then is everywhere.
    """
    normalized = {}
    for token in tokens:
        text = normalizer.normalize_str(token)
        if not text:
            raise ValueError(
                "Added tokens must have a character that stays in the text. "
                f"Received: {token!r}"
            )
        normalized.setdefault(text, token)
    return normalized
