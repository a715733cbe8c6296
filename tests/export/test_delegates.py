"""Tests small files that each break one rule of the GPU delegates."""

import dataclasses
import re

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_squeeze.export.checks.gpu_delegate import check_gpu_delegates
from keras_squeeze.export.conversion.model_file import load_model
from keras_squeeze.export.conversion.model_file import save_model
from tests.backends import only_on

pytestmark = only_on(
    "tensorflow", reason="the files do not depend on the backend"
)

FLOATS = ("FLOAT32", (1, 8, 4))
IDS = ("INT32", (1, 8))


def constant(type, shape):
    return type, shape, True


def operation(name, inputs, outputs=(FLOATS,), options=None, version=1):
    """An operation, whose inputs and outputs are types and shapes.

    An input that is a number is an output of the previous operation.
    """
    return name, inputs, outputs, options, version


def check(tmp_path, *operations):
    """The results of LiteRT 2 and TFLite for a file with these operations."""
    model = schema.ModelT(
        version=3, operatorCodes=[], buffers=[schema.BufferT()]
    )
    graph = schema.SubGraphT(tensors=[], inputs=[], outputs=[], operators=[])
    model.subgraphs = [graph]

    def add_tensor(type, shape, is_constant=False):
        if is_constant:
            data = np.ones(4, "uint8")
            model.buffers.append(schema.BufferT(data=data))
        graph.tensors.append(
            schema.TensorT(
                name=f"tensor_{len(graph.tensors)}",
                type=getattr(schema.TensorType, type),
                shape=[max(size, 1) for size in shape],
                shapeSignature=list(shape),
                buffer=len(model.buffers) - 1 if is_constant else 0,
            )
        )
        return len(graph.tensors) - 1

    last = []
    for name, inputs, outputs, options, version in operations:
        code = getattr(schema.BuiltinOperator, name)
        model.operatorCodes.append(
            schema.OperatorCodeT(
                min(code, 127), version=version, builtinCode=code
            )
        )
        operator = schema.OperatorT(
            opcodeIndex=len(model.operatorCodes) - 1,
            inputs=[
                last[x] if isinstance(x, int) else add_tensor(*x)
                for x in inputs
            ],
            outputs=[add_tensor(*x) for x in outputs],
        )
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(
                schema.BuiltinOptions, type(options).__name__[:-1]
            )
        graph.operators.append(operator)
        last = list(operator.outputs)
    used = {i for operator in graph.operators for i in operator.inputs}
    graph.outputs = sorted(set(last) - used)
    save_model(model, tmp_path / "x.tflite")
    return check_gpu_delegates(load_model(tmp_path / "x.tflite"))


def check_tflite(tmp_path, *operations):
    """The result of TFLite for a file with these operations."""
    return check(tmp_path, *operations)[1]


def dense(keep_dimensions=False, special=0):
    return schema.FullyConnectedOptionsT(
        keepNumDims=keep_dimensions, weightsFormat=special
    )


WEIGHTS = constant("FLOAT32", (4, 4))
INDICES = constant("INT32", (3,))

ACCEPTED = [
    operation("ADD", [FLOATS, FLOATS]),
    operation("ADD", [FLOATS, constant("FLOAT32", (4,))]),
    operation("BATCH_MATMUL", [FLOATS, FLOATS], version=4),
    operation("BATCH_MATMUL", [FLOATS, WEIGHTS]),
    operation("CAST", [("INT32", (1, 8, 4))]),
    operation("CONV_2D", [("FLOAT32", (1, 1, 8, 4)), WEIGHTS], version=6),
    operation("FULLY_CONNECTED", [FLOATS, WEIGHTS], options=dense(True)),
    operation("GATHER", [WEIGHTS, ("INT32", (1,))], [("FLOAT32", (1, 4))]),
    operation("GELU", [FLOATS]),
    operation("MEAN", [FLOATS, constant("INT32", (1,))], version=3),
    operation("PAD", [FLOATS, constant("INT32", (3, 2))]),
    operation("SELECT_V2", [("BOOL", (1, 8, 4)), FLOATS, FLOATS]),
    operation("SLICE", [FLOATS, INDICES, INDICES]),
    operation("SOFTMAX", [FLOATS], options=schema.SoftmaxOptionsT(beta=1)),
    operation(
        "STRIDED_SLICE",
        [FLOATS, INDICES, INDICES, INDICES],
        options=schema.StridedSliceOptionsT(),
    ),
    operation("TRANSPOSE", [FLOATS, INDICES]),
    operation("UNPACK", [FLOATS]),
]


@pytest.mark.parametrize("accepted", ACCEPTED, ids=lambda x: x[0])
def test_accepted(accepted, tmp_path):
    newer, result = check(tmp_path, accepted)
    assert result.problems == []
    assert (result.delegated, result.opencl, result.opengl) == (1, True, True)
    assert (newer.delegated, newer.problems) == (1, [])


