import copy
import json
import pathlib
import pickle
import random
import threading

import keras
import keras_hub
import numpy as np
import pytest

from keras_squeeze.tokenizers import BertWordPieceTokenizer
from keras_squeeze.tokenizers import word_piece_encoder
from tests.bert_oracle import make_fast_tokenizer
from tests.tiny import SPECIAL_TOKENS

tf = pytest.importorskip("tensorflow")

VOCABULARY = [*SPECIAL_TOKENS, "the", "qu", "##ick", "fox", "cafe", ".", "##s"]
NAUGHTY_STRINGS = (
    pathlib.Path(__file__).parent.parent / "data" / "blns.txt"
).read_text(encoding="utf-8")


def in_graph(tokenizer, texts):
    """Return the output of `tokenizer` in a `tf.function`, as lists."""
    tokens = tf.function(lambda texts: tokenizer(texts))(texts)
    if isinstance(tokens, tf.RaggedTensor):
        return tokens.to_list()
    return tokens.numpy().tolist()


@pytest.fixture(scope="module")
def tokenizer(vocabulary):
    return BertWordPieceTokenizer(vocabulary)


@pytest.fixture(scope="module")
def graph(tokenizer):
    """The tokenizer in a graph that is traced once for all texts."""
    spec = tf.TensorSpec([None], tf.string)
    return tf.function(lambda x: tokenizer(x), input_signature=[spec])


TEXTS = {
    "plain": "The quick brown fox jumped, didn't it?",
    "accents": "Café naïve Ångström İstanbul ñandú cafe\u0301",
    "stacked accents": "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "no-break space": "10\u00a0km\u202f/\u2009h\u3000x\u2028y\u2029z",
    "zero width": "co\u00adope\u200brate\u200d \ufeffbom wo\u2060rd",
    "control": "a\x00b\x01c\x0bd\x0ce\x1ff\x7fg\x85h\ufffdi\tj\nk\rl",
    "only nul": "\x00",
    "private use": "a\ue000b \ue001\ue002 \U000f0000c [MA\ue000SK]",
    "CJK": "中国 abc漢字def、ｗｉｄｅ かな カナ 한국어 \U00020000\U0002b820 豈",
    "emoji": "👩‍👩‍👧‍👦 ❤️ 🇩🇪 5️⃣ x😀y",
    "scripts": "Привет мир Ελλάδας ΣΊΣΥΦΟΣ مَرْحَبًا हिन्दी ไทย",
    "not folded": "… ½ ² ß ﬁ ＡＢＣ ™ Straße",
    "punctuation": "a$b^c`d~e<f>g+h=i|j «k» l—m ;n ¡o! [x] {y}",
    "special": "[CLS] the [MASK]s x[SEP]y [UNK] [mask] [MASK][PAD]",
    "not special": "[unused0] [MASK ] [[MASK]] MASK",
    "100 letters": "a" * 100 + " b",
    "101 letters": "a" * 101 + " b",
    "100 letters of two bytes": "й" * 100 + " b",
    "101 letters of two bytes": "й" * 101 + " b",
    "100 letters with accents": "é" * 100 + " b",
    "empty": "",
    "spaces": "   \u00a0 ",
    "variation selector": "葛\U000e0100 a\U000e0001b\U000e0041c",
    "unassigned": "a\u0378b \U0001fffe",
}


@pytest.mark.parametrize("name", TEXTS)
def test_ids_are_those_of_transformers(tokenizer, graph, oracle, name):
    text = TEXTS[name]
    expected = oracle(text, add_special_tokens=False)["input_ids"]
    assert np.asarray(tokenizer(text)).tolist() == expected
    assert graph(tf.constant([text])).to_list() == [expected]


