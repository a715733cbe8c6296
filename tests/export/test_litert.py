"""Tests exported files with LiteRT's interpreter against the Keras model."""

import json
import operator
import os
import subprocess

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from keras_squeeze import export_tflite
from keras_squeeze import models
from keras_squeeze.export import litert
from keras_squeeze.export import process
from keras_squeeze.export.process import ExportError
from tests.backends import only_on
from tests.export.classifiers import mobile_bert_classifier
from tests.export.classifiers import randomise
from tests.export.classifiers import squeeze_bert_classifier

TEXTS = ["See you at lunch?", "WINNER!! Claim your £1000 prize", "crème brûlée"]


def product_shapes(path):
    """The shapes of the weights of each product in a file."""
    model = schema.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    shapes = []
    for i in range(graph.OperatorsLength()):
        operation = graph.Operators(i)
        code = model.OperatorCodes(operation.OpcodeIndex()).BuiltinCode()
        if code == schema.BuiltinOperator.FULLY_CONNECTED:
            shape = graph.Tensors(operation.Inputs(1)).ShapeAsNumpy()
            shapes.append(tuple(int(size) for size in shape))
    return shapes


def test_float_file_gives_the_softmax_of_the_task(exported):
    classifier, path, _ = exported
    interpreter = Interpreter(model_path=str(path))
    run = interpreter.get_signature_runner("serving_default")
    before = classifier.preprocessor.sequence_length
    classifier.preprocessor.sequence_length = 40
    inputs = classifier.preprocessor(TEXTS)
    expected = keras.ops.softmax(classifier.predict(TEXTS, verbose=0))
    classifier.preprocessor.sequence_length = before
    for i in range(len(TEXTS)):
        outputs = run(
            input_word_ids=np.asarray(inputs["token_ids"])[i : i + 1],
            input_mask=np.asarray(inputs["padding_mask"])[i : i + 1],
            input_type_ids=np.asarray(inputs["segment_ids"])[i : i + 1],
        )
        assert list(outputs) == ["probabilities"]
        np.testing.assert_allclose(
            outputs["probabilities"][0],
            keras.ops.convert_to_numpy(expected)[i],
            atol=1e-5,
        )
    # If all rows were equal, they would agree even if the file ignored its
    # inputs.
    assert np.ptp(keras.ops.convert_to_numpy(expected), axis=0).max() > 0.01


def test_file_has_the_names_and_types_that_phones_expect(exported):
    _, path, _ = exported
    interpreter = Interpreter(model_path=str(path))
    assert list(interpreter.get_signature_list()) == ["serving_default"]
    inputs = {x["name"]: x for x in interpreter.get_input_details()}
    assert sorted(inputs) == [
        "serving_default_input_mask:0",
        "serving_default_input_type_ids:0",
        "serving_default_input_word_ids:0",
    ]
    for details in inputs.values():
        assert details["shape"].tolist() == [1, 40]
        assert details["shape_signature"].tolist() == [1, 40]
        assert details["dtype"] == np.int32


def test_file_is_parsed_once(exported, tmp_path, monkeypatch):
    classifier, _, _ = exported
    parsed, parse = [], schema.ModelT.InitFromPackedBuf

    def count(contents):
        parsed.append(True)
        return parse(contents)

    monkeypatch.setattr(schema.ModelT, "InitFromPackedBuf", count)
    path = tmp_path / "model.tflite"
    export_tflite(classifier, path, sequence_length=8, verbose=False)
    assert len(parsed) == 1


