import contextlib
import io
import json
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_squeeze import cli
from keras_squeeze import distillation
from keras_squeeze.cli import devices
from keras_squeeze.cli import dtypes
from keras_squeeze.cli import finetune
from keras_squeeze.datasets.text_files import read_labelled_texts
from keras_squeeze.models import SqueezeBertTextClassifier

METRICS = (
    "loss",
    "sparse_categorical_accuracy",
    "val_loss",
    "val_sparse_categorical_accuracy",
)


def arguments(preset, train, output, **options):
    options = {
        "epochs": 3,
        "batch_size": 16,
        "learning_rate": 0.01,
        "sequence_length": 16,
        **options,
    }
    argv = ["finetune", "--preset", preset, "--train", str(train)]
    argv += ["--output", str(output)]
    for name, value in options.items():
        argv += [f"--{name.replace('_', '-')}", str(value)]
    return argv


@pytest.fixture(scope="module")
def finetuned(tmp_path_factory, tiny_preset, weather):
    """A preset that knows the weather, and what was printed meanwhile."""
    output = tmp_path_factory.mktemp("finetuned") / "deep" / "weather"
    argv = arguments(
        tiny_preset, weather, output, validation=weather, learning_rate=0.03
    )
    # The leftovers of a process that was killed while writing the preset.
    (output.parent / ".weather.a1_b2_c3" / "new").mkdir(parents=True)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert cli.main([*argv, "--group-by-length"]) == 0
    return output, printed.getvalue()


def test_finetunes_and_keeps_the_best_epoch(finetuned, weather):
    output, printed = finetuned
    assert "Learning curve" in printed and "Wrote the preset" in printed
    assert [path.name for path in output.parent.iterdir()] == ["weather"]

    task = SqueezeBertTextClassifier.from_preset(str(output))
    assert task.class_names == ["bad", "good"]
    assert task.preprocessor.sequence_length == 16
    answers = task.annotate(["great warm sunny", "awful cold rainy"])
    assert [answer["label"] for answer in answers] == ["good", "bad"]

    metrics = json.loads((output / "metrics.json").read_text())
    history = metrics["history"]
    assert [row["epoch"] for row in history] == [1, 2, 3]
    (best,) = [row for row in history if row["is_best"]]
    data = read_labelled_texts(weather)
    logits = task.predict(data.x, verbose=0)
    y = data.class_ids(task.class_names)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    np.testing.assert_allclose(
        float(loss(y, logits)), best["val_loss"], rtol=1e-3, atol=1e-6
    )


def test_pairs_and_numbers(tmp_path, tiny_preset):
    path = tmp_path / "pairs.tsv"
    rows = [
        f"{first}\t{second}\t{int(first == second)}"
        for first in ("great", "poor", "cold")
        for second in ("great", "poor", "cold", "sad", "warm")
    ] * 6
    path.write_text("\n".join(rows), encoding="utf-8")
    output = tmp_path / "out"
    argv = arguments(tiny_preset, path, output, epochs=1, batch_size=9)
    assert cli.main(argv) == 0
    metrics = json.loads((output / "metrics.json").read_text())
    is_jax = keras.config.backend() == "jax"
    assert metrics["settings"]["group_by_length"] is not is_jax
    task = SqueezeBertTextClassifier.from_preset(str(output))
    assert task.class_names == ["0", "1"]
    assert task.predict((["great"], ["fine"]), verbose=0).shape == (1, 2)


def test_trains_in_bfloat16(tmp_path, monkeypatch, tiny_preset, weather):
    def fine_tune(task, *args, **kwargs):
        policies.append(task.backbone.dtype_policy.name)
        history = original(task, *args, **kwargs)
        logits.append(task.predict(["great warm sunny", "awful cold"]))
        return history

    policies, logits, original = [], [], finetune.fine_tune
    monkeypatch.setattr(finetune, "fine_tune", fine_tune)
    output = tmp_path / "out"
    argv = arguments(
        tiny_preset, weather, output, epochs=6, dtype="mixed_bfloat16"
    )
    assert cli.main(argv) == 0
    assert policies == ["mixed_bfloat16"]
    task = SqueezeBertTextClassifier.from_preset(str(output))
    assert task.backbone.dtype_policy.name == "float32"
    assert task.preprocessor.sequence_length == 16
    exact = task.predict(["great warm sunny", "awful cold"])
    np.testing.assert_allclose(logits[0].astype("float32"), exact, atol=0.05)
    assert np.ptp(exact) > 0.2


