import pytest

from keras_squeeze.benchmarks import tokenization

SENTENCES = [
    f"Sentence {i} is about {subject}, and it isn't long."
    for i, subject in enumerate(["foxes", "cafés", "中国", "the weather"] * 20)
]


def test_rows(vocabulary):
    rows = tokenization.run(
        SENTENCES, sequence_length=24, repeats=2, vocabulary=vocabulary
    )
    rows = {row["name"]: row for row in rows}
    assert list(rows) == [
        "keras_squeeze",
        "keras_squeeze, new text",
        "keras_hub",
        "transformers",
        "keras_squeeze, graph",
        "keras_hub, graph",
    ]
    for name, row in rows.items():
        reference = rows[
            "keras_squeeze, graph" if "graph" in name else "keras_squeeze"
        ]
        speed = row["sentences_per_second"]
        assert speed > 0
        assert row["ratio"] == reference["sentences_per_second"] / speed


def test_too_few_sentences(vocabulary):
    with pytest.raises(ValueError, match="at least two sentences"):
        tokenization.run(["One."], vocabulary=vocabulary)


@pytest.mark.slow
def test_speed(vocabulary, real_data):
    # On an idle machine, the ratios are several times as high.
    path = real_data / "sms_spam" / "SMSSpamCollection"
    lines = path.read_text(encoding="utf-8").split("\n")[:800]
    messages = [line.partition("\t")[2] for line in lines]
    rows = tokenization.run(messages, repeats=3, vocabulary=vocabulary)
    ratios = {row["name"]: row["ratio"] for row in rows}
    assert ratios["keras_hub"] > 6
    assert ratios["transformers"] > 3
    assert ratios["keras_hub, graph"] > 0.5
