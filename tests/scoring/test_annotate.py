"""Tests that batches get the answers of the tasks and files."""

import json
import pickle

import numpy as np
import pytest

from keras_squeeze import export_tflite
from keras_squeeze.cli.task_types import TASK_TYPES
from keras_squeeze.scoring import Annotate
from keras_squeeze.scoring.annotate import TASKS
from tests.scoring.conftest import TEXTS
from tests.scoring.conftest import make_task


def test_names_of_tasks_are_those_of_the_command_line():
    for name, kind in TASKS.items():
        assert TASK_TYPES[name].task_class is kind.cls


def check_answers(found, expected, names=("label", "score")):
    for name in names:
        values = [answer[name] for answer in expected]
        if isinstance(values[0], float):
            np.testing.assert_allclose(found[name], values, atol=1e-5)
        else:
            assert found[name].tolist() == values


def check_lists(found, expected, name):
    """Compare answers that are lists, and JSON in the column."""
    assert any(expected)
    for answers, others in zip(map(json.loads, found), expected, strict=True):
        assert [x[name] for x in answers] == [x[name] for x in others]


def test_classes(preset, classifier):
    annotate = Annotate(preset, text_column="message", batch_tokens=32)
    batch = {"id": np.arange(4), "message": np.array(TEXTS, "object")}
    found = annotate(batch)
    assert list(found) == ["id", "message", "label", "score"]
    assert found["id"] is batch["id"]
    expected = classifier.annotate(TEXTS)
    assert len({answer["label"] for answer in expected}) > 1
    check_answers(found, expected)
    # The same in another process, and for a batch of lists.
    again = pickle.loads(pickle.dumps(annotate))
    check_answers(again({"message": TEXTS}), expected)
    empty = annotate({"message": []})
    assert empty["label"].shape == empty["score"].shape == (0,)


def test_pairs_and_prefix(preset, classifier):
    annotate = Annotate(preset, ["a", "b"], prefix="model_")
    found = annotate({"a": TEXTS, "b": TEXTS[::-1], "label": [0] * 4})
    assert list(found)[-2:] == ["model_label", "model_score"]
    expected = classifier.annotate((TEXTS, TEXTS[::-1]))
    assert found["model_label"].tolist() == [x["label"] for x in expected]


def test_several_labels_and_numbers(tmp_path):
    task = make_task(
        "TextClassifier", class_names=["a", "b", "c"], multi_label=True
    )
    task.save_to_preset(tmp_path / "labels")
    found = Annotate(tmp_path / "labels")({"text": TEXTS})["labels"]
    check_lists(found, task.annotate(TEXTS), "label")
    task = make_task("TextClassifier", num_classes=1)
    task.save_to_preset(tmp_path / "numbers")
    found = Annotate(tmp_path / "numbers")({"text": TEXTS})
    assert list(found) == ["text", "score"]
    check_answers(found, task.annotate(TEXTS), ["score"])


def test_entities(tmp_path):
    task = make_task("TokenClassifier", class_names=["O", "B-x", "I-x"])
    task.save_to_preset(tmp_path / "preset")
    found = Annotate(tmp_path / "preset")({"text": TEXTS})["entities"]
    check_lists(found, task.annotate(TEXTS), "word")


def test_answers_to_questions(tmp_path):
    task = make_task("QuestionAnswering")
    task.save_to_preset(tmp_path / "preset")
    annotate = Annotate(tmp_path / "preset", ["q", "c"])
    found = annotate({"q": TEXTS[:3], "c": [TEXTS[3]] * 3})
    expected = task.annotate({"question": TEXTS[:3], "context": [TEXTS[3]] * 3})
    check_answers(found, expected, ["answer", "score", "start", "end"])
    with pytest.raises(ValueError, match="must have 2 columns"):
        Annotate(tmp_path / "preset", "q")


def test_masks(tmp_path):
    task = make_task("MaskedLM")
    task.save_to_preset(tmp_path / "preset")
    annotate = Annotate(tmp_path / "preset")
    annotate.try_out()
    texts = ["great [MASK] sun", "[MASK] cold [MASK]"]
    found = annotate({"text": texts})
    assert list(found) == ["text", *annotate.columns] == ["text", "masks"]
    one, two = task.annotate(texts)
    for masks, expected in zip(found["masks"], ([one], two), strict=True):
        masks = json.loads(masks)
        for name in ("token_str", "sequence"):
            assert [x[name] for x in masks] == [x[name] for x in expected]
    with pytest.raises(ValueError, match="MASK"):
        annotate({"text": ["no mask"]})


