import json
import pathlib
import shutil

import numpy as np
import pytest

from keras_squeeze import cli
from keras_squeeze import models


def test_a_classifier_is_converted_with_its_head(
    tmp_path, capsys, hugging_face
):
    preset = str(tmp_path / "preset")
    assert cli.main(["convert", hugging_face.folder, preset]) == 0
    assert "MobileBertTextClassifier." in capsys.readouterr().out
    task = models.MobileBertTextClassifier.from_preset(preset)
    assert task.class_names == ["sad", "neutral", "happy"]
    texts = ["It was great.", "awful rain"]
    np.testing.assert_allclose(
        [
            [entry["score"] for entry in answer]
            for answer in task.annotate(texts, top_k=3)
        ],
        -np.sort(-hugging_face.probabilities(texts)),
        atol=1e-5,
    )


def test_only_the_backbone_of_other_classes_is_converted(
    tmp_path, capsys, hugging_face_base
):
    preset = str(tmp_path / "preset")
    assert cli.main(["convert", hugging_face_base, preset]) == 0
    printed = capsys.readouterr().out
    assert "MobileBertBackbone and MobileBertTokenizer." in printed
    expected, loaded = (
        models.MobileBertBackbone.from_preset(path).get_weights()
        for path in (hugging_face_base, preset)
    )
    for one, other in zip(expected, loaded, strict=True):
        np.testing.assert_array_equal(one, other)
    tokenizer = models.MobileBertTokenizer.from_preset(preset)
    assert tokenizer.detokenize(tokenizer("great, sad!")) == "great , sad !"


def test_a_broken_checkpoint_leaves_nothing(tmp_path, capsys, hugging_face):
    broken = tmp_path / "broken"
    shutil.copytree(hugging_face.folder, broken)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert cli.main(["convert", str(broken), str(tmp_path / "preset")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_preset_is_only_replaced_on_request(
    tmp_path, hugging_face, overwrite
):
    preset = tmp_path / "preset"
    preset.mkdir()
    (preset / "config.json").write_text("{}")
    (preset / "old.txt").write_text("old")
    argv = ["convert", hugging_face.folder, str(preset)]
    exit_code = cli.main(argv + ["--overwrite"] * overwrite)
    assert exit_code == (0 if overwrite else 2)
    assert (preset / "old.txt").exists() is not overwrite
    config = json.loads((preset / "config.json").read_text())
    assert bool(config) is overwrite


def test_wrong_input(tmp_path, capsys, tiny_preset):
    preset = str(tmp_path / "preset")
    assert cli.main(["convert", str(tmp_path / "absent"), preset]) == 2
    assert cli.main(["convert", tiny_preset, preset]) == 2
    assert "has a `model_type`" in capsys.readouterr().err
    assert not pathlib.Path(preset).exists()
