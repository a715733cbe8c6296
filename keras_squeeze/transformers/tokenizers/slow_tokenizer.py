"""The slow tokenizers, which process text in Python."""

import dataclasses
import re
import string
import unicodedata
import warnings

from keras_squeeze.tokenizers.unicode_tables import is_cjk
from keras_squeeze.tokenizers.word_piece_encoder import MAX_CHARACTERS_PER_WORD
from keras_squeeze.transformers.tokenizers.base import PreTrainedTokenizerBase
from keras_squeeze.transformers.tokenizers.batch_encoding import BatchEncoding
from keras_squeeze.transformers.tokenizers.files import read_vocabulary
from keras_squeeze.transformers.tokenizers.sequences import EncodingOptions
from keras_squeeze.transformers.tokenizers.special_tokens import as_token


class _CharacterTable(dict):
    """A translation table that computes each entry on first use.

    Args:
        replace: Function from a character to a string, or to `None` for
            characters to remove.
    """

    def __init__(self, replace):
        self._replace = replace

    def __missing__(self, code_point):
        replacement = self._replace(chr(code_point))
        self[code_point] = replacement
        return replacement


def _clean(character):
    category = unicodedata.category(character)
    if character in "\t\n\r" or category == "Zs":
        return " "
    if character == "\ufffd" or category.startswith("C"):
        return None
    return character


def _clean_and_split_cjk(character):
    cleaned = _clean(character)
    # Unassigned code points in these ranges have already been removed.
    if cleaned is not None and is_cjk(character):
        return f" {character} "
    return cleaned


def _split_punctuation(character):
    is_punctuation = character in string.punctuation or unicodedata.category(
        character
    ).startswith("P")
    return f" {character} " if is_punctuation else character


def _strip_accent(character):
    is_accent = unicodedata.category(character) == "Mn"
    return None if is_accent else character


_CLEANED = _CharacterTable(_clean)
_CLEANED_WITH_CJK = _CharacterTable(_clean_and_split_cjk)
_PUNCTUATION = _CharacterTable(_split_punctuation)
_ACCENTS = _CharacterTable(_strip_accent)


class BasicTokenizer:
    """Splits a text into words and punctuation with Python's Unicode tables.

    Python follows a later version of Unicode than the fast tokenizers. Unlike
    there, the text is normalized to NFC.

    Args:
        do_lower_case: bool. Whether to lowercase the text.
        never_split: Optional list of strings. Words to leave unchanged.
        tokenize_chinese_chars: bool. Whether to split each Chinese character
            into a word of its own.
        strip_accents: Optional bool. Whether to remove accents. Defaults to
            `do_lower_case`.
    """

    def __init__(
        self,
        do_lower_case=True,
        never_split=None,
        tokenize_chinese_chars=True,
        strip_accents=None,
    ):
        self.do_lower_case = do_lower_case
        self.never_split = set(never_split or [])
        self.tokenize_chinese_chars = tokenize_chinese_chars
        self.strip_accents = strip_accents

    def tokenize(self, text, never_split=None):
        """Split a text into words and punctuation.

        Args:
            text: string.
            never_split: Optional list of strings. Additional words to leave
                unchanged.

        Returns:
            A list of strings.
        """
        kept = self.never_split.union(never_split or [])
        strips_accents = self.strip_accents
        if strips_accents is None:
            strips_accents = self.do_lower_case
        table = _CLEANED_WITH_CJK if self.tokenize_chinese_chars else _CLEANED
        words = []
        for word in unicodedata.normalize("NFC", text.translate(table)).split():
            if word not in kept:
                if self.do_lower_case:
                    word = word.lower()
                if strips_accents:
                    word = unicodedata.normalize("NFD", word)
                    word = word.translate(_ACCENTS)
            if word in kept:
                words.append(word)
            else:
                words += word.translate(_PUNCTUATION).split()
        return words


