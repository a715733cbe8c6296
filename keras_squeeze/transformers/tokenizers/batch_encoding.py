"""What the tokenizers return."""

import collections
import typing
import warnings

import keras
import numpy as np

TENSOR_TYPES = ("np", "tf", "pt", "jax", "keras")


class CharSpan(typing.NamedTuple):
    """Characters of a text, from `start` up to `end`."""

    start: int
    end: int


class TokenSpan(typing.NamedTuple):
    """Tokens of an encoded text, from `start` up to `end`."""

    start: int
    end: int


class BatchEncoding(collections.UserDict):
    """The inputs of a model, by name, and where in the text they come from.

    It is a dictionary whose values are attributes, too. If a fast tokenizer
    made it, it also tells which words and characters belong to each token.
    All methods about those take the index of a text in the batch first, which
    may be left out if there is only one text.

    Args:
        data: Optional dictionary of lists, arrays or tensors.
        encoding: Optional `tokenizers.Encoding` or list of those, one a row.
        tensor_type: Optional string. What `convert_to_tensors()` takes.
        prepend_batch_axis: bool. Whether the values are those of one text,
            and become a batch of one with `tensor_type`. Defaults to `False`.
        n_sequences: Optional int. The number of texts that a row was made of.

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
        """Optional int. The number of texts that a row was made of."""
        return self._n_sequences

    @property
    def is_fast(self):
        """bool. Whether a fast tokenizer made this."""
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
            "The key must be a string or a slice; an integer finds the "
            "`tokenizers.Encoding` of a row if a fast tokenizer made this. "
            f"Received: {item!r}"
        )

    def __getattr__(self, name):
        # While an object is unpickled it has no data yet.
        data = self.__dict__.get("data", {})
        if name not in data:
            raise AttributeError(
                f"`{type(self).__name__}` has no attribute and no key "
                f"{name!r}. Its keys are {list(data)}."
            )
        return data[name]

    def tokens(self, batch_index=0):
        """The tokens of one row.

        Args:
            batch_index: int. The row. Defaults to `0`.

        Returns:
            A list of strings.

        Raises:
            ValueError: If a slow tokenizer made this.
        """
        return self._encoding("tokens", batch_index).tokens

    def sequence_ids(self, batch_index=0):
        """The number of the text that each token is of.

        Args:
            batch_index: int. The row. Defaults to `0`.

        Returns:
            A list of `0`, `1`, and `None` for special tokens.

        Raises:
            ValueError: If a slow tokenizer made this.
        """
        return self._encoding("sequence_ids", batch_index).sequence_ids

    def word_ids(self, batch_index=0):
        """The number of the word that each token is of.

        Args:
            batch_index: int. The row. Defaults to `0`.

        Returns:
            A list of integers, and of `None` for special tokens.

        Raises:
            ValueError: If a slow tokenizer made this.
        """
        return self._encoding("word_ids", batch_index).word_ids

    def words(self, batch_index=0):
        """The older name of `word_ids()`."""
        warnings.warn(
            "`words()` is now called `word_ids()`.", FutureWarning, stacklevel=2
        )
        return self.word_ids(batch_index)

    def token_to_sequence(self, batch_or_token_index, token_index=None):
        """The number of the text that a token is of.

        Args:
            batch_or_token_index: int. The row, or without `token_index` the
                token in the only row.
            token_index: Optional int. The token.

        Returns:
            `0`, `1`, or `None` for a special token.

        Raises:
            ValueError: If a slow tokenizer made this.
        """
        encoding, token_index = self._locate(
            "token_to_sequence", batch_or_token_index, token_index
        )
        return encoding.token_to_sequence(_from_start(token_index, encoding))

    def token_to_word(self, batch_or_token_index, token_index=None):
        """The number of the word that a token is of.

        Args:
            batch_or_token_index: int. The row, or without `token_index` the
                token in the only row.
            token_index: Optional int. The token.

        Returns:
            int, or `None` for a special token.

        Raises:
            ValueError: If a slow tokenizer made this.
        """
        encoding, token_index = self._locate(
            "token_to_word", batch_or_token_index, token_index
        )
        return encoding.token_to_word(_from_start(token_index, encoding))

    def word_to_tokens(
        self, batch_or_word_index, word_index=None, sequence_index=0
    ):
        """The tokens of a word.

        Args:
            batch_or_word_index: int. The row, or without `word_index` the
                word in the only row.
            word_index: Optional int. The word.
            sequence_index: int. The text of a pair. Defaults to `0`.

        Returns:
            A `TokenSpan`, or `None` if there is no such word.

        Raises:
            ValueError: If a slow tokenizer made this.
        """
        encoding, word_index = self._locate(
            "word_to_tokens", batch_or_word_index, word_index
        )
        span = encoding.word_to_tokens(
            _from_start(word_index, encoding), sequence_index
        )
        return None if span is None else TokenSpan(*span)

    def token_to_chars(self, batch_or_token_index, token_index=None):
        """The characters of a token in the original text.

        Args:
            batch_or_token_index: int. The row, or without `token_index` the
                token in the only row.
            token_index: Optional int. The token.

        Returns:
            A `CharSpan`, or `None` for a special token.

        Raises:
            ValueError: If a slow tokenizer made this.
        """
        encoding, token_index = self._locate(
            "token_to_chars", batch_or_token_index, token_index
        )
        span = encoding.token_to_chars(_from_start(token_index, encoding))
        return None if span is None else CharSpan(*span)

    def char_to_token(
        self, batch_or_char_index, char_index=None, sequence_index=0
    ):
        """The token of a character of the original text.

        Args:
            batch_or_char_index: int. The row, or without `char_index` the
                character of the only row.
            char_index: Optional int. The character.
            sequence_index: int. The text of a pair. Defaults to `0`.

        Returns:
            int, or `None` if the character is in no token, as spaces are.

        Raises:
            ValueError: If a slow tokenizer made this.
        """
        encoding, char_index = self._locate(
            "char_to_token", batch_or_char_index, char_index
        )
        return encoding.char_to_token(char_index, sequence_index)

    def word_to_chars(
        self, batch_or_word_index, word_index=None, sequence_index=0
    ):
        """The characters of a word in the original text.

        Args:
            batch_or_word_index: int. The row, or without `word_index` the
                word in the only row.
            word_index: Optional int. The word.
            sequence_index: int. The text of a pair. Defaults to `0`.

        Returns:
            A `CharSpan`, or `None` if there is no such word.

        Raises:
            ValueError: If a slow tokenizer made this.
        """
        encoding, word_index = self._locate(
            "word_to_chars", batch_or_word_index, word_index
        )
        span = encoding.word_to_chars(word_index, sequence_index)
        return None if span is None else CharSpan(*span)

    def char_to_word(
        self, batch_or_char_index, char_index=None, sequence_index=0
    ):
        """The word of a character of the original text.

        Args:
            batch_or_char_index: int. The row, or without `char_index` the
                character of the only row.
            char_index: Optional int. The character.
            sequence_index: int. The text of a pair. Defaults to `0`.

        Returns:
            int, or `None` if the character is in no word.

        Raises:
            ValueError: If a slow tokenizer made this.
        """
        encoding, char_index = self._locate(
            "char_to_word", batch_or_char_index, char_index
        )
        return encoding.char_to_word(char_index, sequence_index)

    def _encoding(self, method, batch_index):
        if not self._encodings:
            raise ValueError(
                f"`{method}()` is not available: only a fast tokenizer, such "
                "as `MobileBertTokenizerFast`, remembers where tokens come "
                "from."
            )
        return self._encodings[batch_index]

    def _locate(self, method, first_index, second_index):
        if second_index is None:
            return self._encoding(method, 0), first_index
        return self._encoding(method, first_index), second_index

    def convert_to_tensors(self, tensor_type=None, prepend_batch_axis=False):
        """Replace the values by tensors.

        Args:
            tensor_type: Optional string. `"np"` for NumPy's int64 arrays,
                `"tf"` for TensorFlow's int32 tensors, `"pt"` for PyTorch's
                int64 tensors, `"jax"` for JAX's arrays, `"keras"` for int32
                tensors of the current backend, or `None`, which changes
                nothing. Rows of different lengths become an array of arrays
                with `"np"` and an error otherwise.
            prepend_batch_axis: bool. Whether the values are those of one
                text, and become a batch of one. Defaults to `False`.

        Returns:
            This object.

        Raises:
            ValueError: If `tensor_type` is not one of these, or the values
                cannot be made a tensor.
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
                        "A fast tokenizer returns them as further rows, which "
                        "can be padded."
                    )
                else:
                    advice = (
                        "Use `padding=True` and `truncation=True` to have "
                        "rows of the same length."
                    )
                raise ValueError(
                    f"`{name}` cannot be made one tensor, for which "
                    f"`return_tensors={tensor_type!r}` asks. {advice}"
                ) from e
        return self

    def to(self, device, *, non_blocking=False):
        """Move PyTorch tensors to a device.

        Args:
            device: The device: a string, an integer or a `torch.device`.
            non_blocking: bool. Whether to return before it is done. Defaults
                to `False`.

        Returns:
            This object.
        """
        for name, value in self.data.items():
            if hasattr(value, "to"):
                self.data[name] = value.to(device, non_blocking=non_blocking)
        return self


