"""Tests files with several sequence lengths against the Keras model."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from keras_squeeze import TFLiteModel
from keras_squeeze import export_tflite
from keras_squeeze.export.conversion.model_file import load_model
from keras_squeeze.export.runner import preprocess

# 3, 9, 25 and, truncated, 40 tokens.
TEXTS = ["", "Are we on for lunch at one", "word " * 23, "word " * 100]


@pytest.fixture(scope="module")
def several(exported, tmp_path_factory):
    """A backbone, its file with three lengths and its report."""
    backbone = exported[0].backbone
    path = tmp_path_factory.mktemp("several") / "backbone.tflite"
    lengths = (40, 8, 24, 8)
    report = export_tflite(backbone, path, lengths, verbose=False)
    return backbone, path, report


def test_weights_are_stored_once(exported, several):
    _, single, _ = exported
    _, path, report = several
    assert report.size_bytes < 1.1 * single.stat().st_size
    buffers = [bytes(x.data) for x in load_model(path).buffers[1:]]
    assert len(set(buffers)) == len(buffers)


def test_each_length_has_a_signature(several):
    _, path, report = several
    signatures = {"length_8": 8, "length_24": 24, "length_40": 40}
    assert report.signatures == signatures
    assert report.sequence_length == 40
    assert "length_8, length_24, length_40" in str(report)
    assert report.agreement.samples == 48
    assert max(report.agreement.largest_difference.values()) < 1e-3
    interpreter = Interpreter(model_path=str(path))
    assert set(interpreter.get_signature_list()) == set(signatures)
    # The graph that programs without support for signatures run.
    for details in interpreter.get_input_details():
        assert details["shape"].tolist() == [1, 40]


def test_every_text_is_run_with_the_shortest_that_fits(several, preprocessor):
    backbone, path, _ = several
    model = TFLiteModel(path, preprocessor)
    assert model.signatures == {
        8: "length_8",
        24: "length_24",
        40: "length_40",
    }
    outputs = model.predict(TEXTS)
    ids = preprocess(preprocessor, TEXTS, 40)
    expected = keras.tree.map_structure(
        keras.ops.convert_to_numpy, backbone(ids)
    )
    mask = ids["padding_mask"][..., np.newaxis]
    np.testing.assert_allclose(
        outputs["pooled_output"], expected["pooled_output"], atol=1e-4
    )
    np.testing.assert_allclose(
        outputs["sequence_output"] * mask,
        expected["sequence_output"] * mask,
        rtol=1e-4,
        atol=1e-4,
    )
    for row, length in zip(
        outputs["sequence_output"], (8, 24, 40, 40), strict=True
    ):
        assert row[:length].all()
        assert not row[length:].any()


def test_one_length_for_all_texts(several, preprocessor):
    _, path, _ = several
    model = TFLiteModel(path, preprocessor)
    outputs = model.predict(TEXTS, sequence_length=24)
    assert outputs["sequence_output"].shape == (4, 24, 32)
    ids = preprocess(preprocessor, TEXTS, 24)
    again = model.predict(ids)
    np.testing.assert_allclose(
        outputs["pooled_output"], again["pooled_output"], atol=1e-5
    )
    with pytest.raises(ValueError, match=r"`sequence_length`.*\[8, 24, 40\]"):
        model.predict(TEXTS, sequence_length=16)
    with pytest.raises(ValueError, match="`token_ids`.*8 or 24 or 40"):
        model.predict({name: x[:, :16] for name, x in ids.items()})
    with pytest.raises(ValueError, match="the length is 40"):
        model.predict(ids, sequence_length=40)
