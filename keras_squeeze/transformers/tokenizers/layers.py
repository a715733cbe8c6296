"""Conversion between transformers-style tokenizers and tokenizer layers."""

from keras_squeeze.transformers.tokenizers import bert_tokenizers
from keras_squeeze.transformers.tokenizers.files import LAYER_ARGUMENTS
from keras_squeeze.transformers.tokenizers.files import added_tokens_decoder


def tokenizer_of(layer, **kwargs):
    """Make a transformers-style tokenizer from a tokenizer layer.

    Args:
        layer: A tokenizer of `keras_squeeze.models`.
        **kwargs: Other arguments of the tokenizer.

    Returns:
        A `MobileBertTokenizerFast` or a `SqueezeBertTokenizerFast`.
    """
    cls = getattr(bert_tokenizers, f"{type(layer).__name__}Fast")
    config = layer.get_config()
    arguments = {
        ours: config[theirs]
        for theirs, ours in LAYER_ARGUMENTS.items()
        if config[theirs] is not None
    }
    vocabulary = layer.get_vocabulary()
    arguments["added_tokens_decoder"] = added_tokens_decoder(
        vocabulary, layer.added_tokens
    )
    return cls(vocabulary, **{**arguments, **kwargs})


def layer_of(tokenizer, cls):
    """Make a tokenizer layer from a transformers-style tokenizer.

    Args:
        tokenizer: A tokenizer of this package, fast or slow.
        cls: The class of the layer, from `keras_squeeze.models`.

    Returns:
        A layer of that class.
    """
    vocabulary = tokenizer.get_vocab()
    arguments = {
        theirs: tokenizer.init_kwargs.get(ours)
        for theirs, ours in LAYER_ARGUMENTS.items()
    }
    # These may have been set or added after construction.
    arguments["oov_token"] = tokenizer.unk_token
    for name in ("cls_token", "sep_token", "pad_token", "mask_token"):
        arguments[name] = getattr(tokenizer, name)
    added = tokenizer.added_tokens_decoder.values()
    arguments["special_tokens"] = [
        token.content for token in added if not token.normalized
    ]
    arguments["added_tokens"] = [
        token.content for token in added if token.normalized
    ]
    return cls(sorted(vocabulary, key=vocabulary.get), **arguments)
