"""Tests `finetune --task text_embedding`."""

import json

import numpy as np
import pytest
import scipy.stats

from keras_squeeze import cli
from keras_squeeze.datasets.text_files import read_text_pairs
from keras_squeeze.models import SqueezeBertTextEmbedder
from tests.cli.conftest import BAD
from tests.cli.conftest import GOOD
from tests.cli.test_finetune import arguments


def write_scores(path, header="sentence1,sentence2,score", scale=5):
    random = np.random.default_rng(0)
    rows = [header] if header else []
    for _ in range(64):
        first = random.integers(0, 2)
        second = random.integers(0, 2)
        pair = [
            " ".join(random.choice((GOOD, BAD)[i], 3)) for i in (first, second)
        ]
        rows.append(",".join([*pair, str(scale * int(first == second))]))
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def write_pairs(path, negative):
    rows = ["anchor,positive" + ",negative" * negative]
    for a, b in zip(GOOD, BAD, strict=True):
        rows += [f"{a} {a},{a}" + f",{b}" * negative]
        rows += [f"{b} {b},{b}" + f",{a}" * negative]
    path.write_text("\n".join(rows * 1 + rows[1:] * 4), encoding="utf-8")
    return path


@pytest.mark.parametrize("header", ["sentence1,sentence2,score", None])
def test_scores(tmp_path, capsys, tiny_preset, header):
    path = write_scores(tmp_path / "scores.csv", header)
    output = tmp_path / "out"
    argv = arguments(
        tiny_preset, path, output, task="text_embedding", validation=path
    )
    assert cli.main(argv) == 0
    assert "Validation spearman" in " ".join(capsys.readouterr().out.split())
    task = SqueezeBertTextEmbedder.from_preset(str(output))
    x, y = read_text_pairs(path)
    assert set(y) == {0, 1}
    cosines = task.similarity(x["sentence1"], x["sentence2"])
    found = scipy.stats.spearmanr(y, cosines).statistic
    history = json.loads((output / "metrics.json").read_text())["history"]
    (best,) = [row for row in history if row["is_best"]]
    assert best["val_spearman"] == pytest.approx(found, abs=1e-3)
    assert found > 0.5
    # The preset is ready for the other commands.
    assert cli.main(["predict", "--preset", str(output), "--json", "sad"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["embedding"]) == task.backbone.hidden_dim


@pytest.mark.parametrize("negative", [False, True])
def test_pairs(tmp_path, capsys, tiny_preset, negative):
    path = write_pairs(tmp_path / "pairs.csv", negative)
    output = tmp_path / "out"
    argv = arguments(
        tiny_preset, path, output, task="text_embedding", validation=path
    )
    assert cli.main([*argv, "--no-group-by-length"]) == 0
    history = json.loads((output / "metrics.json").read_text())["history"]
    (best,) = [row for row in history if row["is_best"]]
    task = SqueezeBertTextEmbedder.from_preset(str(output))
    corpus = sorted(GOOD + BAD)
    right = [
        task.search(f"{word} {word}", corpus, 1)[0]["sequence"] == word
        for word in corpus
    ]
    assert best["val_accuracy"] == pytest.approx(np.mean(right))


@pytest.mark.parametrize(
    "contents, message",
    [
        ("text,label\na,1\nb,0\n", "must have pairs of texts"),
        ("sentence1,sentence2,score\na,b,x\n", "a number as its label"),
        ("sentence1,sentence2,score\na,b,-1\nc,d,5\n", "labels from -1 to 5"),
        ("sentence1,sentence2,score\na,b,101\n", "labels from 101 to 101"),
        ("anchor,positive\n", "no rows after"),
    ],
)
def test_wrong_files(tmp_path, capsys, tiny_preset, contents, message):
    path = tmp_path / "pairs.csv"
    path.write_text(contents, encoding="utf-8")
    argv = arguments(tiny_preset, path, tmp_path / "out", task="text_embedding")
    assert cli.main(argv) == 2
    assert message in capsys.readouterr().err