def test_chooses_a_dtype_once(
    tmp_path, capsys, monkeypatch, tiny_preset, weather
):
    def choice(results):
        trials.append(results)
        return "mixed_bfloat16"

    def fail(task, *args, **kwargs):
        policies.append(task.backbone.dtype_policy.name)
        raise ValueError("the machine fails")

    trials, policies = [], []
    monkeypatch.setattr(dtypes, "_choice", choice)
    output = tmp_path / "out"
    argv = arguments(tiny_preset, weather, output, epochs=1, dtype="auto")
    with monkeypatch.context() as patch:
        patch.setattr(finetune, "fine_tune", fail)
        assert cli.main(argv) == 2
    assert policies == ["mixed_bfloat16"]
    ((exact, low),) = [trial.values() for trial in trials]
    assert exact[0] > 0 and low[0] > 0
    assert low[1] == pytest.approx(exact[1], rel=0.1)
    assert low[1] != exact[1]
    printed = capsys.readouterr().out
    assert "The first 20 steps with each dtype" in printed

    assert cli.main(argv) == 0
    assert len(trials) == 1
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["settings"]["dtype"] == "mixed_bfloat16"
    task = SqueezeBertTextClassifier.from_preset(str(output))
    assert task.backbone.dtype_policy.name == "float32"


@pytest.mark.parametrize(
    "seconds,loss,expected",
    [
        (0.8, 0.51, "mixed_bfloat16"),
        (0.95, 0.5, "float32"),
        (0.5, 0.6, "float32"),
        (0.5, float("nan"), "float32"),
    ],
)
def test_a_dtype_must_be_faster_and_agree(seconds, loss, expected):
    results = {"float32": (1.0, 0.5), "mixed_bfloat16": (seconds, loss)}
    assert dtypes._choice(results) == expected


def test_learns_from_a_teacher(tmp_path, tiny_preset, weather, finetuned):
    teacher, output = finetuned[0], tmp_path / "student"
    # With opposite labels, the model can only learn from the teacher.
    text = pathlib.Path(weather).read_text()
    swap = {"good": "bad", "bad": "good"}
    rows = [line.split(",") for line in text.splitlines()[1:]]
    wrong = tmp_path / "wrong.csv"
    lines = [f"{text},{swap[label]}" for text, label in rows[:48]]
    lines += [f"{text},{label}" for text, label in rows[48:]]
    wrong.write_text("\n".join(["text,label", *lines]))
    argv = arguments(
        tiny_preset,
        wrong,
        output,
        validation=weather,
        teacher=teacher,
        epochs=6,
    )
    assert cli.main(argv) == 0
    history = json.loads((output / "metrics.json").read_text())["history"]
    (best,) = [row for row in history if row["is_best"]]
    assert best["val_sparse_categorical_accuracy"] == 1.0
    assert best["sparse_categorical_accuracy"] < 0.8
    task = SqueezeBertTextClassifier.from_preset(str(output))
    assert task.annotate("great warm sunny")["label"] == "good"


