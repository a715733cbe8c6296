"""Reads, modifies and writes `.tflite` files, which are flatbuffers."""

import collections
import copy
import functools
import re

import numpy as np

# Kernels load weights from addresses that must be multiples of this according
# to the schema, which the generated Python code does not ensure.
_ALIGNMENT = 16

_IDENTIFIER = b"TFL3"

# Names, shapes and scales are below this size, and most of them occur in a
# file many times.
_LARGEST_SHARED = 2**16


def load_model(filepath):
    """Read a `.tflite` file into objects that can be modified.

    Weights stored after the flatbuffer, as `ai-edge-quantizer` does, are also
    read. Files appended to it are not.

    Args:
        filepath: string. The file.

    Returns:
        An `ai_edge_litert.schema_py_generated.ModelT`. Its names are `bytes`.
    """
    from ai_edge_litert import schema_py_generated as schema

    with open(filepath, "rb") as file:
        # Arrays that are views of a `bytearray` are writable.
        contents = bytearray(file.read())
    model = schema.ModelT.InitFromPackedBuf(contents)
    for buffer in model.buffers:
        # Offsets of 0 and 1 mean that the buffer has no data after the file.
        if buffer.offset > 1:
            end = buffer.offset + buffer.size
            buffer.data = np.frombuffer(contents, "uint8")[buffer.offset : end]
        buffer.offset = buffer.size = 0
    return model


def save_model(model, filepath):
    """Write a model that `load_model()` can read.

    Args:
        model: An `ai_edge_litert.schema_py_generated.ModelT`.
        filepath: string. The file to write.
    """
    import flatbuffers

    class Builder(flatbuffers.Builder):
        """A builder that aligns bytes and stores equal contents once."""

        def __init__(self, size):
            super().__init__(size)
            self._offsets = {}

        def StartVector(self, elemSize, numElems, alignment):
            if elemSize == 1:
                alignment = _ALIGNMENT
            return super().StartVector(elemSize, numElems, alignment)

        def CreateString(self, s, *args, **kwargs):
            if s not in self._offsets:
                self._offsets[s] = super().CreateString(s, *args, **kwargs)
            return self._offsets[s]

        def CreateNumpyVector(self, x):
            if x.nbytes > _LARGEST_SHARED:
                return super().CreateNumpyVector(x)
            key = x.dtype.str, x.tobytes()
            if key not in self._offsets:
                self._offsets[key] = super().CreateNumpyVector(x)
            return self._offsets[key]

    builder = Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    with open(filepath, "wb") as file:
        file.write(builder.Output())


def tidy_names(model):
    """Name outputs as in the signatures, and shorten all other names.

    The converter names a tensor after all operations that were fused into it,
    which takes half a megabyte for MobileBERT.

    Args:
        model: The result of `load_model()`. It is changed in place.
    """
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            name = tensor.name.decode().partition(";")[0]
            # Remove the name of the serving model, and the suffix for the
            # second call of a layer, which all names have.
            name = re.sub(r"^serving_1/", "", name)
            tensor.name = re.sub(r"_1(?=/|$)", "", name).encode()
    for signature in model.signatureDefs:
        tensors = model.subgraphs[signature.subgraphIndex].tensors
        for output in signature.outputs:
            tensors[output.tensorIndex].name = output.name


def align_dimensions(model):
    """Give all operands of an addition the same rank, as GPUs require.

    The converter removes leading dimensions of one from masks and from the
    outputs of embedding tables and attention heads. A GPU would take the first
    dimension that is left for the batch.

    Args:
        model: The result of `load_model()`, before quantization. It is changed
            in place.
    """
    for graph in model.subgraphs:
        operations = []
        aligned = {}
        halves = _constants_in_half_precision(model, graph)
        _align_products(model, graph)
        for operation in graph.operators:
            if operation_name(model, operation) == "ADD":
                rank = len(graph.tensors[operation.outputs[0]].shape)
                for i, number in enumerate(operation.inputs):
                    shape = graph.tensors[number].shape
                    # GPUs also treat constants of one dimension as biases.
                    constant = number in halves or is_constant(
                        model, graph.tensors[number]
                    )
                    if not (1 + constant <= len(shape) < rank):
                        continue
                    if (number, rank) not in aligned:
                        shape = [1] * (rank - len(shape)) + list(shape)
                        target = add_reshaped(graph, number, shape)
                        aligned[number, rank] = target
                        if number in halves:
                            copied = copy.copy(halves[number])
                            copied.inputs = np.array(
                                [add_reshaped(graph, copied.inputs[0], shape)]
                            )
                            copied.outputs = np.array([target], "int32")
                            operations.append(copied)
                        elif not constant:
                            operations.append(
                                reshape(model, graph, number, target)
                            )
                    operation.inputs[i] = aligned[number, rank]
            operations.append(operation)
        graph.operators = operations


def _constants_in_half_precision(model, graph):
    """The operations that convert float16 weights, by what they compute."""
    return {
        operation.outputs[0]: operation
        for operation in graph.operators
        if operation_name(model, operation) == "DEQUANTIZE"
        and is_constant(model, graph.tensors[operation.inputs[0]])
    }


def leave_lookups_to_cpus(model):
    """Keep the GPU delegates of TFLite and LiteRT 1 from taking lookups.

    They take lookups of version 1, and then cannot run any part of the graph,
    because ids of one dimension do not have a batch size of one. All runtimes
    have version 2, which is for integers of 8 bits.

    Args:
        model: The result of `load_model()`. It is changed in place.
    """
    for code in model.operatorCodes:
        if _operation_names()[code.builtinCode] == "GATHER":
            code.version = max(code.version, 2)


