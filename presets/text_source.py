"""Creates text segments, their variants, and pairs of varying similarity."""

import lzma
import pathlib
import random
import re

import numpy as np

from keras_squeeze.datasets.conll import read_conll
from keras_squeeze.datasets.multiple_choice_files import read_multiple_choice
from keras_squeeze.datasets.text_files import read_texts

# The end of a sentence, up to the start of the next one.
BOUNDARY = re.compile(r"(?<=[.!?;:])[\"'”’)]*\s+")
# Words that change the meaning of a text, or its strength.
INSERTED = "not never very no also almost really don't".split()
# The columns of CODAH, whose files have no header.
CHOICE_COLUMNS = "category prompt choice1 choice2 choice3 choice4 label".split()


def read_paragraphs(path):
    """Read the paragraphs of a file, one per line, without short ones."""
    opener = lzma.open if path.endswith(".xz") else open
    with opener(path, "rt", encoding="utf-8") as file:
        return [line.strip() for line in file if len(line) > 30]


def read_messages(path):
    """Read the texts of a file, without labels.

    Args:
        path: string. A `.conll` file in the format of WNUT-17, whose words are
            joined by spaces; a `.tsv` file of CODAH, in which each prompt is
            followed by each of its choices; or a `.txt` file with one text per
            line.

    Returns:
        A list of strings.
    """
    suffix = pathlib.Path(path).suffix
    if suffix == ".conll":
        sentences, _ = read_conll(path)
        return [" ".join(words) for words in sentences]
    if suffix == ".tsv":
        x = read_multiple_choice(path, CHOICE_COLUMNS).x
        return [
            f"{prompt.strip()} {choice.strip()}"
            for prompt, choices in zip(x["prompt"], x["choices"], strict=True)
            for choice in choices
        ]
    return [str(text) for text in read_texts(path)]


def nearest_words(vectors, tokenizer, count=8):
    """Find the words with the most similar embeddings for each word.

    Args:
        vectors: float array of shape `(vocabulary_size, dim)`. The teacher's
            token embeddings.
        tokenizer: The tokenizer layer.
        count: int. The maximum number of similar words.

    Returns:
        A dictionary that maps words to lists of words, which can be empty.
    """
    vocabulary = tokenizer.get_vocabulary()
    ids = [
        i
        for i, word in enumerate(vocabulary)
        if word.isascii() and word.isalpha() and len(word) > 2
    ]
    vectors = vectors[ids] - vectors[ids].mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = {}
    for start in range(0, len(ids), 1000):
        cosines = vectors[start : start + 1000] @ vectors.T
        best = np.argpartition(-cosines, count, axis=1)[:, : count + 1]
        for row, i in enumerate(ids[start : start + 1000]):
            found[vocabulary[i]] = [
                vocabulary[ids[j]]
                for j in best[row]
                if ids[j] != i and cosines[row, j] > 0.3
            ]
    return found


class TextSource:
    """Draws segments of texts, and variants of them.

    Args:
        paragraphs: List of strings.
        messages: List of strings. They make up an eighth of the segments.
        near: Dictionary. The result of `nearest_words()`.
        seed: The seed of the random numbers.
    """

    def __init__(self, paragraphs, messages, near, seed):
        self.paragraphs = paragraphs
        self.messages = messages
        self.near = near
        self.words = list(near)
        self.random = random.Random(seed)

    def segment(self):
        """Draw a sentence, several, a part of a paragraph, or a message."""
        draw = self.random
        kind = draw.random()
        if kind < 0.125:
            words = draw.choice(self.messages).split()
            return self.blur(words, 0.15) if draw.random() < 0.6 else words
        paragraph = draw.choice(self.paragraphs)
        if kind < 0.2:
            words = paragraph.split()
            start = draw.randrange(len(words))
            return words[start : start + draw.randrange(4, 50)]
        sentences = BOUNDARY.split(paragraph)
        start = draw.randrange(len(sentences))
        count = 1 if kind < 0.75 else draw.randrange(2, 5)
        words = " ".join(sentences[start : start + count]).split()
        if draw.random() < 0.25:
            # Include modern words, which old books do not have.
            words = self.mix(words, draw.choice((0.1, 0.2, 0.4, 0.7)))
        return words

    def mix(self, words, share):
        """Replace some words by random ones."""
        draw = self.random
        return [
            draw.choice(self.words) if draw.random() < share else word
            for word in words
        ]

    def blur(self, words, share):
        """Replace some words by similar ones."""
        draw = self.random
        found = []
        for word in words:
            near = self.near.get(word.lower().strip(".,;:!?\"'"))
            chosen = near and draw.random() < share
            found.append(draw.choice(near) if chosen else word)
        return found

    def variant(self, words):
        """Create a text that is more or less similar to another one."""
        draw = self.random
        kind = draw.random()
        words = list(words)
        if kind < 0.25:
            share = draw.choice((0.1, 0.2, 0.35, 0.5))
            return [word for word in words if draw.random() > share]
        if kind < 0.35:
            draw.shuffle(words)
            return words
        if kind < 0.65:
            return self.blur(words, draw.choice((0.15, 0.3, 0.6)))
        if kind < 0.75:
            return self.mix(words, draw.choice((0.1, 0.2, 0.4)))
        if kind < 0.9:
            start = draw.randrange(max(1, len(words) // 2))
            return words[start : start + max(3, 2 * len(words) // 3)]
        words.insert(draw.randrange(len(words) + 1), draw.choice(INSERTED))
        return words


def make_texts(source, count):
    """Draw segments, and two variants of each short segment.

    Returns:
        A tuple of a list of strings, an int array of the indices of the
        segments in it, and an int array of shape `(count, 2)` with pairs of a
        segment and its variant.
    """
    texts, segments, pairs = [], [], []
    while len(texts) < count:
        words = source.segment()[:60]
        if len(words) < 3:
            continue
        own = len(texts)
        segments.append(own)
        texts.append(" ".join(words))
        if len(words) > 25:
            continue
        for _ in range(2):
            variant = source.variant(words)
            if len(variant) > 1:
                pairs.append((own, len(texts)))
                texts.append(" ".join(variant))
    return texts, np.array(segments), np.array(pairs)


def find_pairs(cache, variants, longest, seed):
    """Find pairs of texts with all degrees of similarity.

    Args:
        cache: The `TeacherCache`.
        variants: int array of shape `(count, 2)`. Pairs of similar texts.
        longest: int. The maximum number of tokens of each text of a pair.
        seed: The seed of the random numbers.

    Returns:
        An int array of the variants and as many other pairs: half of these are
        texts that are among the most similar for the teacher, half are random.
    """
    draw = np.random.default_rng(seed)
    short = np.flatnonzero(cache.lengths <= longest)
    vectors = cache.read(short, ["sentence"])["sentence"].astype("float32")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = []
    size = min(10000, len(short))
    for start in range(0, len(short), size):
        block = slice(start, start + size)
        cosines = vectors[block] @ vectors[block].T
        rank = min(40, cosines.shape[1] - 1)
        best = np.argpartition(-cosines, rank, axis=1)[:, : rank + 1]
        chosen = draw.integers(best.shape[1], size=len(best))
        partners = best[np.arange(len(best)), chosen]
        near.append(np.stack([short[block], short[block][partners]], axis=1))
    count = max(1, len(variants) // 2)
    near = draw.permutation(np.concatenate(near))[:count]
    anyhow = draw.choice(short, (count, 2))
    pairs = np.concatenate([variants, near, anyhow])
    pairs = pairs[(cache.lengths[pairs] <= longest).all(axis=1)]
    return draw.permuted(pairs, axis=1)
