"""Tests the losses against PyTorch's."""

import keras
import numpy as np
import pytest
import torch

from keras_squeeze.distillation import SoftLabelAccuracy
from keras_squeeze.distillation import SoftLabelCorrelation
from keras_squeeze.distillation import SoftLabelLoss
from keras_squeeze.distillation import losses

F = torch.nn.functional
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])


def normal(*shape):
    random = np.random.default_rng(sum(shape))
    return [random.normal(size=shape).astype("float32") for _ in range(2)]


def value(loss):
    return keras.ops.convert_to_numpy(loss)


def test_feature_map_loss():
    target, output = normal(2, 5, 8)
    kept = MASK.astype(bool)
    expected = F.mse_loss(
        torch.tensor(output[kept]), torch.tensor(target[kept])
    )
    loss = losses.feature_map_loss(target, output, MASK)
    assert value(loss) == pytest.approx(expected.item(), rel=1e-5)


def test_attention_loss():
    target, scores = (torch.tensor(x) for x in normal(2, 3, 5, 5))
    bias = torch.tensor((1 - MASK) * -1e30)[:, None, None, :]
    target = (target + bias).softmax(-1).float()
    scores = (scores + bias).float()
    expected = [
        # Without padding, nothing needs to be masked.
        F.kl_div(
            scores[i, :, :length, :length].log_softmax(-1),
            target[i, :, :length, :length],
            reduction="sum",
        )
        / 3
        for i, length in enumerate(MASK.sum(1))
    ]
    loss = losses.attention_loss(target.numpy(), scores.numpy(), MASK)
    assert value(loss) == pytest.approx(float(sum(expected)) / 8, rel=1e-5)


def test_cosine_loss():
    target, output = normal(4, 6)
    expected = F.cosine_embedding_loss(
        torch.tensor(target), torch.tensor(output), torch.ones(4)
    )
    loss = losses.cosine_loss(target, output)
    assert value(loss) == pytest.approx(expected.item(), rel=1e-5)
    only = losses.cosine_loss(target, output, np.array([0, 1, 0, 0]))
    expected = 1 - F.cosine_similarity(
        torch.tensor(target[1]), torch.tensor(output[1]), dim=0
    )
    assert value(only) == pytest.approx(expected.item(), rel=1e-5)


def test_similarity_loss():
    target, output = normal(4, 6)
    output = output[:, :3]

    def similarities(x):
        x = torch.tensor(x)
        return F.cosine_similarity(x[:, None], x[None], dim=-1)

    expected = F.mse_loss(similarities(output), similarities(target))
    loss = losses.similarity_loss(target, output)
    assert value(loss) == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_soft_label_loss(temperature):
    target, logits = normal(4, 6)
    expected = F.kl_div(
        (torch.tensor(logits) / temperature).log_softmax(-1),
        (torch.tensor(target) / temperature).softmax(-1),
        reduction="none",
    ).sum(-1)
    loss = losses.soft_label_loss(target, logits, temperature)
    np.testing.assert_allclose(
        value(loss), temperature**2 * expected.numpy(), rtol=1e-4
    )


def test_loss_of_labels_and_teacher():
    teacher, logits = normal(3, 2)
    y_true = np.concatenate([[[1], [0], [-1]], teacher], axis=1)
    loss = SoftLabelLoss(2, temperature=2.0, label_weight=0.25)
    soft = value(losses.soft_label_loss(teacher, logits, 2.0))
    hard = F.cross_entropy(
        torch.tensor(logits), torch.tensor([1, 0, 0]), reduction="none"
    ).numpy()
    hard[2] = 0
    expected = np.mean(0.25 * hard + 0.75 * soft)
    y_true = y_true.astype("float32")
    assert value(loss(y_true, logits)) == pytest.approx(expected, rel=1e-5)
    # Validation uses plain labels.
    plain = value(loss(np.array([1, 0, -1]), logits))
    assert plain == pytest.approx(hard.mean(), rel=1e-5)


def test_loss_of_numbers():
    y_true = np.array([[1.0, 2.0], [np.nan, 3.0]], "float32")
    outputs = np.array([[0.5], [2.5]], "float32")
    loss = SoftLabelLoss(1, label_weight=0.5)
    expected = np.mean([0.5 * 0.25 + 0.5 * 2.25, 0.5 * 0.25])
    assert value(loss(y_true, outputs)) == pytest.approx(expected)


def test_metrics_leave_out_what_has_no_label():
    metric = SoftLabelAccuracy(2)
    logits = np.array([[0.0, 1], [1, 0], [1, 0]], "float32")
    y_true = np.array([[1, 0, 0], [1, 0, 0], [-1, 9, 0]], "float32")
    metric.update_state(y_true, logits)
    assert value(metric.result()) == pytest.approx(0.5)
    correlation = SoftLabelCorrelation()
    numbers = np.array([[1, 0], [2, 0], [4, 0], [np.nan, 0]], "float32")
    outputs = np.array([[1.0], [3.0], [2.0], [50.0]], "float32")
    correlation.update_state(numbers, outputs)
    expected = np.corrcoef([1, 2, 4], [1, 3, 2])[0, 1]
    assert value(correlation.result()) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "kwargs", [{"label_weight": 1.5}, {"temperature": 0.0}]
)
def test_loss_refuses(kwargs):
    (name,) = kwargs
    with pytest.raises(ValueError, match=f"`{name}` must"):
        SoftLabelLoss(2, **kwargs)
