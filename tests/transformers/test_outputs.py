"""Tests outputs against those of transformers."""

import copy
import dataclasses
import pickle

import keras
import numpy as np
import pytest
import transformers
from transformers.models.mobilebert import modeling_mobilebert

from keras_squeeze.transformers.models import outputs

NAMES = [
    "BaseModelOutputWithPooling",
    "MaskedLMOutput",
    "MobileBertForPreTrainingOutput",
    "MultipleChoiceModelOutput",
    "NextSentencePredictorOutput",
    "QuestionAnsweringModelOutput",
    "SequenceClassifierOutput",
    "TokenClassifierOutput",
]


def original(name):
    return getattr(
        modeling_mobilebert,
        name,
        getattr(transformers.modeling_outputs, name, None),
    )


@pytest.mark.parametrize("name", NAMES)
def test_fields(name):
    ours, theirs = getattr(outputs, name), original(name)
    assert [field.name for field in dataclasses.fields(ours)] == [
        field.name for field in dataclasses.fields(theirs)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_access(name):
    fields = [field.name for field in dataclasses.fields(original(name))]
    values = {
        field: np.full(2, i) for i, field in enumerate(fields) if i % 2 == 0
    }
    ours = getattr(outputs, name)(**values)
    theirs = original(name)(**values)
    assert list(ours) == list(theirs) == list(values)
    assert len(ours) == len(theirs)
    for i, field in enumerate(fields):
        assert getattr(ours, field) is getattr(theirs, field)
        if i % 2 == 0:
            assert ours[field] is values[field] is ours[i // 2]
        else:
            assert field not in ours and getattr(ours, field) is None
            for output in (ours, theirs):
                with pytest.raises(KeyError):
                    output[field]
    assert ours.to_tuple() == theirs.to_tuple() == tuple(values.values())
    assert ours[:2] == theirs[:2] and ours[-1] is theirs[-1]
    for output in (ours, theirs):
        with pytest.raises(IndexError):
            output[5]


def test_setting_fields():
    output = outputs.SequenceClassifierOutput(logits=1)
    output.logits = 2
    assert output["logits"] == output[0] == 2
    output["loss"] = 3
    assert output.loss == 3


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("pop", ("logits",)),
        ("update", ({},)),
        ("setdefault", ("loss", 1)),
        ("__delitem__", ("logits",)),
    ],
)
def test_fields_are_fixed(method, arguments):
    output = outputs.SequenceClassifierOutput(logits=1)
    with pytest.raises(TypeError, match=method):
        getattr(output, method)(*arguments)


def test_copies():
    output = outputs.SequenceClassifierOutput(
        logits=np.ones(2), attentions=(np.ones(1),)
    )
    for other in (
        copy.copy(output),
        copy.deepcopy(output),
        pickle.loads(pickle.dumps(output)),
    ):
        assert type(other) is outputs.SequenceClassifierOutput
        assert list(other) == ["logits", "attentions"]
        np.testing.assert_array_equal(other.logits, np.ones(2))
        assert other.loss is None


def test_keras_looks_into_them():
    output = outputs.QuestionAnsweringModelOutput(
        start_logits=1, end_logits=2, hidden_states=(3, 4)
    )
    assert keras.tree.flatten(output) == [1, 2, 3, 4]
    doubled = keras.tree.map_structure(lambda x: 2 * x, output)
    assert type(doubled) is outputs.QuestionAnsweringModelOutput
    assert doubled.hidden_states == (6, 8)
    assert list(doubled) == ["start_logits", "end_logits", "hidden_states"]


def test_tensorflow_name():
    tf_output = outputs.TFMobileBertForPreTrainingOutput(prediction_logits=1)
    assert isinstance(tf_output, outputs.MobileBertForPreTrainingOutput)
    assert tf_output[0] == 1
