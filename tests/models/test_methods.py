"""Tests that every public method works, or raises a helpful error.

Most methods have other tests. Here each one is called once, including
inherited ones.
"""

import gc
import re
import types

import huggingface_hub
import jax
import keras
import keras_hub
import numpy as np
import pytest
import tensorflow as tf
from jax.experimental import jax2tf

import keras_squeeze
from keras_squeeze import models
from tests.backends import only_on
from tests.checkpoint_folders import VOCABULARY
from tests.hub import local_hub as local_hub
from tests.task_checks import RUN_EAGERLY
from tests.task_checks import to_numpy
from tests.tiny import tiny_backbone

TEXTS = ["a b.", "c d"]
LABELS = [0, 1]
# The inputs of the tasks, and their labels.
RAW = {
    "TextClassifier": (TEXTS, LABELS),
    "TokenClassifier": ([["a", "b"], ["c"]], [[0, 1], [0]]),
    "QuestionAnswering": (
        {"question": ["a?"], "context": ["b c"]},
        {"answer_start": [0], "answer_text": ["b"]},
    ),
    "MultipleChoice": ({"prompt": ["a"], "choices": [["b", "c"]]}, [1]),
    "MaskedLM": (["a [MASK]"], None),
    "NextSentencePredictor": ((["a"], ["b"]), [0]),
    "Pretraining": ((["a [MASK]"], ["b"]), None),
    "TextEmbedder": (TEXTS, None),
}
IDS = {
    "token_ids": np.array([[2, 5, 6, 3], [2, 7, 3, 0]], "int32"),
    "segment_ids": np.zeros((2, 4), "int32"),
    "padding_mask": np.array([[1, 1, 1, 1], [1, 1, 1, 0]], "int32"),
}
FACE_IDS = {
    "input_ids": IDS["token_ids"],
    "attention_mask": IDS["padding_mask"],
    "token_type_ids": IDS["segment_ids"],
}
# Methods that are called by Keras, KerasHub or this package in the methods of
# the tables below, and methods that override one of another class.
CALLED_BY_OTHERS = {
    *("add_loss", "add_metric", "add_variable", "add_weight", "backbone_cls"),
    *("all_class_ids", "check_head_is_free"),
    *("batches", "build", "build_from_config", "call", "check_annotatable"),
    *("check_inputs", "check_labels", "check_texts", "checked_arrays"),
    *("checked_class_weight", "chooses_one_class", "combine_outputs"),
    *("prepare", "take_state_back"),
    *("compile_from_config", "compiled_loss", "compute_loss", "loss"),
    "compute_loss_and_updates",
    *("compute_mask", "compute_metrics", "compute_output_shape"),
    *("compute_output_spec", "config_class", "export_outputs", "for_caller"),
    *("get_metrics_result", "get_quantization_layer_structure"),
    *("head_kwargs", "jax_state_sync", "load_assets", "load_own_variables"),
    *("load_preset_assets", "make_predict_function", "make_test_function"),
    "read_labels",
    *("make_train_function", "mask_logits", "output_class", "own_loss"),
    *("predict_step", "preprocessor_cls", "quantized_build"),
    *("quantized_call", "rematerialized_call", "save_own_variables"),
    *("serving_inputs", "set_vocabulary", "stateless_call"),
    *("stateless_compute_loss", "symbolic_call", "task_cls", "test_step"),
    *("tokenizer_cls", "train_step", "probabilities", "predict_windows"),
    *("sample_weights", "stateless_evaluate", "masked_samples"),
    # Methods of PyTorch modules, which Keras layers subclass on PyTorch.
    *("forward", "named_parameters", "parameters", "to", "train", "eval"),
}


def make_backbone(model="MobileBert", name="backbone"):
    norm = {}
    if model == "MobileBert":
        norm = {"normalization_type": "layer_norm"}
    return tiny_backbone(
        getattr(models, f"{model}Backbone"),
        VOCABULARY,
        max_sequence_length=16,
        initializer_range=0.2,
        name=name,
        **norm,
    )


