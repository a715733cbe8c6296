"""Writes a web page that runs an exported file."""

import importlib.resources
import json
import os
import pathlib
import shutil

from keras_squeeze.demo.runtime import CDN
from keras_squeeze.demo.runtime import installed_files
from keras_squeeze.demo.runtime import published_files
from keras_squeeze.export.phones.app_files import CHARACTERS_FILE
from keras_squeeze.export.phones.app_files import CONTRACT_FILE
from keras_squeeze.export.phones.app_files import GOLDEN_FILE
from keras_squeeze.export.phones.app_files import app_folder
from keras_squeeze.export.phones.characters import describe_characters
from keras_squeeze.export.report import checksum
from keras_squeeze.export.runner import TFLiteModel
from keras_squeeze.new_files import new_folder

# A page is recognized by this file.
SETTINGS_FILE = "demo.json"

_MODEL_FILE = "model.tflite"
_VOCABULARY_FILE = "vocab.txt"
_RUNTIME_FOLDER = "runtime"

# The ends of the names of the tasks that the page can show.
_KINDS = (
    "TextClassifier",
    "TokenClassifier",
    "QuestionAnswering",
    "MultipleChoice",
    "MaskedLM",
    "NextSentencePredictor",
    "Pretraining",
    "TextEmbedder",
)


def write_demo(filepath, output, runtime=None):
    """Write a web page that runs an exported file.

    The page needs no server but one for its own files. It downloads LiteRT.js
    from a content delivery network, and checks it, unless `runtime` is given.

    Args:
        filepath: string or `os.PathLike`. A `.tflite` file that
            `export_tflite()` wrote with `app_files=True`, next to these.
        output: string or `os.PathLike`. The folder to write. If it exists, it
            is replaced. Its parent folder must exist.
        runtime: Optional string or `os.PathLike`. A folder in which LiteRT.js
            was installed with npm, to copy it from there. Defaults to `None`.

    Returns:
        The `contract.json` of the file, as a dictionary.

    Raises:
        ValueError: If the page cannot run the file, or `runtime` is not
            LiteRT.js. In this case, nothing has been written.
    """
    filepath = os.fspath(filepath)
    files = _check_files(filepath)
    contract = _read_json(files[CONTRACT_FILE])
    settings = {
        "kind": _kind_of(contract, filepath),
        "model": _MODEL_FILE,
        "runtime": published_files(),
    }
    runtime_files = {} if runtime is None else installed_files(runtime)
    for name in runtime_files:
        settings["runtime"][name]["url"] = f"{_RUNTIME_FOLDER}/{name}"
    characters = describe_characters(contract["tokenizer"])
    with new_folder(output) as folder:
        _copy_page(folder, from_cdn=runtime is None)
        shutil.copyfile(filepath, folder / _MODEL_FILE)
        for name, path in files.items():
            shutil.copyfile(path, folder / name)
        for name, content in (
            (SETTINGS_FILE, settings),
            (CHARACTERS_FILE, characters),
        ):
            (folder / name).write_text(
                json.dumps(content, ensure_ascii=False), encoding="utf-8"
            )
        if runtime_files:
            (folder / _RUNTIME_FOLDER).mkdir()
        for name, path in runtime_files.items():
            shutil.copyfile(path, folder / _RUNTIME_FOLDER / name)
    return contract


def _check_files(filepath):
    """Find the files that belong to a `.tflite` file, and check them.

    Args:
        filepath: string.

    Returns:
        A dictionary from the names of the files to `pathlib.Path`s.
    """
    # Raises if the file does not exist or is not an exported one.
    runner = TFLiteModel(filepath)
    if runner.num_texts:
        raise ValueError(
            "A page needs a file that takes ids, because browsers have no "
            f"TensorFlow Text. Received: filepath={filepath!r}, which takes "
            "text"
        )
    folder = pathlib.Path(app_folder(filepath))
    names = (CONTRACT_FILE, GOLDEN_FILE, _VOCABULARY_FILE)
    files = {name: folder / name for name in names}
    missing = [name for name, path in files.items() if not path.is_file()]
    if missing:
        raise ValueError(
            f"A page needs the files {list(names)} in the folder '{folder}'. "
            "`keras-squeeze export --app-files` writes them. Received: "
            f"filepath={filepath!r} without {missing}"
        )
    contract = _read_json(files[CONTRACT_FILE])
    if contract.get("sha256") != checksum(filepath):
        raise ValueError(
            f"The files in the folder '{folder}' must belong to the file. "
            "`keras-squeeze export --app-files` writes them together. "
            f"Received: filepath={filepath!r}, which is not the file that "
            f"`{CONTRACT_FILE}` describes"
        )
    if "kept_tokens" not in contract.get("tokenizer", {}):
        raise ValueError(
            f"`{CONTRACT_FILE}` must describe all of the tokenizer. Export the "
            "model again with this version of keras_squeeze. Received: "
            f"filepath={filepath!r} with a description by an older version"
        )
    _check_vocabulary(files[_VOCABULARY_FILE], contract["tokenizer"])
    return files


def _check_vocabulary(path, tokenizer):
    tokens = path.read_bytes().removesuffix(b"\n").split(b"\n")
    if len(tokens) != tokenizer["vocabulary_size"]:
        raise ValueError(
            "The vocabulary must have a line for each of the "
            f"{tokenizer['vocabulary_size']} tokens of the model. Received: "
            f"'{path}' with {len(tokens)} lines"
        )


def _kind_of(contract, filepath):
    for kind in _KINDS:
        if contract["task"].endswith(kind):
            return kind
    raise ValueError(
        f"The page can show the tasks {list(_KINDS)}. Received: "
        f"filepath={filepath!r} of a {contract['task']}"
    )


def _read_json(path):
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise ValueError(f"'{path}' must be a JSON file. {e}") from e
    if not isinstance(content, dict):
        raise ValueError(
            f"'{path}' must have a JSON object. Received: {content!r:.80}"
        )
    return content


def _copy_page(folder, from_cdn):
    page = importlib.resources.files("keras_squeeze.demo") / "page"
    for file in page.iterdir():
        content = file.read_bytes()
        if file.name == "index.html" and from_cdn:
            # The only other host that the browser lets the page ask.
            content = content.replace(
                b"connect-src 'self'", b"connect-src 'self' " + CDN.encode()
            )
        (folder / file.name).write_bytes(content)
