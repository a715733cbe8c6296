import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_squeeze.datasets.squad import read_squad
from keras_squeeze.models import MobileBertQuestionAnsweringPreprocessor
from keras_squeeze.models import MobileBertTokenizer
from tests.backends import only_on
from tests.processes import run_python
from tests.task_checks import check_graph
from tests.task_checks import to_numpy

# Answers are in brackets. All contexts except the last two are longer than a
# window of the tests.
SAMPLES = [
    (
        "Where was she born?",
        "Ada Lovelace, the daughter of Lord Byron, was born in [London] in "
        "1815. She wrote the first program, for a machine that was never "
        "built, and died in 1852, aged 36, in Marylebone, London.",
    ),
    (
        "When did she die?",
        "Ada Lovelace, the daughter of Lord Byron, was born in London in "
        "1815. She wrote the first program, for a machine that was never "
        "built, and died in [1852], aged 36, in Marylebone, London.",
    ),
    (
        "Whose daughter was she, says the book?",
        "[Ada Lovelace, the daughter of Lord Byron, was born in London in "
        "1815. She wrote the first program, for a machine that was never "
        "built, and died in 1852, aged 36, in Marylebone, London.]",
    ),
    (
        "Où est le café?",
        "Le cafe\u0301 est a\u0300 Saint-Étienne\u00a0(Loire), 5\u202f€ la "
        "tasse 😀👩‍👩‍👧, prè[s de la ga]re\u200b de Châteaucreux, où Zoë "
        "travaille; naïve, elle y prend le 2nd train à 7 h — pas le 1er.",
    ),
    (
        "東京は?",
        "東京は日本の首都です。人口は約[1400万]人で、世界最大の都市圏です。"
        "서울은 대한민국의 수도이다. ﬁne ½ ™ İstanbul",
    ),
    ("How much?", "It cost $[5]0 on the 5th."),
    ("Why?", ""),
]


def split_brackets(context):
    """Split a context from its answer, which is `("", -1)` if missing."""
    start, end = context.find("["), context.find("]")
    text = context.replace("[", "").replace("]", "")
    return text, start, text[start : end - 1] if start >= 0 else ""


QUESTIONS = [question for question, _ in SAMPLES]
CONTEXTS, STARTS, ANSWERS = map(
    list, zip(*(split_brackets(text) for _, text in SAMPLES), strict=True)
)
X = {"question": QUESTIONS, "context": CONTEXTS}
Y = {"answer_start": STARTS, "answer_text": ANSWERS}
SETTINGS = [(48, 8), (48, 0), (40, 16), (384, 128)]


@pytest.fixture(scope="module")
def tokenizer(vocabulary):
    return MobileBertTokenizer(vocabulary)


@pytest.fixture
def preprocessor(tokenizer):
    return MobileBertQuestionAnsweringPreprocessor(
        tokenizer, sequence_length=48, stride=8
    )


def original(oracle, x, y, sequence_length, stride):
    """The results of transformers' `run_qa.py`."""
    encodings = oracle(
        list(x["question"]),
        list(x["context"]),
        truncation="only_second",
        max_length=sequence_length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        padding="max_length",
        return_tensors="np",
    )
    starts, ends = [], []
    for i, row in enumerate(encodings["overflow_to_sample_mapping"]):
        start = y["answer_start"][row]
        end = start + len(y["answer_text"][row])
        offsets = encodings["offset_mapping"][i].tolist()
        in_context = [
            j for j, part in enumerate(encodings.sequence_ids(i)) if part == 1
        ]
        if (
            start < 0
            or offsets[in_context[0]][0] > start
            or offsets[in_context[-1]][1] < end
        ):
            starts.append(0)
            ends.append(0)
            continue
        first = max(j for j in in_context if offsets[j][0] <= start)
        last = min(j for j in in_context if offsets[j][1] >= end)
        starts.append(first)
        ends.append(last)
    return encodings, starts, ends


def check(tokenizer, oracle, x, y, sequence_length, stride):
    preprocessor = MobileBertQuestionAnsweringPreprocessor(
        tokenizer, sequence_length=sequence_length, stride=stride
    )
    inputs, positions = to_numpy(preprocessor(x, y=y))
    expected, starts, ends = original(oracle, x, y, sequence_length, stride)
    for ours, theirs in (
        ("token_ids", "input_ids"),
        ("segment_ids", "token_type_ids"),
        ("padding_mask", "attention_mask"),
    ):
        assert inputs[ours].dtype == "int32"
        np.testing.assert_array_equal(inputs[ours], expected[theirs])
    assert positions["start_logits"].tolist() == starts
    assert positions["end_logits"].tolist() == ends
    return positions


@pytest.mark.parametrize(("sequence_length", "stride"), SETTINGS)
def test_windows_and_targets_are_those_of_transformers(
    tokenizer, oracle, sequence_length, stride
):
    positions = check(tokenizer, oracle, X, Y, sequence_length, stride)
    assert (positions["start_logits"] > 0).any()
    assert len(positions["start_logits"]) > len(QUESTIONS) or stride == 128


