"""Tests files that take text, with TensorFlow Text's LiteRT operations."""

import sys
import types

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import InterpreterWithCustomOps

from keras_squeeze import TFLiteModel
from keras_squeeze import export_tflite
from keras_squeeze import models
from keras_squeeze.export.checks import verification
from keras_squeeze.export.conversion import text_input
from keras_squeeze.export.conversion.text_input import TextReader
from keras_squeeze.export.conversion.text_input import save_preprocessor
from keras_squeeze.export.process import ExportError
from keras_squeeze.export.runner import INPUTS
from keras_squeeze.export.runner import preprocess
from tests.export.classifiers import mobile_bert_classifier

tf = pytest.importorskip("tensorflow")
tf_text = pytest.importorskip("tensorflow_text")

TEXTS = [
    "Are we on for lunch at one?",
    "",
    "[CLS]crème [MASK]brûlée[SEP]",
    "Der Fluß fließt. 東京は日本の首都です。",
    "word " * 100,
]


@pytest.fixture(scope="module")
def text_file(preprocessor, tmp_path_factory):
    """A classifier, its file that takes text and its report."""
    classifier = mobile_bert_classifier(preprocessor)
    path = tmp_path_factory.mktemp("text") / "text.tflite"
    report = export_tflite(
        classifier, path, sequence_length=16, text_input=True, verbose=False
    )
    return classifier, path, report


def test_answers_are_those_of_keras(text_file):
    classifier, path, _ = text_file
    ids = preprocess(classifier.preprocessor, TEXTS, 16)
    expected = keras.ops.softmax(classifier(ids))
    model = TFLiteModel(path)
    np.testing.assert_allclose(
        model.predict(TEXTS), keras.ops.convert_to_numpy(expected), atol=1e-5
    )
    tokens = model.tokenize(TEXTS)
    assert set(tokens) == set(ids)
    for name in ids:
        np.testing.assert_array_equal(tokens[name], ids[name])
    np.testing.assert_array_equal(
        model.predict(TEXTS[2]), model.predict(TEXTS)[2:3]
    )
    assert model.predict([]).shape == (0, 3)
    with pytest.raises(ValueError, match=r"\['text'\].*Received: 2"):
        model.predict((TEXTS, TEXTS))
    assert model.runtime == "interpreter"
    with pytest.raises(ValueError, match="`runtime`.*file that takes text"):
        TFLiteModel(path, runtime="compiled_model")


def test_what_the_file_needs(text_file):
    _, path, report = text_file
    custom = {name for name in report.ops if not name.isupper()}
    assert custom == {
        "FastBertNormalize",
        "FastWordpieceTokenizeWithOffsets",
    }
    assert "including FastBertNormalize and Fast" in str(report)
    assert "text bytes[1]" in str(report)
    assert report.signatures == {"serving_default": 16}
    assert report.inputs == {"text": ((1,), "bytes")}
    assert report.outputs == {"probabilities": ((1, 3), "float32")}
    assert report.agreement.source == "text"
    assert report.phone_libraries is None
    # Both signatures share the vocabulary.
    assert 1.5e6 < report.size_bytes - 4 * report.parameters < 2.5e6

    interpreter = InterpreterWithCustomOps(
        model_path=str(path),
        custom_op_registerers=tf_text.tflite_registrar.SELECT_TFTEXT_OPS,
    )
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["text"], "outputs": ["probabilities"]},
        "tokenize": {"inputs": ["text"], "outputs": sorted(INPUTS)},
    }
    interpreter.allocate_tensors()
    (details,) = interpreter.get_input_details()
    assert details["name"] == "serving_default_text:0"
    text = np.array(["See you at lunch".encode()], "object")
    interpreter.set_tensor(details["index"], text)
    interpreter.invoke()
    (details,) = interpreter.get_output_details()
    np.testing.assert_array_equal(
        interpreter.get_tensor(details["index"]),
        TFLiteModel(path).predict("See you at lunch"),
    )


def test_pairs_are_truncated_as_by_the_preprocessor(vocabulary, tmp_path):
    preprocessor = models.MobileBertTextClassifierPreprocessor(
        models.MobileBertTokenizer(vocabulary),
        sequence_length=24,
        truncation_side="left",
    )
    save_preprocessor(preprocessor, tmp_path)
    reader = TextReader(tmp_path, sequence_length=16, num_texts=2)
    pairs = (TEXTS, ["two words", "[SEP]", "", TEXTS[4], "a b c d e f " * 9])
    expected = preprocess(preprocessor, pairs, 16)
    for i, (text, text_pair) in enumerate(zip(*pairs, strict=True)):
        row = reader(
            {"text": tf.constant([text]), "text_pair": tf.constant([text_pair])}
        )
        for name, key in INPUTS.items():
            np.testing.assert_array_equal(row[name][0], expected[key][i])


def test_file_with_other_ids_is_refused(text_file, monkeypatch):
    classifier, path, _ = text_file
    texts = (*verification.SENTENCES, "x" * 101)
    monkeypatch.setattr(verification, "SENTENCES", texts)
    request = types.SimpleNamespace(model=classifier, quantization=None)
    with pytest.raises(ExportError, match="`token_ids`.*xxx"):
        verification.verify(request, path, None, set())


def test_what_cannot_take_text(preprocessor, tmp_path, monkeypatch):
    path = tmp_path / "x.tflite"

    def export(model, lengths=16, text_input=True):
        export_tflite(model, path, lengths, text_input=text_input)

    classifier = mobile_bert_classifier(preprocessor)
    with pytest.raises(ValueError, match='bool or "pair".*3'):
        export(classifier, text_input=3)
    with pytest.raises(ValueError, match="TextEmbedder.*preprocessor None"):
        export(mobile_bert_classifier())
    with pytest.raises(ValueError, match="Received: a MobileBertBackbone"):
        export(classifier.backbone)
    next_sentence = models.MobileBertNextSentencePredictor(
        classifier.backbone,
        preprocessor=models.MobileBertNextSentencePredictorPreprocessor(
            preprocessor.tokenizer
        ),
    )
    with pytest.raises(ValueError, match='must be "pair".*True'):
        export(next_sentence)
    with pytest.raises(ValueError, match="single `sequence_length`.*8, 16"):
        export(classifier, lengths=(8, 16))
    monkeypatch.setattr(text_input, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="tensorflow-text"):
        export(classifier)
    assert not path.exists()


def test_ids_of_a_file_that_takes_them(exported):
    _, path, _ = exported
    with pytest.raises(ValueError, match="files that take text"):
        TFLiteModel(path).tokenize(TEXTS)


def test_running_without_tensorflow_text(text_file, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    with pytest.raises(ImportError, match="install the package tensorflow-tex"):
        TFLiteModel(text_file[1])
