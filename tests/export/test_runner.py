import numpy as np
import pytest

from keras_squeeze import TFLiteModel
from keras_squeeze.export import compiled_model


def test_text_and_ids_give_the_same(exported):
    classifier, path, _ = exported
    texts = ["Win a prize!", "See you", "", "word " * 100]
    model = TFLiteModel(path, preprocessor=classifier.preprocessor)
    assert model.sequence_length == 40
    outputs = model.predict(texts)
    assert outputs.shape == (4, 3)
    np.testing.assert_allclose(outputs.sum(-1), 1.0, atol=1e-6)
    classifier.preprocessor.sequence_length = 40
    ids = classifier.preprocessor(texts)
    classifier.preprocessor.sequence_length = 24
    np.testing.assert_array_equal(
        TFLiteModel(path, num_threads=2).predict(ids), outputs
    )
    np.testing.assert_array_equal(model.predict("See you"), outputs[1:2])
    assert model.predict([]).shape == (0, 3)


def test_pairs_differ_from_their_first_parts(exported):
    classifier, path, _ = exported
    model = TFLiteModel(path, preprocessor=classifier.preprocessor)
    pairs = model.predict((["one two", "three"], ["four", "five six"]))
    singles = model.predict(["one two", "three"])
    assert pairs.shape == (2, 3)
    assert np.abs(pairs - singles).max() > 1e-3


def test_text_without_preprocessor(exported):
    _, path, _ = exported
    with pytest.raises(ValueError, match="without a `preprocessor`"):
        TFLiteModel(path).predict(["text"])


def test_ids_of_another_length(exported):
    _, path, _ = exported
    ids = np.ones((2, 8), "int32")
    inputs = {"token_ids": ids, "segment_ids": ids, "padding_mask": ids}
    with pytest.raises(ValueError, match=r"`token_ids`.*40.*\(2, 8\)"):
        TFLiteModel(path).predict(inputs)


def test_file_that_is_missing_or_no_model(tmp_path):
    with pytest.raises(ValueError, match="which does not exist"):
        TFLiteModel(tmp_path / "no.tflite")
    path = tmp_path / "text.tflite"
    path.write_text("not a model")
    with pytest.raises(ValueError, match="LiteRT cannot run the file"):
        TFLiteModel(path)


def test_runtimes(exported, monkeypatch):
    classifier, path, _ = exported
    texts = ["Win a prize!", "See you", "", "word " * 100]
    outputs = {}
    for runtime in ("auto", "compiled_model", "interpreter"):
        model = TFLiteModel(path, classifier.preprocessor, runtime=runtime)
        outputs[runtime] = model.predict(texts)
        assert model.runtime == runtime.replace("auto", "compiled_model")
        assert model.inputs == {
            name: ((1, 40), "int32")
            for name in ("input_word_ids", "input_mask", "input_type_ids")
        }
        assert model.outputs == {"probabilities": ((1, 3), "float32")}
        # The outputs of a call are not those of a later one.
        before = outputs[runtime].copy()
        model.predict(["another text"])
        np.testing.assert_array_equal(outputs[runtime], before)
    np.testing.assert_array_equal(
        outputs["compiled_model"], outputs["interpreter"]
    )
    np.testing.assert_array_equal(outputs["auto"], outputs["interpreter"])
    threads = TFLiteModel(
        path, classifier.preprocessor, num_threads=2, runtime="compiled_model"
    )
    np.testing.assert_allclose(
        threads.predict(texts), outputs["interpreter"], atol=1e-6
    )


def test_litert_without_compiled_model(exported, monkeypatch):
    _, path, _ = exported
    monkeypatch.setattr(compiled_model, "is_installed", lambda: False)
    assert TFLiteModel(path).runtime == "interpreter"
    with pytest.raises(ImportError, match="needs LiteRT 2.1 or later"):
        TFLiteModel(path, runtime="compiled_model")


def test_unknown_runtime(exported):
    _, path, _ = exported
    with pytest.raises(ValueError, match="`runtime`.*'gpu'"):
        TFLiteModel(path, runtime="gpu")
