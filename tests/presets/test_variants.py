"""Tests the texts that only a teacher labels."""

import sys

import numpy as np
import pytest

from tests.conftest import REPOSITORY

TEXTS = ["a good film", "a bad film of a good book", "dull"]
NEAR = {"good": ["great", "fine"], "bad": ["awful"], "film": []}


@pytest.fixture
def recipe(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "presets")
    import variants

    return variants


def test_variants(recipe):
    found = recipe.variants(TEXTS, NEAR, 200)
    assert len(found) == 200 and not set(found) & set(TEXTS)
    words = {word for text in found for word in text.split()}
    known = set(" ".join(TEXTS).split())
    assert words == known | {"great", "fine", "awful"}
    # Some texts are two texts in a row, others have words left out.
    lengths = [len(text.split()) for text in found]
    assert max(lengths) > 7 and min(lengths) < 3
    assert recipe.variants(TEXTS, NEAR, 200) == found
    assert recipe.variants(TEXTS, NEAR, 200, seed=1) != found


@pytest.mark.parametrize("min_words, expected", [(5, {TEXTS[1]}), (8, None)])
def test_short_texts_are_left_out(
    recipe, monkeypatch, tmp_path, min_words, expected
):
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS))
    output = tmp_path / "variants.txt"
    argv = ["variants.py", str(tmp_path / "texts.txt"), str(output)]
    argv += ["--teacher", "teacher", "--min-words", str(min_words)]
    monkeypatch.setattr(sys, "argv", [*argv, "--count", "20"])
    drawn_from = []

    def variants(texts, near, count, seed):
        drawn_from.extend(texts)
        return ["a variant"] * count

    class Teacher:
        def __init__(self, folder, vocabulary):
            assert len(vocabulary) == 30522

        def token_embeddings(self):
            return np.zeros((3, 2))

    monkeypatch.setattr(recipe, "variants", variants)
    monkeypatch.setattr(recipe, "nearest_words", lambda *args: NEAR)
    monkeypatch.setattr(recipe.distillation, "HuggingFaceTeacher", Teacher)
    if expected is None:
        with pytest.raises(SystemExit, match="no texts with 8 or more words"):
            recipe.main()
        assert not output.exists()
    else:
        recipe.main()
        assert set(drawn_from) == expected
        assert output.read_text().count("\n") == 20