OPTIONS = {
    "cased": ({"lowercase": False}, {"do_lower_case": False}),
    "cased, no accents": (
        {"lowercase": False, "strip_accents": True},
        {"do_lower_case": False, "strip_accents": True},
    ),
    "lowercase, accents": (
        {"strip_accents": False},
        {"strip_accents": False},
    ),
    "CJK in one": (
        {"split_on_cjk": False},
        {"tokenize_chinese_chars": False},
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_do_what_they_do_in_transformers(vocabulary, tmp_path, name):
    # These words are only in the vocabulary in the form the option produces.
    vocabulary = vocabulary + ["Café", "café", "Cafe", "İstanbul", "i̇"]
    ours, theirs = OPTIONS[name]
    tokenizer = BertWordPieceTokenizer(vocabulary, **ours)
    oracle = make_fast_tokenizer(vocabulary, tmp_path, **theirs)
    texts = [*TEXTS.values(), "Café CAFÉ cafe", "i\u0307 中国"]
    expected = oracle(texts, add_special_tokens=False)["input_ids"]
    assert tokenizer(texts) == expected
    assert in_graph(tokenizer, tf.constant(texts)) == expected
    assert expected != BertWordPieceTokenizer(vocabulary)(texts)


def test_naughty_strings(tokenizer, graph, oracle):
    texts = [NAUGHTY_STRINGS, *NAUGHTY_STRINGS.split("\n")]
    expected = oracle(texts, add_special_tokens=False)["input_ids"]
    assert tokenizer(texts) == expected
    assert graph(tf.constant(texts)).to_list() == expected


def test_graph_does_not_reorder_the_marks_it_keeps():
    # The only difference between the two implementations: a sequence of
    # combining marks that are not accents, not in canonical order.
    marks = "\u1b44\u302e"
    tokenizer = BertWordPieceTokenizer([*VOCABULARY, "a" + marks])
    assert tokenizer("a" + marks).tolist() == [len(VOCABULARY)]
    assert tokenizer("a" + marks[::-1]).tolist() == [len(VOCABULARY)]
    assert in_graph(tokenizer, "a" + marks) == [len(VOCABULARY)]
    assert in_graph(tokenizer, "a" + marks[::-1]) == [1]


def test_special_tokens_in_strings():
    text = "the[MASK] NEW fox"
    vocabulary = [*VOCABULARY, "NEW", "new", "[", "]", "mask"]
    ids = {token: id for id, token in enumerate(vocabulary)}
    for options, words in (
        ({}, ["the", "[MASK]", "new", "fox"]),
        ({"special_tokens": ["NEW"]}, ["the", "[MASK]", "NEW", "fox"]),
        (
            {"special_tokens_in_strings": False},
            ["the", "[", "mask", "]", "new", "fox"],
        ),
    ):
        tokenizer = BertWordPieceTokenizer(vocabulary, **options)
        expected = [ids[word] for word in words]
        assert tokenizer(text).tolist() == expected
        assert in_graph(tokenizer, text) == expected


def test_special_tokens_that_overlap_or_have_spaces(tmp_path):
    special_tokens = ["New York", "Yorkshire", "New", "xab", "bcd"]
    vocabulary = [*VOCABULARY, *special_tokens, "x", "shire", "cd"]
    oracle = make_fast_tokenizer(
        vocabulary, tmp_path, additional_special_tokens=special_tokens
    )
    tokenizer = BertWordPieceTokenizer(
        vocabulary, special_tokens=special_tokens
    )
    texts = ["the New Yorkshire", "New  York", "xabcd bcd", "Newx New York."]
    expected = oracle(texts, add_special_tokens=False)["input_ids"]
    assert tokenizer(texts) == expected
    assert in_graph(tokenizer, tf.constant(texts)) == expected


CALLS = {
    "string": "the quick",
    "bytes": b"the quick",
    "list": ["the quick foxs", "", "fox"],
    "tuple": ("the", "fox"),
    "array": np.array(["the quick", "fox"]),
    "object array": np.array(["the", b"fox"], "object"),
    "nested": [["the", "fox."], ["quick", "the fox"]],
    "ragged": [["the"], ["quick", "the fox"]],
    "two axes": np.array([["the", "fox."], ["quick", "the fox"]]),
    "tensor": tf.constant(["the quick", "fox"]),
    "ragged tensor": tf.ragged.constant([["the"], ["quick", "the fox"]]),
}
FORMS = [
    {},
    {"sequence_length": 3},
    {"dtype": "string"},
    {"dtype": "string", "sequence_length": 3},
    {"dtype": "int64"},
    {"split": False},
]


@pytest.mark.parametrize("options", [*FORMS, {**FORMS[1], **FORMS[5]}])
def test_outputs_have_the_form_of_the_base_class(options):
    tokenizer = BertWordPieceTokenizer(VOCABULARY, **options)
    base = keras_hub.tokenizers.WordPieceTokenizer(
        VOCABULARY, lowercase=True, **options
    )
    for name, inputs in CALLS.items():
        output, expected = tokenizer(inputs), base(inputs)
        assert type(output) is type(expected), name
        if isinstance(output, np.ndarray):
            assert output.dtype == expected.dtype, name
        keras.tree.map_structure(
            np.testing.assert_array_equal, output, expected
        )


@pytest.mark.parametrize("options", FORMS)
def test_graph_outputs_have_the_form_of_the_base_class(options):
    tokenizer = BertWordPieceTokenizer(VOCABULARY, **options)
    base = keras_hub.tokenizers.WordPieceTokenizer(
        VOCABULARY, lowercase=True, **options
    )
    for name in ("string", "list", "two axes", "ragged tensor"):
        if name == "string" and options == {"split": False}:
            continue  # The base class takes no single word.
        inputs = CALLS[name]
        if name != "ragged tensor":
            inputs = tf.constant(inputs)
        output = tf.function(lambda x: tokenizer(x))(inputs)
        expected = tf.function(lambda x: base(x))(inputs)
        assert type(output) is type(expected), name
        assert output.dtype == expected.dtype, name
        if isinstance(output, tf.RaggedTensor):
            assert output.to_list() == expected.to_list()
        else:
            np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize(
    "options, shape",
    [({}, None), ({"sequence_length": 3}, (0, 3)), ({"split": False}, (0,))],
)
def test_no_strings(options, shape):
    tokenizer = BertWordPieceTokenizer(VOCABULARY, **options)
    output = tokenizer([])
    assert output == [] if shape is None else output.shape == shape
    assert in_graph(tokenizer, tf.zeros([0], tf.string)) == []


@pytest.mark.parametrize("batch_size", [None, 2])
def test_tf_data(tokenizer, oracle, batch_size):
    texts = [*TEXTS.values()]
    dataset = tf.data.Dataset.from_tensor_slices(texts)
    if batch_size is not None:
        dataset = dataset.batch(batch_size).map(tokenizer).unbatch()
    else:
        dataset = dataset.map(tokenizer)
    output = [tokens.numpy().tolist() for tokens in dataset]
    assert output == oracle(texts, add_special_tokens=False)["input_ids"]


def test_first_use_may_be_inside_tf_data(vocabulary):
    dataset = tf.data.Dataset.from_tensors(["The fox", "café"])
    dataset = dataset.map(BertWordPieceTokenizer(vocabulary))
    assert next(iter(dataset)).to_list() == [[1996, 4419], [7668]]


@pytest.mark.parametrize("in_two_axes", [True, False])
def test_split_false_takes_words(in_two_axes):
    vocabulary = [*VOCABULARY, "the fox", "中国", "don't"]
    tokenizer = BertWordPieceTokenizer(vocabulary, split=False)
    words = ["the fox", "QUICK", "中国", "Don't", "x[MASK]", ""]
    expected = [12, 6, 7, 13, 14, 1, 4]
    if in_two_axes:
        words, expected = [words, ["fox"]], [expected, [8]]
    assert np.asarray(tokenizer(words), "object").tolist() == expected
    if in_two_axes:
        words = tf.ragged.constant(words)
    assert in_graph(tokenizer, words) == expected


def test_detokenize():
    tokenizer = BertWordPieceTokenizer(VOCABULARY)
    ids = tokenizer(["The quick fox.", "café"])
    assert tokenizer.detokenize(ids) == ["the quick fox .", "cafe"]
    detokenize = tf.function(tokenizer.detokenize)
    assert detokenize(tf.ragged.constant(ids)).numpy().tolist() == [
        b"the quick fox .",
        b"cafe",
    ]


def test_special_token_attributes():
    tokenizer = BertWordPieceTokenizer(VOCABULARY)
    for name, token in (
        ("cls_token", "[CLS]"),
        ("sep_token", "[SEP]"),
        ("pad_token", "[PAD]"),
        ("mask_token", "[MASK]"),
        ("start_token", "[CLS]"),
        ("end_token", "[SEP]"),
    ):
        assert getattr(tokenizer, name) == token
        assert getattr(tokenizer, f"{name}_id") == VOCABULARY.index(token)


@pytest.mark.parametrize(
    "inputs, message",
    [
        (None, "must be strings. Received: None"),
        (["the", None], "must be strings. Received: None"),
        (["the", float("nan")], "must be strings. Received: nan"),
        (3, "must be strings. Received: 3"),
        (["the", b"\xff"], "must be UTF-8 text"),
        ("\ud83d", "must be valid Unicode"),
    ],
)
def test_inputs_that_are_not_text(inputs, message):
    tokenizer = BertWordPieceTokenizer(VOCABULARY)
    with pytest.raises(ValueError, match=message):
        tokenizer(inputs)
    assert tokenizer("the fox").tolist() == [5, 8]


def test_inputs_that_are_not_text_in_a_graph():
    tokenizer = BertWordPieceTokenizer(VOCABULARY)
    tokenize = tf.function(lambda texts: tokenizer(texts))
    with pytest.raises(ValueError, match="must be strings"):
        tokenize(tf.constant([1, 2]))
    with pytest.raises(ValueError, match="known rank"):
        tokenize.get_concrete_function(tf.TensorSpec(None, tf.string))
    with pytest.raises(tf.errors.InvalidArgumentError, match="Invalid"):
        tokenize(tf.constant(["the", b"\xff"]))


@pytest.mark.parametrize(
    "vocabulary, options, message",
    [
        ([*VOCABULARY, "the"], {}, "'the' more than once"),
        ([*VOCABULARY, "a\0"], {}, "NUL.*as token number 12"),
        ([*VOCABULARY, "", ""], {}, "'' more than once"),
        ([*VOCABULARY, 5], {}, "Received: 5 as token number 12"),
        ([*VOCABULARY, ["a"]], {}, "Received: .'a'. as token number 12"),
        (VOCABULARY[:4], {}, r"\[MASK\]"),
        (VOCABULARY, {"oov_token": "[OOV]"}, r"\[OOV\]"),
        (VOCABULARY, {"special_tokens": ["[X]"]}, r"lacks '\[X\]'"),
        (VOCABULARY, {"added_tokens": ["[X]"]}, r"lacks '\[X\]'"),
        (VOCABULARY, {"cls_token": "[X]"}, r"'\[X\]'"),
        (VOCABULARY, {"num_tokens": 13}, "the 13 tokens.*12 tokens"),
        (VOCABULARY, {"dtype": "float32"}, "integer type or a string"),
    ],
)
def test_invalid_arguments(vocabulary, options, message):
    with pytest.raises(ValueError, match=message):
        BertWordPieceTokenizer(vocabulary, **options)


def test_vocabulary_file(tmp_path):
    path = tmp_path / "vocabulary.txt"
    with pytest.raises(FileNotFoundError, match="vocabulary.txt"):
        BertWordPieceTokenizer(str(path))
    path.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    assert BertWordPieceTokenizer(str(path)).get_vocabulary() == VOCABULARY
    path.write_bytes("\r\n".join([*VOCABULARY, "\xa0", ""]).encode())
    tokens = BertWordPieceTokenizer(str(path)).get_vocabulary()
    assert tokens == [*VOCABULARY, "\xa0"]
    config = keras.saving.serialize_keras_object(BertWordPieceTokenizer())
    config["config"]["vocabulary"] = str(path)
    with pytest.raises(TypeError, match="outside of the model archive"):
        keras.saving.deserialize_keras_object(config, safe_mode=True)


def test_blank_last_line_is_a_token(tmp_path):
    path = tmp_path / "vocabulary.txt"
    path.write_text("\n".join(VOCABULARY) + "\n\n", encoding="utf-8")
    tokenizer = BertWordPieceTokenizer(str(path))
    assert tokenizer.get_vocabulary() == [*VOCABULARY, ""]
    expected = BertWordPieceTokenizer(VOCABULARY)("the fox ")
    assert tokenizer("the fox ").tolist() == expected.tolist()
    assert in_graph(tokenizer, "the fox ") == expected.tolist()
    tokenizer.save_assets(str(tmp_path))
    again = BertWordPieceTokenizer(num_tokens=13)
    again.load_assets(str(tmp_path))
    assert again.get_vocabulary() == [*VOCABULARY, ""]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"the\nfo\0\n", r"NUL.*vocabulary.txt` with 'fo\\x00' in line 2"),
        (b"the\ncaf\xe9\n", "vocabulary.txt` .*at byte 7"),
    ],
)
def test_damaged_vocabulary_file(tmp_path, contents, message):
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=message):
        BertWordPieceTokenizer(str(path))


