"""Vocabularies and backbones that are small enough to train in a test."""

import keras_hub

from keras_squeeze import models

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

_SIZES = {
    "num_layers": 1,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 16,
    "embedding_dim": 16,
}
_MOBILE_BERT_SIZES = {"bottleneck_dim": 8, "num_feedforward_networks": 2}


def vocabulary_of(texts, punctuation=""):
    """Make a vocabulary of whole words.

    Args:
        texts: List of strings.
        punctuation: string. The marks to separate from words.

    Returns:
        A list of the special tokens, the lowercase words and the marks.
    """
    words = " ".join(texts).lower().split()
    words = {word.strip(punctuation) for word in words}
    return [*SPECIAL_TOKENS, *sorted(words), *punctuation]


def tiny_backbone(backbone_cls, vocabulary, **kwargs):
    """Make a backbone with one layer.

    Args:
        backbone_cls: The class of the backbone.
        vocabulary: List of the tokens, or their number.
        **kwargs: Arguments of the class that replace those of this function.
    """
    if not isinstance(vocabulary, int):
        vocabulary = len(vocabulary)
    sizes = dict(_SIZES)
    if backbone_cls is models.MobileBertBackbone:
        sizes.update(_MOBILE_BERT_SIZES)
    return backbone_cls(vocabulary_size=vocabulary, **{**sizes, **kwargs})


def tiny_bert(**kwargs):
    """Make a BERT of KerasHub with two layers.

    Args:
        **kwargs: Arguments of the class that replace those of this function.
    """
    sizes = {
        "vocabulary_size": 60,
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 16,
        "intermediate_dim": 20,
        "max_sequence_length": 12,
    }
    return keras_hub.models.BertBackbone(**{**sizes, **kwargs})
