"""BERT's WordPiece with the TensorFlow Text operations that LiteRT has."""

import flatbuffers
import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from keras_squeeze.tokenizers.double_array import build_double_array
from keras_squeeze.tokenizers.unicode_tables import ACCENTS_ABOVE
from keras_squeeze.tokenizers.unicode_tables import DELETED_ABOVE
from keras_squeeze.tokenizers.unicode_tables import normalization_table
from keras_squeeze.tokenizers.word_piece_encoder import MAX_CHARACTERS_PER_WORD

# Private use characters are removed from text, so they can represent other
# characters.
_PRIVATE_USE = range(0xE000, 0xF900)
_SURROGATES = range(0xD800, 0xE000)

# A normalized character is stored as its start in one long string, with its
# length and a flag for changed characters in the lowest bits.
_DIFFERS = 1 << 30
_START_SHIFT = 6


class WordPieceLite:
    """Converts a string to the ids of `BertTokenizerFast` in LiteRT.

    Apart from built-in operations, it uses the custom operations
    `FastBertNormalize` and `FastWordpieceTokenizeWithOffsets`. The first
    replaces characters according to a table, which here comes from
    `tokenizers`. The second splits off characters according to its own table.
    Characters that `tokenizers` does not split off are replaced with others, in
    both the text and the vocabulary.

    The ids differ for words of more than 100 characters, which are only unknown
    here if they have more than 400 bytes.

    The arguments are those of `WordPieceEncoder`.

    Raises:
        ValueError: If `split` is `False`, or the operations cannot distinguish
        some characters, special tokens or added tokens from others.
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
        if not split:
            raise ValueError(
                "A model file with text input must split the text into words. "
                "Received: a tokenizer with split=False"
            )
        if added_tokens:
            raise ValueError(
                "A model file with text input cannot match tokens after "
                "lowercasing. Received: a tokenizer with added_tokens="
                f"{added_tokens}"
            )
        normalized, split_off = _normalized_characters(
            lowercase, strip_accents, split_on_cjk
        )
        num_words = _count_words(
            {*"".join(normalized.values()), *"".join(special_tokens)}
        )
        pieces = {token: _pieces(token, num_words) for token in special_tokens}
        names = sorted({piece for row in pieces.values() for piece in row})
        placeholders, marks = _placeholders(
            [c for c in num_words if num_words[c] > 1 and c not in split_off],
            sorted(set("".join(names))),
            vocabulary,
        )
        spaced = {c: f" {c} " for c in split_off if num_words[c] == 1}
        spaced = str.maketrans(spaced)
        for character, text in normalized.items():
            text = text.translate(spaced).translate(placeholders)
            normalized[character] = text
        self._normalizer = _normalizer(normalized)
        # This also finds the parts of special tokens, in a text where they are
        # written with characters that occur nowhere else.
        self._word_piece = tf_text.FastWordpieceTokenizer(
            vocab=[token.translate(placeholders) for token in vocabulary]
            + [name.translate(marks) for name in names],
            token_out_type="int32",
            suffix_indicator=suffix_indicator,
            unknown_token=oov_token,
            # The limit must not make shorter words unknown.
            max_bytes_per_word=4 * MAX_CHARACTERS_PER_WORD,
        )
        marked = {mark: " " for mark in marks.values()}
        for code_point, mark in marks.items():
            is_split_off = num_words[chr(code_point)] > 1
            marked[chr(code_point)] = f" {mark} " if is_split_off else mark
        self._marker = _normalizer(marked)
        numbers = {name: len(vocabulary) + i for i, name in enumerate(names)}
        ids = {token: i for i, token in enumerate(vocabulary)}
        self._special_tokens = [
            (ids[token], [(numbers[piece], _length(piece)) for piece in row])
            for token, row in pieces.items()
        ]

    def encode(self, text):
        """Encode a string.

        Args:
            text: string tensor of shape `(1,)`.

        Returns:
            An int32 tensor of rank 1.
        """
        ids, starts = self._find_words(text, self._normalizer)
        if not self._special_tokens:
            return ids
        starts = starts[:, tf.newaxis]
        special_ids, special_starts, special_ends = self._find_special(text)
        # Replace the first part of a special token with its id, and remove the
        # other parts.
        replaced = tf.where(starts == special_starts, special_ids + 1, 0)
        replaced = tf.reduce_sum(replaced, axis=1) - 1
        is_inside = (starts > special_starts) & (starts < special_ends)
        return tf.boolean_mask(
            tf.where(replaced < 0, ids, replaced),
            ~tf.reduce_any(is_inside, axis=1),
        )

    def _find_special(self, text):
        """Find the ids, starts and ends of the special tokens in a text."""
        pieces, starts = self._find_words(text, self._marker)
        ids = tf.zeros_like(pieces) - 1
        lengths = tf.zeros_like(pieces)
        for id, row in self._special_tokens:
            # All parts must be present, with nothing in between.
            is_found, length = True, 0
            following, following_starts = pieces, starts
            for piece, size in row:
                is_found &= following == piece
                is_found &= following_starts == starts + length
                following = _shift(following)
                following_starts = _shift(following_starts)
                length += size
            ids = tf.where(is_found, id, ids)
            lengths = tf.where(is_found, length, lengths)
        found = tf.where(ids >= 0)[:, 0]
        starts = tf.gather(starts, found)
        return tf.gather(ids, found), starts, starts + tf.gather(lengths, found)

    def _find_words(self, text, normalizer):
        """Return the ids of a text, and the start of each in bytes."""
        text, origins = normalizer.normalize_with_offsets(text)
        ids, starts, _ = self._word_piece.tokenize_with_offsets(text)
        starts = tf.gather(origins.flat_values, starts.flat_values)
        return ids.flat_values, tf.cast(starts, "int32")


def _length(text):
    return len(text.encode("utf-8"))


def _shift(values):
    """Shift values by one to the left, with -1 at the end."""
    return tf.pad(values, [[0, 1]], constant_values=-1)[1:]


def _normalized_characters(lowercase, strip_accents, split_on_cjk):
    """Compute the normalized form of each character.

    Returns:
        A tuple of a dictionary from characters to strings, and the set of the
        characters that are split off, including the space.
    """
    table = normalization_table(lowercase, strip_accents, True, split_on_cjk)
    normalized, split_off = {}, {" "}
    for code_point, row in enumerate(table):
        if code_point in _SURROGATES:
            continue
        text = "".join(map(chr, row[row >= 0]))
        if len(text) == 3 and text[0] == text[2] == " ":
            text = text[1]
            split_off.add(text)
        normalized[chr(code_point)] = text
    for first, last in DELETED_ABOVE + (ACCENTS_ABOVE if strip_accents else ()):
        normalized.update(dict.fromkeys(map(chr, range(first, last + 1)), ""))
    return normalized, split_off


def _count_words(characters):
    """Find out how the splitting operation treats characters.

    Args:
        characters: Set of characters.

    Returns:
        A dictionary from characters to the number of words that they form with
        a letter on either side: one if the character is part of a word, two if
        it is a space, and three if it is a word of its own.
    """
    splitter = tf_text.FastWordpieceTokenizer(
        vocab=["[UNK]", "x"], token_out_type="int32"
    )
    characters = sorted(characters)
    words = splitter.tokenize([f"x{character}x" for character in characters])
    counts = words.row_lengths().numpy().tolist()
    return dict(zip(characters, counts, strict=True))


def _pieces(token, num_words):
    """Split a special token in the same way as the splitting operation."""
    is_bounded = num_words[token[0]] == num_words[token[-1]] == 3
    if not is_bounded or any(num_words[c] == 2 for c in token):
        raise ValueError(
            "With text input, special tokens must start and end with "
            f"punctuation marks and have no spaces. Received: {token!r}"
        )
    pieces = "".join(c if num_words[c] == 1 else f" {c} " for c in token)
    return pieces.split()


def _placeholders(kept, marked, vocabulary):
    """Choose characters that represent others.

    Args:
        kept: List of characters that must not be split off.
        marked: List of the characters in special tokens.
        vocabulary: List of strings.

    Returns:
        A tuple of two dictionaries for `str.translate()`, one per list.
    """
    known = set("".join(vocabulary))
    unknown, *free = (chr(i) for i in _PRIVATE_USE if chr(i) not in known)
    # Characters that occur in no token all make a word unknown.
    placeholders = dict.fromkeys(kept, unknown)
    kept = [character for character in kept if character in known]
    if len(kept) + len(marked) > len(free):
        raise ValueError(
            "A model file with text input must split off the Chinese "
            "characters of a large vocabulary. Received: a tokenizer with "
            "split_on_cjk=False"
        )
    placeholders.update(zip(kept, free, strict=False))
    marks = dict(zip(marked, free[len(kept) :], strict=False))
    return str.maketrans(placeholders), str.maketrans(marks)


def _normalizer(normalized):
    """Make the operation that replaces characters.

    Args:
        normalized: Dictionary from characters to strings.

    Returns:
        A `tf_text.FastBertNormalizer`.
    """
    pool = bytearray()
    starts, values = {}, {}
    for character, text in normalized.items():
        if text == character:
            continue
        text = text.encode("utf-8")
        if text not in starts:
            starts[text] = len(pool)
            pool += text
        value = _DIFFERS | starts[text] << _START_SHIFT | len(text)
        values[character.encode("utf-8")] = value
    zero = values.pop(b"\0", 0)
    builder = flatbuffers.Builder()
    pool = builder.CreateNumpyVector(np.frombuffer(pool, "uint8"))
    array = builder.CreateNumpyVector(build_double_array(values))
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(1, array, 0)
    builder.PrependInt32Slot(2, zero, 0)
    builder.PrependUOffsetTRelativeSlot(3, pool, 0)
    builder.Finish(builder.EndObject())
    return tf_text.FastBertNormalizer(
        model_buffer=tf.constant(np.frombuffer(builder.Output(), "uint8"))
    )
