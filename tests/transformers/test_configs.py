"""Tests configurations against those of transformers."""

import inspect
import json

import pytest
import transformers

from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from keras_squeeze.transformers.models import configs
from tests.backends import only_on
from tests.checkpoint_folders import MODELS
from tests.hub import local_hub as local_hub

pytestmark = only_on(
    "tensorflow", reason="configurations are the same on every backend"
)

SETTINGS = [
    {},
    {"num_labels": 3},
    {"num_labels": 2, "id2label": {0: "a", 1: "b"}, "label2id": {"a": 0}},
    {"id2label": {"0": "ham", "1": "spam", "2": "eggs"}},
    {"problem_type": "multi_label_classification", "num_labels": 4},
    {"output_attentions": True, "return_dict": False, "max_length": 30},
    {"pad_token_id": None, "sep_token_id": 3, "tie_word_embeddings": False},
    {"own_field": {"a": [1, 2]}, "attention_dropout": 0.1},
    {"hidden_size": 24, "num_hidden_layers": 1, "dtype": "float32"},
    {"true_hidden_size": 77, "use_bottleneck": False, "tf_legacy_loss": True},
    {"torch_dtype": "float16", "pruned_heads": {1: [0, 2]}},
]


@pytest.fixture(params=MODELS, ids=lambda model: model.original)
def classes(request):
    """Our class and that of transformers."""
    name = f"{request.param.original}Config"
    return getattr(configs, name), getattr(transformers, name)


def test_arguments(classes):
    ours, theirs = (inspect.signature(cls).parameters for cls in classes)
    assert [(p.name, p.default) for p in ours.values()] == [
        (p.name, p.default) for p in theirs.values()
    ]


@pytest.mark.parametrize("settings", SETTINGS)
def test_fields(classes, settings):
    ours, theirs = (cls(**settings) for cls in classes)
    assert ours.to_dict() == theirs.to_dict()
    assert ours.to_diff_dict() == theirs.to_diff_dict()
    assert ours.to_json_string() == theirs.to_json_string()
    assert ours.to_json_string(use_diff=False) == theirs.to_json_string(
        use_diff=False
    )
    assert repr(ours) == repr(theirs)
    assert ours.num_labels == theirs.num_labels
    assert ours.use_return_dict == theirs.use_return_dict


@pytest.mark.parametrize("settings", SETTINGS)
def test_files_both_ways(classes, settings, tmp_path):
    ours, theirs = (cls(**settings) for cls in classes)
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    assert (tmp_path / "ours" / "config.json").read_bytes() == (
        tmp_path / "theirs" / "config.json"
    ).read_bytes()
    theirs_of_ours = classes[1].from_pretrained(tmp_path / "ours")
    ours_of_theirs = classes[0].from_pretrained(tmp_path / "theirs")
    assert theirs_of_ours.to_dict() == theirs.to_dict()
    assert ours_of_theirs.to_dict() == ours.to_dict()
    assert ours_of_theirs == ours


def test_overrides(classes, tmp_path):
    classes[1](num_labels=3).save_pretrained(tmp_path)
    overrides = {
        "num_labels": 5,
        "output_hidden_states": True,
        "hidden_size": 7,
        "nonsense": 1,
        "revision": "main",
    }
    (ours, our_rest), (theirs, their_rest) = (
        cls.from_pretrained(tmp_path, return_unused_kwargs=True, **overrides)
        for cls in classes
    )
    assert ours.to_dict() == theirs.to_dict()
    assert our_rest == their_rest == {"nonsense": 1}
    ignored = classes[0].from_pretrained(tmp_path, nonsense=1)
    assert not hasattr(ignored, "nonsense")


def test_number_of_labels_without_names(classes, tmp_path):
    """As in the file of squeezebert-mnli."""
    (tmp_path / "config.json").write_text(json.dumps({"num_labels": 3}))
    ours, theirs = (cls.from_pretrained(tmp_path) for cls in classes)
    assert (
        ours.id2label == theirs.id2label == {i: f"LABEL_{i}" for i in [0, 1, 2]}
    )
    assert ours.label2id == theirs.label2id


def test_setting_the_number_of_labels(classes):
    for config in (cls(id2label={0: "a", 1: "b"}) for cls in classes):
        config.num_labels = 2
        assert config.id2label == {0: "a", 1: "b"}
        config.num_labels = 1
        assert config.id2label == {0: "LABEL_0"}
        assert config.label2id == {"LABEL_0": 0}


