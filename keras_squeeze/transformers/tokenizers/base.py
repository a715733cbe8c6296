"""What slow and fast tokenizers have in common."""

import copy
import os
import warnings

from keras_squeeze.new_files import new_files
from keras_squeeze.new_files import write_file
from keras_squeeze.transformers.models.configs import check_not_a_file
from keras_squeeze.transformers.repository import upload
from keras_squeeze.transformers.tokenizers.files import ADDED_TOKENS_FILE
from keras_squeeze.transformers.tokenizers.files import CONFIG_FILE
from keras_squeeze.transformers.tokenizers.files import SPECIAL_TOKENS_MAP_FILE
from keras_squeeze.transformers.tokenizers.files import VOCABULARY_FILE
from keras_squeeze.transformers.tokenizers.files import read_arguments
from keras_squeeze.transformers.tokenizers.files import write_json
from keras_squeeze.transformers.tokenizers.sequences import NO_MAX_LENGTH
from keras_squeeze.transformers.tokenizers.sequences import SIDES
from keras_squeeze.transformers.tokenizers.sequences import SequenceBuilder
from keras_squeeze.transformers.tokenizers.sequences import check_choice
from keras_squeeze.transformers.tokenizers.sequences import to_lists
from keras_squeeze.transformers.tokenizers.special_tokens import tokens_to_json


