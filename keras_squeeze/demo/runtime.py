"""Finds LiteRT.js, which runs `.tflite` files in browsers."""

import base64
import hashlib
import pathlib

VERSION = "2.5.3"
CDN = "https://cdn.jsdelivr.net"

_CORE = "@litertjs/core"
_UTILITIES = "@litertjs/wasm-utils"

# The name of each file in the page, its package, its path in the package, and
# its checksum. Browsers without relaxed SIMD need the "compat" ones.
_FILES = {
    "litert.js": (
        _CORE,
        "dist/index.js",
        "MapSVJ/DPwvaWpp7q+Bid9O3uY1oB0KOU1QRMP+Mm5zdz5oMme/BUyX6dVAMWnPg",
    ),
    "wasm-utils.js": (
        _UTILITIES,
        "dist/index.js",
        "HIPwlWsctS5BRqrnvJKDVJ8SvqKB0QmiImdr6+hpP7+8UqeMJX/qrBkdfKQV2WZ/",
    ),
    "litert_wasm_internal.js": (
        _CORE,
        "wasm/litert_wasm_internal.js",
        "NB/Wc4iozynQO5jzJ2VFoMKbqMvwwFGWxJL/o63IJT6W2JfZbsSLxA2cF6H/mLpQ",
    ),
    "litert_wasm_internal.wasm": (
        _CORE,
        "wasm/litert_wasm_internal.wasm",
        "AZ/Ak4CbDpjqpSr8WsnoL3Dcx6bDFA/k9b/jahok1TGHZ2OqIRjLBMiEmiNedhlC",
    ),
    "litert_wasm_compat_internal.js": (
        _CORE,
        "wasm/litert_wasm_compat_internal.js",
        "oh4nb8zDq6eVOpGeZE5gwDOJ16QujHLL8k/HEXt3XiPxr+8zn3YnkXP8P3BlJET1",
    ),
    "litert_wasm_compat_internal.wasm": (
        _CORE,
        "wasm/litert_wasm_compat_internal.wasm",
        "glAZ6WjS7tLRt89pbTPXvLC1c7DCaVSfL2ngn5gZJiUuPs76fWYJy7ZeFaD0PJXx",
    ),
}


def published_files():
    """The addresses and checksums of the files of LiteRT.js.

    Returns:
        A dictionary that maps the name of each file to a dictionary of its
        `"url"` and its `"integrity"`.
    """
    return {
        name: {
            "url": f"{CDN}/npm/{package}@{VERSION}/{path}",
            "integrity": f"sha384-{checksum}",
        }
        for name, (package, path, checksum) in _FILES.items()
    }


def installed_files(folder):
    """Find the files of LiteRT.js in a folder, and check them.

    Args:
        folder: string or `os.PathLike`. The folder in which `npm install
            @litertjs/core` was run, or its `node_modules`.

    Returns:
        A dictionary that maps the name of each file to its `pathlib.Path`.

    Raises:
        ValueError: If a file is missing, or is of another version.
    """
    folder = pathlib.Path(folder)
    if (folder / "node_modules").is_dir():
        folder = folder / "node_modules"
    found = {}
    for name, (package, path, checksum) in _FILES.items():
        file = folder / package / path
        if not file.is_file():
            reason = f"a folder without `{package}/{path}`"
        elif _checksum(file) != checksum:
            reason = f"a folder with another version of `{package}/{path}`"
        else:
            found[name] = file
            continue
        raise ValueError(
            "`runtime` must be a folder in which `npm install "
            f"{_CORE}@{VERSION} {_UTILITIES}@{VERSION}` was run. Received: "
            f"runtime='{folder}', {reason}"
        )
    return found


def _checksum(path):
    digest = hashlib.sha384(path.read_bytes()).digest()
    return base64.b64encode(digest).decode("ascii")
