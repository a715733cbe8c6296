"""The output of the tokenizers."""

import collections
import typing
import warnings

import keras
import numpy as np

from keras_squeeze.validation import check_choice

TENSOR_TYPES = ("np", "tf", "pt", "jax", "keras")


class CharSpan(typing.NamedTuple):
    """A span of characters in a text, from `start` to `end` (exclusive)."""

    start: int
    end: int


class TokenSpan(typing.NamedTuple):
    """A span of tokens in a row, from `start` to `end` (exclusive)."""

    start: int
    end: int


class BatchEncoding(collections.UserDict):
    """The inputs of a model by name, with the positions of the tokens.

    This is a dictionary whose values are also attributes. If it comes from a
    fast tokenizer, it also maps between tokens, words and characters. The
    methods for this take the row index first. It may be left out if there is
    only one row.

    Args:
        data: Optional dictionary of lists, arrays or tensors.
        encoding: Optional `tokenizers.Encoding`, or a list of one per row.
        tensor_type: Optional string. As in `convert_to_tensors()`.
        prepend_batch_axis: bool. Whether the values are for a single text and
            become a batch of one with `tensor_type`. Defaults to `False`.
        n_sequences: Optional int. The number of texts in a row.

    Example:

    ```python
    tokenizer = keras_squeeze.MobileBertTokenizerFast.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    encoding = tokenizer("Naïve tokenizers", return_tensors="np")
    encoding.input_ids
    encoding.word_ids()
    ```
    """

    def __init__(
        self,
        data=None,
        encoding=None,
        tensor_type=None,
        prepend_batch_axis=False,
        n_sequences=None,
    ):
        super().__init__(data)
        if encoding is not None and not isinstance(encoding, (list, tuple)):
            encoding = [encoding]
        if n_sequences is None and encoding:
            n_sequences = encoding[0].n_sequences
        self._encodings = encoding
        self._n_sequences = n_sequences
        self.convert_to_tensors(tensor_type, prepend_batch_axis)

    @property
    def n_sequences(self):
        """Optional int. The number of texts in a row."""
        return self._n_sequences

    @property
    def is_fast(self):
        """bool. Whether this comes from a fast tokenizer."""
        return self._encodings is not None

    @property
    def encodings(self):
        """Optional list of the `tokenizers.Encoding` of each row."""
        return self._encodings

    def __getitem__(self, item):
        if isinstance(item, str):
            return self.data[item]
        if self._encodings is not None:
            return self._encodings[item]
        if isinstance(item, slice):
            return {name: value[item] for name, value in self.data.items()}
        raise KeyError(
            "The key must be a string or a slice. An integer, for the "
            "`tokenizers.Encoding` of a row, needs a fast tokenizer. "
            f"Received: {item!r}"
        )

    def __getattr__(self, name):
        # During unpickling there is no data yet.
        data = self.__dict__.get("data", {})
        if name not in data:
            raise AttributeError(
                f"`{type(self).__name__}` has no attribute or key {name!r}. "
                f"Its keys are {list(data)}."
            )
        return data[name]

    def tokens(self, batch_index=0):
        """Return the tokens of a row.

        Args:
            batch_index: int. The index of the row. Defaults to `0`.

        Returns:
            A list of strings.

        Raises:
            ValueError: If this comes from a slow tokenizer.
        """
        return self._encoding("tokens", batch_index).tokens

    def sequence_ids(self, batch_index=0):
        """Return the index of the text that each token belongs to.

        Args:
            batch_index: int. The index of the row. Defaults to `0`.

        Returns:
            A list of `0` and `1`, with `None` for special tokens.

        Raises:
            ValueError: If this comes from a slow tokenizer.
        """
        return self._encoding("sequence_ids", batch_index).sequence_ids

    def word_ids(self, batch_index=0):
        """Return the index of the word that each token belongs to.

        Args:
            batch_index: int. The index of the row. Defaults to `0`.

        Returns:
            A list of integers, with `None` for special tokens.

        Raises:
            ValueError: If this comes from a slow tokenizer.
        """
        return self._encoding("word_ids", batch_index).word_ids

    def words(self, batch_index=0):
        """The older name of `word_ids()`."""
        warnings.warn(
            "`words()` is now called `word_ids()`.", FutureWarning, stacklevel=2
        )
        return self.word_ids(batch_index)

    def token_to_sequence(self, batch_or_token_index, token_index=None):
        """Find the text that a token belongs to.

        Args:
            batch_or_token_index: int. The row index. Without `token_index`, the
                token index in the only row.
            token_index: Optional int. The token index.

        Returns:
            `0`, `1`, or `None` for a special token.

        Raises:
            ValueError: If this comes from a slow tokenizer.
        """
        encoding, token_index = self._locate(
            "token_to_sequence", batch_or_token_index, token_index
        )
        return encoding.token_to_sequence(_from_start(token_index, encoding))

    def token_to_word(self, batch_or_token_index, token_index=None):
        """Find the word that a token belongs to.

        Args:
            batch_or_token_index: int. The row index. Without `token_index`, the
                token index in the only row.
            token_index: Optional int. The token index.

        Returns:
            int, or `None` for a special token.

        Raises:
            ValueError: If this comes from a slow tokenizer.
        """
        encoding, token_index = self._locate(
            "token_to_word", batch_or_token_index, token_index
        )
        return encoding.token_to_word(_from_start(token_index, encoding))

    def word_to_tokens(
        self, batch_or_word_index, word_index=None, sequence_index=0
    ):
        """Find the tokens of a word.

        Args:
            batch_or_word_index: int. The row index. Without `word_index`, the
                word index in the only row.
            word_index: Optional int. The word index.
            sequence_index: int. The text of a pair. Defaults to `0`.

        Returns:
            A `TokenSpan`, or `None` if there is no such word.

        Raises:
            ValueError: If this comes from a slow tokenizer.
        """
        encoding, word_index = self._locate(
            "word_to_tokens", batch_or_word_index, word_index
        )
        span = encoding.word_to_tokens(
            _from_start(word_index, encoding), sequence_index
        )
        return None if span is None else TokenSpan(*span)

    def token_to_chars(self, batch_or_token_index, token_index=None):
        """Find the characters of a token in the original text.

        Args:
            batch_or_token_index: int. The row index. Without `token_index`, the
                token index in the only row.
            token_index: Optional int. The token index.

        Returns:
            A `CharSpan`, or `None` for a special token.

        Raises:
            ValueError: If this comes from a slow tokenizer.
        """
        encoding, token_index = self._locate(
            "token_to_chars", batch_or_token_index, token_index
        )
        span = encoding.token_to_chars(_from_start(token_index, encoding))
        return None if span is None else CharSpan(*span)

    def char_to_token(
        self, batch_or_char_index, char_index=None, sequence_index=0
    ):
        """Find the token of a character in the original text.

        Args:
            batch_or_char_index: int. The row index. Without `char_index`, the
                character index in the only row.
            char_index: Optional int. The character index.
            sequence_index: int. The text of a pair. Defaults to `0`.

        Returns:
            int, or `None` if no token has the character, such as a space.

        Raises:
            ValueError: If this comes from a slow tokenizer.
        """
        encoding, char_index = self._locate(
            "char_to_token", batch_or_char_index, char_index
        )
        return encoding.char_to_token(char_index, sequence_index)

    def word_to_chars(
        self, batch_or_word_index, word_index=None, sequence_index=0
    ):
        """Find the characters of a word in the original text.

        Args:
            batch_or_word_index: int. The row index. Without `word_index`, the
                word index in the only row.
            word_index: Optional int. The word index.
            sequence_index: int. The text of a pair. Defaults to `0`.

        Returns:
            A `CharSpan`, or `None` if there is no such word.

        Raises:
            ValueError: If this comes from a slow tokenizer.
        """
        encoding, word_index = self._locate(
            "word_to_chars", batch_or_word_index, word_index
        )
        span = encoding.word_to_chars(word_index, sequence_index)
        return None if span is None else CharSpan(*span)

    def char_to_word(
        self, batch_or_char_index, char_index=None, sequence_index=0
    ):
        """Find the word of a character in the original text.

        Args:
            batch_or_char_index: int. The row index. Without `char_index`, the
                character index in the only row.
            char_index: Optional int. The character index.
            sequence_index: int. The text of a pair. Defaults to `0`.

        Returns:
            int, or `None` if no word has the character.

        Raises:
            ValueError: If this comes from a slow tokenizer.
        """
        encoding, char_index = self._locate(
            "char_to_word", batch_or_char_index, char_index
        )
        return encoding.char_to_word(char_index, sequence_index)

    def _encoding(self, method, batch_index):
        if not self._encodings:
            raise ValueError(
                f"`{method}()` is not available: only a fast tokenizer, such "
                "as `MobileBertTokenizerFast`, tracks the positions of "
                "tokens."
            )
        return self._encodings[batch_index]

    def _locate(self, method, first_index, second_index):
        if second_index is None:
            return self._encoding(method, 0), first_index
        return self._encoding(method, first_index), second_index

    def convert_to_tensors(self, tensor_type=None, prepend_batch_axis=False):
        """Convert the values to tensors, in place.

        Args:
            tensor_type: Optional string. `"np"` for int64 arrays of NumPy,
                `"tf"` for int32 tensors of TensorFlow, `"pt"` for int64 tensors
                of PyTorch, `"jax"` for arrays of JAX, `"keras"` for int32
                tensors of the current backend, or `None` to leave the values
                unchanged. Rows of different lengths become an array of arrays
                with `"np"`, and raise an error otherwise.
            prepend_batch_axis: bool. Whether the values are for a single text
                and become a batch of one. Defaults to `False`.

        Returns:
            This object.

        Raises:
            ValueError: If `tensor_type` is not one of these, or the values
                cannot be converted to a tensor.
        """
        if tensor_type is None:
            return self
        for name, value in self.data.items():
            if prepend_batch_axis:
                value = [value]
            if tensor_type_of(value) == tensor_type:
                continue
            try:
                self.data[name] = to_tensor(value, tensor_type)
            except (TypeError, RuntimeError, ValueError) as e:
                check_tensor_type(tensor_type)
                if name == "overflowing_tokens":
                    advice = (
                        "A fast tokenizer returns them as additional rows, "
                        "which can be padded."
                    )
                else:
                    advice = (
                        "Use `padding=True` and `truncation=True` to get rows "
                        "of the same length."
                    )
                raise ValueError(
                    f"`{name}` cannot be converted to a tensor. {advice} "
                    f"Received: return_tensors={tensor_type!r}"
                ) from e
        return self

    def to(self, device, *, non_blocking=False):
        """Move PyTorch tensors to a device.

        Args:
            device: The device: a string, an integer or a `torch.device`.
            non_blocking: bool. Whether to return before the transfer is done.
                Defaults to `False`.

        Returns:
            This object.
        """
        for name, value in self.data.items():
            if hasattr(value, "to"):
                self.data[name] = value.to(device, non_blocking=non_blocking)
        return self


