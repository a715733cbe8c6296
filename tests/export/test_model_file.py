"""Tests rewritten files with LiteRT's interpreter."""

import struct

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from keras_squeeze import TFLiteModel
from keras_squeeze.export.conversion.model_file import count_operations
from keras_squeeze.export.conversion.model_file import load_model
from keras_squeeze.export.conversion.model_file import operation_name
from keras_squeeze.export.conversion.model_file import save_model
from keras_squeeze.export.conversion.model_file import signature_tensors

IDS = np.arange(1, 41, dtype="int32")[np.newaxis]
INPUTS = {
    "token_ids": IDS,
    "segment_ids": IDS // 21,
    "padding_mask": (IDS < 30).astype("int32"),
}


def move_weights_out(path, out):
    """Write a file whose buffers come after the flatbuffer."""
    model = flatbuffer_utils.read_model(path)
    data = [buffer.data for buffer in model.buffers]
    for buffer in model.buffers:
        if buffer.data is not None:
            buffer.data, buffer.offset, buffer.size = None, 2, 2
    contents = flatbuffer_utils.convert_object_to_bytearray(model)
    packed = schema.Model.GetRootAs(contents, 0)
    for i, array in enumerate(data):
        if array is not None:
            contents += bytes(-len(contents) % 16)
            flatbuffer_utils.update_packed_buffer(
                packed.Buffers(i), len(contents), len(array)
            )
            contents += bytes(array)
            packed = schema.Model.GetRootAs(contents, 0)
    out.write_bytes(contents)


def test_saved_file_gives_the_same(exported, tmp_path):
    _, path, _ = exported
    save_model(load_model(path), tmp_path / "saved.tflite")
    np.testing.assert_array_equal(
        TFLiteModel(tmp_path / "saved.tflite").predict(INPUTS),
        TFLiteModel(path).predict(INPUTS),
    )
    assert count_operations(load_model(tmp_path / "saved.tflite")) == (
        count_operations(load_model(path))
    )


def test_weights_are_aligned(exported, tmp_path):
    _, path, _ = exported
    # The odd length shifts everything that is written before it.
    model = load_model(path)
    model.description = "x" * 5
    save_model(model, tmp_path / "saved.tflite")
    contents = (tmp_path / "saved.tflite").read_bytes()
    saved = schema.Model.GetRootAs(contents, 0)
    start = np.frombuffer(contents, "uint8").ctypes.data
    weights = [
        saved.Buffers(i).DataAsNumpy()
        for i in range(saved.BuffersLength())
        if saved.Buffers(i).DataLength()
    ]
    assert len(weights) > 10
    assert {(array.ctypes.data - start) % 16 for array in weights} == {0}


def test_weights_outside_of_the_flatbuffer(exported, tmp_path):
    _, path, _ = exported
    outside = tmp_path / "outside.tflite"
    move_weights_out(path, outside)
    (length,) = struct.unpack_from("<i", outside.read_bytes())
    assert length < 1e6 < outside.stat().st_size
    expected = TFLiteModel(outside).predict(INPUTS)
    save_model(load_model(outside), tmp_path / "inside.tflite")
    model = schema.Model.GetRootAs((tmp_path / "inside.tflite").read_bytes(), 0)
    sizes = [model.Buffers(i).Size() for i in range(model.BuffersLength())]
    assert set(sizes) == {0}
    np.testing.assert_array_equal(
        TFLiteModel(tmp_path / "inside.tflite").predict(INPUTS), expected
    )


def test_loaded_weights_can_be_changed(exported, tmp_path):
    _, path, _ = exported
    model = load_model(path)
    largest = max(
        (buffer for buffer in model.buffers if buffer.data is not None),
        key=lambda buffer: len(buffer.data),
    )
    largest.data[:] = 0
    save_model(model, tmp_path / "zeros.tflite")
    difference = TFLiteModel(tmp_path / "zeros.tflite").predict(INPUTS)
    difference -= TFLiteModel(path).predict(INPUTS)
    assert np.abs(difference).max() > 1e-4


def test_tensors_of_the_signature_by_name(exported):
    _, path, _ = exported
    model = load_model(path)
    inputs, outputs = signature_tensors(model)
    graph = model.subgraphs[0]
    assert sorted(inputs.values()) == sorted(graph.inputs)
    assert list(outputs.values()) == list(graph.outputs)
    for name, index in inputs.items():
        tensor = graph.tensors[index].name.decode()
        assert tensor == f"serving_default_{name}:0"
    assert list(outputs) == ["probabilities"]


def test_what_is_added_has_as_many_dimensions(exported):
    _, path, report = exported
    (graph,) = load_model(path).subgraphs
    model = load_model(path)
    ranks = [
        [len(graph.tensors[i].shape) for i in operation.inputs]
        for operation in graph.operators
        if operation_name(model, operation) == "ADD"
    ]
    assert len(ranks) == report.ops["ADD"]
    # Biases have one dimension, and scalars have none.
    assert all(min(x) == max(x) or min(x) < 2 for x in ranks)
