"""What slow and fast tokenizers have in common."""

import copy
import dataclasses
import os
import warnings
from collections.abc import Mapping

from keras_squeeze.transformers.batch_encoding import BatchEncoding
from keras_squeeze.transformers.batch_encoding import check_tensor_type
from keras_squeeze.transformers.batch_encoding import tensor_type_of
from keras_squeeze.transformers.configs import check_not_a_file
from keras_squeeze.transformers.repository import upload
from keras_squeeze.transformers.special_tokens import SpecialTokens
from keras_squeeze.transformers.special_tokens import tokens_to_json
from keras_squeeze.transformers.tokenizer_files import ADDED_TOKENS_FILE
from keras_squeeze.transformers.tokenizer_files import CONFIG_FILE
from keras_squeeze.transformers.tokenizer_files import SPECIAL_TOKENS_MAP_FILE
from keras_squeeze.transformers.tokenizer_files import VOCABULARY_FILE
from keras_squeeze.transformers.tokenizer_files import read_arguments
from keras_squeeze.transformers.tokenizer_files import write_json
from keras_squeeze.transformers.tokenizer_files import write_text

# The `model_max_length` of a tokenizer that knows of none, and from where on
# a length counts as none.
NO_MAX_LENGTH = int(1e30)
_LARGE_LENGTH = int(1e20)

_SIDES = ("right", "left")
_PADDING = ("longest", "max_length", "do_not_pad")
_TRUNCATION = ("longest_first", "only_first", "only_second", "do_not_truncate")


@dataclasses.dataclass(frozen=True)
class EncodingOptions:
    """The options of encoding a text.

    See `PreTrainedTokenizerBase.__call__()` for what they mean. In the order
    in which `encode_plus()` and `batch_encode_plus()` take them.
    """

    add_special_tokens: bool = True
    padding: bool | str = False
    truncation: bool | str | None = None
    max_length: int | None = None
    stride: int = 0
    is_split_into_words: bool = False
    pad_to_multiple_of: int | None = None
    padding_side: str | None = None
    return_tensors: str | None = None
    return_token_type_ids: bool | None = None
    return_attention_mask: bool | None = None
    return_overflowing_tokens: bool = False
    return_special_tokens_mask: bool = False
    return_offsets_mapping: bool = False
    return_length: bool = False
    verbose: bool = True
    split_special_tokens: bool | None = None
    prepend_batch_axis: bool = False


