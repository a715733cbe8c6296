"""Tests the shared layers on their own."""

import json

import keras
import keras_hub
import numpy as np
import pytest
import torch
from keras import ops
from keras.src import testing as keras_testing
from transformers.models.mobilebert import modeling_mobilebert
from transformers.models.squeezebert import modeling_squeezebert

from keras_squeeze.distillation import transfers
from keras_squeeze.layers import activations
from keras_squeeze.layers.attention_mask import AttentionMask
from keras_squeeze.layers.bert_embeddings import BertEmbeddings
from keras_squeeze.layers.choices import ChoiceLogits
from keras_squeeze.layers.choices import FlattenChoices
from keras_squeeze.layers.dot_product_attention import DotProductAttention
from keras_squeeze.layers.first_token_pooler import FirstTokenPooler
from keras_squeeze.layers.grouped_dense import GroupedDense
from keras_squeeze.layers.masked_lm_head import MaskedLMHead
from keras_squeeze.layers.mean_pooling import MeanPooling
from keras_squeeze.layers.no_norm import NoNorm
from keras_squeeze.layers.projection_norm import ProjectionNorm
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)
from keras_squeeze.models.mobile_bert.mobile_bert_layer import MobileBertLayer
from keras_squeeze.models.squeeze_bert.squeeze_bert_layer import (
    SqueezeBertLayer,
)
from keras_squeeze.models.tasks.token_predictor import TokenPredictor
from tests import model_oracle
from tests.tiny import tiny_backbone

X = {"inputs": ((2, 3, 8), "float32")}


def masked_lm_head(**kwargs):
    embedding = keras.layers.ReversibleEmbedding(
        9, 4, name="token_embedding", dtype=kwargs.get("dtype")
    )
    return MaskedLMHead(embedding, 6, **kwargs)


def token_predictor(**kwargs):
    dtype = kwargs.get("dtype")
    backbone = tiny_backbone(
        MobileBertBackbone,
        9,
        max_sequence_length=8,
        dtype=dtype,
        name="backbone",
    )
    head = MaskedLMHead(backbone.token_embedding, 16, dtype=dtype, name="head")
    return TokenPredictor(backbone, head, **kwargs)


def masked_lm_transfer(**kwargs):
    head = masked_lm_head(dtype=kwargs.get("dtype"), name="head")
    return transfers.MaskedLMTransfer(head, **kwargs)


# The constructor of each layer, and its inputs.
LAYERS = [
    (NoNorm, {}, X),
    (GroupedDense, {"units": 12, "groups": 4, "activation": "gelu"}, X),
    (
        ProjectionNorm,
        {"units": 8, "dropout": 0.1},
        {**X, "residual": ((2, 3, 8), "float32")},
    ),
    (
        ProjectionNorm,
        {"units": 8, "groups": 2, "normalization_type": "no_norm"},
        X,
    ),
    (FirstTokenPooler, {"use_dense": True}, X),
    (FirstTokenPooler, {"use_dense": False}, X),
    (AttentionMask, {}, {"inputs": ((2, 3), "int32")}),
    (FlattenChoices, {}, {"inputs": ((2, 3, 4), "int32")}),
    (
        ChoiceLogits,
        {},
        {
            "scores": ((4, 1), "float32"),
            "padding_mask": ((2, 2, 3), "int32"),
        },
    ),
    (MeanPooling, {}, {**X, "padding_mask": ((2, 3), "int32")}),
    (
        BertEmbeddings,
        {
            "vocabulary_size": 9,
            "embedding_dim": 4,
            "hidden_dim": 8,
            "max_sequence_length": 8,
            "num_segments": 2,
            "trigram_input": True,
            "normalization_type": "no_norm",
        },
        {
            "token_ids": ((2, 3), "int32"),
            "segment_ids": ((2, 3), "int32"),
        },
    ),
    (
        DotProductAttention,
        {"num_heads": 2, "dropout": 0.1},
        {name: ((2, 3, 8), "float32") for name in ("query", "key", "value")},
    ),
    (masked_lm_head, {}, {**X, "mask_positions": ((2, 2), "int32")}),
    (
        token_predictor,
        {},
        {
            "inputs": {
                name: ((2, 3), "int32")
                for name in ("token_ids", "segment_ids", "padding_mask")
            }
        },
    ),
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
        X,
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
        X,
    ),
    (
        transfers.FeatureMapTransfer,
        {"student_layer": 1, "teacher_layer": 2, "teacher_dim": 6},
        X,
    ),
    (
        transfers.AttentionTransfer,
        {"student_layer": 1, "teacher_layer": 2},
        {"inputs": ((2, 2, 3, 3), "float32")},
    ),
    (transfers.PooledTransfer, {"dim": 6}, {"inputs": ((2, 8), "float32")}),
    (transfers.PairTransfer, {}, {"inputs": ((2, 8), "float32")}),
    (
        transfers.SimilarityTransfer,
        {},
        {"inputs": (((2, 3, 8), "float32"), ((2, 3), "int32"))},
    ),
    (
        masked_lm_transfer,
        {},
        {"inputs": (((2, 3, 8), "float32"), ((2, 2), "int32"))},
    ),
]
# The dtypes, as strings and as the policies that models pass on.
DTYPES = ["float32", "mixed_float16", "mixed_bfloat16"]