def check_tensor_type(tensor_type):
    """Raise an error if a tensor type is not supported.

    Args:
        tensor_type: The value of `return_tensors`.
    """
    if tensor_type is not None:
        check_choice("return_tensors", tensor_type, TENSOR_TYPES)


def tensor_type_of(value):
    """Find the tensor type of a value.

    Args:
        value: Anything.

    Returns:
        One of `TENSOR_TYPES`, or `None` if it is not a tensor.
    """
    names = {"numpy": "np", "tensorflow": "tf", "torch": "pt", "jaxlib": "jax"}
    package = type(value).__module__.partition(".")[0]
    return names.get(package) if hasattr(value, "shape") else None


def to_tensor(value, tensor_type):
    """Convert lists of integers to a tensor.

    Args:
        value: A list of integers or of lists.
        tensor_type: string. One of `TENSOR_TYPES`.

    Returns:
        A tensor.
    """
    if tensor_type == "np":
        return _to_array(value)
    # PyTorch is slow at reading a list of arrays.
    array = np.asarray(value)
    is_integer = array.size == 0 or array.dtype.kind in "iu"
    if array.dtype == "float64" and not isinstance(value, np.ndarray):
        # The frameworks also read lists of floats as float32.
        array = array.astype("float32")
    if tensor_type == "pt":
        import torch

        return torch.tensor(array.astype("int64") if is_integer else array)
    if is_integer:
        array = array.astype("int32")
    if tensor_type == "tf":
        import tensorflow as tf

        return tf.constant(array)
    if tensor_type == "jax":
        import jax.numpy as jnp

        return jnp.asarray(array)
    check_tensor_type(tensor_type)
    return keras.ops.convert_to_tensor(array)


def _to_array(value):
    is_nested = isinstance(value, (list, tuple)) and all(
        isinstance(row, (list, tuple, np.ndarray)) for row in value
    )
    if is_nested and len(set(map(len, value))) > 1:
        rows = np.empty(len(value), "object")
        rows[:] = [np.asarray(row) for row in value]
        return rows
    array = np.asarray(value)
    return array if array.size else array.astype("int64")


def _from_start(index, encoding):
    return index + len(encoding) if index < 0 else index
