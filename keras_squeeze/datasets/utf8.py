"""Reads text files in UTF-8."""

import pathlib


def read_utf8(path):
    """Read a file in UTF-8, with or without a byte order mark.

    Args:
        path: string or path. The file.

    Returns:
        A string, in which all line endings are `"\\n"`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not in UTF-8.
    """
    data = pathlib.Path(path).read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = e.object.count(b"\n", 0, e.start) + 1
        raise ValueError(
            f"`{path}` must be in UTF-8. Received: the byte "
            f"0x{e.object[e.start]:02x} in line {line} ({e.reason})"
        ) from e
    return text.replace("\r\n", "\n").replace("\r", "\n")