def make_task(name, model="MobileBert", **kwargs):
    tokenizer = getattr(models, f"{model}Tokenizer")(VOCABULARY)
    preprocessor = getattr(models, f"{model}{name}Preprocessor")(
        tokenizer, sequence_length=12
    )
    if name in ("TextClassifier", "TokenClassifier"):
        kwargs = {"num_classes": 2, **kwargs}
    backbone = make_backbone(model)
    return getattr(models, f"{model}{name}")(
        backbone, preprocessor=preprocessor, **kwargs
    )


def public_methods(thing):
    """The names of public methods that are not from PyTorch or TensorFlow.

    Keras models and layers subclass their classes.
    """
    names = set()
    for cls in type(thing).__mro__:
        if cls.__module__.partition(".")[0] in ("keras", "keras_hub") or (
            cls.__module__.startswith("keras_squeeze")
        ):
            names.update(vars(cls))
    return {
        name
        for name in names
        if not name.startswith("_") and callable(getattr(type(thing), name))
    }


def check_table(thing, table):
    """Check that the tables have exactly the existing methods."""
    missing = public_methods(thing) - set(table) - CALLED_BY_OTHERS
    assert not missing
    gone = set(table) - public_methods(thing)
    # Some methods only exist on one backend.
    assert not gone - {"jax_state_sync"}


def same(a, b):
    keras.tree.map_structure(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5),
        to_numpy(a),
        to_numpy(b),
    )


# The methods of all Keras models, called in this order.
MODEL_METHODS = {
    "count_params": lambda m, x, y, path: m.count_params() > 0,
    "summary": lambda m, x, y, path: m.summary(print_fn=lambda *a, **k: 0),
    "get_layer": lambda m, x, y, path: m.get_layer(m.layers[-1].name),
    "get_config": lambda m, x, y, path: m.get_config(),
    "from_config": lambda m, x, y, path: type(m).from_config(m.get_config()),
    "get_build_config": lambda m, x, y, path: m.get_build_config(),
    "to_json": lambda m, x, y, path: m.to_json(),
    "get_weights": lambda m, x, y, path: m.get_weights(),
    "set_weights": lambda m, x, y, path: m.set_weights(m.get_weights()),
    "compile": lambda m, x, y, path: m.compile(
        "sgd",
        loss=getattr(m, "default_loss", lambda: None)(),
        run_eagerly=RUN_EAGERLY,
    ),
    "get_state_tree": lambda m, x, y, path: m.get_state_tree(),
    "set_state_tree": lambda m, x, y, path: m.set_state_tree(
        m.get_state_tree()
    ),
    "get_compile_config": lambda m, x, y, path: m.get_compile_config(),
    "fit": lambda m, x, y, path: m.fit(x, y, verbose=0),
    "evaluate": lambda m, x, y, path: m.evaluate(x, y, verbose=0),
    "train_on_batch": lambda m, x, y, path: m.train_on_batch(x, y),
    "test_on_batch": lambda m, x, y, path: m.test_on_batch(x, y),
    "reset_metrics": lambda m, x, y, path: m.reset_metrics(),
    "predict": lambda m, x, y, path: m.predict(x, verbose=0),
    "predict_on_batch": lambda m, x, y, path: same(
        m.predict_on_batch(x), m.predict(x, verbose=0)
    ),
    "save": lambda m, x, y, path: m.save(path / "model.keras"),
    "save_weights": lambda m, x, y, path: m.save_weights(
        path / "model.weights.h5"
    ),
    "load_weights": lambda m, x, y, path: m.load_weights(
        path / "model.weights.h5"
    ),
}


