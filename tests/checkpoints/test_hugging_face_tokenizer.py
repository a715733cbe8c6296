"""Tests Hugging Face tokenizer folders against transformers' `AutoTokenizer`.

Both of our APIs read them, and return the same ids or reject the folder.
"""

import json
import pathlib
import random

import keras
import pytest
import transformers
from tokenizers import AddedToken

import keras_squeeze
from keras_squeeze import models
from tests.backends import only_on
from tests.transformers.tokenizer_cases import of_transformers_4
from tests.transformers.tokenizer_cases import random_text

pytestmark = only_on("torch", reason="ids are the same on every backend")
TRANSFORMERS_5 = pathlib.Path(__file__).parents[1] / "data" / "transformers_5"
ADDED = ["[PERSON]", "NEWTOK"]
ENTITIES = {"additional_special_tokens": ["<ent>", "[unused0]"]}
TEXTS = [
    "[PERSON] is nice. [person] The Café É, cafe",
    "x<ent>y [mask] [MASK]NEWTOK newtok [unused0] <s>",
    "the\tstripped , a NewTok",
    "",
]


@pytest.fixture(scope="module")
def tokens(vocabulary):
    tokens = [*vocabulary[:3000], "The", "Café", "É", "中国"]
    tokens[1:3] = ["<s>", "</s>"]
    return tokens


class Folder:
    """A folder with the files of a tokenizer, to edit."""

    def __init__(self, path):
        self.path = path

    def write(self, name, **fields):
        """Change fields of a JSON file; `...` removes one."""
        path = self.path / name
        contents = json.loads(path.read_text()) if path.exists() else {}
        contents.update(fields)
        contents = {k: v for k, v in contents.items() if v is not ...}
        path.write_text(json.dumps(contents))

    def write_vocabulary(self, tokens):
        text = "".join(f"{token}\n" for token in tokens)
        (self.path / "vocab.txt").write_text(text, encoding="utf-8")

    def save(self, tokens, added=(), special=None, **arguments):
        """Save a transformers tokenizer."""
        self.write_vocabulary(tokens)
        path = str(self.path / "vocab.txt")
        tokenizer = transformers.MobileBertTokenizerFast(path, **arguments)
        tokenizer.add_tokens(list(added))
        if special:
            tokenizer.add_special_tokens(special)
        tokenizer.save_pretrained(self.path)

    def remove(self, *names):
        for name in names:
            (self.path / name).unlink(missing_ok=True)


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path)
    folder.write("config.json", model_type="mobilebert")
    return folder


def ids_of_layer(layer, texts):
    # With the special tokens that a model adds.
    return [
        [layer.cls_token_id, *row, layer.sep_token_id] for row in layer(texts)
    ]


def assert_equal(folder, texts=TEXTS):
    """Compare both of our APIs with transformers."""
    theirs = transformers.AutoTokenizer.from_pretrained(folder.path)
    rng = random.Random(1)
    texts = [*texts, *(random_text(rng) for _ in range(60))]
    expected = theirs(texts)["input_ids"]
    layer = models.MobileBertTokenizer.from_preset(str(folder.path))
    assert ids_of_layer(layer, texts) == expected
    assert layer.vocabulary_size() == len(theirs)
    assert layer.pad_token_id == theirs.pad_token_id
    assert layer.mask_token_id == theirs.mask_token_id
    face = keras_squeeze.AutoTokenizer.from_pretrained(folder.path)
    assert face(texts)["input_ids"] == expected
    return layer


ARGUMENTS = [
    {},
    {"do_lower_case": False},
    {"strip_accents": False},
    {"do_lower_case": False, "strip_accents": True},
    {"tokenize_chinese_chars": False},
]
FILES = {
    "all": (),
    "vocab.txt": ("tokenizer.json",),
    "tokenizer.json": ("vocab.txt",),
    "tokenizer.json alone": ("vocab.txt", "tokenizer_config.json"),
    "vocab.txt alone": ("tokenizer.json", "tokenizer_config.json"),
}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            name,
            marks=of_transformers_4("5 has added tokens in only one file"),
        )
        if "tokenizer.json" in FILES[name]
        else name
        for name in FILES
    ],
)
def test_added_tokens(folder, tokens, files):
    folder.save(tokens, ADDED, ENTITIES)
    folder.remove(*FILES[files])
    layer = assert_equal(folder)
    assert layer("[PERSON] is nice.")[0] == len(tokens)


def test_added_tokens_of_older_versions(folder, tokens):
    """Their configuration has no list of added tokens."""
    folder.save(tokens, ADDED, ENTITIES)
    folder.write("tokenizer_config.json", added_tokens_decoder=...)
    assert_equal(folder)
    folder.remove("tokenizer.json")
    assert_equal(folder)


