"""The base class of the slow and fast tokenizers."""

import copy
import os
import warnings

from keras_squeeze.new_files import new_files
from keras_squeeze.new_files import write_file
from keras_squeeze.transformers.saving import PushToHubMixin
from keras_squeeze.transformers.saving import check_not_a_file
from keras_squeeze.transformers.tokenizers.files import ADDED_TOKENS_FILE
from keras_squeeze.transformers.tokenizers.files import CONFIG_FILE
from keras_squeeze.transformers.tokenizers.files import SPECIAL_TOKENS_MAP_FILE
from keras_squeeze.transformers.tokenizers.files import VOCABULARY_FILE
from keras_squeeze.transformers.tokenizers.files import read_arguments
from keras_squeeze.transformers.tokenizers.files import write_json
from keras_squeeze.transformers.tokenizers.sequences import NO_MAX_LENGTH
from keras_squeeze.transformers.tokenizers.sequences import SIDES
from keras_squeeze.transformers.tokenizers.sequences import SequenceBuilder
from keras_squeeze.transformers.tokenizers.sequences import to_lists
from keras_squeeze.transformers.tokenizers.special_tokens import tokens_to_json
from keras_squeeze.validation import check_choice


class PreTrainedTokenizerBase(SequenceBuilder, PushToHubMixin):
    """Base of the tokenizers.

    Subclasses hold the vocabulary. They implement `_encode_one()`,
    `_encode_many()`, `_decode()` and the methods of `SpecialTokens`.

    Args:
        model_max_length: Optional int. The maximum sequence length of the
            model. Defaults to `int(1e30)`, which means no limit.
        padding_side: string. `"right"` or `"left"`. Defaults to `"right"`.
        truncation_side: string. `"right"` or `"left"`. Defaults to `"right"`.
        model_input_names: Optional list of strings. The names of the model
            inputs. Defaults to `"input_ids"`, `"token_type_ids"` and
            `"attention_mask"`.
        clean_up_tokenization_spaces: bool. Whether decoding removes spaces
            before punctuation and contractions. Defaults to `False`.
        split_special_tokens: bool. Whether to split special tokens in the text
            like other text. Defaults to `False`.
        **kwargs: The special tokens by name, and other values that are saved
            with the tokenizer.

    Raises:
        ValueError: If a side is neither `"right"` nor `"left"`.
        AttributeError: If the name of a value is the name of a method.
    """

    vocab_files_names = {"vocab_file": VOCABULARY_FILE}
    model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    padding_side = "right"
    truncation_side = "right"
    slow_tokenizer_class = None
    is_fast = False

    def __init__(self, **kwargs):
        for name in kwargs:
            if callable(getattr(type(self), name, None)):
                raise AttributeError(
                    f"`{name}` is a method of `{type(self).__name__}` and "
                    "cannot be an argument."
                )
        self.init_inputs = ()
        self.init_kwargs = copy.deepcopy(kwargs)
        self.name_or_path = kwargs.pop("name_or_path", "")
        max_length = kwargs.pop("model_max_length", kwargs.pop("max_len", None))
        self.model_max_length = (
            NO_MAX_LENGTH if max_length is None else max_length
        )
        for name in ("padding_side", "truncation_side"):
            side = kwargs.pop(name, getattr(self, name))
            check_choice(name, side, SIDES)
            setattr(self, name, side)
        self.model_input_names = kwargs.pop(
            "model_input_names", self.model_input_names
        )
        self.clean_up_tokenization_spaces = kwargs.pop(
            "clean_up_tokenization_spaces", False
        )
        self.split_special_tokens = kwargs.pop("split_special_tokens", False)
        # The warnings already shown, by the same keys as in transformers.
        self.deprecation_warnings = {}
        self.verbose = kwargs.pop("verbose", False)
        super().__init__(
            **{
                name: value
                for name, value in kwargs.items()
                if name in self.SPECIAL_TOKENS_ATTRIBUTES
            }
        )

    @property
    def max_len_single_sentence(self):
        """int. The maximum length of a text, without the special tokens."""
        return self.model_max_length - self.num_special_tokens_to_add()

    @property
    def max_len_sentences_pair(self):
        """int. The maximum length of a pair, without the special tokens."""
        return self.model_max_length - self.num_special_tokens_to_add(True)

    @property
    def added_tokens_encoder(self):
        """Dictionary from added tokens to their ids."""
        return {
            token.content: id for id, token in self.added_tokens_decoder.items()
        }

    def get_added_vocab(self):
        """Return the dictionary from added tokens to their ids."""
        return self.added_tokens_encoder

    def __len__(self):
        return len(self.get_vocab())

    def __repr__(self):
        attributes = {
            "name_or_path": self.name_or_path,
            "vocab_size": self.vocab_size,
            "model_max_length": self.model_max_length,
            "is_fast": self.is_fast,
            "padding_side": self.padding_side,
            "truncation_side": self.truncation_side,
            "special_tokens": self.special_tokens_map,
            "clean_up_tokenization_spaces": self.clean_up_tokenization_spaces,
        }
        arguments = ", ".join(f"{k}={v!r}" for k, v in attributes.items())
        added = "".join(
            f"\t{id}: {token!r},\n"
            for id, token in self.added_tokens_decoder.items()
        )
        return (
            f"{type(self).__name__}({arguments}, "
            f"added_tokens_decoder={{\n{added}}})"
        )

    # Files.

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path, *init_inputs, **kwargs
    ):
        """Load a tokenizer.

        Args:
            pretrained_model_name_or_path: string or `os.PathLike`. A folder
                written by `save_pretrained()`, here or in transformers; a
                repository on the hub; the name of a built-in preset; or, for
                slow tokenizers, a vocabulary file.
            *init_inputs: Positional arguments of the constructor.
            **kwargs: Arguments of the constructor, which override the saved
                ones, and options that locate the files: `subfolder`,
                `revision`, `cache_dir`, `local_files_only`, `force_download`
                and `token`.

        Returns:
            A tokenizer of this class.

        Raises:
            OSError: If there is no vocabulary.

        Example:

        ```python
        tokenizer = keras_squeeze.SqueezeBertTokenizer.from_pretrained(
            "squeeze_bert_tiny_en_uncased", model_max_length=128
        )
        tokenizer.tokenize("Hello, world!")
        ```
        """
        init_inputs, kwargs = read_arguments(
            cls, pretrained_model_name_or_path, init_inputs, kwargs
        )
        return cls(*init_inputs, **kwargs)

    def save_pretrained(
        self,
        save_directory,
        legacy_format=None,
        filename_prefix=None,
        push_to_hub=False,
        **kwargs,
    ):
        """Write the files of the tokenizer. transformers can also read them.

        Args:
            save_directory: string or `os.PathLike`. The folder. It is created
                if it does not exist.
            legacy_format: Optional bool. For fast tokenizers: `True` leaves out
                `tokenizer.json`, and `False` leaves out the vocabulary file.
            filename_prefix: Optional string. A prefix for the file names,
                followed by a hyphen.
            push_to_hub: bool. Whether to also upload the files. Defaults to
                `False`.
            **kwargs: Arguments of `push_to_hub()`.

        Returns:
            A tuple of the paths of the files.

        Raises:
            AssertionError: If `save_directory` is a file.
            ValueError: If `legacy_format=False` for a slow tokenizer.
        """
        check_not_a_file(save_directory)
        if legacy_format is False and not self.is_fast:
            raise ValueError(
                "`legacy_format=False` leaves out the vocabulary file, which "
                "a slow tokenizer needs."
            )
        with new_files(save_directory) as folder:
            files = self._write_files(
                str(folder), legacy_format, filename_prefix
            )
        # The files have moved to their final folder.
        files = tuple(
            os.path.join(save_directory, os.path.relpath(file, folder))
            for file in files
        )
        if push_to_hub:
            self._push_saved(save_directory, **kwargs)
        return files

    def _write_files(self, folder, legacy_format, filename_prefix):
        """Write the files to a folder, and return a tuple of their paths."""

        def path(filename):
            return os.path.join(folder, _with_prefix(filename, filename_prefix))

        files = (path(CONFIG_FILE), path(SPECIAL_TOKENS_MAP_FILE))
        write_json(files[0], self._config())
        special_tokens = tokens_to_json(self.special_tokens_map_extended)
        for value in special_tokens.values():
            for token in value if isinstance(value, list) else [value]:
                if isinstance(token, dict):
                    del token["special"], token["__type"]
        write_json(files[1], special_tokens)
        if legacy_format is not False:
            added = {
                token: id
                for token, id in self.added_tokens_encoder.items()
                if id >= self.vocab_size
            }
            if added:
                write_json(path(ADDED_TOKENS_FILE), added)
            files += self.save_vocabulary(folder, filename_prefix)
            files += (path(ADDED_TOKENS_FILE),)
        if self.is_fast and legacy_format is not True:
            files += (self._save_backend(path),)
        return files

    def _config(self):
        """Build the contents of `tokenizer_config.json`."""
        names = {*self.init_kwargs, "model_max_length"}
        names.add("clean_up_tokenization_spaces")
        config = {
            name: getattr(self, name, self.init_kwargs.get(name))
            for name in names
            # Paths of source files are not valid for the saved files.
            if not name.endswith("_file")
            and name not in ("name_or_path", "device_map")
        }
        config.update(self.special_tokens_map)
        config.setdefault("extra_special_tokens", {})
        config = tokens_to_json(config)
        config["added_tokens_decoder"] = {
            str(id): token.__getstate__()
            for id, token in self.added_tokens_decoder.items()
        }
        # Slow and fast classes can both read it.
        config["tokenizer_class"] = type(self).__name__.removesuffix("Fast")
        return config

    def save_vocabulary(self, save_directory, filename_prefix=None):
        """Write the vocabulary file, without the added tokens.

        Args:
            save_directory: string or `os.PathLike`. An existing folder, or the
                path of the file.
            filename_prefix: Optional string. A prefix for the file name,
                followed by a hyphen.

        Returns:
            A tuple with the path of the file.
        """
        path = os.fspath(save_directory)
        if os.path.isdir(path):
            path = os.path.join(path, VOCABULARY_FILE)
        folder, filename = os.path.split(path)
        path = os.path.join(folder, _with_prefix(filename, filename_prefix))
        vocabulary = self._base_vocabulary()
        tokens = sorted(vocabulary, key=vocabulary.get)
        if tokens and vocabulary[tokens[-1]] != len(tokens) - 1:
            warnings.warn(
                f"The ids of the vocabulary have gaps, which `{path}` cannot "
                "represent. Is the vocabulary corrupted?",
                stacklevel=2,
            )
        write_file(path, "".join(f"{token}\n" for token in tokens))
        return (path,)

    # Ids.

    def convert_tokens_to_ids(self, tokens):
        """Convert tokens to ids. Unknown tokens get the id of `unk_token`.

        Args:
            tokens: A string, a list of strings, or `None`.

        Returns:
            An int, a list of ints, or `None`.
        """
        if tokens is None:
            return None
        if not isinstance(tokens, str):
            return list(map(self.convert_tokens_to_ids, tokens))
        id = self._id_of(tokens)
        if id is None and self.unk_token is not None:
            id = self._id_of(self.unk_token)
        return id

    def convert_ids_to_tokens(self, ids, skip_special_tokens=False):
        """Convert ids to tokens.

        Unknown ids become `None` in a fast tokenizer, and `unk_token` in a slow
        one.

        Args:
            ids: An int, or a list, an array or a tensor of ints.
            skip_special_tokens: bool. Whether to leave out special tokens in
                lists. Defaults to `False`.

        Returns:
            A string or a list of strings.
        """
        if isinstance(ids, int):
            return self._token_of(ids)
        skipped = set(self.all_special_ids) if skip_special_tokens else ()
        return [self._token_of(id) for id in map(int, ids) if id not in skipped]

    # Encoding.

    def __call__(
        self,
        text=None,
        text_pair=None,
        text_target=None,
        text_pair_target=None,
        add_special_tokens=True,
        padding=False,
        truncation=None,
        max_length=None,
        stride=0,
        is_split_into_words=False,
        pad_to_multiple_of=None,
        padding_side=None,
        return_tensors=None,
        return_token_type_ids=None,
        return_attention_mask=None,
        return_overflowing_tokens=False,
        return_special_tokens_mask=False,
        return_offsets_mapping=False,
        return_length=False,
        verbose=True,
        **kwargs,
    ):
        """Convert texts to model inputs.

        Args:
            text: A string, or a list of strings for a batch. A list item may
                also be a tuple of two texts. With `is_split_into_words`, a list
                of words, or a list of such lists for a batch.
            text_pair: Optional. The second texts, in the same format as `text`.
            text_target: Optional. Texts whose ids become the `labels`.
            text_pair_target: Optional. The second texts of `text_target`.
            add_special_tokens: bool. Whether to add `[CLS]` and `[SEP]`.
                Defaults to `True`.
            padding: `True` or `"longest"` to pad to the longest text of the
                batch, `"max_length"` to pad to `max_length`, or `False` or
                `"do_not_pad"` for no padding. Defaults to `False`.
            truncation: `True` or `"longest_first"` to remove tokens from the
                longer text, `"only_first"` or `"only_second"` to remove them
                from one text, or `False` or `"do_not_truncate"` for no
                truncation. Defaults to `"longest_first"`, with a warning, if
                there is a `max_length` and no `padding`, and to no truncation
                otherwise.
            max_length: Optional int. The maximum sequence length, including the
                special tokens. Defaults to `model_max_length`.
            stride: int. How many kept tokens are repeated with the removed
                tokens. Defaults to `0`.
            is_split_into_words: bool. Whether the texts are lists of words.
                Defaults to `False`.
            pad_to_multiple_of: Optional int. The padded length is rounded up to
                a multiple of it.
            padding_side: Optional string. `"right"` or `"left"`. Defaults to
                the tokenizer's value.
            return_tensors: Optional string. `"np"`, `"tf"`, `"pt"`, `"jax"` or
                `"keras"`. See `BatchEncoding.convert_to_tensors()`. Defaults to
                `None`, which returns lists.
            return_token_type_ids: Optional bool. Whether to return the token
                types. By default, they are returned if the model uses them.
            return_attention_mask: Optional bool. Whether to return the
                attention mask. By default, it is returned if the model uses it.
            return_overflowing_tokens: bool. Whether to return the removed
                tokens. A fast tokenizer returns them as additional rows, with
                the index of each row's text in `overflow_to_sample_mapping`. A
                slow tokenizer returns `overflowing_tokens` and
                `num_truncated_tokens`. Defaults to `False`.
            return_special_tokens_mask: bool. Whether to return a mask of the
                special tokens. Defaults to `False`.
            return_offsets_mapping: bool. Whether to return the start and end of
                each token in the text. Only for fast tokenizers. Defaults to
                `False`.
            return_length: bool. Whether to return the lengths. Defaults to
                `False`.
            verbose: bool. Whether to emit warnings. Defaults to `True`.
            **kwargs: `split_special_tokens`, whether to split special tokens in
                the texts like other text.

        Returns:
            A `BatchEncoding` of lists, or of tensors with one row per text.

        Raises:
            ValueError: If `text` is not text, or an option has an invalid
                value.
            NotImplementedError: If offsets are requested from a slow tokenizer.
        """
        if text is None and text_target is None:
            raise ValueError(
                "`text` or `text_target` must be text. Received: text=None, "
                "text_target=None"
            )
        kwargs.update(
            add_special_tokens=add_special_tokens,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            stride=stride,
            is_split_into_words=is_split_into_words,
            pad_to_multiple_of=pad_to_multiple_of,
            padding_side=padding_side,
            return_tensors=return_tensors,
            return_token_type_ids=return_token_type_ids,
            return_attention_mask=return_attention_mask,
            return_overflowing_tokens=return_overflowing_tokens,
            return_special_tokens_mask=return_special_tokens_mask,
            return_offsets_mapping=return_offsets_mapping,
            return_length=return_length,
            verbose=verbose,
        )
        if text_target is None:
            return self._encode("text", text, text_pair, kwargs)
        labels = self._encode(
            "text_target", text_target, text_pair_target, kwargs
        )
        if text is None:
            return labels
        encoding = self._encode("text", text, text_pair, kwargs)
        encoding["labels"] = labels["input_ids"]
        return encoding

    def _encode(self, name, text, pair, kwargs):
        """Encode a text or a batch. `name` is its name in errors."""
        _check_text(name, text)
        if pair is not None:
            _check_text(name.replace("text", "text_pair", 1), pair)
        is_list = isinstance(text, (list, tuple))
        if is_list and kwargs["is_split_into_words"]:
            is_list = len(text) > 0 and isinstance(text[0], (list, tuple))
        if not is_list:
            return self.encode_plus(text, pair, **kwargs)
        if pair is None:
            return self.batch_encode_plus(text, **kwargs)
        if isinstance(pair, str):
            raise TypeError(
                "`text_pair` must be a list with the length of `text` if that "
                f"is a batch. Received: text_pair={pair!r}"
            )
        if len(text) != len(pair):
            raise ValueError(
                "`text` and `text_pair` must have the same number of texts. "
                f"Received: {len(text)} and {len(pair)} texts"
            )
        return self.batch_encode_plus(
            list(zip(text, pair, strict=True)), **kwargs
        )

    def encode(
        self,
        text,
        text_pair=None,
        add_special_tokens=True,
        padding=False,
        truncation=None,
        max_length=None,
        stride=0,
        padding_side=None,
        return_tensors=None,
        **kwargs,
    ):
        """Convert a text or a pair to ids.

        Args:
            text: A string. For slow tokenizers, also a list of tokens or ids.
            text_pair: Optional. The second text.
            add_special_tokens: bool, as in `__call__()`.
            padding: bool or string, as in `__call__()`.
            truncation: bool or string, as in `__call__()`.
            max_length: Optional int, as in `__call__()`.
            stride: int, as in `__call__()`.
            padding_side: Optional string, as in `__call__()`.
            return_tensors: Optional string, as in `__call__()`.
            **kwargs: Other options of `__call__()`.

        Returns:
            A list of ints, or a tensor with one row.
        """
        return self.encode_plus(
            text,
            text_pair,
            add_special_tokens=add_special_tokens,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            stride=stride,
            padding_side=padding_side,
            return_tensors=return_tensors,
            **kwargs,
        )["input_ids"]

    def encode_plus(self, text, text_pair=None, *args, **kwargs):
        """Convert a text or a pair to model inputs.

        Args:
            text: A string. With `is_split_into_words`, a list of words. For
                slow tokenizers, also a list of tokens or ids.
            text_pair: Optional. The second text.
            *args: The options of `__call__()`, in their order.
            **kwargs: The options of `__call__()`.

        Returns:
            A `BatchEncoding`.
        """
        return self._encode_one(text, text_pair, self._resolve(*args, **kwargs))

    def batch_encode_plus(self, batch_text_or_text_pairs, *args, **kwargs):
        """Convert a batch of texts or pairs to model inputs.

        Args:
            batch_text_or_text_pairs: List of texts in any form that
                `encode_plus()` accepts, or of tuples of two such texts.
            *args: The options of `__call__()`, in their order.
            **kwargs: The options of `__call__()`.

        Returns:
            A `BatchEncoding`.

        Raises:
            TypeError: If `batch_text_or_text_pairs` is not a list.
            ValueError: If it is empty.
        """
        batch = batch_text_or_text_pairs
        if not isinstance(batch, (list, tuple)):
            raise TypeError(
                "`batch_text_or_text_pairs` must be a list or a tuple. "
                f"Received: {batch!r} of type {type(batch).__name__}"
            )
        if not batch:
            raise ValueError("A batch must have a text. Received: no texts")
        return self._encode_many(batch, self._resolve(*args, **kwargs))

    # Decoding.

    def decode(
        self,
        token_ids,
        skip_special_tokens=False,
        clean_up_tokenization_spaces=None,
        **kwargs,
    ):
        """Convert ids to a text.

        Args:
            token_ids: int, or list, array or tensor of ints.
            skip_special_tokens: bool. Whether to leave out special tokens.
                Defaults to `False`.
            clean_up_tokenization_spaces: Optional bool. Whether to remove
                spaces before punctuation and contractions. Defaults to the
                tokenizer's value. Fast tokenizers always remove them, as in
                transformers.
            **kwargs: For slow tokenizers, `spaces_between_special_tokens`,
                whether to put spaces around added tokens. Defaults to `True`.

        Returns:
            string.
        """
        token_ids = to_lists(token_ids)
        if isinstance(token_ids, int):
            token_ids = [token_ids]
        text = self._decode(token_ids, skip_special_tokens, **kwargs)
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        if clean_up_tokenization_spaces:
            text = self.clean_up_tokenization(text)
        return text

    def batch_decode(
        self,
        sequences,
        skip_special_tokens=False,
        clean_up_tokenization_spaces=None,
        **kwargs,
    ):
        """Convert rows of ids to texts.

        Args:
            sequences: List, array or tensor of rows of ints.
            skip_special_tokens: bool, as in `decode()`.
            clean_up_tokenization_spaces: Optional bool, as in `decode()`.
            **kwargs: As in `decode()`.

        Returns:
            A list of strings.
        """
        return [
            self.decode(
                row, skip_special_tokens, clean_up_tokenization_spaces, **kwargs
            )
            for row in sequences
        ]

    @staticmethod
    def clean_up_tokenization(out_string):
        """Remove the spaces before punctuation and English contractions.

        Args:
            out_string: string.

        Returns:
            string.
        """
        for ending in (".", "?", "!", ","):
            out_string = out_string.replace(f" {ending}", ending)
        out_string = out_string.replace(" ' ", "'")
        for ending in ("n't", "'m", "'s", "'ve", "'re"):
            out_string = out_string.replace(f" {ending}", ending)
        return out_string


def _check_text(name, text):
    """Raise an error if `text` is not valid input for a tokenizer."""
    part = text
    for _ in range(2):
        if isinstance(part, (list, tuple)):
            part = part[0] if part else ""
    if not isinstance(part, str):
        raise ValueError(
            f"`{name}` must be a string, a list of strings, or nested lists. "
            f"Received: {name}={text!r} of type {type(text).__name__}"
        )


def _with_prefix(filename, prefix):
    return f"{prefix}-{filename}" if prefix else filename