def check_tensor_type(tensor_type):
    """Raise an error if there is no such type of tensors.

    Args:
        tensor_type: What was passed for `return_tensors`.
    """
    if tensor_type is not None and tensor_type not in TENSOR_TYPES:
        raise ValueError(
            f"`return_tensors` must be one of {TENSOR_TYPES}. Received: "
            f"return_tensors={tensor_type!r}"
        )


def tensor_type_of(value):
    """The name of the type of tensors that `value` is of.

    Args:
        value: Anything.

    Returns:
        One of `TENSOR_TYPES`, or `None` if it is no tensor.
    """
    names = {"numpy": "np", "tensorflow": "tf", "torch": "pt", "jaxlib": "jax"}
    package = type(value).__module__.partition(".")[0]
    return names.get(package) if hasattr(value, "shape") else None


def to_tensor(value, tensor_type):
    """Make lists of integers one tensor.

    Args:
        value: A list, of integers or lists.
        tensor_type: string. One of `TENSOR_TYPES`.

    Returns:
        A tensor.
    """
    if tensor_type == "np":
        return _to_array(value)
    # PyTorch reads a list of arrays one by one.
    array = np.asarray(value)
    is_integer = array.size == 0 or array.dtype.kind in "iu"
    if array.dtype == "float64" and not isinstance(value, np.ndarray):
        # As the frameworks read lists of numbers.
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
