"""Which operations the GPU delegates of TFLite and LiteRT support.

The delegate of LiteRT 2 has more operations, newer versions of them and more
types than that of TFLite, on which LiteRT 1 still relies.

References:
 - `tflite/tools/versioning/gpu_compatibility.cc`,
    `tflite/delegates/gpu/common/model_builder.cc` and
    `ml_drift_delegate/tflite/model_builder.cc` of
    [LiteRT](https://github.com/google-ai-edge/LiteRT)
"""

import dataclasses

_COMPARISONS = frozenset(
    ("EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "NOT_EQUAL")
)
_REDUCTIONS = frozenset(
    ("MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM")
)
_ONE_OPERAND = frozenset(
    ("ABS", "COS", "ELU", "EXP", "FLOOR", "GELU", "LOG", "LOGISTIC", "NEG")
    + ("RSQRT", "SIGN", "SIN", "SQRT", "SQUARE", "TANH")
)
_TWO_OPERANDS = _COMPARISONS | frozenset(
    ("ADD", "DIV", "FLOOR_DIV", "FLOOR_MOD", "LOGICAL_AND", "MAXIMUM")
    + ("MINIMUM", "MUL", "POW", "SQUARED_DIFFERENCE", "SUB")
)

# The newest supported version of each operation that a BERT model may have.
_ANY_VERSION = 2**31
_VERSIONS = {
    **dict.fromkeys(_ONE_OPERAND | _TWO_OPERANDS, 2),
    **dict.fromkeys(("CONCATENATION", "LEAKY_RELU", "PAD", "PADV2"), 2),
    **dict.fromkeys(("QUANTIZE", "RELU", "RELU6", "SLICE", "SOFTMAX"), 2),
    **dict.fromkeys(("GATHER", "ONE_HOT", "RESHAPE"), 1),
    **dict.fromkeys(("SELECT", "SELECT_V2"), 1),
    **dict.fromkeys(("DEQUANTIZE", "MUL"), 3),
    **dict.fromkeys(("STRIDED_SLICE", "TRANSPOSE"), 4),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D"), 6),
    "FULLY_CONNECTED": 9,
    **dict.fromkeys(("BATCH_MATMUL", "CAST", "HARD_SWISH"), _ANY_VERSION),
    **dict.fromkeys(("PACK", "SPLIT", "SPLIT_V"), _ANY_VERSION),
    **dict.fromkeys(("TILE", "UNPACK"), _ANY_VERSION),
    **dict.fromkeys(_REDUCTIONS, _ANY_VERSION),
}
_VERSIONS_OF_LITERT_2 = {
    **_VERSIONS,
    **dict.fromkeys(("FLOOR_DIV", "GELU"), 3),
    **dict.fromkeys(("MAXIMUM", "MINIMUM", "SOFTMAX"), 4),
    **dict.fromkeys(("ABS", "PAD", "PADV2"), 5),
    **dict.fromkeys(("ADD", "CONCATENATION"), 6),
    **dict.fromkeys(("MUL", "SLICE"), 8),
    "STRIDED_SLICE": 2,
    "TRANSPOSE": 9,
    "FULLY_CONNECTED": 14,
    **dict.fromkeys(("EMBEDDING_LOOKUP", "GATHER"), _ANY_VERSION),
}

# The types that all operations support, and those that some support as well.
_TYPES = ("FLOAT32", "FLOAT16", "INT8", "UINT8")
_INTEGERS = ("INT8", "INT16", "INT32")
_ALL_TYPES = (*_INTEGERS, "BOOL", "UINT16", "UINT32")

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
_TYPES_OF_LITERT_2 = {
    **dict.fromkeys(("ABS", "ADD", "COS", "DIV", "FLOOR_DIV"), _INTEGERS),
    **dict.fromkeys(("FLOOR_MOD", "MAXIMUM", "MINIMUM", "MUL"), _INTEGERS),
    **dict.fromkeys(("NEG", "SIGN", "SIN", "SUB", "SUM", "TILE"), _INTEGERS),
    **dict.fromkeys(("REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"), _INTEGERS),
    "LOGICAL_AND": (*_INTEGERS, "BOOL"),
    **dict.fromkeys(("CAST", "CONCATENATION", "GATHER", "PACK"), _ALL_TYPES),
    **dict.fromkeys(("PAD", "PADV2", "RESHAPE", "SELECT"), _ALL_TYPES),
    **dict.fromkeys(("SELECT_V2", "SLICE", "STRIDED_SLICE"), _ALL_TYPES),
    "TRANSPOSE": _ALL_TYPES,
}
_INPUT_TYPES_OF_LITERT_2 = {
    **_TYPES_OF_LITERT_2,
    **dict.fromkeys(_COMPARISONS, _ALL_TYPES),
    **dict.fromkeys(("EMBEDDING_LOOKUP", "ONE_HOT"), ("INT32",)),
}
_OUTPUT_TYPES_OF_LITERT_2 = {
    **_TYPES_OF_LITERT_2,
    **dict.fromkeys(_COMPARISONS, ("BOOL",)),
}

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


@dataclasses.dataclass(frozen=True)
class Rules:
    """What a GPU delegate supports.

    Args:
        runtime: string. The runtimes that have the delegate.
        versions: Dictionary that maps the operations to their newest version.
        input_types: Dictionary that maps operations to the types of their
            inputs, besides those of all operations.
        output_types: Dictionary that maps operations to the types of their
            outputs, besides those of all operations.
        checks: Dictionary that maps operations to functions that yield the
            reasons why the delegate cannot run one of them.
        needs_batch_of_one: bool. Whether the first dimension of tensors has to
            be one. If so, it also has to be there.
    """

    runtime: str
    versions: dict
    input_types: dict
    output_types: dict
    checks: dict
    needs_batch_of_one: bool

    def reasons(self, operation, consumers):
        """Yield the reasons why the delegate cannot run an operation.

        Args:
            operation: The operation.
            consumers: List of the operations that use its first output.
        """
        name = operation.name
        if name not in self.versions:
            yield "is not supported"
            return
        if operation.version > self.versions[name]:
            yield (
                f"has version {operation.version}, but only versions up to "
                f"{self.versions[name]} are supported"
            )
        yield from self._reasons_of_tensors(operation)
        if name in _REDUCTIONS:
            axes = operation.inputs[1]
            if not axes.is_constant or axes.type != "INT32":
                yield "has axes that are not int32 constants"
        elif name in self.checks:
            yield from self.checks[name](operation, consumers)

    def _reasons_of_tensors(self, operation):
        for tensors, types in (
            (operation.runtime_inputs, self.input_types),
            (operation.outputs, self.output_types),
        ):
            for tensor in tensors:
                supported = (*_TYPES, *types.get(operation.name, ()))
                if -1 in tensor.shape:
                    yield "has a tensor with a dynamic shape"
                if tensor.type not in supported:
                    yield f"has a tensor of type {tensor.type.lower()}"
                if self.needs_batch_of_one and not tensor.shape:
                    yield "has a scalar tensor"
        tensors = (*operation.inputs, *operation.outputs)
        if any(len(x.shape) > 4 for x in tensors):
            yield "has a tensor with more than 4 dimensions"


def _check_comparison(operation, consumers):
    is_used = [
        consumer.name in ("CAST", "SELECT", "SELECT_V2")
        and consumer.outputs[0].type in ("FLOAT16", "FLOAT32")
        for consumer in consumers
    ]
    if is_used != [True]:
        yield "is not used by exactly one CAST or SELECT to floats"


def _check_broadcast(operation, consumers):
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


def _check_operands(operation, consumers):
    if len(operation.inputs) != 2:
        yield "does not have two inputs"
    elif operation.name not in ("ADD", "MUL"):
        if operation.inputs[0] == operation.inputs[1]:
            yield "uses the same tensor twice"


def _check_left_operand(operation, consumers):
    if operation.inputs[0].is_constant:
        yield "has a constant as its left operand"


def _check_batch_matmul(operation, consumers):
    second = operation.inputs[1]
    if second.is_constant and len(second.shape) != 2:
        yield "has constants that do not have 2 dimensions"
    yield from _check_left_operand(operation, consumers)


def _check_cast(operation, consumers):
    types = operation.inputs[0].type, operation.outputs[0].type
    if types not in _CASTS:
        yield f"casts {types[0].lower()} to {types[1].lower()}"


def _check_fully_connected(operation, consumers):
    if operation.options.weightsFormat:
        yield "has weights in a special format"
    if len(operation.runtime_inputs) > 2:
        yield "has weights and biases that are not constants"
    ranks = {len(x.shape) for x in (operation.inputs[0], operation.outputs[0])}
    if operation.options.keepNumDims and len(ranks) > 1:
        yield "changes the number of dimensions"


def _check_indices(indices):
    if len(indices.shape) != 1:
        yield f"has indices of {len(indices.shape)} dimensions instead of 1"
    if indices.type != "INT32":
        yield f"has indices of type {indices.type.lower()}"


def _check_gather(operation, consumers):
    yield from _check_indices(operation.inputs[1])


def _check_gather_of_litert_2(operation, consumers):
    yield from _check_indices(operation.inputs[1])
    types = operation.inputs[0].type, operation.outputs[0].type
    if types[0] != types[1]:
        yield f"reads {types[0].lower()} and returns {types[1].lower()}"


def _check_embedding_lookup(operation, consumers):
    ids, table = operation.inputs
    yield from _check_indices(ids)
    if table.type not in ("FLOAT32", "INT8", "INT4", "INT2"):
        yield f"has a table of type {table.type.lower()}"


def _check_pad(operation, consumers):
    if operation.inputs[1].shape not in ((3, 2), (4, 2)):
        yield "pads a tensor that does not have 3 or 4 dimensions"
    if len(operation.runtime_inputs) != 1:
        yield "has padding sizes that are not constants"


def _check_reshape(operation, consumers):
    if not operation.runtime_inputs:
        yield "reshapes a constant"


def _check_choices(operation, consumers):
    output = operation.outputs[0]
    for tensor in operation.inputs[1:]:
        is_scalar = tensor.shape in ((), (1,))
        if not is_scalar and tensor.shape != output.shape:
            yield f"broadcasts {list(tensor.shape)} to {list(output.shape)}"


def _check_select(operation, consumers):
    yield from _check_choices(operation, consumers)
    if any(x.is_constant and len(x.shape) == 2 for x in operation.inputs[1:]):
        yield "has constants of 2 dimensions"


def _check_slice(operation, consumers):
    rank = len(operation.inputs[0].shape)
    if rank not in (3, 4):
        yield f"slices a tensor of {rank} dimensions instead of 3 or 4"


def _check_parameters(operation, consumers):
    if len(operation.runtime_inputs) != 1:
        yield "has parameters that are not constants"


def _check_softmax(operation, consumers):
    if operation.options.beta != 1:
        yield "scales its inputs"


def _check_masks(operation, consumers):
    options = operation.options
    if options.ellipsisMask or options.newAxisMask or options.shrinkAxisMask:
        yield "adds or removes dimensions"


def _check_strided_slice(operation, consumers):
    yield from _check_masks(operation, consumers)
    yield from _check_slice(operation, consumers)


def _check_strided_slice_of_litert_2(operation, consumers):
    yield from _check_masks(operation, consumers)
    yield from _check_parameters(operation, consumers)


_CHECKS = {
    **dict.fromkeys(_COMPARISONS, _check_comparison),
    "ADD": _check_broadcast,
    "BATCH_MATMUL": _check_batch_matmul,
    "CAST": _check_cast,
    "FULLY_CONNECTED": _check_fully_connected,
    "GATHER": _check_gather,
    "MUL": _check_broadcast,
    "PAD": _check_pad,
    "PADV2": _check_pad,
    "RESHAPE": _check_reshape,
    "SELECT": _check_select,
    "SELECT_V2": _check_select,
    "SLICE": _check_slice,
    "SOFTMAX": _check_softmax,
    "STRIDED_SLICE": _check_strided_slice,
}
_CHECKS_OF_LITERT_2 = {
    **dict.fromkeys(_TWO_OPERANDS, _check_operands),
    "BATCH_MATMUL": _check_left_operand,
    "EMBEDDING_LOOKUP": _check_embedding_lookup,
    "FULLY_CONNECTED": _check_fully_connected,
    "GATHER": _check_gather_of_litert_2,
    "PAD": _check_pad,
    "PADV2": _check_pad,
    "RESHAPE": _check_reshape,
    "SELECT": _check_choices,
    "SELECT_V2": _check_choices,
    "SLICE": _check_parameters,
    "SOFTMAX": _check_softmax,
    "STRIDED_SLICE": _check_strided_slice_of_litert_2,
    "TRANSPOSE": _check_parameters,
}

TFLITE = Rules(
    runtime="TFLite and LiteRT 1",
    versions=_VERSIONS,
    input_types=_INPUT_TYPES,
    output_types=_OUTPUT_TYPES,
    checks=_CHECKS,
    needs_batch_of_one=True,
)
LITERT_2 = Rules(
    runtime="LiteRT 2",
    versions=_VERSIONS_OF_LITERT_2,
    input_types=_INPUT_TYPES_OF_LITERT_2,
    output_types=_OUTPUT_TYPES_OF_LITERT_2,
    checks=_CHECKS_OF_LITERT_2,
    needs_batch_of_one=False,
)
