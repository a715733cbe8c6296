"""Loads checkpoints written by transformers, and compares the outputs."""

import inspect
import json
import pathlib
import re
import shutil
import warnings

import keras
import numpy as np
import pytest
import safetensors.torch
import tokenizers
import torch
import transformers

import keras_squeeze
from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from keras_squeeze.checkpoints.state_dict import open_state_dict
from tests.checkpoint_folders import MODELS
from tests.checkpoint_folders import VOCABULARY
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.checkpoint_folders import assert_close
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.hub import local_hub as local_hub
from tests.model_oracle import random_inputs
from tests.model_oracle import run
from tests.transformers_versions import needs_transformers_4

writes_bin = needs_transformers_4("`safe_serialization=False`")
TF_MOBILE_BERT = pathlib.Path(__file__).parents[1] / "data" / "tf_mobile_bert"
INPUTS = random_inputs(60, batch=3, length=7)
NAMES = {"id2label": {0: "no", 1: "yes", 2: "maybe"}}


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)


def assert_backbone_equal(backbone, pytorch_model, inputs=INPUTS):
    ours = backbone(inputs)
    theirs = run(pytorch_model, inputs)
    assert_close(to_numpy(ours["sequence_output"]), theirs.last_hidden_state)
    if theirs.pooler_output is not None:
        assert_close(to_numpy(ours["pooled_output"]), theirs.pooler_output)


def assert_logits_equal(task, pytorch_model):
    ours = to_numpy(task(INPUTS))
    assert_close(ours, run(pytorch_model, INPUTS).logits)


def edit_json(folder, name="config.json", remove=(), **fields):
    path = pathlib.Path(folder) / name
    contents = json.loads(path.read_text()) if path.exists() else {}
    contents.update(fields)
    for field in remove:
        del contents[field]
    path.write_text(json.dumps(contents))


def edit_tensors(folder, edit):
    path = pathlib.Path(folder) / "model.safetensors"
    tensors = edit(safetensors.torch.load_file(path))
    safetensors.torch.save_file(tensors, path, {"format": "pt"})


@pytest.fixture(scope="module", params=MODELS, ids=lambda m: m.original)
def model(request):
    return request.param


@pytest.fixture(scope="module")
def classifier(model):
    """A transformers classifier."""
    return original(
        model, "ForSequenceClassification", num_hidden_layers=1, **NAMES
    )


@pytest.fixture(scope="module")
def saved_classifier(classifier, tmp_path_factory):
    return save_checkpoint(classifier, tmp_path_factory.mktemp("classifier"))


@pytest.fixture
def folder(saved_classifier, tmp_path):
    """A copy of the classifier's checkpoint, to damage."""
    return shutil.copytree(saved_classifier, tmp_path / "copy")