def test_update_and_equality(classes):
    ours, _ = classes
    config = ours(hidden_size=8)
    assert config == ours(hidden_size=8)
    assert config != ours()
    config.update({"hidden_size": 9, "new": 1})
    assert config == ours(hidden_size=9, new=1)
    assert config != "a configuration"
    assert "new" in list(config)


def test_configurations_of_two_models_differ():
    assert configs.MobileBertConfig() != configs.SqueezeBertConfig()


def test_from_file_and_dictionary(classes, tmp_path):
    ours, _ = classes
    config = ours(hidden_size=8, id2label={0: "a"})
    config.to_json_file(tmp_path / "some.json", use_diff=False)
    assert ours.from_json_file(tmp_path / "some.json") == config
    assert ours.from_pretrained(tmp_path / "some.json") == config
    assert ours.from_dict(config.to_dict()) == config
    assert ours.from_dict(config.to_dict(), hidden_size=9).hidden_size == 9


def test_failing_to_write_leaves_the_old_file(classes, tmp_path):
    ours, _ = classes
    ours().save_pretrained(tmp_path)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(TypeError):
        ours(own_field=object).save_pretrained(tmp_path)
    assert (tmp_path / "config.json").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_subfolder(classes, tmp_path):
    classes[1](hidden_size=8).save_pretrained(tmp_path / "inner")
    config = classes[0].from_pretrained(tmp_path, subfolder="inner")
    assert config.hidden_size == 8


def test_from_the_hub(classes, local_hub, tmp_path):
    ours, theirs = classes
    theirs(hidden_size=8).save_pretrained(local_hub.root / "org" / "name")
    config = ours.from_pretrained(
        "org/name", revision="main", cache_dir=tmp_path / "cache"
    )
    assert config.hidden_size == 8
    assert any((tmp_path / "cache").iterdir())
    local_hub.stop()
    again = ours.from_pretrained(
        "org/name", cache_dir=tmp_path / "cache", local_files_only=True
    )
    assert again == config
    with pytest.raises(OSError, match="org/name"):
        ours.from_pretrained(
            "org/name", cache_dir=tmp_path / "other", local_files_only=True
        )


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (configs.MobileBertConfig, "mobile_bert_tiny_en_uncased"),
        (configs.SqueezeBertConfig, "squeeze_bert_tiny_en_uncased"),
    ],
)
def test_of_built_in_preset(cls, name):
    config = cls.from_pretrained(name, num_labels=3)
    preset = next(
        architecture.backbone_cls
        for architecture in ARCHITECTURES.values()
        if architecture.model_type == cls.model_type
    ).from_preset(name, load_weights=False)
    assert config.num_hidden_layers == preset.num_layers
    assert config.hidden_size == preset.hidden_dim
    assert config.hidden_act == preset.activation.__name__
    assert config.num_labels == 3


def test_wrong_model_type_only_warns(tmp_path):
    configs.SqueezeBertConfig(hidden_size=8).save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="squeezebert"):
        config = configs.MobileBertConfig.from_pretrained(tmp_path)
    assert config.hidden_size == 8
    assert config.to_dict()["model_type"] == "mobilebert"


def test_errors(classes, tmp_path):
    ours, theirs = classes
    with pytest.raises(ValueError, match="`problem_type`"):
        ours(problem_type="guessing")
    with pytest.raises(ValueError, match="`id2label`"):
        ours(id2label=["a"])
    with pytest.warns(UserWarning, match="id2label"):
        assert ours(num_labels=5, id2label={0: "a", 1: "b"}).num_labels == 2
    ours().save_pretrained(tmp_path / "saved")
    for cls in classes:
        with pytest.raises(ValueError, match="num_labels"):
            cls.from_pretrained(
                tmp_path / "saved", num_labels=4, id2label={0: "a"}
            )
        with pytest.raises(OSError):
            cls.from_pretrained(str(tmp_path / "nowhere" / "at" / "all"))
    # transformers silently uses the defaults.
    with pytest.raises(OSError, match="config.json"):
        ours.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text("{")
    for cls in classes:
        with pytest.raises(OSError, match="JSON"):
            cls.from_pretrained(tmp_path)
        with pytest.raises(AssertionError, match="not a file"):
            cls().save_pretrained(tmp_path / "config.json")
