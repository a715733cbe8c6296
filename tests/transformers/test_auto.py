"""Tests the Auto classes, which select the class for a checkpoint."""

import json
import pathlib

import numpy as np
import pytest
import transformers

import keras_squeeze
from tests.backends import only_on
from tests.checkpoint_folders import VOCABULARY
from tests.checkpoint_folders import MobileBert
from tests.checkpoint_folders import SqueezeBert
from tests.hub import local_hub as local_hub
from tests.transformers.faces import TASKS
from tests.transformers.faces import assert_same
from tests.transformers.faces import each_model
from tests.transformers.faces import face
from tests.transformers.faces import inputs
from tests.transformers.faces import run_original
from tests.transformers.faces import saved_original
from tests.transformers.tokenizer_cases import IS_TRANSFORMERS_5

pytestmark = only_on(
    "torch", reason="a class is found in the same way on every backend"
)
PRESET = "squeeze_bert_tiny_en_uncased"
TASKS_OF_TYPES = sorted({task for tasks in TASKS.values() for task in tasks})


@pytest.mark.parametrize("prefix", ["", "TF"])
@pytest.mark.parametrize("task", TASKS_OF_TYPES)
@each_model
def test_classes_are_those_of_the_original(model, task, prefix):
    ours = getattr(keras_squeeze, f"{prefix}Auto{_auto(task)}")
    theirs = getattr(transformers, f"Auto{_auto(task)}")
    config = face(model, "Config")(**model.config().to_dict())
    try:
        expected = type(theirs.from_config(model.config())).__name__
    except ValueError:
        with pytest.raises(ValueError, match="supports the model types"):
            ours.from_config(config)
        return
    found = ours.from_config(config)
    assert type(found) is getattr(keras_squeeze, prefix + expected)
    assert found.config.hidden_size == model.config().hidden_size


def _auto(task):
    return task if task == "Model" else f"Model{task}"


@each_model
def test_model_of_the_original(model):
    task = "ForSequenceClassification"
    theirs, folder = saved_original(model, task)
    ours = keras_squeeze.AutoModelForSequenceClassification.from_pretrained(
        folder
    )
    assert type(ours) is face(model, task)
    arguments = inputs(task)
    assert_same(ours(**arguments), run_original(theirs, **arguments), model)
    config = keras_squeeze.AutoConfig.from_pretrained(folder)
    assert config == ours.config
    assert config.name_or_path == str(folder)


