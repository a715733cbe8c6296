"""Tests checkpoints in Google's layout, which are written here.

The oracle is transformers, with which the published one was converted.
"""

import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
import transformers
from transformers.models.mobilebert import modeling_mobilebert

from keras_squeeze import cli
from keras_squeeze import models
from keras_squeeze.checkpoints.original import CHECKPOINT
from keras_squeeze.layers.activations import gelu_tanh
from tests.checkpoint_folders import VOCABULARY
from tests.checkpoint_folders import assert_close
from tests.model_oracle import random_inputs
from tests.model_oracle import run
from tests.task_checks import to_numpy
from tests.transformers_versions import needs_transformers_4

converted_by_theirs = needs_transformers_4(
    "a converter of TensorFlow's checkpoints"
)

# The fields of the published checkpoint, with smaller sizes.
CONFIG = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "relu",
    "hidden_dropout_prob": 0.0,
    "hidden_size": 24,
    "initializer_range": 0.02,
    "intermediate_size": 20,
    "max_position_embeddings": 32,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
    "vocab_size": len(VOCABULARY),
    "embedding_size": 12,
    "trigram_input": True,
    "use_bottleneck": True,
    "intra_bottleneck_size": 16,
    "key_query_shared_bottleneck": True,
    "num_feedforward_networks": 4,
    "normalization_type": "no_norm",
    "classifier_activation": False,
}
BODY = {
    "bert/embeddings/word_embeddings": (len(VOCABULARY), 12),
    "bert/embeddings/token_type_embeddings": (2, 24),
    "bert/embeddings/position_embeddings": (32, 24),
    "bert/embeddings/embedding_transformation/kernel": (36, 24),
    "bert/embeddings/embedding_transformation/bias": (24,),
    "bert/embeddings/FakeLayerNorm/gamma": (24,),
    "bert/embeddings/FakeLayerNorm/beta": (24,),
}
PRETRAINING = {
    "cls/predictions/transform/dense/kernel": (24, 24),
    "cls/predictions/transform/dense/bias": (24,),
    "cls/predictions/transform/LayerNorm/gamma": (24,),
    "cls/predictions/transform/LayerNorm/beta": (24,),
    "cls/predictions/output_bias": (len(VOCABULARY),),
    "cls/predictions/extra_output_weights": (len(VOCABULARY), 12),
    "cls/seq_relationship/output_weights": (2, 24),
    "cls/seq_relationship/output_bias": (2,),
}
SQUAD = {"cls/squad/output_weights": (2, 24), "cls/squad/output_bias": (2,)}
CLASSIFIER = {"output_weights": (3, 24), "output_bias": (3,)}


def variables_of_layers():
    """The variables of the encoder, by the scopes of the original code."""
    shapes = {}

    def dense(scope, inputs, outputs, norm=True):
        shapes[f"{scope}/dense/kernel"] = (inputs, outputs)
        shapes[f"{scope}/dense/bias"] = (outputs,)
        if norm:
            shapes[f"{scope}/FakeLayerNorm/gamma"] = (outputs,)
            shapes[f"{scope}/FakeLayerNorm/beta"] = (outputs,)

    for i in range(CONFIG["num_hidden_layers"]):
        layer = f"bert/encoder/layer_{i}"
        dense(f"{layer}/bottleneck/input", 24, 16)
        dense(f"{layer}/bottleneck/attention", 24, 16)
        for name, size in (("query", 16), ("key", 16), ("value", 24)):
            shapes[f"{layer}/attention/self/{name}/kernel"] = (size, 16)
            shapes[f"{layer}/attention/self/{name}/bias"] = (16,)
        dense(f"{layer}/attention/output", 16, 16)
        for network in ("ffn_layer_0/", "ffn_layer_1/", "ffn_layer_2/", ""):
            dense(f"{layer}/{network}intermediate", 16, 20, norm=False)
            dense(f"{layer}/{network}output", 20, 16)
        dense(f"{layer}/output/bottleneck", 16, 24)
    return shapes


