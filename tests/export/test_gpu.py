"""Tests exported files with LiteRT's GPU delegate.

SwiftShader, which comes with Chromium, computes on the CPU what a GPU would.
"""

import json
import pathlib

import pytest

from keras_squeeze import export_tflite
from keras_squeeze import models
from tests.backends import only_on
from tests.demo.small_tasks import KINDS
from tests.demo.small_tasks import small_task
from tests.processes import run_python

DRIVERS = [
    path
    for folder in ("/usr/lib/chromium", "/opt/google/chrome")
    for path in pathlib.Path(folder).glob("vk_swiftshader_icd.json")
]

pytestmark = [
    only_on("tensorflow", "the files do not depend on the backend"),
    pytest.mark.skipif(
        not DRIVERS,
        reason="the delegate runs on SwiftShader, which Chromium has, and "
        "Chromium is missing",
    ),
]

TASKS = [
    (model, kind)
    for model in ("MobileBert", "SqueezeBert")
    for kind in KINDS
    if hasattr(models, f"{model}{kind}")
]


def run_on_gpu(*paths):
    (driver, *_) = DRIVERS
    result = run_python(
        "-m",
        "tests.export.on_gpu",
        *paths,
        VK_ICD_FILENAMES=str(driver),
        LD_LIBRARY_PATH=str(driver.parent),
    )
    return json.loads(result.stdout.splitlines()[-1])


# What the log of LiteRT starts lines with, besides the refused operations.
LEVELS = {"INFO", "WARNING", "ERROR"}

# Weights with less than a thousand elements are not quantized.
SIZES = {"hidden_dim": 64, "embedding_dim": 64, "intermediate_dim": 64}


@pytest.mark.parametrize("quantization", [None, "float16", "dynamic_int8"])
def test_report_is_what_the_delegate_does(quantization, tmp_path):
    reports = {}
    for model, kind in TASKS:
        path = tmp_path / f"{model}{kind}.tflite"
        reports[path] = export_tflite(
            small_task(kind, model, SIZES),
            path,
            sequence_length=24,
            quantization=quantization,
            verbose=False,
        )
    for (path, report), result in zip(
        reports.items(), run_on_gpu(*reports), strict=True
    ):
        expected = report.gpu_delegates[0]
        assert expected.runtime == "LiteRT 2"
        # The delegate only reports how many operations it takes if there are
        # others.
        is_whole = expected.delegated == expected.operations
        assert result["is_whole"] == is_whole
        assert result["delegated"] == (None if is_whole else expected.delegated)
        refused = {x.operation for x in expected.problems}
        if quantization == "float16":
            # The delegate converts weights itself.
            assert refused == {"GATHER"}
            refused.add("DEQUANTIZE")
        else:
            assert is_whole
        assert set(result["refused"]) - LEVELS == refused
        assert max(result["differences"]) < 1e-2, path
