"""Describes BERT's text normalization to programs in other languages.

Their own Unicode tables depend on their versions. The description has what
the `tokenizers` library does with every character, so that nothing else is
needed to get the same ids.
"""

import unicodedata

from keras_squeeze.tokenizers.unicode_tables import ACCENTS_ABOVE
from keras_squeeze.tokenizers.unicode_tables import DELETED_ABOVE
from keras_squeeze.tokenizers.unicode_tables import normalization_table

# Their decomposition is a formula.
_HANGUL = range(0xAC00, 0xD7A4)
_SURROGATES = range(0xD800, 0xE000)
# Not affected by any normalization.
_DIVIDER = "\u1681"


def describe_characters(tokenizer):
    """Describe what each character is normalized to.

    Ranges are flat lists: the first and last code point of the first range,
    those of the second, and so on.

    Args:
        tokenizer: Dictionary. The description of the tokenizer in
            `contract.json`.

    Returns:
        A dictionary that can be saved as JSON:

        - `"removed"`: Ranges of characters that are removed.
        - `"spaces"`: Ranges of characters that become a space.
        - `"alone"`: Ranges of characters that get spaces around them.
        - `"replaced"`: List of lists of code points: another character, and
            what it becomes.
        - `"decompose_hangul"`: bool. Whether the syllables of Hangul become
            the letters that they consist of.
        - `"punctuation"`: Ranges of normalized characters that are words of
            their own.
        - `"marks"`: List of ranges. Normalized characters in later ranges come
            after those in earlier ones, up to the next other character.
        - `"barriers"`: Ranges of removed characters that count as other
            characters there.
    """
    lowercase, strip_accents = (
        tokenizer["lowercase"],
        tokenizer["strip_accents"],
    )
    split_on_cjk = (
        tokenizer["splits_text_into_words"]
        and tokenizer["split_on_chinese_characters"]
    )
    rows = _rows(lowercase, strip_accents, False, split_on_cjk)
    kinds = {"removed": [], "spaces": [], "alone": []}
    replaced = []
    decompose_hangul = False
    for code_point, text in enumerate(rows):
        character = chr(code_point)
        if text == character or code_point in _SURROGATES:
            continue
        if text in ("", " "):
            kinds["spaces" if text else "removed"].append(code_point)
        elif text == f" {character} ":
            kinds["alone"].append(code_point)
        elif code_point in _HANGUL:
            decompose_hangul = True
        else:
            replaced.append([code_point, *map(ord, text)])
    removed = _ranges(kinds["removed"])
    for first, last in DELETED_ABOVE + ACCENTS_ABOVE * strip_accents:
        removed += [first, last]
    punctuation = [
        code_point
        for code_point, text in enumerate(_rows(False, False, True, False))
        if text == f" {chr(code_point)} "
    ]
    marks, barriers = _marks(rows) if strip_accents else ([], [])
    return {
        "removed": removed,
        "spaces": _ranges(kinds["spaces"]),
        "alone": _ranges(kinds["alone"]),
        "replaced": replaced,
        "decompose_hangul": decompose_hangul,
        "punctuation": _ranges(punctuation),
        "marks": [_ranges(code_points) for code_points in marks],
        "barriers": _ranges(barriers),
    }


def _rows(*options):
    """The normalized text of each listed character."""
    return [
        "".join(map(chr, filter(lambda x: x >= 0, row)))
        for row in normalization_table(*options).tolist()
    ]


def _ranges(code_points):
    ranges = []
    for code_point in code_points:
        if ranges and code_point == ranges[-1] + 1:
            ranges[-1] = code_point
        else:
            ranges += [code_point, code_point]
    return ranges


def _marks(rows):
    """Find how removing accents changes the order of other marks.

    It first sorts the marks after a letter by their combining class. Some of
    them are not removed.

    Args:
        rows: List of strings, the normalized text of each character.

    Returns:
        A tuple of a list of lists of code points, the marks that are kept by
        their class, and a list of the marks without a class that are removed.
    """
    # A mark of each class, from a version that all tables include.
    of_class = {}
    for character in map(chr, range(0x300, 0x1D200)):
        of_class.setdefault(
            unicodedata.ucd_3_2_0.combining(character), character
        )
    del of_class[0]
    ladder = [of_class[number] for number in sorted(of_class)]
    cleaned = _rows(False, False, False, False)
    kept = {character for row in rows for character in row} - {_DIVIDER}
    accents = {
        chr(code_point)
        for code_point, row in enumerate(rows)
        if not row and cleaned[code_point]
    }
    # Only marks change places: those with a class above the lowest one move
    # behind it, and those with a class below the highest one before it.
    candidates = sorted(kept | accents)
    are_marks = {
        *_movable(candidates, lambda x: x + ladder[0]),
        *_movable(candidates, lambda x: ladder[-1] + x),
    }
    # The number of classes below that of each mark.
    heights = dict.fromkeys(sorted(kept & are_marks), 0)
    for mark in ladder:
        for character in _movable(heights, lambda x, y=mark: x + y):
            heights[character] += 1
    classes = {}
    for character, height in heights.items():
        classes.setdefault(height, []).append(ord(character))
    # Accents that are written as others have the classes of these.
    whole = set(_select(accents, lambda x: x, lambda x, y: x == y))
    barriers = sorted(map(ord, whole - are_marks))
    return [classes[height] for height in sorted(classes)], barriers


def _movable(characters, pair_with):
    """Find the characters that change places with another one.

    Args:
        characters: Strings of one character.
        pair_with: Function that returns a character with the other one next
            to it.

    Returns:
        A list of some of the characters.
    """
    return _select(characters, pair_with, lambda x, y: x != y and x == y[::-1])


def _select(characters, text_of, is_wanted):
    """Select characters by the decomposition of a text with them."""
    from tokenizers.normalizers import NFD

    characters = list(characters)
    texts = list(map(text_of, characters))
    decomposed = []
    # The runtime of `tokenizers` grows faster than the length of the text.
    for first in range(0, len(texts), 4096):
        joined = _DIVIDER.join(texts[first : first + 4096])
        decomposed += NFD().normalize_str(joined).split(_DIVIDER)
    pairs = zip(texts, decomposed, strict=True)
    return [
        character
        for character, pair in zip(characters, pairs, strict=True)
        if is_wanted(*pair)
    ]