def test_choices(tmp_path):
    task = make_task("MultipleChoice")
    task.save_to_preset(tmp_path / "preset")
    prompts = TEXTS[:3]
    choices = [["rain", "sun", "cold"], ["sad"], ["sun", "great wind"]]
    expected = task.annotate({"prompt": prompts, "choices": choices})
    assert len({answer["label"] for answer in expected}) > 1
    annotate = Annotate(tmp_path / "preset", ["prompt", "choices"])
    annotate.try_out()
    batch = {"prompt": prompts, "choices": np.array(choices, "object")}
    names = ["label", "answer", "score"]
    found = annotate(batch)
    assert annotate.columns == names and found["label"].dtype == "int64"
    check_answers(found, expected, names)
    # The same as columns, in which the last choices are missing.
    annotate = Annotate(tmp_path / "preset", ["prompt", "a", "b", "c"])
    annotate.try_out()
    columns = [["rain", "sad", "sun"], ["sun", "", "great wind"]]
    columns += [["cold", None, None]]
    batch = {"prompt": prompts, **dict(zip("abc", columns, strict=True))}
    check_answers(annotate(batch), expected, names)
    with pytest.raises(ValueError, match="must have a list as its 'choices'"):
        annotate = Annotate(tmp_path / "preset", ["prompt", "choices"])
        annotate({"prompt": prompts, "choices": prompts})
    with pytest.raises(ValueError, match="at least 2 columns"):
        Annotate(tmp_path / "preset", "prompt")


def test_vectors(preset):
    task = make_task("TextEmbedder")
    annotate = Annotate(preset, task="text_embedding")
    task.backbone.set_weights(annotate._scorer.task.backbone.get_weights())
    found = annotate({"text": TEXTS})["embedding"]
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, task.encode_text(TEXTS), atol=1e-5)
    assert annotate({"text": []})["embedding"].shape == (0, 16)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"message": TEXTS}, "no column 'text' of texts.*'message'"),
        ({"text": ["a", None]}, "must have strings. Received: None in row 1"),
        ({"text": TEXTS, "label": [0]}, r"columns \['label'\] of the answers"),
    ],
)
def test_wrong_batches(preset, batch, message):
    with pytest.raises(ValueError, match=message):
        Annotate(preset)(batch)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"model": "no_preset"}, "preset='no_preset'"),
        ({"text_column": ["a", "a"]}, "list of different ones"),
        ({"text_column": []}, "list of different ones"),
        ({"text_column": ["a", "b", "c"]}, "must have 1 or 2 columns"),
        ({"batch_tokens": 0}, "must be a positive integer"),
        ({"task": "pretraining"}, "must be one of"),
        ({"task": "token_classification"}, "is not fine-tuned for token"),
        ({"tokenizer": "x"}, "`tokenizer` must be None"),
        ({"model": "no.tflite"}, "which does not exist"),
        ({"model": "no.tflite", "task": "next_sentence"}, "must be None"),
        ({"model": "mobile_bert_tiny_en_uncased"}, "a task that scores texts"),
    ],
)
def test_wrong_arguments(preset, kwargs, message):
    with pytest.raises(ValueError, match=message):
        Annotate(**{"model": preset, **kwargs})


@pytest.fixture(scope="module")
def files(classifier, tmp_path_factory):
    """Files of one length, with metadata, and of several, without."""
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / "one.tflite", folder / "several.tflite"]
    for path, length in zip(paths, (16, (8, 16)), strict=True):
        export_tflite(classifier, path, sequence_length=length, verbose=False)
    return paths


def test_files(files, classifier, preset):
    one, several = files
    expected = classifier.annotate(TEXTS)
    check_answers(Annotate(one)({"text": TEXTS}), expected)
    annotate = Annotate(several, tokenizer=preset)
    check_answers(annotate({"text": TEXTS}), expected)
    assert annotate({"text": []})["label"].shape == (0,)
    with pytest.raises(ValueError, match="no metadata with its vocabulary"):
        Annotate(several)
    with pytest.raises(ValueError, match="one output per class"):
        Annotate(several, tokenizer="mobile_bert_tiny_en_uncased_sms_spam")


@pytest.mark.parametrize(
    "options",
    [
        {"background_class": "b", "threshold": 0.55},
        {"multi_label": True},
        {"multi_label": True, "threshold": [0.2, 0.9, 0.4]},
    ],
)
@pytest.mark.parametrize("probabilities", [True, False])
def test_files_of_calibrated_tasks(tmp_path, options, probabilities):
    task = make_task("TextClassifier", class_names=["a", "b", "c"], **options)
    task.save_to_preset(tmp_path / "preset")
    paths = [tmp_path / "one.tflite", tmp_path / "several.tflite"]
    for path, length in zip(paths, (16, (8, 16)), strict=True):
        export_tflite(
            task,
            path,
            sequence_length=length,
            probabilities=probabilities,
            verbose=False,
        )
    one, several = paths
    expected = task.annotate(TEXTS)
    for annotate in (
        Annotate(one),
        Annotate(several, tokenizer=str(tmp_path / "preset")),
    ):
        found = annotate({"text": TEXTS})
        if task.multi_label:
            check_lists(found["labels"], expected, "label")
        else:
            check_answers(found, expected)


def test_files_of_other_tasks(tmp_path):
    embedder = make_task("TextEmbedder")
    path = tmp_path / "embedder.tflite"
    export_tflite(embedder, path, sequence_length=16, verbose=False)
    found = Annotate(path)({"text": TEXTS})["embedding"]
    np.testing.assert_allclose(found, embedder.encode_text(TEXTS), atol=1e-5)
    task = make_task("QuestionAnswering")
    export_tflite(task, path, sequence_length=384, verbose=False)
    with pytest.raises(ValueError, match="one output per text"):
        Annotate(path, ["q", "c"])
