"""The tokenizers based on the `tokenizers` library."""

import copy
import os
import threading

from keras_squeeze.new_files import write_file
from keras_squeeze.tokenizers.word_piece_encoder import WordPieceEncoder
from keras_squeeze.transformers.tokenizers.base import PreTrainedTokenizerBase
from keras_squeeze.transformers.tokenizers.batch_encoding import BatchEncoding
from keras_squeeze.transformers.tokenizers.files import BACKEND_FILE
from keras_squeeze.transformers.tokenizers.files import VOCABULARY_FILE
from keras_squeeze.transformers.tokenizers.files import read_vocabulary
from keras_squeeze.transformers.tokenizers.special_tokens import as_token
from keras_squeeze.validation import shorten


class FastTokenizer(PreTrainedTokenizerBase):
    """Base of the fast tokenizers.

    The arguments are those of `MobileBertTokenizerFast`.
    """

    vocab_files_names = {
        "vocab_file": VOCABULARY_FILE,
        "tokenizer_file": BACKEND_FILE,
    }
    is_fast = True

    def __init__(
        self,
        vocab_file=None,
        tokenizer_file=None,
        do_lower_case=True,
        unk_token="[UNK]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        mask_token="[MASK]",
        tokenize_chinese_chars=True,
        strip_accents=None,
        **kwargs,
    ):
        # The backend takes its options from its state. They are set before a
        # call, and must not change during the call.
        self._lock = threading.Lock()
        backend = kwargs.pop("tokenizer_object", None)
        added_tokens = kwargs.pop("added_tokens_decoder", {})
        if backend is not None:
            self._tokenizer = copy.deepcopy(backend)
        elif tokenizer_file is not None:
            self._tokenizer = _read_backend(tokenizer_file)
        else:
            self._tokenizer = WordPieceEncoder(
                read_vocabulary(vocab_file),
                special_tokens=[],
                lowercase=do_lower_case,
                strip_accents=strip_accents,
                split=True,
                split_on_cjk=tokenize_chinese_chars,
                suffix_indicator="##",
                oov_token=str(unk_token),
            ).tokenizer
            # Arguments that only slow tokenizers have, so that the saved files
            # can also be loaded as a slow tokenizer.
            kwargs = {
                "do_basic_tokenize": True,
                "never_split": None,
                "clean_up_tokenization_spaces": True,
                **kwargs,
            }
        self._set_normalizer(
            lowercase=do_lower_case,
            strip_accents=strip_accents,
            handle_chinese_chars=tokenize_chinese_chars,
        )
        for name, settings in (
            ("truncation_side", self._tokenizer.truncation),
            ("padding_side", self._tokenizer.padding),
        ):
            if settings is not None:
                kwargs.setdefault(name, settings["direction"])
        super().__init__(
            do_lower_case=do_lower_case,
            unk_token=unk_token,
            sep_token=sep_token,
            pad_token=pad_token,
            cls_token=cls_token,
            mask_token=mask_token,
            tokenize_chinese_chars=tokenize_chinese_chars,
            strip_accents=strip_accents,
            **kwargs,
        )
        is_in_memory = isinstance(vocab_file, (dict, list, tuple))
        self.vocab_file = None if is_in_memory else vocab_file
        self.do_lower_case = do_lower_case
        self._add_initial_tokens(added_tokens)
        if backend is None and tokenizer_file is None:
            self._add_template()

    def __getstate__(self):
        # Locks cannot be pickled or copied.
        return {**self.__dict__, "_lock": None}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock())

    def _set_normalizer(self, **settings):
        import tokenizers

        normalizer = self._tokenizer.normalizer
        # Arguments override the file.
        if isinstance(normalizer, tokenizers.normalizers.BertNormalizer):
            self._tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(
                clean_text=normalizer.clean_text, **settings
            )

    def _add_initial_tokens(self, added_tokens):
        special = set(self.all_special_tokens)
        tokens = [token for _, token in sorted(added_tokens.items())]
        known = {*self.added_tokens_encoder, *map(str, tokens)}
        tokens += [
            token
            for token in self.all_special_tokens_extended
            if str(token) not in known
        ]
        for i, token in enumerate(tokens):
            is_special = str(token) in special
            tokens[i] = as_token(token, is_special)
            tokens[i].special |= is_special
        self.add_tokens(tokens)

    def _add_template(self):
        """Set the backend's special token template and its decoder."""
        import tokenizers

        first = [f"{self.cls_token}:0", "$A:0", f"{self.sep_token}:0"]
        self._tokenizer.post_processor = (
            tokenizers.processors.TemplateProcessing(
                single=first,
                pair=[*first, "$B:1", f"{self.sep_token}:1"],
                special_tokens=[
                    (self.cls_token, self.cls_token_id),
                    (self.sep_token, self.sep_token_id),
                ],
            )
        )
        self._tokenizer.decoder = tokenizers.decoders.WordPiece(prefix="##")

    @property
    def backend_tokenizer(self):
        """The `tokenizers.Tokenizer` of the backend."""
        return self._tokenizer

    @property
    def decoder(self):
        """The `tokenizers.decoders.Decoder` that joins tokens."""
        return self._tokenizer.decoder

    @property
    def vocab_size(self):
        """int. The size of the vocabulary, without the added tokens."""
        return self._tokenizer.get_vocab_size(with_added_tokens=False)

    @property
    def vocab(self):
        """Dictionary from all tokens to their ids."""
        return self.get_vocab()

    @property
    def added_tokens_decoder(self):
        """Dictionary from ids to added tokens, sorted by id."""
        return self._tokenizer.get_added_tokens_decoder()

    def __len__(self):
        return self._tokenizer.get_vocab_size(with_added_tokens=True)

    def get_vocab(self):
        """Return the dictionary from all tokens to their ids."""
        return self._tokenizer.get_vocab(with_added_tokens=True)

    def _base_vocabulary(self):
        return self._tokenizer.get_vocab(with_added_tokens=False)

    def _save_backend(self, path):
        # The padding and truncation of the last call are not saved.
        path = path(BACKEND_FILE)
        with self._lock:
            self._tokenizer.no_padding()
            self._tokenizer.no_truncation()
            contents = self._tokenizer.to_str(pretty=True)
        write_file(path, contents)
        return path

    def _add_tokens(self, new_tokens, special_tokens=False):
        with self._lock:
            if special_tokens:
                return self._tokenizer.add_special_tokens(new_tokens)
            return self._tokenizer.add_tokens(new_tokens)

    def num_special_tokens_to_add(self, pair=False):
        return self._tokenizer.num_special_tokens_to_add(pair)

    def tokenize(self, text, pair=None, add_special_tokens=False, **kwargs):
        """Split a text into tokens.

        Args:
            text: string.
            pair: Optional string. The second text. Its tokens are appended.
            add_special_tokens: bool. Whether to add `[CLS]` and `[SEP]`.
                Defaults to `False`.
            **kwargs: Other options of `__call__()`.

        Returns:
            A list of strings.
        """
        return self.encode_plus(
            text, pair, add_special_tokens=add_special_tokens, **kwargs
        ).tokens()

    def _id_of(self, token):
        return self._tokenizer.token_to_id(token)

    def _token_of(self, id):
        return self._tokenizer.id_to_token(id)

    def convert_tokens_to_string(self, tokens):
        """Join tokens into a text.

        Args:
            tokens: List of strings.

        Returns:
            string.
        """
        return self._tokenizer.decoder.decode(tokens)

    def _decode(self, token_ids, skip_special_tokens, **kwargs):
        with self._lock:
            return self._tokenizer.decode(
                token_ids, skip_special_tokens=skip_special_tokens
            )

    def _encode_one(self, text, pair, options):
        encoded = self._encode_many([(text, pair) if pair else text], options)
        if options.return_tensors or options.return_overflowing_tokens:
            return encoded
        return BatchEncoding(
            {
                name: value[0] if isinstance(value[0], list) else value
                for name, value in encoded.items()
            },
            encoded.encodings,
        )

    def _encode_many(self, batch, options):
        try:
            with self._lock:
                self._set_up(options)
                encodings = self._tokenizer.encode_batch(
                    batch,
                    add_special_tokens=options.add_special_tokens,
                    is_pretokenized=options.is_split_into_words,
                )
        except TypeError as e:
            form = "string"
            if options.is_split_into_words:
                form = "list of strings"
            raise TypeError(
                f"Each text of a batch must be a {form} in valid Unicode, or "
                f"a pair of those. Received: {shorten(batch)}"
            ) from e
        except BaseException as e:
            # The library has no exception classes, and its panics are not
            # subclasses of `Exception`.
            if isinstance(e, (KeyboardInterrupt, SystemExit)):
                raise
            raise ValueError(
                "The texts cannot be encoded with "
                f"truncation={options.truncation!r}, "
                f"max_length={options.max_length} and "
                f"stride={options.stride}: {e}"
            ) from e
        rows, samples = [], []
        for i, encoding in enumerate(encodings):
            parts = [encoding]
            if options.return_overflowing_tokens:
                parts += encoding.overflowing
            rows += parts
            samples += [i] * len(parts)
        columns = {"input_ids": [row.ids for row in rows]}
        if self._returns("token_type_ids", options.return_token_type_ids):
            columns["token_type_ids"] = [row.type_ids for row in rows]
        if self._returns("attention_mask", options.return_attention_mask):
            columns["attention_mask"] = [row.attention_mask for row in rows]
        if options.return_special_tokens_mask:
            columns["special_tokens_mask"] = [
                row.special_tokens_mask for row in rows
            ]
        if options.return_offsets_mapping:
            columns["offset_mapping"] = [row.offsets for row in rows]
        if options.return_length:
            columns["length"] = list(map(len, rows))
        if options.return_overflowing_tokens:
            columns["overflow_to_sample_mapping"] = samples
        self._warn_of_length(max(map(len, rows)), options)
        return BatchEncoding(columns, rows, options.return_tensors)

    def _set_up(self, options):
        """Set the options in the backend's state."""
        backend = self._tokenizer
        if options.truncation == "do_not_truncate":
            backend.no_truncation()
        else:
            backend.enable_truncation(
                options.max_length,
                stride=options.stride,
                strategy=options.truncation,
                direction=self.truncation_side,
            )
        if options.padding == "do_not_pad":
            backend.no_padding()
        else:
            is_fixed = options.padding == "max_length"
            backend.enable_padding(
                direction=options.padding_side or self.padding_side,
                pad_id=self.pad_token_id,
                pad_type_id=self.pad_token_type_id,
                pad_token=self.pad_token,
                length=options.max_length if is_fixed else None,
                pad_to_multiple_of=options.pad_to_multiple_of,
            )
        backend.encode_special_tokens = options.split_special_tokens


def _read_backend(path):
    import tokenizers

    try:
        return tokenizers.Tokenizer.from_file(os.fspath(path))
    except Exception as e:
        # The library has no exception classes.
        raise ValueError(
            "`tokenizer_file` must be a file that the `tokenizers` library "
            f"wrote. Received: tokenizer_file={path!r} ({e})"
        ) from e
