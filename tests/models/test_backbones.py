"""Tests both backbones against the PyTorch classes of transformers."""

import itertools
import re

import keras
import numpy as np
import pytest
import torch
import transformers
from keras import ops
from transformers.models.squeezebert import modeling_squeezebert

from keras_squeeze.models import MobileBertBackbone
from keras_squeeze.models import SqueezeBertBackbone
from keras_squeeze.models.mobile_bert.mobile_bert_checkpoint import (
    WEIGHT_TABLE as MOBILE_BERT_TABLE,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_layer import (
    SqueezeBertLayer,
)
from tests import model_oracle
from tests.task_checks import RUN_EAGERLY

MOBILE_BERT_CONFIGS = {
    "published_flags": {},
    "no_trigram": {"trigram_input": False},
    "no_trigram_same_width": {"trigram_input": False, "embedding_size": 24},
    "no_bottleneck": {"use_bottleneck": False},
    "bottleneck_attention": {"use_bottleneck_attention": True},
    "bottleneck_attention_alone": {
        "use_bottleneck_attention": True,
        "key_query_shared_bottleneck": False,
    },
    "separate_queries": {
        "key_query_shared_bottleneck": False,
        "intra_bottleneck_size": 24,
    },
    "one_feedforward": {"num_feedforward_networks": 1},
    "three_feedforward": {"num_feedforward_networks": 3},
    "layer_norm": {"normalization_type": "layer_norm", "layer_norm_eps": 1e-3},
    "no_pooler_activation": {"classifier_activation": False},
    "gelu": {"hidden_act": "gelu"},
}
SQUEEZE_BERT_CONFIGS = {
    "published_groups": {},
    "dense": {
        f"{name}_groups": 1
        for name in ("q", "k", "v", "intermediate", "output")
    },
    "epsilon": {"layer_norm_eps": 1e-3, "hidden_act": "relu"},
}


def reference(kind, folder, std=0.1, norm_mean=0.0, **kwargs):
    """A random PyTorch model, and our backbone loaded from its folder."""
    if kind == "mobile_bert":
        config = model_oracle.mobile_bert_config(**kwargs)
        original = transformers.MobileBertModel
        backbone_cls = MobileBertBackbone
    else:
        config = model_oracle.squeeze_bert_config(**kwargs)
        original = transformers.SqueezeBertModel
        backbone_cls = SqueezeBertBackbone
    model = model_oracle.randomized(
        original, config, std=std, norm_mean=norm_mean
    )
    model.save_pretrained(folder)
    return model, backbone_cls.from_preset(str(folder))


def worst_difference(model, backbone, inputs, relative_to_layer=False):
    """The largest difference from the original, relative to a scale.

    All hidden states and the pooled output are compared. The scale is the
    larger of 1 and the reference or, with `relative_to_layer`, the largest
    value of the layer.
    """
    expected = model_oracle.run(model, inputs, output_hidden_states=True)
    outputs = backbone.hidden_states_view()(inputs)
    return compare(expected, outputs, relative_to_layer)


def compare(expected, outputs, relative_to_layer=False):
    """Compare outputs in the way of `worst_difference()`."""
    pairs = [
        *zip(expected.hidden_states, outputs["hidden_states"], strict=True),
        (expected.last_hidden_state, outputs["sequence_output"]),
        (expected.pooler_output, outputs["pooled_output"]),
    ]
    worst = 0.0
    for wanted, got in pairs:
        wanted = wanted.numpy()
        got = ops.convert_to_numpy(got)
        assert np.isfinite(got).all()
        if relative_to_layer:
            scale = np.abs(wanted).max()
        else:
            scale = np.maximum(1, np.abs(wanted))
        worst = max(worst, float((np.abs(got - wanted) / scale).max()))
    return worst


@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        *(
            pytest.param("mobile_bert", flags, id=f"mobile_bert-{name}")
            for name, flags in MOBILE_BERT_CONFIGS.items()
        ),
        *(
            pytest.param("squeeze_bert", flags, id=f"squeeze_bert-{name}")
            for name, flags in SQUEEZE_BERT_CONFIGS.items()
        ),
    ],
)
def test_small_configurations_equal_the_original(kind, flags, tmp_path):
    model, backbone = reference(kind, tmp_path, **flags)
    for length in (1, 2, 7, 128, 512):
        inputs = model_oracle.random_inputs(60, 3, length)
        assert worst_difference(model, backbone, inputs) <= 1e-5


