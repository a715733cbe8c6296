"""Tests quantized files with LiteRT against the float model."""

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_squeeze import export_tflite
from keras_squeeze.export.conversion.model_file import computed_tensors
from keras_squeeze.export.conversion.model_file import load_model
from keras_squeeze.export.conversion.quantization import calibration_samples
from keras_squeeze.export.conversion.quantization import largest_activation
from tests.backends import only_on
from tests.export.classifiers import mobile_bert_classifier
from tests.export.classifiers import squeeze_bert_classifier

exports = only_on(
    "tensorflow", reason="every backend converts in a process with TensorFlow"
)


def random_inputs(count=64, length=16):
    random = np.random.default_rng(0)
    return {
        "token_ids": random.integers(5, 30522, (count, length)),
        "segment_ids": random.integers(0, 2, (count, length)),
        "padding_mask": np.arange(length)
        < random.integers(3, length, (count, 1)),
    }


def types_of_products(path):
    """The types of the inputs and weights of products in a file."""
    model = load_model(path)
    names = {
        value: name
        for name, value in vars(schema.TensorType).items()
        if not name.startswith("_")
    }
    (graph,) = model.subgraphs
    products = (
        schema.BuiltinOperator.FULLY_CONNECTED,
        schema.BuiltinOperator.CONV_2D,
    )
    return {
        tuple(names[graph.tensors[i].type] for i in operation.inputs[:2])
        for operation in graph.operators
        if model.operatorCodes[operation.opcodeIndex].builtinCode in products
    }


@exports
@pytest.mark.parametrize(
    "build, quantization, types, bytes_per_parameter",
    [
        (mobile_bert_classifier, "float16", ("FLOAT32", "FLOAT32"), 2),
        (mobile_bert_classifier, "dynamic_int4", ("FLOAT32", "INT4"), 1),
        (squeeze_bert_classifier, "int8", ("INT8", "INT8"), 1),
        (mobile_bert_classifier, "int8x16", ("INT16", "INT8"), 1),
    ],
)
def test_modes(tmp_path, build, quantization, types, bytes_per_parameter):
    path = tmp_path / "model.tflite"
    report = export_tflite(
        build(),
        path,
        sequence_length=16,
        quantization=quantization,
        calibration_data=random_inputs(),
        verbose=False,
    )
    assert report.quantization == quantization
    assert report.agreement.samples > 64
    assert "calibration" in report.agreement.source
    assert report.agreement.equal_predictions >= 0.9
    # The embedding tables have most of the weights.
    assert report.size_bytes < 1.25 * bytes_per_parameter * report.parameters
    assert types in types_of_products(path)
    observed = report.agreement.largest_activation
    assert (observed is not None) == (quantization == "float16")
    if quantization == "float16":
        newer, older = report.gpu_delegates
        # No operation reshapes a table when the file is run.
        assert {x.operation for x in newer.problems} == {"GATHER"}
        assert older.opencl and older.opengl


@exports
def test_activations_beyond_float16_are_reported(tmp_path):
    classifier = mobile_bert_classifier()
    norm = classifier.backbone.transformer_layers[-1].output_bottleneck.norm
    norm.gamma.assign(norm.gamma * 1e6)
    classifier.backbone.pooler.dense.kernel.assign(
        classifier.backbone.pooler.dense.kernel * 1e-6
    )
    path = tmp_path / "model.tflite"
    report = export_tflite(classifier, path, sequence_length=8)
    backbone = keras.Model(
        classifier.backbone.input, classifier.backbone.output
    )
    inputs = random_inputs(8, 8)
    inputs = {name: x.astype("int32") for name, x in inputs.items()}
    states = backbone.predict(inputs, verbose=0)["sequence_output"]
    observed = largest_activation(
        path,
        {
            "input_word_ids": inputs["token_ids"],
            "input_mask": inputs["padding_mask"],
            "input_type_ids": inputs["segment_ids"],
        },
        computed_tensors(load_model(path)),
    )
    np.testing.assert_allclose(observed, np.abs(states).max(), rtol=1e-2)
    assert observed > 1e6
    assert "which float16 cannot represent" in str(report)


def scale_features(classifier, factor):
    """Scale the features of a MobileBERT without changing its results."""
    backbone = classifier.backbone
    larger, smaller = [], [backbone.pooler.dense.kernel]
    norms = [backbone.embeddings.norm]
    for layer in backbone.transformer_layers:
        for dense in (
            layer.input_bottleneck.dense,
            layer.attention_bottleneck.dense,
            layer.value,
        ):
            smaller.append(dense.kernel)
        dense, norm = (
            layer.output_bottleneck.dense,
            layer.output_bottleneck.norm,
        )
        larger += [dense.kernel, dense.bias, norm.beta]
    larger += [norms[0].gamma, norms[0].beta]
    for weight in larger:
        weight.assign(weight * factor)
    for weight in smaller:
        weight.assign(weight / factor)


@exports
def test_large_activations_in_8_bits(tmp_path):
    """The activations of the published MobileBERT also reach 1e7."""
    classifier = mobile_bert_classifier()
    scale_features(classifier, 1e7)
    path = tmp_path / "model.tflite"
    kwargs = {
        "sequence_length": 16,
        "calibration_data": random_inputs(),
        "verbose": False,
    }
    report = export_tflite(classifier, path, **kwargs)
    assert report.agreement.largest_activation > 1e7
    report = export_tflite(
        classifier, path, quantization="dynamic_int8", **kwargs
    )
    assert report.agreement.samples > 64
    assert report.agreement.equal_predictions >= 0.99


@pytest.mark.parametrize(
    "data",
    ["one text", 3, [], {"token_ids": np.ones((2, 16))}],
    ids=["string", "number", "empty", "no other inputs"],
)
def test_calibration_data_of_another_form(data):
    with pytest.raises(ValueError, match="`calibration_data` must be.*Receiv"):
        calibration_samples(mobile_bert_classifier(), data, [16])


def test_calibration_data_are_spread_and_cut():
    inputs = random_inputs(1000)
    samples = calibration_samples(mobile_bert_classifier(), inputs, [8, 16])
    assert list(samples) == [8, 16]
    rows = np.linspace(0, 999, 128).astype("int32")
    for length, arrays in samples.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, inputs[name][rows, :length])


def test_bad_arguments_are_refused(tmp_path):
    classifier = mobile_bert_classifier()
    path = tmp_path / "model.tflite"
    with pytest.raises(ValueError, match="`calibration_data` must be"):
        export_tflite(classifier, path, 16, quantization="int8")
    with pytest.raises(ValueError, match="`quantization` must be one of"):
        export_tflite(classifier, path, 16, quantization="int3")
    weight = classifier.backbone.weights[0]
    weight.assign(weight * 1e6)
    with pytest.raises(ValueError, match="must not be 'float16'"):
        export_tflite(classifier, path, 16, quantization="float16")
    assert not path.exists()