class PreTrainedTokenizerBase(SpecialTokens):
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
            _check_choice(name, side, _SIDES)
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
        folder = os.fspath(save_directory)
        os.makedirs(folder, exist_ok=True)

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
        if push_to_hub:
            name = os.path.basename(os.path.abspath(folder))
            self.push_to_hub(kwargs.pop("repo_id", name), **kwargs)
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
        write_text(path, "".join(f"{token}\n" for token in tokens))
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

    # Sequences of ids.

    def num_special_tokens_to_add(self, pair=False):
        """The number of special tokens around a text.

        Args:
            pair: bool. Whether it is a pair of texts. Defaults to `False`.

        Returns:
            int.
        """
        return 3 if pair else 2

    def build_inputs_with_special_tokens(self, token_ids_0, token_ids_1=None):
        """Put special tokens around the ids of a text or of a pair.

        A text becomes `[CLS] A [SEP]`, a pair `[CLS] A [SEP] B [SEP]`.

        Args:
            token_ids_0: List of ints. The ids of the first text.
            token_ids_1: Optional list of ints. The ids of the second text.

        Returns:
            A list of ints.
        """
        ids = [self.cls_token_id, *token_ids_0, self.sep_token_id]
        if token_ids_1 is not None:
            ids += [*token_ids_1, self.sep_token_id]
        return ids

    def create_token_type_ids_from_sequences(
        self, token_ids_0, token_ids_1=None
    ):
        """The token types of a text or of a pair, with special tokens.

        Args:
            token_ids_0: List of ints. The ids of the first text.
            token_ids_1: Optional list of ints. The ids of the second text.

        Returns:
            A list of ints: `0` up to the first `[SEP]`, and `1` after it.
        """
        token_type_ids = [0] * (len(token_ids_0) + 2)
        if token_ids_1 is not None:
            token_type_ids += [1] * (len(token_ids_1) + 1)
        return token_type_ids

    def get_special_tokens_mask(
        self, token_ids_0, token_ids_1=None, already_has_special_tokens=False
    ):
        """Tell special tokens from those of the text.

        Args:
            token_ids_0: List of ints. The ids of the first text.
            token_ids_1: Optional list of ints. The ids of the second text.
            already_has_special_tokens: bool. Whether `token_ids_0` is a whole
                sequence, with its special tokens. Defaults to `False`.

        Returns:
            A list of ints: `1` for special tokens and `0` for others, as long
            as the sequence with special tokens is.

        Raises:
            ValueError: If both sequences were passed although the first has
                special tokens.
        """
        if not already_has_special_tokens:
            mask = [1, *[0] * len(token_ids_0), 1]
            if token_ids_1 is not None:
                mask += [*[0] * len(token_ids_1), 1]
            return mask
        if token_ids_1 is not None:
            raise ValueError(
                "`token_ids_1` must be `None` if `token_ids_0` is a whole "
                "sequence, as `already_has_special_tokens=True` says. "
                f"Received: token_ids_1={token_ids_1}"
            )
        special_ids = set(self.all_special_ids)
        return [int(id in special_ids) for id in token_ids_0]

    def truncate_sequences(
        self,
        ids,
        pair_ids=None,
        num_tokens_to_remove=0,
        truncation_strategy="longest_first",
        stride=0,
    ):
        """Remove tokens from a text or a pair, on the `truncation_side`.

        Where that many cannot be removed, it warns and removes none.

        Args:
            ids: List of ints. The ids of the first text.
            pair_ids: Optional list of ints. The ids of the second text.
            num_tokens_to_remove: int. How many to remove. Defaults to `0`.
            truncation_strategy: string. `"longest_first"`, the default, which
                takes them from the longer text until both are equally long,
                and then from both; `"only_first"`; `"only_second"`; or
                `"do_not_truncate"`.
            stride: int. How many tokens that stay are returned with those
                that were removed. Defaults to `0`.

        Returns:
            A tuple of both lists of ids, and of the list of removed ids, which
            is empty where they come from two texts.
        """
        _check_choice("truncation_strategy", truncation_strategy, _TRUNCATION)
        num_removed = num_tokens_to_remove
        if num_removed <= 0 or truncation_strategy == "do_not_truncate":
            return ids, pair_ids, []
        if truncation_strategy == "longest_first" and pair_ids is not None:
            # The longer one first gives up what it has more, and they share
            # the rest, of which the second one bears the odd token.
            surplus = min(abs(len(ids) - len(pair_ids)), num_removed)
            from_first = (num_removed - surplus) // 2
            if len(ids) > len(pair_ids):
                from_first += surplus
            return (
                self._cut(ids, from_first)[0],
                self._cut(pair_ids, num_removed - from_first)[0],
                [],
            )
        is_second = truncation_strategy == "only_second"
        cut = pair_ids if is_second else ids
        if cut is None:
            return ids, pair_ids, []
        if len(cut) <= num_removed:
            warnings.warn(
                f"Nothing is truncated: {num_removed} tokens would have to go "
                f"from the {'second' if is_second else 'first'} text, which "
                f"has {len(cut)}. Received: truncation_strategy="
                f"{truncation_strategy!r}",
                stacklevel=2,
            )
            return ids, pair_ids, []
        cut, removed = self._cut(cut, num_removed, stride)
        return (ids, cut, removed) if is_second else (cut, pair_ids, removed)

    def _cut(self, ids, num_removed, stride=0):
        """Returns what stays of `ids`, and what goes with `stride` more."""
        window = min(len(ids), num_removed + stride)
        num_kept = max(len(ids) - num_removed, 0)
        if self.truncation_side == "left":
            return ids[len(ids) - num_kept :], ids[:window]
        return ids[:num_kept], ids[len(ids) - window :]

    def prepare_for_model(self, ids, pair_ids=None, **kwargs):
        """Make the inputs of a model from the ids of a text or of a pair.

        Args:
            ids: List of ints. The ids of the first text.
            pair_ids: Optional list of ints. The ids of the second text.
            **kwargs: The options of calling the tokenizer, and
                `prepend_batch_axis`, whether tensors are batches of one.

        Returns:
            A `BatchEncoding`.

        Raises:
            ValueError: If token types are asked for without special tokens,
                or the removed tokens of a pair with `"longest_first"`.
        """
        return self._prepare(ids, pair_ids, self._resolve(**kwargs))

    def _prepare(self, ids, pair_ids, options):
        encoded = self._assemble(ids, pair_ids, options)
        encoded = self._pad_rows(
            {name: [value] for name, value in encoded.items()}, options
        )
        encoded = {name: value[0] for name, value in encoded.items()}
        if options.return_length:
            encoded["length"] = len(encoded["input_ids"])
        return BatchEncoding(
            encoded,
            tensor_type=options.return_tensors,
            prepend_batch_axis=options.prepend_batch_axis,
        )

    def _assemble(self, ids, pair_ids, options):
        """Truncate, and add the special tokens and what goes with them."""
        if options.return_token_type_ids and not options.add_special_tokens:
            raise ValueError(
                "`return_token_type_ids=True` needs the special tokens that "
                "`add_special_tokens=False` leaves out."
            )
        if (
            options.return_overflowing_tokens
            and options.truncation == "longest_first"
            and pair_ids is not None
        ):
            raise ValueError(
                "`return_overflowing_tokens=True` cannot return the tokens of "
                "two texts. Use `truncation='only_first'` or "
                "`truncation='only_second'`. Received: "
                f"truncation={options.truncation!r}"
            )
        is_pair = pair_ids is not None
        length = len(ids) + (len(pair_ids) if is_pair else 0)
        if options.add_special_tokens:
            length += self.num_special_tokens_to_add(is_pair)
        # A length of zero is none.
        surplus = length - options.max_length if options.max_length else 0
        ids, pair_ids, overflow = self.truncate_sequences(
            ids, pair_ids, surplus, options.truncation, options.stride
        )
        encoded = {}
        if options.return_overflowing_tokens:
            encoded["overflowing_tokens"] = overflow
            encoded["num_truncated_tokens"] = surplus
        if options.add_special_tokens:
            arguments = (ids, pair_ids)
            sequence = self.build_inputs_with_special_tokens(*arguments)
            types = self.create_token_type_ids_from_sequences(*arguments)
            mask = self.get_special_tokens_mask(*arguments)
        else:
            sequence = [*ids, *(pair_ids or [])]
            types = [0] * len(sequence)
            mask = types
        encoded["input_ids"] = sequence
        if self._returns("token_type_ids", options.return_token_type_ids):
            encoded["token_type_ids"] = types
        if options.return_special_tokens_mask:
            encoded["special_tokens_mask"] = mask
        self._warn_of_length(len(sequence), options)
        return encoded

    def pad(
        self,
        encoded_inputs,
        padding=True,
        max_length=None,
        pad_to_multiple_of=None,
        padding_side=None,
        return_attention_mask=None,
        return_tensors=None,
        verbose=True,
    ):
        """Pad texts that were encoded before, to one length.

        Args:
            encoded_inputs: A dictionary or `BatchEncoding` of one text or of
                a batch, or a list of those of single texts. The values are
                lists, arrays or tensors. Only the ids, token types and masks
                are padded.
            padding: bool or string, as in calling the tokenizer. Defaults to
                `True`.
            max_length: Optional int, as in calling the tokenizer.
            pad_to_multiple_of: Optional int, as in calling the tokenizer.
            padding_side: Optional string, as in calling the tokenizer.
            return_attention_mask: Optional bool, as in calling the tokenizer.
            return_tensors: Optional string. The type of tensors to return.
                Defaults to that of `encoded_inputs`.
            verbose: bool. Whether to warn. Defaults to `True`.

        Returns:
            A `BatchEncoding`.

        Raises:
            ValueError: If there are no ids in `encoded_inputs`.
            AssertionError: If not all values have as many rows.
        """
        columns = encoded_inputs
        if isinstance(columns, (list, tuple)) and columns:
            if isinstance(columns[0], Mapping):
                names = columns[0].keys()
                columns = {
                    name: [row[name] for row in columns] for name in names
                }
        name = self.model_input_names[0]
        if not isinstance(columns, Mapping) or name not in columns:
            received = columns
            if isinstance(columns, Mapping):
                received = f"the keys {list(columns)}"
            raise ValueError(
                "`encoded_inputs` must be a dictionary, or a list of "
                f"dictionaries, with the key {name!r}. Received: {received}"
            )
        columns = dict(columns)
        rows = columns[name]
        if rows is None or len(rows) == 0:
            if return_attention_mask:
                columns["attention_mask"] = []
            return BatchEncoding(columns, tensor_type=return_tensors)
        found = tensor_type_of(rows) or next(
            (tensor_type_of(row) for row in rows if tensor_type_of(row)), None
        )
        columns = {name: _to_lists(value) for name, value in columns.items()}
        options = self._resolve(
            padding=padding,
            max_length=max_length,
            pad_to_multiple_of=pad_to_multiple_of,
            padding_side=padding_side,
            return_attention_mask=return_attention_mask,
            return_tensors=return_tensors or found,
            verbose=verbose,
        )
        is_single = not isinstance(columns[name][0], list)
        if is_single:
            columns = {name: [value] for name, value in columns.items()}
        sizes = {name: len(value) for name, value in columns.items()}
        if len(set(sizes.values())) > 1:
            raise AssertionError(
                "All values of `encoded_inputs` must have the same number of "
                f"rows. Received: {sizes} rows"
            )
        columns = self._pad_rows(columns, options)
        if is_single:
            columns = {name: value[0] for name, value in columns.items()}
        return BatchEncoding(columns, tensor_type=options.return_tensors)

    def _pad_rows(self, columns, options):
        """Pad the rows of `columns` to one length, and add their masks."""
        name = self.model_input_names[0]
        columns = dict(columns)
        lengths = list(map(len, columns[name]))
        if self._returns("attention_mask", options.return_attention_mask):
            columns.setdefault(
                "attention_mask", [[1] * length for length in lengths]
            )
        if options.padding == "do_not_pad":
            return columns
        length = options.max_length
        if options.padding == "longest":
            length = max(lengths)
        if length is None:
            return columns
        if options.pad_to_multiple_of is not None:
            length += -length % options.pad_to_multiple_of
        side = options.padding_side or self.padding_side
        _check_choice("padding_side", side, _SIDES)
        fillers = {
            name: self.pad_token_id,
            "token_type_ids": self.pad_token_type_id,
            "attention_mask": 0,
            "special_tokens_mask": 1,
        }
        if not self._returns("attention_mask", options.return_attention_mask):
            # A mask that was passed in stays as it is.
            del fillers["attention_mask"]
        for name, filler in fillers.items():
            if name not in columns:
                continue
            rows = []
            for row, old in zip(columns[name], lengths, strict=True):
                padding = [filler] * (length - old)
                rows.append(padding + row if side == "left" else row + padding)
            columns[name] = rows
        return columns

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

    def _resolve(self, *args, **kwargs):
        """Returns `EncodingOptions` that say all by name, after warnings."""
        options = EncodingOptions(*args, **kwargs)
        padding, truncation = options.padding, options.truncation
        max_length = options.max_length
        check_tensor_type(options.return_tensors)
        if max_length is not None and padding is False and truncation is None:
            self._warn_once(
                "Truncation-not-explicitly-activated",
                f"`max_length={max_length}` truncates, from the longest text "
                "first, although `truncation` was not given. Use "
                "`truncation=True` to say so.",
                options,
            )
            truncation = "longest_first"
        if truncation is None or truncation is False:
            truncation = "do_not_truncate"
        elif truncation is True:
            truncation = "longest_first"
        _check_choice("truncation", truncation, _TRUNCATION)
        if padding is True:
            if max_length is not None and truncation == "do_not_truncate":
                if options.verbose:
                    warnings.warn(
                        "`max_length` is ignored by `padding=True` without "
                        "truncation. Use `padding='max_length'` to pad to it.",
                        stacklevel=4,
                    )
            padding = "longest"
        elif padding is False:
            padding = "do_not_pad"
        _check_choice("padding", padding, _PADDING)
        if max_length is None:
            is_known = self.model_max_length <= _LARGE_LENGTH
            if padding == "max_length" and not is_known:
                self._warn_once(
                    "Asking-to-pad-to-max_length",
                    "`padding='max_length'` does not pad: there is no "
                    "`max_length`, and the tokenizer has no "
                    "`model_max_length`.",
                    options,
                )
                padding = "do_not_pad"
            if truncation != "do_not_truncate" and not is_known:
                self._warn_once(
                    "Asking-to-truncate-to-max_length",
                    "Nothing is truncated: there is no `max_length`, and the "
                    "tokenizer has no `model_max_length`.",
                    options,
                )
                truncation = "do_not_truncate"
            if "max_length" == padding or truncation != "do_not_truncate":
                max_length = self.model_max_length
        if padding != "do_not_pad":
            if self.pad_token is None:
                raise ValueError(
                    "`padding` needs a padding token. Set `pad_token`, or use "
                    "`add_special_tokens({'pad_token': '[PAD]'})`. Received: "
                    f"padding={options.padding!r}"
                )
            multiple = options.pad_to_multiple_of
            if (
                truncation != "do_not_truncate"
                and multiple is not None
                and max_length is not None
                and max_length % multiple != 0
            ):
                raise ValueError(
                    "`max_length` must be a multiple of `pad_to_multiple_of` "
                    "to truncate and to pad. Received: "
                    f"max_length={max_length}, pad_to_multiple_of={multiple}"
                )
        split_special_tokens = options.split_special_tokens
        if split_special_tokens is None:
            split_special_tokens = self.split_special_tokens
        return dataclasses.replace(
            options,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            split_special_tokens=split_special_tokens,
        )

    def _returns(self, name, is_wanted):
        """Whether to return an output that was asked for, or not, or `None`."""
        return (
            name in self.model_input_names if is_wanted is None else is_wanted
        )

    def _warn_once(self, key, message, options):
        if options.verbose and not self.deprecation_warnings.get(key):
            warnings.warn(message, stacklevel=2)
        self.deprecation_warnings[key] = True

    def _warn_of_length(self, length, options):
        if options.max_length is None and 0 != self.model_max_length < length:
            self._warn_once(
                "sequence-length-is-longer-than-the-specified-maximum",
                f"A sequence of {length} tokens is longer than the model's "
                f"maximum of {self.model_max_length}, and will fail in the "
                "model. Use `truncation=True`.",
                options,
            )

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
        token_ids = _to_lists(token_ids)
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


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {choices}. Received: {name}={value!r}"
        )


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


def _to_lists(value):
    """Returns lists and ints for nested lists, arrays and tensors of ints."""
    if isinstance(value, (list, tuple)):
        return list(map(_to_lists, value))
    if hasattr(value, "tolist"):
        return value.tolist()
    return value.numpy().tolist() if hasattr(value, "numpy") else value


def _with_prefix(filename, prefix):
    return f"{prefix}-{filename}" if prefix else filename
