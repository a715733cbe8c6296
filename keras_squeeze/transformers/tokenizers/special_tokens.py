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
    """An attribute that holds one special token."""

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
    """An attribute that holds the id of one special token."""

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
    """Gives a tokenizer its special tokens.

    The tokenizer has the methods `convert_tokens_to_ids()`,
    `convert_ids_to_tokens()` and `_add_tokens()`.

    Args:
        **kwargs: The special tokens, by the names of their attributes. Each
            is a string or a `tokenizers.AddedToken`, and
            `additional_special_tokens` a list of those.

    Raises:
        TypeError: If a special token is something else.
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
        """List of strings. The special tokens that have no name."""
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
        """Dictionary of the special tokens that are set, as they were given."""
        return {
            name: value
            for name, value in self._special_tokens_map.items()
            if value and str(value)
        }

    @property
    def all_special_tokens_extended(self):
        """List of the special tokens, as they were given."""
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
        """Set special tokens, and add those that are new to the vocabulary.

        Args:
            special_tokens_dict: Dictionary from the names of attributes, such
                as `"pad_token"`, to tokens, and from
                `"additional_special_tokens"` to a list of tokens.
            replace_additional_special_tokens: bool. Whether the additional
                ones take the place of those before. Defaults to `True`.

        Returns:
            int. The number of tokens that were added to the vocabulary.

        Raises:
            AssertionError: If a key is not the name of a special token, or
                the additional ones are not a list of tokens.
            ValueError: If a token is not a string or `AddedToken`.
        """
        added = []
        for name, value in special_tokens_dict.items():
            if name not in SPECIAL_TOKENS_ATTRIBUTES:
                raise AssertionError(
                    "The keys of `special_tokens_dict` must be of "
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
        """Add tokens to the vocabulary that it does not have.

        The new tokens have the ids from `len(tokenizer)` on, for which the
        embeddings of a model must make room.

        Args:
            new_tokens: A string, a `tokenizers.AddedToken`, or a list of
                those. Strings are looked for in the text after it was
                lowercased, if the tokenizer does that.
            special_tokens: bool. Whether these are special tokens, which are
                looked for in the text as it is, and left out where special
                tokens are. Defaults to `False`.

        Returns:
            int. The number of tokens that were added to the vocabulary.

        Raises:
            TypeError: If a token is not a string or `AddedToken`.
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
    """Returns an `AddedToken` for a string, and the token itself for one.

    Args:
        value: A string or a `tokenizers.AddedToken`.
        special: bool. Whether a string is a special token, which is not
            normalized.
    """
    from tokenizers import AddedToken

    if isinstance(value, AddedToken):
        return value
    return AddedToken(value, special=special, normalized=not special)


def tokens_to_json(value):
    """Returns what stands for `value` in `tokenizer_config.json`.

    Args:
        value: Lists, dictionaries and `tokenizers.AddedToken`s in them.
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
    """Undoes `tokens_to_json`.

    Args:
        value: What was read from `tokenizer_config.json`.
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
