"""Tests freezing parts of the models as scripts for transformers do."""

import keras
import numpy as np
import pytest

from tests.backends import only_on
from tests.checkpoint_folders import MobileBert
from tests.task_checks import RUN_EAGERLY
from tests.transformers.faces import each_class
from tests.transformers.faces import each_model
from tests.transformers.faces import face
from tests.transformers.faces import inputs
from tests.transformers.faces import labels
from tests.transformers.faces import saved_original
from tests.transformers.faces import to_numpy
from tests.transformers.faces import transformers_class

TEXT = "ForSequenceClassification"
on_torch = only_on("torch", reason="only PyTorch freezes weights in this way")


def body(model):
    return getattr(model, model.base_model_prefix)


def first_layers(model):
    encoder = body(model).encoder
    if model.config.model_type == "mobilebert":
        return encoder.layer[:1]
    return encoder.layers[:1]


# The parts that scripts freeze, in our models and in transformers.
PARTS = {
    "body": lambda model: [body(model)],
    "base_model": lambda model: [model.base_model],
    "embeddings": lambda model: [model.base_model.embeddings],
    "first layers": first_layers,
    "last part": lambda model: [
        first_layers(model)[0].output,
        body(model).pooler.dense,
    ],
    "head": lambda model: [model.classifier],
    "encoder and head": lambda model: (
        [model.base_model.encoder] + [model.classifier]
    ),
}
each_part = pytest.mark.parametrize("part", PARTS)


def originals(model, task=TEXT):
    """A transformers model and ours, with weights that can be frozen."""
    _, folder = saved_original(model, task)
    theirs = transformers_class(model, task).from_pretrained(folder)
    return theirs, face(model, task).from_pretrained(folder)


def trained_in_torch(model):
    return {
        name
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }


def trained(model):
    return {
        name
        for name, variable in model._saved_variables().items()
        if variable.trainable
    }


def check_training(ours):
    """Check that a step only changes the weights that are not frozen."""
    before = ours._state_dict()
    ours.compile(keras.optimizers.SGD(0.1), run_eagerly=RUN_EAGERLY)
    ours.fit(inputs(TEXT), labels(TEXT)["labels"], verbose=0)
    changed = {
        name
        for name, value in ours._state_dict().items()
        if not np.array_equal(value, before[name])
    }
    assert changed and changed <= trained(ours)


@each_model
@each_part
def test_trainable(model, part):
    theirs, ours = originals(model)
    for frozen in PARTS[part](theirs):
        frozen.requires_grad_(False)
    for frozen in PARTS[part](ours):
        frozen.trainable = False
        assert not frozen.trainable and not frozen.trainable_weights
    assert trained(ours) == trained_in_torch(theirs)
    count = theirs.num_parameters(only_trainable=True)
    assert ours.num_parameters(only_trainable=True) == count
    if part == "body":
        check_training(ours)
    for frozen in PARTS[part](ours):
        frozen.trainable = True
    assert ours.num_parameters(only_trainable=True) == theirs.num_parameters()


@on_torch
@each_model
@each_part
@pytest.mark.filterwarnings("error:Gradients do not exist")
def test_requires_grad(model, part):
    theirs, ours = originals(model)
    for which in (theirs, ours):
        for frozen in PARTS[part](which):
            for parameter in frozen.parameters():
                parameter.requires_grad = False
    expected = trained_in_torch(theirs)
    assert trained_in_torch(ours) == expected
    count = theirs.num_parameters(only_trainable=True)
    assert ours.num_parameters(only_trainable=True) == count
    if part == "body":
        check_training(ours)
        assert trained(ours) == expected
    for frozen in PARTS[part](ours):
        frozen.requires_grad_(True)
    assert trained_in_torch(ours) == trained_in_torch(theirs.requires_grad_())