@pytest.mark.parametrize(("sequence_length", "stride"), [(96, 32), (384, 128)])
def test_real_questions(tokenizer, oracle, real_data, sequence_length, stride):
    data = read_squad(real_data / "squad" / "dev-v1.1.json")
    data = data.take(np.arange(0, len(data), 30)).with_unanswerable(0.2)
    assert len(data) > 400
    check(tokenizer, oracle, data.x, data.y, sequence_length, stride)


def test_targets(preprocessor):
    inputs, positions = to_numpy(preprocessor(X, y=Y))
    answers = set()
    for token_ids, start, end in zip(
        inputs["token_ids"],
        positions["start_logits"],
        positions["end_logits"],
        strict=True,
    ):
        tokens = map(preprocessor.tokenizer.id_to_token, token_ids)
        answers.add(" ".join(list(tokens)[start : end + 1]))
    # The third answer is longer than a window, and the last sample has none.
    assert answers == {
        "[CLS]",
        "london",
        "1852",
        "##s de la ga",
        "1400 [UNK]",
        "50",
    }


def test_graph(preprocessor):
    check_graph(preprocessor, X)
    preprocessor.stride = 0
    check_graph(preprocessor, X, Y)


def test_graph_on_real_questions(preprocessor, real_data):
    data = read_squad(real_data / "squad" / "dev-v1.1.json")
    data = data.take(np.arange(7, len(data), 30)).with_unanswerable(0.2)
    preprocessor.sequence_length = 96
    preprocessor.stride = 32
    x, y = data.parts()
    x = {name: array.tolist() for name, array in x.items()}
    y = {name: array.tolist() for name, array in y.items()}
    positions = check_graph(preprocessor, x, y)[1]
    assert len(positions["start_logits"]) > 1000


@pytest.mark.parametrize("batch_size", [None, 3])
def test_tf_data(preprocessor, batch_size):
    data_set = tf.data.Dataset.from_tensor_slices((X, Y, [1.0] * 7))
    if batch_size is not None:
        data_set = data_set.batch(batch_size)
    data_set = data_set.map(preprocessor).unbatch().batch(100)
    x, y, sample_weight = next(iter(data_set.as_numpy_iterator()))
    expected = to_numpy(preprocessor(X, y=Y))
    keras.tree.map_structure(np.testing.assert_array_equal, (x, y), expected)
    assert sample_weight.shape == y["start_logits"].shape


def test_sample_weight(preprocessor):
    weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    x, _, sample_weight = to_numpy(preprocessor(X, y=Y, sample_weight=weights))
    rows = preprocessor.tokenizer.tokenize_rows(CONTEXTS)[1]
    assert sample_weight.dtype == "float32"
    assert sorted(set(sample_weight.tolist())) == weights
    for i, (question, context) in enumerate(
        zip(QUESTIONS, CONTEXTS, strict=True)
    ):
        windows = preprocessor(
            {"question": question, "context": context}, y=None
        )
        count = len(windows["token_ids"])
        assert (sample_weight == weights[i]).sum() == count
        assert (count == 1) == (rows[i] < 30)
    with pytest.raises(ValueError, match="one number per sample"):
        preprocessor(X, y=Y, sample_weight=[1.0])


def test_single_sample(preprocessor):
    x = {"question": QUESTIONS[0], "context": CONTEXTS[0]}
    y = {"answer_start": STARTS[0], "answer_text": ANSWERS[0]}
    found = to_numpy(preprocessor(x, y=y))
    x = {name: [value] for name, value in x.items()}
    y = {name: [value] for name, value in y.items()}
    expected = to_numpy(preprocessor(x, y=y))
    keras.tree.map_structure(np.testing.assert_array_equal, found, expected)


def test_default_stride(tokenizer, oracle):
    for sequence_length, stride in ((384, 128), (512, 128), (60, 20)):
        ours = MobileBertQuestionAnsweringPreprocessor(
            tokenizer, sequence_length=sequence_length
        )
        theirs = MobileBertQuestionAnsweringPreprocessor(
            tokenizer, sequence_length=sequence_length, stride=stride
        )
        x = {"question": ["Who?"], "context": ["the fox " * 400]}
        found, expected = ours(x, y=None), theirs(x, y=None)
        keras.tree.map_structure(
            np.testing.assert_array_equal, to_numpy(found), to_numpy(expected)
        )
    default = MobileBertQuestionAnsweringPreprocessor(tokenizer)
    assert default.sequence_length == 384
    assert default.stride is None


def changed(**changes):
    """The samples, with changes in the first one."""
    return {
        name: [changes.get(name, values[0]), *values[1:]]
        for name, values in (X | Y).items()
    }


WRONG_SAMPLES = [
    (changed(answer_start=53), "answer_start=53 for sample 0, .* ' Londo'"),
    (changed(answer_start=5000), "answer_start=5000 for sample 0"),
    (changed(answer_start=-2), "answer_start=-2 for sample 0"),
    (changed(answer_start=-1), "answer_text='London', answer_start=-1"),
    (changed(answer_text=""), "answer_text='', answer_start=54"),
    (changed(answer_text="Paris"), "answer_text='Paris'"),
    (changed(context="", answer_start=0), "answer_start=0 for sample 0"),
    (
        changed(question="word " * 37),
        "at most 36 tokens .* 37 tokens for the question of sample 0",
    ),
]