def test_vocabulary_that_lost_tokens(tmp_path):
    BertWordPieceTokenizer(VOCABULARY).save_to_preset(str(tmp_path))
    path = tmp_path / "assets" / "tokenizer" / "vocabulary.txt"
    config = json.loads((tmp_path / "tokenizer.json").read_text())
    restored = keras.saving.deserialize_keras_object(config)
    path.write_text("\n".join(VOCABULARY[:-1]) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="the 12 tokens.*11 tokens"):
        restored.load_assets(str(path.parent))


ADDED_TOKENS = ["[PERSON]", "NEWTOK", "new", "cafe\u0301", "中国", "。x", "the"]
AROUND_ADDED = [
    "[person]",
    "NewTok",
    "CAFÉ",
    "中 国",
    "other",
    "[PER\u200bSON]",
]


@pytest.mark.parametrize(
    ("name", "more"),
    [(None, ["a b"]), *((name, ["Straße"]) for name in [None, *OPTIONS])],
)
def test_added_tokens(vocabulary, tmp_path, name, more):
    """They are found in normalized text, also in a graph."""
    added = ADDED_TOKENS + more
    ours, theirs = OPTIONS.get(name, ({}, {}))
    tokens = vocabulary[:5000]
    oracle = make_fast_tokenizer(tokens, tmp_path, **theirs)
    oracle.add_tokens(added)
    tokens += [token for token in added if token not in tokens]
    tokenizer = BertWordPieceTokenizer(tokens, added_tokens=added, **ours)
    rng = random.Random(1)
    parts = [*added, *AROUND_ADDED, *more, "[MASK]", *TEXTS.values()]
    texts = [
        rng.choice(["", " ", "x", "\t"]).join(rng.choices(parts, k=6))
        for _ in range(150)
    ]
    expected = oracle(texts, add_special_tokens=False)["input_ids"]
    assert tokenizer(texts) == expected
    assert in_graph(tokenizer, tf.constant(texts)) == expected
    assert BertWordPieceTokenizer(tokens, **ours)(texts) != expected


