"""Stores the outputs of a teacher on disk, and creates batches of them."""

import hashlib
import json
import pathlib

import keras
import numpy as np

from keras_squeeze import validation
from keras_squeeze.new_files import new_folder
from keras_squeeze.new_files import write_file
from keras_squeeze.tokenizers.token_masker import replace_tokens


class TeacherCache:
    """Stores the outputs of a teacher for a corpus in a folder.

    A teacher is slower than its student, and a student reads each text several
    times. The teacher therefore reads the corpus once, in advance. Its outputs
    are stored in half precision and loaded from disk when they are needed. A
    hidden size of 384 takes 768 bytes per token.

    Args:
        folder: string or `os.PathLike`. See `write()`.

    Raises:
        FileNotFoundError: If the folder has no cache.

    Example:

    ```python
    backbone = keras_squeeze.models.MobileBertBackbone.from_preset(
        "mobile_bert_tiny_en_uncased"
    )
    teacher = keras_squeeze.distillation.BackboneTeacher(backbone)
    cache = TeacherCache.write("cache", teacher, [[101, 7592, 102]])
    cache.read([0])["sentence"]
    ```
    """

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.folder = folder
        path = folder / "cache.json"
        if not path.is_file():
            raise FileNotFoundError(f"`{folder}` has no outputs of a teacher.")
        self.description = json.loads(path.read_text(encoding="utf-8"))
        self.parts = [
            _Part(folder / f"part_{i}")
            for i in range(self.description["num_parts"])
        ]
        self.lengths = np.concatenate([part.lengths for part in self.parts])
        self._starts = np.cumsum([0, *(len(p.lengths) for p in self.parts)])

    def __len__(self):
        return len(self.lengths)

    @classmethod
    def write(
        cls, folder, teacher, sequences, batch_tokens=4096, part_size=10000
    ):
        """Write the outputs of a teacher for a corpus.

        Sequences of the same length are batched, so that there is no padding.
        If the process is interrupted, the same call resumes at the next part.

        Args:
            folder: string or `os.PathLike`. The folder, which may not exist
                yet.
            teacher: A `Teacher`.
            sequences: List of lists or arrays of token ids, with `[CLS]` and
                `[SEP]`.
            batch_tokens: int. The number of tokens per batch. Defaults to
                `4096`.
            part_size: int. The number of sequences per part, after which the
                outputs are saved. Defaults to `10000`.

        Returns:
            The `TeacherCache`.

        Raises:
            ValueError: If there are no sequences, or the folder has the
                outputs of another teacher or of other sequences.
        """
        validation.check_positive_int("batch_tokens", batch_tokens)
        validation.check_positive_int("part_size", part_size)
        if not len(sequences):
            raise ValueError("`sequences` must not be empty.")
        lengths = [len(sequence) for sequence in sequences]
        flat = np.concatenate([np.asarray(s, "int64") for s in sequences])
        description = {
            "teacher": teacher.fingerprint,
            "hidden_layers": list(teacher.hidden_layers),
            "attention_layers": list(teacher.attention_layers),
            "sentence": teacher.sentence,
            "num_sequences": len(sequences),
            "num_parts": -(-len(sequences) // part_size),
            "tokens": _checksum(flat, lengths),
        }
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "cache.json"
        unfinished = folder / "unfinished.json"
        for earlier in (path, unfinished):
            if earlier.exists() and description != json.loads(
                earlier.read_text(encoding="utf-8")
            ):
                raise ValueError(
                    f"`{folder}` has the outputs of another teacher, or for "
                    "other sequences. Remove it, or pass another folder."
                )
        if path.exists():
            return cls(folder)
        write_file(unfinished, json.dumps(description))
        for i in range(description["num_parts"]):
            part = folder / f"part_{i}"
            if not part.exists():
                chosen = sequences[i * part_size : (i + 1) * part_size]
                _write_part(part, teacher, chosen, batch_tokens)
        write_file(path, json.dumps(description))
        unfinished.unlink(missing_ok=True)
        return cls(folder)

    def read(self, indices, names=None, length=None):
        """Read the outputs of some sequences.

        Args:
            indices: Array of ints. The indices of the sequences.
            names: Optional list of the names of the outputs to read. Defaults
                to `None`, for all outputs.
            length: Optional int. The number of tokens to pad the sequences
                to, with zeros. Defaults to `None`, for the length of the
                longest sequence.

        Returns:
            A dictionary of arrays: `token_ids`, int32, and the outputs of the
            teacher by name, in half precision as they are stored.
        """
        indices = np.asarray(indices)
        if length is None:
            length = int(self.lengths[indices].max())
        which = np.searchsorted(self._starts, indices, side="right") - 1
        found = {}
        for number in np.unique(which):
            places = np.flatnonzero(which == number)
            rows = indices[places] - self._starts[number]
            part = self.parts[number].read(rows, names, length)
            for name, values in part.items():
                if name not in found:
                    shape = (len(indices), *values.shape[1:])
                    found[name] = np.zeros(shape, values.dtype)
                found[name][places] = values
        return found


class _Part:
    """A part of a cache. It has the rows of all its sequences by name."""

    def __init__(self, folder):
        self.lengths = np.load(folder / "lengths.npy")
        self.arrays = {}
        for path in sorted(folder.glob("*.npy")):
            if path.stem != "lengths":
                self.arrays[path.stem] = np.load(path, mmap_mode="r")
        self._starts = {
            name: np.cumsum([0, *_row_counts(name, self.lengths)])
            for name in self.arrays
        }

    def read(self, indices, names, length):
        found = {}
        for name in names or self.arrays:
            starts, array = self._starts[name][indices], self.arrays[name]
            if name == "sentence":
                found[name] = array[starts]
            elif name.startswith("attention_"):
                found[name] = self._attention(indices, starts, array, length)
            else:
                shape = (len(starts), length, *array.shape[1:])
                found[name] = np.zeros(shape, array.dtype)
                places = np.arange(length)
                is_there = places < self.lengths[indices][:, None]
                rows = (starts[:, None] + places)[is_there]
                found[name][is_there] = array[rows]
        return found

    def _attention(self, indices, starts, array, length):
        shape = (len(starts), array.shape[1], length, length)
        found = np.zeros(shape, array.dtype)
        for i, (index, start) in enumerate(zip(indices, starts, strict=True)):
            own = self.lengths[index]
            values = array[start : start + own**2].reshape(own, own, -1)
            found[i, :, :own, :own] = values.transpose(2, 0, 1)
        return found


def _row_counts(name, lengths):
    """The number of rows of an output for sequences of the given lengths."""
    if name.startswith("attention_"):
        return lengths.astype("int64") ** 2
    if name == "sentence":
        return np.ones_like(lengths)
    return lengths


def _write_part(folder, teacher, sequences, batch_tokens):
    lengths = np.array([len(sequence) for sequence in sequences], "int32")
    flat = np.concatenate([np.asarray(s, "int32") for s in sequences])
    arrays, starts = {"token_ids": flat}, {}
    for indices in _batches_of_one_length(lengths, batch_tokens):
        token_ids = np.stack([sequences[i] for i in indices]).astype("int32")
        outputs = teacher.outputs(
            {
                "token_ids": token_ids,
                "segment_ids": np.zeros_like(token_ids),
                "padding_mask": np.ones_like(token_ids),
            }
        )
        for name, values in outputs.items():
            if name.startswith("attention_"):
                # Put heads last, so that each has a column.
                values = values.transpose(0, 2, 3, 1)
            if name not in arrays:
                starts[name] = np.cumsum([0, *_row_counts(name, lengths)])
                shape = (starts[name][-1], values.shape[-1])
                arrays[name] = np.zeros(shape, "float16")
            for i, value in zip(indices, values, strict=True):
                rows = value.reshape(-1, value.shape[-1])
                start, end = starts[name][i : i + 2]
                arrays[name][start:end] = rows
    with new_folder(folder) as new:
        np.save(new / "lengths.npy", lengths)
        for name, array in arrays.items():
            np.save(new / f"{name}.npy", array)


def _batches_of_one_length(lengths, batch_tokens):
    order = np.argsort(lengths, kind="stable")
    ends = np.flatnonzero(np.diff(lengths[order])) + 1
    for indices in np.split(order, ends):
        size = max(1, batch_tokens // lengths[indices[0]])
        yield from np.split(indices, range(size, len(indices), size))


def _checksum(flat, lengths):
    lengths = np.asarray(lengths, "int64")
    return hashlib.sha256(flat.tobytes() + lengths.tobytes()).hexdigest()[:16]


class DistillationBatches(keras.utils.PyDataset):
    """Batches of a `TeacherCache` for a `Distiller`.

    Each batch has sequences of the same length, so that there is no padding, or
    of lengths that are padded to the same multiple. The choice of sequences
    only depends on the seed and the number of the batch, so an interrupted
    training run gets the same batches when it is resumed.

    Args:
        cache: A `TeacherCache`.
        steps: int. The number of batches.
        batch_tokens: int. The approximate number of tokens per batch. Defaults
            to `4096`.
        masking: Optional `WordMasking`, for a student that predicts masked
            words. The teacher has read the text without masks.
        singles: Optional int array. The sequences of the cache to read on
            their own, if others are only used in `pairs`. Defaults to `None`,
            for all sequences.
        pairs: Optional int array of shape `(num_pairs, 2)`, for a student
            that predicts how two texts are related. It has the sequences of
            the cache to read together, separated by `[SEP]`. The targets are
            `"pair_similarity"`, the cosine similarity of their vectors, and
            `"pair_sum"`, the sum of the vectors.
        length_multiple: int. The number of tokens of a sequence is rounded up
            to a multiple of it. JAX compiles a model for each length, which
            takes longer than many steps, while padding costs little on a GPU.
            Defaults to `1`, for no padding.
        first: int. The number of the first batch. Defaults to `0`.
        seed: int. Defaults to `0`.
        **kwargs: Other keyword arguments of `keras.utils.PyDataset`.
    """

    def __init__(
        self,
        cache,
        steps,
        batch_tokens=4096,
        masking=None,
        singles=None,
        pairs=None,
        length_multiple=1,
        first=0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        validation.check_positive_int("length_multiple", length_multiple)
        self.cache = cache
        self.steps = steps
        self.batch_tokens = batch_tokens
        self.masking = masking
        if singles is None:
            singles = np.arange(len(cache))
        self.singles = singles
        self.pairs = pairs
        self.length_multiple = length_multiple
        self.first = first
        self.seed = seed
        self.groups = _Groups(cache.lengths[singles], length_multiple)
        if pairs is not None:
            # The first token of the second text is dropped.
            lengths = cache.lengths[pairs].sum(axis=1) - 1
            self.pair_groups = _Groups(lengths, length_multiple)

    def part(self, first, steps):
        """Return consecutive batches in the same order.

        Args:
            first: int. The number of the first batch.
            steps: int. The number of batches.

        Returns:
            A `DistillationBatches`.
        """
        return DistillationBatches(
            self.cache,
            steps,
            batch_tokens=self.batch_tokens,
            masking=self.masking,
            singles=self.singles,
            pairs=self.pairs,
            length_multiple=self.length_multiple,
            first=self.first + first,
            seed=self.seed,
            workers=self.workers,
            use_multiprocessing=self.use_multiprocessing,
            max_queue_size=self.max_queue_size,
        )

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        random = np.random.default_rng((self.seed, self.first + index))
        chosen, length = self.groups.choose(random, self.batch_tokens)
        chosen = self.singles[chosen]
        y = self.cache.read(chosen, length=length)
        token_ids = y.pop("token_ids")
        x = {
            "token_ids": token_ids,
            "segment_ids": np.zeros_like(token_ids),
            "padding_mask": _padding_mask(self.cache.lengths[chosen], length),
        }
        if self.masking is not None:
            self.masking.add_to(x, y, random)
        if self.pairs is not None:
            chosen, length = self.pair_groups.choose(random, self.batch_tokens)
            self._add_pairs(self.pairs[chosen], length, x, y)
        return x, y

    def _add_pairs(self, pairs, length, x, y):
        first, second = (
            self.cache.read(texts, ["token_ids", "sentence"])
            for texts in pairs.T
        )
        lengths = self.cache.lengths[pairs]
        token_ids = np.zeros((len(pairs), length), "int32")
        segment_ids = np.zeros_like(token_ids)
        for i, (end, more) in enumerate(lengths):
            both = slice(end, end + more - 1)
            token_ids[i, :end] = first["token_ids"][i, :end]
            token_ids[i, both] = second["token_ids"][i, 1:more]
            segment_ids[i, both] = 1
        vectors = np.stack([first["sentence"], second["sentence"]], axis=1)
        vectors = vectors.astype("float32")
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        x["pair_token_ids"] = token_ids
        x["pair_segment_ids"] = segment_ids
        x["pair_padding_mask"] = _padding_mask(lengths.sum(axis=1) - 1, length)
        y["pair_similarity"] = vectors.prod(axis=1).sum(-1, keepdims=True)
        y["pair_sum"] = vectors.sum(axis=1)


def _padding_mask(lengths, length):
    return (np.arange(length) < lengths[:, None]).astype("int32")


class _Groups:
    """Groups the indices of samples by length, to sample from them."""

    def __init__(self, lengths, multiple):
        lengths = -(-lengths // multiple) * multiple
        order = np.argsort(lengths, kind="stable")
        ends = np.flatnonzero(np.diff(lengths[order])) + 1
        self.groups = np.split(order, ends)
        self.lengths = [int(lengths[group[0]]) for group in self.groups]
        # Makes every token equally likely to be drawn.
        tokens = np.array([len(group) for group in self.groups]) * self.lengths
        self.shares = tokens / tokens.sum()

    def choose(self, random, num_tokens):
        """Draw samples of one length with about the given number of tokens.

        Returns:
            A tuple of the int array of their indices, and the length.
        """
        i = random.choice(len(self.groups), p=self.shares)
        size = max(1, num_tokens // self.lengths[i])
        size = min(len(self.groups[i]), size)
        chosen = random.choice(self.groups[i], size, replace=False)
        return chosen, self.lengths[i]


class WordMasking:
    """Masks words of sequences, as BERT does.

    Of the selected tokens, 80 % become `[MASK]`, 10 % become a random token,
    and 10 % are kept.

    Args:
        tokenizer: The tokenizer layer.
        share: float. The fraction of tokens that is selected. Defaults to
            `0.15`.
        teacher: Optional masked language model of this package or of
            KerasHub. It predicts the words of each batch, for a
            `MaskedLMTransfer` with a `label_weight` below one. Its logits are
            too large to be stored on disk.

    Example:

    ```python
    tokenizer = keras_squeeze.models.MobileBertTokenizer.from_preset(
        "mobile_bert_tiny_en_uncased"
    )
    masking = WordMasking(tokenizer)
    masked, positions, words = masking.mask(
        np.array([[101, 7592, 2088, 102]]), np.random.default_rng(0)
    )
    ```

    Reference:
     - [Devlin et al., 2018](https://arxiv.org/abs/1810.04805)
    """

    def __init__(self, tokenizer, share=0.15, teacher=None):
        validation.check_rate("share", share)
        self.mask_id = tokenizer.mask_token_id
        self.vocabulary_size = tokenizer.vocabulary_size()
        self.share = share
        self.teacher = teacher

    def add_to(self, x, y, random):
        """Mask words of a batch, and add them to the targets.

        Args:
            x: Dictionary of the inputs. It is changed in place.
            y: Dictionary of the targets. `"masked_words"` is added to it.
            random: A `numpy.random.Generator`.
        """
        x["token_ids"], x["mask_positions"], words = self.mask(
            x["token_ids"], random, x["padding_mask"].sum(axis=1)
        )
        y["masked_words"] = words
        if self.teacher is not None:
            inputs = {name: x[name] for name in self.teacher.input}
            logits = self.teacher.predict_on_batch(inputs)
            y["masked_words"] = {"words": words, "logits": np.asarray(logits)}

    def mask(self, token_ids, random, lengths=None):
        """Mask tokens, except at the first and the last position.

        Args:
            token_ids: int32 array of shape `(batch, length)`.
            random: A `numpy.random.Generator`.
            lengths: Optional int array of shape `(batch,)`. The number of
                tokens of each sequence without padding. Defaults to `None`,
                for no padding.

        Returns:
            A tuple of int32 arrays: the masked ids, of the same shape; the
            positions of the masks, of shape `(batch, count)`; and the original
            tokens, of the same shape. Shorter sequences have fewer masks, and
            -1 instead of further tokens.
        """
        batch, length = token_ids.shape
        if lengths is None:
            lengths = np.full(batch, length)
        counts = np.maximum(1, np.round(self.share * lengths))
        counts = np.minimum(counts, np.maximum(lengths - 2, 0))
        noise = random.random((batch, max(length - 2, 1)))
        is_inside = np.arange(noise.shape[1]) < lengths[:, None] - 2
        order = np.argsort(np.where(is_inside, noise, np.inf), axis=1)
        # The count only depends on the length, not on the sequences.
        order = order[:, : max(1, round(self.share * length))]
        sorting = np.argsort(order, axis=1)
        positions = np.take_along_axis(order, sorting, axis=1) + 1
        is_gap = sorting < counts[:, None]
        words = np.take_along_axis(token_ids, positions, axis=1)
        choice = random.random(words.shape)
        other = random.integers(self.vocabulary_size, size=words.shape)
        replaced = replace_tokens(
            words,
            is_gap & (choice < 0.8),
            self.mask_id,
            is_gap & (choice >= 0.9),
            other,
        ).astype("int32")
        masked = token_ids.copy()
        np.put_along_axis(masked, positions, replaced, axis=1)
        words = np.where(is_gap, words, -1)
        return masked, positions.astype("int32"), words.astype("int32")
