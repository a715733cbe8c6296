"""Tests the published checkpoints with the numbers that transformers uses.

They are downloaded from the hub, so the default test run skips them.
"""

import numpy as np
import pytest

from keras_squeeze import models
from tests.task_checks import to_numpy

pytestmark = pytest.mark.network


def inputs(ids):
    token_ids = np.array([ids], "int32")
    return {
        "token_ids": token_ids,
        "segment_ids": np.zeros_like(token_ids),
        "padding_mask": np.ones_like(token_ids),
    }


def test_squeeze_bert_mnli():
    task = models.SqueezeBertTextClassifier.from_preset(
        "squeeze_bert_mnli_en_uncased"
    )
    ids = [1, 29414, 232, 328, 740, 1140, 12695, 69, 13, 1588, 2]
    np.testing.assert_allclose(
        to_numpy(task(inputs(ids))), [[0.6401, -0.0349, -0.6041]], atol=1e-4
    )


def test_mobile_bert():
    backbone = models.MobileBertBackbone.from_preset("mobile_bert_en_uncased")
    ids = [101, 7110, 1005, 1056, 2023, 11333, 17413, 1029, 102]
    outputs = to_numpy(backbone(inputs(ids)))["sequence_output"]
    # Values range from below one to ten million: compare relative errors.
    np.testing.assert_allclose(
        outputs[0, :3, :3],
        [
            [-2.4736526e07, 8.2691656e04, 1.6521838e05],
            [-5.7541704e-01, 3.9056022e00, 4.4011507e00],
            [2.6047359e00, 1.5677652e00, -1.7324188e-01],
        ],
        rtol=1e-3,
    )


def test_mobile_bert_masked_lm():
    task = models.MobileBertMaskedLM.from_preset("mobile_bert_en_uncased")
    positions = np.arange(3, dtype="int32")[None]
    logits = task({**inputs(range(6)), "mask_positions": positions})
    np.testing.assert_allclose(
        to_numpy(logits)[0, :, :3],
        [
            [-4.5919547, -9.248295, -9.645256],
            [-6.7306175, -6.440284, -6.6052837],
            [-7.2743506, -6.7847915, -6.024673],
        ],
        atol=1e-4,
    )