def write_checkpoint(
    folder, head, config_name="bert_config.json", replaced=None
):
    """Write what a TensorFlow 1 training saves, including its optimizer."""
    shapes = {**BODY, **variables_of_layers(), **head}
    slots = {
        f"{name}/{slot}": shape
        for name, shape in shapes.items()
        for slot in ("adam_m", "adam_v")
    }
    random = np.random.default_rng(0)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, shape in {**shapes, **slots}.items():
            values = random.normal(scale=0.1, size=shape).astype("float32")
            if name.endswith("gamma"):
                values += 1.0
            if replaced and name in replaced:
                values[:1] = replaced[name]
            tf.compat.v1.get_variable(
                name, initializer=values, use_resource=False
            )
        tf.compat.v1.train.get_or_create_global_step()
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(
            session, str(folder / CHECKPOINT), write_meta_graph=False
        )
    (folder / config_name).write_text(json.dumps(CONFIG))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return str(folder)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("pretrained"), PRETRAINING)


@pytest.fixture
def copied(pretrained, tmp_path):
    """A copy of the checkpoint's folder, to damage."""
    return pathlib.Path(shutil.copytree(pretrained, tmp_path / "copied"))


def load_theirs(cls, folder):
    config = transformers.MobileBertConfig(**CONFIG)
    model = cls(config).eval()
    return modeling_mobilebert.load_tf_weights_in_mobilebert(
        model, config, f"{folder}/{CHECKPOINT}"
    )


@converted_by_theirs
def test_pretrained(pretrained):
    theirs = load_theirs(transformers.MobileBertForPreTraining, pretrained)
    inputs = random_inputs(len(VOCABULARY), batch=3, length=9)
    expected = run(theirs, inputs)
    inputs["mask_positions"] = np.tile(np.arange(9, dtype="int32"), (3, 1))
    task = models.MobileBertPretraining.from_preset(pretrained)
    outputs = to_numpy(task(inputs))
    assert_close(outputs["prediction_logits"], expected.prediction_logits)
    assert_close(
        outputs["seq_relationship_logits"], expected.seq_relationship_logits
    )
    masked_lm = models.MobileBertMaskedLM.from_preset(pretrained)
    assert_close(to_numpy(masked_lm(inputs)), expected.prediction_logits)


@converted_by_theirs
def test_backbone_and_tokenizer(pretrained):
    theirs = load_theirs(transformers.MobileBertForPreTraining, pretrained)
    inputs = random_inputs(len(VOCABULARY), batch=3, length=9)
    backbone = models.MobileBertBackbone.from_preset(pretrained)
    outputs = to_numpy(backbone(inputs))
    expected = run(theirs.mobilebert, inputs)
    assert_close(outputs["sequence_output"], expected.last_hidden_state)
    assert_close(outputs["pooled_output"], expected.pooler_output)
    tokenizer = models.MobileBertTokenizer.from_preset(pretrained)
    assert tokenizer.get_vocabulary() == VOCABULARY


def test_variables_that_are_not_finite(tmp_path):
    name = "bert/encoder/layer_0/attention/output/dense/bias"
    write_checkpoint(tmp_path, {}, replaced={name: np.nan})
    with pytest.raises(
        ValueError, match=r"attention.output.dense.bias \(NaN or infinity"
    ):
        models.MobileBertBackbone.from_preset(str(tmp_path))


def test_sizes_of_another_model(tmp_path):
    write_checkpoint(tmp_path, {})
    path = tmp_path / "bert_config.json"
    path.write_text(json.dumps({**CONFIG, "vocab_size": 10**9}))
    with pytest.raises(ValueError, match="vocabulary_size=1000000000"):
        models.MobileBertBackbone.from_preset(str(tmp_path))


