"""Reads, changes and writes `.tflite` files, which are flatbuffers."""

import collections
import copy
import functools
import re

import numpy as np

# Kernels load weights from addresses that the schema wants to be multiples of
# this, which the generated Python code does not see to.
_ALIGNMENT = 16

_IDENTIFIER = b"TFL3"

# Names, shapes and scales are below this size, and most of them are in a file
# many times.
_LARGEST_SHARED = 2**16


def load_model(filepath):
    """Read a `.tflite` file into objects that can be changed.

    Weights that the file keeps after the flatbuffer, as those of
    `ai-edge-quantizer` do, come into the objects as well. Files that are
    appended to it do not.

    Args:
        filepath: string. The file.

    Returns:
        An `ai_edge_litert.schema_py_generated.ModelT`, whose names are
        `bytes`.
    """
    from ai_edge_litert import schema_py_generated as schema

    with open(filepath, "rb") as file:
        # Arrays that are views of a `bytearray` can be changed in place.
        contents = bytearray(file.read())
    model = schema.ModelT.InitFromPackedBuf(contents)
    for buffer in model.buffers:
        # The smallest offset stands for an empty buffer.
        if buffer.offset > 1:
            end = buffer.offset + buffer.size
            buffer.data = np.frombuffer(contents, "uint8")[buffer.offset : end]
        buffer.offset = buffer.size = 0
    return model


def save_model(model, filepath):
    """Write what `load_model()` reads.

    Args:
        model: An `ai_edge_litert.schema_py_generated.ModelT`.
        filepath: string. The file to write.
    """
    import flatbuffers

    class Builder(flatbuffers.Builder):
        """A builder that aligns bytes, and writes what is alike once."""

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
    """Name the outputs as the signatures do, and the other tensors shortly.

    The converter names a tensor after all operations that came together in
    it, which takes half a megabyte for MobileBERT.

    Args:
        model: What `load_model()` returns. It is changed in place.
    """
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            name = tensor.name.decode().partition(";")[0]
            # The name of the serving model, and the suffix of the second
            # call of a layer, which each name has.
            name = re.sub(r"^serving_1/", "", name)
            tensor.name = re.sub(r"_1(?=/|$)", "", name).encode()
    for signature in model.signatureDefs:
        tensors = model.subgraphs[signature.subgraphIndex].tensors
        for output in signature.outputs:
            tensors[output.tensorIndex].name = output.name


def align_dimensions(model):
    """Let all that is added have as many dimensions, as GPUs want it.

    The converter takes leading dimensions of one away from masks, and from
    what comes out of a table or of the heads of attention. A GPU would take
    the first one that is left for a batch.

    Args:
        model: What `load_model()` returns, before it is quantized. It is
            changed in place.
    """
    for graph in model.subgraphs:
        operations = []
        aligned = {}
        _align_products(model, graph)
        for operation in graph.operators:
            if operation_name(model, operation) == "ADD":
                rank = len(graph.tensors[operation.outputs[0]].shape)
                for i, number in enumerate(operation.inputs):
                    shape = graph.tensors[number].shape
                    # Constants of one dimension are biases for GPUs, too.
                    constant = is_constant(model, graph.tensors[number])
                    if not (1 + constant <= len(shape) < rank):
                        continue
                    if (number, rank) not in aligned:
                        shape = [1] * (rank - len(shape)) + list(shape)
                        target = add_reshaped(graph, number, shape)
                        aligned[number, rank] = target
                        if not constant:
                            operations.append(
                                reshape(model, graph, number, target)
                            )
                    operation.inputs[i] = aligned[number, rank]
            operations.append(operation)
        graph.operators = operations


def _align_products(model, graph):
    """Leave three dimensions to products of what was made into a matrix."""
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
            # Options are no part of a file without their type.
            if former.builtinOptionsType:
                former.builtinOptions = new.builtinOptions


def add_reshaped(graph, number, shape):
    """Add a tensor to a graph that is another one in a new shape.

    Args:
        graph: One of the graphs of what `load_model()` returns.
        number: int. The number of the other tensor.
        shape: List of ints.

    Returns:
        int. The number of the new tensor. If the other one is computed, it
        has yet to be.
    """
    tensor = copy.copy(graph.tensors[number])
    tensor.shape = np.array(shape, "int32")
    tensor.shapeSignature = None
    tensor.name += b"/reshape"
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def reshape(model, graph, source, target):
    """Make an operation that gives the values of one tensor to another.

    Args:
        model: What `load_model()` returns, which has such operations already.
        graph: The graph of both tensors.
        source: int. The number of the tensor with the values.
        target: int. The number of the one that gets them.

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
    """The tensors of the inputs and outputs of a signature by their names.

    The order of the inputs of a graph is not that of the model that it was
    converted from, and the names of its tensors may be anything.

    Args:
        model: What `load_model()` returns.
        subgraph: int. The number of the graph that the signature runs.
            Defaults to `0`.

    Returns:
        A tuple of two dictionaries, of the inputs and of the outputs, of the
        numbers of tensors by name.
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
    """Whether a tensor has its values in the file.

    Args:
        model: What `load_model()` returns.
        tensor: One of the tensors of its subgraphs.

    Returns:
        bool.
    """
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def operation_name(model, operation):
    """The name of an operation, such as `"FULLY_CONNECTED"`.

    Args:
        model: What `load_model()` returns.
        operation: One of the operators of its subgraphs.

    Returns:
        string. The name of a custom operation is its own.
    """
    code = model.operatorCodes[operation.opcodeIndex]
    if code.customCode:
        return code.customCode.decode()
    # Files of the first schema, which had a byte for the code, have it in the
    # deprecated field alone.
    return _operation_names()[max(code.builtinCode, code.deprecatedBuiltinCode)]


@functools.cache
def _operation_names():
    from ai_edge_litert import schema_py_generated as schema

    names = vars(schema.BuiltinOperator).items()
    return {value: name for name, value in names if name.isupper()}


def computed_tensors(model):
    """The tensors that the first graph of a file computes.

    Args:
        model: What `load_model()` returns.

    Returns:
        A set of the numbers of the tensors.
    """
    operations = model.subgraphs[0].operators
    return {int(number) for x in operations for number in x.outputs}


def count_operations(model):
    """Count the operations of a `.tflite` file.

    Args:
        model: What `load_model()` returns.

    Returns:
        A dictionary of counts by the names of the operations, the most
        frequent first.
    """
    counts = collections.Counter(
        operation_name(model, operation)
        for graph in model.subgraphs
        for operation in graph.operators
    )
    return dict(counts.most_common())
