"""The tokenizers of both models, with the API of transformers.

They have the names, arguments, outputs and files of the tokenizers in
transformers. Intended differences from transformers are described in
`guides/coming_from_transformers.py`.
"""

from keras_squeeze.transformers.tokenizers.fast_tokenizer import FastTokenizer
from keras_squeeze.transformers.tokenizers.slow_tokenizer import SlowTokenizer


class MobileBertTokenizer(SlowTokenizer):
    """The slow tokenizer of MobileBERT.

    It returns the same ids and has the same methods as the transformers class
    of this name. It differs from `MobileBertTokenizerFast` in four ways: it
    does not track the positions of tokens in the text, follows a later version
    of Unicode, takes the odd token from the second text when it truncates a
    pair, and returns removed tokens in a separate field. The layer for
    `tf.data` is `keras_squeeze.models.MobileBertTokenizer`.

    Args:
        vocab_file: string. The path of a file with one token per line. Or the
            vocabulary itself, a list of tokens or a dictionary from tokens to
            ids.
        do_lower_case: bool. Whether to lowercase the text. Defaults to `True`.
        do_basic_tokenize: bool. Whether to clean the text and split it at
            punctuation before words are split into tokens. Defaults to `True`.
        never_split: Optional list of strings. Words to leave unchanged.
        unk_token: string. The token for unknown words. Defaults to `"[UNK]"`.
        sep_token: string. The token after each text. Defaults to `"[SEP]"`.
        pad_token: string. The padding token. Defaults to `"[PAD]"`.
        cls_token: string. The token before the first text. Defaults to
            `"[CLS]"`.
        mask_token: string. The token for masked words. Defaults to `"[MASK]"`.
        tokenize_chinese_chars: bool. Whether to split each Chinese character
            into a word of its own. Defaults to `True`.
        strip_accents: Optional bool. Whether to remove accents. Defaults to
            `do_lower_case`.
        clean_up_tokenization_spaces: bool. Whether decoding removes spaces
            before punctuation. Defaults to `True`.
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
    """The fast tokenizer of MobileBERT, based on the `tokenizers` library.

    It returns the same ids and has the same methods as the transformers class
    of this name. Its output also maps each token to its word and its
    characters.

    Args:
        vocab_file: Optional string. The path of a file with one token per
            line. Or the vocabulary itself, a list of tokens or a dictionary
            from tokens to ids.
        tokenizer_file: Optional string. The path of a file written by the
            `tokenizers` library. It takes precedence over `vocab_file`.
        do_lower_case: bool. Whether to lowercase the text. Defaults to `True`.
        unk_token: string. The token for unknown words. Defaults to `"[UNK]"`.
        sep_token: string. The token after each text. Defaults to `"[SEP]"`.
        pad_token: string. The padding token. Defaults to `"[PAD]"`.
        cls_token: string. The token before the first text. Defaults to
            `"[CLS]"`.
        mask_token: string. The token for masked words. Defaults to `"[MASK]"`.
        tokenize_chinese_chars: bool. Whether to split each Chinese character
            into a word of its own. Defaults to `True`.
        strip_accents: Optional bool. Whether to remove accents. Defaults to
            `do_lower_case`.
        **kwargs: Arguments of every tokenizer: `model_max_length`,
            `padding_side`, `truncation_side`, `model_input_names`,
            `clean_up_tokenization_spaces`, `split_special_tokens`, `bos_token`,
            `eos_token` and `additional_special_tokens`; and `tokenizer_object`,
            a `tokenizers.Tokenizer` that is copied and used.

    Raises:
        ValueError: If neither file is passed.

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

    It works like `MobileBertTokenizer`. See there for the arguments.

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
    """The fast tokenizer of SqueezeBERT, based on the `tokenizers` library.

    It works like `MobileBertTokenizerFast`. See there for the arguments.

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
