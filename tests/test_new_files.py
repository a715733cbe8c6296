"""Tests that files and folders are written atomically."""

import os

import pytest

from keras_squeeze.new_files import new_file
from keras_squeeze.new_files import new_files
from keras_squeeze.new_files import new_folder
from keras_squeeze.new_files import write_file


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def fill(folder, text):
    (folder / "assets").mkdir(exist_ok=True)
    for name in ("config.json", "model.weights.h5", "assets/words.txt"):
        (folder / name).write_text(text)


def test_file(tmp_path):
    path = tmp_path / "file.keras"
    write_file(path, "one")
    with pytest.raises(KeyboardInterrupt):
        with new_file(path) as new:
            new.write_text("half")
            raise KeyboardInterrupt
    assert contents(tmp_path) == {"file.keras": "one"}
    (tmp_path / "link.keras").symlink_to(path)
    write_file(tmp_path / "link.keras", b"two")
    assert path.read_text() == "two" and not path.is_symlink()


def test_folder(tmp_path):
    path = tmp_path / "preset"
    for text in ("one", "two"):
        with new_folder(path) as new:
            fill(new, text)
    (path / "more.txt").write_text("more")
    with pytest.raises(OSError):
        with new_folder(path) as new:
            fill(new, "three")
            raise OSError
    assert set(contents(path).values()) == {"two", "more"}
    # Only the leftovers of a killed process are removed.
    for name in ("old", "new"):
        (tmp_path / ".preset.abcd_012" / name).mkdir(parents=True)
    for name in ("mine", ".preset.settings", ".preset.abcd_013"):
        (tmp_path / name / "data").mkdir(parents=True)
    with new_folder(path) as new:
        fill(new, "four")
    assert set(contents(path).values()) == {"four"}
    assert sorted(os.listdir(tmp_path)) == [
        ".preset.abcd_013",
        ".preset.settings",
        "mine",
        "preset",
    ]


def test_files_of_a_folder(tmp_path, monkeypatch):
    folder = tmp_path / "deep" / "preset"
    with new_files(folder) as new:
        fill(new, "one")
    (folder / "more.txt").write_text("more")
    with new_files(folder) as new:
        fill(new, "two")
    expected = {
        "config.json": "two",
        "model.weights.h5": "two",
        "assets/words.txt": "two",
        "more.txt": "more",
    }
    assert contents(folder) == expected
    with pytest.raises(KeyboardInterrupt):
        with new_files(folder) as new:
            fill(new, "three")
            raise KeyboardInterrupt
    assert contents(folder) == expected

    # Whichever rename fails, the previous ones are undone.
    replace, left = os.replace, []

    def fail(source, target):
        if left.pop():
            raise OSError("full")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    for count in range(6):
        # Undoing a rename is also a rename.
        left[:] = [False] * count + [True] + [False] * count
        with pytest.raises(OSError, match="full"):
            with new_files(folder) as new:
                fill(new, "three")
        assert contents(folder) == expected
    assert os.listdir(tmp_path / "deep") == ["preset"]


def test_no_moment_has_a_mixture(tmp_path, monkeypatch):
    with new_files(tmp_path) as new:
        fill(new, "one")
    replace, seen = os.replace, []

    def look(source, target):
        replace(source, target)
        found = [
            path.read_text()
            for path in (
                tmp_path / "config.json",
                tmp_path / "assets/words.txt",
            )
            if path.exists()
        ]
        seen.append((len(found) == 2, len(set(found)) < 2))

    monkeypatch.setattr(os, "replace", look)
    with new_files(tmp_path) as new:
        fill(new, "two")
    # Without its configuration, a folder is not a preset.
    assert [is_whole for is_whole, _ in seen] == [False] * 5 + [True]
    assert all(is_one for _, is_one in seen)
