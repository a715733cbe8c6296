"""Tests that transformers reads the files of `export_to_transformers()`."""

import numpy as np
import pytest
import torch
import transformers

from tests.checkpoint_folders import MODELS
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import assert_close
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.model_oracle import random_inputs
from tests.model_oracle import run
from tests.task_checks import task_class
from tests.task_checks import to_numpy

TEXTS = ["a cat sat.", "Café? [MASK]!"]
ENDINGS = {
    "TextClassifier": "ForSequenceClassification",
    "TokenClassifier": "ForTokenClassification",
    "QuestionAnswering": "ForQuestionAnswering",
    "MultipleChoice": "ForMultipleChoice",
    "MaskedLM": "ForMaskedLM",
    "NextSentencePredictor": "ForNextSentencePrediction",
    "Pretraining": "ForPreTraining",
    "TextEmbedder": "Model",
    "Backbone": "Model",
}
CASES = [
    (model, name)
    for model in MODELS
    for name in ENDINGS
    if model is MobileBert
    or name not in ("NextSentencePredictor", "Pretraining")
]


@pytest.mark.parametrize(("model", "name"), CASES)
def test_weights_and_tokenizer(model, name, tmp_path):
    expected = original(model, ENDINGS[name])
    preset = save_checkpoint(expected, tmp_path / "original")
    ours = task_class(model, name).from_preset(preset)
    folder = tmp_path / "exported"
    ours.export_to_transformers(folder)
    loaded, info = getattr(
        transformers, model.original + ENDINGS[name]
    ).from_pretrained(folder, output_loading_info=True)
    assert not any(info.values())
    found = loaded.state_dict()
    for key, tensor in expected.state_dict().items():
        assert torch.equal(found.pop(key), tensor), key
    assert not found
    assert loaded.config.architectures == [type(expected).__name__]
    if name == "Backbone":
        return
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert tokenizer.model_max_length == ours.backbone.max_sequence_length
    layer = ours.preprocessor.tokenizer
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert ids == np.asarray(layer(text)).tolist()


@pytest.mark.parametrize("model", MODELS)
def test_outputs_and_classes(model, tmp_path):
    preprocessor = model.preprocessor_cls.from_preset(
        save_checkpoint(original(model), tmp_path / "original")
    )
    task = model.classifier_cls(
        model.backbone_cls.from_preset(str(tmp_path / "original")),
        preprocessor=preprocessor,
        class_names=["ham", "spam", "eggs"],
        dropout=0.3,
    )
    folder = tmp_path / "exported"
    task.export_to_transformers(folder)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder
    )
    assert theirs.config.id2label == {0: "ham", 1: "spam", 2: "eggs"}
    inputs = random_inputs(theirs.config.vocab_size, batch=3, length=7)
    assert_close(to_numpy(task(inputs)), run(theirs, inputs)["logits"])
    # Load it back.
    again = model.classifier_cls.from_preset(str(folder))
    assert again.class_names == task.class_names
    assert again.dropout == task.dropout
    np.testing.assert_array_equal(
        to_numpy(again(inputs)), to_numpy(task(inputs))
    )


def test_preprocessor_and_tokenizer(tmp_path):
    model = MODELS[0]
    preset = save_checkpoint(original(model), tmp_path / "original")
    preprocessor = model.preprocessor_cls.from_preset(preset, sequence_length=9)
    preprocessor.export_to_transformers(tmp_path / "a")
    preprocessor.tokenizer.export_to_transformers(tmp_path / "b")
    a, b = (
        transformers.MobileBertTokenizer.from_pretrained(tmp_path / name)
        for name in "ab"
    )
    assert a.get_vocab() == b.get_vocab()
    assert a.model_max_length == 9
    ids = a(TEXTS, padding="max_length", truncation=True)["input_ids"]
    assert ids == to_numpy(preprocessor(TEXTS))["token_ids"].tolist()


def test_what_transformers_has_no_place_for(tmp_path):
    model = MODELS[0]
    preset = save_checkpoint(original(model), tmp_path / "original")
    task = model.classifier_cls.from_preset(
        preset, num_classes=2, activation="softmax"
    )
    with pytest.raises(ValueError, match="must output logits"):
        task.export_to_transformers(tmp_path / "exported")
    task = model.classifier_cls.from_preset(preset, num_classes=2)
    task.quantize("int8")
    with pytest.raises(ValueError, match="before calling `quantize"):
        task.export_to_transformers(tmp_path / "exported")
    assert not (tmp_path / "exported").exists()
