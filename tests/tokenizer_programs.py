"""Compares tokenizers in other languages with `tokenizers`."""

import random
import unicodedata

import numpy as np

from keras_squeeze.export.phones.app_files import describe_tokenizer
from keras_squeeze.export.phones.characters import describe_characters
from keras_squeeze.export.phones.metadata import file_of_lines
from keras_squeeze.tokenizers import BertWordPieceTokenizer
from tests.generated_texts import generated_texts

# Arguments of tokenizers that differ from the default ones.
OPTIONS = [
    {"lowercase": False},
    {"lowercase": True, "strip_accents": False},
    {"lowercase": False, "strip_accents": True},
    {"split_on_cjk": False},
    {"split": False},
    {"special_tokens_in_strings": False},
    {"added_tokens": ["Café", "東京", "new york", "a-b"]},
    {"special_tokens": ["new york", "Café", "[CLS][SEP]", "a|b."]},
]


def name_of(options):
    """Name a test by its options."""
    return "-".join(f"{x}={y}" for x, y in options.items())


def inputs_of(tokenizer):
    """What a program reads from the files of an app.

    Args:
        tokenizer: A `BertWordPieceTokenizer`.

    Returns:
        A dictionary of the `"settings"`, an entry of `contract.json`, the
        `"vocabulary"` and the `"characters"`.
    """
    settings = describe_tokenizer(tokenizer)
    return {
        "settings": settings,
        "vocabulary": file_of_lines(tokenizer.vocabulary),
        "characters": describe_characters(settings),
    }


def marks_of(characters):
    """The set of the marks that a program may have to sort."""
    return {
        chr(code_point)
        for flat in characters["marks"]
        for first, last in zip(flat[::2], flat[1::2], strict=True)
        for code_point in range(first, last + 1)
    }


def check_tokens(tokenizer, texts, rows):
    """Compare ids, positions and words.

    Args:
        tokenizer: A `BertWordPieceTokenizer`.
        texts: List of strings.
        rows: List that has, for each text, a list of tokens, which are lists
            of the id, the start, the end and the number of the word.

    Returns:
        int. The number of tokens.
    """
    oracle = tokenizer.encoder.tokenizer
    marks = marks_of(inputs_of(tokenizer)["characters"])
    expected = oracle.encode_batch(texts, add_special_tokens=False)
    count = 0
    for text, row, encoding in zip(texts, rows, expected, strict=True):
        found = np.array(row).reshape(-1, 4)
        assert found[:, 0].tolist() == encoding.ids, text
        if not marks & {*unicodedata.normalize("NFD", text)}:
            # Where marks change places, `tokenizers` counts their positions as
            # if they had not.
            offsets = [*map(tuple, found[:, 1:3].tolist())]
            assert offsets == encoding.offsets, text
        starts = np.diff(found[:, 3]) != 0
        words = np.array(encoding.word_ids, "int64")
        assert starts.tolist() == (np.diff(words) != 0).tolist(), text
        count += len(row)
    return count


def tokenizer_with(options, vocabulary):
    """Create a tokenizer, and texts that its options affect.

    Args:
        options: Dictionary of arguments of `BertWordPieceTokenizer`.
        vocabulary: List of strings. Most of its tokens.

    Returns:
        A tuple of the tokenizer and a list of strings.
    """
    extra = ["Café", "東京", "new york", "a-b", "[CLS][SEP]", "a|b.", "É", "é"]
    tokenizer = BertWordPieceTokenizer([*vocabulary, *extra], **options)
    draw = random.Random(0)
    parts = [*extra, "new York", "cafés", " ", "É東京a-b", "[CLS]", "[SEP]"]
    texts = generated_texts(2_000, vocabulary, seed=22)
    texts += ["".join(draw.choices(parts, k=6)) for _ in range(500)]
    return tokenizer, texts


def tokenizer_of_all_characters():
    """Create a tokenizer with most characters, and texts of all characters.

    Returns:
        A tuple of the tokenizer and a list of strings.
    """
    code_points = [*range(0xD800), *range(0xE000, 0x110000)]
    characters = [chr(code_point) for code_point in code_points]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    known = set(characters[:0x32000]) - {"a", "\n", "\0", *" \t\r"}
    # Each character that is left after normalization has an id of its own.
    tokenizer = BertWordPieceTokenizer(
        [*tokens, "##a", *sorted(known), *(f"##{x}" for x in sorted(known))]
    )
    texts = ["a".join(characters[i : i + 256]) for i in range(0, 0x110000, 256)]
    marks = sorted(marks_of(inputs_of(tokenizer)["characters"]))
    assert len(marks) > 20
    others = ["\u0301", "\u0345", "\u0334", "\u034f", "\u200d", "\u0903", "a"]
    # Half note, which becomes a letter and a mark, and Greek dialytika.
    others += ["\U0001d15e", "\u0344", "\u0340", "\u0f73", "\u0901"]
    draw = random.Random(1)
    for _ in range(5_000):
        part = draw.choices([*marks, *others], k=draw.randint(2, 6))
        texts.append("a" + "".join(part))
    return tokenizer, texts


def sizes_to_pack(strategy, length):
    """Draw the numbers of tokens of texts and pairs that are truncated.

    Args:
        strategy: string. A strategy of `SequencePacker`.
        length: int. The number of tokens that are left.

    Returns:
        A list of lists of one or two integers.
    """
    draw = random.Random(0)
    cases = []
    # Only one text may be too long if only the other is cut.
    other = {"only_first": 1, "only_second": 0}.get(strategy)
    for i in range(600):
        sizes = [draw.randrange(20) for _ in range(1 + (i % 3 > 0))]
        if other is not None and other < len(sizes):
            sizes[other] = draw.randrange(length - 3)
        if strategy != "only_second" or len(sizes) == 2:
            cases.append(sizes)
    return cases
