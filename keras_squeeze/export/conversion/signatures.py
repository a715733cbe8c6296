"""Puts models of several sequence lengths into one `.tflite` file."""

import copy

from keras_squeeze.export.conversion.model_file import align_dimensions
from keras_squeeze.export.conversion.model_file import load_model
from keras_squeeze.export.conversion.model_file import tidy_names
from keras_squeeze.export.conversion.quantization import is_for_quantizer
from keras_squeeze.export.runner import SIGNATURE


def signature_names(sequence_lengths):
    """The names of the signatures of a file.

    Args:
        sequence_lengths: List of ints. The lengths that the file takes.

    Returns:
        A dictionary of names by the lengths. The only signature of a file is
        `"serving_default"`, one of several is `"length_16"` or the like.
    """
    if len(sequence_lengths) == 1:
        return {sequence_lengths[0]: SIGNATURE}
    return {length: f"length_{length}" for length in sequence_lengths}


def read_converted(filepaths, quantization):
    """Read what was converted, ready to be written as one file.

    Args:
        filepaths: List of strings. What `process.convert()` wrote.
        quantization: string or `None`. How the files are quantized.

    Returns:
        An `ai_edge_litert.schema_py_generated.ModelT`.
    """
    models = [load_model(path) for path in filepaths]
    for model in models:
        # The quantizer has been given aligned dimensions.
        if not is_for_quantizer(quantization):
            align_dimensions(model)
        tidy_names(model)
    return merge_models(models)


def merge_models(models):
    """Merge models of one signature each, which share their weights.

    What the converter makes of several functions at once names every tensor
    differently in each of them and repeats the scales of all weights. Models
    that were converted one by one differ in little but the shapes, so that
    all the rest is in the file once.

    Args:
        models: List of what `model_file.load_model()` returns, of models with
            one graph and one signature. The graph of the first becomes the
            one that programs which know no signatures run.

    Returns:
        An `ai_edge_litert.schema_py_generated.ModelT` with a graph and a
        signature of each of the models.
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
        # The first buffer of a file is the empty one, of all tensors that
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
