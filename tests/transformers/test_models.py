"""Tests the model classes against those of transformers."""

import collections
import inspect

import keras
import numpy as np
import pytest
import torch
import transformers

import keras_squeeze
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import assert_close
from tests.transformers.faces import TASKS
from tests.transformers.faces import assert_same
from tests.transformers.faces import each_class
from tests.transformers.faces import each_model
from tests.transformers.faces import face
from tests.transformers.faces import for_classes
from tests.transformers.faces import inputs
from tests.transformers.faces import labels
from tests.transformers.faces import pair
from tests.transformers.faces import run_original
from tests.transformers.faces import to_numpy
from tests.transformers.faces import transformers_class
from tests.transformers_versions import IS_TRANSFORMERS_4
from tests.transformers_versions import needs_transformers_4

inner_outputs = needs_transformers_4(
    "the hidden states and attention of each layer of MobileBERT"
)


@each_class
def test_everything_at_once(model, task):
    theirs, ours = pair(model, task)
    arguments = {**inputs(task), **labels(task)}
    # Later versions of MobileBERT return other ones.
    if IS_TRANSFORMERS_4 or model is SqueezeBert:
        arguments["output_hidden_states"] = True
        arguments["output_attentions"] = True
    expected = run_original(theirs, **arguments)
    found = ours(**arguments)
    assert type(found).__name__ == type(expected).__name__
    assert_same(found, expected, model)
    as_tuple = ours(**arguments, return_dict=False)
    assert type(as_tuple) is tuple
    assert len(as_tuple) == len(expected.to_tuple())
    if task == "Model":
        assert_close(to_numpy(as_tuple[1]), to_numpy(expected[1]))
    else:
        assert_close(to_numpy(as_tuple[0]), to_numpy(expected.loss))


@each_model
@pytest.mark.parametrize("task", ["Model", "ForMultipleChoice"])
def test_ids_alone(model, task):
    theirs, ours = pair(model, task)
    ids = inputs(task)["input_ids"]
    assert_same(ours(ids), run_original(theirs, input_ids=ids))


@each_model
@pytest.mark.parametrize("task", ["Model", "ForMultipleChoice"])
def test_other_inputs(model, task):
    theirs, ours = pair(model, task)
    arrays = inputs(task)
    shape = arrays["input_ids"].shape
    random = np.random.default_rng(0)
    size = theirs.config.embedding_size
    embeddings = random.normal(size=(*shape, size)).astype("float32")
    cases = [
        {"position_ids": random.integers(0, 512, shape)},
        {"inputs_embeds": embeddings, "input_ids": None},
    ]
    if IS_TRANSFORMERS_4 or model is MobileBert:
        # Later versions of SqueezeBERT treat them as booleans.
        cases += [
            {"attention_mask": random.random(shape).astype("float32")},
            {"attention_mask": np.zeros(shape, "int64")},
        ]
    if task == "Model":
        cases.append({"position_ids": random.integers(0, 512, (1, 7))})
    for case in cases:
        arguments = {**arrays, **case}
        assert_same(ours(**arguments), run_original(theirs, **arguments))
    # PyTorch cannot subtract from a boolean mask.
    mask = arrays["attention_mask"].astype("bool")
    found = ours(**{**arrays, "attention_mask": mask})
    assert_same(found, run_original(theirs, **arrays))


@needs_transformers_4("masks for each of the positions")
@each_model
def test_mask_for_each_query(model):
    theirs, ours = pair(model, "Model")
    arguments = inputs("Model")
    random = np.random.default_rng(0)
    arguments["attention_mask"] = random.integers(0, 2, (3, 7, 7))
    assert_same(ours(**arguments), run_original(theirs, **arguments))


@needs_transformers_4("`head_mask`")
@pytest.mark.parametrize("shape", [(2,), (2, 2)])
def test_head_mask(shape):
    theirs, ours = pair(MobileBert, "ForSequenceClassification")
    mask = np.random.default_rng(0).random(shape).astype("float32")
    arguments = {
        **inputs("ForSequenceClassification"),
        "head_mask": mask,
        "output_attentions": True,
    }
    expected = run_original(theirs, **arguments)
    assert_same(ours(**arguments), expected, MobileBert)


def test_head_mask_of_squeeze_bert():
    """transformers crashes on it."""
    _, ours = pair(SqueezeBert, "Model")
    mask = np.array([0.0, 1.0, 1.0, 1.0])
    output = ours(**inputs("Model"), head_mask=mask, output_attentions=True)
    for attention in output.attentions:
        attention = to_numpy(attention)
        assert not attention[:, 0].any()
        assert_close(attention[:, 1:].sum(-1), np.ones((3, 3, 7)))


def backend_tensors(arrays, dtype):
    return {
        key: keras.ops.convert_to_tensor(value.astype(dtype))
        for key, value in arrays.items()
    }