def test_loading_says_nothing(folder, tokens, capfd):
    folder.save(tokens, ADDED)
    folder.write("tokenizer_config.json", added_tokens_decoder=...)
    capfd.readouterr()
    keras_squeeze.AutoTokenizer.from_pretrained(folder.path)
    keras_squeeze.MobileBertTokenizer.from_pretrained(folder.path)
    models.MobileBertTokenizer.from_preset(str(folder.path))
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore:The tokenizer in .* is a `PreTrained")
@pytest.mark.parametrize("arguments", ARGUMENTS)
@pytest.mark.parametrize("written_by", [None, "PreTrainedTokenizerFast"])
def test_files_that_disagree(folder, tokens, arguments, written_by):
    """Tests files of which only one specifies the casing.

    There are no added tokens here: transformers 4 would look for them in text
    that is normalized as by the file, version 5 does not.
    """
    folder.save(tokens, **arguments)
    if written_by:
        folder.write("tokenizer_config.json", tokenizer_class=written_by)
    assert_equal(folder)
    absent = dict.fromkeys(arguments, ...)
    folder.write("tokenizer_config.json", **absent)
    assert_equal(folder)
    folder.save(tokens)
    folder.write("tokenizer_config.json", **arguments)
    assert_equal(folder)


def test_flags_of_added_tokens(folder, tokens):
    flags = [
        AddedToken("stripped", lstrip=True, rstrip=True),
        AddedToken("NewTok", normalized=False),
    ]
    folder.save(tokens, flags)
    assert_equal(folder)


AROUND = {"cls_token": "<s>", "sep_token": "</s>"}
MASK = AddedToken("[MASK]", lstrip=True, normalized=True)


@pytest.mark.parametrize(
    "arguments",
    [
        AROUND,
        {"bos_token": "<s>", "eos_token": "<new>"},
        {"unk_token": "<s>"},
        {"mask_token": MASK},
        {"split_special_tokens": True, "additional_special_tokens": ["<ent>"]},
    ],
)
def test_other_special_tokens(folder, tokens, arguments):
    folder.save(tokens, **arguments)
    assert_equal(folder)


@pytest.mark.parametrize("file", ["tokenizer_config", "special_tokens_map"])
def test_special_tokens_beside_a_vocabulary(folder, tokens, file):
    folder.write_vocabulary(tokens)
    folder.write(f"{file}.json", **AROUND)
    layer = assert_equal(folder)
    assert (layer.cls_token, layer.sep_token) == ("<s>", "</s>")


def test_tokens_that_the_vocabulary_lacks(folder, tokens):
    folder.write_vocabulary([t for t in tokens if t != "[MASK]"])
    layer = assert_equal(folder)
    assert layer.mask_token_id == layer.vocabulary_size() - 1


def test_vocabulary_of_tokenizer_json_comes_first(folder, tokens):
    folder.save(tokens)
    folder.write_vocabulary(tokens[::-1])
    assert_equal(folder)


@pytest.mark.parametrize("end", ["\n", ""])
def test_blank_last_line_is_a_token(folder, tokens, end):
    folder.write_vocabulary(tokens)
    with open(folder.path / "vocab.txt", "a") as file:
        file.write(end)
    layer = assert_equal(folder)
    assert layer.vocabulary[len(tokens) :].count("") == len(end)


def test_arguments_of_slow_tokenizers_are_only_for_them(folder, tokens):
    folder.write_vocabulary(tokens)
    folder.write(
        "tokenizer_config.json", do_basic_tokenize=False, never_split=["The"]
    )
    assert_equal(folder)


def test_processor_of_older_versions(folder, tokens):
    folder.save(tokens)
    ids = {token: tokens.index(f"[{token}]") for token in ("CLS", "SEP")}
    folder.write(
        "tokenizer.json",
        post_processor={
            "type": "BertProcessing",
            "cls": ["[CLS]", ids["CLS"]],
            "sep": ["[SEP]", ids["SEP"]],
        },
    )
    assert_equal(folder)


def test_kept_in_a_preset(folder, tokens, tmp_path_factory):
    """A tokenizer that was read can be saved, and read by both APIs."""
    folder.save(tokens, ADDED, ENTITIES, **AROUND)
    layer = assert_equal(folder)
    preset = str(tmp_path_factory.mktemp("preset"))
    layer.save_to_preset(preset)
    config = json.loads(pathlib.Path(preset, "tokenizer.json").read_text())
    again = keras.saving.deserialize_keras_object(config)
    again.load_assets(f"{preset}/assets/tokenizer")
    assert again(TEXTS) == layer(TEXTS)
    pathlib.Path(preset, "config.json").write_text(
        json.dumps(
            {
                "registered_name": "keras_squeeze>MobileBertBackbone",
                "config": {
                    "max_sequence_length": 64,
                    "vocabulary_size": layer.vocabulary_size(),
                },
            }
        )
    )
    face = keras_squeeze.MobileBertTokenizerFast.from_pretrained(preset)
    assert face(TEXTS).input_ids == ids_of_layer(layer, TEXTS)
    slow = keras_squeeze.MobileBertTokenizer.from_pretrained(preset)
    text = "The [PERSON]<ent>is</s>"
    assert slow(text).input_ids == face(text).input_ids


# === What is refused ===

OTHER_NORMALIZER = {
    "type": "Sequence",
    "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}],
}


@pytest.mark.parametrize(
    ("file", "fields", "message"),
    [
        ("tokenizer.json", {"normalizer": OTHER_NORMALIZER}, "NFC"),
        ("tokenizer.json", {"normalizer": None}, "normalizer=None"),
        ("tokenizer.json", {"pre_tokenizer": {"type": "Digits"}}, "Digits"),
        ("tokenizer.json", {"post_processor": None}, "post_processor=None"),
        (
            "tokenizer_config.json",
            {"tokenizer_class": "BertJapaneseTokenizer"},
            "tokenizer_class='BertJapaneseTokenizer'",
        ),
        ("tokenizer_config.json", {"mask_token": None}, "mask_token=None"),
    ],
)
def test_what_a_layer_cannot_do(folder, tokens, file, fields, message):
    folder.save(tokens)
    folder.write(file, **fields)
    with pytest.raises(ValueError, match=f"`{file}` of .*{message}"):
        models.MobileBertTokenizer.from_preset(str(folder.path))


def test_special_tokens_that_disagree(folder, tokens):
    folder.save(tokens)
    folder.write("tokenizer_config.json", **AROUND)
    with pytest.raises(ValueError, match="'<s>' and '</s>' around texts"):
        models.MobileBertTokenizer.from_preset(str(folder.path))


def test_added_tokens_that_a_layer_cannot_find(folder, tokens):
    folder.save(tokens, [AddedToken("cat", single_word=True)])
    with pytest.raises(ValueError, match="'cat' with single_word=True"):
        models.MobileBertTokenizer.from_preset(str(folder.path))
    folder.save(
        tokens,
        [AddedToken("cat", normalized=False)],
        split_special_tokens=True,
    )
    with pytest.raises(ValueError, match="split_special_tokens=True"):
        models.MobileBertTokenizer.from_preset(str(folder.path))


def test_automatic_class_is_one_of_berts(folder, tokens):
    folder.save(tokens)
    name = "BertJapaneseTokenizer"
    folder.write("tokenizer_config.json", tokenizer_class=name)
    with pytest.raises(ValueError, match=f"tokenizer_class='{name}'"):
        keras_squeeze.AutoTokenizer.from_pretrained(folder.path)


# === transformers 5 ===


@pytest.mark.parametrize("name", ["mobile_bert", "squeeze_bert_cased"])
@pytest.mark.filterwarnings("error::UserWarning")
def test_files_of_transformers_5(name, folder, capfd):
    """Tests the fast and the slow tokenizer, and the layer."""
    source = TRANSFORMERS_5 / name
    ids = json.loads((source / "ids.json").read_text(encoding="utf-8"))
    texts = list(ids)
    for cls in (
        keras_squeeze.AutoTokenizer,
        keras_squeeze.MobileBertTokenizerFast,
        keras_squeeze.SqueezeBertTokenizerFast,
        keras_squeeze.MobileBertTokenizer,
        keras_squeeze.SqueezeBertTokenizer,
    ):
        tokenizer = cls.from_pretrained(source)
        # Slow tokenizers do not find lowercased added tokens, as in
        # transformers 4.
        known = texts if tokenizer.is_fast else texts[:2]
        for _ in range(2):
            found = [tokenizer(text).input_ids for text in known]
            assert found == [ids[text] for text in known]
            assert tokenizer.additional_special_tokens == ["<ent>"]
            again = folder.path / cls.__name__
            tokenizer.save_pretrained(again)
            tokenizer = cls.from_pretrained(again)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (folder.path / file).write_text((source / file).read_text())
    layer = models.MobileBertTokenizer.from_preset(str(folder.path))
    assert ids_of_layer(layer, texts) == list(ids.values())
    assert capfd.readouterr() == ("", "")
