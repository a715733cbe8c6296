"""Random transformers models, and ours with the same weights."""

import functools
import pathlib
import tempfile

import keras
import numpy as np
import pytest
import torch
import transformers

import keras_squeeze
from tests.checkpoint_folders import MODELS
from tests.checkpoint_folders import assert_close
from tests.checkpoint_folders import original

TASKS = {
    "MobileBert": (
        "Model",
        "ForPreTraining",
        "ForMaskedLM",
        "ForNextSentencePrediction",
        "ForSequenceClassification",
        "ForQuestionAnswering",
        "ForMultipleChoice",
        "ForTokenClassification",
    ),
    "SqueezeBert": (
        "Model",
        "ForMaskedLM",
        "ForSequenceClassification",
        "ForMultipleChoice",
        "ForTokenClassification",
        "ForQuestionAnswering",
    ),
}
CLASSES = [(model, task) for model in MODELS for task in TASKS[model.original]]
NUM_LABELS = {"ForSequenceClassification": 3, "ForTokenClassification": 4}


def name(value):
    """The name of a test parameter."""
    return getattr(value, "original", str(value))


def for_classes(*classes):
    """Repeat a test for some of the `CLASSES`."""
    return pytest.mark.parametrize(("model", "task"), classes, ids=name)


each_class = for_classes(*CLASSES)
each_head = for_classes(*(pair for pair in CLASSES if pair[1] != "Model"))
each_model = pytest.mark.parametrize("model", MODELS, ids=name)


def face(model, task, prefix=""):
    """Return our class.

    Args:
        model: One of `MODELS`.
        task: string. The end of the name of the class.
        prefix: string. `"TF"` for the class with TensorFlow's order.
    """
    return getattr(keras_squeeze, f"{prefix}{model.original}{task}")


@functools.cache
def saved_original(model, task, **config):
    """A random transformers model, and the folder it is saved in."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="original"))
    settings = {
        "num_labels": NUM_LABELS.get(task, 2),
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    theirs = original(model, task, **{**settings, **config})
    theirs.save_pretrained(folder)
    return theirs, folder


@functools.cache
def pair(model, task, **config):
    """A random transformers model, and ours with its weights.

    Args:
        model: One of `MODELS`.
        task: string. The end of the name of the class.
        **config: Fields of the configuration.
    """
    theirs, folder = saved_original(model, task, **config)
    return theirs, face(model, task).from_pretrained(folder)


def inputs(task, batch=3, length=7, seed=0):
    """Ids, with a mask and segments, as arrays of int64."""
    random = np.random.default_rng(seed)
    shape = (batch, length)
    if task == "ForMultipleChoice":
        shape = (batch, 2, length)
    lengths = random.integers(2, length + 1, (*shape[:-1], 1))
    columns = np.arange(length)
    return {
        "input_ids": random.integers(0, 60, shape),
        "attention_mask": (columns < lengths).astype("int64"),
        "token_type_ids": (columns >= lengths // 2).astype("int64"),
    }


def labels(task, batch=3, length=7, seed=1):
    """Labels for `inputs()`, some of them to be ignored."""
    random = np.random.default_rng(seed)

    def words(size):
        found = random.integers(0, size, (batch, length))
        return np.where(random.random((batch, length)) < 0.5, -100, found)

    def rows(size):
        return random.integers(0, size, batch)

    return {
        "Model": lambda: {},
        "ForPreTraining": lambda: {
            "labels": words(60),
            "next_sentence_label": rows(2),
        },
        "ForMaskedLM": lambda: {"labels": words(60)},
        "ForNextSentencePrediction": lambda: {"labels": rows(2)},
        "ForSequenceClassification": lambda: {"labels": rows(3)},
        "ForQuestionAnswering": lambda: {
            "start_positions": np.array([0, 3, 20])[:batch],
            "end_positions": np.array([-3, 5, 2])[:batch],
        },
        "ForMultipleChoice": lambda: {"labels": rows(2)},
        "ForTokenClassification": lambda: {"labels": words(4)},
    }[task]()


def run_original(theirs, **kwargs):
    """Call a transformers model on arrays."""
    with torch.no_grad():
        return theirs(
            **{
                key: torch.from_numpy(value)
                if isinstance(value, np.ndarray)
                else value
                for key, value in kwargs.items()
            }
        )


def to_numpy(tensor):
    """Convert one of our tensors, or of transformers, to an array."""
    if isinstance(tensor, torch.Tensor):
        return tensor.detach().cpu().numpy()
    return keras.ops.convert_to_numpy(tensor)


def assert_same(ours, theirs, model=None):
    """Check that outputs have the same fields with the same values.

    Args:
        ours: Our output.
        theirs: The output of transformers.
        model: Optional, one of `MODELS`.
    """
    assert list(ours) == list(theirs)
    for key, value in theirs.items():
        if not isinstance(value, tuple):
            assert_close(to_numpy(ours[key]), to_numpy(value))
            continue
        assert len(ours[key]) == len(value)
        for our, their in zip(ours[key], value, strict=True):
            if key == "attentions" and model.original == "SqueezeBert":
                # transformers returns the scores.
                their = torch.softmax(their, dim=-1)
            assert_close(to_numpy(our), to_numpy(their))


def transformers_class(model, task):
    """Return the class of transformers."""
    return getattr(transformers, model.original + task)
