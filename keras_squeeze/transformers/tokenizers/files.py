"""Reading of tokenizer files, in the layout of transformers."""

import json
import os
import warnings

from keras_squeeze.checkpoints.files import load_json
from keras_squeeze.checkpoints.from_preset import check_preset_vocabulary
from keras_squeeze.checkpoints.hugging_face import is_hugging_face_config
from keras_squeeze.checkpoints.hugging_face_tokenizer import tokenizer_family
from keras_squeeze.checkpoints.hugging_face_tokenizer import (
    vocabulary_of_backend,
)
from keras_squeeze.new_files import write_file
from keras_squeeze.tokenizers.vocabulary import read_vocabulary as read_lines
from keras_squeeze.transformers.repository import Repository
from keras_squeeze.transformers.tokenizers.special_tokens import as_token
from keras_squeeze.transformers.tokenizers.special_tokens import (
    tokens_from_json,
)
from keras_squeeze.validation import shorten

VOCABULARY_FILE = "vocab.txt"
BACKEND_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_MAP_FILE = "special_tokens_map.json"
ADDED_TOKENS_FILE = "added_tokens.json"

# The vocabulary file in the layout of KerasHub, and the names that the
# tokenizer layer's arguments have in transformers.
_PRESET_VOCABULARY_FILE = "assets/tokenizer/vocabulary.txt"
LAYER_ARGUMENTS = {
    "lowercase": "do_lower_case",
    "strip_accents": "strip_accents",
    "split_on_cjk": "tokenize_chinese_chars",
    "oov_token": "unk_token",
    "special_tokens": "additional_special_tokens",
    "cls_token": "cls_token",
    "sep_token": "sep_token",
    "pad_token": "pad_token",
    "mask_token": "mask_token",
}


def read_vocabulary(vocab_file):
    """Read a vocabulary.

    Args:
        vocab_file: string or `os.PathLike`, a file with one token per line or a
            `tokenizer.json`. Or the vocabulary itself, as a list of tokens or a
            dictionary from tokens to ids.

    Returns:
        A list of strings, the token of each id.

    Raises:
        ValueError: If the file does not exist or is not text in UTF-8, or the
            ids have gaps.
    """
    if isinstance(vocab_file, dict):
        tokens = sorted(vocab_file, key=vocab_file.get)
        if [vocab_file[token] for token in tokens] != list(range(len(tokens))):
            raise ValueError(
                "The ids of `vocab_file` must be those from 0 to the number of "
                f"tokens. Received: vocab_file={shorten(vocab_file)}"
            )
        return tokens
    if isinstance(vocab_file, (list, tuple)):
        return list(vocab_file)
    if vocab_file is None or not os.path.isfile(vocab_file):
        raise ValueError(
            "`vocab_file` must be the path of a vocabulary file, or a list or "
            "dictionary of tokens. For a pretrained tokenizer, call "
            f"`from_pretrained()`. Received: vocab_file={vocab_file!r}, which "
            "is not a file"
        )
    path = os.fspath(vocab_file)
    if not path.endswith(BACKEND_FILE):
        return read_lines(path)
    folder, file = os.path.split(path)
    return vocabulary_of_backend(load_json(folder or ".", file), f"`{path}`")


def read_arguments(cls, name, init_inputs, kwargs):
    """Read the constructor arguments of a tokenizer from its files.

    Args:
        cls: The class of the tokenizer.
        name: string or `os.PathLike`. The first argument of
            `from_pretrained()`.
        init_inputs: Tuple of positional arguments for the constructor.
        kwargs: Dictionary of the other arguments of `from_pretrained()`.

    Returns:
        A tuple of the positional arguments and a dictionary of keyword
        arguments.

    Raises:
        OSError: If there is no vocabulary.
        ValueError: If `name` is a single file, but the class needs more.
    """
    name = os.fspath(name)
    repository = Repository.from_kwargs(name, kwargs)
    from_slow = kwargs.pop("from_slow", False)
    if os.path.isfile(name):
        if cls.is_fast:
            raise ValueError(
                "`pretrained_model_name_or_path` must be a folder or a "
                f"repository. For a single file, call `{cls.__name__}"
                f"(vocab_file)`. Received: {name!r}, which is a file"
            )
        warnings.warn(
            f"Use `{cls.__name__}(vocab_file)` for a single file: "
            "`from_pretrained()` is for folders and repositories.",
            FutureWarning,
            stacklevel=3,
        )
        return init_inputs, {"vocab_file": name, "name_or_path": name, **kwargs}
    preset = _optional_json(repository, "config.json")
    if preset.get("registered_name") and not is_hugging_face_config(preset):
        arguments = _arguments_of_preset(repository, preset)
        return init_inputs, {**arguments, **kwargs, "name_or_path": name}

    config = _optional_json(repository, CONFIG_FILE)
    _check_class(cls, config, name)
    config.pop("tokenizer_class", None)
    _read_further_tokens(config)
    saved_inputs = config.pop("init_inputs", ())
    init_inputs = init_inputs or tuple(saved_inputs)
    # These paths are only valid on the machine that wrote them.
    for key in ("vocab_file", "tokenizer_file", "special_tokens_map_file"):
        config.pop(key, None)
    arguments = {**config, **kwargs, "name_or_path": name}
    vocabulary = _optional(repository.find, VOCABULARY_FILE)
    backend = _optional(repository.load_json, BACKEND_FILE)
    uses_backend = cls.is_fast and backend is not None and not from_slow
    if not uses_backend and "vocab_file" not in arguments and not init_inputs:
        if vocabulary is None and backend is None:
            raise OSError(
                f"There is no tokenizer in `{name}`: both "
                f"{VOCABULARY_FILE} and {BACKEND_FILE} are missing."
            )
        arguments["vocab_file"] = vocabulary or repository.find(BACKEND_FILE)
    if uses_backend:
        arguments.setdefault("tokenizer_file", repository.find(BACKEND_FILE))
        if vocabulary is not None:
            arguments.setdefault("vocab_file", vocabulary)
    if "added_tokens_decoder" in arguments:
        tokens = {
            int(id): _added_token(token)
            for id, token in arguments["added_tokens_decoder"].items()
        }
    else:
        _read_special_tokens(repository, arguments, kwargs)
        tokens = _read_added_tokens(repository, arguments, backend)
    arguments = tokens_from_json(arguments)
    arguments["added_tokens_decoder"] = tokens
    # Added tokens have more details, such as whether they are stripped.
    by_name = {str(token): token for token in tokens.values()}
    for key in cls.SPECIAL_TOKENS_ATTRIBUTES:
        value = arguments.get(key)
        if value is not None and key != "additional_special_tokens":
            arguments[key] = by_name.get(str(value), value)
    return init_inputs, arguments