def test_report(exported):
    classifier, path, report = exported
    assert report.path == str(path)
    assert report.size_bytes == path.stat().st_size
    assert report.quantization is None
    assert report.sequence_length == 40
    assert report.outputs == {"probabilities": ((1, 3), "float32")}
    assert report.inputs["input_mask"] == ((1, 40), "int32")
    assert report.agreement.source == "text"
    assert report.agreement.equal_predictions == 1.0
    assert 0 <= report.agreement.largest_difference["probabilities"] < 1e-4
    assert report.ops["SOFTMAX"] == 3
    assert json.loads(json.dumps(report.to_dict()))["size_bytes"] > 1e6
    # LoRA weights are merged, so they are not counted.
    assert report.parameters < classifier.count_params()
    text = str(report)
    assert f"{report.size_bytes / 1e6:.2f} MB" in text
    assert "input_word_ids int32[1, 40]" in text
    assert "100.0% equal" in text


def test_export_leaves_the_task_as_it_was(exported):
    classifier, path, _ = exported
    assert classifier.preprocessor.sequence_length == 24
    assert os.listdir(path.parent) == [path.name]
    other = path.with_name("other")
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode
    other.unlink()


def test_grouped_layers_become_a_product_for_each_group(tmp_path, capsys):
    classifier = squeeze_bert_classifier(dtype="mixed_bfloat16")
    path = tmp_path / "squeeze_bert.tflite"
    report = export_tflite(
        classifier,
        path,
        sequence_length=16,
        quantization="dynamic_int8",
        probabilities=False,
    )
    # 32 and 64 features in 4 groups, with one product per group: query, key
    # and value at once, and both layers of the feed-forward network.
    grouped = [shape for shape in product_shapes(path) if shape[-1] in (8, 16)]
    layer = 4 * [(24, 8), (16, 8), (8, 16)]
    assert sorted(grouped) == sorted(2 * layer)
    # The embeddings, which have most of the parameters, are also in 8 bits.
    assert report.size_bytes < 1.3 * report.parameters
    assert report.outputs == {"logits": ((1, 3), "float32")}
    assert report.agreement.source == "random ids"
    assert report.agreement.equal_predictions >= 0.5
    assert 0 < report.agreement.relative_error["logits"] < 0.1
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 4
    assert printed[-1] == f"Wrote {path}"


def test_operation_that_litert_lacks_is_an_error(tmp_path):
    backbone = mobile_bert_classifier().backbone
    x = backbone.output["sequence_output"]
    x = keras.ops.linalg.inv(keras.ops.matmul(keras.ops.moveaxis(x, 1, 2), x))
    model = keras.Model(backbone.input, x)
    path = tmp_path / "model.tflite"
    path.write_bytes(b"the file before")
    with pytest.raises(ExportError, match="does not have.*MatrixInverse"):
        export_tflite(model, path, sequence_length=8, verbose=False)
    assert path.read_bytes() == b"the file before"
    assert os.listdir(tmp_path) == ["model.tflite"]


def test_file_of_another_model_is_refused(exported, tmp_path, monkeypatch):
    classifier, other, report = exported
    path = tmp_path / "model.tflite"
    path.write_bytes(b"the file before")

    def convert(folder, **options):
        return report.parameters, [other]

    monkeypatch.setattr(litert, "convert", convert)
    model = mobile_bert_classifier(classifier.preprocessor)
    with pytest.raises(ExportError, match="does not agree with the Keras"):
        export_tflite(model, path, sequence_length=40, verbose=False)
    assert path.read_bytes() == b"the file before"
    assert os.listdir(tmp_path) == ["model.tflite"]


def test_process_that_dies_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "subprocess", subprocess)
    monkeypatch.setattr(process.sys, "executable", "false")
    with pytest.raises(ExportError, match="exited with code 1: no message"):
        process.convert(str(tmp_path))


@pytest.mark.parametrize("length", [2, 65, 8.0, True, None, (), (8, 65)])
def test_sequence_length_out_of_range(length, tmp_path):
    with pytest.raises(ValueError, match="`sequence_length`.*from 3 to 64"):
        export_tflite(mobile_bert_classifier(), tmp_path / "x.tflite", length)


def test_unknown_quantization(tmp_path):
    with pytest.raises(ValueError, match="`quantization`.*'dynamic_int8'"):
        export_tflite(
            mobile_bert_classifier(),
            tmp_path / "x.tflite",
            sequence_length=8,
            quantization="int3",
        )


