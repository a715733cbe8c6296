"""Merges models for several sequence lengths into one `.tflite` file."""

import copy

from keras_squeeze.export.conversion.model_file import align_dimensions
from keras_squeeze.export.conversion.model_file import leave_lookups_to_cpus
from keras_squeeze.export.conversion.model_file import load_model
from keras_squeeze.export.conversion.model_file import tidy_names
from keras_squeeze.export.conversion.quantization import is_for_quantizer
from keras_squeeze.export.runner import SIGNATURE


def signature_names(sequence_lengths):
    """The names of the signatures of a file.

    Args:
        sequence_lengths: List of ints. The input lengths of the file.

    Returns:
        A dictionary that maps lengths to names. A single signature is called
        `"serving_default"`, one of several is called `"length_16"`, for
        example.
    """
    if len(sequence_lengths) == 1:
        return {sequence_lengths[0]: SIGNATURE}
    return {length: f"length_{length}" for length in sequence_lengths}


def read_converted(filepaths, quantization):
    """Read converted files and merge them into one model.

    Args:
        filepaths: List of strings. The files that `process.convert()` wrote.
        quantization: string or `None`. The quantization of the files.

    Returns:
        An `ai_edge_litert.schema_py_generated.ModelT`.
    """
    models = [load_model(path) for path in filepaths]
    for model in models:
        # The quantizer was already given aligned dimensions.
        if not is_for_quantizer(quantization):
            align_dimensions(model)
        leave_lookups_to_cpus(model)
        tidy_names(model)
    return merge_models(models)


def merge_models(models):
    """Merge models with one signature each into one that shares the weights.

    If the converter is given several functions at once, it gives every tensor
    a different name in each and repeats the scales of all weights. Models that
    were converted separately only differ in their shapes, so everything else
    is stored once.

    Args:
        models: List of results of `model_file.load_model()` that have one
            graph and one signature. Programs that do not support signatures
            run the graph of the first.

    Returns:
        An `ai_edge_litert.schema_py_generated.ModelT` that has the graph and
        the signature of each model.
    """
    merged = copy.copy(models[0])
    merged.buffers = []
    merged.operatorCodes = []
    merged.subgraphs = []
    merged.signatureDefs = []
    numbers_of_buffers, numbers_of_codes = {}, {}

    def add_buffer(model, number):
        data = model.buffers[number].data
        contents = b"" if data is None else bytes(data)
        if contents not in numbers_of_buffers:
            numbers_of_buffers[contents] = len(merged.buffers)
            merged.buffers.append(model.buffers[number])
        return numbers_of_buffers[contents]

    def add_code(code):
        key = tuple(vars(code).values())
        if key not in numbers_of_codes:
            numbers_of_codes[key] = len(merged.operatorCodes)
            merged.operatorCodes.append(code)
        return numbers_of_codes[key]

    for model in models:
        # The first buffer of a file is empty. It is used by all tensors that
        # are computed.
        add_buffer(model, 0)
        (graph,) = model.subgraphs
        (signature,) = model.signatureDefs
        for tensor in graph.tensors:
            tensor.buffer = add_buffer(model, tensor.buffer)
            quantized = tensor.quantization
            if quantized is not None and quantized.scale is None:
                tensor.quantization = None
        for operation in graph.operators:
            operation.opcodeIndex = add_code(
                model.operatorCodes[operation.opcodeIndex]
            )
        graph.name = signature.signatureKey
        signature.subgraphIndex = len(merged.subgraphs)
        merged.subgraphs.append(graph)
        merged.signatureDefs.append(signature)
    for item in merged.metadata:
        item.buffer = add_buffer(models[0], item.buffer)
    return merged
