import keras
import numpy as np
import pytest

from keras_squeeze import cli
from keras_squeeze.benchmarks import grouped_dense
from keras_squeeze.benchmarks.grouped_dense import VARIANTS


def test_the_ways_to_compute_a_grouped_layer_agree():
    x = np.random.default_rng(0).normal(size=(2, 3, 12)).astype("float32")
    kernel = np.random.default_rng(1).normal(size=(1, 3, 8))
    outputs = []
    for cls in VARIANTS.values():
        layer = cls(8, groups=4)
        layer.build(x.shape)
        layer.kernel.assign(kernel)
        outputs.append(keras.ops.convert_to_numpy(layer(x)))
    expected = np.concatenate(
        [
            x[..., 3 * group : 3 * group + 3]
            @ kernel[0, :, 2 * group : 2 * group + 2]
            for group in range(4)
        ],
        axis=-1,
    )
    for output in outputs:
        np.testing.assert_allclose(output, expected, atol=1e-5)


def test_the_ways_are_different_ones(monkeypatch):
    called = []
    for cls in VARIANTS.values():

        def convolution_op(self, *args, cls=cls, original=cls.convolution_op):
            called.append(cls)
            return original(self, *args)

        monkeypatch.setattr(cls, "convolution_op", convolution_op)
    for cls in VARIANTS.values():
        called.clear()
        cls(8, groups=2)(np.ones((1, 2, 4)))
        assert set(called) == {cls}


@pytest.fixture
def shallow(monkeypatch):
    """Make the measured models quick to compile."""
    monkeypatch.setattr(grouped_dense, "NUM_LAYERS", 2)


def test_rows_of_the_grouped_layer(shallow):
    rows = grouped_dense.run(
        batch_size=2, sequence_length=4, repeats=2, units=8, groups=2
    )
    assert [row["name"] for row in rows] == list(VARIANTS)
    for row in rows:
        assert row["forward_ms"] > 0 and row["train_step_ms"] > 0
        for step in ("forward", "train_step"):
            np.testing.assert_allclose(
                row[f"{step}_ratio"],
                row[f"{step}_ms"] / rows[0][f"{step}_ms"],
            )


def test_grouped_layer_in_a_table(capsys, monkeypatch, shallow):
    monkeypatch.setenv("COLUMNS", "120")
    argv = ["benchmark", "grouped_dense", "--batch-size", "1"]
    argv += ["--sequence-length", "2", "--repeats", "1"]
    assert cli.main(argv) == 0
    printed = capsys.readouterr().out
    assert "train step ratio" in printed
    assert all(name in printed for name in VARIANTS)


def test_tokenization_in_a_table(tmp_path, capsys, monkeypatch):
    from keras_squeeze.benchmarks import tokenization

    calls = []

    def run(sentences, sequence_length, repeats):
        calls.append((sentences, sequence_length, repeats))
        return [{"name": "ours", "sentences_per_second": 1234.5, "ratio": 1.0}]

    monkeypatch.setattr(tokenization, "run", run)
    path = tmp_path / "sentences.txt"
    path.write_text("one two\n\nthree\n")
    argv = ["benchmark", "tokenization", "--repeats", "2"]
    assert cli.main([*argv, "--sentences", str(path)]) == 0
    assert cli.main(argv) == 0
    assert calls[0] == (["one two", "three"], 128, 2)
    assert len(calls[1][0]) == 5171
    assert "1,234.50" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["empty.txt", "absent.txt"])
def test_wrong_sentences(tmp_path, name):
    (tmp_path / "empty.txt").write_text("\n")
    argv = ["benchmark", "tokenization", "--sentences", str(tmp_path / name)]
    assert cli.main(argv) == 2


def test_latency_in_tables(tmp_path, capsys, monkeypatch):
    from keras_squeeze.benchmarks import latency

    calls = []

    def run(**settings):
        calls.append(settings)
        row = {"name": "bert_base", "weights": "int8", "median_ms": 29.875}
        row["speedup"] = None
        operations = [{"operation": "GATHER", "share": 12.5}]
        rows = [row, {**row, "name": "a_long_name_" * 8}]
        return [{**row, "operations": operations} for row in rows]

    monkeypatch.setattr(latency, "run", run)
    monkeypatch.setattr(latency, "plot", lambda rows, path: calls.append(path))
    plot = str(tmp_path / "times.png")
    argv = ["benchmark", "latency", "--model", "bert_base", "--profile"]
    argv += ["--quantization", "float32", "--quantization", "dynamic_int8"]
    argv += ["--file", "x.tflite", "--threads", "2", "--plot", plot]
    argv += ["--runtime", "compiled_model"]
    assert cli.main(argv) == 0
    assert calls == [
        {
            "models": ["bert_base"],
            "quantizations": [None, "dynamic_int8"],
            "files": ["x.tflite"],
            "runtimes": ["compiled_model"],
            "folder": None,
            "sequence_length": 128,
            "num_threads": 2,
            "repeats": 50,
            "profile": True,
        },
        plot,
    ]
    printed = capsys.readouterr().out
    assert "29.88" in printed and "bert_base, int8" in printed
    assert "GATHER" in printed and "12.50" in printed
    assert "a_long_name_" * 8 in printed


@pytest.mark.parametrize("name", ["times.pdf", "no/times.png"])
def test_plot_that_cannot_be_written(tmp_path, name):
    argv = ["benchmark", "latency", "--plot", str(tmp_path / name)]
    assert cli.main(argv) == 2


def test_lengths_in_a_table(tmp_path, capsys, monkeypatch):
    from keras_squeeze.benchmarks import latency
    from keras_squeeze.benchmarks import lengths

    monkeypatch.setattr(latency, "export_model", lambda *args: __file__)
    monkeypatch.setattr(lengths, "TFLiteModel", lambda *args, **kwargs: None)
    monkeypatch.setattr(
        lengths, "_measure", lambda *args: np.array([1.25, 4.0])
    )
    path = tmp_path / "sentences.txt"
    path.write_text("See you at lunch\n")
    argv = ["benchmark", "lengths", "--sentences", str(path)]
    argv += ["--sequence-length", "8,16", "--model"]
    assert cli.main([*argv, "squeeze_bert"]) == 0
    assert "3.20" in capsys.readouterr().out
    assert cli.main([*argv, "squeeze"]) == 2
    assert "`models` must be among" in capsys.readouterr().err
