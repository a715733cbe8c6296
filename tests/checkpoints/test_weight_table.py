"""Tests against the state dictionaries of transformers."""

import itertools

import numpy as np
import pytest
import torch

from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from tests.checkpoint_folders import MODELS
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import original

# use_bottleneck, use_bottleneck_attention, key_query_shared_bottleneck
BOTTLENECKS = [
    (False, False, True),
    (True, True, True),
    (True, True, False),
    (True, False, True),
    (True, False, False),
]
# trigram_input, embedding_size
EMBEDDINGS = [(True, 8), (False, 8), (False, 16)]


class Tensors(dict):
    """An in-memory state dictionary."""

    def __init__(self, model):
        super().__init__(
            {name: value.numpy() for name, value in model.state_dict().items()}
        )

    def shape(self, name):
        return self[name].shape


def table_of(pytorch_model):
    return ARCHITECTURES[pytorch_model.config.model_type].weight_table


def backbone_for(pytorch_model):
    config = pytorch_model.config.to_dict()
    architecture = ARCHITECTURES[config["model_type"]]
    return architecture.backbone_cls(
        **architecture.config_map.backbone_kwargs(config)
    )


def check_both_directions(pytorch_model, unused=()):
    """Load the tensors here, and load the exported tensors in PyTorch."""
    table = table_of(pytorch_model)
    expected = Tensors(pytorch_model)
    backbone = backbone_for(pytorch_model)
    assert table.load(expected, backbone) == []
    found = table.state_dict(backbone)
    assert set(found) == {
        name for name in expected if not any(part in name for part in unused)
    }
    for name, value in found.items():
        assert value.dtype == "float32"
        np.testing.assert_array_equal(value, expected[name])
    tensors = {name: torch.tensor(value) for name, value in found.items()}
    fresh = type(pytorch_model)(pytorch_model.config)
    mismatch = fresh.load_state_dict(tensors, strict=not unused)
    assert set(mismatch.missing_keys) == set(expected) - set(found)
    assert mismatch.unexpected_keys == []


@pytest.mark.parametrize(
    "bottleneck, embeddings, num_networks, has_dense_pooler",
    list(itertools.product(BOTTLENECKS, EMBEDDINGS, (1, 3), (True, False))),
)
def test_mobile_bert(bottleneck, embeddings, num_networks, has_dense_pooler):
    use_bottleneck, use_attention, is_shared = bottleneck
    trigram_input, embedding_size = embeddings
    model = original(
        MobileBert,
        vocab_size=12,
        max_position_embeddings=8,
        num_hidden_layers=1,
        hidden_size=16,
        intermediate_size=12,
        intra_bottleneck_size=16 if not (use_attention or is_shared) else 8,
        use_bottleneck=use_bottleneck,
        use_bottleneck_attention=use_attention,
        key_query_shared_bottleneck=is_shared,
        trigram_input=trigram_input,
        embedding_size=embedding_size,
        num_feedforward_networks=num_networks,
        classifier_activation=has_dense_pooler,
        normalization_type="no_norm" if num_networks > 1 else "layer_norm",
    )
    # Layers that PyTorch creates but never calls.
    unused = []
    if use_attention and is_shared:
        unused.append("bottleneck.attention.")
    if not trigram_input and embedding_size == 16:
        unused.append("embedding_transformation.")
    check_both_directions(model, unused)


@pytest.mark.parametrize(
    "groups", [(1, 1, 1, 1, 1, 1), (1, 2, 4, 8, 2, 4), (4, 4, 4, 1, 4, 2)]
)
def test_squeeze_bert(groups):
    names = ("q", "k", "v", "post_attention", "intermediate", "output")
    model = original(
        SqueezeBert,
        vocab_size=12,
        max_position_embeddings=8,
        num_hidden_layers=1,
        **{
            f"{name}_groups": count
            for name, count in zip(names, groups, strict=True)
        },
    )
    check_both_directions(model)


@pytest.mark.parametrize("model", MODELS)
def test_head(model):
    pytorch_model = original(
        model, "ForSequenceClassification", num_hidden_layers=1, num_labels=3
    )
    expected = Tensors(pytorch_model)
    task = model.classifier_cls(backbone_for(pytorch_model), num_classes=3)
    table = table_of(pytorch_model)
    table.load(expected, task.backbone, task)
    found = table.state_dict(task.backbone, task)
    assert set(found) == {name.removeprefix(model.prefix) for name in expected}
    for name in expected:
        np.testing.assert_array_equal(
            found[name.removeprefix(model.prefix)], expected[name]
        )


@pytest.fixture
def small():
    """A checkpoint and a matching backbone."""
    pytorch_model = original(
        MobileBert, num_hidden_layers=1, num_feedforward_networks=2
    )
    return Tensors(pytorch_model), backbone_for(pytorch_model)


def table():
    return ARCHITECTURES["mobilebert"].weight_table


def test_reports_everything_that_is_wrong_at_once(small):
    tensors, backbone = small
    del tensors["embeddings.LayerNorm.bias"]
    del tensors["encoder.layer.0.attention.self.key.weight"]
    tensors["pooler.dense.bias"] = np.zeros(5, "float32")
    tensors["pooler.dense.weight"] = np.zeros((24, 23), "float32")
    # The tensor of a layer that this model does not have.
    tensors["encoder.layer.1.output.dense.bias"] = np.zeros(24, "float32")
    tensors["encoder.layer.0.ffn.1.output.dense.bias"] = np.zeros(16)
    tensors["adapter.weight"] = np.zeros(2, "float32")
    before = [np.array(w) for w in backbone.get_weights()]
    with pytest.raises(ValueError) as error:
        table().load(tensors, backbone)
    assert str(error.value).split("\n") == [
        "The checkpoint does not match the model.",
        "Missing (2):",
        "  embeddings.LayerNorm.bias",
        "  encoder.layer.0.attention.self.key.weight",
        "Unexpected (3):",
        "  encoder.layer.1.output.dense.bias",
        "  encoder.layer.0.ffn.1.output.dense.bias",
        "  adapter.weight",
        "Mismatched shapes (2):",
        "  pooler.dense.weight (expected (24, 24), received (24, 23))",
        "  pooler.dense.bias (expected (24,), received (5,))",
    ]
    for value, old_value in zip(backbone.get_weights(), before, strict=True):
        np.testing.assert_array_equal(value, old_value)


def test_lists_ten_of_a_kind(small):
    tensors, backbone = small
    for i in range(12):
        tensors[f"adapter.{i}"] = np.zeros(1)
    with pytest.raises(ValueError, match=r"Unexpected \(12\)") as error:
        table().load(tensors, backbone)
    assert str(error.value).endswith("\n  adapter.9\n  and 2 more")


def test_tensor_with_and_without_prefix(small):
    tensors, backbone = small
    name = "mobilebert.pooler.dense.bias"
    tensors[name] = np.ones(24, "float32")
    with pytest.raises(ValueError, match=rf"Unexpected \(1\):\n  {name}"):
        table().load(tensors, backbone)


def test_optional_tensors(small):
    tensors, backbone = small
    names = ["pooler.dense.weight", "pooler.dense.bias"]
    for name in names:
        del tensors[name]
    with pytest.raises(ValueError, match=r"Missing \(2\):\n  pooler"):
        table().load(tensors, backbone)
    assert table().load(tensors, backbone, optional="pooler.") == names


def test_heads_nobody_asks_for(small):
    tensors, backbone = small
    for name in ("cls.predictions.bias", "classifier.bias", "qa_outputs.bias"):
        tensors[name] = np.zeros(2, "float32")
    assert table().load(tensors, backbone) == []
