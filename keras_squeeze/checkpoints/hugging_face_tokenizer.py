"""Reads the tokenizer of a Hugging Face checkpoint.

The result is a set of arguments for `BertWordPieceTokenizer`. A tokenizer that
these arguments cannot represent is rejected: wrong ids are worse than no
tokenizer.
"""

from keras_squeeze.checkpoints.files import get_file
from keras_squeeze.checkpoints.files import load_json
from keras_squeeze.tokenizers.vocabulary import read_vocabulary

# The named special tokens, with BERT's defaults.
_SPECIAL_TOKENS = {
    "bos_token": None,
    "eos_token": None,
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
_FURTHER_TOKENS = ("additional_special_tokens", "extra_special_tokens")

# Generic classes follow their `tokenizer.json`. The classes derived from BERT's
# take the casing from the configuration.
_GENERIC_CLASSES = ("PreTrainedTokenizer", "TokenizersBackend")
_BERT_CLASSES = (
    "Bert",
    "ConvBert",
    "DistilBert",
    "Electra",
    "LayoutLM",
    "Lxmert",
    "MobileBert",
    "RetriBert",
    "SqueezeBert",
)

# The required values in the parts of `tokenizer.json`. Other fields are read or
# not relevant.
_PARTS = {
    "normalizer": {"type": "BertNormalizer", "clean_text": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
}


def tokenizer_family(config):
    """Which rules the class of a tokenizer follows.

    Args:
        config: Dictionary. The contents of `tokenizer_config.json`.

    Returns:
        `"bert"` for a class derived from BERT's, `"generic"` for one that
        follows its `tokenizer.json`, and `None` for others.
    """
    name = str(config.get("tokenizer_class")).removesuffix("Fast")
    if name in _GENERIC_CLASSES:
        return "generic"
    is_bert = name.removesuffix("Tokenizer") in _BERT_CLASSES
    return "bert" if is_bert else None


def casing(config, backend):
    """Find the casing options that `AutoTokenizer` in transformers would use.

    Args:
        config: Dictionary. The contents of `tokenizer_config.json`.
        backend: Dictionary. The contents of `tokenizer.json`, or `None`.

    Returns:
        A dictionary with the keys `"do_lower_case"`, `"strip_accents"` and
        `"tokenize_chinese_chars"`.
    """
    if backend is not None and tokenizer_family(config) == "generic":
        normalizer = backend.get("normalizer") or {}
        return {
            "do_lower_case": normalizer.get("lowercase", True),
            "strip_accents": normalizer.get("strip_accents"),
            "tokenize_chinese_chars": normalizer.get(
                "handle_chinese_chars", True
            ),
        }
    return {
        "do_lower_case": config.get("do_lower_case", True),
        "strip_accents": config.get("strip_accents"),
        "tokenize_chinese_chars": config.get("tokenize_chinese_chars", True),
    }


def vocabulary_of_backend(backend, name):
    """Read the vocabulary from a `tokenizer.json`.

    Args:
        backend: Dictionary. The contents of the file.
        name: string. The name of the file in errors.

    Returns:
        A list of strings, the token of each id.

    Raises:
        ValueError: If it is not a WordPiece model, or ids have no token.
    """
    model = backend.get("model") or {}
    # Early files do not state the type.
    is_word_piece = "continuing_subword_prefix" in model
    kind = model.get("type", "WordPiece" if is_word_piece else None)
    if kind != "WordPiece":
        raise ValueError(
            f"{name} must hold a WordPiece model. Received: type={kind!r}"
        )
    ids = model["vocab"]
    vocabulary = sorted(ids, key=ids.get)
    if [ids[token] for token in vocabulary] != list(range(len(vocabulary))):
        raise ValueError(
            f"{name} must number its {len(vocabulary)} tokens from 0 without "
            f"gaps. Received: ids up to {max(ids.values())}"
        )
    return vocabulary


class TokenizerReader:
    """Reads the files of a tokenizer.

    Args:
        preset: string. The folder or handle with the files.
    """

    def __init__(self, preset):
        self.preset = preset
        self.config = self._optional_json("tokenizer_config.json") or {}
        self.backend = self._optional_json("tokenizer.json")

    def arguments(self):
        """Convert the files to arguments of the tokenizer.

        Returns:
            Dictionary of arguments of `BertWordPieceTokenizer`.

        Raises:
            ValueError: If the arguments cannot represent the tokenizer.
            FileNotFoundError: If there is no vocabulary.
        """
        written_by = self.config.get("tokenizer_class")
        self._check(
            written_by is None or tokenizer_family(self.config) is not None,
            "tokenizer_config.json",
            "name a BERT tokenizer",
            f"tokenizer_class={written_by!r}",
        )
        arguments = {"suffix_indicator": "##"}
        named, further = self._special_tokens()
        if self.backend is None:
            vocabulary = self._vocabulary_file()
            arguments["oov_token"] = named["unk_token"]
        else:
            vocabulary = vocabulary_of_backend(
                self.backend, f"`tokenizer.json` of `{self.preset}`"
            )
            self._check_parts(named)
            model = self.backend["model"]
            arguments["oov_token"] = model.get("unk_token", "[UNK]")
            arguments["suffix_indicator"] = model.get(
                "continuing_subword_prefix", "##"
            )
        tokens = self._added_tokens([*filter(None, named.values()), *further])
        known = set(vocabulary)
        vocabulary += [token for token in tokens if token not in known]
        settings = casing(self.config, self.backend)
        is_split = bool(self.config.get("split_special_tokens"))
        if is_split:
            # Tokens that are not special are still matched.
            tokens = {k: v for k, v in tokens.items() if not v["special"]}
            self._check(
                all(token["normalized"] for token in tokens.values()),
                "tokenizer_config.json",
                "not split special tokens if there are other tokens that are "
                "not normalized",
                f"split_special_tokens={is_split}",
            )
        wanted = {arguments["oov_token"]}
        for name in ("cls", "sep", "pad", "mask"):
            arguments[f"{name}_token"] = named[f"{name}_token"]
            wanted.add(named[f"{name}_token"])
        return {
            **arguments,
            "vocabulary": vocabulary,
            "lowercase": settings["do_lower_case"],
            "strip_accents": settings["strip_accents"],
            "split_on_cjk": settings["tokenize_chinese_chars"],
            "special_tokens_in_strings": not is_split,
            "special_tokens": [
                content
                for content, token in tokens.items()
                if not token["normalized"] and content not in wanted
            ],
            "added_tokens": [
                content
                for content, token in tokens.items()
                if token["normalized"]
            ],
        }

    def _check(self, condition, file, expected, received):
        if not condition:
            raise ValueError(
                f"`{file}` of `{self.preset}` must {expected}. Received: "
                f"{received}"
            )

    def _optional_json(self, name):
        try:
            return load_json(self.preset, name)
        except FileNotFoundError:
            return None

    def _vocabulary_file(self):
        try:
            path = get_file(self.preset, "vocab.txt")
        except FileNotFoundError as e:
            raise FileNotFoundError(
                f"There is no vocabulary in `{self.preset}`: neither "
                "`vocab.txt` nor `tokenizer.json` exists."
            ) from e
        return read_vocabulary(path)

    def _check_parts(self, named):
        """Check that `tokenizer.json` behaves like BERT's."""
        file = "tokenizer.json"
        longest = self.backend["model"].get("max_input_chars_per_word", 100)
        self._check(
            longest == 100,
            file,
            "split words of up to 100 characters",
            f"max_input_chars_per_word={longest}",
        )
        for name, expected in _PARTS.items():
            part = self.backend.get(name) or {}
            self._check(
                expected.items() <= part.items(),
                file,
                f"have the {name} {expected}",
                f"{name}={self.backend.get(name)}",
            )
        processor = self.backend.get("post_processor") or {}
        found = _special_tokens_around(processor)
        self._check(
            found == (named["cls_token"], named["sep_token"]),
            file,
            f"put the tokens {named['cls_token']!r} and "
            f"{named['sep_token']!r} around texts as BERT does",
            f"post_processor={self.backend.get('post_processor')}",
        )

    def _special_tokens(self):
        """Collect the named special tokens, and a list of the others."""
        fields = dict(self.config)
        if "added_tokens_decoder" not in fields:
            # Older versions only have the special tokens map.
            special = self._optional_json("special_tokens_map.json") or {}
            for name, value in special.items():
                if isinstance(value, list):
                    value = [*(fields.get(name) or []), *value]
                fields[name] = value
        named = {
            name: _content(fields.get(name, default))
            for name, default in _SPECIAL_TOKENS.items()
        }
        for name in ("cls_token", "sep_token", "pad_token", "mask_token"):
            self._check(
                named[name],
                "tokenizer_config.json",
                f"name a `{name}`",
                f"{name}={named[name]!r}",
            )
        further = []
        for name in _FURTHER_TOKENS:
            tokens = fields.get(name) or []
            if isinstance(tokens, dict):
                tokens = tokens.values()
            further += map(_content, tokens)
        return named, further

    def _added_tokens(self, special):
        """Collect the tokens that are never split.

        Args:
            special: List of strings. The special tokens.

        Returns:
            A dictionary from tokens to dictionaries of their fields, in the
            order of the ids of new tokens.
        """
        backend = (self.backend or {}).get("added_tokens") or []
        backend = sorted(backend, key=lambda token: token["id"])
        tokens = {token["content"]: token for token in backend}
        decoder = self.config.get("added_tokens_decoder")
        if decoder is None:
            added = self._optional_json("added_tokens.json") or {}
            decoder = {
                id: {"content": content}
                for content, id in added.items()
                if content not in tokens
            }
        for id in sorted(decoder, key=int):
            tokens[decoder[id]["content"]] = decoder[id]
        for content in special:
            tokens.setdefault(content, {"normalized": False})
        for content, token in tokens.items():
            is_special = token.get("special", False) or content in special
            tokens[content] = {
                "normalized": token.get("normalized", not is_special),
                "special": is_special,
            }
            self._check(
                not token.get("single_word", False),
                "tokenizer_config.json",
                "match added tokens within words as well",
                f"{content!r} with single_word=True",
            )
        return tokens


def _content(token):
    return token["content"] if isinstance(token, dict) else token


def _special_tokens_around(processor):
    """Find the first and last special token around a text.

    Args:
        processor: Dictionary. The `"post_processor"` of `tokenizer.json`.

    Returns:
        A tuple of two strings, or `None` if the processor is not BERT's.
    """
    if processor.get("type") == "BertProcessing":
        return processor["cls"][0], processor["sep"][0]
    if processor.get("type") != "TemplateProcessing":
        return None
    single, pair = (
        [
            (name, part[name]["id"], part[name]["type_id"])
            for part in processor[key]
            for name in part
        ]
        for key in ("single", "pair")
    )
    if len(single) != 3:
        return None
    first, last = single[0][1], single[2][1]
    expected = [
        ("SpecialToken", first, 0),
        ("Sequence", "A", 0),
        ("SpecialToken", last, 0),
    ]
    following = [("Sequence", "B", 1), ("SpecialToken", last, 1)]
    is_known = single == expected and pair == expected + following
    return (first, last) if is_known else None