class PreTrainedTokenizerBase(SequenceBuilder):
    """What the tokenizers have in common.

    Subclasses have the vocabulary. They implement `_encode_one()`,
    `_encode_many()`, `_decode()` and the methods of `SpecialTokens`.

    Args:
        model_max_length: Optional int. The longest sequence of the model.
            Defaults to `int(1e30)`, for none.
        padding_side: string. `"right"`, the default, or `"left"`.
        truncation_side: string. `"right"`, the default, or `"left"`.
        model_input_names: Optional list of strings. The inputs that the model
            takes. Defaults to `"input_ids"`, `"token_type_ids"` and
            `"attention_mask"`.
        clean_up_tokenization_spaces: bool. Whether decoding removes spaces
            before punctuation and contractions. Defaults to `False`.
        split_special_tokens: bool. Whether special tokens in the text are
            split like other text. Defaults to `False`.
        **kwargs: The special tokens, by name, and further values, which are
            saved with the tokenizer.

    Raises:
        ValueError: If a side is not one of these.
        AttributeError: If the name of a value is that of a method.
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
                    f"`{name}` is a method of `{type(self).__name__}`, and "
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
        # What has been warned of; transformers has the same keys.
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
        """int. The longest text, in tokens, besides the special tokens."""
        return self.model_max_length - self.num_special_tokens_to_add()

    @property
    def max_len_sentences_pair(self):
        """int. The longest pair of texts, besides the special tokens."""
        return self.model_max_length - self.num_special_tokens_to_add(True)

    @property
    def added_tokens_encoder(self):
        """Dictionary from the added tokens to their ids."""
        return {
            token.content: id for id, token in self.added_tokens_decoder.items()
        }

    def get_added_vocab(self):
        """Returns the dictionary from the added tokens to their ids."""
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
        """Read a tokenizer.

        Args:
            pretrained_model_name_or_path: string or `os.PathLike`. A folder
                that `save_pretrained()` wrote, here or in transformers; a
                repository on the hub; the name of a built-in preset; or, for
                slow tokenizers, a vocabulary file.
            *init_inputs: Positional arguments of the constructor.
            **kwargs: Arguments of the constructor, which replace those that
                were saved, and the arguments that say where files are:
                `subfolder`, `revision`, `cache_dir`, `local_files_only`,
                `force_download` and `token`.

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
        """Write the files of the tokenizer, which transformers reads, too.

        Args:
            save_directory: string or `os.PathLike`. The folder, which is made
                if there is none.
            legacy_format: Optional bool. For fast tokenizers: `True` leaves
                out `tokenizer.json`, and `False` the vocabulary file.
            filename_prefix: Optional string. What the names of the files
                start with, before a hyphen.
            push_to_hub: bool. Whether to upload it, too. Defaults to `False`.
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
                "`legacy_format=False` leaves out the vocabulary file, without "
                "which a slow tokenizer cannot be read."
            )
        with new_files(save_directory) as folder:
            files = self._write_files(
                str(folder), legacy_format, filename_prefix
            )
        # Where they are by now.
        files = tuple(
            os.path.join(save_directory, os.path.relpath(file, folder))
            for file in files
        )
        if push_to_hub:
            name = os.path.basename(os.path.abspath(save_directory))
            self.push_to_hub(kwargs.pop("repo_id", name), **kwargs)
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
        """What `tokenizer_config.json` holds."""
        names = {*self.init_kwargs, "model_max_length"}
        names.add("clean_up_tokenization_spaces")
        config = {
            name: getattr(self, name, self.init_kwargs.get(name))
            for name in names
            # Where files were found is not where they will be.
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
        # Either class can read it.
        config["tokenizer_class"] = type(self).__name__.removesuffix("Fast")
        return config

    def save_vocabulary(self, save_directory, filename_prefix=None):
        """Write the vocabulary file, without the added tokens.

        Args:
            save_directory: string or `os.PathLike`. A folder that exists, or
                else the path of the file.
            filename_prefix: Optional string. What the name of the file starts
                with, before a hyphen.

        Returns:
            A tuple of the path of the file.
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
                f"The ids of the vocabulary in `{path}` have gaps, which a "
                "file cannot tell. Is the vocabulary corrupted?",
                stacklevel=2,
            )
        write_file(path, "".join(f"{token}\n" for token in tokens))
        return (path,)

    def push_to_hub(self, repo_id, **kwargs):
        """Upload the files of the tokenizer to the Hugging Face hub.

        Args:
            repo_id: string. The repository, which is made if there is none.
            **kwargs: `commit_message`, `private`, `token`, `revision` and
                `create_pr`, as transformers takes them.

        Returns:
            What `huggingface_hub.upload_folder` returns.
        """
        return upload(self, repo_id, **kwargs)

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
        """Make the inputs of a model from texts.

        Args:
            text: A string, or a list of strings for a batch; a pair may also
                be a tuple in the list. With `is_split_into_words`, a list of
                words, or a list of those for a batch.
            text_pair: Optional, the second texts, like `text`.
            text_target: Optional, texts whose ids become the `labels`.
            text_pair_target: Optional, the second texts of `text_target`.
            add_special_tokens: bool. Whether to put `[CLS]` and `[SEP]`
                around the texts. Defaults to `True`.
            padding: `True` or `"longest"` to pad to the longest text of the
                batch, `"max_length"` to pad to `max_length`, and `False` or
                `"do_not_pad"`, the default, not to.
            truncation: `True` or `"longest_first"`, `"only_first"` or
                `"only_second"` to remove tokens, from the longer or from
                one text, and `False` or `"do_not_truncate"` not to. Defaults
                to `"longest_first"` if there is a `max_length` and no
                `padding`, with a warning, and to none otherwise.
            max_length: Optional int. The longest sequence, with the special
                tokens. Defaults to `model_max_length`.
            stride: int. How many tokens the removed ones overlap with those
                that stay. Defaults to `0`.
            is_split_into_words: bool. Whether texts are lists of words.
                Defaults to `False`.
            pad_to_multiple_of: Optional int. What the padded length is a
                multiple of.
            padding_side: Optional string. `"right"` or `"left"`. Defaults to
                that of the tokenizer.
            return_tensors: Optional string. `"np"`, `"tf"`, `"pt"`, `"jax"`
                or `"keras"`, see `BatchEncoding.convert_to_tensors()`.
                Defaults to lists.
            return_token_type_ids: Optional bool. Whether to return the token
                types. Defaults to whether the model takes them.
            return_attention_mask: Optional bool. Whether to return the
                attention mask. Defaults to whether the model takes it.
            return_overflowing_tokens: bool. Whether to return the removed
                tokens. A fast tokenizer returns them as further rows, and in
                `overflow_to_sample_mapping` which text each row is of. A slow
                one returns `overflowing_tokens` and `num_truncated_tokens`.
                Defaults to `False`.
            return_special_tokens_mask: bool. Whether to return which tokens
                are special. Defaults to `False`.
            return_offsets_mapping: bool. Whether to return which characters
                of the text each token is of. Fast tokenizers only. Defaults
                to `False`.
            return_length: bool. Whether to return the lengths. Defaults to
                `False`.
            verbose: bool. Whether to warn. Defaults to `True`.
            **kwargs: `split_special_tokens`, whether to split special tokens
                in the texts like other text.

        Returns:
            A `BatchEncoding` of lists, or of tensors with a row for each
            text.

        Raises:
            ValueError: If `text` is not text, or an option has no such value.
            NotImplementedError: If a slow tokenizer is asked for offsets.
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
        """Encode one text or a batch; `name` is what errors call it."""
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
                "`text_pair` must be a list as long as `text` if that is a "
                f"batch. Received: text_pair={pair!r}"
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
        """The ids of one text or of one pair.

        Args:
            text: A string; for slow tokenizers also a list of tokens or ids.
            text_pair: Optional, the second text.
            add_special_tokens: bool, as in calling the tokenizer.
            padding: bool or string, as in calling the tokenizer.
            truncation: bool or string, as in calling the tokenizer.
            max_length: Optional int, as in calling the tokenizer.
            stride: int, as in calling the tokenizer.
            padding_side: Optional string, as in calling the tokenizer.
            return_tensors: Optional string, as in calling the tokenizer.
            **kwargs: Further options of calling the tokenizer.

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
        """Make the inputs of a model from one text or one pair.

        Args:
            text: A string; with `is_split_into_words` a list of words; for
                slow tokenizers also a list of tokens or of ids.
            text_pair: Optional, the second text.
            *args: The options of calling the tokenizer, in their order.
            **kwargs: The options of calling the tokenizer.

        Returns:
            A `BatchEncoding`.
        """
        return self._encode_one(text, text_pair, self._resolve(*args, **kwargs))

    def batch_encode_plus(self, batch_text_or_text_pairs, *args, **kwargs):
        """Make the inputs of a model from a batch of texts or of pairs.

        Args:
            batch_text_or_text_pairs: List of what `encode_plus()` takes, and
                of tuples of two for pairs.
            *args: The options of calling the tokenizer, in their order.
            **kwargs: The options of calling the tokenizer.

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
            raise ValueError("A batch must have a text. Received: an empty one")
        return self._encode_many(batch, self._resolve(*args, **kwargs))

    # Decoding.

    def decode(
        self,
        token_ids,
        skip_special_tokens=False,
        clean_up_tokenization_spaces=None,
        **kwargs,
    ):
        """Make a text from ids.

        Args:
            token_ids: int, or list, array or tensor of ints.
            skip_special_tokens: bool. Whether to leave out special tokens.
                Defaults to `False`.
            clean_up_tokenization_spaces: Optional bool. Whether to remove the
                spaces before punctuation and contractions. Defaults to what
                the tokenizer was made with. Fast tokenizers remove them in
                any case, as those of transformers do.
            **kwargs: For slow tokenizers, `spaces_between_special_tokens`:
                whether added tokens have spaces around. Defaults to `True`.

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
        """Make texts from rows of ids.

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
    """Raise an error if `text` is not what one can call a tokenizer on."""
    part = text
    for _ in range(2):
        if isinstance(part, (list, tuple)):
            part = part[0] if part else ""
    if not isinstance(part, str):
        raise ValueError(
            f"`{name}` must be a string, a list of strings, or lists of those. "
            f"Received: {name}={text!r} of type {type(text).__name__}"
        )


def _with_prefix(filename, prefix):
    return f"{prefix}-{filename}" if prefix else filename