def test_added_token_of_which_nothing_is_left():
    tokenizer = BertWordPieceTokenizer(
        [*VOCABULARY, "\u200b"], added_tokens=["\u200b"]
    )
    with pytest.raises(ValueError, match="empty after normalization"):
        tokenizer("the fox")


def test_no_vocabulary():
    tokenizer = BertWordPieceTokenizer()
    with pytest.raises(ValueError, match="No vocabulary has been set"):
        tokenizer("the fox")
    tokenizer.set_vocabulary(VOCABULARY)
    assert tokenizer("the fox").tolist() == [5, 8]
    tokenizer.set_vocabulary([*SPECIAL_TOKENS, "fox", "the"])
    assert tokenizer("the fox").tolist() == [6, 5]
    assert in_graph(tokenizer, "the fox") == [6, 5]


ALL_OPTIONS = {
    "sequence_length": 7,
    "lowercase": False,
    "strip_accents": True,
    "split": False,
    "split_on_cjk": False,
    "suffix_indicator": "",
    "oov_token": "the",
    "special_tokens": ["fox"],
    "special_tokens_in_strings": False,
    "added_tokens": [".", "cafe"],
    "cls_token": "the",
    "sep_token": "fox",
    "pad_token": "[SEP]",
    "mask_token": "[CLS]",
    "num_tokens": 12,
    "name": "words",
}


