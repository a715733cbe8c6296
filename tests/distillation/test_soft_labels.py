"""Tests the predictions of teachers as labels."""

import numpy as np
import pytest
import torch
import transformers

from keras_squeeze.distillation import HuggingFaceClassifier
from keras_squeeze.distillation import soft_labels
from tests.model_oracle import bert_config
from tests.tiny import SPECIAL_TOKENS

WORDS = [*SPECIAL_TOKENS, "a", "good", "day"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classifier")
    torch.manual_seed(0)
    config = bert_config(
        vocab_size=len(WORDS),
        num_hidden_layers=1,
        id2label={0: "spam", 1: "ham"},
    )
    model = transformers.BertForSequenceClassification(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(
        folder
    )
    return folder, model


def test_classifier_of_hugging_face(checkpoint):
    folder, model = checkpoint
    ids = torch.tensor([[2, 5, 6, 7, 3, 0, 0], [2, 7, 5, 7, 3, 6, 3]])
    segments = torch.tensor([[0] * 7, [0, 0, 0, 0, 0, 1, 1]])
    with torch.inference_mode():
        single = model(ids[:1, :5]).logits.numpy()
        pair = model(ids[1:], token_type_ids=segments[1:]).logits.numpy()
    teacher = HuggingFaceClassifier(folder, ["ham", "spam"], batch_size=1)
    np.testing.assert_allclose(
        teacher(["a good day"]), single[:, ::-1], atol=1e-5
    )
    np.testing.assert_allclose(
        teacher((["day a day"], ["good"])), pair[:, ::-1], atol=1e-5
    )
    y = soft_labels(teacher, ["a good day", "a day"], [1, -1])
    assert y.shape == (2, 3)
    assert y[:, 0].tolist() == [1, -1]
    np.testing.assert_allclose(y[:1, 1:], single[:, ::-1], atol=1e-5)


def test_texts_are_labelled_in_their_order(checkpoint):
    teacher = HuggingFaceClassifier(checkpoint[0], batch_size=2)
    texts = ["a good day a good day", "day", "a good day", "good", "a day"]
    alone = np.concatenate([teacher([text]) for text in texts])
    np.testing.assert_allclose(teacher(texts), alone, atol=1e-5)
    assert np.ptp(alone, axis=0).min() > 1e-2
    half = HuggingFaceClassifier(checkpoint[0], dtype="bfloat16")
    assert half.model.dtype == torch.bfloat16
    np.testing.assert_allclose(half(texts), alone, atol=0.05)


def test_samples_without_labels():
    classes = soft_labels(lambda x: np.ones((len(x), 3)), ["a", "b"])
    assert classes.tolist() == [[-1, 1, 1, 1]] * 2
    numbers = soft_labels(lambda x: np.ones(len(x)), ["a", "b"])
    assert np.isnan(numbers[:, 0]).all() and (numbers[:, 1] == 1).all()


def test_refusals(checkpoint, tmp_path):
    with pytest.raises(ValueError, match="classifier with the classes"):
        HuggingFaceClassifier(checkpoint[0], ["good", "bad"])
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        HuggingFaceClassifier(tmp_path)
    with pytest.raises(ValueError, match='`dtype` must be "float32" or'):
        HuggingFaceClassifier(checkpoint[0], dtype="float16")
    with pytest.raises(ValueError, match="`y` must have one label per sample"):
        soft_labels(lambda x: np.ones((len(x), 2)), ["a", "b"], [0])
