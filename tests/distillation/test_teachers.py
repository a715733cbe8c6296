"""Tests the teachers against the original models."""

import functools

import keras
import numpy as np
import pytest
import torch
import transformers

from keras_squeeze.distillation import BackboneTeacher
from keras_squeeze.distillation import HuggingFaceTeacher
from keras_squeeze.distillation import teachers
from tests.distillation.students import as_inputs
from tests.distillation.students import small_student
from tests.model_oracle import bert_config
from tests.model_oracle import randomized
from tests.tiny import SPECIAL_TOKENS
from tests.tiny import tiny_bert

INPUTS = as_inputs([[1, 8, 9, 2, 0], [1, 5, 6, 7, 2]], lengths=[4, 5])


def mean_of_tokens(states):
    return np.stack([states[0, :4].mean(0), states[1].mean(0)])


def test_backbone_of_ours():
    backbone = small_student()
    teacher = BackboneTeacher(
        backbone, hidden_layers=[0, 2], attention_layers=[1]
    )
    outputs = teacher.outputs(INPUTS)
    encoded = keras.tree.map_structure(
        keras.ops.convert_to_numpy,
        backbone.encode(**INPUTS, return_attention=True),
    )
    expected = {
        "hidden_0": encoded["hidden_states"][0],
        "hidden_2": encoded["hidden_states"][2],
        "attention_1": encoded["attention_probabilities"][0],
        "sentence": mean_of_tokens(encoded["sequence_output"]),
    }
    assert set(outputs) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, atol=1e-5)


def test_backbone_of_keras_hub():
    backbone = tiny_bert()
    teacher = BackboneTeacher(
        backbone, hidden_layers=[2], attention_layers=[1, 2]
    )
    outputs = teacher.outputs(INPUTS)
    last = backbone.predict(INPUTS, verbose=0)["sequence_output"]
    np.testing.assert_allclose(outputs["hidden_2"], last, atol=1e-5)
    np.testing.assert_allclose(
        outputs["sentence"], mean_of_tokens(last), atol=1e-5
    )
    attention = outputs["attention_2"]
    assert attention.shape == (2, 2, 5, 5)
    np.testing.assert_allclose(attention.sum(-1), 1.0, atol=1e-5)
    # Padding gets no attention.
    assert attention[0, :, :, 4].max() < 1e-6


@pytest.fixture
def original(tmp_path):
    """A transformers BERT, which is also saved in the folder of the test."""
    torch.manual_seed(0)
    model = transformers.BertModel(bert_config()).eval()
    model.save_pretrained(tmp_path)
    return model


def test_checkpoint_of_hugging_face(tmp_path, original):
    teacher = HuggingFaceTeacher(
        tmp_path, hidden_layers=[1], attention_layers=[2]
    )
    outputs = teacher.outputs(INPUTS)
    with torch.inference_mode():
        expected = original(
            torch.tensor(INPUTS["token_ids"]),
            attention_mask=torch.tensor(INPUTS["padding_mask"]),
            output_hidden_states=True,
        )
    np.testing.assert_allclose(
        outputs["hidden_1"], expected.hidden_states[1], atol=1e-5
    )
    np.testing.assert_allclose(
        outputs["sentence"],
        mean_of_tokens(expected.last_hidden_state.numpy()),
        atol=1e-5,
    )
    assert outputs["attention_2"].shape == (2, 2, 5, 5)
    other = HuggingFaceTeacher(tmp_path, dtype="bfloat16")
    assert other.fingerprint != teacher.fingerprint
    half = other.outputs(INPUTS)["sentence"]
    np.testing.assert_allclose(half, outputs["sentence"], atol=0.05)