def test_config_has_every_argument():
    tokenizer = BertWordPieceTokenizer(VOCABULARY, **ALL_OPTIONS)
    config = tokenizer.get_config()
    assert {name: config[name] for name in ALL_OPTIONS} == ALL_OPTIONS
    assert BertWordPieceTokenizer.from_config(config).get_config() == config
    default = BertWordPieceTokenizer(VOCABULARY).get_config()
    assert default["lowercase"] and default["strip_accents"] is None


def test_saving(tmp_path):
    tokenizer = BertWordPieceTokenizer(VOCABULARY, strip_accents=False)
    tokenizer.save_to_preset(str(tmp_path))
    path = tmp_path / "assets" / "tokenizer"
    restored = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(tokenizer)
    )
    assert type(restored) is BertWordPieceTokenizer
    restored.load_assets(str(path))
    assert restored.get_vocabulary() == VOCABULARY
    assert restored("The café fox").tolist() == [5, 1, 8]


@pytest.mark.parametrize(
    "copy_of", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies(copy_of):
    tokenizer = BertWordPieceTokenizer(VOCABULARY, strip_accents=False)
    tokenizer("the fox")
    in_graph(tokenizer, "the fox")
    copied = copy_of(tokenizer)
    assert copied("The café fox").tolist() == [5, 1, 8]
    assert in_graph(copied, "The café fox") == [5, 1, 8]


def test_memory_is_bounded(monkeypatch, tokenizer, oracle):
    monkeypatch.setattr(word_piece_encoder, "_MAX_CHARACTERS_REMEMBERED", 300)
    monkeypatch.setattr(word_piece_encoder, "_TEXTS_AT_A_TIME", 2)
    encoder = BertWordPieceTokenizer(tokenizer.get_vocabulary()).encoder
    texts = [f"word{i} word{i + 1}" for i in range(100)]
    ids, lengths = encoder.encode(texts)
    rows = [part.tolist() for part in np.split(ids, np.cumsum(lengths)[:-1])]
    assert rows == oracle(texts, add_special_tokens=False)["input_ids"]
    assert 0 < sum(map(len, encoder._ids)) <= 300


def test_threads_share_an_encoder(monkeypatch, tokenizer, oracle):
    # Such a small cache is emptied all the time.
    monkeypatch.setattr(word_piece_encoder, "_MAX_CHARACTERS_REMEMBERED", 200)
    encoder = BertWordPieceTokenizer(tokenizer.get_vocabulary()).encoder
    draw = random.Random(0)
    words = tokenizer.get_vocabulary()[2000:2200]
    batches = [
        [" ".join(draw.choices(words, k=5)) for _ in range(20)]
        for _ in range(40)
    ]
    results = {}

    def work(worker):
        results[worker] = [
            encoder.encode(batch)[0].tolist() for batch in batches
        ]

    threads = [threading.Thread(target=work, args=[i]) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [
        sum(oracle(batch, add_special_tokens=False)["input_ids"], [])
        for batch in batches
    ]
    assert all(results[worker] == expected for worker in range(4))
