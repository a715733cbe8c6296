"""The shared layers, alone."""

import keras
import numpy as np
import pytest
import torch
from keras import ops
from transformers.models.mobilebert import modeling_mobilebert
from transformers.models.squeezebert import modeling_squeezebert

from keras_squeeze.layers import activations
from keras_squeeze.layers.attention_mask import AttentionMask
from keras_squeeze.layers.bert_embeddings import BertEmbeddings
from keras_squeeze.layers.dot_product_attention import DotProductAttention
from keras_squeeze.layers.first_token_pooler import FirstTokenPooler
from keras_squeeze.layers.grouped_dense import GroupedDense
from keras_squeeze.layers.masked_lm_head import MaskedLMHead
from keras_squeeze.layers.no_norm import NoNorm
from keras_squeeze.layers.projection_norm import ProjectionNorm
from keras_squeeze.models.mobile_bert.mobile_bert_layer import MobileBertLayer
from keras_squeeze.models.squeeze_bert.squeeze_bert_layer import (
    SqueezeBertLayer,
)
from tests import model_oracle

LAYERS = [
    (NoNorm, {}),
    (GroupedDense, {"units": 12, "groups": 4, "activation": "gelu"}),
    (ProjectionNorm, {"units": 8, "dropout": 0.1}),
    (
        ProjectionNorm,
        {"units": 8, "groups": 2, "normalization_type": "no_norm"},
    ),
    (FirstTokenPooler, {"use_dense": True}),
    (FirstTokenPooler, {"use_dense": False}),
    (
        MobileBertLayer,
        {
            "hidden_dim": 8,
            "bottleneck_dim": 4,
            "num_heads": 2,
            "intermediate_dim": 6,
            "num_feedforward_networks": 2,
            "use_bottleneck": True,
            "use_bottleneck_attention": False,
            "key_query_shared_bottleneck": True,
            "normalization_type": "no_norm",
            "activation": activations.quick_gelu,
            "dropout": 0.0,
            "attention_dropout": 0.1,
            "layer_norm_epsilon": 1e-12,
        },
    ),
    (
        SqueezeBertLayer,
        {
            "num_heads": 2,
            "intermediate_dim": 12,
            "query_groups": 2,
            "key_groups": 2,
            "value_groups": 2,
            "post_attention_groups": 1,
            "intermediate_groups": 2,
            "output_groups": 2,
            "activation": "gelu",
            "dropout": 0.0,
            "attention_dropout": 0.1,
        },
    ),
]


@pytest.mark.parametrize(("cls", "kwargs"), LAYERS)
def test_layers_serialize_build_and_infer_shapes(cls, kwargs):
    x = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
    layer = cls(**kwargs, name="layer")
    config = keras.saving.serialize_keras_object(layer)
    assert config["registered_name"] == f"keras_squeeze>{cls.__name__}"
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.get_config() == layer.get_config()
    symbolic = layer(keras.Input((None, 8)))
    outputs = layer(x)
    assert len(symbolic.shape) == len(outputs.shape)
    assert symbolic.shape[-1] == outputs.shape[-1]
    # A layer that is built from a shape alone can take saved weights.
    copy.build((None, None, 8))
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        ops.convert_to_numpy(copy(x)), ops.convert_to_numpy(outputs)
    )


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_grouped_dense_is_a_grouped_convolution(groups):
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    torch.manual_seed(0)
    reference = torch.nn.Conv1d(8, 12, 1, groups=groups)
    layer = GroupedDense(12, groups=groups)
    layer.build(x.shape)
    layer.kernel.assign(reference.weight.detach().numpy().transpose())
    layer.bias.assign(reference.bias.detach().numpy())
    expected = reference(torch.tensor(x).permute(0, 2, 1)).permute(0, 2, 1)
    product = ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(product, expected.detach().numpy(), atol=1e-6)


def test_grouped_dense_takes_lora():
    layer = GroupedDense(12, groups=4)
    layer.build((None, None, 8))
    layer.enable_lora(2)
    x = np.ones((1, 3, 8), "float32")
    before = ops.convert_to_numpy(layer(x))
    layer.lora_kernel_b.assign(ops.ones(layer.lora_kernel_b.shape))
    assert np.abs(ops.convert_to_numpy(layer(x)) - before).max() > 1e-3


def test_grouped_dense_refuses_groups_that_do_not_divide():
    with pytest.raises(ValueError, match="groups"):
        GroupedDense(10, groups=4)
    with pytest.raises(ValueError, match="groups"):
        GroupedDense(12, groups=4).build((None, None, 6))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["int32", "bool", "float32"])
