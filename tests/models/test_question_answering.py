import collections
import itertools
import re
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
import transformers

from keras_squeeze.metrics.squad import squad_scores
from tests.backends import only_on
from tests.checkpoint_folders import VOCABULARY
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.task_checks import RUN_EAGERLY
from tests.task_checks import XLA
from tests.task_checks import assert_close_to_largest
from tests.task_checks import check_export
from tests.task_checks import check_head
from tests.task_checks import check_saving
from tests.task_checks import task_class
from tests.task_checks import to_numpy
from tests.tiny import tiny_backbone

# From SQuAD (Rajpurkar et al., 2016), licensed under CC BY-SA 4.0.
CONTEXT = (
    "The Panthers defeated the Arizona Cardinals 49–15 in the NFC "
    "Championship Game and advanced to their second Super Bowl appearance "
    "since the franchise was founded in 1995. The Broncos defeated the New "
    "England Patriots 20–18 in the AFC Championship Game. They joined the "
    "Patriots, Dallas Cowboys, and Pittsburgh Steelers as one of four teams "
    "that have made eight appearances in the Super Bowl."
)
QUESTIONS = {
    "Who did the Panthers beat in the NFC Championship Game?": (
        "Arizona Cardinals"
    ),
    "What year was the Carolina Panthers franchise founded?": "1995",
    "Who lost to the Broncos in the AFC Championship?": "New England Patriots",
    "How many teams have been in the Super Bowl eight times?": "four",
    "Who is the mayor of Pittsburgh?": "",
}
ANSWERS = list(QUESTIONS.values())
X = {"question": list(QUESTIONS), "context": [CONTEXT] * len(QUESTIONS)}
Y = {
    "answer_start": [CONTEXT.find(text) if text else -1 for text in ANSWERS],
    "answer_text": ANSWERS,
}
NO_ANSWER = {"answer": "", "start": 0, "end": 0}
# Longer words have two tokens.
WORDS = re.findall(r"\w+|[^\w\s]", " ".join([CONTEXT, *QUESTIONS]).lower())
WORDS = {word[:6] for word in WORDS} | {f"##{word[6:]}" for word in WORDS}
WORDS = [*VOCABULARY, *sorted(WORDS - {"##", *VOCABULARY})]


def make_preprocessor(model, sequence_length=48, stride=12):
    return task_class(model, "QuestionAnsweringPreprocessor")(
        model.tokenizer_cls(WORDS), sequence_length, stride
    )


def make_task(model, with_preprocessor=True, **kwargs):
    if model is MobileBert:
        kwargs["bottleneck_dim"] = 16
    backbone = tiny_backbone(
        model.backbone_cls,
        WORDS,
        max_sequence_length=160,
        hidden_dim=32,
        intermediate_dim=32,
        embedding_dim=32,
        dropout=0.0,
        attention_dropout=0.0,
        # With the usual value, such a small model takes long to distinguish
        # questions.
        initializer_range=0.2,
        **kwargs,
    )
    return task_class(model, "QuestionAnswering")(
        backbone,
        preprocessor=make_preprocessor(model) if with_preprocessor else None,
    )


def assert_same(found, expected):
    """Check that answers are equal, except for rounding."""
    assert found == {
        **expected,
        "score": pytest.approx(expected["score"], rel=1e-3),
    }


def randomize(task):
    """Make every weight affect the outputs, unlike in a new model."""
    random = np.random.default_rng(0)
    task.set_weights(
        [random.normal(0, 0.3, w.shape) for w in task.get_weights()]
    )


# For slow tests that do not depend on the backbone.
one_model = pytest.mark.parametrize("model", [SqueezeBert], indirect=True)


@pytest.fixture(scope="module")
def trained(model):
    """A task that has memorized the answers, each in several windows."""
    keras.utils.set_random_seed(0)
    task = make_task(model)
    task.compile(
        keras.optimizers.Adam(5e-3, global_clipnorm=1.0),
        jit_compile=XLA if model is MobileBert else "auto",
    )
    task.fit(X, Y, epochs=80, verbose=0)
    return task


