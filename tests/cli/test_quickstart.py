import json

from keras_squeeze import TFLiteModel
from keras_squeeze import cli
from keras_squeeze import models
from keras_squeeze.datasets import sms_spam


def test_from_a_preset_to_a_tflite_file(
    tmp_path, capsys, monkeypatch, tiny_preset
):
    (x, y), (x_test, y_test) = sms_spam.load_data()
    monkeypatch.setattr(
        sms_spam,
        "load_data",
        lambda: ((x[:300], y[:300]), (x_test[:60], y_test[:60])),
    )
    monkeypatch.setenv("COLUMNS", "120")
    output = tmp_path / "spam"
    argv = ["quickstart", "--preset", tiny_preset, "--output", str(output)]
    # 270 messages to train on and 30 for validation: all batches are full.
    argv += ["--epochs", "2", "--batch-size", "30", "--seed", "1"]
    argv += ["--sequence-length", "24"]
    message = "Call me [when] you can"
    assert cli.main([*argv, message]) == 0

    printed = capsys.readouterr().out
    assert message in printed
    assert "Spam F1" in printed
    page = output / "demo"
    assert f"python -m http.server --directory {page}\n" in printed
    file = (output / "model_int8.tflite").read_bytes()
    assert (page / "model.tflite").read_bytes() == file
    assert (page / "index.html").exists()
    for name in ("model.tflite", "model_int8.tflite"):
        size = (output / name).stat().st_size
        assert f"{size / 1e6:.1f} MB" in printed
        assert TFLiteModel(output / name).sequence_length == 24

    results = json.loads((output / "metrics.json").read_text())["test"]
    assert results["model.tflite"]["same_answers"] == 1.0
    assert results["model.tflite"]["largest_difference"] < 1e-4
    task = models.SqueezeBertTextClassifier.from_preset(str(output))
    answers = [answer["label"] for answer in task.annotate(list(x_test[:60]))]
    y_answers = [sms_spam.CLASS_NAMES.index(answer) for answer in answers]
    accuracy = sum(y_answers == y_test[:60]) / 60
    assert results["Keras"]["accuracy"] == accuracy
    assert task.annotate(message)["label"] in printed


def test_a_folder_of_something_else_is_not_written_over(tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("Dear")
    assert cli.main(["quickstart", "--output", str(tmp_path)]) == 2
    assert "is not replaced" in capsys.readouterr().err