def check_saved_model(model, x, path):
    """Check that `export()` works, or raises the expected error."""
    if keras.backend.backend() == "torch":
        with pytest.raises(ValueError, match="set KERAS_BACKEND"):
            model.export(path / "saved_model", format="tf_saved_model")
        return
    try:
        model.export(
            path / "saved_model", format="tf_saved_model", verbose=False
        )
    except ValueError as e:
        # There must be nothing that TensorFlow cannot read, as with JAX 0.12
        # and TensorFlow 2.21.
        assert keras.backend.backend() == "jax"
        assert re.search("TensorFlow .* cannot read it", str(e))
        assert tuple(map(int, jax.__version__.split(".")[:2])) > (0, 10)
        assert not (path / "saved_model").exists()
        return
    # Keep a reference, because it owns the variables.
    loaded = tf.saved_model.load(str(path / "saved_model"))
    longer = {name: np.tile(array, 3) for name, array in x.items()}
    for inputs in (x, longer):
        served = loaded.serve(inputs)
        same(
            keras.tree.map_structure(lambda t: t.numpy(), served),
            model(inputs, training=False),
        )


def call_all(thing, table, *args):
    for name, call in table.items():
        if name not in CALLED_BY_OTHERS:
            assert call(thing, *args) is not False, name


# Those of objects without weights.
PREPROCESSING_METHODS = {
    "quantize": lambda m, path: pytest.raises(
        (ValueError, NotImplementedError), m.quantize, "int8"
    ),
    "get_config": lambda m, path: m.get_config(),
    "from_config": lambda m, path: type(m).from_config(m.get_config()),
    "get_build_config": lambda m, path: m.get_build_config() is None,
    "count_params": lambda m, path: m.build(None) or m.count_params() == 0,
    "get_weights": lambda m, path: m.get_weights() == [],
    "set_weights": lambda m, path: m.set_weights([]),
    "save_to_preset": lambda m, path: m.save_to_preset(path / "preset"),
    "from_preset": lambda m, path: type(m).from_preset(
        "mobile_bert_tiny_en_uncased"
    ),
    "export_to_transformers": lambda m, path: m.export_to_transformers(
        path / "checkpoint"
    ),
}


def reload_preset(m, path):
    m.save_to_preset(path / "preset")
    return type(m).from_preset(str(path / "preset"))


# Those of tasks and backbones.
SAVING_METHODS = {
    "save_to_preset": lambda m, x, y, path: reload_preset(m, path),
    "from_preset": lambda m, x, y, path: type(m).from_preset(
        str(path / "preset")
    ),
    "export_to_transformers": lambda m, x, y, path: m.export_to_transformers(
        path / "checkpoint"
    ),
    "export": lambda m, x, y, path: check_saved_model(m, IDS, path),
}


def test_task(tmp_path):
    task = make_task("TextClassifier", class_names=["ham", "spam"])
    x = IDS
    table = {
        **MODEL_METHODS,
        "annotate": lambda m, x, y, path: len(m.annotate(x)) == 2,
        "fit_head": lambda m, x, y, path: m.fit_head(x, y),
        "calibrate": lambda m, x, y, path: m.calibrate(x, y)["samples"] == 2,
        "default_loss": lambda m, x, y, path: m.default_loss() is not None,
        "default_metrics": lambda m, x, y, path: m.default_metrics(),
        "names_of_classes": lambda m, x, y, path: (
            m.names_of_classes() == ["ham", "spam"]
        ),
        "num_samples": lambda m, x, y, path: m.num_samples(x) == 2,
        "preprocess_samples": lambda m, x, y, path: m.preprocess_samples(x, y),
        "apply_head": lambda m, x, y, path: same(
            m.apply_head(m.backbone(IDS)), m(IDS)
        ),
        "serving_graph": lambda m, x, y, path: same(
            m.serving_graph()(IDS), m(IDS)
        ),
        "has_task_weights": lambda m, x, y, path: m.has_task_weights(),
        "save_task_weights": lambda m, x, y, path: m.save_task_weights(
            path / "task.weights.h5"
        ),
        "load_task_weights": lambda m, x, y, path: m.load_task_weights(
            path / "task.weights.h5"
        ),
        **SAVING_METHODS,
        "quantize": lambda m, x, y, path: m.quantize("int8"),
    }
    check_table(task, table)
    same(task(x), task.serving_graph()(x))
    call_all(task, table, TEXTS, LABELS, tmp_path)


