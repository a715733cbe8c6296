"""Tests exported files with LiteRT's GPU delegate.

SwiftShader, which comes with Chromium, computes on the CPU what a GPU would.
"""

import json
import pathlib

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_squeeze import export_tflite
from keras_squeeze import models
from keras_squeeze.export.conversion.model_file import is_constant
from keras_squeeze.export.conversion.model_file import load_model
from keras_squeeze.export.conversion.model_file import operation_name
from keras_squeeze.export.conversion.model_file import save_model
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


def write_in_floats(path, target):
    """Write a file with weights in 8 bits as one with the same in 32 bits.

    A CPU also rounds the inputs of products to 8 bits, which a GPU does not.
    """
    model = load_model(path)
    (graph,) = model.subgraphs
    for tensor in graph.tensors:
        if tensor.type != schema.TensorType.INT8:
            continue
        tensor.type = schema.TensorType.FLOAT32
        if is_constant(model, tensor):
            values = np.asarray(model.buffers[tensor.buffer].data)
            values = values.view("int8").reshape(tensor.shape)
            shape = [1] * values.ndim
            shape[tensor.quantization.quantizedDimension] = -1
            scales = np.reshape(tensor.quantization.scale, shape)
            values = (values * scales).astype("float32")
            tensor.buffer = len(model.buffers)
            model.buffers.append(
                schema.BufferT(data=np.frombuffer(values.tobytes(), "uint8"))
            )
        tensor.quantization = None
    sources = {
        operation.outputs[0]: operation.inputs[0]
        for operation in graph.operators
        if operation_name(model, operation) == "DEQUANTIZE"
    }
    graph.operators = [
        operation
        for operation in graph.operators
        if operation.outputs[0] not in sources
    ]
    for operation in graph.operators:
        operation.inputs = np.array(
            [sources.get(number, number) for number in operation.inputs]
        )
    save_model(model, target)


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
    reports, pairs = {}, []
    for model, kind in TASKS:
        path = tmp_path / f"{model}{kind}.tflite"
        reports[path] = export_tflite(
            small_task(kind, model, SIZES),
            path,
            sequence_length=24,
            quantization=quantization,
            verbose=False,
        )
        reference = path
        if quantization == "dynamic_int8":
            reference = path.with_suffix(".floats.tflite")
            write_in_floats(path, reference)
        pairs += [path, reference]
    for (path, report), result in zip(
        reports.items(), run_on_gpu(*pairs), strict=True
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
        assert max(result["differences"]) < 1e-4, path
