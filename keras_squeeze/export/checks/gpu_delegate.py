"""Predicts from the published rules what a phone's GPU runs of a file.

A GPU delegate takes the largest part of the graph that it can run at once, and
leaves everything before and after that part to the CPU.
"""

import collections
import dataclasses

from keras_squeeze.export.checks.gpu_rules import LITERT_2
from keras_squeeze.export.checks.gpu_rules import TFLITE
from keras_squeeze.export.conversion.model_file import is_constant
from keras_squeeze.export.conversion.model_file import operation_name

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
    """What the GPU delegate of a runtime runs of a file.

    Args:
        runtime: string. The runtime, `"LiteRT 2"` or `"TFLite and LiteRT 1"`.
        operations: int. The number of operations of the graph.
        delegated: int. The number of operations that the delegate takes. They
            form one part of the graph.
        problems: List that has a `GpuProblem` for each operation that it
            cannot run.
        opencl: bool or `None`. Whether the delegate of TFLite runs them with
            OpenCL. This requires a batch size (first dimension) of one for the
            tensors that enter and leave the part. `None` for LiteRT 2, as for
            the following.
        opengl: bool or `None`. Whether it runs them with OpenGL, the fallback
            on phones without OpenCL. This requires a batch size of one for all
            tensors.
        batches: List of the names of the tensors of these operations whose
            first dimension is not one, or `None`.
    """

    runtime: str
    operations: int
    delegated: int
    problems: list
    opencl: bool | None = None
    opengl: bool | None = None
    batches: list | None = None

    def __str__(self):
        line = f"{self.runtime}: {self.delegated} of {self.operations}"
        if self.opencl is not None:
            line += (
                f", with OpenCL: {'yes' if self.opencl else 'no'}, "
                f"with OpenGL: {'yes' if self.opengl else 'no'}"
            )
        lines = [line]
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


def check_gpu_delegates(model):
    """Predict what the GPU delegates run of a `.tflite` file.

    Nothing is executed: the operations are compared with the published rules.
    If the file has several graphs, the first one is checked.

    Args:
        model: The result of `model_file.load_model()`.

    Returns:
        A list of a `GpuDelegate` for LiteRT 2 and one for TFLite.
    """
    graph = _Graph(model)
    return [_check(graph, rules) for rules in (LITERT_2, TFLITE)]


def _check(graph, rules):
    problems = {}
    for i, operation in enumerate(graph.operations):
        consumers = graph.consumers[operation.outputs[0]]
        reason = next(rules.reasons(operation, consumers), None)
        if reason is not None:
            problems[i] = GpuProblem(
                operation.name, operation.outputs[0].name, reason
            )
    part = _largest_part(graph, problems)
    limits = {}
    if rules.needs_batch_of_one:
        inside, ends = _tensors_of_part(graph, part)
        batches = [tensor for tensor in inside if tensor.shape[0] != 1]
        limits = {
            "opencl": bool(part) and ends.isdisjoint(batches),
            "opengl": bool(part) and not batches,
            "batches": [tensor.name for tensor in batches],
        }
    return GpuDelegate(
        runtime=rules.runtime,
        operations=len(graph.operations),
        delegated=len(part),
        problems=list(problems.values()),
        **limits,
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
                    self.tensors[number], is_constant=True, type=source.type
                )


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