@pytest.mark.skipif(
    keras.config.backend() == "jax",
    reason="JAX compiles each of the published sizes for a minute",
)
@pytest.mark.parametrize("kind", ["mobile_bert", "squeeze_bert"])
def test_published_sizes_equal_the_original(kind, tmp_path):
    published = {
        "mobile_bert": transformers.MobileBertConfig,
        "squeeze_bert": transformers.SqueezeBertConfig,
    }[kind]().to_dict()
    model, backbone = reference(kind, tmp_path, **published)
    for length in (1, 2, 7, 128, 512):
        inputs = model_oracle.random_inputs(30522, 2, length)
        difference = worst_difference(
            model, backbone, inputs, relative_to_layer=True
        )
        assert difference <= 1e-4, f"length {length}: {difference}"


def test_activations_of_the_published_size_of_1e7(tmp_path):
    # Google's checkpoint has such activations. Norm weights of about two in the
    # last norm of each layer reproduce them here.
    config = transformers.MobileBertConfig(classifier_activation=False)
    model = model_oracle.randomized(transformers.MobileBertModel, config)
    with torch.no_grad():
        for layer in model.encoder.layer:
            weight = layer.output.bottleneck.LayerNorm.weight
            weight.copy_(2.0 + 0.1 * torch.randn(weight.shape))
    model.save_pretrained(tmp_path)
    backbone = MobileBertBackbone.from_preset(str(tmp_path))
    inputs = model_oracle.random_inputs(30522, 2, 24)
    states = model_oracle.run(model, inputs).last_hidden_state
    assert states.abs().max() >= 1e7
    difference = worst_difference(
        model, backbone, inputs, relative_to_layer=True
    )
    assert difference <= 1e-4


@pytest.mark.parametrize("kind", ["mobile_bert", "squeeze_bert"])
def test_the_comparison_sees_every_single_tensor(kind, tmp_path):
    """Zeroing any tensor, or swapping two of the same shape, is detected."""
    # Queries and keys only matter if the attention is far from uniform.
    model, backbone = reference(kind, tmp_path, std=0.2, norm_mean=1.0)
    inputs = model_oracle.random_inputs(60, 3, 7)
    expected = model_oracle.run(model, inputs, output_hidden_states=True)
    # Compiled once for over a hundred calls.
    view = backbone.hidden_states_view()

    def is_seen():
        return compare(expected, view.predict_on_batch(inputs)) > 1e-5

    assert not is_seen()
    weights = backbone.weights
    values = [ops.convert_to_numpy(weight).copy() for weight in weights]
    by_shape = {}
    for i, value in enumerate(values):
        by_shape.setdefault(value.shape, []).append(i)
    for i, (weight, value) in enumerate(zip(weights, values, strict=True)):
        weight.assign(np.zeros_like(value))
        # The bias of a key adds the same value to all scores of a query.
        assert is_seen() != weight.path.endswith("key/bias"), weight.path
        weight.assign(value)
        j = next((j for j in by_shape[value.shape] if j > i), None)
        if j is not None:
            weight.assign(values[j])
            weights[j].assign(value)
            assert is_seen(), (weight.path, weights[j].path)
            weight.assign(value)
            weights[j].assign(values[j])
    assert not is_seen()


