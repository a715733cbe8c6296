"""Tests the texts that the tiny presets are trained on."""

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


def test_messages_are_read_as_they_are_published(text_source, tmp_path):
    files = {
        "tweets.conll": "So\tO\nlate\tO\n!\tO\n\nIn\tO\nRome\tB-location\n",
        "codah.tsv": (
            "n\tThe chicken \tflies.\twalks.\truns.\tswims.\t1\n"
            'o\t"Hi"\t she said.\twas\twere\tare\t0\n'
        ),
        "texts.txt": "One text.\n\nAnd another\n",
    }
    read = []
    for name, content in files.items():
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        read.append(text_source.read_messages(str(path)))
    tweets, prompts, lines = read
    assert tweets == ["So late !", "In Rome"]
    assert prompts == [
        "The chicken flies.",
        "The chicken walks.",
        "The chicken runs.",
        "The chicken swims.",
        '"Hi" she said.',
        '"Hi" was',
        '"Hi" were',
        '"Hi" are',
    ]
    assert lines == ["One text.", "And another"]