def test_learns_texts_without_labels(
    tmp_path, capsys, monkeypatch, tiny_preset, weather
):
    def fine_tune(task, train, *args, **kwargs):
        trained_on.append(train)
        label_weights.append(kwargs["loss"].label_weight)
        raise RuntimeError("enough")

    def label(x):
        labelled.append(len(x))
        return np.array([[len(text), -1.0] for text in x])

    def teacher_of(folder, dtype, class_names, sequence_length):
        dtypes.append(dtype)
        return label

    trained_on, labelled, label_weights, dtypes = [], [], [], []
    monkeypatch.setattr(finetune, "fine_tune", fine_tune)
    monkeypatch.setattr(distillation, "HuggingFaceClassifier", teacher_of)
    more, pairs = tmp_path / "more.txt", tmp_path / "pairs.csv"
    more.write_text("great\n\nawful sad\n")
    pairs.write_text("text1,text2\na,b\n")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    argv = arguments(tiny_preset, weather, tmp_path / "out")
    teacher = ["--teacher", str(tmp_path)]
    assert cli.main([*argv, "--unlabelled", str(more)]) == 2
    assert "--unlabelled requires" in capsys.readouterr().err
    assert cli.main([*argv, *teacher, "--unlabelled", str(pairs)]) == 2
    assert "both have pairs" in capsys.readouterr().err
    assert cli.main([*argv, *teacher, "--unlabelled", str(more)]) == 1
    assert "enough" in capsys.readouterr().err
    ((x, y),) = trained_on
    assert x[-2:].tolist() == ["great", "awful sad"]
    assert y[-2:].tolist() == [[-1, 5, -1], [-1, 9, -1]]
    assert len(x) == len(y) == 146 and set(y[:-2, 0]) == {0, 1}

    # Only an interrupted run has its labels.
    assert cli.main([*argv, *teacher, "--unlabelled", str(more)]) == 1
    assert labelled == [146]
    np.testing.assert_array_equal(trained_on[1][1], y)
    argv += ["--dtype", "mixed_bfloat16"]
    assert cli.main([*argv, *teacher, "--label-weight", "0"]) == 1
    assert labelled == [146, 144] and dtypes == ["float32", "bfloat16"]
    assert label_weights == [0.5, 0.5, 0.0]
    with pytest.raises(SystemExit):
        cli.main([*argv, *teacher, "--label-weight", "1.5"])
    assert "from 0 to 1, not '1.5'" in capsys.readouterr().err
    state = {"settings": {"seed": 5}, "history": []}
    state_path = tmp_path / "out.training" / "state.json"
    state_path.write_text(json.dumps(state))
    assert cli.main([*argv, *teacher, "--unlabelled", str(more)]) == 2
    assert "with different settings: seed=5" in capsys.readouterr().err
    assert labelled == [146, 144]


def run_with_teacher(monkeypatch, teacher_name, label, argv):
    """Run `finetune` up to the training, with a function as teacher.

    Returns:
        The arguments of `fit()` and those of `compile()`.
    """

    class Teacher:
        def __init__(self, folder, **kwargs):
            created.append(kwargs)

        def __call__(self, x):
            return label(x)

        def annotate(self, x, handle_impossible_answer):
            return label(x, handle_impossible_answer)

    def fine_tune(task, train, *args, **kwargs):
        trained.append((train, kwargs))
        raise RuntimeError("enough")

    created, trained = [], []
    monkeypatch.setattr(distillation, teacher_name, Teacher)
    monkeypatch.setattr(finetune, "fine_tune", fine_tune)
    for _ in range(2):
        assert cli.main(argv) == 1
    # The second run has the labels of the first one.
    assert len(created) == 1 and created[0]["sequence_length"] == 24
    return trained[1]


def test_labels_of_a_teacher_for_words(tmp_path, monkeypatch, tiny_preset):
    train, more = tmp_path / "train.conll", tmp_path / "more.txt"
    train.write_text("ada B-person\nran O\n\nwe O\n\n" * 10)
    more.write_text("ada ran so\n")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    argv = arguments(
        tiny_preset,
        train,
        tmp_path / "out",
        task="token_classification",
        validation=train,
        teacher=tmp_path,
        unlabelled=more,
        sequence_length=24,
        label_weight=0.25,
    )

    def label(x):
        assert x[-1] == ["ada", "ran", "so"]
        return [np.full((len(words), 2), len(words)) for words in x]

    (x, y), kwargs = run_with_teacher(
        monkeypatch, "HuggingFaceTokenClassifier", label, argv
    )
    assert len(x) == len(y) == 21
    assert y[0].tolist() == [[1, 2, 2], [0, 2, 2]]
    assert y[1].tolist() == [[0, 1, 1]]
    assert y[-1].tolist() == [[-1, 3, 3]] * 3
    assert kwargs["loss"].label_weight == 0.25
    (metric,) = kwargs["weighted_metrics"]
    assert isinstance(metric, distillation.SoftLabelAccuracy)