def test_path_that_cannot_be_written(tmp_path):
    model = mobile_bert_classifier()
    with pytest.raises(ValueError, match="`filepath`.*does not exist"):
        export_tflite(model, tmp_path / "no" / "x.tflite", sequence_length=8)
    with pytest.raises(ValueError, match="`filepath`.*is a folder"):
        export_tflite(model, tmp_path, sequence_length=8)
    with pytest.raises(ValueError, match="`filepath` must be a string"):
        export_tflite(model, None, sequence_length=8)


def test_model_that_is_none(tmp_path):
    path = tmp_path / "x.tflite"
    with pytest.raises(ValueError, match="`model` must be.*type str"):
        export_tflite("mobile_bert_tiny_en_uncased", path)
    with pytest.raises(ValueError, match="is not built"):
        export_tflite(keras.Sequential([keras.layers.Dense(2)]), path)
    inputs = keras.Input((4,), name="x")
    with pytest.raises(ValueError, match=r"the inputs \['x'\]"):
        export_tflite(keras.Model(inputs, keras.layers.Dense(2)(inputs)), path)
    inputs = {
        name: keras.Input((None,), dtype="int32", name=name)
        for name in ("token_ids", "segment_ids", "padding_mask")
    }
    with pytest.raises(ValueError, match="made from a backbone"):
        export_tflite(keras.Model(inputs, inputs["token_ids"] + 1), path)


def test_logits_of_a_task_with_an_activation(tmp_path):
    model = mobile_bert_classifier(activation="softmax")
    with pytest.raises(ValueError, match="`probabilities` must be True"):
        export_tflite(
            model,
            tmp_path / "x.tflite",
            sequence_length=8,
            probabilities=False,
        )


@pytest.mark.parametrize("part", ["output_dense", "backbone.pooler.dense"])
def test_quantized_keras_model(part, tmp_path):
    model = mobile_bert_classifier()
    operator.attrgetter(part)(model).quantize("int8")
    with pytest.raises(ValueError, match="`quantize\\(\\)` was called"):
        export_tflite(model, tmp_path / "x.tflite", sequence_length=8)


@only_on("tensorflow", reason="Keras' own export to LiteRT is for TensorFlow")
@pytest.mark.parametrize(
    "create", [mobile_bert_classifier, squeeze_bert_classifier]
)
def test_export_of_keras_itself(create, tmp_path):
    ids = np.random.default_rng(0).integers(1, 30522, (1, 12)).astype("int32")
    inputs = {
        "token_ids": ids,
        "segment_ids": ids % 2,
        "padding_mask": (np.arange(12) < 9).astype("int32")[None],
    }
    task = create()
    path = str(tmp_path / "x.tflite")
    task.export(path, format="litert", verbose=False)
    interpreter = Interpreter(model_path=path)
    run = interpreter.get_signature_runner("serving_default")
    (outputs,) = run(**inputs).values()
    np.testing.assert_allclose(outputs, task(inputs), rtol=1e-4, atol=1e-4)


@pytest.mark.slow  # Four files of up to 200 MB take minutes on two cores.
@only_on("tensorflow", reason="the files do not depend on the backend")
@pytest.mark.parametrize("name", ["MobileBert", "SqueezeBert"])
def test_published_sizes(name, tmp_path):
    backbone = getattr(models, f"{name}Backbone")()
    task = getattr(models, f"{name}TextClassifier")(backbone, num_classes=2)
    randomise(task, scale=0.02)
    for quantization, bytes_each in ((None, 4), ("dynamic_int8", 1)):
        report = export_tflite(
            task,
            tmp_path / f"{name}.tflite",
            quantization=quantization,
            verbose=False,
        )
        print(report)
        # The graph, and the norms and biases, which stay in float32.
        overhead = 2.5e6
        assert report.size_bytes < bytes_each * report.parameters + overhead