def test_learns_real_questions(trained):
    results = trained.evaluate(X, Y, verbose=0, return_dict=True)
    assert results["loss"] < 0.05
    assert results["start_logits_accuracy"] == 1
    assert results["end_logits_accuracy"] == 1
    answers = trained.annotate(X, handle_impossible_answer=True)
    assert [answer["answer"] for answer in answers] == ANSWERS
    for answer, start in zip(answers, Y["answer_start"], strict=True):
        assert answer["start"] == max(start, 0)
        assert answer["end"] == answer["start"] + len(answer["answer"])
        assert answer["score"] > 0.8
    references = [[text] if text else [] for text in ANSWERS]
    assert squad_scores(answers, references)["exact"] == 100


@one_model
@pytest.mark.parametrize(
    "convert", [list, np.array, lambda x: np.array(x, "object"), tf.constant]
)
def test_forms_of_questions_and_answers(trained, convert):
    x = {name: convert(values) for name, values in X.items()}
    y = {name: convert(values) for name, values in Y.items()}
    results = trained.evaluate(x, y, verbose=0, return_dict=True)
    assert results["start_logits_accuracy"] == 1
    assert [a["answer"] for a in trained.annotate(x)][:4] == ANSWERS[:4]
    outputs = trained.predict(x, verbose=0)
    count = trained.num_samples(x)
    assert outputs["start_logits"].shape == (count, 48)
    assert count > len(ANSWERS)


@one_model
def test_data_sets(trained):
    data_set = tf.data.Dataset.from_tensor_slices((X, Y)).batch(3)
    results = trained.evaluate(data_set, verbose=0, return_dict=True)
    assert results["end_logits_accuracy"] == 1
    outputs = trained.predict(data_set.map(lambda x, y: x), verbose=0)
    expected = trained.predict(X, verbose=0)
    for name, logits in expected.items():
        np.testing.assert_allclose(outputs[name], logits, atol=1e-4)


@one_model
def test_training(model):
    task = make_task(model)
    weights = [1.0, 1.0, 1.0, 0.0, 0.0]
    history = task.fit(
        X, Y, sample_weight=weights, validation_data=(X, Y), verbose=0
    ).history
    parts = (
        history["val_start_logits_loss"][0],
        history["val_end_logits_loss"][0],
    )
    assert history["val_loss"][0] == pytest.approx(sum(parts), rel=1e-4)
    assert 0 < history["loss"][0] < history["val_loss"][0]


@one_model
def test_loss(model):
    task = make_task(model)
    randomize(task)
    x, y = to_numpy(task.preprocessor(X, y=Y))
    outputs = task.predict(X, verbose=0)
    expected = 0
    for name, logits in outputs.items():
        logits = logits.astype("float64")
        losses = np.log(np.exp(logits).sum(axis=-1))
        losses -= logits[np.arange(len(logits)), y[name]]
        expected += losses.mean()
    found = task.evaluate(X, Y, verbose=0, return_dict=True)["loss"]
    assert found == pytest.approx(expected, rel=1e-4)


def test_annotate(trained):
    best = trained.annotate(X)
    assert all(answer["answer"] for answer in best)
    several = trained.annotate(X, top_k=4, handle_impossible_answer=True)
    alone = trained.annotate({"question": X["question"][0], "context": CONTEXT})
    assert_same(alone, best[0])
    for answer, answers in zip(best, several, strict=True):
        assert len(answers) == 4
        scores = [other["score"] for other in answers]
        assert scores == sorted(scores, reverse=True)
        assert sum(scores) <= 1.001
        places = [(other["start"], other["end"]) for other in answers]
        assert len(set(places)) == 4
        assert answer["answer"] in [other["answer"] for other in answers]
        for other in answers:
            assert CONTEXT[other["start"] : other["end"]] == other["answer"]
    assert {**several[4][0], **NO_ANSWER} == several[4][0]


