"""Texts that are labelled by a teacher alone."""

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
    # Two texts after each other, and texts with words left out.
    lengths = [len(text.split()) for text in found]
    assert max(lengths) > 7 and min(lengths) < 3
    assert recipe.variants(TEXTS, NEAR, 200) == found
    assert recipe.variants(TEXTS, NEAR, 200, seed=1) != found