@pytest.mark.parametrize("label_weight", [0.25, 0.0])
def test_answers_of_a_teacher(tmp_path, monkeypatch, tiny_preset, label_weight):
    def article(name, *answers):
        questions = [
            {"id": f"{name}{i}", "question": "who ran?", **answer}
            for i, answer in enumerate(answers)
        ]
        paragraph = {"context": "ada ran to rome", "qas": questions}
        return {"data": [{"paragraphs": [paragraph]}]}

    train, more = tmp_path / "train.json", tmp_path / "more.json"
    ada = {"answers": [{"text": "ada", "answer_start": 0}]}
    rome = {"answers": [{"text": "rome", "answer_start": 11}]}
    train.write_text(
        json.dumps(article("a", ada, rome, {"is_impossible": True}))
    )
    more.write_text(json.dumps(article("b", {})))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    argv = arguments(
        tiny_preset,
        train,
        tmp_path / "out",
        task="question_answering",
        validation=train,
        teacher=tmp_path,
        unlabelled=more,
        sequence_length=24,
        label_weight=label_weight,
    )

    def label(x, handle_impossible_answer):
        assert handle_impossible_answer
        assert x["question"].tolist() == ["who ran?"] * 4
        spans = [(0, 3), (8, 15), (0, 0), (4, 7)]
        return [{"start": start, "end": end} for start, end in spans]

    (_, y, weights), _ = run_with_teacher(
        monkeypatch, "HuggingFaceQuestionAnswering", label, argv
    )
    samples = list(
        zip(y["answer_text"], y["answer_start"], weights, strict=True)
    )
    # The teacher agrees with the first and the third label.
    expected = [("ada", 0, 1), ("rome", 11, label_weight), ("", -1, 1)]
    expected += [
        ("to rome", 8, 1 - label_weight),
        ("ran", 4, 1 - label_weight),
    ]
    assert samples == [row for row in expected if row[2] > 0]


def test_refuses_a_teacher(
    tmp_path, capsys, tiny_preset, weather, hugging_face
):
    argv = arguments(
        tiny_preset, weather, tmp_path / "out", teacher=hugging_face.folder
    )
    assert cli.main(argv) == 2
    assert "classifier with the classes" in capsys.readouterr().err
    assert cli.main([*argv, "--task", "masked_lm"]) == 2
    assert "--teacher does not support --task" in capsys.readouterr().err
    argv = arguments(tiny_preset, weather, tmp_path / "out", task="masked_lm")
    assert cli.main([*argv, "--group-by-length"]) == 2
    assert "--group-by-length does not support" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    keras.config.backend() == "jax",
    reason="training resumes in the same way on every backend; JAX compiles "
    "for the longest time",
)
def test_resumes_after_being_killed(tmp_path, capsys, tiny_preset, weather):
    output = tmp_path / "weather"
    argv = arguments(tiny_preset, weather, output, epochs=200, batch_size=2)
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_squeeze", *argv],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stopped = pathlib.Path(f"{output}.training")
    state_path = stopped / "state.json"
    try:
        deadline = time.monotonic() + 120
        while not state_path.exists() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.1)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not output.exists()

    # Shorten what the killed run had left to do.
    state = json.loads(state_path.read_text())
    num_done = len(state["history"])
    assert 1 <= num_done < 200
    state["settings"]["epochs"] = num_done + 1
    state_path.write_text(json.dumps(state))
    argv = arguments(
        tiny_preset, weather, output, epochs=num_done + 1, batch_size=2
    )
    assert cli.main(argv) == 0
    assert f"Resuming after epoch {num_done}." in capsys.readouterr().out
    history = json.loads((output / "metrics.json").read_text())["history"]
    assert len(history) == num_done + 1
    for before, after in zip(state["history"], history, strict=False):
        assert before == {k: v for k, v in after.items() if k != "is_best"}
    assert not stopped.exists()


def test_wrong_input_is_told_before_any_work(
    tmp_path, capsys, tiny_preset, weather
):
    def error(argv):
        assert cli.main(argv) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    output = tmp_path / "out"
    assert "No such file" in error(
        arguments(tiny_preset, tmp_path / "absent.csv", output)
    )
    assert "preset='no_such_preset'" in error(
        arguments("no_such_preset", weather, output)
    )
    same = tmp_path / "same.csv"
    same.write_text("text,label\na,1\nb,1\n")
    assert "at least two different labels" in error(
        arguments(tiny_preset, same, output)
    )
    assert "must be one of ['bad', 'good']. Received: ['1']" in error(
        arguments(tiny_preset, weather, output, validation=same)
    )
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("text1,text2,label\na,b,good\n")
    assert "both have pairs" in error(
        arguments(tiny_preset, weather, output, validation=pairs)
    )
    few = tmp_path / "few.csv"
    few.write_text("text,label\na,1\nb,2\n")
    assert "not enough" in error(arguments(tiny_preset, few, output))
    assert "`sequence_length` must be at most 64" in error(
        arguments(tiny_preset, weather, output, sequence_length=65)
    )
    assert not output.exists()

    output.mkdir()
    (output / "letter.txt").write_text("Dear")
    assert "is not replaced" in error(arguments(tiny_preset, weather, output))
    assert "already has a preset" in error(
        arguments(tiny_preset, weather, tiny_preset)
    )