@one_model
def test_null_threshold(trained):
    x = {name: values[4] for name, values in X.items()}
    answers = trained.annotate(x, top_k=2, handle_impossible_answer=True)
    difference = np.log(answers[0]["score"] / answers[1]["score"])
    for threshold, first in ((difference - 0.1, 0), (difference + 0.1, 1)):
        found = trained.annotate(
            x,
            handle_impossible_answer=True,
            null_threshold=float(threshold),
        )
        assert_same(found, answers[first])


@one_model
def test_max_answer_length(trained):
    x = {name: values[2] for name, values in X.items()}
    assert trained.annotate(x)["answer"] == "New England Patriots"
    lengths = trained.preprocessor.tokenizer.tokenize_rows(
        [
            answer["answer"]
            for answer in trained.annotate(x, 20, max_answer_length=3)
        ]
    )[1]
    # Answers are whole words, even if the model only selects the first tokens.
    assert min(lengths) <= 3
    with pytest.raises(ValueError, match="`max_answer_length` must be"):
        trained.annotate(x, max_answer_length=0)


def pipeline_of(theirs, folder):
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    tokenizer = transformers.BertTokenizerFast(str(folder / "vocab.txt"))
    return transformers.pipeline(
        "question-answering", model=theirs, tokenizer=tokenizer, device="cpu"
    )


# One window, and several with words of a single token: the pipeline only sees
# the part of a word in its window. It adds the scores of equal texts in
# different windows, so the windows do not overlap.
SHORT = "Ada Lovelace was born in London; Byron's 1st daughter cost $50."
LONG = "Dallas was one of four teams that made the Super Bowl game in the year"


@one_model
@pytest.mark.parametrize(
    ("context", "sequence_length", "max_answer_length"),
    [(SHORT, 96, 1), (SHORT, 96, 4), (SHORT, 96, 30), (LONG, 16, 4)],
)
def test_answers_are_those_of_the_pipeline(
    model, tmp_path, context, sequence_length, max_answer_length
):
    theirs = original(model, "ForQuestionAnswering", vocab_size=len(WORDS))
    # Make the scores differ clearly.
    theirs.qa_outputs.weight.data *= 5
    folder = save_checkpoint(theirs, tmp_path)
    task = task_class(model, "QuestionAnswering").from_preset(
        folder, preprocessor=make_preprocessor(model, sequence_length, 0)
    )
    pipeline = pipeline_of(theirs, tmp_path)
    question = "Who joined the Patriots?"
    # Request all answers, because the pipeline only adds up their scores.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pipeline(
            question=question,
            context=context,
            top_k=100000,
            max_answer_len=max_answer_length,
            max_seq_len=sequence_length,
            doc_stride=0,
            handle_impossible_answer=True,
        )
    found = task.annotate(
        {"question": question, "context": context},
        top_k=100000,
        max_answer_length=max_answer_length,
        handle_impossible_answer=True,
    )
    expected = {
        # After the others, it returns answers that end before they start.
        answer["answer"].lower(): answer["score"]
        for answer in reversed(expected)
    }
    by_text = collections.Counter()
    for answer in found:
        # The pipeline does not distinguish positions of the same text.
        by_text[answer["answer"].lower()] += answer["score"]
    likely = {text for text, score in expected.items() if score > 1e-9}
    assert likely <= by_text.keys()
    for text, score in by_text.items():
        assert score == pytest.approx(expected[text], rel=1e-3)