def test_attention_mask_is_finite_and_decisive(dtype, kind):
    layer = AttentionMask(dtype=dtype)
    mask = np.array([[1, 1, 0], [0, 0, 0]]).astype(kind)
    bias = layer(mask)
    assert tuple(bias.shape) == (2, 1, 1, 3)
    scores = ops.cast(ops.full((2, 1, 3, 3), -50.0), dtype)
    weights = ops.softmax(ops.add(scores, bias), axis=-1)
    weights = ops.convert_to_numpy(ops.cast(weights, "float32"))
    np.testing.assert_allclose(weights[0, 0, 0], [0.5, 0.5, 0.0], atol=1e-3)
    np.testing.assert_allclose(weights[1, 0, 0], [1 / 3] * 3, atol=1e-2)


def test_attention_mask_of_three_axes_has_a_row_for_each_query():
    bias = AttentionMask()(np.ones((2, 4, 4), "int32"))
    assert tuple(bias.shape) == (2, 1, 4, 4)
    with pytest.raises(ValueError, match="attention mask must have the shape"):
        AttentionMask()(np.ones((2,), "int32"))


def test_attention_returns_scores_and_probabilities():
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    layer = DotProductAttention(num_heads=2)
    output, scores, probabilities = layer(x, x, x, return_attention=True)
    assert tuple(output.shape) == (2, 5, 8)
    reference = torch.nn.functional.scaled_dot_product_attention(
        *[torch.tensor(x).view(2, 5, 2, 4).transpose(1, 2)] * 3
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(output),
        reference.transpose(1, 2).reshape(2, 5, 8).numpy(),
        atol=1e-6,
    )
    np.testing.assert_allclose(
        ops.convert_to_numpy(probabilities),
        ops.convert_to_numpy(ops.softmax(scores, axis=-1)),
        atol=1e-6,
    )


def test_embeddings_take_exactly_one_of_ids_and_embeddings():
    layer = BertEmbeddings(10, 4, 8, 16, 2)
    with pytest.raises(ValueError, match="Exactly one of"):
        layer(
            token_ids=np.ones((1, 2), "int32"),
            input_embeddings=np.ones((1, 2, 4), "float32"),
        )


@pytest.mark.parametrize("kind", ["mobile_bert", "squeeze_bert"])
def test_masked_lm_head_equals_the_original(kind):
    if kind == "mobile_bert":
        config = model_oracle.mobile_bert_config()
        module = modeling_mobilebert.MobileBertLMPredictionHead
    else:
        config = model_oracle.squeeze_bert_config()
        module = modeling_squeezebert.SqueezeBertLMPredictionHead
    reference = model_oracle.randomized(module, config)
    embedding = keras.layers.ReversibleEmbedding(60, config.embedding_size)
    head = MaskedLMHead(
        embedding, config.hidden_size, activation=config.hidden_act
    )
    head.build((None, None, config.hidden_size))
    embedding.embeddings.assign(reference.decoder.weight.detach().numpy())
    head.dense.kernel.assign(
        reference.transform.dense.weight.detach().numpy().transpose()
    )
    head.dense.bias.assign(reference.transform.dense.bias.detach().numpy())
    head.norm.gamma.assign(
        reference.transform.LayerNorm.weight.detach().numpy()
    )
    head.norm.beta.assign(reference.transform.LayerNorm.bias.detach().numpy())
    head.bias.assign(reference.bias.detach().numpy())
    if kind == "mobile_bert":
        head.rest_kernel.assign(reference.dense.weight.detach().numpy())
    x = np.random.default_rng(0).normal(size=(2, 5, config.hidden_size))
    x = x.astype("float32")
    expected = reference(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(
        ops.convert_to_numpy(head(x)), expected, atol=1e-5
    )
    positions = np.array([[4, 0], [1, 1]], "int32")
    np.testing.assert_allclose(
        ops.convert_to_numpy(head(x, mask_positions=positions)),
        np.take_along_axis(expected, positions[..., None], axis=1),
        atol=1e-5,
    )


def test_masked_lm_head_may_be_narrower_than_its_input():
    embedding = keras.layers.ReversibleEmbedding(9, 4)
    head = MaskedLMHead(embedding, 4, activation="relu")
    head.build((None, None, 7))
    assert head.rest_kernel is None
    x = np.random.default_rng(0).normal(size=(2, 3, 7)).astype("float32")
    kernel, table = map(
        ops.convert_to_numpy, (head.dense.kernel, embedding.embeddings)
    )
    hidden = np.maximum(x @ kernel, 0.0)
    hidden -= hidden.mean(-1, keepdims=True)
    hidden /= np.sqrt(hidden.var(-1, keepdims=True) + head.epsilon)
    np.testing.assert_allclose(
        ops.convert_to_numpy(head(x)), hidden @ table.T, atol=1e-5
    )