def test_every_combination_of_group_counts():
    names = ("q", "k", "v", "post_attention", "intermediate", "output")
    x = np.random.default_rng(0).normal(size=(2, 3, 8)).astype("float32")
    for groups in itertools.product((1, 2), repeat=6):
        counts = dict(
            zip((f"{name}_groups" for name in names), groups, strict=True)
        )
        config = transformers.SqueezeBertConfig(
            hidden_size=8,
            embedding_size=8,
            num_attention_heads=2,
            intermediate_size=12,
            **counts,
        )
        torch.manual_seed(0)
        module = modeling_squeezebert.SqueezeBertModule(config).eval()
        counts["query_groups"] = counts.pop("q_groups")
        counts["key_groups"] = counts.pop("k_groups")
        counts["value_groups"] = counts.pop("v_groups")
        layer = SqueezeBertLayer(
            num_heads=2,
            intermediate_dim=12,
            activation="gelu",
            dropout=0.0,
            attention_dropout=0.0,
            **counts,
        )
        layer.build((2, 3, 8))
        pairs = [
            (module.attention.query, layer.query),
            (module.attention.key, layer.key),
            (module.attention.value, layer.value),
            (module.post_attention.conv1d, layer.post_attention.dense),
            (module.intermediate.conv1d, layer.intermediate),
            (module.output.conv1d, layer.output_projection.dense),
        ]
        with torch.no_grad():
            for theirs, ours in pairs:
                theirs.weight.normal_(0, 0.3)
                theirs.bias.normal_(0, 0.3)
                ours.kernel.assign(theirs.weight.numpy().transpose())
                ours.bias.assign(theirs.bias.numpy())
            expected = module(
                torch.tensor(x).permute(0, 2, 1), torch.zeros(2, 1, 1, 3), False
            )["feature_map"]
        np.testing.assert_allclose(
            ops.convert_to_numpy(layer(x)),
            expected.permute(0, 2, 1).numpy(),
            atol=1e-5,
            err_msg=str(counts),
        )


def test_optional_call_arguments_equal_the_original(tmp_path):
    model, backbone = reference("mobile_bert", tmp_path)
    random = np.random.default_rng(1)
    inputs = model_oracle.random_inputs(60, 2, 6)
    positions = random.integers(0, 500, (2, 6), dtype="int32")
    mask = random.integers(0, 2, (2, 6, 6), dtype="int32")
    mask[:, :, 0] = 1
    embeddings = random.normal(size=(2, 6, 12)).astype("float32")
    head_mask = np.array([[1.0, 0.0], [0.5, 1.0]], "float32")
    with torch.no_grad():
        expected = model(
            inputs_embeds=torch.tensor(embeddings),
            attention_mask=torch.tensor(mask),
            token_type_ids=torch.tensor(inputs["segment_ids"]).long(),
            position_ids=torch.tensor(positions).long(),
            head_mask=torch.tensor(head_mask),
            output_attentions=True,
            output_hidden_states=True,
        )
    outputs = backbone.encode(
        input_embeddings=ops.convert_to_tensor(embeddings),
        segment_ids=inputs["segment_ids"],
        padding_mask=mask,
        position_ids=positions,
        head_mask=[
            ops.reshape(ops.convert_to_tensor(row), (1, 2, 1, 1))
            for row in head_mask
        ],
        return_attention=True,
    )
    for key, name in (
        ("hidden_states", "hidden_states"),
        ("attention_probabilities", "attentions"),
    ):
        for got, wanted in zip(outputs[key], expected[name], strict=True):
            np.testing.assert_allclose(
                ops.convert_to_numpy(got), wanted.numpy(), atol=1e-5
            )
    np.testing.assert_allclose(
        ops.convert_to_numpy(outputs["pooled_output"]),
        expected.pooler_output.numpy(),
        atol=1e-5,
    )


def test_squeeze_bert_gives_the_attention_scores_of_the_original(tmp_path):
    model, backbone = reference("squeeze_bert", tmp_path)
    inputs = model_oracle.random_inputs(60, 2, 5)
    inputs["padding_mask"][:] = 1
    expected = model_oracle.run(model, inputs, output_attentions=True)
    outputs = backbone.encode(**inputs, return_attention=True)
    for got, wanted in zip(
        outputs["attention_scores"], expected.attentions, strict=True
    ):
        np.testing.assert_allclose(
            ops.convert_to_numpy(got), wanted.numpy(), atol=1e-5
        )


def small_backbone(kind, **kwargs):
    if kind == "mobile_bert":
        return MobileBertBackbone(
            **{
                "vocabulary_size": 60,
                "num_layers": 2,
                "num_heads": 2,
                "hidden_dim": 24,
                "intermediate_dim": 20,
                "embedding_dim": 12,
                "bottleneck_dim": 16,
                **kwargs,
            }
        )
    return SqueezeBertBackbone(
        **{
            "vocabulary_size": 60,
            "num_layers": 2,
            "num_heads": 4,
            "hidden_dim": 32,
            "embedding_dim": 32,
            "intermediate_dim": 64,
            **kwargs,
        }
    )


