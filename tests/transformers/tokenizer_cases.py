"""Generates calls of tokenizers, and compares the outcomes."""

import random
import warnings

import numpy as np
import pytest
import transformers

IS_TRANSFORMERS_5 = int(transformers.__version__.partition(".")[0]) >= 5


def of_transformers_4(reason):
    """A mark for comparisons with features that transformers 5 lacks.

    Args:
        reason: string. The missing feature.
    """
    return pytest.mark.skipif(
        IS_TRANSFORMERS_5, reason=f"compares with transformers 4: {reason}"
    )


# Words, and text that is not a single word.
_PIECES = [
    *"the of and was runn unaffable embeddings Tokenizer HELLO Straße".split(),
    *"naïve Ångström e\u0301te\u0301 ΑΣ ὈΔΥΣΣΕΎΣ İstanbul ﬁne don't".split(),
    *". , ! ? ' - $ ^ ` ~ « … 、 ; 中国 日本語 カタカナ".split(),
    *"한국어 ไทย हिन्दी ｆｕｌｌ".split(),
    *"[MASK] [mask] [SEP] [CLS] [PAD] [UNK] [unused0] <s> </s> ##ing".split(),
    *"NEWTOK newtok NewTokEnd OneTok onetok <ent> one_word".split(),
    *"stripped cafe\u0301 ##s".split(),
    "👩\u200d👩\u200d👧",
    "x" * 100,
    "x" * 101,
    "\xad",
    "\u200b",
    "\u3000",
    "\xa0",
    "\u2028",
    "\ufffd",
    "\x00",
    "\x0c",
    "\t",
    "\n",
    "\r\n",
]
_SEPARATORS = [" ", " ", " ", " ", "", "  "]
# The arguments and the added tokens of tokenizers.
SETTINGS = [
    {},
    {"model_max_length": 12},
    {"do_lower_case": False},
    {"do_lower_case": False, "strip_accents": True},
    {"strip_accents": False, "tokenize_chinese_chars": False},
    {"padding_side": "left", "truncation_side": "left"},
    {
        "cls_token": "<s>",
        "sep_token": "</s>",
        "clean_up_tokenization_spaces": 0,
    },
    {"model_input_names": ["input_ids", "attention_mask"]},
    {"added": ["NEWTOK", "one_word"], "special": ["<ent>", "ǅ"]},
    {"additional_special_tokens": ["<ent>", "[unused0]"]},
]
SLOW_SETTINGS = [
    {"do_basic_tokenize": False},
    {"never_split": ["HELLO", "don't", "naïve", "[mask]"]},
]


def make_tokenizer(cls, vocab_file, added=(), special=(), **settings):
    """Create a tokenizer with one of the settings."""
    from tokenizers import AddedToken

    tokenizer = cls(vocab_file, **settings)
    if added:
        tokenizer.add_tokens(
            [
                *added,
                AddedToken("stripped", lstrip=True, rstrip=True),
                AddedToken("OneTok", single_word=True),
            ]
        )
    if special:
        tokenizer.add_special_tokens(
            {"additional_special_tokens": list(special)}
        )
    return tokenizer


def random_text(rng, max_pieces=9):
    """Return a text of words and other pieces."""
    text = ""
    for _ in range(rng.choice([0, 1, 2, 3, 5, max_pieces])):
        piece = rng.choice(_PIECES)
        if rng.random() < 0.1:
            piece = chr(rng.choice([*range(0xD800), *range(0xE000, 0x11000)]))
        text += piece + rng.choice(_SEPARATORS)
    return text


def random_call(rng, is_fast):
    """Return the name of a method, its arguments and its options."""
    words = rng.random() < 0.2
    text = random_words if words else random_text
    is_pair = rng.random() < 0.4
    options = _random_options(rng, is_fast)
    if words:
        options["is_split_into_words"] = True
    if rng.random() < 0.5:
        method = rng.choice(["__call__", "encode_plus", "encode", "tokenize"])
        if method == "tokenize":
            if is_fast and is_pair:
                return method, [random_text(rng), random_text(rng)], {}
            return method, [random_text(rng)], {}
        return method, [text(rng) for _ in range(1 + is_pair)], options
    size = rng.choice([1, 2, 3])
    first = [text(rng) for _ in range(size)]
    second = [text(rng) for _ in range(size)]
    if not is_pair:
        return rng.choice(["__call__", "batch_encode_plus"]), [first], options
    if rng.random() < 0.5:
        return "__call__", [first, second], options
    pairs = list(zip(first, second, strict=True))
    # A call cannot tell two words from a pair.
    return "batch_encode_plus", [pairs], options


