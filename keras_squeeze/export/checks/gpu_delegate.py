"""Predicts from the published rules what a phone's GPU runs of a file.

These are the rules of TFLite's GPU delegate for OpenCL and OpenGL: the
operations it supports, up to which version, and with which types and shapes.
The delegate takes the largest part of the graph that it can run at once, and
leaves everything before and after that part to the CPU.

References:
 - `tflite/tools/versioning/gpu_compatibility.cc` and
    `tflite/delegates/gpu/common/model_builder.cc` of
    [LiteRT](https://github.com/google-ai-edge/LiteRT)
"""

import collections
import dataclasses

from keras_squeeze.export.conversion.model_file import is_constant
from keras_squeeze.export.conversion.model_file import operation_name

_COMPARISONS = frozenset(
    ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")
)
_REDUCTIONS = frozenset(
    ("MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM")
)

# The newest supported version of each operation that a BERT model may have.
_ANY_VERSION = 2**31
_VERSIONS = {
    **dict.fromkeys(
        ("ABS", "COS", "ELU", "EXP", "FLOOR", "GELU", "LOG", "LOGISTIC"), 2
    ),
    **dict.fromkeys(("NEG", "RSQRT", "SIGN", "SIN", "SQRT", "SQUARE"), 2),
    **dict.fromkeys(("ADD", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM"), 2),
    **dict.fromkeys(("MINIMUM", "POW", "SQUARED_DIFFERENCE", "SUB"), 2),
    **dict.fromkeys(("CONCATENATION", "LOGICAL_AND", "TANH"), 2),
    **dict.fromkeys(("PAD", "PADV2", "QUANTIZE", "SLICE", "SOFTMAX"), 2),
    **dict.fromkeys(("LEAKY_RELU", "RELU", "RELU6"), 2),
    **dict.fromkeys(("GATHER", "ONE_HOT", "RESHAPE"), 1),
    **dict.fromkeys(("SELECT", "SELECT_V2"), 1),
    **dict.fromkeys(("DEQUANTIZE", "MUL"), 3),
    **dict.fromkeys(("STRIDED_SLICE", "TRANSPOSE"), 4),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), 6),
    "FULLY_CONNECTED": 9,
    **dict.fromkeys(("BATCH_MATMUL", "CAST", "HARD_SWISH"), _ANY_VERSION),
    **dict.fromkeys(("PACK", "SPLIT", "SPLIT_V"), _ANY_VERSION),
    **dict.fromkeys(("TILE", "UNPACK"), _ANY_VERSION),
    **dict.fromkeys(_COMPARISONS, 2),
    **dict.fromkeys(_REDUCTIONS, _ANY_VERSION),
}

# Types that operations support besides floats and bytes.
_INPUT_TYPES = {
    "CAST": ("BOOL", "INT32"),
    "GATHER": ("INT32",),
    "LOGICAL_AND": ("BOOL",),
    "ONE_HOT": ("INT32",),
    "SELECT": ("BOOL",),
    "SELECT_V2": ("BOOL",),
}
_OUTPUT_TYPES = {
    "CAST": ("BOOL", "INT32"),
    "LOGICAL_AND": ("BOOL",),
    **dict.fromkeys(_COMPARISONS, ("BOOL",)),
}
_ALL_TYPES = ("FLOAT32", "FLOAT16", "INT8", "UINT8")

_CASTS = frozenset(
    (
        ("BOOL", "FLOAT16"),
        ("BOOL", "FLOAT32"),
        ("FLOAT16", "BOOL"),
        ("FLOAT32", "BOOL"),
        ("FLOAT32", "FLOAT32"),
        ("FLOAT32", "INT32"),
        ("INT32", "FLOAT32"),
        ("INT32", "INT32"),
    )
)


# A file that takes text has dozens of operations that only run on CPUs.
_MOST_LINES = 8


