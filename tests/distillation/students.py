"""A small student and random sequences for quick tests."""

import numpy as np

from keras_squeeze.models import MobileBertBackbone


def small_student(**kwargs):
    """A MobileBERT with two layers, whose sizes all differ."""
    return MobileBertBackbone(
        **{
            "vocabulary_size": 60,
            "num_layers": 2,
            "num_heads": 2,
            "hidden_dim": 16,
            "intermediate_dim": 20,
            "embedding_dim": 6,
            "bottleneck_dim": 8,
            "num_feedforward_networks": 1,
            "normalization_type": "layer_norm",
            "attention_dropout": 0.0,
            "initializer_range": 0.2,
            "max_sequence_length": 12,
            **kwargs,
        }
    )


def some_sequences(count=40, seed=0):
    """Lists of 4 or 6 token ids."""
    random = np.random.default_rng(seed)
    return [
        [1, *random.integers(4, 60, random.choice([2, 4])).tolist(), 2]
        for _ in range(count)
    ]


def as_inputs(token_ids, lengths=None):
    """The inputs of a backbone for token ids."""
    token_ids = np.asarray(token_ids, "int32")
    mask = np.ones_like(token_ids)
    if lengths is not None:
        mask = np.arange(token_ids.shape[1]) < np.reshape(lengths, (-1, 1))
    return {
        "token_ids": token_ids,
        "segment_ids": np.zeros_like(token_ids),
        "padding_mask": np.asarray(mask, "int32"),
    }
