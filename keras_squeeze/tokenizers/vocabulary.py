"""Vocabularies: their files, and whether these are whole."""


def read_vocabulary(path):
    """Read a vocabulary file.

    A blank last line is a token, as it is in transformers.

    Args:
        path: string or `os.PathLike`. A file with one token a line.

    Returns:
        A list of strings. The token of every id.

    Raises:
        ValueError: If the file is not text in UTF-8.
    """
    with open(path, encoding="utf-8") as file:
        try:
            text = file.read()
        except UnicodeDecodeError as e:
            raise ValueError(
                "A vocabulary must be text in UTF-8. Received: the file "
                f"`{path}` ({e.reason} at byte {e.start})"
            ) from e
    vocabulary = text.removesuffix("\n").split("\n") if text else []
    for number, token in enumerate(vocabulary, 1):
        if "\0" in token:
            raise ValueError(
                "No token of a vocabulary may have the character NUL. "
                f"Received: the file `{path}` with {token[:40]!r} in line "
                f"{number}. Is it damaged?"
            )
    return vocabulary


def check_num_tokens(name, num_tokens, expected=None, num_rows=None):
    """Check that a vocabulary is the one that was saved.

    A tokenizer is saved with how many tokens it has. Where older files do not
    say so, embeddings may have more rows than there are tokens, but few.

    Args:
        name: string. What the vocabulary is called in the message.
        num_tokens: int. How many tokens there are.
        expected: Optional int. How many there were.
        num_rows: Optional int. The rows of the embeddings.

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
            f"few less. Received: {num_tokens} tokens for {num_rows} rows. Is "
            "the file damaged?"
        )