def test_head_of_questions(tmp_path):
    folder = write_checkpoint(tmp_path, SQUAD)
    task = models.MobileBertQuestionAnswering.from_preset(folder)
    reader = tf.train.load_checkpoint(f"{folder}/{CHECKPOINT}")
    kernel, bias = map(to_numpy, task.output_dense.weights)
    expected = reader.get_tensor("cls/squad/output_weights")
    np.testing.assert_array_equal(kernel, expected.T)
    expected = reader.get_tensor("cls/squad/output_bias")
    np.testing.assert_array_equal(bias, expected)


def test_head_of_classes(tmp_path):
    folder = write_checkpoint(tmp_path, CLASSIFIER, "config.json")
    task = models.MobileBertTextClassifier.from_preset(folder)
    assert task.num_classes == 3
    reader = tf.train.load_checkpoint(f"{folder}/{CHECKPOINT}")
    kernel, bias = map(to_numpy, task.output_dense.weights)
    expected = reader.get_tensor("output_weights")
    np.testing.assert_array_equal(kernel, expected.T)
    np.testing.assert_array_equal(bias, reader.get_tensor("output_bias"))
    # A new head, for another task.
    task = models.MobileBertTextClassifier.from_preset(folder, num_classes=2)
    assert task.output_dense.kernel.shape == (24, 2)


def test_conversion(pretrained, tmp_path, capsys):
    preset = str(tmp_path / "preset")
    assert cli.main(["convert", pretrained, preset]) == 0
    assert "MobileBertPretraining." in capsys.readouterr().out
    expected, loaded = (
        models.MobileBertPretraining.from_preset(path).get_weights()
        for path in (pretrained, preset)
    )
    for one, other in zip(expected, loaded, strict=True):
        np.testing.assert_array_equal(one, other)


def test_configuration_of_another_model(copied):
    # Missing fields mean the defaults of the original code.
    config = dict(CONFIG)
    for name in ("type_vocab_size", "classifier_activation"):
        del config[name]
    (copied / "bert_config.json").write_text(
        json.dumps({**config, "hidden_act": "gelu"})
    )
    backbone = models.MobileBertBackbone.from_preset(
        str(copied), load_weights=False
    )
    assert backbone.num_segments == 16
    assert backbone.classifier_activation is True
    assert backbone.activation is gelu_tanh


def test_no_configuration(copied):
    (copied / "bert_config.json").unlink()
    with pytest.raises(ValueError, match="but not its configuration"):
        models.MobileBertBackbone.from_preset(str(copied))
    name = "uncased_L-24_H-128_B-512_A-4_F-4_OPT.json"
    (copied / name).write_text(json.dumps(CONFIG))
    backbone = models.MobileBertBackbone.from_preset(str(copied))
    assert backbone.num_layers == 2


def test_no_data(copied):
    next(copied.glob("*.data-*")).unlink()
    with pytest.raises(ValueError, match="data-00000.*missing"):
        models.MobileBertBackbone.from_preset(str(copied))


@pytest.mark.parametrize("ending", ["index", "data-00000-of-00001"])
def test_damaged(copied, ending):
    path = copied / f"{CHECKPOINT}.{ending}"
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 4 :] = bytes(len(contents) // 2)
    path.write_bytes(contents)
    with pytest.raises(ValueError, match="Cannot read"):
        models.MobileBertBackbone.from_preset(str(copied))


def test_variables_are_missing(copied):
    (copied / "bert_config.json").write_text(
        json.dumps({**CONFIG, "num_hidden_layers": 3})
    )
    with pytest.raises(ValueError, match=r"Missing \(46\):\n  encoder.layer.2"):
        models.MobileBertBackbone.from_preset(str(copied))


@converted_by_theirs
def test_other_weights_come_first(copied):
    theirs = load_theirs(transformers.MobileBertForPreTraining, copied)
    theirs.save_pretrained(copied)
    next(copied.glob("*.data-*")).unlink()
    backbone = models.MobileBertBackbone.from_preset(str(copied))
    assert backbone.num_layers == 2