def test_arguments_are_passed_on():
    _, folder = saved_original(MobileBert, "ForTokenClassification")
    auto = keras_squeeze.TFAutoModelForTokenClassification
    with pytest.warns(UserWarning, match="shapes do not match"):
        model, info = auto.from_pretrained(
            folder,
            num_labels=7,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    assert type(model) is keras_squeeze.TFMobileBertForTokenClassification
    assert model.config.num_labels == 7
    assert len(info["mismatched_keys"]) == 2
    config, unused = keras_squeeze.AutoConfig.from_pretrained(
        folder, num_labels=7, no_field=1, return_unused_kwargs=True
    )
    assert (config.num_labels, unused) == (7, {"no_field": 1})
    again = auto.from_pretrained(
        folder, config=config, ignore_mismatched_sizes=True
    )
    assert again.config.num_labels == 7


def test_type_comes_from_a_configuration_that_is_passed(tmp_path):
    _, folder = saved_original(SqueezeBert, "Model")
    weights = tmp_path / "weights"
    weights.mkdir()
    file = "model.safetensors"
    (weights / file).write_bytes((folder / file).read_bytes())
    fields = json.loads((folder / "config.json").read_text())
    del fields["model_type"]
    (weights / "config.json").write_text(json.dumps(fields))
    with pytest.raises(ValueError, match="Received: .*model_type=None"):
        keras_squeeze.AutoModel.from_pretrained(weights)
    config = keras_squeeze.SqueezeBertConfig(**fields)
    for passed in (config, folder, str(folder / "config.json")):
        model = keras_squeeze.AutoModel.from_pretrained(weights, config=passed)
        assert type(model) is keras_squeeze.SqueezeBertModel


def test_preset():
    config = keras_squeeze.AutoConfig.from_pretrained(PRESET)
    assert type(config) is keras_squeeze.SqueezeBertConfig
    model = keras_squeeze.AutoModelForMaskedLM.from_pretrained(PRESET)
    assert type(model) is keras_squeeze.SqueezeBertForMaskedLM
    for use_fast, suffix in ((True, "Fast"), (False, "")):
        tokenizer = keras_squeeze.AutoTokenizer.from_pretrained(
            PRESET, use_fast=use_fast
        )
        assert type(tokenizer).__name__ == f"SqueezeBertTokenizer{suffix}"
        assert tokenizer.model_max_length == 512


def test_hub(local_hub):
    _, folder = saved_original(MobileBert, "Model")
    repository = local_hub.root / "org" / "name"
    repository.mkdir(parents=True)
    for path in pathlib.Path(folder).iterdir():
        (repository / path.name).write_bytes(path.read_bytes())
    (repository / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    model = keras_squeeze.AutoModel.from_pretrained("org/name", revision="main")
    assert type(model) is keras_squeeze.MobileBertModel
    tokenizer = keras_squeeze.AutoTokenizer.from_pretrained("org/name")
    assert type(tokenizer) is keras_squeeze.MobileBertTokenizerFast
    with pytest.raises(OSError, match="org/other"):
        keras_squeeze.AutoModel.from_pretrained("org/other")


@pytest.mark.parametrize("written_by", ["MobileBert", "SqueezeBert", "Bert"])
@pytest.mark.parametrize("use_fast", [True, False])
@each_model
def test_tokenizer_of_the_original(
    model, use_fast, written_by, tmp_path, recwarn
):
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    cls = getattr(transformers, f"{written_by}TokenizerFast")
    cls(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    model.config().save_pretrained(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(
        tmp_path, use_fast=use_fast
    )
    ours = keras_squeeze.AutoTokenizer.from_pretrained(
        tmp_path, use_fast=use_fast
    )
    if written_by == "Bert" or IS_TRANSFORMERS_5:
        # We do not need this class, which is the same as the others. In version
        # 5, the others are aliases of it.
        written_by = model.original
        assert type(theirs).__name__.startswith("BertTokenizer")
    else:
        assert type(ours).__name__ == type(theirs).__name__
    assert type(ours).__name__ == (
        f"{written_by}Tokenizer" + ("Fast" if use_fast else "")
    )
    assert dict(ours("ab c!", "a?")) == dict(theirs("ab c!", "a?"))


def test_tokenizer_without_a_model(tmp_path):
    tokenizer = keras_squeeze.AutoTokenizer.from_pretrained(PRESET)
    tokenizer.save_pretrained(tmp_path)
    again = keras_squeeze.AutoTokenizer.from_pretrained(str(tmp_path))
    assert type(again) is keras_squeeze.SqueezeBertTokenizerFast
    (tmp_path / "tokenizer_config.json").unlink()
    with pytest.raises(OSError, match="config.json"):
        keras_squeeze.AutoTokenizer.from_pretrained(tmp_path)
    for arguments in (
        {"tokenizer_type": "mobilebert"},
        {"config": keras_squeeze.MobileBertConfig()},
    ):
        other = keras_squeeze.AutoTokenizer.from_pretrained(
            tmp_path, do_lower_case=False, **arguments
        )
        assert type(other) is keras_squeeze.MobileBertTokenizerFast
        np.testing.assert_array_equal(
            other("who?", return_tensors="np").input_ids,
            again("WHO?", return_tensors="np").input_ids,
        )
        assert other.tokenize("WHO") == ["[UNK]"]


def test_other_types_of_models(tmp_path):
    transformers.BertConfig().save_pretrained(tmp_path)
    for name_ in ("AutoConfig", "AutoTokenizer", "AutoModel"):
        cls = getattr(keras_squeeze, name_)
        message = r"one of \['mobilebert', 'squeezebert'\].*'bert'"
        with pytest.raises(ValueError, match=message):
            cls.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="one of .*'bert'"):
        keras_squeeze.AutoConfig.for_model("bert")
    with pytest.raises(ValueError, match="`config` must be"):
        keras_squeeze.AutoModel.from_config(transformers.BertConfig())
    config = keras_squeeze.AutoConfig.for_model("squeezebert", num_labels=3)
    assert type(config) is keras_squeeze.SqueezeBertConfig
    assert config.num_labels == 3


def test_there_are_no_instances():
    for name_ in ("AutoConfig", "AutoTokenizer", "TFAutoModelForMaskedLM"):
        with pytest.raises(OSError, match=f"`{name_}.from_pretrained"):
            getattr(keras_squeeze, name_)("x")