@pytest.mark.parametrize("kind", ["mobile_bert", "squeeze_bert"])
@pytest.mark.parametrize(
    "policy", ["float32", "mixed_bfloat16", "mixed_float16", "bfloat16"]
)
def test_dtype_policies_reach_every_sublayer(kind, policy):
    backbone = small_backbone(kind, dtype=policy)
    policy = keras.dtype_policies.get(policy)
    for layer in backbone._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.InputLayer):
            continue
        assert layer.dtype_policy.name == policy.name, layer.path
    for weight in backbone.weights:
        assert weight.dtype == policy.variable_dtype, weight.path
    inputs = model_oracle.random_inputs(60, 3, 9)
    # A row that is all padding attends to everything, and stays finite.
    inputs["padding_mask"][1] = 0
    outputs = backbone(inputs)
    for value in outputs.values():
        assert keras.backend.standardize_dtype(value.dtype) == (
            policy.compute_dtype
        )
        value = ops.convert_to_numpy(ops.cast(value, "float32"))
        assert np.isfinite(value).all()


@pytest.mark.parametrize(
    "policy", ["float32", "mixed_bfloat16", "mixed_float16", "bfloat16"]
)
@pytest.mark.parametrize("kind", ["mobile_bert", "squeeze_bert"])
def test_masked_tokens_have_no_effect(kind, policy):
    kwargs = {"trigram_input": False} if kind == "mobile_bert" else {}
    backbone = small_backbone(
        kind, dtype=policy, initializer_range=0.3, **kwargs
    )
    inputs = model_oracle.random_inputs(60, 2, 8)
    inputs["padding_mask"][:, 5:] = 0
    inputs["padding_mask"][:, :5] = 1
    other = {**inputs, "token_ids": inputs["token_ids"].copy()}
    other["token_ids"][:, 5:] = (other["token_ids"][:, 5:] + 7) % 60
    kept, changed = (
        ops.convert_to_numpy(
            ops.cast(backbone(x)["sequence_output"], "float32")
        )
        for x in (inputs, other)
    )
    np.testing.assert_array_equal(kept[:, :5], changed[:, :5])
    assert not np.array_equal(kept[:, 5:], changed[:, 5:])


@pytest.mark.parametrize("kind", ["mobile_bert", "squeeze_bert"])
def test_saving_configuration_and_summary(kind, tmp_path):
    backbone = small_backbone(kind, activation="silu", dropout=0.2)
    assert re.fullmatch(rf"{kind}_backbone(_\d+)?", backbone.name)
    restored = type(backbone).from_config(backbone.get_config())
    assert restored.get_config() == backbone.get_config()
    path = str(tmp_path / "backbone.keras")
    backbone.save(path)
    loaded = keras.models.load_model(path)
    assert type(loaded) is type(backbone)
    inputs = model_oracle.random_inputs(60, 2, 5)
    np.testing.assert_array_equal(
        ops.convert_to_numpy(loaded(inputs)["pooled_output"]),
        ops.convert_to_numpy(backbone(inputs)["pooled_output"]),
    )
    lines = []
    backbone.summary(print_fn=lambda text, **_: lines.append(text))
    assert f"{backbone.count_params():,}" in "\n".join(lines)


@pytest.mark.parametrize("kind", ["mobile_bert", "squeeze_bert"])
def test_lora_trains_only_queries_and_values(kind):
    backbone = small_backbone(kind, initializer_range=0.3)
    backbone.enable_lora(2)
    # Two matrices and a bias, for the query and the value of two layers.
    paths = [weight.path for weight in backbone.trainable_weights]
    assert len(paths) == 12
    assert all("/query/" in path or "/value/" in path for path in paths)
    inputs = model_oracle.random_inputs(60, 2, 5)
    before = ops.convert_to_numpy(backbone(inputs)["pooled_output"])
    for weight in backbone.trainable_weights:
        weight.assign(ops.ones(weight.shape))
    after = ops.convert_to_numpy(backbone(inputs)["pooled_output"])
    assert np.abs(after - before).max() > 1e-3