def write_json(path, contents):
    """Write a JSON file atomically, in the format of transformers.

    Args:
        path: string.
        contents: What to write.
    """
    text = json.dumps(contents, indent=2, sort_keys=True, ensure_ascii=False)
    write_file(path, text + "\n")


def _optional(read, filename):
    try:
        return read(filename)
    except FileNotFoundError:
        return None


def _optional_json(repository, filename):
    return _optional(repository.load_json, filename) or {}


def _arguments_of_preset(repository, config):
    """Convert the tokenizer of a KerasHub preset to arguments."""
    contents = repository.load_saved(BACKEND_FILE)
    saved = contents["config"]
    arguments = {
        ours: saved[theirs]
        for theirs, ours in LAYER_ARGUMENTS.items()
        if saved.get(theirs) is not None
    }
    arguments["model_max_length"] = config["config"]["max_sequence_length"]
    arguments["vocab_file"] = repository.find(_PRESET_VOCABULARY_FILE)
    vocabulary = read_lines(arguments["vocab_file"])
    check_preset_vocabulary(repository.name, config, contents, len(vocabulary))
    arguments["added_tokens_decoder"] = added_tokens_decoder(
        vocabulary, saved.get("added_tokens") or []
    )
    return arguments


def added_tokens_decoder(vocabulary, added_tokens):
    """Make the added tokens of a tokenizer layer.

    Args:
        vocabulary: List of strings. The vocabulary of the layer.
        added_tokens: List of strings. The added tokens that are matched in
            normalized text.

    Returns:
        A dictionary from ids to `tokenizers.AddedToken`s.
    """
    return {
        vocabulary.index(token): as_token(token, special=False)
        for token in added_tokens
    }


def _check_class(cls, config, name):
    written_by = config.get("tokenizer_class")
    if written_by is not None and tokenizer_family(config) != "bert":
        warnings.warn(
            f"The tokenizer in `{name}` is a `{written_by}`, which may differ "
            f"from `{cls.__name__.removesuffix('Fast')}`.",
            stacklevel=4,
        )


def _read_further_tokens(config):
    """Rename the special tokens that have no attribute.

    transformers 5 calls them `extra_special_tokens`. In earlier versions, that
    field held special tokens with custom names.
    """
    tokens = config.get("extra_special_tokens") or []
    if isinstance(tokens, dict):
        tokens = list(tokens.values())
    if tokens:
        known = config.get("additional_special_tokens") or []
        config["additional_special_tokens"] = known + [
            token for token in tokens if token not in known
        ]
        config["extra_special_tokens"] = {}


def _read_special_tokens(repository, arguments, kwargs):
    """Merge `special_tokens_map.json` into the arguments."""
    special_tokens = _optional_json(repository, SPECIAL_TOKENS_MAP_FILE)
    for key, value in special_tokens.items():
        if kwargs.get(key):
            continue
        if isinstance(value, list):
            known = arguments.get(key) or []
            value = list(map(_special_token, value))
            value = known + [token for token in value if token not in known]
        arguments[key] = _special_token(value)


def _special_token(value):
    if not isinstance(value, dict):
        return value
    return _added_token({**value, "special": True})


def _read_added_tokens(repository, arguments, backend):
    """Collect the added tokens by id, from the older file and the backend."""
    special = set()
    for key, value in arguments.items():
        if key == "additional_special_tokens":
            special.update(map(str, value or []))
        elif key.endswith("_token"):
            special.add(str(value))
    tokens = {
        id: as_token(token, special=token in special)
        for token, id in _optional_json(repository, ADDED_TOKENS_FILE).items()
    }
    for token in (backend or {}).get("added_tokens", []):
        fields = dict(token)
        id = fields.pop("id")
        tokens[id] = _added_token(fields)
    return tokens


def _added_token(value):
    """Convert a value from a file to an `AddedToken`."""
    from tokenizers import AddedToken

    if isinstance(value, AddedToken):
        return value
    if not isinstance(value, dict):
        raise TypeError(
            "`added_tokens_decoder` must hold dictionaries or `AddedToken`s. "
            f"Received: {value!r} of type {type(value).__name__}"
        )
    return AddedToken(**{k: v for k, v in value.items() if k != "__type"})