@on_torch
@each_model
def test_names_of_parameters(model):
    theirs, ours = originals(model)
    for which in (theirs, ours):
        for key, parameter in which.named_parameters():
            parameter.requires_grad = "classifier" in key
    assert trained_in_torch(ours) == trained_in_torch(theirs)
    check_training(ours)
    sizes, expected = (
        {k: p.numel() for k, p in which.named_parameters()}
        for which in (ours, theirs)
    )
    assert sizes == expected
    sizes, expected = (
        {k: p.numel() for k, p in body(which).named_parameters()}
        for which in (ours, theirs)
    )
    assert sizes == expected
    prefixed = dict(ours.named_parameters(prefix="model"))
    assert (
        list(prefixed)[0] == f"model.{list(dict(ours.named_parameters()))[0]}"
    )


@on_torch
@each_model
def test_training_loop_of_torch(model):
    import torch

    theirs, ours = originals(model)
    arrays = {**inputs(TEXT), **labels(TEXT)}
    losses = []
    for which in (theirs, ours):
        which.base_model.requires_grad_(False)
        tensors = {k: torch.from_numpy(v) for k, v in arrays.items()}
        parameters = [p for p in which.parameters() if p.requires_grad]
        assert len(parameters) == 2
        optimizer = torch.optim.SGD(parameters, lr=0.5)
        for _ in range(3):
            loss = which(**tensors).loss
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
    assert losses[3:] == pytest.approx(losses[:3], rel=1e-5)
    assert losses[2] < losses[0]


@on_torch
@each_model
def test_parameters_of_tasks(model):
    """KerasHub tasks also have their parameters before `fit()`."""
    _, ours = originals(model)
    for part in (ours.task, ours.backbone):
        found = {id(parameter) for parameter in part.parameters()}
        assert found >= {id(variable.value) for variable in part.weights}


@each_class
def test_layers(model, task):
    """As in the TensorFlow classes of transformers."""
    theirs, folder = saved_original(model, task)
    ours = face(model, task, "TF").from_pretrained(folder)
    head = {
        "Model": [],
        "ForPreTraining": ["MaskedLMHead", "Dense"],
        "ForMaskedLM": ["MaskedLMHead"],
        "ForNextSentencePrediction": ["Dropout", "Dense"],
        "ForQuestionAnswering": ["Dense"],
    }.get(task, ["Dropout", "Dense"])
    first, *others = ours.layers
    assert [type(layer).__name__ for layer in others] == head
    assert first.name == theirs.base_model_prefix
    assert ours.get_layer(index=0) is ours.get_layer(first.name) is first
    if task == "Model":
        assert first is ours.backbone and ours.base_model is ours
    else:
        assert first is ours.base_model is body(ours)
        assert type(first) is face(model, "Model", "TF")
    weights = sum(layer.count_params() for layer in others)
    is_tied = "MaskedLMHead" in head
    tied = ours.get_input_embeddings().count_params() if is_tied else 0
    assert ours.count_params() == ours.backbone.count_params() + weights - tied
    first.trainable = False
    expected = {name for name, _ in theirs.named_parameters()}
    prefix = "" if task == "Model" else f"{theirs.base_model_prefix}."
    frozen = {name for name in expected if name.startswith(prefix)}
    assert trained(ours) == expected - frozen


@each_model
def test_calling_the_body(model):
    theirs, ours = originals(model)
    arrays = inputs(TEXT)
    found = body(ours)(**arrays).last_hidden_state
    expected = ours(**arrays, output_hidden_states=True).hidden_states[-1]
    np.testing.assert_array_equal(to_numpy(found), to_numpy(expected))


def test_what_is_not_there():
    _, ours = originals(MobileBert)
    layers = ours.mobilebert.encoder.layer
    assert len(layers) == ours.config.num_hidden_layers == len(list(layers))
    bias = to_numpy(layers[-1].output.dense.bias)
    name_ = "mobilebert.encoder.layer.1.output.dense.bias"
    np.testing.assert_array_equal(bias, ours._state_dict()[name_])
    with pytest.raises(IndexError):
        layers[2]
    with pytest.raises(AttributeError, match="no 'layers'. It has"):
        _ = ours.mobilebert.encoder.layers
