import base64
import hashlib
import json
import re
import shutil

import pytest

from keras_squeeze import cli
from keras_squeeze import export_tflite
from keras_squeeze.demo import runtime as litert_js
from keras_squeeze.demo.site import write_demo
from tests.backends import only_on
from tests.demo.node import PAGE
from tests.demo.small_tasks import LENGTH
from tests.demo.small_tasks import small_task

pytestmark = only_on("torch", "the page does not depend on the backend")


@pytest.fixture
def file(exported_classifier, tmp_path):
    """A copy of a file and its app files."""
    _, path = exported_classifier
    folder = tmp_path / "exported"
    shutil.copytree(path.parent, folder)
    return folder / path.name


@pytest.fixture
def fake_runtime(tmp_path, monkeypatch):
    """A folder with other contents in place of LiteRT.js."""
    folder = tmp_path / "runtime"
    files = {}
    for name, (package, path, _) in litert_js._FILES.items():
        target = folder / "node_modules" / package / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(name)
        digest = hashlib.sha384(name.encode()).digest()
        files[name] = (package, path, base64.b64encode(digest).decode())
    monkeypatch.setattr(litert_js, "_FILES", files)
    return folder


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_page_has_all_files(file, tmp_path, capsys):
    output = tmp_path / "page"
    argv = ["demo", "--file", str(file), "--output", str(output)]
    assert cli.main(argv) == 0
    assert f"http.server --directory {output}" in capsys.readouterr().out
    assert (output / "model.tflite").read_bytes() == file.read_bytes()
    app_files = file.parent / "TextClassifier_app_files"
    for name in ("vocab.txt", "contract.json", "golden.json"):
        assert (output / name).read_bytes() == (app_files / name).read_bytes()
    characters = read(output / "characters.json")
    assert [ord("É"), ord("e")] in characters["replaced"]
    settings = read(output / "demo.json")
    assert settings["kind"] == "TextClassifier"
    assert not (output / "runtime").exists()
    for file in settings["runtime"].values():
        address = "https://cdn.jsdelivr.net/npm/@litertjs/"
        assert file["url"].startswith(address)
        assert f"@{litert_js.VERSION}/" in file["url"]
        assert re.fullmatch(r"sha384-[\w+/]{64}", file["integrity"])
    html = (output / "index.html").read_text()
    # The browser refuses requests to all other hosts.
    policy = re.search('Content-Security-Policy" content="(.*?)"', html)[1]
    assert re.findall(r"https?:\S+", policy) == ["https://cdn.jsdelivr.net;"]
    assert re.findall(r"(?:href|src)=\"(.*?)\"", html) == [
        "icon.svg",
        "style.css",
        "page.js",
    ]


def test_scripts_name_no_other_host():
    for path in PAGE.iterdir():
        content = path.read_text(encoding="utf-8")
        content = content.replace("http://localhost:8000", "")
        content = content.replace("http://www.w3.org/2000/svg", "")
        assert "//" not in re.sub(r"^\s*// .*$", "", content, flags=re.M), path


def test_runtime_is_copied(file, fake_runtime, tmp_path):
    output = tmp_path / "page"
    # The folder itself, or its packages.
    for folder in (fake_runtime, fake_runtime / "node_modules"):
        write_demo(file, output, runtime=folder)
        settings = read(output / "demo.json")
        for name, entry in settings["runtime"].items():
            assert entry["url"] == f"runtime/{name}"
            assert (output / entry["url"]).read_text() == name
        html = (output / "index.html").read_text()
        assert "https:" not in html


def test_runtime_that_is_not_the_pinned_one(file, fake_runtime, tmp_path):
    with pytest.raises(ValueError, match="npm install.*a folder without"):
        write_demo(file, tmp_path / "page", runtime=tmp_path)
    changed = fake_runtime / "node_modules/@litertjs/core/dist/index.js"
    changed.write_text("something else")
    with pytest.raises(ValueError, match="another version of"):
        write_demo(file, tmp_path / "page", runtime=fake_runtime)
    assert not (tmp_path / "page").exists()


def change_contract(file, **changes):
    path = file.parent / "TextClassifier_app_files" / "contract.json"
    path.write_text(json.dumps(read(path) | changes))


def remove(file, name):
    (file.parent / "TextClassifier_app_files" / name).unlink()


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda x: x.unlink(), "does not exist"),
        (lambda x: x.write_text("text"), "LiteRT cannot run the file"),
        (lambda x: remove(x, "vocab.txt"), "--app-files.*without.*vocab.txt"),
        (lambda x: remove(x, "golden.json"), "without.*golden.json"),
        (lambda x: change_contract(x, sha256="0"), "not the file that"),
        (lambda x: change_contract(x, tokenizer={}), "by an older version"),
        (lambda x: change_contract(x, task="Parser"), "of a Parser"),
        (
            lambda x: (
                x.parent / "TextClassifier_app_files" / "vocab.txt"
            ).write_text("[PAD]\n[UNK]\n"),
            "a line for each of the .* with 2 lines",
        ),
        (
            lambda x: (
                x.parent / "TextClassifier_app_files" / "contract.json"
            ).write_text("{"),
            "must be a JSON file",
        ),
    ],
)
def test_files_that_cannot_be_shown(spoil, message, file, tmp_path):
    spoil(file)
    with pytest.raises(ValueError, match=message):
        write_demo(file, tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_file_that_takes_text(tmp_path):
    path = tmp_path / "text.tflite"
    export_tflite(
        small_task("TextClassifier"),
        path,
        sequence_length=LENGTH,
        text_input=True,
        verbose=False,
    )
    with pytest.raises(ValueError, match="needs a file that takes ids"):
        write_demo(path, tmp_path / "page")


def test_folders(file, tmp_path, capsys):
    output = tmp_path / "page"
    output.mkdir()
    (output / "mine.txt").touch()
    argv = ["demo", "--file", str(file), "--output", str(output)]
    assert cli.main(argv) == 2
    assert "is not empty and has no page" in capsys.readouterr().err
    assert [path.name for path in output.iterdir()] == ["mine.txt"]
    (output / "mine.txt").unlink()
    assert cli.main(argv) == 0
    # A page is replaced as a whole.
    (output / "old.js").touch()
    assert cli.main(argv) == 0
    assert not (output / "old.js").exists()


def test_preset_is_exported_first(tmp_path, capsys):
    small_task("TokenClassifier").save_to_preset(str(tmp_path / "finder"))
    argv = ["demo", "--preset", str(tmp_path / "finder")]
    argv += ["--output", str(tmp_path / "page"), "--sequence-length", "16,32"]
    assert cli.main(argv) == 0
    contract = read(tmp_path / "page" / "contract.json")
    assert contract["file"] == "finder.tflite"
    assert contract["quantization"] == "dynamic_int8"
    assert contract["labels"] == ["O", "B-person", "I-person", "place"]
    # A quarter of the length, which windows of long texts share.
    assert [
        (x["sequence_length"], x["overlap"]) for x in contract["signatures"]
    ] == [(16, 4), (32, 8)]
    assert read(tmp_path / "page" / "demo.json")["kind"] == "TokenClassifier"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "finder",
        "page",
    ]