def test_backbone(tmp_path):
    backbone = make_backbone()
    table = {
        **MODEL_METHODS,
        "compile": lambda m, x, y, path: m.compile(
            "sgd", loss="mse", run_eagerly=RUN_EAGERLY
        ),
        "encode": lambda m, x, y, path: same(
            m.encode(**x)["pooled_output"], m(x)["pooled_output"]
        ),
        "hidden_states_view": lambda m, x, y, path: m.hidden_states_view(),
        "get_layout_map": lambda m, x, y, path: m.get_layout_map(
            keras.distribution.DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"])
        ),
        **SAVING_METHODS,
        "resize_vocabulary": lambda m, x, y, path: m.resize_vocabulary(60),
        "default_lora_layer_names": lambda m, x, y, path: (
            m.default_lora_layer_names()
        ),
        "enable_lora": lambda m, x, y, path: m.enable_lora(2),
        "save_lora_weights": lambda m, x, y, path: m.save_lora_weights(
            str(path / "weights.lora.h5")
        ),
        "load_lora_weights": lambda m, x, y, path: m.load_lora_weights(
            str(path / "weights.lora.h5")
        ),
    }
    check_table(backbone, {**table, "quantize": None})
    y = {
        "sequence_output": np.zeros((2, 4, 16), "float32"),
        "pooled_output": np.zeros((2, 16), "float32"),
    }
    call_all(backbone, table, IDS, y, tmp_path)
    quantized = make_backbone()
    quantized.quantize("int8")
    quantized(IDS)


def test_tokenizer(tmp_path):
    tokenizer = models.MobileBertTokenizer(VOCABULARY)
    table = {
        **PREPROCESSING_METHODS,
        "tokenize": lambda m, path: len(m.tokenize(TEXTS)) == 2,
        "detokenize": lambda m, path: m.detokenize(m(TEXTS)),
        "tokenize_rows": lambda m, path: m.tokenize_rows(TEXTS),
        "tokenize_rows_with_spans": lambda m, path: m.tokenize_rows_with_spans(
            TEXTS, np.array([0, 0]), np.array([1] * 2)
        ),
        "encoder_arguments": lambda m, path: m.encoder_arguments(),
        "get_vocabulary": lambda m, path: m.get_vocabulary() == VOCABULARY,
        "vocabulary_size": lambda m, path: (
            m.vocabulary_size() == len(VOCABULARY)
        ),
        "token_to_id": lambda m, path: m.token_to_id("a") == 5,
        "id_to_token": lambda m, path: m.id_to_token(5) == "a",
        "save_assets": lambda m, path: m.save_assets(str(path)),
    }
    check_table(tokenizer, table)
    call_all(tokenizer, table, tmp_path)


def test_preprocessor(tmp_path):
    preprocessor = make_task("TextClassifier").preprocessor
    table = {
        **PREPROCESSING_METHODS,
        "tokenize": lambda m, path: m.tokenize(TEXTS),
        "pack": lambda m, path: m.pack(m.tokenize(TEXTS)[0]),
        "pack_texts": lambda m, path: m.pack_texts(TEXTS),
    }
    check_table(preprocessor, table)
    call_all(preprocessor, table, tmp_path)