class SlowTokenizer(PreTrainedTokenizerBase):
    """Base of the slow tokenizers.

    They have no offsets and no word ids, and return other ids than the fast
    tokenizers where the version of Unicode matters. The arguments are those of
    `MobileBertTokenizer`.
    """

    def __init__(
        self,
        vocab_file,
        do_lower_case=True,
        do_basic_tokenize=True,
        never_split=None,
        unk_token="[UNK]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        mask_token="[MASK]",
        tokenize_chinese_chars=True,
        strip_accents=None,
        clean_up_tokenization_spaces=True,
        **kwargs,
    ):
        import tokenizers

        vocabulary = read_vocabulary(vocab_file)
        self.vocab = {token: id for id, token in enumerate(vocabulary)}
        self.ids_to_tokens = {id: token for token, id in self.vocab.items()}
        self.do_lower_case = do_lower_case
        self.do_basic_tokenize = do_basic_tokenize
        self.basic_tokenizer = None
        if do_basic_tokenize:
            self.basic_tokenizer = BasicTokenizer(
                do_lower_case,
                never_split,
                tokenize_chinese_chars,
                strip_accents,
            )
        # The unknown token may be missing in the vocabulary.
        vocabulary = {str(unk_token): len(vocabulary), **self.vocab}
        self._word_piece = tokenizers.models.WordPiece(
            vocabulary,
            unk_token=str(unk_token),
            max_input_chars_per_word=MAX_CHARACTERS_PER_WORD,
        )
        self._added_tokens = dict(kwargs.pop("added_tokens_decoder", {}))
        self._added_ids = {
            str(token): id for id, token in self._added_tokens.items()
        }
        super().__init__(
            do_lower_case=do_lower_case,
            do_basic_tokenize=do_basic_tokenize,
            never_split=never_split,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token,
            tokenize_chinese_chars=tokenize_chinese_chars,
            strip_accents=strip_accents,
            clean_up_tokenization_spaces=clean_up_tokenization_spaces,
            **kwargs,
        )
        self._add_tokens(
            [
                token
                for token in self.all_special_tokens_extended
                if str(token) not in self._added_ids
            ],
            special_tokens=True,
        )

    @property
    def vocab_size(self):
        """int. The size of the vocabulary, without the added tokens."""
        return len(self.vocab)

    @property
    def added_tokens_decoder(self):
        """Dictionary from ids to added tokens, sorted by id."""
        return dict(sorted(self._added_tokens.items()))

    def get_vocab(self):
        """Return the dictionary from all tokens to their ids."""
        return {**self.vocab, **self._added_ids}

    def _base_vocabulary(self):
        return self.vocab

    def _add_tokens(self, new_tokens, special_tokens=False):
        vocabulary = self.get_vocab()
        num_before = len(vocabulary)
        for token in new_tokens:
            if str(token) == "" or (
                isinstance(token, str) and token in self._added_ids
            ):
                continue
            is_special = special_tokens or str(token) in self.all_special_tokens
            token = self._as_added_token(token, is_special, special_tokens)
            content = token.content
            id = vocabulary.setdefault(content, len(vocabulary))
            if token.special and content not in self.all_special_tokens:
                self._special_tokens_map["additional_special_tokens"].append(
                    token
                )
            self._added_tokens[id] = token
            self._added_ids[content] = id
        return len(vocabulary) - num_before

    def _as_added_token(self, token, is_special, special_tokens):
        """Convert a token to the form that is matched in the text."""
        from tokenizers import AddedToken

        token = as_token(token, is_special)
        state = token.__getstate__()
        if special_tokens:
            state["special"] = True
        lowers = self.do_lower_case and self.do_basic_tokenize
        if lowers and state["normalized"] and not state["special"]:
            state["content"] = state["content"].lower()
        return AddedToken(**state)

    def tokenize(self, text, **kwargs):
        """Split a text into tokens.

        Args:
            text: string.
            **kwargs: `split_special_tokens`, whether to split special tokens
                in the text like other text.

        Returns:
            A list of strings.
        """
        kwargs.pop("is_split_into_words", None)
        split_special_tokens = kwargs.pop(
            "split_special_tokens", self.split_special_tokens
        )
        if kwargs:
            _warn_of_unknown(kwargs)
        if self.do_lower_case and self.do_basic_tokenize:
            text = self._lowercase(text)
        if split_special_tokens:
            return self._tokenize(text)
        tokens = []
        for piece in self._split_at_added_tokens(text):
            if piece in self._added_ids:
                tokens.append(piece)
            elif piece:
                tokens += self._tokenize(piece)
        return tokens

    def _lowercase(self, text):
        """Lowercase the text, except for tokens that are matched exactly."""
        kept = self.all_special_tokens + [
            token.content
            for token in self._added_tokens.values()
            if token.normalized and not token.special
        ]
        pieces = re.split(f"({'|'.join(map(re.escape, kept))})", text)
        # Lowercase each character alone: `str.lower` on a word changes a final
        # sigma.
        pieces[::2] = ["".join(map(str.lower, piece)) for piece in pieces[::2]]
        return "".join(pieces)

    def _split_at_added_tokens(self, text):
        """Split at added tokens, with the longest match first."""
        tokens = sorted(self._added_ids, key=len, reverse=True)
        pattern = f"({'|'.join(map(re.escape, tokens))})"
        pieces = [piece for piece in re.split(pattern, text) if piece]
        for i, piece in enumerate(pieces):
            if piece not in self._added_ids:
                continue
            token = self._added_tokens[self._added_ids[piece]]
            before = pieces[i - 1] if i > 0 else ""
            after = pieces[i + 1] if i + 1 < len(pieces) else ""
            if token.rstrip and after:
                pieces[i + 1] = after.lstrip()
            if token.lstrip and before:
                pieces[i - 1] = before.rstrip()
            if token.single_word and before and before[-1] != " ":
                pieces[i - 1] += piece
                pieces[i] = ""
            elif token.single_word and after and after[0] != " ":
                pieces[i + 1] = piece + pieces[i + 1]
                pieces[i] = ""
        return pieces

    def _tokenize(self, text):
        kept = ()
        words = text.split()
        if self.do_basic_tokenize:
            kept = self.basic_tokenizer.never_split
            words = self.basic_tokenizer.tokenize(text, self.all_special_tokens)
        tokens = []
        for word in words:
            if word in kept:
                tokens.append(word)
            else:
                pieces = self._word_piece.tokenize(word)
                tokens += [piece.value for piece in pieces]
        return tokens

    def _id_of(self, token):
        return self._added_ids.get(token, self.vocab.get(token))

    def _token_of(self, id):
        if id in self._added_tokens:
            return self._added_tokens[id].content
        return self.ids_to_tokens.get(id, self.unk_token)

    def convert_tokens_to_string(self, tokens):
        """Join tokens into a text.

        Args:
            tokens: List of strings.

        Returns:
            string.
        """
        return " ".join(tokens).replace(" ##", "").strip()

    def _encode_one(self, text, pair, options):
        ids, pair_ids = self._to_ids(text, pair, options)
        options = dataclasses.replace(options, prepend_batch_axis=True)
        return self._prepare(ids, pair_ids, options)

    def _encode_many(self, batch, options):
        columns = {}
        for row in batch:
            pair = None
            is_pair = isinstance(row, (list, tuple))
            if is_pair and options.is_split_into_words:
                is_pair = len(row) > 0 and isinstance(row[0], (list, tuple))
            if is_pair:
                if len(row) != 2:
                    raise ValueError(
                        "Each pair of a batch must have two texts. Received: "
                        f"{row!r}"
                    )
                row, pair = row
            encoded = self._assemble(*self._to_ids(row, pair, options), options)
            if options.return_length:
                encoded["length"] = len(encoded["input_ids"])
            for name, value in encoded.items():
                columns.setdefault(name, []).append(value)
        return BatchEncoding(
            self._pad_rows(columns, options), tensor_type=options.return_tensors
        )

    def _to_ids(self, text, pair, options):
        if options.return_offsets_mapping:
            raise NotImplementedError(
                "`return_offsets_mapping=True` needs a fast tokenizer, such as "
                "`MobileBertTokenizerFast`."
            )
        ids = self._text_to_ids(text, options)
        return ids, None if pair is None else self._text_to_ids(pair, options)

    def _text_to_ids(self, text, options):
        if isinstance(text, str):
            words = [text]
        elif not isinstance(text, (list, tuple)) or not text:
            words = None
        elif isinstance(text[0], int):
            return list(text)
        elif not isinstance(text[0], str):
            words = None
        elif options.is_split_into_words:
            words = text
        else:
            return self.convert_tokens_to_ids(text)
        if words is None:
            raise ValueError(
                "A text must be a string, or a non-empty list of strings or "
                f"ids. Received: {text!r} of type "
                f"{type(text).__name__}"
            )
        return self.convert_tokens_to_ids(
            [
                token
                for word in words
                for token in self.tokenize(
                    word, split_special_tokens=options.split_special_tokens
                )
            ]
        )

    def _resolve(self, *args, **kwargs):
        unknown = kwargs.keys() - EncodingOptions.__dataclass_fields__.keys()
        if unknown:
            _warn_of_unknown({name: kwargs.pop(name) for name in unknown})
        return super()._resolve(*args, **kwargs)

    def _decode(
        self,
        token_ids,
        skip_special_tokens,
        spaces_between_special_tokens=True,
        **kwargs,
    ):
        tokens = self.convert_ids_to_tokens(token_ids, skip_special_tokens)
        special = set(self.all_special_tokens)
        added = self._added_ids.keys() - special
        added |= {
            token
            for token in self.additional_special_tokens
            if self.convert_tokens_to_ids(token) >= self.vocab_size
        }
        # Added tokens are not joined with their neighbors.
        texts, between = [], []
        for token in tokens:
            if skip_special_tokens and token in special:
                continue
            if token not in added:
                between.append(token)
                continue
            texts += filter(None, [self.convert_tokens_to_string(between)])
            texts.append(token)
            between = []
        if between:
            texts.append(self.convert_tokens_to_string(between))
        return (" " if spaces_between_special_tokens else "").join(texts)


def _warn_of_unknown(kwargs):
    warnings.warn(
        f"The tokenizer ignores the unknown arguments {sorted(kwargs)}.",
        stacklevel=3,
    )
