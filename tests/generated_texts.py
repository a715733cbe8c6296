"""Generates texts with all kinds of characters."""

import random

# Most blocks of 256 characters above these have no assigned characters.
BLOCKS = [*range(0x320), *range(0xE00, 0xE02), 0xF00, 0x10FF]


def generated_texts(count, vocabulary, seed=20):
    """Generate texts that cover all blocks of Unicode.

    Args:
        count: int. The number of texts.
        vocabulary: List of strings. The tokens to use in the texts.
        seed: int. The seed of the random numbers. Defaults to `20`.

    Returns:
        A list of strings.
    """
    draw = random.Random(seed)
    return [
        _generate_text(draw, BLOCKS[i % len(BLOCKS)], vocabulary)
        for i in range(count)
    ]


def _generate_text(draw, block, vocabulary):
    """Return a string with characters from a block of 256, among others."""
    parts = []
    for _ in range(draw.randrange(24)):
        kind = draw.randrange(16)
        if kind < 4:
            parts.append(draw.choice(vocabulary).removeprefix("##"))
        elif kind < 7:
            parts.append(draw.choice([" ", " ", "\u00a0", "\u3000", "\t", ""]))
        elif kind == 7:
            parts.append(draw.choice(["[CLS]", "[SEP]", "[MASK]", "[UNK]"]))
        elif kind == 8:
            # Combining marks and other characters that affect neighbours.
            parts.append(chr(draw.randrange(0x300, 0x370)))
        elif kind == 9:
            parts.append(chr(draw.randrange(0x100)))
        elif kind == 10:
            parts.append(draw.choice("\u200b\u200d\ufe0f\u00ad\ufffd\ufeff"))
        elif kind == 11 and draw.randrange(8) == 0:
            letter = draw.choice(["a", "é", "й", "\U00010450"])
            parts.append(letter * draw.randrange(95, 106))
        else:
            code_point = 256 * block + draw.randrange(256)
            if not 0xD800 <= code_point < 0xE000:
                parts.append(chr(code_point))
    return "".join(parts)
