"""Tables of BERT's text normalization for every character.

The reference is the `tokenizers` library. Its Unicode tables differ from those
of Python and TensorFlow for hundreds of characters. The graph tokenizer
therefore uses a lookup table that is computed with `tokenizers` here, so the
two cannot diverge.
"""

import functools

import numpy as np

# The table lists the code points below this one. Those above are either
# unchanged or in the ranges below, which are removed.
NUM_LISTED = 0x32000
DELETED_ABOVE = (
    (0xE0001, 0xE0001),  # Language tag.
    (0xE0020, 0xE007F),  # Tags.
    (0xF0000, 0xFFFFD),  # Private use.
    (0x100000, 0x10FFFD),  # Private use.
)
# Variation selectors, which are removed with the accents.
ACCENTS_ABOVE = ((0xE0100, 0xE01EF),)
# The blocks of Chinese characters, which BERT splits into single characters.
_CJK_BLOCKS = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)
_SURROGATES = range(0xD800, 0xE000)
_BLOCK_SIZE = 0x2000

# A separator for normalizing many characters in one string: a letter without
# case, accents or other spellings.
_DIVIDER = "\u1681"


@functools.lru_cache(maxsize=16)
def normalization_table(lowercase, strip_accents, split, split_on_cjk):
    """Compute the code points that each character is normalized to.

    Args:
        lowercase: bool. Whether to lowercase the text.
        strip_accents: bool. Whether to remove accents.
        split: bool. Whether to put spaces around punctuation.
        split_on_cjk: bool. Whether to put spaces around CJK characters.

    Returns:
        An int32 array of shape `(NUM_LISTED, width)`. Row `i` has the code
        points that code point `i` is normalized to, padded with -1.
    """
    from tokenizers.normalizers import BertNormalizer

    normalizer = BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_on_cjk,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    rows = []
    # The runtime of `tokenizers` grows faster than the length of the text.
    for first in range(0, NUM_LISTED, _BLOCK_SIZE):
        block = [
            "" if code_point in _SURROGATES else chr(code_point)
            for code_point in range(first, first + _BLOCK_SIZE)
        ]
        if _DIVIDER in block:
            block[block.index(_DIVIDER)] = ""
        normalized = normalizer.normalize_str(_DIVIDER.join(block))
        rows += normalized.split(_DIVIDER)
    rows[ord(_DIVIDER)] = _DIVIDER
    if split:
        punctuation = _punctuation({row for row in rows if len(row) == 1})
        rows = [f" {row} " if row in punctuation else row for row in rows]

    lengths = np.fromiter(map(len, rows), "int64", len(rows))
    table = np.full((len(rows), lengths.max()), -1, "int32")
    table[np.arange(table.shape[1]) < lengths[:, np.newaxis]] = np.frombuffer(
        "".join(rows).encode("utf-32-le"), "<i4"
    )
    return table


def is_cjk(character):
    """Whether BERT splits a character into a word of its own.

    Args:
        character: string with one character.

    Returns:
        bool.
    """
    code_point = ord(character)
    return any(first <= code_point <= last for first, last in _CJK_BLOCKS)


def _punctuation(characters):
    """Return the set of punctuation marks among `characters`."""
    from tokenizers.pre_tokenizers import BertPreTokenizer

    # Letters stay joined with the dividers around them.
    pieces = BertPreTokenizer().pre_tokenize_str(
        _DIVIDER + _DIVIDER.join(characters) + _DIVIDER
    )
    return {piece for piece, _ in pieces if len(piece) == 1} - {_DIVIDER}
