"""Imitates the tokenizer of MediaPipe and the Task Library, to compare it.

They use the vocabulary of BERT, but tokenize some text differently: they only
lowercase ASCII letters, keep accents and control characters, only treat ASCII
whitespace as spaces, and split special tokens such as `[SEP]` in the text.
"""

import string
import unicodedata

import numpy as np

from keras_squeeze.export.runner import fixed_sequence_length
from keras_squeeze.tokenizers.unicode_tables import is_cjk

_LOWERCASE = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_SPACES = frozenset(" \t\n\f\r")
_LONGEST_WORD = 100


class PhoneTokenizer:
    """Computes the same ids as MediaPipe and the Task Library.

    It is slow, and meant for finding differences, not for training.

    Args:
        vocabulary: List of strings. The tokens in the order of their ids.
    """

    def __init__(self, vocabulary):
        self._ids = {token: id for id, token in enumerate(vocabulary)}

    def encode(self, text, sequence_length):
        """Tokenize and pack a text.

        Args:
            text: string.
            sequence_length: int. The length to pack the ids to.

        Returns:
            A list of ids, padded with zeros.
        """
        pieces = [i for word in _words(text) for i in self._pieces(word)]
        ids = [
            self._ids["[CLS]"],
            *pieces[: sequence_length - 2],
            self._ids["[SEP]"],
        ]
        return ids + [0] * (sequence_length - len(ids))

    def differing_texts(self, preprocessor, texts, sequence_length):
        """Find the texts for which a preprocessor computes other ids.

        Args:
            preprocessor: A preprocessor of this package.
            texts: Sequence of strings.
            sequence_length: int. The length to pack the ids to.

        Returns:
            A list of these texts.
        """
        with fixed_sequence_length(preprocessor, sequence_length):
            # A tuple would be taken for a pair.
            inputs = preprocessor.pack_texts(list(texts))
        rows = np.asarray(inputs["token_ids"])
        return [
            text
            for text, row in zip(texts, rows.tolist(), strict=True)
            if self.encode(text, sequence_length) != row
        ]

    def _pieces(self, word):
        unknown = [self._ids["[UNK]"]]
        if len(word.encode("utf-8")) > _LONGEST_WORD:
            return unknown
        ids = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                id = self._ids.get(prefix + word[start:end])
                if id is not None:
                    break
            else:
                return unknown
            ids.append(id)
            start = end
        return ids


def _words(text):
    word = ""
    for character in text.translate(_LOWERCASE):
        stands_alone = _stands_alone(character)
        if not stands_alone and character not in _SPACES:
            word += character
            continue
        if word:
            yield word
        if stands_alone:
            yield character
        word = ""
    if word:
        yield word


def _stands_alone(character):
    if character.isascii():
        return character in string.punctuation
    return unicodedata.category(character).startswith("P") or is_cjk(character)
