"""The tokenizers of transformers, for both models.

They have the names, the arguments, the outputs and the files of those of
transformers. What differs from transformers on purpose is in
`guides/coming_from_transformers.py`.
"""

from keras_squeeze.transformers.tokenizers.fast_tokenizer import FastTokenizer
from keras_squeeze.transformers.tokenizers.slow_tokenizer import SlowTokenizer


class MobileBertTokenizer(SlowTokenizer):
    """The slow tokenizer of MobileBERT.

    It gives the ids that the class of this name in transformers gives, and
    has the same methods. It differs from `MobileBertTokenizerFast` in that
    it does not know where in the text tokens come from, follows a later
    version of Unicode, and in how it truncates pairs, where the odd token
    comes from the second text, and returns the tokens it removed. The layer
    for `tf.data` is `keras_squeeze.models.MobileBertTokenizer`.

    Args:
        vocab_file: string. The path of a file with one token a line.
        do_lower_case: bool. Whether the text is lowercased. Defaults to
            `True`.
        do_basic_tokenize: bool. Whether the text is cleaned, and split at
            punctuation, before words are split into tokens. Defaults to
            `True`.
        never_split: Optional list of strings. Words that stay as they are.
        unk_token: string. The token for words that have no other. Defaults
            to `"[UNK]"`.
        sep_token: string. The token after each text. Defaults to `"[SEP]"`.
        pad_token: string. The token that texts are padded with. Defaults to
            `"[PAD]"`.
        cls_token: string. The token before the first text. Defaults to
            `"[CLS]"`.
        mask_token: string. The token in the place of words to guess.
            Defaults to `"[MASK]"`.
        tokenize_chinese_chars: bool. Whether each Chinese character is a
            word. Defaults to `True`.
        strip_accents: Optional bool. Whether accents are removed. Defaults
            to `do_lower_case`.
        clean_up_tokenization_spaces: bool. Whether decoding removes the
            spaces before punctuation. Defaults to `True`.
        **kwargs: Arguments of every tokenizer: `model_max_length`,
            `padding_side`, `truncation_side`, `model_input_names`,
            `split_special_tokens`, `bos_token`, `eos_token` and
            `additional_special_tokens`.

    Raises:
        ValueError: If there is no `vocab_file`.

    Examples:

    ```python
    tokenizer = keras_squeeze.MobileBertTokenizer.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    tokenizer.tokenize("Unwanted, running")
    batch = tokenizer(
        ["How are you?", "Fine."], padding=True, return_tensors="np"
    )
    tokenizer.batch_decode(batch.input_ids, skip_special_tokens=True)
    ```

    References:
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984)
    """


class MobileBertTokenizerFast(FastTokenizer):
    """The fast tokenizer of MobileBERT, on the `tokenizers` library.

    It gives the ids that the class of this name in transformers gives, and
    has the same methods. What it returns also tells which words and which
    characters each token is of.

    Args:
        vocab_file: Optional string. The path of a file with one token a line.
        tokenizer_file: Optional string. The path of a file that the
            `tokenizers` library wrote, which is used and not `vocab_file`.
        do_lower_case: bool. Whether the text is lowercased. Defaults to
            `True`.
        unk_token: string. The token for words that have no other. Defaults
            to `"[UNK]"`.
        sep_token: string. The token after each text. Defaults to `"[SEP]"`.
        pad_token: string. The token that texts are padded with. Defaults to
            `"[PAD]"`.
        cls_token: string. The token before the first text. Defaults to
            `"[CLS]"`.
        mask_token: string. The token in the place of words to guess.
            Defaults to `"[MASK]"`.
        tokenize_chinese_chars: bool. Whether each Chinese character is a
            word. Defaults to `True`.
        strip_accents: Optional bool. Whether accents are removed. Defaults
            to `do_lower_case`.
        **kwargs: Arguments of every tokenizer: `model_max_length`,
            `padding_side`, `truncation_side`, `model_input_names`,
            `clean_up_tokenization_spaces`, `split_special_tokens`,
            `bos_token`, `eos_token` and `additional_special_tokens`; and
            `tokenizer_object`, a `tokenizers.Tokenizer` to use a copy of.

    Raises:
        ValueError: If there is neither of the files.

    Examples:

    ```python
    tokenizer = keras_squeeze.MobileBertTokenizerFast.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    encoding = tokenizer(
        "Who wrote it?",
        "Nobody knows who wrote it.",
        truncation="only_second",
        max_length=12,
        stride=2,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    encoding.sequence_ids()
    ```

    References:
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984)
    """

    slow_tokenizer_class = MobileBertTokenizer


class SqueezeBertTokenizer(SlowTokenizer):
    """The slow tokenizer of SqueezeBERT.

    See `MobileBertTokenizer` for the arguments: it does the same.

    Example:

    ```python
    tokenizer = keras_squeeze.SqueezeBertTokenizer.from_pretrained(
        "squeeze_bert_tiny_en_uncased"
    )
    tokenizer("How are you?", "Fine.")
    ```

    References:
     - [Iandola et al., 2020](https://arxiv.org/abs/2006.11316)
    """


class SqueezeBertTokenizerFast(FastTokenizer):
    """The fast tokenizer of SqueezeBERT, on the `tokenizers` library.

    See `MobileBertTokenizerFast` for the arguments: it does the same.

    Example:

    ```python
    tokenizer = keras_squeeze.SqueezeBertTokenizerFast.from_pretrained(
        "squeeze_bert_tiny_en_uncased"
    )
    tokenizer("How are you?", return_offsets_mapping=True)
    ```

    References:
     - [Iandola et al., 2020](https://arxiv.org/abs/2006.11316)
    """

    slow_tokenizer_class = SqueezeBertTokenizer