def map_specs(function, inputs):
    """Map a function over the shapes and dtypes of a structure."""
    if isinstance(inputs, dict):
        return {
            name: map_specs(function, part) for name, part in inputs.items()
        }
    if isinstance(inputs[1], str):
        return function(*inputs)
    return tuple(map_specs(function, part) for part in inputs)


def symbolic_input(shape, dtype):
    """An input of any length, with the same features as the array."""
    features = shape[1:] if len(shape) == 2 else (None, *shape[2:])
    return keras.Input(
        (None,) * (len(shape) - 1) if dtype == "int32" else features,
        dtype=dtype,
    )


def arrays(inputs):
    random = np.random.default_rng(0)

    def array(shape, dtype):
        if dtype == "int32":
            return random.integers(0, 2, shape).astype(dtype)
        return random.normal(size=shape).astype(dtype)

    return map_specs(array, inputs)


def test_every_registered_layer_is_tested():
    tested = {type(make(**kwargs)) for make, kwargs, _ in LAYERS}
    ours = {
        cls
        for cls in map(
            keras.saving.get_registered_object,
            keras.saving.get_custom_objects(),
        )
        if isinstance(cls, type)
        and issubclass(cls, keras.layers.Layer)
        # These have separate tests.
        and not issubclass(
            cls,
            (
                keras.Model,
                keras_hub.models.Preprocessor,
                keras_hub.tokenizers.Tokenizer,
            ),
        )
        and cls.__module__.startswith("keras_squeeze.")
    }
    assert ours == tested


@pytest.mark.parametrize(
    ("make", "kwargs", "inputs"),
    [
        row
        for row in LAYERS
        # Keras' test derives other inputs from the names of the arguments.
        if len(row[2]) == 1 and isinstance(row[0], type)
    ],
)
def test_layers_pass_the_test_of_keras(make, kwargs, inputs):
    (structure,) = inputs.values()
    is_trained = "int32" not in str(structure)
    layer_test = keras_testing.TestCase()
    layer_test.setUp()
    layer_test.run_layer_test(
        make,
        init_kwargs=kwargs,
        input_shape=map_specs(lambda shape, dtype: shape, structure),
        input_dtype=map_specs(lambda shape, dtype: dtype, structure),
        run_training_check=is_trained,
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("make", "kwargs", "inputs"), LAYERS)
def test_layers_serialize_build_and_infer_shapes(make, kwargs, inputs, dtype):
    policy = keras.DTypePolicy(dtype)
    layer = make(**kwargs, name="layer", dtype=policy)
    config = keras.saving.serialize_keras_object(layer)
    name = type(layer).__name__
    assert config["registered_name"] == f"keras_squeeze>{name}"
    copy = keras.saving.deserialize_keras_object(json.loads(json.dumps(config)))
    assert copy.get_config() == layer.get_config()
    assert copy.compute_dtype == policy.compute_dtype
    x = arrays(inputs)
    tensors = map_specs(symbolic_input, inputs)
    symbolic = layer(**tensors)
    outputs = layer(**x)
    assert_like(symbolic, outputs)
    for sublayer in layer._flatten_layers():
        # Input layers compute nothing.
        if not isinstance(sublayer, keras.layers.InputLayer):
            assert sublayer.compute_dtype == policy.compute_dtype
    for weight in layer.weights:
        if weight.dtype.startswith(("float", "bfloat")):
            assert weight.dtype == "float32"
    # Models are rebuilt from configs for copying, saving and exporting.
    model = keras.Model(keras.tree.flatten(tensors), symbolic)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    keras.tree.map_structure(
        lambda a, b: np.testing.assert_array_equal(
            *(ops.convert_to_numpy(ops.cast(t, "float32")) for t in (a, b))
        ),
        clone(keras.tree.flatten(x)),
        outputs,
    )


def assert_like(symbolic, outputs):
    """Check that the outputs match the symbolic outputs."""

    def check(spec, tensor):
        assert spec.dtype == keras.backend.standardize_dtype(tensor.dtype)
        assert len(spec.shape) == len(tensor.shape)
        for expected, found in zip(spec.shape, tensor.shape, strict=True):
            assert expected in (None, found)

    keras.tree.map_structure(check, symbolic, outputs)


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