def test_windows_that_overlap_give_an_answer_once(model):
    task = make_task(model)
    randomize(task)
    x = {name: values[0] for name, values in X.items()}
    answers = task.annotate(x, top_k=100000)
    places = [(answer["start"], answer["end"]) for answer in answers]
    assert len(set(places)) == len(places)
    # Compute the same from the individual windows.
    outputs = to_numpy(task(task.preprocessor(x, y=None)))
    encoding = task.preprocessor.tokenizer.encoder.tokenizer.encode(
        x["question"], CONTEXT, add_special_tokens=False
    )
    is_context = np.array(encoding.sequence_ids) == 1
    words = np.array(encoding.word_ids)[is_context]
    offsets = np.array(encoding.offsets)[is_context]
    # The room that the question and the three special tokens leave.
    columns = np.append(0, np.arange(2 + (~is_context).sum(), 48 - 1))
    room = len(columns) - 1
    scores = {}
    for i in range(len(outputs["start_logits"])):
        of_window = words[i * (room - 12) :][:room]
        p, q = (
            np.exp(outputs[name][i, columns[: 1 + len(of_window)]])
            for name in ("start_logits", "end_logits")
        )
        found = {}
        for first, last in itertools.combinations_with_replacement(
            range(len(of_window)), 2
        ):
            if last - first < 30:
                span = of_window[first], of_window[last]
                score = p[1 + first] * q[1 + last] / (p.sum() * q.sum())
                found[span] = found.get(span, 0) + score
        for span, score in found.items():
            scores[span] = max(score, scores.get(span, 0))
    expected = {
        (
            offsets[words == first][0, 0],
            offsets[words == last][-1, 1],
        ): score
        for (first, last), score in scores.items()
    }
    assert set(expected) == set(places)
    for answer in answers:
        score = expected[answer["start"], answer["end"]]
        assert answer["score"] == pytest.approx(score, rel=1e-3, abs=1e-9)


def test_head_gives_what_the_original_does(model, tmp_path):
    outputs = {"start_logits": "start_logits", "end_logits": "end_logits"}
    task, theirs = check_head(
        model,
        "QuestionAnswering",
        "ForQuestionAnswering",
        tmp_path,
        outputs,
    )
    assert task.preprocessor.sequence_length == 512


@only_on(
    "torch",
    reason="the published sizes take a while, and are compared on one backend",
)
def test_head_of_the_published_size(tmp_path):
    outputs = {"start_logits": "start_logits", "end_logits": "end_logits"}
    check_head(
        SqueezeBert,
        "QuestionAnswering",
        "ForQuestionAnswering",
        tmp_path,
        outputs,
        close=assert_close_to_largest,
        vocab_size=1000,
        hidden_size=768,
        embedding_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
    )


def test_saving(trained, tmp_path):
    loaded = check_saving(trained, X, tmp_path)
    assert loaded.preprocessor.stride == 12
    for found, answer in zip(
        loaded.annotate(X), trained.annotate(X), strict=True
    ):
        assert_same(found, answer)


@one_model
def test_task_file_continues_training(model, tmp_path):
    task = make_task(model)
    task.save(tmp_path / "task.keras")
    loaded = keras.saving.load_model(tmp_path / "task.keras")
    assert set(loaded.loss) == {"start_logits", "end_logits"}
    loaded.compile("auto", loss=loaded.loss, run_eagerly=RUN_EAGERLY)
    assert np.isfinite(loaded.fit(X, Y, verbose=0).history["loss"][0])


@one_model
def test_without_preprocessor(model):
    task = make_task(model, with_preprocessor=False)
    task.compile("auto", run_eagerly=RUN_EAGERLY)
    x, y = to_numpy(make_preprocessor(model)(X, y=Y))
    history = task.fit(x, y, batch_size=4, verbose=0).history
    assert np.isfinite(history["loss"][0])
    outputs = task.predict(x, verbose=0)
    assert outputs["end_logits"].shape == x["token_ids"].shape
    with pytest.raises(ValueError, match="needs a `preprocessor`"):
        task.annotate(X)


def test_mixed_precision():
    task = make_task(SqueezeBert, dtype="mixed_bfloat16")
    task.compile("auto", run_eagerly=RUN_EAGERLY)
    assert task.output_dense.compute_dtype == "bfloat16"
    assert np.isfinite(task.fit(X, Y, verbose=0).history["loss"][0])
    assert 0 < task.annotate(X)[0]["score"] <= 1


def drop(mapping, name):
    return {key: value for key, value in mapping.items() if key != name}