def random_words(rng):
    """Return a list of at least one word."""
    return [random_text(rng, 3) for _ in range(rng.choice([1, 2, 5]))]


def _random_options(rng, is_fast):
    options = {
        "padding": rng.choice([False, False, True, "longest", "max_length"]),
        "truncation": rng.choice(
            [None, False, True, "longest_first", "only_first", "only_second"]
        ),
        "max_length": rng.choice([None, 1, 2, 3, 4, 5, 7, 8, 12, 16]),
        "verbose": rng.random() < 0.5,
    }
    rare = {
        "add_special_tokens": False,
        "stride": rng.choice([1, 2, 3]),
        "pad_to_multiple_of": rng.choice([4, 8]),
        "padding_side": rng.choice(["left", "right"]),
        "return_tensors": "np",
        "return_token_type_ids": rng.random() < 0.5,
        "return_attention_mask": rng.random() < 0.5,
        "return_overflowing_tokens": True,
        "return_special_tokens_mask": True,
        "return_length": True,
    }
    if is_fast:
        rare["return_offsets_mapping"] = True
        rare["split_special_tokens"] = True
    for name, value in rare.items():
        if rng.random() < 0.2:
            options[name] = value
    return options


def outcome(tokenizer, method, arguments, options):
    """Run a call and return everything that its result contains."""
    if not hasattr(tokenizer, method):
        # transformers 5 only has this method.
        method = "__call__"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = getattr(tokenizer, method)(*arguments, **options)
        except BaseException as e:
            if isinstance(e, (KeyboardInterrupt, SystemExit)):
                raise
            return e
    if not hasattr(result, "keys"):
        return _plain(result)
    found = {name: _plain(value) for name, value in result.items()}
    found["keys"] = list(result)
    found["n_sequences"] = result.n_sequences
    if result.is_fast:
        rows = range(len(result.encodings))
        found["tokens"] = [result.tokens(i) for i in rows]
        found["word_ids"] = [result.word_ids(i) for i in rows]
        found["sequence_ids"] = [result.sequence_ids(i) for i in rows]
    return found


def _plain(value):
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tolist().__repr__()
    return value


def disagreement(case, ours, theirs):
    """Describe how `ours` differs, or return `None`."""
    if not isinstance(theirs, BaseException):
        if isinstance(ours, BaseException):
            return f"{case}: raised {ours!r}, and not {theirs}"
        return None if ours == theirs else f"{case}: {ours}, not {theirs}"
    if not isinstance(ours, BaseException):
        return f"{case}: {ours}, and did not raise {theirs!r}"
    kinds = (ValueError, TypeError, NotImplementedError)
    kind = next((kind for kind in kinds if isinstance(theirs, kind)), Exception)
    if not isinstance(ours, kind):
        return f"{case}: raised {ours!r}, and not {theirs!r}"
    return None


def is_mistake(tokenizer, method, arguments, options, theirs):
    """Whether transformers makes a mistake that is avoided here.

    Slow tokenizers do not pad a single text without tokens, and cannot count
    the removed tokens if there is no limit.
    """
    if tokenizer.is_fast:
        return False
    if options.get("return_overflowing_tokens"):
        if "unsupported operand" in str(theirs):
            return True
    if options.get("add_special_tokens", True) or not options["padding"]:
        return False
    if isinstance(theirs, BaseException) or method == "batch_encode_plus":
        return False
    ids = theirs["input_ids"] if isinstance(theirs, dict) else theirs
    return len(ids) == 0 or (isinstance(ids, tuple) and ids[1] == (1, 0))


def compare(pairs, seed, num_calls):
    """Make the same random calls of both tokenizers of each pair.

    Args:
        pairs: List of pairs of our tokenizer and that of transformers.
        seed: int.
        num_calls: int.

    Returns:
        A tuple of the disagreements, the number of calls that raised an error,
        and the number of calls that were skipped.
    """
    rng = random.Random(seed)
    wrong, num_errors, num_mistakes = [], 0, 0
    for i in range(num_calls):
        ours, theirs = pairs[i % len(pairs)]
        call = random_call(rng, ours.is_fast)
        expected = outcome(theirs, *call)
        if is_mistake(theirs, *call, expected):
            num_mistakes += 1
            continue
        case = f"{type(ours).__name__}({ours.init_kwargs}).{call}"
        wrong.append(disagreement(case, outcome(ours, *call), expected))
        num_errors += isinstance(expected, BaseException)
    return [text for text in wrong if text], num_errors, num_mistakes