@each_model
def test_forms_of_a_call(model):
    _, ours = pair(model, "ForSequenceClassification")
    arrays = inputs("ForSequenceClassification")
    expected = to_numpy(ours(**arrays).logits)
    ids, mask, types = arrays.values()
    lists = {key: value.tolist() for key, value in arrays.items()}
    calls = [
        ours(ids, mask, types),
        ours.forward(ids, mask, token_type_ids=types),
        ours([ids, mask, types]),
        ours((ids, mask, types)),
        ours(arrays),
        ours(arrays, training=False),
        ours(inputs=arrays),
        ours({"input_ids": ids}, mask, types),
        ours(ids, attention_mask=mask, token_type_ids=types),
        ours(transformers.BatchEncoding(arrays)),
        ours(collections.UserDict(lists)),
        ours(list(lists.values())),
        ours(**lists),
        ours(**backend_tensors(arrays, "int32")),
        ours(**backend_tensors(arrays, "int64")),
        ours(transformers.BatchEncoding(arrays, tensor_type="pt")),
    ]
    for output in calls:
        assert_close(to_numpy(output.logits), expected)
    assert_close(to_numpy(ours(lists["input_ids"])[0]), to_numpy(ours(ids)[0]))


@for_classes(
    (MobileBert, "ForPreTraining"),
    (SqueezeBert, "Model"),
    (SqueezeBert, "ForMultipleChoice"),
)
def test_functional_model(model, task):
    _, ours = pair(model, task)
    arrays = inputs(task)
    symbolic = {
        key: keras.Input(value.shape[1:], dtype="int32", name=key)
        for key, value in arrays.items()
    }
    outputs = ours(symbolic, output_hidden_states=True)
    wrapped = keras.Model(symbolic, list(outputs.values())[0])
    expected = ours(arrays)[0]
    found = wrapped({k: v.astype("int32") for k, v in arrays.items()})
    assert_close(to_numpy(found), to_numpy(expected))


@needs_transformers_4("all of the arguments")
@each_class
def test_order_of_arguments(model, task):
    theirs = list(
        inspect.signature(transformers_class(model, task).forward).parameters
    )
    theirs = [key for key in theirs if key not in ("self", "kwargs")]
    assert list(face(model, task).argument_names()) == theirs
    tf_names = list(face(model, task, "TF").argument_names())
    inner = sorted(key for key in theirs if key.startswith("output_"))
    assert tf_names == [
        *theirs[:6],
        *inner,
        "return_dict",
        *labels(task),
        "training",
    ]


@for_classes(
    pytest.param(MobileBert, "ForPreTraining", marks=inner_outputs),
    (SqueezeBert, "Model"),
    (SqueezeBert, "ForQuestionAnswering"),
)
def test_tensorflow_spelling(model, task):
    theirs, ours = pair(model, task)
    tf_model = face(model, task, "TF").from_task(ours.task or ours.backbone)
    arrays, all_labels = inputs(task), labels(task)
    output = tf_model(
        *arrays.values(),
        None,
        None,
        None,
        True,
        True,
        None,
        *all_labels.values(),
    )
    expected = run_original(
        theirs,
        **arrays,
        **all_labels,
        output_attentions=True,
        output_hidden_states=True,
    )
    assert_same(output, expected, model)
    assert isinstance(tf_model, face(model, task))
    if task == "ForPreTraining":
        assert type(output) is keras_squeeze.TFMobileBertForPreTrainingOutput


def test_next_sentence_label():
    theirs, ours = pair(MobileBert, "ForNextSentencePrediction")
    arrays = inputs("ForNextSentencePrediction")
    expected = run_original(theirs, **arrays, labels=np.array([0, 1, -100]))
    found = ours(**arrays, next_sentence_label=[0, 1, -100])
    assert_same(found, expected)


@pytest.mark.parametrize(
    ("config", "targets"),
    [
        ({"num_labels": 1}, np.array([0.3, -2.0, 1.0], "float32")),
        ({"num_labels": 1}, np.array([[0.3], [-2.0], [1.0]], "float32")),
        ({"num_labels": 3}, np.array([0, 2, -100])),
        ({"num_labels": 3}, np.array([[0], [2], [1]])),
        (
            {"num_labels": 3},
            np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0]], "float32"),
        ),
        (
            {"num_labels": 3, "problem_type": "regression"},
            np.array([[0.3, 1, 1], [-2, 0, 0], [1, 0, 0]], "float32"),
        ),
        (
            {"num_labels": 1, "problem_type": "multi_label_classification"},
            np.array([[1], [0], [1]], "float32"),
        ),
        (
            {"num_labels": 3, "problem_type": "single_label_classification"},
            np.array([0, 2, 1]),
        ),
    ],
)
def test_problem_types(config, targets):
    task = "ForSequenceClassification"
    theirs, ours = pair(MobileBert, task, **config)
    arrays = inputs(task)
    # transformers keeps the type from the first labels on.
    theirs.config.problem_type = config.get("problem_type")
    expected = run_original(theirs, **arrays, labels=targets)
    assert_same(ours(**arrays, labels=targets), expected)
    assert ours.config.problem_type == config.get("problem_type")


