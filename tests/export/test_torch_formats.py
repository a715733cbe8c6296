"""Tests the formats that PyTorch writes, with the runtimes of the formats."""

import importlib.metadata

import keras
import numpy as np
import onnxruntime
import openvino
import pytest
import torch

from keras_squeeze import models
from keras_squeeze.export import torch_formats
from keras_squeeze.export.process import ExportError
from tests.backends import only_on
from tests.tiny import tiny_backbone

ENDINGS = {"onnx": "onnx", "openvino": "xml", "torch": "pt2"}


def make_task(model, name):
    backbone = tiny_backbone(
        getattr(models, f"{model}Backbone"),
        vocabulary=20,
        max_sequence_length=64,
        initializer_range=0.3,
    )
    if name == "Backbone":
        return backbone
    kwargs = {"num_classes": 3} if name.endswith("Classifier") else {}
    return getattr(models, model + name)(backbone, **kwargs)


def inputs(*shape):
    random = np.random.default_rng(0)
    mask = np.ones(shape, "int32")
    mask[-1, ..., -2:] = 0
    return {
        "token_ids": random.integers(0, 20, shape).astype("int32") * mask,
        "segment_ids": random.integers(0, 2, shape).astype("int32") * mask,
        "padding_mask": mask,
    }


def run_onnx(path, x):
    session = onnxruntime.InferenceSession(path)
    names = [port.name for port in session.get_outputs()]
    return dict(zip(names, session.run(None, x), strict=True))


def run_openvino(path, x):
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", config)
    outputs = compiled(x)
    return {port.get_any_name(): outputs[port] for port in compiled.outputs}


def run_torch(path, x):
    program = torch.export.load(path).module()
    names = ("token_ids", "segment_ids", "padding_mask")
    outputs = program(*(torch.tensor(x[name]) for name in names))
    return {i: output.numpy() for i, output in enumerate(outputs)}


RUN = {"onnx": run_onnx, "openvino": run_openvino, "torch": run_torch}


def check(task, path, format, shapes):
    """Export a task, and compare its file with it on batches of shapes."""
    task.export(path, format=format, verbose=False)
    for shape in shapes:
        x = inputs(*shape)
        selects_masks = "mask_positions" in task.input
        model = task.serving_graph() if selects_masks else task
        expected = model(x, training=False)
        if not isinstance(expected, dict):
            expected = {task.output_names[0]: expected}
        found = RUN[format](path, x)
        if format == "torch":
            # Its outputs have no names, and are in the order of Keras.
            found = dict(zip(sorted(expected), found.values(), strict=True))
        assert set(found) == set(expected)
        for name, array in found.items():
            one = keras.ops.convert_to_numpy(expected[name])
            np.testing.assert_allclose(array, one, rtol=1e-4, atol=1e-5)


@only_on("torch", reason="other backends convert in a process with PyTorch")
@pytest.mark.parametrize(
    "model, name",
    [
        ("MobileBert", "TextClassifier"),
        ("MobileBert", "Pretraining"),
        ("MobileBert", "MultipleChoice"),
        ("SqueezeBert", "QuestionAnswering"),
        ("SqueezeBert", "TokenClassifier"),
        ("SqueezeBert", "Backbone"),
    ],
)
def test_files_take_inputs_of_any_size(tmp_path, model, name):
    # One format per task covers all tasks and formats in half of the time.
    formats = {"Backbone": "torch", "TokenClassifier": "openvino"}
    formats["MultipleChoice"] = "openvino"
    format = formats.get(name, "onnx")
    shapes = [(1, 3), (1, 64), (5, 17)]
    if name == "MultipleChoice":
        shapes = [(1, 2, 9), (2, 5, 17)]
    path = tmp_path / f"file.{ENDINGS[format]}"
    check(make_task(model, name), path, format, shapes)
    assert {file.suffix for file in tmp_path.iterdir()} <= {path.suffix, ".bin"}


@pytest.mark.parametrize("format", ENDINGS)
def test_every_backend_exports(tmp_path, format):
    if format != "onnx" and keras.backend.backend() != "torch":
        pytest.skip("the process that converts is the same for each format")
    task = make_task("MobileBert", "TextClassifier")
    path = tmp_path / f"file.{ENDINGS[format]}"
    check(task, path, format, [(2, 11)])


@only_on("torch", reason="the checks are the same on every backend")
def test_what_cannot_be_exported(tmp_path, monkeypatch):
    task = make_task("SqueezeBert", "TextClassifier")
    with pytest.raises(ValueError, match="`filepath` must end with '.onnx'"):
        task.export(tmp_path / "file.pt2", format="onnx")
    with pytest.raises(ValueError, match="`filepath` must be in a folder"):
        task.export(tmp_path / "no" / "file.pt2", format="torch")
    (tmp_path / "folder.pt2").mkdir()
    with pytest.raises(ValueError, match="`filepath` must be a file"):
        task.export(tmp_path / "folder.pt2", format="torch")
    low = models.SqueezeBertBackbone.from_config(
        {**task.backbone.get_config(), "dtype": "mixed_bfloat16"}
    )
    with pytest.raises(ValueError, match="must be float32.*'mixed_bfloat16'"):
        low.export(tmp_path / "file.pt2", format="torch")

    def version(name):
        if name == "openvino":
            raise importlib.metadata.PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(torch_formats.importlib.metadata, "version", version)
    message = "not installed: openvino.*keras-squeeze.openvino"
    with pytest.raises(ImportError, match=message):
        task.export(tmp_path / "file.xml", format="openvino")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.pt2"]


@only_on("torch", reason="the comparison is the same on every backend")
@pytest.mark.parametrize("wrong", [np.nan, 1.01])
def test_a_wrong_file_does_not_replace_another(tmp_path, monkeypatch, wrong):
    def run(*args):
        return [output * wrong for output in original(*args)]

    original = torch_formats._run
    task = make_task("SqueezeBert", "TextClassifier")
    path = tmp_path / "file.pt2"
    path.write_text("kept")
    monkeypatch.setattr(torch_formats, "_run", run)
    with pytest.raises(ExportError, match="'logits' of the file differs"):
        task.export(path, format="torch")
    assert path.read_text() == "kept"
    assert [file.name for file in tmp_path.iterdir()] == ["file.pt2"]
