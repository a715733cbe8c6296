"""The tokenizer of BERT, which SqueezeBERT and MobileBERT share."""

import keras
import keras_hub
import numpy as np

from keras_squeeze.keras_hub_seam import in_safe_mode
from keras_squeeze.keras_hub_seam import in_tf_function
from keras_squeeze.tokenizers.arrays import to_int32
from keras_squeeze.tokenizers.texts import flatten_texts
from keras_squeeze.tokenizers.texts import join_innermost
from keras_squeeze.tokenizers.texts import lists_to_arrays
from keras_squeeze.tokenizers.texts import regroup
from keras_squeeze.tokenizers.vocabulary import check_num_tokens
from keras_squeeze.tokenizers.vocabulary import read_vocabulary
from keras_squeeze.tokenizers.word_piece_encoder import WordPieceEncoder


@keras.saving.register_keras_serializable(package="keras_squeeze")
class BertWordPieceTokenizer(keras_hub.tokenizers.WordPieceTokenizer):
    """A WordPiece tokenizer that returns the same ids as the original BERT.

    This is a `keras_hub.tokenizers.WordPieceTokenizer` whose ids match
    `transformers.BertTokenizerFast` for any text in any language. It differs
    from its base class in its definition of spaces, punctuation and accents, in
    lowercasing, in removing control characters, and in recognizing special
    tokens such as `"[MASK]"` in the text. It returns the same ids whether it is
    called directly, in a `tf.function` or in a `tf.data` pipeline. Only the
    latter two need TensorFlow and TensorFlow Text.

    If the input is a batch of strings, the output is a list of lists of ids
    (a `tf.RaggedTensor` in a TensorFlow graph). If the input is a single
    string, the output is an array (a `tf.Tensor`) of shape `(num_tokens,)`.
    If `sequence_length` is set, the output is padded or trimmed to it.

    Args:
        vocabulary: A list of strings or a string filename path. If
            passing a list, each element of the list should be a single
            WordPiece token string. If passing a filename, the file should be
            a plain text file containing a single WordPiece token per line.
        sequence_length: int. If set, the output is padded with zeros or
            trimmed to this length.
        lowercase: bool. Whether to lowercase the text.
        strip_accents: bool. Whether to remove accents. If `None`, accents are
            removed if `lowercase` is set.
        split: bool. Whether to split the text into words. If `False`, every
            input string is a word, and the strings of the last axis of the
            input form a text.
        split_on_cjk: bool. Whether to split each Chinese character into a word
            of its own. Only applies when `split` is `True`.
        suffix_indicator: string. The prefix of tokens that continue a word.
        oov_token: string. The token for unknown words. It must be in the
            vocabulary.
        special_tokens: list of strings. Additional special tokens. They must be
            in the vocabulary.
        special_tokens_in_strings: bool. Whether to recognize special tokens in
            the text. They are then neither split nor lowercased.
        added_tokens: list of strings. Tokens that are never split, and are
            matched after the text is lowercased, like tokens from
            `add_tokens()` in transformers. They must be in the vocabulary.
        cls_token: string. The token before the first text.
        sep_token: string. The token after each text.
        pad_token: string. The padding token.
        mask_token: string. The token for masked words.
        num_tokens: int. The size of the vocabulary. It is saved with the
            tokenizer, so that a truncated file is detected.
        dtype: string. The output type, an integer type or `"string"`.
        **kwargs: Other arguments of `keras.layers.Layer`, such as `name`.

    Raises:
        ValueError: If the vocabulary has duplicate tokens, lacks a special
            token, or does not have `num_tokens` tokens; or if the tokenizer is
            called on input that is not text.

    Examples:

    ```python
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary += ["the", "qu", "##ick", "brown", "cafe", "fox", "."]
    tokenizer = keras_squeeze.tokenizers.BertWordPieceTokenizer(vocabulary)

    # Unbatched input.
    tokenizer("The quick brown [MASK].")

    # Batched input. Lowercasing also removes accents.
    tokenizer(["The quick brown fox.", "The Café."])

    # In a `tf.data` pipeline.
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(["The quick", "brown fox"])
    dataset = dataset.batch(2).map(tokenizer)

    # Detokenization.
    tokenizer.detokenize(tokenizer("The quick brown fox."))
    ```

    References:
     - [Devlin et al., 2018](https://arxiv.org/abs/1810.04805)
     - [Schuster and Nakajima, 2012](https://research.google/pubs/pub37842/)
    """

    def __init__(
        self,
        vocabulary=None,
        sequence_length=None,
        lowercase=True,
        strip_accents=None,
        split=True,
        split_on_cjk=True,
        suffix_indicator="##",
        oov_token="[UNK]",
        special_tokens=None,
        special_tokens_in_strings=True,
        added_tokens=None,
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        mask_token="[MASK]",
        num_tokens=None,
        dtype="int32",
        **kwargs,
    ):
        self._add_special_token(cls_token, "cls_token")
        self._add_special_token(sep_token, "sep_token")
        self._add_special_token(pad_token, "pad_token")
        self._add_special_token(mask_token, "mask_token")
        # KerasHub's preprocessors use these names for the first two.
        self._add_special_token(cls_token, "start_token")
        self._add_special_token(sep_token, "end_token")
        self.added_tokens = list(added_tokens or [])
        self._num_tokens = num_tokens
        super().__init__(
            vocabulary=vocabulary,
            sequence_length=sequence_length,
            lowercase=lowercase,
            strip_accents=strip_accents,
            split=split,
            split_on_cjk=split_on_cjk,
            suffix_indicator=suffix_indicator,
            oov_token=oov_token,
            special_tokens=special_tokens,
            special_tokens_in_strings=special_tokens_in_strings,
            dtype=dtype,
            **kwargs,
        )
        # On JAX, Keras would build a task whose tokenizer is not built, by
        # running it without compilation before each prediction.
        self.built = True

    def set_vocabulary(self, vocabulary):
        """Set the tokenizer vocabulary to a file or list of strings."""
        # Both depend on the vocabulary and are created on first use.
        self._encoder = None
        self._graph = None
        # KerasHub does not open the file in safe mode.
        if isinstance(vocabulary, str) and not in_safe_mode():
            vocabulary = read_vocabulary(vocabulary)
        try:
            super().set_vocabulary(vocabulary)
        except (RuntimeError, TypeError):
            # TensorFlow Text raises first, with a less helpful error.
            self._check_tokens()
            raise
        if vocabulary is not None:
            self._check_tokens()
            check_num_tokens(
                "The vocabulary", len(self.vocabulary), self._num_tokens
            )
            # The vocabulary may be replaced later.
            self._num_tokens = None

    def _check_tokens(self):
        seen = set()
        for id, token in enumerate(self.vocabulary):
            if not isinstance(token, str) or "\0" in token:
                raise ValueError(
                    "Every token of `vocabulary` must be a string without NUL "
                    f"characters. Received: {token!r} as token number {id}"
                )
            if token in seen:
                raise ValueError(
                    "The tokens of `vocabulary` must be unique. "
                    f"Received: {token!r} more than once"
                )
            seen.add(token)
        for name, tokens in (
            ("special_tokens", self._init_special_tokens or []),
            ("added_tokens", self.added_tokens),
        ):
            for token in tokens:
                if token not in seen or not token:
                    raise ValueError(
                        f"Every token of `{name}` must be in the vocabulary. "
                        f"Received: {name}={tokens}, but the vocabulary lacks "
                        f"{token!r}"
                    )

    @property
    def encoder(self):
        """The `WordPieceEncoder` behind the tokenizer.

        Its `tokenizer` attribute is the `tokenizers.Tokenizer`, which also
        tracks the positions of tokens in the text.
        """
        self._check_vocabulary()
        if self._encoder is None:
            self._encoder = WordPieceEncoder(**self.encoder_arguments())
        return self._encoder

    @property
    def graph(self):
        """The `WordPieceGraph` behind the tokenizer in TensorFlow graphs."""
        self._check_vocabulary()
        if self._graph is None:
            from keras_squeeze.tokenizers.word_piece_graph import WordPieceGraph

            self._graph = WordPieceGraph(**self.encoder_arguments())
        return self._graph

    def encoder_arguments(self):
        """Return a dictionary of the arguments of `WordPieceEncoder`."""
        special_tokens = set()
        if self.special_tokens_in_strings:
            special_tokens = {
                self.oov_token,
                *self.special_tokens,
                *(self._init_special_tokens or []),
            }
        strip_accents = self.strip_accents
        if strip_accents is None:
            strip_accents = self.lowercase
        return {
            "vocabulary": list(self.vocabulary),
            "special_tokens": sorted(special_tokens - {*self.added_tokens}),
            "added_tokens": self.added_tokens,
            "lowercase": self.lowercase,
            "strip_accents": strip_accents,
            "split": self.split,
            "split_on_cjk": self.split_on_cjk,
            "suffix_indicator": self.suffix_indicator,
            "oov_token": self.oov_token,
        }

    def __call__(self, inputs, *args, **kwargs):
        return super().__call__(lists_to_arrays(inputs), *args, **kwargs)

    def tokenize_rows(self, texts):
        """Tokenize texts into one flat array of ids, as packers need it.

        Args:
            texts: list of strings, or in a TensorFlow graph a string tensor
                of shape `(num_texts,)`.

        Returns:
            A tuple `(ids, lengths)` of two int32 arrays or tensors: the
            concatenated ids of all texts, and the number of ids per text.
        """
        if in_tf_function():
            rows = self.graph.encode(texts)
            return rows.values, rows.row_lengths()
        return self.encoder.encode(texts)

    def tokenize_rows_with_spans(self, texts, starts, ends):
        """Tokenize texts, and find the tokens of a span in each text.

        A span that starts or ends within a token includes that token.

        Args:
            texts: list of strings, or in a TensorFlow graph a string tensor
                of shape `(num_texts,)`.
            starts: int array or tensor of shape `(num_texts,)`. The first
                character of the span in each text.
            ends: int array or tensor of shape `(num_texts,)`. The end of the
                span in each text (exclusive).

        Returns:
            A tuple `(ids, lengths, first, last)` of int32 arrays or tensors.
            The first two are those of `tokenize_rows()`. The others, of shape
            `(num_texts,)`, are the indices of the first and last token of each
            span. If a span has no tokens, `last` is less than `first`.
        """
        if in_tf_function():
            rows, first, last = self.graph.encode_with_spans(
                texts, starts, ends
            )
            return rows.values, rows.row_lengths(), first, last
        ids, lengths, offsets, _ = self.encoder.encode_with_offsets(texts)
        rows = np.repeat(np.arange(len(lengths)), lengths)

        def count(is_counted):
            return np.bincount(rows[is_counted], minlength=len(lengths))

        first = count(offsets[:, 1] <= starts[rows])
        last = count(offsets[:, 0] < ends[rows]) - 1
        return ids, lengths, to_int32(first), to_int32(last)

    def tokenize(self, inputs):
        if in_tf_function():
            return self._tokenize_in_graph(inputs)
        texts, nesting = flatten_texts(inputs)
        ids, lengths = self.tokenize_rows(texts)
        if not self.split:
            # The strings of an innermost list are the words of a text.
            sizes, nesting = join_innermost(nesting)
            lengths = np.diff(
                np.append(0, np.cumsum(lengths))[np.cumsum(sizes)], prepend=0
            )
        is_string = self.compute_dtype == "string"
        if is_string:
            tokens = np.array(self.vocabulary, "object")[ids]
        else:
            tokens = ids.astype(self.compute_dtype)
        if self.sequence_length:
            rows = _pad_rows(tokens, lengths, self.sequence_length)
            return regroup(rows.tolist() if is_string else rows, nesting)
        if nesting is None and not is_string:
            return tokens
        tokens = tokens.tolist()
        ends = np.cumsum(lengths).tolist()
        rows = [
            tokens[start:end]
            for start, end in zip([0, *ends], ends, strict=False)
        ]
        return regroup(rows, nesting)

    def _tokenize_in_graph(self, inputs):
        import tensorflow as tf

        if not isinstance(inputs, tf.RaggedTensor):
            inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.rank
        if inputs.dtype != tf.string or rank is None:
            raise ValueError(
                "The inputs to tokenize must be strings, in a tensor with a "
                f"known rank. Received: inputs={inputs}"
            )
        is_single = rank < (1 if self.split else 2)
        while inputs.shape.rank < (1 if self.split else 2):
            inputs = inputs[tf.newaxis]
        if inputs.shape.rank == 1:
            tokens = self._encode_in_graph(inputs)
        else:
            if isinstance(inputs, tf.Tensor):
                inputs = tf.RaggedTensor.from_tensor(
                    inputs, ragged_rank=inputs.shape.rank - 1
                )
            tokens = tf.ragged.map_flat_values(self._encode_in_graph, inputs)
        if not self.split:
            # The strings of the last axis are the words of a text.
            tokens = tokens.merge_dims(-2, -1)
        if self.sequence_length:
            shape = tokens.shape[:-1] + [self.sequence_length]
            tokens = tokens.to_tensor(shape=shape)
        return tokens[0] if is_single else tokens

    def _encode_in_graph(self, texts):
        """Return the ragged tokens of a string tensor of rank 1."""
        import tensorflow as tf

        ids = self.graph.encode(texts)
        if self.compute_dtype == "string":
            return ids.with_flat_values(
                tf.gather(tf.constant(self.vocabulary), ids.flat_values)
            )
        return tf.cast(ids, self.compute_dtype)

    def get_config(self):
        config = super().get_config()
        num_tokens = self._num_tokens
        if self.vocabulary is not None:
            num_tokens = len(self.vocabulary)
        config.update(
            {
                "split_on_cjk": self.split_on_cjk,
                "added_tokens": self.added_tokens,
                "cls_token": self.cls_token,
                "sep_token": self.sep_token,
                "pad_token": self.pad_token,
                "mask_token": self.mask_token,
                "num_tokens": num_tokens,
            }
        )
        return config


def _pad_rows(tokens, lengths, sequence_length):
    """Return a dense array of the rows that are concatenated in `tokens`."""
    is_string = tokens.dtype == "object"
    rows = np.full(
        (len(lengths), sequence_length), "" if is_string else 0, tokens.dtype
    )
    starts = np.cumsum(lengths) - lengths
    columns = np.arange(len(tokens)) - np.repeat(starts, lengths)
    is_filled = np.arange(sequence_length) < lengths[:, np.newaxis]
    rows[is_filled] = tokens[columns < sequence_length]
    return rows
