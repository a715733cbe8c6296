"""Reads vocabulary files, and checks that they are complete."""


def read_vocabulary(path):
    """Read a vocabulary file.

    A blank last line is a token, as in transformers.

    Args:
        path: string or `os.PathLike`. A file with one token per line.

    Returns:
        A list of strings, the token of each id.

    Raises:
        ValueError: If the file is not text in UTF-8.
    """
    with open(path, encoding="utf-8") as file:
        try:
            text = file.read()
        except UnicodeDecodeError as e:
            raise ValueError(
                "A vocabulary must be UTF-8 text. Received: the file "
                f"`{path}` ({e.reason} at byte {e.start})"
            ) from e
    vocabulary = text.removesuffix("\n").split("\n") if text else []
    for number, token in enumerate(vocabulary, 1):
        if "\0" in token:
            raise ValueError(
                "The tokens of a vocabulary must not contain NUL characters. "
                f"Received: the file `{path}` with {token[:40]!r} in line "
                f"{number}. Is it damaged?"
            )
    return vocabulary


def check_num_tokens(name, num_tokens, expected=None, num_rows=None):
    """Check that a vocabulary has as many tokens as when it was saved.

    A tokenizer is saved with its number of tokens. Older files lack this
    number. For those, the embeddings may have slightly more rows than there are
    tokens.

    Args:
        name: string. The name of the vocabulary in errors.
        num_tokens: int. The number of tokens.
        expected: Optional int. The number of tokens when saved.
        num_rows: Optional int. The number of rows in the embeddings.

    Raises:
        ValueError: If tokens are missing, or have no row.
    """
    if expected is not None and num_tokens != expected:
        raise ValueError(
            f"{name} must have the {expected} tokens that it was saved with. "
            f"Received: {num_tokens} tokens. Is the file damaged?"
        )
    if num_rows is None:
        return
    is_short = expected is None and 10 * num_tokens < 9 * num_rows
    if is_short or num_tokens > num_rows:
        raise ValueError(
            f"{name} must have as many tokens as the embeddings have rows, or "
            f"slightly fewer. Received: {num_tokens} tokens for {num_rows} "
            "rows. Is the file damaged?"
        )