@one_model
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (CONTEXT, Y, "must be a dictionary"),
        (list(QUESTIONS), Y, "same batch dimension|must be a dictionary"),
        (drop(X, "context"), Y, r"\['question'\]"),
        ({name: values[0] for name, values in X.items()}, Y, "batch dim"),
        ({**X, "context": CONTEXT}, Y, "same number of strings"),
        ({**X, "context": [CONTEXT]}, Y, "same number of strings"),
        ({**X, "context": [None] * 5}, Y, "must be strings. Received: None"),
        (
            {**X, "question": [*list(QUESTIONS)[:4], float("nan")]},
            Y,
            r"Text 4 of `x..question..` .* strings. Received: nan",
        ),
        ({**X, "context": [b"\xff"] * 5}, Y, "Text 0 of .*context.* UTF-8"),
        (
            X,
            {**Y, "answer_text": [*ANSWERS[:4], float("nan")]},
            "Text 4 of .*answer_text.* strings. Received: nan",
        ),
        (X, {**Y, "answer_start": [float("nan")] * 5}, "must be integers"),
        (X, drop(Y, "answer_text"), r"\['answer_start'\]"),
        (X, {**Y, "answer_start": [3] * 5}, "answer_start=3 for sample 0"),
        (X, {**Y, "answer_text": [""] * 5}, "answer_text='', answer_start=26"),
        (X, {**Y, "answer_start": [-1] * 5}, "'Arizona Cardinals', .*=-1"),
        (X, ANSWERS, "`y` must be a dictionary"),
        ({"question": [], "context": []}, None, "at least one sample"),
        ({**X, "question": ["word " * 50] * 5}, Y, "question of sample 0"),
    ],
)
def test_wrong_samples(trained, x, y, message):
    before = trained.get_weights()
    for method in (trained.fit, trained.evaluate):
        with pytest.raises(ValueError, match=message):
            method(x, y, verbose=0)
    for ours, theirs in zip(before, trained.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@one_model
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ("Who?", "`x` must be a dictionary .* type str"),
        (drop(X, "question"), r"the keys \['context'\]"),
        ({**X, "context": CONTEXT}, "same number of strings"),
        ({"question": "Who?", "context": " "}, "must have words, .* ' ' for"),
        ({"question": "word " * 50, "context": CONTEXT}, "must leave room"),
        ({"question": [], "context": []}, "must have at least one sample"),
    ],
)
def test_wrong_questions(trained, inputs, message):
    for is_possible in (False, True):
        if is_possible and "have words" in message:
            continue
        with pytest.raises(ValueError, match=message):
            trained.annotate(inputs, handle_impossible_answer=is_possible)


@one_model
def test_context_without_words(trained):
    x = {"question": "Who?", "context": " "}
    answer = trained.annotate(x, handle_impossible_answer=True)
    assert answer == {**NO_ANSWER, "score": 1.0}
    x = {"question": ["Who?"] * 2, "context": ["", CONTEXT]}
    answers = trained.annotate(x, top_k=3, handle_impossible_answer=True)
    assert list(map(len, answers)) == [1, 3]


@one_model
def test_class_weight(trained):
    with pytest.raises(ValueError, match="`class_weight` must be None"):
        trained.fit(X, Y, class_weight={0: 2.0}, verbose=0)


@one_model
def test_top_k(trained):
    with pytest.raises(ValueError, match="top_k=0"):
        trained.annotate(X, top_k=0)
    first = trained.annotate(X, top_k=1)
    for (found,), answer in zip(first, trained.annotate(X), strict=True):
        assert_same(found, answer)


@only_on("tensorflow", reason="the exported file is the same on every backend")
def test_export(tmp_path):
    task = make_task(MobileBert)
    randomize(task)
    x = task.preprocessor(X, y=None)
    outputs = check_export(task, tmp_path / "task.tflite", to_numpy(x))
    expected = task.predict(X, verbose=0)
    assert outputs.keys() == expected.keys() == {"start_logits", "end_logits"}
    for name, logits in expected.items():
        np.testing.assert_allclose(outputs[name], logits, rtol=1e-4, atol=1e-4)