@dataclasses.dataclass(frozen=True)
class GpuProblem:
    """An operation that the GPU delegate cannot run.

    Args:
        operation: string. The kind of the operation, such as `"GATHER"`.
        tensor: string. The name of its first output.
        reason: string. Why it runs on the CPU.
    """

    operation: str
    tensor: str
    reason: str


@dataclasses.dataclass(frozen=True)
class GpuDelegate:
    """What the GPU delegate runs of a file.

    Args:
        operations: int. The number of operations of the graph.
        delegated: int. The number of operations that the delegate takes. They
            form one part of the graph.
        problems: List that has a `GpuProblem` for each operation that it
            cannot run.
        opencl: bool. Whether it runs them with OpenCL. This requires a batch
            size (first dimension) of one for the tensors that enter and leave
            the part.
        opengl: bool. Whether it runs them with OpenGL, the fallback on phones
            without OpenCL. This requires a batch size of one for all tensors.
        batches: List of the names of the tensors of these operations whose
            first dimension is not one.
    """

    operations: int
    delegated: int
    problems: list
    opencl: bool
    opengl: bool
    batches: list

    def __str__(self):
        lines = [
            f"takes {self.delegated} of {self.operations} operations at once; "
            f"runs them with OpenCL: {'yes' if self.opencl else 'no'}, "
            f"with OpenGL: {'yes' if self.opengl else 'no'}"
        ]
        if self.batches:
            lines.append(
                f"the first dimension of {len(self.batches)} of their tensors "
                "is not 1"
            )
        counts = collections.Counter(
            (problem.operation, problem.reason) for problem in self.problems
        )
        lines += [
            f"not {count} {operation}: {reason}"
            for (operation, reason), count in counts.most_common(_MOST_LINES)
        ]
        more = len(counts) - _MOST_LINES
        if more > 0:
            lines.append(f"and {more} other kinds of problems")
        return "\n".join(lines)


def check_gpu_delegate(model):
    """Predict what the GPU delegate runs of a `.tflite` file.

    Nothing is executed: the operations are compared with the published rules.
    If the file has several graphs, the first one is checked.

    Args:
        model: The result of `model_file.load_model()`.

    Returns:
        A `GpuDelegate`.
    """
    graph = _Graph(model)
    problems = {}
    for i, operation in enumerate(graph.operations):
        reason = next(_reasons(graph, operation), None)
        if reason is not None:
            problems[i] = GpuProblem(
                operation.name, operation.outputs[0].name, reason
            )
    part = _largest_part(graph, problems)
    inside, ends = _tensors_of_part(graph, part)
    batches = [tensor for tensor in inside if tensor.shape[0] != 1]
    return GpuDelegate(
        operations=len(graph.operations),
        delegated=len(part),
        problems=list(problems.values()),
        opencl=bool(part) and ends.isdisjoint(batches),
        opengl=bool(part) and not batches,
        batches=[tensor.name for tensor in batches],
    )


@dataclasses.dataclass(frozen=True)
class _Tensor:
    # Names may not be unique.
    number: int
    name: str
    shape: tuple
    type: str
    is_constant: bool


@dataclasses.dataclass(frozen=True)
class _Operation:
    name: str
    version: int
    options: object
    inputs: list
    outputs: list

    @property
    def runtime_inputs(self):
        return [tensor for tensor in self.inputs if not tensor.is_constant]