@pytest.fixture(scope="module")
def saved_base(model, tmp_path_factory):
    """The base model of transformers, and the folder of its checkpoint."""
    base = original(model, num_hidden_layers=1)
    return base, save_checkpoint(base, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def task(model, saved_classifier):
    return model.classifier_cls.from_preset(saved_classifier)


# === Files ===


def test_classifier(task, classifier):
    assert_logits_equal(task, classifier)
    assert task.num_classes == 3
    assert task.class_names == ["no", "yes", "maybe"]
    assert task.preprocessor.tokenizer.vocabulary == VOCABULARY


@pytest.mark.parametrize(
    "file, options",
    [
        ("model.safetensors.index.json", {"max_shard_size": "10KB"}),
        pytest.param(
            "pytorch_model.bin", {"safe_serialization": False}, marks=writes_bin
        ),
        pytest.param(
            "pytorch_model.bin.index.json",
            {"safe_serialization": False, "max_shard_size": "10KB"},
            marks=writes_bin,
        ),
    ],
)
def test_files(model, classifier, tmp_path, file, options):
    save_checkpoint(classifier, tmp_path, **options)
    assert (tmp_path / file).exists()
    task = model.classifier_cls.from_preset(str(tmp_path))
    assert_logits_equal(task, classifier)


def with_bad_tensors(tensors):
    """Damage four tensors, each in a different way."""
    names = [name for name in tensors if name.endswith("dense.weight")][:1]
    names += [name for name in tensors if "LayerNorm" in name][:1]
    names += [name for name in tensors if "layernorm" in name.lower()][1:3]
    first, second, third, fourth = names
    tensors[first] = torch.full_like(tensors[first], torch.nan)
    tensors[second] = (100 * tensors[second]).to(torch.int8)
    tensors[third] = tensors[third].double() + 1e300
    tensors[fourth] = tensors[fourth] > 0
    return names


FAULTS = (
    "NaN or infinity",
    "int8 instead of floats",
    "numbers outside the range of float32",
    "bool instead of floats",
)


@pytest.mark.parametrize("file", ["model.safetensors", "pytorch_model.bin"])
def test_numbers_that_are_no_weights(model, classifier, folder, file):
    (folder / "model.safetensors").unlink()
    tensors = dict(classifier.state_dict())
    names = with_bad_tensors(tensors)
    if file == "pytorch_model.bin":
        torch.save(tensors, folder / file)
    else:
        safetensors.torch.save_file(tensors, folder / file, {"format": "pt"})
    face = getattr(keras_squeeze, f"{model.original}ForSequenceClassification")
    for load in (model.classifier_cls.from_preset, face.from_pretrained):
        with pytest.raises(ValueError, match=r"Received \(4\)") as error:
            load(str(folder))
        for name, fault in zip(names, FAULTS, strict=True):
            assert f"{name} ({fault})" in str(error.value)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floats(model, folder, dtype):
    dtype = getattr(torch, dtype)

    def rounded(dtype):
        return lambda tensors: {k: v.to(dtype) for k, v in tensors.items()}

    edit_tensors(folder, rounded(dtype))
    ours = model.classifier_cls.from_preset(str(folder))
    edit_tensors(folder, rounded(torch.float32))
    theirs = model.classifier_cls.from_preset(str(folder))
    for left, right in zip(
        ours.get_weights(), theirs.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
    "field, size",
    [
        ("vocab_size", 10**9),
        ("num_hidden_layers", 10**6),
        ("hidden_size", 2**20),
        ("intermediate_size", 10**9),
        ("max_position_embeddings", 10**9),
        ("type_vocab_size", 10**9),
        ("embedding_size", 2**28),
        ("num_labels", 10**9),
    ],
)
def test_sizes_of_another_model(model, folder, field, size):
    edit_json(folder, remove=["id2label", "label2id"], **{field: size})
    face = getattr(keras_squeeze, f"{model.original}ForSequenceClassification")
    for load in (model.classifier_cls.from_preset, face.from_pretrained):
        with pytest.raises(ValueError, match=f"={size}"):
            load(str(folder))


def test_sizes_that_the_caller_states(model, folder):
    face = getattr(keras_squeeze, f"{model.original}Model")
    loaded = face.from_pretrained(
        str(folder), vocab_size=10**6, ignore_mismatched_sizes=True
    )
    assert loaded.get_input_embeddings().embeddings.shape[0] == 10**6


def test_count_of_parameters(model):
    architecture = ARCHITECTURES[model.original.lower()]
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(
            model.backbone_cls
        ).parameters.items()
    }
    small = {
        "vocabulary_size": 999,
        "num_layers": 2,
        "num_heads": 4,
        "hidden_dim": 64,
        "intermediate_dim": 96,
        "embedding_dim": 64,
    }
    for settings in (
        {},
        {"bottleneck_dim": 32, "num_feedforward_networks": 3},
        {"use_bottleneck": False, "trigram_input": False},
        {"query_groups": 1, "output_groups": 2, "max_sequence_length": 900},
    ):
        settings = {k: v for k, v in settings.items() if k in defaults}
        settings = {**small, **settings}
        count = architecture.count_parameters(**{**defaults, **settings})
        real = model.backbone_cls(**settings).count_params()
        assert 0.9 * real < count <= real


def test_old_pytorch_file(model, classifier, folder):
    (folder / "model.safetensors").unlink()
    state_dict = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): value
        for name, value in classifier.state_dict().items()
    }
    assert any(name.endswith("gamma") for name in state_dict)
    torch.save(
        state_dict,
        folder / "pytorch_model.bin",
        _use_new_zipfile_serialization=False,
    )
    task = model.classifier_cls.from_preset(str(folder))
    assert_logits_equal(task, classifier)