def test_face(tmp_path, monkeypatch):
    uploads = []
    monkeypatch.setattr(
        huggingface_hub,
        "create_repo",
        lambda repo_id, **kwargs: types.SimpleNamespace(repo_id=repo_id),
    )
    monkeypatch.setattr(
        huggingface_hub,
        "upload_folder",
        lambda repo_id, **kwargs: uploads.append(repo_id),
    )
    face = keras_squeeze.MobileBertForMaskedLM.from_task(make_task("MaskedLM"))
    table = {
        **MODEL_METHODS,
        "from_task": lambda m, x, y, path: type(m).from_task(m.task),
        "architecture": lambda m, x, y, path: m.architecture(),
        "body_class": lambda m, x, y, path: m.body_class(),
        "part": lambda m, x, y, path: m.part("mobilebert"),
        "argument_names": lambda m, x, y, path: m.argument_names(),
        "input_names": lambda m, x, y, path: m.input_names(),
        "label_names": lambda m, x, y, path: m.label_names(),
        "num_parameters": lambda m, x, y, path: m.num_parameters() > 0,
        "get_input_embeddings": lambda m, x, y, path: m.get_input_embeddings(),
        "set_input_embeddings": lambda m, x, y, path: m.set_input_embeddings(
            m.get_input_embeddings()
        ),
        "get_output_embeddings": lambda m, x, y, path: (
            m.get_output_embeddings()
        ),
        "set_output_embeddings": lambda m, x, y, path: m.set_output_embeddings(
            m.get_output_embeddings()
        ),
        "get_lm_head": lambda m, x, y, path: m.get_lm_head(),
        "get_bias": lambda m, x, y, path: m.get_bias(),
        "set_bias": lambda m, x, y, path: m.set_bias(m.get_bias()),
        "prune_heads": lambda m, x, y, path: pytest.raises(
            NotImplementedError, m.prune_heads, {0: [0]}
        ),
        "compile": lambda m, x, y, path: m.compile(
            "sgd", run_eagerly=RUN_EAGERLY
        ),
        "prepare_tf_dataset": lambda m, x, y, path: None,
        "save_pretrained": lambda m, x, y, path: m.save_pretrained(path / "a"),
        "from_pretrained": lambda m, x, y, path: type(m).from_pretrained(
            path / "a"
        ),
        "push_to_hub": lambda m, x, y, path: (
            m.push_to_hub("org/name") or uploads == ["org/name"]
        ),
        "export": lambda m, x, y, path: check_saved_model(
            m.backbone, IDS, path
        ),
        "quantize": lambda m, x, y, path: m.quantize("int8"),
        "resize_token_embeddings": lambda m, x, y, path: None,
    }
    check_table(face, table)
    call_all(face, table, FACE_IDS, IDS["token_ids"], tmp_path)


OWN_METHODS = {
    "TokenClassifier": {
        "predict_labels": lambda m, x: len(m.predict_labels(x)) == 2,
        "word_outputs": lambda m, x: len(m.word_outputs(x)) == 2,
        "windows": lambda m, x: m.windows(x),
    },
    "QuestionAnswering": {"windows": lambda m, x: m.windows(x)},
    "MultipleChoice": {},
    "MaskedLM": {
        "filled_batches": lambda m, x: list(m.filled_batches(x, None, 2)),
    },
    "NextSentencePredictor": {},
    "Pretraining": {
        "filled_batches": lambda m, x: list(m.filled_batches(x, None, 2)),
    },
    "TextEmbedder": {
        "encode_text": lambda m, x: m.encode_text(x).shape == (2, 16),
        "search": lambda m, x: m.search("a", x, top_k=1)[0]["index"] in (0, 1),
        "similarity": lambda m, x: same(m.similarity(x, x), np.ones(2)),
    },
}


@pytest.mark.parametrize("name", list(OWN_METHODS))
def test_methods_of_single_tasks(name):
    task = make_task(name)
    x, _ = RAW[name]
    known = public_methods(make_task("TextClassifier")) | CALLED_BY_OTHERS
    own = OWN_METHODS[name]
    assert public_methods(task) - known == set(own)
    call_all(task, own, x)
    if name != "TextEmbedder":
        assert task.annotate(x)


