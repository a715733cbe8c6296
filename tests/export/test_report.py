import hashlib
import json
import pathlib
import platform

import pytest

from keras_squeeze.export.report import processor_name


def test_report_says_how_and_what(exported):
    classifier, path, report = exported
    assert report.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert set(report.latency.median_ms) == {"serving_default"}
    assert report.latency.median_ms["serving_default"] > 0
    assert report.latency.num_threads == 1
    assert report.latency.machine == processor_name()
    assert {"keras", "tensorflow", "ai-edge-litert"} < set(report.versions)
    evaluation = report.evaluation
    assert evaluation.samples == 3
    # The file agrees with the model, so their answers also agree.
    accuracy = evaluation.metrics["accuracy"]
    assert accuracy.file == accuracy.keras
    assert accuracy.interval == (0, 0)


def test_processor_name(monkeypatch):
    name = "Model of a Processor"
    monkeypatch.setattr(pathlib.Path, "exists", lambda path: True)
    monkeypatch.setattr(
        pathlib.Path,
        "read_text",
        lambda path: f"vendor\t: A\nmodel name\t: {name}\nmodel name\t: B\n",
    )
    assert processor_name() == name
    # Processors of phones and small boards do not have this line.
    monkeypatch.setattr(pathlib.Path, "read_text", lambda path: "Features\n")
    expected = platform.processor() or platform.machine()
    assert processor_name() == expected


def test_json(exported, tmp_path):
    *_, report = exported
    report.save(tmp_path / "report.json")
    saved = json.loads((tmp_path / "report.json").read_text())
    assert saved["sha256"] == report.sha256
    assert saved["latency"]["runs"] == report.latency.runs
    assert saved["evaluation"]["metrics"]["accuracy"]["difference"] == 0
    assert saved["inputs"]["input_mask"] == [[1, 40], "int32"]
    assert [x.name for x in tmp_path.iterdir()] == ["report.json"]


def test_markdown(exported, tmp_path):
    *_, report = exported
    path = str(tmp_path / "report.md")
    report.save(path)
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert lines[0] == "# mobile_bert.tflite"
    assert "| outputs | probabilities float32[1, 3] |" in lines
    assert f"| SOFTMAX | {report.ops['SOFTMAX']} |" in lines
    value = f"{report.evaluation.metrics['accuracy'].keras:.4f}"
    assert lines[-1] == (
        f"| accuracy | {value} | {value} | +0.0000 | [+0.0000, +0.0000] |"
    )
    # Every row has as many cells as the header.
    for above, below in zip(lines, lines[1:], strict=False):
        if above.startswith("|") and below.startswith("|"):
            assert above.count("|") == below.count("|")


def test_printed(exported):
    *_, report = exported
    lines = str(report).splitlines()
    assert lines[0] == report.path
    value = f"{report.evaluation.metrics['accuracy'].keras:.4f}"
    assert lines[-1] == (
        f"  accuracy      {value} in Keras, {value} in the file, +0.0000 with "
        "[+0.0000, +0.0000]"
    )
    assert any(line.startswith("  latency ") for line in lines)
    samples = "3 labelled samples, 100.00% of the answers equal"
    assert f"  evaluation    {samples}" in lines


def test_other_formats(exported, tmp_path):
    *_, report = exported
    with pytest.raises(ValueError, match="end in .json or .md.*report.txt"):
        report.save(tmp_path / "report.txt")
    assert not list(tmp_path.iterdir())
