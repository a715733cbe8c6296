"""Tests the latency benchmark with small models."""

import keras
import numpy as np
import pytest

from keras_squeeze import export_tflite
from keras_squeeze.benchmarks import latency
from keras_squeeze.benchmarks import litert_files
from keras_squeeze.benchmarks import operations
from keras_squeeze.export.conversion.model_file import count_operations
from keras_squeeze.export.conversion.model_file import load_model
from tests.backends import only_on
from tests.export.classifiers import mobile_bert_classifier
from tests.tiny import tiny_bert

pytestmark = only_on(
    "tensorflow", reason="the files, and LiteRT, do not depend on the backend"
)


def small_bert():
    backbone = tiny_bert(
        vocabulary_size=4000,
        hidden_dim=64,
        intermediate_dim=128,
        max_sequence_length=32,
    )
    outputs = backbone(backbone.input)["pooled_output"]
    model = keras.Model(backbone.input, keras.layers.Dense(2)(outputs))
    return latency._randomise(model)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("other") / "other.tflite"
    export_tflite(
        mobile_bert_classifier(), path, sequence_length=16, verbose=False
    )
    return path


@pytest.fixture(scope="module")
def measured(file, tmp_path_factory):
    """A folder, the arguments of a run and its rows."""
    folder = tmp_path_factory.mktemp("exported") / "new"
    settings = {
        "models": ["bert_base"],
        "files": [file],
        "folder": folder,
        "sequence_length": 16,
        "repeats": 3,
        "runtimes": ("interpreter", "compiled_model"),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(latency.MODELS, "bert_base", small_bert)
        rows = latency.run(**settings, profile=True)
    return folder, settings, rows


def test_rows(file, measured):
    folder, settings, rows = measured
    assert [(row["name"], row["weights"]) for row in rows[::2]] == [
        ("bert_base", "float32"),
        ("bert_base", "int8"),
        ("other.tflite", "float32"),
    ]
    exported = [
        folder / "bert_base_float32_16.tflite",
        folder / "bert_base_dynamic_int8_16.tflite",
    ]
    for i, path in enumerate([*exported, file]):
        for j, runtime in enumerate(settings["runtimes"]):
            row = rows[2 * i + j]
            assert row["runtime"] == runtime
            assert row["size_mb"] == path.stat().st_size / 1e6
            assert row["first_ms"] > 0 and row["peak_mb"] > 0
            assert 0 < row["fast_ms"] <= row["median_ms"] <= row["slow_ms"]
            np.testing.assert_allclose(
                row["speedup"],
                rows[j]["median_ms"] / row["median_ms"],
            )
    for row in rows[2:4]:
        assert row["speedup_of_type"] == 1.0
    for row in rows[4:]:
        assert row["speedup_of_type"] == row["speedup"]


def test_runtimes_give_the_same(measured):
    """The measured runs compute the outputs of the file."""
    folder, _, _ = measured
    path = str(folder / "bert_base_float32_16.tflite")
    opened = [
        litert_files.open_file(path, 16, 1, runtime)
        for runtime in litert_files.RUNTIMES
    ]
    for each in opened:
        each.run()
    outputs = [each.outputs() for each in opened]
    assert np.abs(outputs[0][0]).max() > 0
    np.testing.assert_array_equal(outputs[0], outputs[1])


@pytest.mark.parametrize(
    "name, published",
    [("bert_tiny", 4.4), ("bert_mini", 11.2), ("bert_small", 28.8)],
)
def test_miniatures_have_the_published_sizes(name, published):
    assert round(latency.MODELS[name]().count_params() / 1e6, 1) == published


def test_files_are_exported_once(measured, monkeypatch):
    _, settings, rows = measured
    monkeypatch.delattr(latency, "export_tflite")
    again = latency.run(**settings)
    for key in ("name", "weights", "size_mb"):
        assert [row[key] for row in again] == [row[key] for row in rows]


def test_files_without_bert(file):
    (row,) = latency.run([], [], [file], sequence_length=16, repeats=1)
    assert row["speedup_of_type"] is None
    assert row["speedup"] is None


def test_constants_are_not_shared():
    # Including norms and biases, which are all equal in a new model.
    weights = small_bert().weights
    assert all(len(np.unique(weight)) > 1 for weight in weights)


def test_operations(file, measured):
    folder, _, rows = measured
    # KerasHub's BERT also has operations that XNNPACK does not support.
    bert = folder / "bert_base_float32_16.tflite"
    for path, row in ((bert, rows[0]), (file, rows[4])):
        counts = count_operations(load_model(path))
        kinds = {x["operation"]: x for x in row["operations"]}
        products = kinds["Batch Matrix Multiply (NC, F32) GEMM"]
        assert products["count"] == counts["BATCH_MATMUL"] == 4
        assert kinds["GATHER"]["count"] == counts["GATHER"]
        total = sum(x["ms"] for x in kinds.values())
        assert total > 0
        for x in kinds.values():
            np.testing.assert_allclose(x["share"], 100 * x["ms"] / total)
        slowest_first = sorted((x["ms"] for x in kinds.values()), reverse=True)
        assert [x["ms"] for x in kinds.values()] == slowest_first


def test_plot(measured, tmp_path):
    *_, rows = measured
    path = tmp_path / "times.png"
    latency.plot(rows, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_wrong_arguments(file, tmp_path):
    with pytest.raises(ValueError, match="`models` must be.*'gpt'"):
        latency.run(["gpt"])
    with pytest.raises(ValueError, match="`quantizations` must be.*'int3'"):
        latency.run(quantizations=["int3"])
    with pytest.raises(ValueError, match="`runtimes` must be.*'gpu'"):
        latency.run(runtimes=["gpu"])
    with pytest.raises(ValueError, match="does not exist"):
        latency.run(files=[tmp_path / "absent.tflite"])
    with pytest.raises(ValueError, match=r"\(1, 128\).*of shape \(1, 16\)"):
        latency.run(files=[file])
    wrong = tmp_path / "wrong.tflite"
    wrong.write_bytes(b"not a file of LiteRT")
    with pytest.raises(ValueError, match="cannot run the file"):
        latency.measure([str(wrong)])
    with pytest.raises(RuntimeError, match="cannot profile.*CreateModel"):
        operations.profile(wrong)
    with pytest.raises(ValueError, match="`file`.*does not exist"):
        operations.profile(tmp_path / "absent.tflite")
