"""The special tokens of a tokenizer."""

SPECIAL_TOKENS_ATTRIBUTES = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
    "additional_special_tokens",
)


class _SpecialToken:
    """A descriptor of one special token."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, tokenizer, owner=None):
        if tokenizer is None:
            return self
        token = tokenizer._special_tokens_map[self.name]
        return None if token is None else str(token)

    def __set__(self, tokenizer, token):
        if token is not None and not is_token(token):
            raise ValueError(
                f"`{self.name}` must be a string, an `AddedToken` or `None`. "
                f"Received: {self.name}={token!r}"
            )
        tokenizer._special_tokens_map[self.name] = token


class _SpecialTokenId:
    """A descriptor of the id of one special token."""

    def __set_name__(self, owner, name):
        self.name = name.removesuffix("_id")

    def __get__(self, tokenizer, owner=None):
        if tokenizer is None:
            return self
        return tokenizer.convert_tokens_to_ids(getattr(tokenizer, self.name))

    def __set__(self, tokenizer, id):
        if id is not None:
            id = tokenizer.convert_ids_to_tokens(id)
        setattr(tokenizer, self.name, id)


class SpecialTokens:
    """Special tokens and their ids, for a tokenizer.

    The tokenizer has the methods `convert_tokens_to_ids()`,
    `convert_ids_to_tokens()` and `_add_tokens()`.

    Args:
        **kwargs: The special tokens by attribute name. Each is a string or a
            `tokenizers.AddedToken`. `additional_special_tokens` is a list of
            those.

    Raises:
        TypeError: If a special token has another type.
    """

    SPECIAL_TOKENS_ATTRIBUTES = list(SPECIAL_TOKENS_ATTRIBUTES)

    bos_token = _SpecialToken()
    eos_token = _SpecialToken()
    unk_token = _SpecialToken()
    sep_token = _SpecialToken()
    pad_token = _SpecialToken()
    cls_token = _SpecialToken()
    mask_token = _SpecialToken()
    bos_token_id = _SpecialTokenId()
    eos_token_id = _SpecialTokenId()
    unk_token_id = _SpecialTokenId()
    sep_token_id = _SpecialTokenId()
    pad_token_id = _SpecialTokenId()
    cls_token_id = _SpecialTokenId()
    mask_token_id = _SpecialTokenId()

    def __init__(self, **kwargs):
        self._special_tokens_map = dict.fromkeys(SPECIAL_TOKENS_ATTRIBUTES)
        self._special_tokens_map["additional_special_tokens"] = []
        for name, value in kwargs.items():
            if value is None:
                continue
            if name == "additional_special_tokens":
                _check_tokens(value, name)
            elif not is_token(value):
                raise TypeError(
                    f"`{name}` must be a string or an `AddedToken`. Received: "
                    f"{name}={value!r} of type {type(value).__name__}"
                )
            setattr(self, name, value)

    @property
    def additional_special_tokens(self):
        """List of strings. The special tokens without an attribute."""
        tokens = self._special_tokens_map["additional_special_tokens"]
        return list(map(str, tokens))

    @additional_special_tokens.setter
    def additional_special_tokens(self, tokens):
        self._special_tokens_map["additional_special_tokens"] = list(
            tokens or []
        )

    @property
    def additional_special_tokens_ids(self):
        """List of ints. The ids of `additional_special_tokens`."""
        return self.convert_tokens_to_ids(self.additional_special_tokens)

    @additional_special_tokens_ids.setter
    def additional_special_tokens_ids(self, ids):
        self.additional_special_tokens = self.convert_ids_to_tokens(ids)

    @property
    def pad_token_type_id(self):
        """int. The token type of padding."""
        return 0

    @property
    def special_tokens_map(self):
        """Dictionary of the special tokens that are set, as strings."""
        return {
            name: getattr(self, name)
            for name in self.special_tokens_map_extended
        }

    @property
    def special_tokens_map_extended(self):
        """Dictionary of the special tokens that are set, as passed."""
        return {
            name: value
            for name, value in self._special_tokens_map.items()
            if value and str(value)
        }

    @property
    def all_special_tokens_extended(self):
        """List of the special tokens, as they were passed."""
        tokens = {}
        for value in self.special_tokens_map_extended.values():
            for token in value if isinstance(value, list) else [value]:
                tokens.setdefault(str(token), token)
        return list(tokens.values())

    @property
    def all_special_tokens(self):
        """List of strings. The special tokens."""
        return list(map(str, self.all_special_tokens_extended))

    @property
    def all_special_ids(self):
        """List of ints. The ids of the special tokens."""
        return self.convert_tokens_to_ids(self.all_special_tokens)

    def add_special_tokens(
        self, special_tokens_dict, replace_additional_special_tokens=True
    ):
        """Set special tokens, and add new ones to the vocabulary.

        Args:
            special_tokens_dict: Dictionary from attribute names, such as
                `"pad_token"`, to tokens, and from `"additional_special_tokens"`
                to a list of tokens.
            replace_additional_special_tokens: bool. Whether to replace the
                current additional tokens. Defaults to `True`.

        Returns:
            int. The number of tokens that were added to the vocabulary.

        Raises:
            AssertionError: If a key is not the name of a special token, or
                `additional_special_tokens` is not a list of tokens.
            ValueError: If a token is neither a string nor an `AddedToken`.
        """
        added = []
        for name, value in special_tokens_dict.items():
            if name not in SPECIAL_TOKENS_ATTRIBUTES:
                raise AssertionError(
                    "The keys of `special_tokens_dict` must be among "
                    f"{SPECIAL_TOKENS_ATTRIBUTES}. Received: {name!r}"
                )
            if name != "additional_special_tokens":
                if not is_token(value):
                    raise ValueError(
                        f"`{name}` must be a string or an `AddedToken`. "
                        f"Received: {name}={value!r}"
                    )
                token = as_token(value, special=True)
                setattr(self, name, token)
                if token not in added:
                    added.append(token)
                continue
            _check_tokens(value, name)
            known = self._special_tokens_map[name]
            tokens = [as_token(token, special=True) for token in value]
            if replace_additional_special_tokens:
                known = known if not tokens else []
            else:
                names = set(map(str, known))
                tokens = [token for token in tokens if str(token) not in names]
            self._special_tokens_map[name] = known + tokens
            added += tokens
        return self.add_tokens(added, special_tokens=True)

    def add_tokens(self, new_tokens, special_tokens=False):
        """Add new tokens to the vocabulary.

        Their ids start at `len(tokenizer)`. The embeddings of the model must be
        resized for them.

        Args:
            new_tokens: A string, a `tokenizers.AddedToken`, or a list of these.
                Strings are matched after the text is lowercased, if the
                tokenizer lowercases.
            special_tokens: bool. Whether these are special tokens. Special
                tokens are matched in the original text, and are left out
                wherever special tokens are. Defaults to `False`.

        Returns:
            int. The number of tokens that were added to the vocabulary.

        Raises:
            TypeError: If a token is neither a string nor an `AddedToken`.
        """
        if not new_tokens:
            return 0
        if not isinstance(new_tokens, (list, tuple)):
            new_tokens = [new_tokens]
        for token in new_tokens:
            if not is_token(token):
                raise TypeError(
                    "`new_tokens` must be strings or `AddedToken`s. Received: "
                    f"{token!r} of type {type(token).__name__}"
                )
        return self._add_tokens(new_tokens, special_tokens)


def is_token(value):
    """Whether `value` is a string or a `tokenizers.AddedToken`."""
    from tokenizers import AddedToken

    return isinstance(value, (str, AddedToken))


def as_token(value, special):
    """Convert a string to an `AddedToken`. An `AddedToken` is returned as is.

    Args:
        value: A string or a `tokenizers.AddedToken`.
        special: bool. Whether a string is a special token. Special tokens are
            not normalized.
    """
    from tokenizers import AddedToken

    if isinstance(value, AddedToken):
        return value
    return AddedToken(value, special=special, normalized=not special)


def tokens_to_json(value):
    """Convert tokens to their representation in `tokenizer_config.json`.

    Args:
        value: Nested lists and dictionaries of `tokenizers.AddedToken`s.
    """
    from tokenizers import AddedToken

    if isinstance(value, AddedToken):
        return {**value.__getstate__(), "__type": "AddedToken"}
    if isinstance(value, (list, tuple)):
        return list(map(tokens_to_json, value))
    if isinstance(value, dict):
        return {name: tokens_to_json(part) for name, part in value.items()}
    return value


def tokens_from_json(value):
    """Convert the output of `tokens_to_json` back to tokens.

    Args:
        value: A value from `tokenizer_config.json`.
    """
    from tokenizers import AddedToken

    if isinstance(value, list):
        return list(map(tokens_from_json, value))
    if not isinstance(value, dict):
        return value
    if value.get("__type") == "AddedToken":
        return AddedToken(
            **{name: part for name, part in value.items() if name != "__type"}
        )
    return {name: tokens_from_json(part) for name, part in value.items()}


def _check_tokens(tokens, name):
    if not isinstance(tokens, (list, tuple)) or not all(map(is_token, tokens)):
        raise AssertionError(
            f"`{name}` must be a list of strings or `AddedToken`s. Received: "
            f"{name}={tokens!r}"
        )