# LiteRT 2 supports what TFLite does not.
ACCEPTED_BY_LITERT_2 = [
    operation("ADD", [FLOATS, ("FLOAT32", (8, 4))]),
    operation("ADD", [IDS, IDS], [IDS]),
    operation("BATCH_MATMUL", [FLOATS, constant("FLOAT32", (1, 4, 4))]),
    operation("CAST", [("INT8", (1, 8, 4))]),
    operation("EMBEDDING_LOOKUP", [("INT32", (8,)), WEIGHTS], version=4),
    operation(
        "FULLY_CONNECTED", [FLOATS, WEIGHTS], options=dense(), version=12
    ),
    operation("GATHER", [WEIGHTS, ("INT32", (8,))], version=2),
    operation("LESS", [FLOATS, FLOATS], [("BOOL", (1, 8, 4))]),
    operation("NEG", [("FLOAT32", ())]),
    operation("RESHAPE", [IDS], [("INT32", (8,))]),
    operation("SLICE", [("FLOAT32", (1, 4)), INDICES, INDICES]),
]


@pytest.mark.parametrize("accepted", ACCEPTED_BY_LITERT_2, ids=lambda x: x[0])
def test_accepted_by_litert_2(accepted, tmp_path):
    newer, older = check(tmp_path, accepted)
    assert (newer.delegated, newer.problems) == (1, [])
    assert (newer.opencl, newer.opengl, newer.batches) == (None, None, None)
    assert older.delegated == 0


HALF = constant("FLOAT16", (4, 4))
REFUSED_BY_LITERT_2 = [
    (
        "reads float16 and returns float32",
        operation("GATHER", [HALF, ("INT32", (8,))]),
    ),
    (
        "table of type float16",
        operation("EMBEDDING_LOOKUP", [("INT32", (8,)), HALF]),
    ),
    (
        "indices of 2 dimensions instead of 1",
        operation("EMBEDDING_LOOKUP", [IDS, WEIGHTS]),
    ),
    (
        "up to 14",
        operation(
            "FULLY_CONNECTED", [FLOATS, WEIGHTS], options=dense(), version=15
        ),
    ),
    (
        "parameters that are not constants",
        operation("TRANSPOSE", [FLOATS, ("INT32", (3,))]),
    ),
]


@pytest.mark.parametrize(["reason", "refused"], REFUSED_BY_LITERT_2)
def test_refused_by_litert_2(reason, refused, tmp_path):
    newer, _ = check(tmp_path, refused)
    (problem,) = newer.problems
    assert reason in problem.reason
    assert newer.delegated == 0


def test_the_same_tensor_twice(tmp_path):
    newer, older = check(
        tmp_path,
        operation("NEG", [FLOATS]),
        operation("SUB", [0, 0]),
    )
    (problem,) = newer.problems
    assert problem.reason == "uses the same tensor twice"
    assert (newer.delegated, older.delegated) == (1, 2)


SLICED = schema.StridedSliceOptionsT(shrinkAxisMask=2)
REFUSED = [
    ("is not supported", operation("ARG_MAX", [FLOATS])),
    (
        "has version 12, but only versions up to 9",
        operation(
            "FULLY_CONNECTED", [FLOATS, WEIGHTS], options=dense(), version=12
        ),
    ),
    ("reshapes a constant", operation("RESHAPE", [constant(*FLOATS)])),
    ("of type int32", operation("RESHAPE", [IDS], [("INT32", (8,))])),
    ("of type int64", operation("NEG", [("INT64", (1, 8))])),
    ("scalar tensor", operation("NEG", [("FLOAT32", ())])),
    ("dynamic shape", operation("NEG", [("FLOAT32", (1, -1, 4))])),
    ("with more than 4", operation("NEG", [("FLOAT32", (1, 1, 8, 4, 1))])),
    (
        r"broadcasts \[8, 4\] to \[1, 8, 4\]",
        operation("ADD", [FLOATS, ("FLOAT32", (8, 4))]),
    ),
    ("does not have two inputs", operation("ADD", [FLOATS])),
    (
        "do not have 2 dimensions",
        operation("BATCH_MATMUL", [FLOATS, constant("FLOAT32", (1, 4, 4))]),
    ),
    (
        "left operand",
        operation("BATCH_MATMUL", [constant(*FLOATS), FLOATS]),
    ),
    (
        "casts int8 to float32",
        operation("CAST", [("INT8", (1, 8, 4))]),
    ),
    (
        "changes the number of dimensions",
        operation(
            "FULLY_CONNECTED",
            [FLOATS, WEIGHTS],
            [("FLOAT32", (1, 1, 8, 4))],
            dense(True),
        ),
    ),
    (
        "special format",
        operation(
            "FULLY_CONNECTED", [FLOATS, WEIGHTS], options=dense(False, 1)
        ),
    ),
    (
        "that are not constants",
        operation("FULLY_CONNECTED", [FLOATS] * 3, options=dense()),
    ),
    (
        "indices of 2 dimensions instead of 1",
        operation("GATHER", [WEIGHTS, IDS]),
    ),
    (
        "indices of type float32",
        operation("GATHER", [WEIGHTS, ("FLOAT32", (1,))]),
    ),
    (
        "axes that are not int32 constants",
        operation("MEAN", [FLOATS, ("FLOAT32", (1,))]),
    ),
    (
        "does not have 3 or 4 dimensions",
        operation("PAD", [("FLOAT32", (1, 4)), constant("INT32", (2, 2))]),
    ),
    (
        "sizes that are not constants",
        operation("PAD", [FLOATS, ("FLOAT32", (3, 2))]),
    ),
    (
        r"broadcasts \[1, 8, 1\] to \[1, 8, 4\]",
        operation(
            "SELECT", [("BOOL", (1, 8, 4)), ("FLOAT32", (1, 8, 1)), FLOATS]
        ),
    ),
    (
        "constants of 2 dimensions",
        operation(
            "SELECT",
            [("BOOL", (4, 4)), WEIGHTS, ("FLOAT32", (4, 4))],
            [("FLOAT32", (4, 4))],
        ),
    ),
    (
        "a tensor of 2 dimensions",
        operation("SLICE", [("FLOAT32", (1, 4))]),
    ),
    (
        "scales its inputs",
        operation("SOFTMAX", [FLOATS], options=schema.SoftmaxOptionsT(beta=2)),
    ),
    (
        "adds or removes dimensions",
        operation("STRIDED_SLICE", [FLOATS], options=SLICED),
    ),
    (
        "exactly one CAST or SELECT",
        operation("LESS", [FLOATS, FLOATS], [("BOOL", (1, 8, 4))]),
    ),
]


