"""Tests against the configurations and activations of transformers."""

import inspect

import keras
import numpy as np
import pytest
import torch
import transformers
from transformers.activations import ACT2FN

from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from tests.checkpoint_folders import MODELS
from tests.tiny import tiny_backbone

# They have weights, which checkpoints cannot store.
LEARNED = {"prelu", "xielu"}
CHANGED_IN_BOTH = {
    "vocab_size": 61,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "hidden_dropout_prob": 0.2,
    "attention_probs_dropout_prob": 0.3,
    "max_position_embeddings": 33,
    "type_vocab_size": 3,
    "initializer_range": 0.04,
    "layer_norm_eps": 1e-3,
    "pad_token_id": 4,
}
CHANGED = {
    "mobilebert": {
        **CHANGED_IN_BOTH,
        "hidden_size": 24,
        "intermediate_size": 20,
        "hidden_act": "gelu_new",
        "embedding_size": 12,
        "trigram_input": False,
        "use_bottleneck": True,
        "intra_bottleneck_size": 16,
        "use_bottleneck_attention": True,
        "key_query_shared_bottleneck": False,
        "num_feedforward_networks": 3,
        "normalization_type": "layer_norm",
        "classifier_activation": False,
    },
    "squeezebert": {
        **CHANGED_IN_BOTH,
        "hidden_size": 32,
        "intermediate_size": 48,
        "hidden_act": "relu",
        "embedding_size": 32,
        "q_groups": 1,
        "k_groups": 2,
        "v_groups": 8,
        "post_attention_groups": 4,
        "intermediate_groups": 16,
        "output_groups": 2,
    },
}


def architecture_of(model):
    return ARCHITECTURES[model.config().model_type]


@pytest.mark.parametrize("model", MODELS)
def test_every_field_both_ways(model):
    architecture = architecture_of(model)
    fields = CHANGED[architecture.model_type]
    config = model.config(**fields).to_dict()
    assert config.items() >= fields.items()
    kwargs = architecture.config_map.backbone_kwargs(config)
    assert set(architecture.config_map.fields) == set(fields)
    assert architecture.config_map.config(
        architecture.backbone_cls(**kwargs)
    ) == pytest.approx(fields)


@pytest.mark.parametrize("model", MODELS)
def test_absent_fields_have_the_published_defaults(model):
    architecture = architecture_of(model)
    assert architecture.config_map.backbone_kwargs({}) == {}
    defaults = inspect.signature(architecture.backbone_cls).parameters
    published = getattr(transformers, model.original + "Config")()
    for field, argument in architecture.config_map.fields.items():
        assert defaults[argument].default == getattr(published, field)


def activation(name):
    config_map = ARCHITECTURES["mobilebert"].config_map
    return config_map.backbone_kwargs({"hidden_act": name})["activation"]


@pytest.mark.parametrize("name", sorted(set(ACT2FN) - LEARNED))
def test_activation(name):
    x = np.concatenate(
        [np.linspace(-12, 12, 481), [-1e4, -100, 100, 1e4]]
    ).astype("float32")
    ours = keras.ops.convert_to_numpy(
        activation(name)(keras.ops.convert_to_tensor(x))
    )
    theirs = ACT2FN[name](torch.tensor(x)).numpy()
    tolerance = 1e-6 * np.maximum(1, np.abs(theirs))
    assert np.all(np.abs(ours - theirs) <= tolerance)


@pytest.mark.parametrize("name", [*sorted(LEARNED), "gelo", None])
def test_unknown_activation(name):
    with pytest.raises(ValueError, match=f"hidden_act={name!r}"):
        activation(name)


@pytest.mark.parametrize("name", sorted(set(ACT2FN) - LEARNED))
def test_activation_is_saved_with_the_model(name):
    function = activation(name)
    config = keras.activations.serialize(function)
    assert keras.activations.get(config) is function


def test_activation_without_a_name():
    architecture = ARCHITECTURES["squeezebert"]
    backbone = tiny_backbone(
        architecture.backbone_cls, 9, activation="hard_tanh"
    )
    with pytest.raises(ValueError, match="no name for the activation"):
        architecture.config_map.config(backbone)