def _align_products(model, graph):
    """Keep three dimensions in products whose inputs were made a matrix."""
    reshapes, consumers = {}, collections.defaultdict(list)
    for operation in graph.operators:
        if operation_name(model, operation) == "RESHAPE":
            reshapes[operation.outputs[0]] = operation
        for number in operation.inputs:
            consumers[number].append(operation)
    for operation in graph.operators:
        if operation_name(model, operation) != "FULLY_CONNECTED":
            continue
        features, product = operation.inputs[0], operation.outputs[0]
        is_matrix = len(graph.tensors[features].shape) == 2
        is_added = [
            operation_name(model, x) == "ADD"
            and len(graph.tensors[x.outputs[0]].shape) == 3
            for x in consumers[product]
        ]
        is_alone = len(consumers[features]) == 1 and is_added == [True]
        if features in reshapes and is_matrix and is_alone:
            operation.builtinOptions.keepNumDims = True
            for number in (features, product):
                tensor = graph.tensors[number]
                tensor.shape = np.array([1, *tensor.shape], "int32")
                tensor.shapeSignature = None
            former = reshapes[features]
            new = reshape(model, graph, former.inputs[0], features)
            former.inputs = new.inputs
            # Without a type, options are not written to the file.
            if former.builtinOptionsType:
                former.builtinOptions = new.builtinOptions


def add_reshaped(graph, number, shape):
    """Add a copy of a tensor with a new shape to a graph.

    Args:
        graph: A graph of the result of `load_model()`.
        number: int. The number of the tensor to copy.
        shape: List of ints.

    Returns:
        int. The number of the new tensor. If the original is computed, the new
        tensor still needs an operation that computes it.
    """
    tensor = copy.copy(graph.tensors[number])
    tensor.shape = np.array(shape, "int32")
    tensor.shapeSignature = None
    tensor.name += b"/reshape"
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def reshape(model, graph, source, target):
    """Create an operation that copies the values of a tensor to another one.

    Args:
        model: The result of `load_model()`, which must already have reshapes.
        graph: The graph of both tensors.
        source: int. The number of the tensor with the values.
        target: int. The number of the tensor that receives them.

    Returns:
        An `ai_edge_litert.schema_py_generated.OperatorT`.
    """
    from ai_edge_litert import schema_py_generated as schema

    target_tensor = graph.tensors[target]
    shape = target_tensor.shape
    model.buffers.append(
        schema.BufferT(data=np.frombuffer(shape.tobytes(), "uint8"))
    )
    graph.tensors.append(
        schema.TensorT(
            shape=np.array(shape.shape, "int32"),
            type=schema.TensorType.INT32,
            buffer=len(model.buffers) - 1,
            name=target_tensor.name + b"/shape",
        )
    )
    code = next(
        i
        for i, code in enumerate(model.operatorCodes)
        if code.builtinCode == schema.BuiltinOperator.RESHAPE
    )
    return schema.OperatorT(
        opcodeIndex=code,
        inputs=np.array([source, len(graph.tensors) - 1], "int32"),
        outputs=np.array([target], "int32"),
        builtinOptionsType=schema.BuiltinOptions.ReshapeOptions,
        builtinOptions=schema.ReshapeOptionsT(newShape=shape),
    )


def signature_tensors(model, subgraph=0):
    """The tensors of the inputs and outputs of a signature, by name.

    The inputs of a graph may be in another order than those of the original
    model, and its tensors may have any names.

    Args:
        model: The result of `load_model()`.
        subgraph: int. The number of the graph that the signature runs.
            Defaults to `0`.

    Returns:
        A tuple of two dictionaries that map names to the numbers of tensors,
        for the inputs and the outputs.
    """
    (signature,) = (
        signature
        for signature in model.signatureDefs
        if signature.subgraphIndex == subgraph
    )
    return tuple(
        {tensor.name.decode(): tensor.tensorIndex for tensor in tensors}
        for tensors in (signature.inputs, signature.outputs)
    )


def is_constant(model, tensor):
    """Whether the values of a tensor are stored in the file.

    Args:
        model: The result of `load_model()`.
        tensor: One of the tensors of its subgraphs.

    Returns:
        bool.
    """
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def operation_name(model, operation):
    """The name of an operation, such as `"FULLY_CONNECTED"`.

    Args:
        model: The result of `load_model()`.
        operation: One of the operators of its subgraphs.

    Returns:
        string. A custom operation has its own name.
    """
    code = model.operatorCodes[operation.opcodeIndex]
    if code.customCode:
        return code.customCode.decode()
    # Files of the first schema version only have the deprecated field, which
    # stored the code in one byte.
    return _operation_names()[max(code.builtinCode, code.deprecatedBuiltinCode)]


@functools.cache
def _operation_names():
    from ai_edge_litert import schema_py_generated as schema

    names = vars(schema.BuiltinOperator).items()
    return {value: name for name, value in names if name.isupper()}


def computed_tensors(model):
    """The tensors that the first graph of a file computes.

    Args:
        model: The result of `load_model()`.

    Returns:
        A set of the numbers of the tensors.
    """
    operations = model.subgraphs[0].operators
    return {int(number) for x in operations for number in x.outputs}


def count_operations(model):
    """Count the operations of a `.tflite` file.

    Args:
        model: The result of `load_model()`.

    Returns:
        A dictionary that maps the names of the operations to their counts, the
        most frequent first.
    """
    counts = collections.Counter(
        operation_name(model, operation)
        for graph in model.subgraphs
        for operation in graph.operators
    )
    return dict(counts.most_common())