@pytest.mark.parametrize(
    "model, name, mode",
    [
        ("MobileBert", "TextClassifier", "int8"),
        ("SqueezeBert", "MaskedLM", "int4"),
    ],
)
def test_quantized_task(model, name, mode, tmp_path, recwarn):
    task = make_task(name, model)
    x, _ = RAW[name]
    before = task.predict(x, verbose=0)
    task.quantize(mode)
    quiet = [str(w.message) for w in recwarn if "quantize" in str(w.message)]
    assert all("GroupedDense" in message for message in quiet)
    found = task.predict(x, verbose=0)
    assert not np.array_equal(found, before)
    assert np.abs(found - before).mean() < np.abs(before).mean() / 2
    assert len(task.annotate(x)) == len(x)
    task.save_to_preset(tmp_path / "preset")
    task.save(tmp_path / "task.keras")
    for loaded in (
        type(task).from_preset(str(tmp_path / "preset")),
        keras.saving.load_model(tmp_path / "task.keras"),
    ):
        same(loaded.predict(x, verbose=0), found)
        kept = loaded.get_config()["quantized_layers"]
        assert kept.keys() == task.get_config()["quantized_layers"].keys()
        modes = [
            (layer.path, layer.quantization_mode)
            for layer in loaded._flatten_layers()
        ]
        assert [m for _, m in modes].count(mode) == [
            layer.quantization_mode for layer in task._flatten_layers()
        ].count(mode)


@pytest.mark.parametrize("make", [make_backbone, make_task])
def test_quantizing_collects_garbage_among_few_objects(make, monkeypatch):
    model = make(*["TextClassifier"] * (make is make_task))
    calls = []
    monkeypatch.setattr(gc, "get_freeze_count", lambda: 0)
    for name in ("collect", "freeze", "unfreeze"):
        monkeypatch.setattr(gc, name, lambda *_, name=name: calls.append(name))
    model.quantize("int8")
    assert calls[0] == "freeze" and calls[-1] == "unfreeze"
    assert set(calls[1:-1]) == {"collect"}


def test_upload_preset(local_hub, tmp_path):
    task = make_task("TextClassifier")
    task.save_to_preset(tmp_path / "preset")
    keras_hub.upload_preset("hf://org/mine", str(tmp_path / "preset"))
    loaded = type(task).from_preset("hf://org/mine")
    same(
        loaded.predict(TEXTS, verbose=0),
        task.predict(TEXTS, verbose=0),
    )
    card = (local_hub.root / "org" / "mine" / "README.md").read_text()
    assert "MobileBert" in card


def test_functional_model_over_a_face():
    face = keras_squeeze.MobileBertModel(
        keras_squeeze.MobileBertConfig(
            vocab_size=40,
            hidden_size=8,
            intra_bottleneck_size=8,
            embedding_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
            # On PyTorch, Keras tries its own lengths.
            max_position_embeddings=128,
        )
    )
    ids = keras.Input((None,), dtype="int32")
    model = keras.Model(ids, face(ids).last_hidden_state)
    assert model.output.shape[-1] == 8
    same(
        model(IDS["token_ids"]),
        face(IDS["token_ids"]).last_hidden_state,
    )


# === What the embeddings have no place for ===


@pytest.mark.parametrize("name", list(RAW))
def test_sequence_length_beyond_the_positions(name):
    task = make_task(name)
    task.preprocessor.sequence_length = 17
    message = "longer than the 16 positions.*preprocessor.sequence_length=17"
    x, y = RAW[name]
    calls = [lambda: task.predict(x), lambda: task.evaluate(x, y)]
    if name == "TextEmbedder":
        calls.append(lambda: task.encode_text(x))
    else:
        calls += [lambda: task.fit(x, y), lambda: task.annotate(x)]
    for call in calls:
        with pytest.raises(ValueError, match=message):
            call()


