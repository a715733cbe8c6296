"""Tests `finetune --lora-rank`."""

import h5py
import numpy as np
import pytest

from keras_squeeze import cli
from keras_squeeze import export_tflite
from keras_squeeze.export.runner import TFLiteModel
from keras_squeeze.models import SqueezeBertTextClassifier
from tests.backends import only_on
from tests.cli.test_finetune import arguments

TEXTS = ["great warm sunny", "awful cold", "sad lovely"]


@pytest.fixture(scope="module")
def adapted(tmp_path_factory, tiny_preset, weather):
    output = tmp_path_factory.mktemp("adapted") / "out"
    argv = arguments(tiny_preset, weather, output, lora_rank=2, epochs=2)
    # The adapters of the best epoch are kept with another dtype as well.
    argv += ["--keep-adapter", "--dtype", "mixed_bfloat16"]
    assert cli.main(argv) == 0
    return output


def weights_of(path):
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def test_the_preset_is_merged(adapted, tiny_preset):
    before = weights_of(f"{tiny_preset}/model.weights.h5")
    after = weights_of(adapted / "model.weights.h5")
    assert set(before) == set(after)
    changed = [
        name
        for name in before
        if not np.array_equal(before[name], after[name]) and "seed" not in name
    ]
    # The kernels of the query and the value of the only layer.
    assert len(changed) == 2
    for name in changed:
        difference = np.squeeze(after[name] - before[name])
        # Differences of float32 are not exactly of low rank.
        sizes = np.linalg.svd(difference, compute_uv=False)
        assert sizes[1] > 0 and sizes[2] < 1e-4 * sizes[0]


def test_the_adapter_gives_the_same_with_the_first_backbone(
    adapted, tiny_preset
):
    merged = SqueezeBertTextClassifier.from_preset(str(adapted))
    task = SqueezeBertTextClassifier.from_preset(
        tiny_preset, class_names=merged.class_names
    )
    task.preprocessor.sequence_length = 16
    task.load_task_weights(str(adapted / "task.weights.h5"))
    task.backbone.load_lora_weights(str(adapted / "adapter.lora.h5"))
    expected = merged.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(
        task.predict(TEXTS, verbose=0), expected, atol=1e-5
    )


@only_on(
    "tensorflow", reason="files are converted by TensorFlow from every backend"
)
def test_export_with_adapters(tmp_path, adapted, tiny_preset):
    task = SqueezeBertTextClassifier.from_preset(tiny_preset, num_classes=2)
    task.backbone.load_lora_weights(str(adapted / "adapter.lora.h5"))
    path = tmp_path / "adapted.tflite"
    export_tflite(task, path, sequence_length=32, verbose=False)
    found = TFLiteModel(path, task.preprocessor).predict(TEXTS)
    expected = task.probabilities(task.predict(TEXTS, verbose=0))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_wrong_options(tmp_path, capsys, tiny_preset, weather):
    argv = arguments(tiny_preset, weather, tmp_path / "out")
    assert cli.main([*argv, "--keep-adapter"]) == 2
    assert "--keep-adapter requires --lora-rank" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main([*argv, "--lora-rank", "0"])
    assert "must be a positive integer, not '0'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