@pytest.mark.parametrize(("samples", "message"), WRONG_SAMPLES)
def test_wrong_samples(preprocessor, samples, message):
    x = {name: samples[name] for name in X}
    y = {name: samples[name] for name in Y}
    with pytest.raises(ValueError, match=message):
        preprocessor(x, y=y)


def test_wrong_samples_in_a_graph(preprocessor):
    # A dataset of all samples, which is traced once.
    columns = [samples for samples, _ in WRONG_SAMPLES]
    x, y = (
        {name: [samples[name] for samples in columns] for name in names}
        for names in (X, Y)
    )
    data_set = tf.data.Dataset.from_tensor_slices((x, y)).map(preprocessor)
    batches = iter(data_set)
    for _, message in WRONG_SAMPLES:
        expected = "answer_text" if "answer" in message else "question must"
        with pytest.raises(tf.errors.InvalidArgumentError, match=expected):
            next(batches)


def test_question_that_just_fits(preprocessor):
    x = {"question": ["word " * 36], "context": ["the fox " * 10]}
    found = to_numpy(preprocessor(x, y=None))
    # Every window has one more token than the overlap.
    assert found["token_ids"].shape == (12, 48)
    assert (found["padding_mask"].sum(axis=1) == 48).all()


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (QUESTIONS, None, "`x` must be a dictionary with the keys"),
        ((QUESTIONS, CONTEXTS), None, "Received: x of type tuple"),
        ({"question": QUESTIONS}, None, r"the keys \['question'\]"),
        ({**X, "id": CONTEXTS}, None, "'id'"),
        ({**X, "question": QUESTIONS[:2]}, None, "Received: 2 and 7 strings"),
        ({**X, "context": [1] * 7}, None, "must be strings. Received: 1"),
        ({**X, "context": [CONTEXTS]}, None, "a flat list of strings"),
        (X, ANSWERS, "`y` must be a dictionary with the keys"),
        (X, {"answer_text": ANSWERS}, r"the keys \['answer_text'\]"),
        (X, {**Y, "answer_start": STARTS[:2]}, "7 answer_text and 2 answer_"),
        (X, {**Y, "answer_text": ANSWERS[:2]}, "2 answer_text and 7 answer_"),
        (X, {**Y, "answer_start": [0.5] * 7}, "must be integers"),
        (X, {**Y, "answer_start": [float("inf")] * 7}, "must be integers"),
        (X, {**Y, "answer_text": [1] * 7}, "must be strings. Received: 1"),
    ],
)
def test_wrong_inputs(preprocessor, x, y, message):
    with pytest.raises(ValueError, match=message):
        preprocessor(x, y=y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequence_length": 1}, "room for the start token"),
        ({"stride": -1}, "`stride` must be a positive integer"),
        ({"stride": 2.0}, "stride=2.0"),
        ({"truncate": "only_first"}, "truncate"),
    ],
)
def test_wrong_arguments(tokenizer, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        MobileBertQuestionAnsweringPreprocessor(tokenizer, **options)


def test_stride_that_leaves_no_room(tokenizer):
    preprocessor = MobileBertQuestionAnsweringPreprocessor(
        tokenizer, sequence_length=48, stride=44
    )
    with pytest.raises(ValueError, match="stride=44"):
        preprocessor(X, y=None)


def test_saving(preprocessor, tmp_path):
    config = preprocessor.get_config()
    assert config["stride"] == 8
    assert "truncate" not in config
    preprocessor.save_to_preset(str(tmp_path))
    restored = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(preprocessor)
    )
    restored.tokenizer.load_assets(str(tmp_path / "assets" / "tokenizer"))
    assert restored.get_config() == config
    keras.tree.map_structure(
        np.testing.assert_array_equal,
        to_numpy(restored(X, y=Y)),
        to_numpy(preprocessor(X, y=Y)),
    )


@only_on("torch", reason="it runs in its own process, with JAX; once is enough")
def test_runs_without_tensorflow(tmp_path, tokenizer):
    tokenizer.save_assets(str(tmp_path))
    command = (
        "import sys\n"
        "sys.modules['tensorflow'] = sys.modules['tensorflow_text'] = None\n"
        "from keras_squeeze import models\n"
        "tokenizer = models.MobileBertTokenizer(sys.argv[1])\n"
        "preprocessor = models.MobileBertQuestionAnsweringPreprocessor(\n"
        "    tokenizer, sequence_length=16, stride=4\n"
        ")\n"
        "_, y = preprocessor(\n"
        "    {'question': ['who?'], 'context': ['the quick brown fox']},\n"
        "    y={'answer_start': [4], 'answer_text': ['quick brown']},\n"
        ")\n"
        "print([int(position[0]) for position in y.values()])\n"
    )
    path = tmp_path / "vocabulary.txt"
    result = run_python("-c", command, path, KERAS_BACKEND="jax")
    assert result.stdout.split("\n")[0] == "[5, 6]"