@pytest.mark.parametrize(["reason", "refused"], REFUSED)
def test_refused(reason, refused, tmp_path):
    result = check_tflite(tmp_path, refused)
    (problem,) = result.problems
    assert problem.operation == refused[0]
    assert problem.tensor == f"tensor_{len(refused[1])}"
    assert re.search(reason, problem.reason)
    assert (result.delegated, result.opencl, result.opengl) == (0, False, False)


def test_comparison_that_a_cast_uses(tmp_path):
    less = operation("LESS", [FLOATS, FLOATS], [("BOOL", (1, 8, 4))])
    result = check_tflite(tmp_path, less, operation("CAST", [0]))
    assert result.problems == []
    assert result.delegated == 2


def test_largest_part(tmp_path):
    """The lookup runs on the CPU, as does what interrupts the rest."""
    result = check_tflite(
        tmp_path,
        operation("GATHER", [WEIGHTS, IDS]),
        operation("GELU", [0]),
        operation("ARG_MAX", [0]),
        operation("NEG", [0]),
        operation("ADD", [0, FLOATS]),
    )
    assert [x.operation for x in result.problems] == ["GATHER", "ARG_MAX"]
    assert (result.operations, result.delegated) == (5, 2)
    assert result.opengl
    text = str(result)
    assert text.startswith("TFLite and LiteRT 1: 2 of 5, with OpenCL: yes")
    assert "not 1 ARG_MAX: is not supported" in text


def test_first_dimension(tmp_path):
    """OpenCL supports other values inside the part, OpenGL does not."""
    rows = ("FLOAT32", (8, 4))
    result = check_tflite(
        tmp_path,
        operation("RESHAPE", [FLOATS], [rows]),
        operation("FULLY_CONNECTED", [0, WEIGHTS], [rows], dense()),
        operation("RESHAPE", [0]),
    )
    assert (result.delegated, result.problems) == (3, [])
    assert (result.opencl, result.opengl) == (True, False)
    assert len(result.batches) == 2
    assert "OpenCL: yes, with OpenGL: no" in str(result)
    result = check_tflite(tmp_path, operation("RESHAPE", [FLOATS], [rows]))
    assert (result.opencl, result.opengl) == (False, False)


def test_exported_file(exported):
    _, path, report = exported
    assert report.gpu_delegates == check_gpu_delegates(load_model(path))
    newer, older = report.gpu_delegates
    count = sum(report.ops.values())
    assert newer.operations == older.operations == count
    assert f"GPU delegate  LiteRT 2: {count} of {count}" in str(report)
    # The whole graph is one part.
    assert (newer.delegated, newer.problems) == (count, [])
    # Everything except the lookups and what can run before them.
    assert {x.operation for x in older.problems} == {"GATHER", "RESHAPE"}
    assert older.delegated >= count - 10
    assert older.opencl and older.opengl


def test_weights_in_half_precision(tmp_path):
    """The delegate reads float16 weights directly."""
    weights = constant("FLOAT16", (4, 4))
    result = check_tflite(
        tmp_path,
        operation("DEQUANTIZE", [weights], [("FLOAT32", (4, 4))]),
        operation("FULLY_CONNECTED", [FLOATS, 0], [FLOATS], dense()),
    )
    assert (result.operations, result.delegated) == (1, 1)
    assert (result.problems, result.batches) == ([], [])


def test_no_more_kinds_of_problems_than_one_reads(tmp_path):
    result = check_tflite(
        tmp_path, *(operation("ARG_MAX", [FLOATS]) for _ in range(3))
    )
    problems = [
        dataclasses.replace(result.problems[0], reason=f"is of kind {i}")
        for i in range(11)
    ]
    text = str(dataclasses.replace(result, problems=problems))
    assert text.count("not 1 ARG_MAX") == 8
    assert text.endswith("and 3 other kinds of problems")
