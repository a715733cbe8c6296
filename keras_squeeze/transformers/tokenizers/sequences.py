"""Builds model inputs from the ids of texts."""

import dataclasses
import warnings
from collections.abc import Mapping

from keras_squeeze.transformers.tokenizers.batch_encoding import BatchEncoding
from keras_squeeze.transformers.tokenizers.batch_encoding import (
    check_tensor_type,
)
from keras_squeeze.transformers.tokenizers.batch_encoding import tensor_type_of
from keras_squeeze.transformers.tokenizers.special_tokens import SpecialTokens
from keras_squeeze.validation import check_choice

# The `model_max_length` of a tokenizer without a limit. Lengths above the
# second value also count as no limit.
NO_MAX_LENGTH = int(1e30)
_LARGE_LENGTH = int(1e20)

SIDES = ("right", "left")
_PADDING = ("longest", "max_length", "do_not_pad")
_TRUNCATION = ("longest_first", "only_first", "only_second", "do_not_truncate")


@dataclasses.dataclass(frozen=True)
class EncodingOptions:
    """The options of encoding a text.

    See `PreTrainedTokenizerBase.__call__()` for their meaning. They are in the
    order of the positional arguments of `encode_plus()` and
    `batch_encode_plus()`.
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


class SequenceBuilder(SpecialTokens):
    """Handling of ids and encoding options, for a tokenizer.

    The tokenizer has the attributes `model_max_length`, `padding_side`,
    `truncation_side`, `model_input_names`, `split_special_tokens` and
    `deprecation_warnings`.
    """

    def num_special_tokens_to_add(self, pair=False):
        """Count the special tokens that are added to a text.

        Args:
            pair: bool. Whether to count for a pair of texts. Defaults to
                `False`.

        Returns:
            int.
        """
        return 3 if pair else 2

    def build_inputs_with_special_tokens(self, token_ids_0, token_ids_1=None):
        """Add special tokens to the ids of a text or a pair.

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
        """Make the token types of a text or a pair, including special tokens.

        Args:
            token_ids_0: List of ints. The ids of the first text.
            token_ids_1: Optional list of ints. The ids of the second text.

        Returns:
            A list of ints: `0` up to the first `[SEP]`, then `1`.
        """
        token_type_ids = [0] * (len(token_ids_0) + 2)
        if token_ids_1 is not None:
            token_type_ids += [1] * (len(token_ids_1) + 1)
        return token_type_ids

    def get_special_tokens_mask(
        self, token_ids_0, token_ids_1=None, already_has_special_tokens=False
    ):
        """Make a mask of the special tokens.

        Args:
            token_ids_0: List of ints. The ids of the first text.
            token_ids_1: Optional list of ints. The ids of the second text.
            already_has_special_tokens: bool. Whether `token_ids_0` is a
                complete sequence that includes special tokens. Defaults to
                `False`.

        Returns:
            A list of ints with the length of the complete sequence: `1` for
            special tokens and `0` for others.

        Raises:
            ValueError: If `token_ids_1` is passed with
                `already_has_special_tokens=True`.
        """
        if not already_has_special_tokens:
            mask = [1, *[0] * len(token_ids_0), 1]
            if token_ids_1 is not None:
                mask += [*[0] * len(token_ids_1), 1]
            return mask
        if token_ids_1 is not None:
            raise ValueError(
                "`token_ids_1` must be `None` if "
                "`already_has_special_tokens=True`, because `token_ids_0` is "
                "then the complete sequence. "
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

        If a text has too few tokens, it warns and removes none.

        Args:
            ids: List of ints. The ids of the first text.
            pair_ids: Optional list of ints. The ids of the second text.
            num_tokens_to_remove: int. How many tokens to remove. Defaults to
                `0`.
            truncation_strategy: string. `"longest_first"` removes tokens from
                the longer text until both have the same length, and then from
                both. `"only_first"`, `"only_second"` and `"do_not_truncate"`
                are the other strategies. Defaults to `"longest_first"`.
            stride: int. How many kept tokens are returned along with the
                removed ones. Defaults to `0`.

        Returns:
            A tuple of the ids of both texts and the list of removed ids, which
            is empty if tokens are removed from both texts.
        """
        check_choice("truncation_strategy", truncation_strategy, _TRUNCATION)
        num_removed = num_tokens_to_remove
        if num_removed <= 0 or truncation_strategy == "do_not_truncate":
            return ids, pair_ids, []
        if truncation_strategy == "longest_first" and pair_ids is not None:
            # Tokens are removed from the longer text until both have the same
            # length. The rest is shared, and the odd token comes from the
            # second text.
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
                f"Nothing is truncated: {num_removed} tokens would have to be "
                f"removed from the {'second' if is_second else 'first'} text, "
                f"which has only {len(cut)}. Received: truncation_strategy="
                f"{truncation_strategy!r}",
                stacklevel=2,
            )
            return ids, pair_ids, []
        cut, removed = self._cut(cut, num_removed, stride)
        return (ids, cut, removed) if is_second else (cut, pair_ids, removed)

    def _cut(self, ids, num_removed, stride=0):
        """Split `ids` into what is kept, and what is removed plus `stride`."""
        window = min(len(ids), num_removed + stride)
        num_kept = max(len(ids) - num_removed, 0)
        if self.truncation_side == "left":
            return ids[len(ids) - num_kept :], ids[:window]
        return ids[:num_kept], ids[len(ids) - window :]

    def prepare_for_model(self, ids, pair_ids=None, **kwargs):
        """Convert the ids of a text or a pair to model inputs.

        Args:
            ids: List of ints. The ids of the first text.
            pair_ids: Optional list of ints. The ids of the second text.
            **kwargs: The options of `__call__()`, and `prepend_batch_axis`,
                whether to return tensors as a batch of one.

        Returns:
            A `BatchEncoding`.

        Raises:
            ValueError: If token types are requested without special tokens, or
                the removed tokens of a pair are requested with
                `"longest_first"`.
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
        """Truncate the ids, add special tokens, and build the other columns."""
        if options.return_token_type_ids and not options.add_special_tokens:
            raise ValueError(
                "`return_token_type_ids=True` needs special tokens, but "
                "`add_special_tokens=False` leaves them out."
            )
        if (
            options.return_overflowing_tokens
            and options.truncation == "longest_first"
            and pair_ids is not None
        ):
            raise ValueError(
                "`return_overflowing_tokens=True` cannot return tokens from "
                "both texts. Use `truncation='only_first'` or "
                "`truncation='only_second'`. Received: "
                f"truncation={options.truncation!r}"
            )
        is_pair = pair_ids is not None
        length = len(ids) + (len(pair_ids) if is_pair else 0)
        if options.add_special_tokens:
            length += self.num_special_tokens_to_add(is_pair)
        # A length of zero means no limit.
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
        """Pad encoded texts to the same length.

        Args:
            encoded_inputs: A dictionary or `BatchEncoding` of a single text or
                a batch, or a list of those of single texts. The values are
                lists, arrays or tensors. Only ids, token types and masks are
                padded.
            padding: bool or string, as in `__call__()`. Defaults to `True`.
            max_length: Optional int, as in `__call__()`.
            pad_to_multiple_of: Optional int, as in `__call__()`.
            padding_side: Optional string, as in `__call__()`.
            return_attention_mask: Optional bool, as in `__call__()`.
            return_tensors: Optional string. The type of tensors to return.
                Defaults to the type of `encoded_inputs`.
            verbose: bool. Whether to emit warnings. Defaults to `True`.

        Returns:
            A `BatchEncoding`.

        Raises:
            ValueError: If there are no ids in `encoded_inputs`.
            AssertionError: If the values have different numbers of rows.
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
        columns = {name: to_lists(value) for name, value in columns.items()}
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
        """Pad the rows of `columns` to the same length, and add their masks."""
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
        check_choice("padding_side", side, SIDES)
        fillers = {
            name: self.pad_token_id,
            "token_type_ids": self.pad_token_type_id,
            "attention_mask": 0,
            "special_tokens_mask": 1,
        }
        if not self._returns("attention_mask", options.return_attention_mask):
            # The caller's mask is not padded.
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

    def _resolve(self, *args, **kwargs):
        """Resolve the options to explicit values, and emit warnings."""
        options = EncodingOptions(*args, **kwargs)
        padding, truncation = options.padding, options.truncation
        max_length = options.max_length
        check_tensor_type(options.return_tensors)
        if max_length is not None and padding is False and truncation is None:
            self._warn_once(
                "Truncation-not-explicitly-activated",
                f"`max_length={max_length}` truncates the longest text first, "
                "although `truncation` was not passed. Pass "
                "`truncation=True` to make this explicit.",
                options,
            )
            truncation = "longest_first"
        if truncation is None or truncation is False:
            truncation = "do_not_truncate"
        elif truncation is True:
            truncation = "longest_first"
        check_choice("truncation", truncation, _TRUNCATION)
        if padding is True:
            if max_length is not None and truncation == "do_not_truncate":
                if options.verbose:
                    warnings.warn(
                        "`padding=True` ignores `max_length` without "
                        "truncation. Use `padding='max_length'` to pad to it.",
                        stacklevel=4,
                    )
            padding = "longest"
        elif padding is False:
            padding = "do_not_pad"
        check_choice("padding", padding, _PADDING)
        if max_length is None:
            padding, truncation, max_length = self._without_max_length(
                padding, truncation, options
            )
        if padding != "do_not_pad":
            self._check_padding(truncation, max_length, options)
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

    def _without_max_length(self, padding, truncation, options):
        """Padding, truncation and the length where none was passed."""
        is_known = self.model_max_length <= _LARGE_LENGTH
        if padding == "max_length" and not is_known:
            self._warn_once(
                "Asking-to-pad-to-max_length",
                "`padding='max_length'` has no effect: there is no "
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
        needs_length = (
            padding == "max_length" or truncation != "do_not_truncate"
        )
        max_length = self.model_max_length if needs_length else None
        return padding, truncation, max_length

    def _check_padding(self, truncation, max_length, options):
        """Refuse options that no sequence can be padded with."""
        if self.pad_token is None:
            raise ValueError(
                "`padding` needs a padding token. Set `pad_token`, or call "
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
                "when truncating and padding. Received: "
                f"max_length={max_length}, pad_to_multiple_of={multiple}"
            )

    def _returns(self, name, is_wanted):
        """Whether to return an output. `None` means: if the model uses it."""
        return (
            name in self.model_input_names if is_wanted is None else is_wanted
        )

    def _warn_once(self, key, message, options):
        if not options.verbose:
            return
        if not self.deprecation_warnings.get(key):
            warnings.warn(message, stacklevel=2)
        self.deprecation_warnings[key] = True

    def _warn_of_length(self, length, options):
        if options.max_length is None and 0 != self.model_max_length < length:
            self._warn_once(
                "sequence-length-is-longer-than-the-specified-maximum",
                f"A sequence of {length} tokens exceeds the model's maximum "
                f"of {self.model_max_length} and will fail in the model. Use "
                "`truncation=True`.",
                options,
            )


def to_lists(value):
    """Convert nested lists, arrays and tensors of integers to lists.

    Args:
        value: Nested lists, arrays and tensors of integers.
    """
    if isinstance(value, (list, tuple)):
        return list(map(to_lists, value))
    if hasattr(value, "tolist"):
        return value.tolist()
    return value.numpy().tolist() if hasattr(value, "numpy") else value
