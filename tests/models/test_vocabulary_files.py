"""Tests presets whose vocabulary does not match their embeddings."""

import json
import pathlib

import keras_hub
import pytest

import keras_squeeze
from keras_squeeze import models
from tests.backends import only_on
from tests.checkpoint_folders import VOCABULARY
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint

pytestmark = only_on("torch", reason="files are the same for every backend")
SIZE = len(VOCABULARY)


@pytest.fixture(scope="module")
def task(model, tmp_path_factory):
    """A classifier whose embeddings have four unused rows."""
    padded = original(model, num_hidden_layers=1, vocab_size=SIZE + 4)
    folder = save_checkpoint(padded, tmp_path_factory.mktemp("checkpoint"))
    return model.classifier_cls.from_preset(folder, num_classes=2)


@pytest.fixture
def preset(task, tmp_path):
    task.save_to_preset(str(tmp_path))
    return tmp_path


def write_vocabulary(preset, vocabulary):
    path = preset / "assets" / "tokenizer" / "vocabulary.txt"
    path.write_text("".join(f"{token}\n" for token in vocabulary))


def forget_size(preset):
    """Make a preset look like one of a version that did not save the size."""
    for file in ("tokenizer.json", "preprocessor.json", "task.json"):
        contents = json.loads((preset / file).read_text())
        _forget(contents)
        (preset / file).write_text(json.dumps(contents))


def _forget(contents):
    if isinstance(contents, dict):
        contents.pop("num_tokens", None)
        for value in contents.values():
            _forget(value)


def readers(model):
    """Functions that read a preset, with both APIs."""
    name = f"{model.original}Tokenizer"
    return [
        model.tokenizer_cls.from_preset,
        model.preprocessor_cls.from_preset,
        model.classifier_cls.from_preset,
        getattr(keras_squeeze, name).from_pretrained,
        getattr(keras_squeeze, f"{name}Fast").from_pretrained,
    ]


def num_tokens(loaded):
    """The number of tokens of a tokenizer, or of the one in a layer or task."""
    loaded = getattr(loaded, "preprocessor", loaded)
    loaded = getattr(loaded, "tokenizer", loaded)
    if isinstance(loaded, keras_hub.tokenizers.Tokenizer):
        return loaded.vocabulary_size()
    return len(loaded)


def test_rows_that_no_token_uses(model, preset):
    for read in readers(model):
        assert num_tokens(read(str(preset))) == SIZE
    forget_size(preset)
    for read in readers(model):
        assert num_tokens(read(str(preset))) == SIZE


@pytest.mark.parametrize("vocabulary", [VOCABULARY[:-1], VOCABULARY + ["new"]])
def test_vocabulary_of_another_size(model, preset, vocabulary):
    write_vocabulary(preset, vocabulary)
    for read in readers(model):
        with pytest.raises(ValueError, match=f"the {SIZE} tokens.*damaged"):
            read(str(preset))


@pytest.mark.parametrize(
    "vocabulary",
    [VOCABULARY[: SIZE // 2], VOCABULARY + ["a1", "b1", "c1", "d1", "e1"]],
)
def test_preset_that_does_not_say_the_size(model, preset, vocabulary):
    forget_size(preset)
    write_vocabulary(preset, vocabulary)
    message = f"{len(vocabulary)} tokens.*{SIZE + 4}"
    for read in readers(model):
        with pytest.raises(ValueError, match=message):
            read(str(preset))


def test_preprocessor_that_is_passed(model, task, preset):
    """It replaces the preprocessor of the preset."""
    write_vocabulary(preset, VOCABULARY[:5])
    again = model.classifier_cls.from_preset(
        str(preset), preprocessor=task.preprocessor
    )
    assert again.preprocessor is task.preprocessor


def test_tokens_without_rows(model, task):
    vocabulary = [*VOCABULARY, *(f"more{i}" for i in range(5))]
    preprocessor = model.preprocessor_cls(model.tokenizer_cls(vocabulary))
    message = f"{SIZE + 5} tokens.*vocabulary_size={SIZE + 4}"
    with pytest.raises(ValueError, match=message):
        model.classifier_cls(
            task.backbone, num_classes=2, preprocessor=preprocessor
        )
    before = task.preprocessor
    with pytest.raises(ValueError, match=message):
        task.preprocessor = preprocessor
    assert task.preprocessor is before


def test_checkpoint_with_tokens_without_rows(model, tmp_path):
    """Tests an added token without resized embeddings."""
    folder = save_checkpoint(original(model, num_hidden_layers=1), tmp_path)
    added = {"[PERSON]": SIZE}
    pathlib.Path(folder, "added_tokens.json").write_text(json.dumps(added))
    tokenizer = model.tokenizer_cls.from_preset(folder)
    assert tokenizer("[PERSON] is")[0] == SIZE
    message = f"{SIZE + 1} tokens.*vocabulary_size={SIZE}"
    with pytest.raises(ValueError, match=message):
        model.classifier_cls.from_preset(folder, num_classes=2)
    with pytest.raises(ValueError, match=message):
        getattr(models, f"{model.original}MaskedLM").from_preset(folder)