def test_preprocessed_inputs_beyond_the_positions():
    backbone = make_backbone()
    task = models.MobileBertTextClassifier(backbone, num_classes=2)
    x = {name: np.ones((1, 17), "int32") for name in IDS}
    with pytest.raises(ValueError, match="longer than the 16 positions"):
        task.predict(x)
    for call in (backbone, task, backbone.predict):
        with pytest.raises(ValueError, match="longer than the 16 positions"):
            call(x)
    face = keras_squeeze.MobileBertModel.from_task(backbone)
    for inputs in (
        {"input_ids": np.ones((1, 17), "int32")},
        {"inputs_embeds": np.ones((1, 17, 16), "float32")},
    ):
        with pytest.raises(ValueError, match="longer than the 16 positions"):
            face(inputs)


@pytest.mark.parametrize(
    "name", ["TextClassifier", "MaskedLM", "Pretraining", "TextEmbedder"]
)
def test_more_segments_than_the_embeddings_have(name):
    task = make_task(name)
    x = tuple(["a [MASK]"] for _ in range(3))
    calls = [task.predict, task.fit]
    if name != "TextEmbedder":
        calls += [task.annotate, lambda x: task.annotate(("a", "b", "c"))]
    for call in calls:
        with pytest.raises(ValueError, match="Received: a tuple of 3|pair"):
            call(x)


# === Memory ===


@pytest.mark.parametrize(
    "name", ["TextClassifier", "TokenClassifier", "MaskedLM"]
)
def test_few_programs_for_texts_of_all_lengths(name, monkeypatch):
    task = make_task(name)
    layer = type(task.backbone.attention_mask)
    shapes, compute = [], layer.call

    def call(self, inputs):
        # Runs once per program on backends that compile programs.
        shapes.append(tuple(inputs.shape))
        return compute(self, inputs)

    monkeypatch.setattr(layer, "call", call)
    if name == "MaskedLM":
        task.preprocessor.mask_selection_length = 8
    inputs = {
        # For a single text, tokens form up to as many windows as texts.
        "TokenClassifier": [["a b " * count] for count in range(1, 40, 3)],
        "TextClassifier": [["a b"] * count for count in range(1, 14)],
        "MaskedLM": [
            ["[MASK] " * masks] * count
            for masks, count in [(1, 1), (8, 1), (5, 1), (8, 3), (7, 4)]
        ],
    }[name]
    answers = [task.annotate(x, batch_size=8) for x in inputs]
    if keras.backend.backend() == "jax":
        # Batches of 1, 2, 4 and 8 rows.
        assert len(set(shapes)) <= 4
    for x, found in zip(inputs, answers, strict=True):
        assert len(found) == len(x)
    # Padding the batch does not affect the other rows.
    first = answers[0][0]
    if name == "TextClassifier":
        for row in answers[-1]:
            assert row["label"] == first["label"]
            assert row["score"] == pytest.approx(first["score"], abs=1e-5)


@only_on("jax", reason="only JAX has to know which sizes are equal")
@pytest.mark.parametrize("name", ["MultipleChoice", "Pretraining"])
def test_saved_model_with_other_inputs(tmp_path, name):
    if name == "MultipleChoice":
        x = {key: np.stack([ids] * 3, axis=1) for key, ids in IDS.items()}
    else:
        x = {**IDS, "mask_positions": np.array([[1], [2]], "int32")}
    check_saved_model(make_task(name), x, tmp_path)


@only_on("jax", reason="only JAX writes programs that TensorFlow may not read")
def test_saved_model_that_tensorflow_cannot_read(tmp_path, monkeypatch):
    def convert(*args, **kwargs):
        raise tf.errors.InvalidArgumentError(None, None, "unregistered")

    monkeypatch.setattr(jax2tf, "convert", lambda *args, **kwargs: convert)
    with pytest.raises(ValueError, match="JAX .* TensorFlow .* cannot read it"):
        make_backbone().export(tmp_path / "saved_model")
    assert not (tmp_path / "saved_model").exists()
