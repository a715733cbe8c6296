"""Reads, changes and writes `.tflite` files, which are flatbuffers."""

import collections
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


def operation_name(model, operation):
    """The name of an operation, such as `"FULLY_CONNECTED"`.

    Args:
        model: What `load_model()` returns.
        operation: One of the operators of its subgraphs.

    Returns:
        string. The name of a custom operation is its own.
    """
    from ai_edge_litert import schema_py_generated as schema

    code = model.operatorCodes[operation.opcodeIndex]
    if code.customCode:
        return code.customCode.decode()
    # Files of the first schema, which had a byte for the code, have it in the
    # deprecated field alone.
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    names = vars(schema.BuiltinOperator).items()
    return next(name for name, value in names if value == number)


def count_operations(filepath):
    """Count the operations of a `.tflite` file.

    Args:
        filepath: string. The file.

    Returns:
        A dictionary of counts by the names of the operations, the most
        frequent first.
    """
    model = load_model(filepath)
    counts = collections.Counter(
        operation_name(model, operation)
        for graph in model.subgraphs
        for operation in graph.operators
    )
    return dict(counts.most_common())