@pytest.mark.parametrize("format", ["h5", "safetensors"])
def test_file_of_tensorflow(format):
    backbone = MobileBert.backbone_cls.from_preset(str(TF_MOBILE_BERT / format))
    pytorch_model = transformers.MobileBertModel.from_pretrained(
        TF_MOBILE_BERT / "pytorch"
    )
    inputs = random_inputs(28, batch=2, length=6)
    assert_backbone_equal(backbone, pytorch_model.eval(), inputs)


def test_half_precision(model, saved_base, tmp_path):
    base, _ = saved_base
    half = type(base)(base.config)
    half.load_state_dict(base.state_dict())
    half.half()
    save_checkpoint(half, tmp_path)
    backbone = model.backbone_cls.from_preset(str(tmp_path))
    assert {w.dtype for w in backbone.weights} == {"float32"}
    assert_backbone_equal(backbone, half.float().eval())


def test_dtype(model, saved_base):
    backbone = model.backbone_cls.from_preset(saved_base[1], dtype="bfloat16")
    assert {w.dtype for w in backbone.weights} == {"bfloat16"}


# === Prefixes and heads ===


def test_base_class(model, saved_base):
    base, folder = saved_base
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        backbone = model.backbone_cls.from_preset(folder)
    assert_backbone_equal(backbone, base)


def test_head_class_into_backbone(model, classifier, saved_classifier):
    names = list(open_state_dict(saved_classifier))
    assert f"{model.prefix}pooler.dense.bias" in names
    backbone = model.backbone_cls.from_preset(saved_classifier)
    assert_backbone_equal(backbone, getattr(classifier, model.prefix[:-1]))


def test_base_class_into_classifier(model, saved_base):
    base, folder = saved_base
    with pytest.raises(ValueError, match="`num_classes`"):
        model.classifier_cls.from_preset(folder)
    for kwargs in ({"num_classes": 4}, {"class_names": ["a", "b", "c", "d"]}):
        task = model.classifier_cls.from_preset(folder, **kwargs)
        assert task.num_classes == 4
        assert task.class_names == kwargs.get("class_names")
    assert_backbone_equal(task.backbone, base)


def test_classifier_without_prefix(model, classifier, folder):
    edit_tensors(
        folder,
        lambda tensors: {
            name.removeprefix(model.prefix): value
            for name, value in tensors.items()
        },
    )
    task = model.classifier_cls.from_preset(str(folder))
    assert_logits_equal(task, classifier)


@pytest.mark.parametrize(
    "has_decoder", [False, pytest.param(True, marks=writes_bin)]
)
def test_masked_lm(model, tmp_path, has_decoder):
    masked_lm = original(model, "ForMaskedLM", num_hidden_layers=1)
    folder = save_checkpoint(
        masked_lm, tmp_path, safe_serialization=not has_decoder
    )
    names = list(open_state_dict(folder))
    assert ("cls.predictions.decoder.weight" in names) == has_decoder
    base = getattr(masked_lm, model.prefix[:-1])
    if model is SqueezeBert:
        backbone = model.backbone_cls.from_preset(folder)
    else:
        with pytest.warns(UserWarning, match="no pooler.*pooler.dense.bias"):
            backbone = model.backbone_cls.from_preset(folder)
    assert_backbone_equal(backbone, base)


def test_classifier_needs_the_pooler(tmp_path):
    tagger = original(MobileBert, "ForTokenClassification", num_hidden_layers=1)
    folder = save_checkpoint(tagger, tmp_path)
    with pytest.raises(ValueError, match=r"Missing \(2\):\n  pooler.dense"):
        MobileBert.classifier_cls.from_preset(folder, num_classes=2)


def test_pooler_without_weights(tmp_path):
    pytorch_model = original(
        MobileBert,
        "ForSequenceClassification",
        num_hidden_layers=1,
        classifier_activation=False,
    )
    folder = save_checkpoint(pytorch_model, tmp_path)
    task = MobileBert.classifier_cls.from_preset(folder)
    assert_logits_equal(task, pytorch_model)


def test_head_of_another_task(model, tmp_path):
    tagger = original(
        model, "ForTokenClassification", num_hidden_layers=1, **NAMES
    )
    folder = save_checkpoint(tagger, tmp_path)
    with pytest.raises(ValueError, match="`num_classes`"):
        model.classifier_cls.from_preset(folder)