class _Graph:
    """The first graph of a file, in the form that the rules need."""

    def __init__(self, model):
        from ai_edge_litert import schema_py_generated as schema

        types = {value: name for name, value in vars(schema.TensorType).items()}
        graph = model.subgraphs[0]
        self.tensors = []
        for i, tensor in enumerate(graph.tensors):
            shape = tensor.shapeSignature
            if shape is None:
                shape = () if tensor.shape is None else tensor.shape
            self.tensors.append(
                _Tensor(
                    number=i,
                    name=(tensor.name or b"").decode(),
                    shape=tuple(int(size) for size in shape),
                    type=types[tensor.type],
                    is_constant=is_constant(model, tensor),
                )
            )
        for operator in graph.operators:
            self._make_constant(operation_name(model, operator), operator)
        self.outputs = {self.tensors[i] for i in graph.outputs}
        self.operations = []
        self.consumers = collections.defaultdict(list)
        for operator in graph.operators:
            operation = _Operation(
                name=operation_name(model, operator),
                version=model.operatorCodes[operator.opcodeIndex].version,
                options=operator.builtinOptions,
                # A missing optional input has the number -1.
                inputs=[self.tensors[i] for i in operator.inputs if i >= 0],
                outputs=[self.tensors[i] for i in operator.outputs],
            )
            if operation.outputs[0].is_constant:
                continue
            self.operations.append(operation)
            for tensor in operation.inputs:
                self.consumers[tensor].append(operation)

    def _make_constant(self, name, operator):
        """Treat float16 weights as the constants that they are converted to.

        The delegate reads them directly and skips the operation.
        """
        source = self.tensors[operator.inputs[0]]
        if name == "DEQUANTIZE" and source.is_constant:
            if source.type == "FLOAT16":
                number = operator.outputs[0]
                self.tensors[number] = dataclasses.replace(
                    self.tensors[number], is_constant=True
                )


def _reasons(graph, operation):
    """Yield the reasons why the GPU cannot run an operation."""
    name = operation.name
    if name not in _VERSIONS:
        yield "is not supported"
        return
    if operation.version > _VERSIONS[name]:
        yield (
            f"has version {operation.version}, but only versions up to "
            f"{_VERSIONS[name]} are supported"
        )
    yield from _reasons_of_tensors(operation)
    if name in _COMPARISONS:
        yield from _reasons_of_comparison(graph, operation)
    elif name in _REDUCTIONS:
        axes = operation.inputs[1]
        if not axes.is_constant or axes.type != "INT32":
            yield "has axes that are not int32 constants"
    elif name in _CHECKS:
        yield from _CHECKS[name](operation)


def _reasons_of_tensors(operation):
    for tensors, types in (
        (operation.runtime_inputs, _INPUT_TYPES),
        (operation.outputs, _OUTPUT_TYPES),
    ):
        for tensor in tensors:
            if -1 in tensor.shape:
                yield "has a tensor with a dynamic shape"
            if tensor.type not in (*_ALL_TYPES, *types.get(operation.name, ())):
                yield f"has a tensor of type {tensor.type.lower()}"
            if not tensor.shape:
                yield "has a scalar tensor"
    if any(len(x.shape) > 4 for x in (*operation.inputs, *operation.outputs)):
        yield "has a tensor with more than 4 dimensions"


def _reasons_of_comparison(graph, operation):
    consumers = graph.consumers[operation.outputs[0]]
    is_used = [
        consumer.name in ("CAST", "SELECT", "SELECT_V2")
        and consumer.outputs[0].type in ("FLOAT16", "FLOAT32")
        for consumer in consumers
    ]
    if is_used != [True]:
        yield "is not used by exactly one CAST or SELECT to floats"


def _check_broadcast(operation):
    shapes = sorted((x.shape for x in operation.inputs), key=len)
    if len(shapes) != 2:
        yield "does not have two inputs"
        return
    short, long = shapes
    if len(short) < 2 or len(short) == len(long):
        return
    is_known = len(long) == 4 and (
        (len(short) == 3 and long[0] == 1)
        or (short == (1, 1) and long[0] == 1)
        or (len(short) == 2 and short == (long[0], long[3]))
    )
    if not is_known:
        yield f"broadcasts {list(short)} to {list(long)}"


def _check_batch_matmul(operation):
    second = operation.inputs[1]
    if second.is_constant and len(second.shape) != 2:
        yield "has constants that do not have 2 dimensions"
    if operation.inputs[0].is_constant:
        yield "has a constant as its left operand"


def _check_cast(operation):
    types = operation.inputs[0].type, operation.outputs[0].type
    if types not in _CASTS:
        yield f"casts {types[0].lower()} to {types[1].lower()}"


