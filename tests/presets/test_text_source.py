"""The texts that the tiny presets learn from."""

import pytest

from tests.conftest import REPOSITORY


@pytest.fixture
def text_source(monkeypatch):
    monkeypatch.syspath_prepend(REPOSITORY / "presets")
    import text_source

    return text_source


def test_segments_and_their_variants(text_source):
    words = [f"word{i}" for i in range(50)]
    paragraphs = [" ".join(words[i : i + 20]) + "." for i in range(30)]
    near = {word: [] for word in words}
    source = text_source.TextSource(
        paragraphs, ["a short text message"], near, "0"
    )
    texts, segments, pairs = text_source.make_texts(source, 100)
    assert len(texts) >= 100
    assert set(pairs[:, 0]) <= set(segments)
    assert set(pairs[:, 1]).isdisjoint(segments)
    assert sorted([*segments, *pairs[:, 1]]) == list(range(len(texts)))