def test_checkpoint_with_other_token_ids(tmp_path):
    # MPNet has BERT's tokens after four others, and its own special tokens.
    tokens = [*SPECIAL_TOKENS, "a", "good", "day"]
    own = ["<s>", "<pad>", "</s>", "<unk>", *tokens, "<mask>"]
    (tmp_path / "vocab.txt").write_text("\n".join(own))
    tokenizer = transformers.MPNetTokenizerFast(
        str(tmp_path / "vocab.txt"), unk_token="[UNK]"
    )
    tokenizer.save_pretrained(tmp_path)
    config = transformers.MPNetConfig(
        **{**bert_config().to_dict(), "model_type": "mpnet"},
    )
    config.update({"vocab_size": len(own), "pad_token_id": 1})
    original = randomized(transformers.MPNetModel, config)
    original.save_pretrained(tmp_path)
    teacher = HuggingFaceTeacher(
        tmp_path, vocabulary=tokens, hidden_layers=[1], attention_layers=[2]
    )
    outputs = teacher.outputs(
        as_inputs([[2, 5, 6, 3, 0], [2, 7, 1, 5, 3]], lengths=[4, 5])
    )
    inputs = tokenizer(["a good", "day unknown a"], padding=True)
    assert inputs["input_ids"] == [[0, 9, 10, 2, 1], [0, 11, 5, 9, 2]]
    with torch.inference_mode():
        expected = original(
            **inputs.convert_to_tensors("pt"),
            output_hidden_states=True,
            output_attentions=True,
        )
    for name, values in {
        "hidden_1": expected.hidden_states[1],
        "attention_2": expected.attentions[1],
        "sentence": mean_of_tokens(expected.last_hidden_state.numpy()),
    }.items():
        np.testing.assert_allclose(outputs[name], values, atol=1e-5)

    table = original.embeddings.word_embeddings.weight.detach().numpy()
    ids = [1, 5, 0, 2, 12, 9, 10, 11]
    np.testing.assert_array_equal(teacher.token_embeddings(), table[ids])
    positions = original.embeddings.position_embeddings.weight.detach()
    np.testing.assert_array_equal(teacher.position_embeddings(), positions[2:])
    with pytest.raises(ValueError, match=r"1 others, such as \['night'\]"):
        HuggingFaceTeacher(tmp_path, vocabulary=[*tokens, "night"])


def test_embeddings_of_a_checkpoint(tmp_path, original):
    teacher = HuggingFaceTeacher(tmp_path)
    for found, layer in (
        (teacher.token_embeddings(), original.embeddings.word_embeddings),
        (
            teacher.position_embeddings(),
            original.embeddings.position_embeddings,
        ),
    ):
        np.testing.assert_array_equal(found, layer.weight.detach())


def test_checkpoint_whose_model_is_wrapped(tmp_path, original):
    # In transformers 5, decorators accept any arguments.
    teacher = HuggingFaceTeacher(tmp_path)
    expected = teacher.outputs(INPUTS)["sentence"]
    forward = teacher.model.forward

    @functools.wraps(forward)
    def wrapped(*args, **kwargs):
        return forward(*args, **kwargs)

    teacher.model.forward = wrapped
    np.testing.assert_array_equal(teacher.outputs(INPUTS)["sentence"], expected)


def test_checkpoint_runs_where_pytorch_finds_a_gpu(
    tmp_path, original, monkeypatch
):
    assert HuggingFaceTeacher(tmp_path).model.device.type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert teachers.best_device() == "cuda"
    # Every PyTorch has this device, which computes nothing.
    monkeypatch.setattr(teachers, "best_device", lambda: "meta")
    assert HuggingFaceTeacher(tmp_path).model.device.type == "meta"


def test_a_layer_that_is_not_there():
    with pytest.raises(ValueError, match="`hidden_layers` must be from 0 to"):
        BackboneTeacher(small_student(), hidden_layers=[3])
    with pytest.raises(ValueError, match="`attention_layers` must be from 1"):
        BackboneTeacher(small_student(), attention_layers=[0])


def test_no_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        HuggingFaceTeacher(tmp_path)


def test_no_backbone():
    with pytest.raises(ValueError, match="`backbone` must be"):
        BackboneTeacher(keras.Sequential([keras.layers.Dense(2)]))
