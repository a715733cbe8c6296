"""Tests that lowered layers give the same results."""

import collections

import numpy as np
import pytest

from keras_squeeze import models
from tests.backends import only_on
from tests.export.classifiers import randomise

pytestmark = only_on(
    "tensorflow", reason="models are converted with the TensorFlow backend"
)

SMALL = {
    "vocabulary_size": 50,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "embedding_dim": 8,
    "max_sequence_length": 12,
}


def mobile_bert(bottleneck_dim=8, **kwargs):
    return models.MobileBertBackbone(
        bottleneck_dim=bottleneck_dim, **SMALL, **kwargs
    )


def squeeze_bert(**kwargs):
    return models.SqueezeBertBackbone(
        **{**SMALL, "embedding_dim": 16, **kwargs}
    )


CASES = {
    "shared bottleneck": (mobile_bert, {}),
    "layer normalization": (
        mobile_bert,
        {"normalization_type": "layer_norm"},
    ),
    "bottleneck attention": (mobile_bert, {"use_bottleneck_attention": True}),
    "attention at full width": (
        mobile_bert,
        {"key_query_shared_bottleneck": False, "bottleneck_dim": 16},
    ),
    "no bottleneck": (mobile_bert, {"use_bottleneck": False}),
    "heads in groups": (squeeze_bert, {"num_heads": 4}),
    "fewer heads than groups": (squeeze_bert, {}),
    "projections of different groups": (squeeze_bert, {"key_groups": 2}),
    "no groups": (
        squeeze_bert,
        {f"{name}_groups": 1 for name in ("query", "key", "value")},
    ),
}


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_lowering_keeps_the_values(case, per_channel):
    from keras_squeeze.export.conversion.lowering import lower

    build, kwargs = CASES[case]
    backbone = build(**kwargs)
    randomise(backbone)
    inputs = {
        "token_ids": np.arange(24).reshape(2, 12),
        "segment_ids": np.tile([0, 0, 0, 0, 1, 1], (2, 2)),
        "padding_mask": np.arange(12) < [[12], [7]],
    }
    inputs = {name: x.astype("int32") for name, x in inputs.items()}
    expected = backbone(inputs)
    before = [layer.call for layer in backbone._flatten_layers()]
    lower(backbone, per_channel)
    after = [layer.call for layer in backbone._flatten_layers()]
    changed = sum(x != y for x, y in zip(before, after, strict=True))
    assert changed >= (9 if per_channel else 4)
    for name, output in backbone(inputs).items():
        np.testing.assert_allclose(output, expected[name], rtol=1e-4, atol=1e-5)


def operations(backbone):
    """The kinds of operations of a backbone when it is converted."""
    import tensorflow as tf

    specs = {
        x.name: tf.TensorSpec((1, 12), x.dtype, name=x.name)
        for x in backbone.inputs
    }
    graph = tf.function(backbone.call, autograph=False)
    graph = graph.get_concrete_function(specs).graph
    return collections.Counter(op.type for op in graph.get_operations())


def test_projections_of_the_same_features_are_one_product():
    from keras_squeeze.export.conversion.lowering import lower

    backbone = mobile_bert()
    lower(backbone)
    counts = operations(backbone)
    # In each of two layers: the projections of the features and of their
    # bottleneck, the attention output, four feed-forward networks and the
    # output bottleneck. There are also the embeddings and the pooler.
    assert counts["MatMul"] <= 2 * (2 + 1 + 2 * 4 + 1) + 2
    # A lookup that counts negative ids from the end would have these.
    assert not counts.keys() & {"Less", "SelectV2"}


def test_groups_of_features_meet_only_where_they_must():
    from keras_squeeze.export.conversion.lowering import lower

    backbone = squeeze_bert(num_heads=4)
    lower(backbone)
    counts = operations(backbone)
    # In each of two layers: the features before attention and before the
    # feed-forward network, query, key and value in four groups, and the weights
    # and biases of the network. The features between its layers stay split.
    assert counts["Softmax"] == 2 * 4
    assert counts["Split"] == 2 * (2 + 4 + 4)