def test_new_head(model, classifier, saved_classifier):
    tasks = [
        model.classifier_cls.from_preset(saved_classifier, num_classes=count)
        for count in (3, 5)
    ]
    old_head = classifier.classifier.weight.detach().numpy()
    for task, count in zip(tasks, (3, 5), strict=True):
        assert task.num_classes == count
        assert task.class_names is None
        head = to_numpy(task.output_dense.kernel)
        assert head.shape[1] == count
        assert count != 3 or not np.allclose(head, old_head.T)
    assert_backbone_equal(
        tasks[1].backbone, getattr(classifier, model.prefix[:-1])
    )


def test_other_names_for_the_same_head(model, classifier, saved_classifier):
    names = ["nein", "ja", "vielleicht"]
    task = model.classifier_cls.from_preset(saved_classifier, class_names=names)
    assert task.class_names == names
    assert_logits_equal(task, classifier)
    with pytest.raises(ValueError, match="one name per class"):
        model.classifier_cls.from_preset(
            saved_classifier, class_names=names[:2]
        )


def test_no_weights(model, classifier, folder):
    (folder / "model.safetensors").unlink()
    task = model.classifier_cls.from_preset(str(folder), load_weights=False)
    assert task.class_names == ["no", "yes", "maybe"]
    backbone = model.backbone_cls.from_preset(str(folder), load_weights=False)
    assert not to_numpy(backbone.pooler.dense.bias).any()


@pytest.mark.parametrize(
    "fields, num_classes, class_names",
    [
        ({"num_labels": 3}, 3, None),
        ({"id2label": {"1": "b", "0": "a", "2": "c"}}, 3, ["a", "b", "c"]),
        ({"id2label": {str(i): f"c{i}" for i in range(11)}}, 11, "in order"),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}, 2, None),
        ({"id2label": {"0": "a", "1": "a"}}, 2, None),
        ({"id2label": {"0": 1, "1": 5}}, 2, ["1", "5"]),
        ({}, 2, None),
    ],
)
def test_labels(model, fields, num_classes, class_names):
    if class_names == "in order":
        class_names = [f"c{i}" for i in range(num_classes)]
    kwargs = model.classifier_cls.head_kwargs(fields, is_restored=True)
    assert kwargs.get("num_classes") == num_classes
    assert kwargs.get("class_names") == class_names


def test_published_configuration_without_a_class(model, classifier, folder):
    edit_json(folder, remove=["architectures", "id2label"], num_labels=3)
    task = model.classifier_cls.from_preset(str(folder))
    assert task.class_names is None
    assert_logits_equal(task, classifier)
    edit_json(folder, remove=["num_labels"])
    with pytest.raises(ValueError, match="`num_classes`"):
        model.classifier_cls.from_preset(str(folder))


@pytest.mark.parametrize(
    "fields, dropout",
    [
        ({"classifier_dropout": 0.3, "hidden_dropout_prob": 0.2}, 0.3),
        ({"classifier_dropout": None, "hidden_dropout_prob": 0.2}, 0.2),
        ({"classifier_dropout": 0.0, "hidden_dropout_prob": 0.2}, 0.0),
        ({}, 0.1),
    ],
)
def test_dropout(folder, model, fields, dropout):
    config = json.loads((folder / "config.json").read_text())
    for name in ("classifier_dropout", "hidden_dropout_prob"):
        config.pop(name, None)
    (folder / "config.json").write_text(json.dumps({**config, **fields}))
    task = model.classifier_cls.from_preset(str(folder), load_weights=False)
    assert task.output_dropout.rate == dropout


def test_rows_that_no_token_uses(model, tmp_path):
    padded = original(model, num_hidden_layers=1, vocab_size=64)
    folder = save_checkpoint(padded, tmp_path)
    backbone = model.backbone_cls.from_preset(folder)
    assert backbone.vocabulary_size == 64
    assert_backbone_equal(backbone, padded)
    assert model.tokenizer_cls.from_preset(folder).vocabulary_size() == 60


