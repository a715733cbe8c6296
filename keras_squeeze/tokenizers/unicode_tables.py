"""What BERT's text normalisation makes of every character.

The reference is the `tokenizers` library, whose Unicode tables are neither
those of Python nor those of TensorFlow: they disagree about hundreds of
characters. The graph tokenizer therefore looks each character up in a table
that is read off `tokenizers` here, so that nothing has to be kept in step.
"""

import functools

import numpy as np

# The table lists the code points below this one. Above are only characters
# that stay as they are and those of the ranges below, which vanish.
NUM_LISTED = 0x32000
DELETED_ABOVE = (
    (0xE0001, 0xE0001),  # Language tag.
    (0xE0020, 0xE007F),  # Tags.
    (0xF0000, 0xFFFFD),  # Private use.
    (0x100000, 0x10FFFD),  # Private use.
)
# Variation selectors, which vanish with the accents.
ACCENTS_ABOVE = ((0xE0100, 0xE01EF),)
# The blocks of Chinese characters, each of which BERT takes for a word.
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

# Keeps characters apart while many are normalised in one string: a letter
# that has no case, no accents and no other spelling.
_DIVIDER = "\u1681"


@functools.lru_cache(maxsize=16)
def normalization_table(lowercase, strip_accents, split, split_on_cjk):
    """Returns the code points that each character turns into.

    Args:
        lowercase: bool. Whether the text is lowercased.
        strip_accents: bool. Whether accents are removed.
        split: bool. Whether to put a space on both sides of punctuation.
        split_on_cjk: bool. Whether to put a space on both sides of CJK
            characters.

    Returns:
        An int32 array of shape `(NUM_LISTED, width)`. Row `i` has what code
        point `i` turns into, filled up with -1 at the end.
    """
    from tokenizers.normalizers import BertNormalizer

    normalizer = BertNormalizer(
        clean_text=True,
        handle_chinese_chars=split_on_cjk,
        strip_accents=strip_accents,
        lowercase=lowercase,
    )
    rows = []
    # `tokenizers` takes more than twice as long for twice the text.
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
    """Whether BERT takes a character for a word of its own.

    Args:
        character: string of one character.

    Returns:
        bool.
    """
    code_point = ord(character)
    return any(first <= code_point <= last for first, last in _CJK_BLOCKS)


def _punctuation(characters):
    """Returns the set of those `characters` that are punctuation marks."""
    from tokenizers.pre_tokenizers import BertPreTokenizer

    # Letters stay in one piece with the dividers on their two sides.
    pieces = BertPreTokenizer().pre_tokenize_str(
        _DIVIDER + _DIVIDER.join(characters) + _DIVIDER
    )
    return {piece for piece, _ in pieces if len(piece) == 1} - {_DIVIDER}
