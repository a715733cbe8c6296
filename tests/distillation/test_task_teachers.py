"""Tests the teachers of tasks against the original models."""

import numpy as np
import pytest
import tokenizers
import torch
import transformers

from keras_squeeze.distillation import HuggingFaceClassifier
from keras_squeeze.distillation import HuggingFaceQuestionAnswering
from keras_squeeze.distillation import HuggingFaceTokenClassifier
from keras_squeeze.distillation import soft_labels
from tests.model_oracle import bert_config
from tests.model_oracle import randomized
from tests.tiny import SPECIAL_TOKENS

WORDS = [*SPECIAL_TOKENS, "a", "good", "day"]
TEXT = "so ada lovelace wrote , in london , to charles babbage ( again )"
NAMES = ["O", "B-person", "I-person"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classifier")
    torch.manual_seed(0)
    config = bert_config(
        vocab_size=len(WORDS),
        num_hidden_layers=1,
        id2label={0: "spam", 1: "ham"},
    )
    model = transformers.BertForSequenceClassification(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(
        folder
    )
    return folder, model


def test_classifier_of_hugging_face(checkpoint):
    folder, model = checkpoint
    ids = torch.tensor([[2, 5, 6, 7, 3, 0, 0], [2, 7, 5, 7, 3, 6, 3]])
    segments = torch.tensor([[0] * 7, [0, 0, 0, 0, 0, 1, 1]])
    with torch.inference_mode():
        single = model(ids[:1, :5]).logits.numpy()
        pair = model(ids[1:], token_type_ids=segments[1:]).logits.numpy()
    teacher = HuggingFaceClassifier(folder, ["ham", "spam"], batch_size=1)
    np.testing.assert_allclose(
        teacher(["a good day"]), single[:, ::-1], atol=1e-5
    )
    np.testing.assert_allclose(
        teacher((["day a day"], ["good"])), pair[:, ::-1], atol=1e-5
    )
    y = soft_labels(teacher, ["a good day", "a day"], [1, -1])
    assert y.shape == (2, 3)
    assert y[:, 0].tolist() == [1, -1]
    np.testing.assert_allclose(y[:1, 1:], single[:, ::-1], atol=1e-5)


def test_texts_are_labelled_in_their_order(checkpoint):
    teacher = HuggingFaceClassifier(checkpoint[0], batch_size=2)
    texts = ["a good day a good day", "day", "a good day", "good", "a day"]
    alone = np.concatenate([teacher([text]) for text in texts])
    np.testing.assert_allclose(teacher(texts), alone, atol=1e-5)
    assert np.ptp(alone, axis=0).min() > 1e-2
    half = HuggingFaceClassifier(checkpoint[0], dtype="bfloat16")
    assert half.model.dtype == torch.bfloat16
    np.testing.assert_allclose(half(texts), alone, atol=0.05)


def test_classifier_refusals(checkpoint, tmp_path):
    with pytest.raises(ValueError, match="classifier with the classes"):
        HuggingFaceClassifier(checkpoint[0], ["good", "bad"])
    with pytest.raises(FileNotFoundError, match="no checkpoint"):
        HuggingFaceClassifier(tmp_path)
    with pytest.raises(ValueError, match='`dtype` must be "float32" or'):
        HuggingFaceClassifier(checkpoint[0], dtype="float16")


def word_pieces():
    """A tokenizer that splits most words of `TEXT` into letters."""
    letters = sorted(set(TEXT) - {" "})
    pieces = [f"##{letter}" for letter in letters if letter.isalpha()]
    names = [*SPECIAL_TOKENS, "ada", "london", *letters, *pieces]
    return transformers.BertTokenizerFast(
        tokenizer_object=tokenizers.BertWordPieceTokenizer(
            {name: i for i, name in enumerate(names)}
        )._tokenizer
    )


def bytes_with_spaces():
    """A tokenizer whose tokens can have the space before their word."""
    tokenizer = tokenizers.ByteLevelBPETokenizer(trim_offsets=False)
    tokenizer.train_from_iterator(
        [TEXT, "who wrote ?"] * 3,
        vocab_size=300,
        min_frequency=2,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        show_progress=False,
    )
    tokenizer = tokenizer._tokenizer
    tokenizer.post_processor = tokenizers.processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=False, add_prefix_space=False
    )
    return transformers.RobertaTokenizerFast(
        tokenizer_object=tokenizer, trim_offsets=False
    )


def saved(folder, make_tokenizer, task, **kwargs):
    """Save a random model with a head, and return it and its tokenizer."""
    tokenizer = make_tokenizer()
    is_bert = make_tokenizer is word_pieces
    config_cls = (
        transformers.BertConfig if is_bert else transformers.RobertaConfig
    )
    config = config_cls(
        **{
            **bert_config(**kwargs).to_dict(),
            "model_type": config_cls.model_type,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 80,
            "pad_token_id": tokenizer.pad_token_id,
        }
    )
    name = ("Bert" if is_bert else "Roberta") + task
    model = randomized(getattr(transformers, name), config, std=0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model, transformers.AutoTokenizer.from_pretrained(folder)


ANY_TOKENIZER = pytest.mark.parametrize(
    "make_tokenizer", [word_pieces, bytes_with_spaces]
)


@ANY_TOKENIZER
def test_token_classifier_of_hugging_face(tmp_path, make_tokenizer):
    model, tokenizer = saved(
        tmp_path,
        make_tokenizer,
        "ForTokenClassification",
        id2label=dict(enumerate(reversed(NAMES))),
    )
    samples = [TEXT.split(), ["ada"], TEXT.split()[3:9]]
    teacher = HuggingFaceTokenClassifier(tmp_path, NAMES, batch_size=2)
    found = teacher(samples)
    assert len(found) == 3
    for words, logits in zip(samples, found, strict=True):
        text = " ".join(words)
        inputs = tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            expected = model(**inputs).logits[0].numpy()[:, ::-1]
        start = 0
        for word, row in zip(words, logits, strict=True):
            # The token with the first letter, or with the space before it.
            token = inputs.char_to_token(start)
            np.testing.assert_allclose(row, expected[token], atol=1e-4)
            start += len(word) + 1
    y = soft_labels(teacher, samples, [[0] * len(words) for words in samples])
    np.testing.assert_array_equal(y[1][:, 1:], found[1])


@ANY_TOKENIZER
def test_token_classifier_reads_long_texts(tmp_path, make_tokenizer):
    model, tokenizer = saved(
        tmp_path, make_tokenizer, "ForTokenClassification", num_labels=3
    )
    words = TEXT.split()
    (found,) = HuggingFaceTokenClassifier(tmp_path, sequence_length=16)([words])
    windows = tokenizer(
        TEXT,
        truncation=True,
        max_length=16,
        stride=4,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    assert len(windows["input_ids"]) > 1
    start = 0
    for word, row in zip(words, found, strict=True):
        possible = []
        for ids, offsets in zip(
            windows["input_ids"], windows["offset_mapping"], strict=True
        ):
            with torch.inference_mode():
                logits = model(torch.tensor([ids])).logits[0].numpy()
            tokens = [
                i
                for i, (first, last) in enumerate(offsets)
                if first < start + len(word) and last > start
            ]
            # The window may start in the middle of the word.
            possible += [logits[i] for i in tokens]
        differences = [np.abs(row - logits).max() for logits in possible]
        assert min(differences) < 1e-4, word
        start += len(word) + 1


def test_words_without_tokens(tmp_path):
    saved(tmp_path, word_pieces, "ForTokenClassification", num_labels=3)
    (found,) = HuggingFaceTokenClassifier(tmp_path)([["ada", "\u200b", "ada"]])
    assert found[0].any() and found[2].any() and not found[1].any()


@ANY_TOKENIZER
@pytest.mark.parametrize("may_be_none", [False, True])
@pytest.mark.parametrize("sequence_length", [64, 28])
def test_question_answering_of_hugging_face(
    tmp_path, make_tokenizer, may_be_none, sequence_length
):
    model, tokenizer = saved(tmp_path, make_tokenizer, "ForQuestionAnswering")
    texts = {"question": ["who wrote ?", "ada ?"], "context": [TEXT, TEXT[3:]]}
    teacher = HuggingFaceQuestionAnswering(
        tmp_path, sequence_length=sequence_length, max_answer_length=7
    )
    found = teacher.annotate(texts, handle_impossible_answer=may_be_none)
    pipeline = transformers.pipeline(
        "question-answering", model=model, tokenizer=tokenizer
    )
    # It would add up the scores of the same answer in overlapping windows.
    pipeline.get_answer = lambda *args: None
    for question, context, answer in zip(*texts.values(), found, strict=True):
        expected = pipeline(
            question=question,
            context=context,
            align_to_words=False,
            max_seq_len=sequence_length,
            doc_stride=sequence_length // 4,
            max_answer_len=7,
            handle_impossible_answer=may_be_none,
        )
        assert answer["answer"] == expected["answer"].strip()
        assert answer["score"] == pytest.approx(expected["score"], abs=1e-5)
        start, end = answer["start"], answer["end"]
        assert context[start:end] == answer["answer"]


def test_tokenizers_without_offsets(tmp_path, monkeypatch):
    saved(tmp_path, word_pieces, "ForQuestionAnswering")
    (tmp_path / "slow.txt").write_text("\n".join(WORDS))
    slow = transformers.BertTokenizer(str(tmp_path / "slow.txt"))
    monkeypatch.setattr(
        transformers.AutoTokenizer,
        "from_pretrained",
        lambda *args, **kwargs: slow,
    )
    with pytest.raises(ValueError, match="must have a fast tokenizer"):
        HuggingFaceQuestionAnswering(tmp_path)