# === Text ===


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_lower_case": False},
        {"do_lower_case": False, "strip_accents": True},
        {"strip_accents": False},
        {"tokenize_chinese_chars": False},
    ],
)
def test_tokenizer_settings(saved_base, model, tmp_path, settings):
    folder = shutil.copytree(saved_base[1], tmp_path / "copy")
    vocabulary = [*VOCABULARY, "é", "中", "中国", "A"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    if settings:
        edit_json(folder, "tokenizer_config.json", **settings)
    ours = model.tokenizer_cls.from_preset(str(folder))
    theirs = transformers.BertTokenizerFast.from_pretrained(folder)
    for text in ("A b!", "é", "É e\u0301", "中国", "[MASK] abc"):
        expected = theirs(text, add_special_tokens=False)["input_ids"]
        assert to_numpy(ours(text)).tolist() == expected


@needs_transformers_4("slow tokenizers")
@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_lines_of_the_vocabulary(saved_base, model, tmp_path, line_break, end):
    folder = shutil.copytree(saved_base[1], tmp_path / "copy")
    path = folder / "vocab.txt"
    vocabulary = [*VOCABULARY, "a\u2028b", "a\x85b"]
    text = line_break.join(vocabulary) + (end and line_break)
    path.write_bytes(text.encode())
    theirs = transformers.BertTokenizer(path)
    ours = model.tokenizer_cls.from_preset(str(folder)).vocabulary
    assert dict(zip(ours, range(62), strict=True)) == theirs.get_vocab()


@pytest.mark.parametrize("has_type", [True, False])
def test_vocabulary_of_the_fast_tokenizer(
    saved_base, model, tmp_path, has_type
):
    folder = shutil.copytree(saved_base[1], tmp_path / "copy")
    shuffled = VOCABULARY[::-1]
    (folder / "vocab.txt").write_text("\n".join(shuffled))
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(
        folder
    )
    (folder / "vocab.txt").unlink()
    path = folder / "tokenizer.json"
    contents = json.loads(path.read_text())
    if not has_type:
        # The format of the first releases of `tokenizers`.
        del contents["model"]["type"]
    path.write_text(json.dumps(contents))
    theirs = tokenizers.Tokenizer.from_file(str(path))
    ours = model.tokenizer_cls.from_preset(str(folder)).vocabulary
    assert ours == [theirs.id_to_token(i) for i in range(60)] == shuffled


def test_sequence_length(model, saved_base, tmp_path):
    _, folder = saved_base
    cls = model.preprocessor_cls
    assert cls.from_preset(folder).sequence_length == 512
    assert cls.from_preset(folder, sequence_length=9).sequence_length == 9
    short = shutil.copytree(folder, tmp_path / "copy")
    edit_json(short, max_position_embeddings=40)
    assert cls.from_preset(str(short)).sequence_length == 40


def test_base_classes(model, saved_base):
    _, folder = saved_base
    base = model.classifier_cls.__mro__[1]
    task = base.from_preset(folder, num_classes=2)
    assert type(task) is model.classifier_cls


# === Damage ===


def load_errors(model, folder):
    """The error messages of both classes that read weights."""
    for cls in (model.backbone_cls, model.classifier_cls):
        with pytest.raises(ValueError) as error:
            cls.from_preset(str(folder))
        yield str(error.value)


def test_tensors_that_do_not_fit(model, folder):
    def edit(tensors):
        del tensors[f"{model.prefix}embeddings.LayerNorm.weight"]
        tensors["pooler.adapter.weight"] = torch.zeros(1)
        name = f"{model.prefix}pooler.dense.bias"
        return {**tensors, name: torch.zeros(5)}

    edit_tensors(folder, edit)
    for message in load_errors(model, folder):
        assert f"The weights of `{folder}` cannot be loaded" in message
        assert "Missing (1):\n  embeddings.LayerNorm.weight" in message
        assert "Unexpected (1):\n  pooler.adapter.weight" in message
        assert "received (5,)" in message


def test_head_of_another_shape(model, folder):
    edit_json(folder, id2label={"0": "no", "1": "yes"})
    with pytest.raises(ValueError, match=r"classifier.bias \(expected \(2,\)"):
        model.classifier_cls.from_preset(str(folder))


def test_more_layers_than_configured(model, tmp_path):
    folder = save_checkpoint(original(model), tmp_path)
    edit_json(folder, num_hidden_layers=1)
    with pytest.raises(ValueError, match=r"Unexpected \(\d+\):\n  encoder"):
        model.backbone_cls.from_preset(folder)


@pytest.mark.parametrize("size", [0, 6, 300, -20])
@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        pytest.param("pytorch_model.bin", marks=writes_bin),
    ],
)
def test_truncated_weights(model, classifier, folder, name, size):
    (folder / "model.safetensors").unlink()
    classifier.save_pretrained(
        folder, safe_serialization=name == "model.safetensors"
    )
    path = folder / name
    path.write_bytes(path.read_bytes()[:size])
    for message in load_errors(model, folder):
        assert name in message


