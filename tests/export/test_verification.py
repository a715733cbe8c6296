"""Tests which files are rejected, with modified outputs."""

import types

import keras
import numpy as np
import pytest

from keras_squeeze.export.checks import verification
from keras_squeeze.export.process import ExportError
from keras_squeeze.export.runner import INPUTS
from keras_squeeze.export.serving import find_embeddings
from keras_squeeze.export.serving import float32_config
from keras_squeeze.export.serving import serving_model
from tests.export.classifiers import mobile_bert_classifier
from tests.export.classifiers import squeeze_bert_classifier


@pytest.fixture
def compare(monkeypatch):
    """Verify a file whose outputs are modified ones of the Keras model."""

    def compare(change, quantization, model=None):
        model = model or mobile_bert_classifier()
        serving = serving_model(model, 16)
        (name,) = serving.output

        class Changed:
            filepath = ""
            sequence_length = 16
            signatures = {16: "serving_default"}
            num_texts = 0
            outputs = {name: ((1, *serving.output[name].shape[1:]), "float32")}

            def __init__(self, filepath):
                pass

            def predict(self, samples, sequence_length):
                assert samples["token_ids"].shape[1] == sequence_length
                inputs = {x: samples[key] for x, key in INPUTS.items()}
                outputs = serving(inputs)[name]
                return change(keras.ops.convert_to_numpy(outputs).copy())

        monkeypatch.setattr(verification, "TFLiteModel", Changed)
        monkeypatch.setattr(
            verification, "largest_activation", lambda *args: 0.5
        )
        request = types.SimpleNamespace(
            model=model,
            embeddings=find_embeddings(model),
            quantization=quantization,
            calibration=None,
        )
        _, agreement = verification.verify(request, "", serving, set())
        return agreement

    return compare


@pytest.mark.parametrize("quantization", [None, "dynamic_int8"])
def test_equal_outputs_are_accepted(compare, quantization):
    agreement = compare(lambda outputs: outputs, quantization)
    assert agreement.samples == 16
    assert agreement.source == "random ids"
    assert agreement.largest_difference == {"probabilities": 0.0}
    assert agreement.equal_predictions == 1.0
    observed = None if quantization else 0.5
    assert agreement.largest_activation == observed


def test_float_difference(compare):
    assert compare(lambda outputs: outputs + 9e-5, None)
    with pytest.raises(ExportError, match="largest difference.*0.00011"):
        compare(lambda outputs: outputs + 1.1e-4, None)


def test_float_difference_of_a_model_that_rounding_moves(compare):
    """The difference of two large numbers is as inexact as they are."""
    backbone = mobile_bert_classifier().backbone
    pooled = backbone.output["pooled_output"] * 1e4
    layers = [keras.layers.Dense(2, use_bias=False) for _ in range(2)]
    scores = layers[0](pooled) - layers[1](pooled)
    model = keras.Model(backbone.input, scores)
    layers[1].set_weights(layers[0].get_weights())
    before = model.get_weights()

    agreement = compare(lambda outputs: outputs + 2e-4, None, model)
    assert max(agreement.largest_difference.values()) == pytest.approx(2e-4)
    for weight, values in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, values)
    with pytest.raises(ExportError, match="largest difference"):
        compare(lambda outputs: outputs + 1.0, None, model)


def test_quantized_difference(compare):
    agreement = compare(lambda outputs: outputs * 1.1, "dynamic_int8")
    assert agreement.relative_error["probabilities"] == pytest.approx(0.1)
    assert agreement.equal_predictions == 1.0

    def change_one(outputs):
        outputs[5] = np.roll(outputs[5], 1)
        return outputs

    agreement = compare(change_one, "dynamic_int8")
    assert agreement.equal_predictions == 15 / 16
    with pytest.raises(ExportError, match="relative error"):
        compare(lambda outputs: outputs[..., ::-1] * 2, "dynamic_int8")


@pytest.mark.parametrize("quantization", [None, "dynamic_int8"])
def test_outputs_that_are_not_finite(compare, quantization):
    def change(outputs):
        outputs[3, 1] = np.nan
        return outputs

    with pytest.raises(ExportError, match="not finite"):
        compare(change, quantization)


def test_mixed_precision_is_exported_in_float32():
    model = serving_model(squeeze_bert_classifier(dtype="mixed_bfloat16"), 16)
    config, exported_config = float32_config(model)
    assert config != exported_config
    rebuilt = keras.saving.deserialize_keras_object(exported_config)
    policies = {
        layer.dtype_policy.name
        for layer in rebuilt._flatten_layers()
        if not isinstance(layer, keras.layers.InputLayer)
    }
    assert policies == {"float32"}
    assert rebuilt.count_params() == model.count_params()


def test_float32_config_of_float32_is_its_own():
    model = serving_model(mobile_bert_classifier(), 16)
    config, exported_config = float32_config(model)
    assert config == exported_config
