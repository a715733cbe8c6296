"""Lowered layers, compared with what they compute otherwise."""

import keras
import numpy as np
import pytest

from keras_squeeze import models
from tests.export.classifiers import randomise

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="models are converted with the TensorFlow backend",
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


def squeeze_bert():
    return models.SqueezeBertBackbone(**{**SMALL, "embedding_dim": 16})


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
    "SqueezeBERT": (squeeze_bert, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_lowering_keeps_the_values(case):
    from keras_squeeze.export.lowering import lower

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
    lower(backbone)
    after = [layer.call for layer in backbone._flatten_layers()]
    assert sum(x != y for x, y in zip(before, after, strict=True)) >= 9
    for name, output in backbone(inputs).items():
        np.testing.assert_allclose(output, expected[name], rtol=1e-4, atol=1e-5)


def test_projections_of_the_same_features_are_one_product():
    import tensorflow as tf

    from keras_squeeze.export.lowering import lower

    backbone = mobile_bert()
    lower(backbone)
    specs = {
        x.name: tf.TensorSpec((1, 12), x.dtype, name=x.name)
        for x in backbone.inputs
    }
    graph = tf.function(backbone.call, autograph=False)
    graph = graph.get_concrete_function(specs).graph
    products = [op for op in graph.get_operations() if op.type == "MatMul"]
    # Two layers of: what is projected from the features and from their
    # bottleneck, the attention's output, four feed-forward networks and the
    # output bottleneck. And the embeddings and the pooler.
    assert len(products) <= 2 * (2 + 1 + 2 * 4 + 1) + 2
    kinds = {op.type for op in graph.get_operations()}
    # Which a lookup that counts negative ids from the end would have.
    assert not kinds & {"Less", "SelectV2"}