def test_no_file_of_weights(model, folder):
    (folder / "model.safetensors").unlink()
    for message in load_errors(model, folder):
        assert f"`{folder}` is incomplete: There are no weights" in message
        assert "`model.safetensors`" in message


def test_no_vocabulary(model, folder):
    (folder / "vocab.txt").unlink()
    for cls in (model.tokenizer_cls, model.classifier_cls):
        with pytest.raises(ValueError, match="neither `vocab.txt` nor"):
            cls.from_preset(str(folder))
    task = model.classifier_cls.from_preset(str(folder), preprocessor=None)
    assert task.preprocessor is None


@pytest.mark.parametrize(
    "contents, message",
    [
        ({"type": "BPE", "vocab": {}}, "type='BPE'"),
        ({"vocab": {}}, "type=None"),
        (None, "type=None"),
        ({"type": "WordPiece", "vocab": {"a": 0, "b": 2}}, "without gaps"),
    ],
)
def test_fast_tokenizer_of_another_kind(model, folder, contents, message):
    (folder / "vocab.txt").unlink()
    edit_json(folder, "tokenizer.json", model=contents)
    with pytest.raises(ValueError, match=message):
        model.tokenizer_cls.from_preset(str(folder))


@pytest.mark.parametrize(
    "contents, message",
    [
        (b"{", "`config.json` of `.*` is not valid JSON"),
        (b"\xff\xfe", "`config.json` of `.*` is not valid JSON"),
        (b"[]", "must hold an object. Received: list"),
        (b"{}", "Unrecognized format"),
        (b'{"model_type": "bert"}', "model_type='bert'"),
        (b"[" * 100000, "`config.json` of `.*` is not valid JSON"),
    ],
)
def test_bad_configuration(model, folder, contents, message):
    (folder / "config.json").write_bytes(contents)
    for error in load_errors(model, folder):
        assert re.search(message, error)


def test_bad_tokenizer_configuration(model, folder):
    (folder / "tokenizer_config.json").write_text("{")
    with pytest.raises(ValueError, match="`tokenizer_config.json` of"):
        model.tokenizer_cls.from_preset(str(folder))


def test_no_configuration(model, tmp_path):
    for message in load_errors(model, tmp_path):
        assert "a folder or a repository with a `config.json`" in message


def test_unknown_activation(model, folder):
    edit_json(folder, hidden_act="gelo")
    for message in load_errors(model, folder):
        assert "hidden_act='gelo'" in message


def test_checkpoint_of_the_other_model(model, saved_classifier):
    other = MobileBert if model is SqueezeBert else SqueezeBert
    for cls in (
        other.backbone_cls,
        other.classifier_cls,
        other.tokenizer_cls,
        other.preprocessor_cls,
    ):
        with pytest.raises(ValueError) as error:
            cls.from_preset(saved_classifier)
        assert f"`{other.backbone_cls.__name__}`" in str(error.value)
        assert f"`{model.backbone_cls.__name__}`" in str(error.value)


# === The hub ===


def test_from_the_hub(local_hub, model, classifier, saved_classifier):
    folder = local_hub.root / "org" / "name"
    shutil.copytree(saved_classifier, folder)
    (folder / "pytorch_model.bin").write_bytes(b"not wanted")
    (folder / "README.md").write_text("not wanted")
    task = model.classifier_cls.from_preset("hf://org/name")
    assert_logits_equal(task, classifier)
    assert task.class_names == ["no", "yes", "maybe"]
    fetched = {file for verb, _, file in local_hub.requests if verb == "GET"}
    assert fetched == {"config.json", "model.safetensors", "vocab.txt"}


def test_repository_that_does_not_exist(local_hub, model):
    for message in load_errors(model, "hf://org/nothing"):
        assert message.endswith("Received: preset=hf://org/nothing")
        assert "\n" not in message