TABLE = b"text,label\na,1\nb,2\n"
CHOICES = b"prompt,choice1,choice2,label\na,b,c,0\n"


@pytest.mark.parametrize(
    ("task", "name", "contents", "message"),
    [
        ("text_classification", "a.csv", b"", "is empty"),
        ("text_classification", "a.csv", TABLE[:11], "no rows after"),
        ("text_classification", "a.csv", TABLE + b"c,\n", "Line 4 of"),
        ("text_classification", "a.csv", TABLE + b"\xff,1\n", "0xff in line 4"),
        ("text_classification", "a.tsv", b"text\tlabel\na\t\n", "Line 2 of"),
        ("text_classification", "a.jsonl", b"\n", "is empty"),
        (
            "text_classification",
            "a.jsonl",
            b'{"text": "a", "label": 1}\n{"text": "b", "label": NaN}\n',
            "Line 2 of",
        ),
        ("next_sentence", "a.csv", b"text1,text2,label\na,b,\n", "Line 2 of"),
        ("multiple_choice", "a.csv", CHOICES + b"a,b,c,\n", "Line 3 of"),
        ("multiple_choice", "a.csv", CHOICES + b"\xff", "0xff in line 3"),
        ("token_classification", "a.conll", b"", "has no words"),
        ("token_classification", "a.conll", b"# id 1\n\n", "has no words"),
        ("token_classification", "a.conll", b"a O\nb\n", "Line 2 of"),
        ("token_classification", "a.conll", b"a O\n\xff O", "0xff in line 2"),
        ("question_answering", "a.json", b"", "must be JSON"),
        ("question_answering", "a.json", b'{"data": []}', "has no questions"),
        ("question_answering", "a.json", b"{\n\xff", "0xff in line 2"),
        ("masked_lm", "a.txt", b"\n", "has no texts"),
        ("masked_lm", "a.txt", b"a\n\xff", "0xff in line 2"),
        ("pretraining", "a.jsonl", b'{"text": NaN}', "Line 1 of"),
    ],
)
def test_wrong_files(tmp_path, capsys, task, name, contents, message):
    path = tmp_path / name
    path.write_bytes(contents)
    argv = ["finetune", "--task", task, "--preset", "nowhere"]
    argv += ["--train", str(path), "--output", str(tmp_path / "out")]
    assert cli.main(argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert str(path) in line


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_preset_is_only_replaced_by_a_whole_one(
    tmp_path, monkeypatch, tiny_preset, weather, overwrite
):
    output = tmp_path / "out"
    if overwrite:
        output.mkdir()
        (output / "config.json").write_text("{}")

    def fine_tune(task, train, validation, folder, *args, **kwargs):
        folder.mkdir()
        return [{"epoch": 1, "is_best": True, **dict.fromkeys(METRICS, 0.5)}]

    def save_to_preset(self, folder):
        (pathlib.Path(folder) / "config.json").write_text("half")
        raise OSError("no space left")

    monkeypatch.setattr(finetune, "fine_tune", fine_tune)
    monkeypatch.setattr(
        SqueezeBertTextClassifier, "save_to_preset", save_to_preset
    )
    argv = arguments(tiny_preset, weather, output)
    assert cli.main(argv + ["--overwrite"] * overwrite) == 1
    names = [path.name for path in tmp_path.iterdir()]
    # The trained weights are kept, and the same command resumes from them.
    assert sorted(names) == ["out"] * overwrite + ["out.training"]
    if overwrite:
        assert (output / "config.json").read_text() == "{}"


def test_devices_that_are_not_there(tmp_path, capsys, tiny_preset, weather):
    argv = arguments(tiny_preset, weather, tmp_path / "out", devices=99)
    assert cli.main(argv) == 2
    assert "--devices must be at most " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_pytorch_trains_on_one_device(monkeypatch, capsys):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    monkeypatch.setattr(devices, "_devices", lambda: ["cuda:0", "cuda:1"])
    with devices.devices_scope():
        pass
    sentence = "Keras trains on one device on PyTorch."
    assert sentence in capsys.readouterr().out
    with pytest.raises(ValueError, match=f"{sentence}.*--devices 2"):
        devices.devices_scope(2)