@pytest.mark.parametrize("kind", ["mobile_bert", "squeeze_bert"])
def test_every_trainable_weight_learns(kind):
    backbone = small_backbone(kind, initializer_range=0.3)
    outputs = backbone.output
    pooled = keras.layers.Dense(1)(outputs["pooled_output"])
    pieces = keras.layers.Dense(1)(outputs["sequence_output"])
    model = keras.Model(backbone.input, [pooled, pieces])
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=["mse", "mse"],
        run_eagerly=RUN_EAGERLY,
    )
    before = [ops.convert_to_numpy(w).copy() for w in backbone.weights]
    inputs = model_oracle.random_inputs(60, 4, 6)
    targets = [np.ones((4, 1)), np.ones((4, 6, 1))]
    model.train_on_batch(inputs, targets)
    for weight, old in zip(backbone.weights, before, strict=True):
        new = ops.convert_to_numpy(weight)
        assert np.isfinite(new).all(), weight.path
        # The softmax does not depend on a key's bias, except for rounding.
        if not weight.path.endswith("key/bias"):
            assert not np.array_equal(new, old), weight.path


@pytest.mark.parametrize(
    ("kind", "kwargs", "message"),
    [
        ("mobile_bert", {"num_heads": 3}, "`bottleneck_dim` must be divisible"),
        (
            "mobile_bert",
            {"num_heads": 5, "use_bottleneck": False},
            "`hidden_dim` must be divisible",
        ),
        (
            "mobile_bert",
            {"key_query_shared_bottleneck": False},
            "`bottleneck_dim` must be equal to `hidden_dim`",
        ),
        ("mobile_bert", {"normalization_type": "batch"}, "normalization_type"),
        ("mobile_bert", {"num_feedforward_networks": 0}, "positive integer"),
        ("mobile_bert", {"dropout": 1.5}, "`dropout` must be a number"),
        ("squeeze_bert", {"num_heads": 5}, "`hidden_dim` must be divisible"),
        (
            "squeeze_bert",
            {"embedding_dim": 16},
            "`embedding_dim` must be equal",
        ),
        ("squeeze_bert", {"query_groups": 5}, "by `query_groups`"),
        (
            "squeeze_bert",
            {"output_groups": 16, "intermediate_dim": 40},
            "`intermediate_dim` must be divisible by `output_groups`",
        ),
        ("squeeze_bert", {"num_layers": "2"}, "num_layers='2'"),
    ],
)
def test_configurations_that_cannot_run_are_refused(kind, kwargs, message):
    with pytest.raises(ValueError, match=message):
        small_backbone(kind, **kwargs)


def test_sequences_longer_than_the_position_table_are_refused():
    backbone = small_backbone("mobile_bert", max_sequence_length=8)
    inputs = model_oracle.random_inputs(60, 1, 9)
    with pytest.raises(ValueError, match="must not be longer than the 8"):
        backbone(inputs)


def test_published_parameter_counts():
    # The counts of the PyTorch classes. Building the models takes a second.
    assert MobileBertBackbone().count_params() == 24_844_544
    assert SqueezeBertBackbone().count_params() == 51_089_664


def test_the_weight_table_names_every_weight():
    backbone = small_backbone("mobile_bert")
    named = MOBILE_BERT_TABLE.variables(backbone)
    assert len(named) == len(backbone.weights)


def test_layouts_need_both_axes_of_a_mesh():
    get_layout_map = MobileBertBackbone.get_layout_map
    with pytest.raises(ValueError, match="must be a `keras.distribution"):
        get_layout_map(["cpu:0"])
    mesh = keras.distribution.DeviceMesh((1, 1), ["data", "model"], ["cpu:0"])
    with pytest.raises(ValueError, match=r"'batch', and a .*\['data', 'model'"):
        get_layout_map(mesh)
    layouts = get_layout_map(mesh, data_parallel_dim_name="data")
    path = "transformer_layer_0/query/kernel"
    assert layouts[path].axes == ("data", "model")