def _check_fully_connected(operation):
    if operation.options.weightsFormat:
        yield "has weights in a special format"
    if len(operation.runtime_inputs) > 2:
        yield "has weights and biases that are not constants"
    ranks = {len(x.shape) for x in (operation.inputs[0], operation.outputs[0])}
    if operation.options.keepNumDims and len(ranks) > 1:
        yield "changes the number of dimensions"


def _check_gather(operation):
    indices = operation.inputs[1]
    if len(indices.shape) != 1:
        yield f"has indices of {len(indices.shape)} dimensions instead of 1"
    if indices.type != "INT32":
        yield f"has indices of type {indices.type.lower()}"


def _check_pad(operation):
    if operation.inputs[1].shape not in ((3, 2), (4, 2)):
        yield "pads a tensor that does not have 3 or 4 dimensions"
    if len(operation.runtime_inputs) != 1:
        yield "has padding sizes that are not constants"


def _check_select(operation):
    output = operation.outputs[0]
    for tensor in operation.inputs[1:]:
        is_scalar = tensor.shape in ((), (1,))
        if not is_scalar and tensor.shape != output.shape:
            yield f"broadcasts {list(tensor.shape)} to {list(output.shape)}"
        if tensor.is_constant and len(tensor.shape) == 2:
            yield "has constants of 2 dimensions"


def _check_slice(operation):
    rank = len(operation.inputs[0].shape)
    if rank not in (3, 4):
        yield f"slices a tensor of {rank} dimensions instead of 3 or 4"


def _check_softmax(operation):
    if operation.options.beta != 1:
        yield "scales its inputs"


def _check_strided_slice(operation):
    options = operation.options
    if options.ellipsisMask or options.newAxisMask or options.shrinkAxisMask:
        yield "adds or removes dimensions"
    yield from _check_slice(operation)


_CHECKS = {
    "ADD": _check_broadcast,
    "BATCH_MATMUL": _check_batch_matmul,
    "CAST": _check_cast,
    "FULLY_CONNECTED": _check_fully_connected,
    "GATHER": _check_gather,
    "MUL": _check_broadcast,
    "PAD": _check_pad,
    "PADV2": _check_pad,
    "SELECT": _check_select,
    "SELECT_V2": _check_select,
    "SLICE": _check_slice,
    "SOFTMAX": _check_softmax,
    "STRIDED_SLICE": _check_strided_slice,
}


def _largest_part(graph, problems):
    """Find the largest part of the graph that the GPU can run at once.

    The graph is divided into alternating parts for the GPU and the CPU. Each
    part has all remaining operations of its kind whose inputs are available.
    """
    produced = {x for operation in graph.operations for x in operation.outputs}
    known = set(graph.tensors) - produced
    waiting = list(enumerate(graph.operations))
    largest = []
    while waiting:
        left, part = [], []
        is_for_cpu = None
        for i, operation in waiting:
            is_ready = known.issuperset(operation.inputs)
            if is_ready and is_for_cpu in (None, i in problems):
                is_for_cpu = i in problems
                part.append(operation)
                known.update(operation.outputs)
            else:
                left.append((i, operation))
        if not is_for_cpu:
            largest = max(largest, part, key=len)
        waiting = left
    return largest


def _tensors_of_part(graph, part):
    """All tensors of a part of the graph, and its inputs and outputs."""
    consumed, produced = {}, {}
    for operation in part:
        consumed.update(dict.fromkeys(operation.runtime_inputs))
        produced.update(dict.fromkeys(operation.outputs))
    names = {operation.outputs[0] for operation in part}
    outputs = {
        tensor
        for tensor in produced
        if tensor in graph.outputs
        or any(x.outputs[0] not in names for x in graph.consumers[tensor])
    }
    inputs = set(consumed) - set(produced)
    return [*consumed, *(produced.keys() - consumed.keys())], inputs | outputs