@pytest.mark.parametrize("task", TASKS["MobileBert"][1:])
def test_no_label_counts(task, model=MobileBert):
    """transformers returns NaN."""
    _, ours = pair(model, task)
    ignored = {
        key: np.full_like(value, 100 if "positions" in key else -100)
        for key, value in labels(task).items()
    }
    assert float(to_numpy(ours(**inputs(task), **ignored).loss)) == 0.0


@pytest.mark.parametrize(
    ("task", "given"),
    [
        ("ForPreTraining", "labels"),
        ("ForQuestionAnswering", "start_positions"),
    ],
)
def test_loss_needs_all_labels(task, given):
    theirs, ours = pair(MobileBert, task)
    arguments = {**inputs(task), given: labels(task)[given]}
    expected = run_original(theirs, **arguments)
    assert expected.loss is None
    assert_same(ours(**arguments), expected)


@each_model
def test_options_of_the_configuration(model):
    config = model.config(output_attentions=True, output_hidden_states=True)
    cls = face(model, "Model")
    ours = cls(cls.config_class.from_dict(config.to_dict()))
    output = ours(inputs("Model"))
    assert len(output.hidden_states) == 3 and len(output.attentions) == 2
    output = ours(inputs("Model"), output_attentions=False)
    assert output.attentions is None
    ours.config.return_dict = False
    assert type(ours(inputs("Model"))) is tuple


@needs_transformers_4("tuples with a place for the pooled output")
def test_no_pooling_layer():
    cls = keras_squeeze.MobileBertModel
    config = MobileBert.config()
    theirs = transformers.MobileBertModel(config, add_pooling_layer=False)
    ours = cls(cls.config_class.from_dict(config.to_dict()), False)
    ids = inputs("Model")["input_ids"]
    assert ours(ids).pooler_output is None
    found = ours(ids, return_dict=False, output_hidden_states=True)
    expected = theirs(
        torch.from_numpy(ids), return_dict=False, output_hidden_states=True
    )
    assert found[1] is expected[1] is None
    assert len(found) == len(expected) == 3


@each_class
def test_wraps_what_keras_face_computes(model, task):
    _, ours = pair(model, task)
    shared = face(model, task).from_task(ours.task or ours.backbone)
    assert shared.backbone is ours.backbone and shared.task is ours.task
    assert len(shared.weights) == len((ours.task or ours.backbone).weights)
    for field in ("hidden_size", "vocab_size", "num_labels", "hidden_act"):
        assert getattr(shared.config, field) == getattr(ours.config, field)
    ids = inputs(task)["input_ids"]
    assert_close(to_numpy(shared(ids)[0]), to_numpy(ours(ids)[0]))


def test_dummy_inputs():
    for model, task in (MobileBert, "Model"), (MobileBert, "ForMultipleChoice"):
        _, ours = pair(model, task)
        assert ours.main_input_name in ours.dummy_inputs
        assert len(ours(ours.dummy_inputs)) > 0
        signature = ours.input_signature
        assert list(signature) == list(ours.dummy_inputs)
        for key, value in ours.dummy_inputs.items():
            assert signature[key].dtype.name == value.dtype.name
            assert signature[key].shape.as_list() == [None] * value.ndim


@each_model
def test_errors(model):
    theirs, ours = pair(model, "ForTokenClassification")
    ids = inputs("ForTokenClassification")["input_ids"]
    embeddings = np.zeros((3, 7, theirs.config.embedding_size), "float32")
    with pytest.raises(ValueError, match="`inputs_embeds`"):
        ours(ids, inputs_embeds=embeddings)
    with pytest.raises(ValueError, match="`input_ids`"):
        ours(attention_mask=ids)
    with pytest.raises(ValueError, match="`input_ids` must have the shape"):
        ours(ids[0])
    with pytest.raises(TypeError, match="nonsense"):
        ours(ids, nonsense=1)
    with pytest.raises(TypeError, match="twice"):
        ours(ids, ids, attention_mask=ids)
    with pytest.raises(TypeError, match="positional"):
        ours(*[None] * 12)
    with pytest.raises(IndexError, match="`input_ids`"):
        ours(ids + 60)
    with pytest.raises(IndexError, match="`labels`"):
        ours(ids, labels=ids)
    with pytest.raises(ValueError, match="`attention_mask`"):
        ours(ids, np.ones((3, 1, 7, 7)))
    with pytest.raises(ValueError, match="`head_mask`"):
        ours(ids, head_mask=np.ones(5))
    with pytest.warns(UserWarning, match="nonsense"):
        ours({"input_ids": ids, "nonsense": ids})
    with pytest.raises(NotImplementedError, match="pass `head_mask`"):
        ours.prune_heads({0: [1]})
    with pytest.raises(ValueError, match="`config`"):
        type(ours)("a name")
    with pytest.raises(ValueError, match="`task`"):
        type(ours)(ours.config, task=ours.backbone)
    with pytest.raises(ValueError, match="`num_labels`"):
        face(model, "ForQuestionAnswering")(type(ours.config)(num_labels=3))
