"""Tests that every row is scored once, whatever happens on the way."""

import gzip
import importlib.util
import json
import os
import random
import sys
import tracemalloc

import fsspec
import keras
import pytest

from keras_squeeze import new_files
from keras_squeeze.scoring import manifest
from keras_squeeze.scoring import run
from keras_squeeze.scoring import score_files
from tests.processes import run_python
from tests.scoring import killed
from tests.scoring.conftest import TEXTS
from tests.scoring.conftest import make_task
from tests.scoring.stub import Stub


@pytest.fixture
def stub(monkeypatch):
    stub = Stub()
    monkeypatch.setattr(run, "start_workers", stub.start)
    return stub


def score(inputs, output, **kwargs):
    kwargs = {"block_rows": 10, **kwargs}
    return score_files(killed.PRESET, inputs, output, **kwargs)


def write_inputs(folder, count=250):
    """Write files of rows, and return what should become of the rows.

    Returns:
        A tuple of the ids of those to score and of those to reject.
    """
    good, bad = [], []
    rows = iter(range(count))
    part = count // 5
    for name in ("a.csv", "b.jsonl.gz", "c.csv", "d.jsonl", "e.csv"):
        lines = ["id,text"] if ".csv" in name else []
        for _ in range(part):
            i = next(rows)
            text = f"text {i}"
            if i % 7 == 3:
                text = f"text {i}?"
            if i % 11 == 5:
                text = ""
            (good if text and "?" not in text else bad).append(str(i))
            row = {"id": str(i), "text": text}
            is_csv = ".csv" in name
            lines.append(",".join(row.values()) if is_csv else json.dumps(row))
        opener = gzip.open if name.endswith(".gz") else open
        with opener(folder / name, "wt") as file:
            file.write("\n".join(lines))
    return good, bad


def rows_of(folder, pattern="part-*.jsonl"):
    rows = []
    for path in sorted(folder.glob(pattern)):
        rows += map(json.loads, path.read_text().splitlines())
    return rows


def check_complete(folder, good, bad):
    rows = rows_of(folder)
    assert [row["id"] for row in rows] == good
    assert all(row["label"] == row["text"] for row in rows)
    rejected = rows_of(folder, "_rejected/part-*.jsonl")
    assert len(rejected) == len(bad)
    contents = [row["content"] for row in rejected]
    for content, id in zip(contents, bad, strict=True):
        found = content if isinstance(content, dict) else None
        if found is None and content.startswith("{"):
            found = json.loads(content)
        assert (found["id"] if found else content.split(",")[0]) == id
    hidden = {path.name for path in folder.iterdir()} - {
        path.name for path in folder.glob("part-*")
    }
    assert hidden == {manifest.MANIFEST, run.REJECTED}


def test_each_row_once_and_in_order(tmp_path, stub):
    good, bad = write_inputs(tmp_path)
    out = tmp_path / "out"
    counts = score(str(tmp_path / "*.*"), out)
    check_complete(out, good, bad)
    assert (counts.scored, counts.rejected) == (len(good), len(bad))
    assert counts.new == len(good) + len(bad) == 250
    assert len(stub.scored) == 25
    # Nothing is left to do, and the numbers are the same.
    again = score(str(tmp_path / "*.*"), out)
    assert len(stub.scored) == 25 and again.new == 0
    assert (again.scored, again.rejected) == (counts.scored, counts.rejected)


def test_goes_on_after_a_failure_at_any_file(tmp_path, stub, monkeypatch):
    """Each run fails when it is about to rename one of its next files."""
    good, bad = write_inputs(tmp_path)
    random_numbers = random.Random(0)
    replace = os.replace
    left = 0

    def fail(source, target):
        nonlocal left
        left -= 1
        if left < 0:
            # No cleaning up, as if the process was gone.
            monkeypatch.setattr(new_files.pathlib.Path, "unlink", ignore)
            raise KeyboardInterrupt
        replace(source, target)

    def ignore(self, missing_ok=False):
        pass

    monkeypatch.setattr(new_files.os, "replace", fail)
    unlink = new_files.pathlib.Path.unlink
    failures = 0
    while True:
        left = random_numbers.randrange(6)
        monkeypatch.setattr(new_files.pathlib.Path, "unlink", unlink)
        try:
            score(str(tmp_path / "*.*"), tmp_path / "out")
            break
        except KeyboardInterrupt:
            failures += 1
    assert failures > 5
    check_complete(tmp_path / "out", good, bad)


@pytest.mark.skipif(
    sys.platform != "linux" or keras.config.backend() != "torch",
    reason="it forks, and no backend computes anything; none starts faster",
)
def test_goes_on_after_being_killed(tmp_path):
    good, bad = write_inputs(tmp_path, 1500)
    out = tmp_path / "out"
    result = run_python(
        "-m", "tests.scoring.killed", out, *sorted(tmp_path.glob("*.*"))
    )
    result = json.loads(result.stdout.splitlines()[-1])
    assert result["status"] == 0
    # Some are killed before they write, and some while they do.
    assert result["useful"] >= 2
    check_complete(out, good, bad)


def test_goes_on_with_missing_blocks_only(tmp_path, stub):
    good, bad = write_inputs(tmp_path)
    out = tmp_path / "out"
    score(str(tmp_path / "*.*"), out)
    (out / "part-00001-00002.jsonl").unlink()
    (out / "part-00004-00004.jsonl").unlink()
    stub.scored.clear()
    counts = score(str(tmp_path / "*.*"), out)
    assert stub.scored == ["part-00001-00002", "part-00004-00004"]
    assert counts.new == 20 and counts.scored == len(good)
    check_complete(out, good, bad)


def test_memory_does_not_depend_on_the_length(tmp_path, stub):
    def peak(count):
        path = tmp_path / f"{count}.csv"
        rows = (f"{i},{'word ' * 50}\n" for i in range(count))
        path.write_text("id,text\n" + "".join(rows))
        tracemalloc.start()
        try:
            score(str(path), tmp_path / f"out_{count}", block_rows=500)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(500)
    assert peak(10000) < 1.5 * peak(1500)


@pytest.mark.parametrize("format", run.FORMATS)
def test_formats(tmp_path, stub, format):
    if format == "parquet" and not importlib.util.find_spec("pyarrow"):
        pytest.skip("pyarrow is not installed")
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    out = tmp_path / "out"
    score(str(tmp_path / "a.txt"), out, format=format)
    path = out / f"part-00000-00000.{format}"
    if format == "parquet":
        import pyarrow.parquet

        # The whole folder can be read, with its other files.
        rows = pyarrow.parquet.read_table(out).to_pylist()
        assert rows[1] == {"text": "two", "label": "two"}
    else:
        lines = path.read_text().splitlines()
        assert lines[-1] in ("two,two", '{"text": "two", "label": "two"}')


def test_files_without_rows(tmp_path, stub):
    (tmp_path / "a.csv").write_text("id,text\n")
    (tmp_path / "b.jsonl").write_text("")
    (tmp_path / "c.txt").write_text("\n\n")
    (tmp_path / "d.txt").write_text("?\n")
    out = tmp_path / "out"
    counts = score(str(tmp_path / "*.*"), out, format="csv")
    assert (counts.scored, counts.rejected) == (0, 1)
    # A block of which no row has an answer is finished as well.
    assert (out / "part-00003-00000.csv").read_text() == "text,label\n"
    assert score(str(tmp_path / "*.*"), out, format="csv").new == 0


def test_parquet_in_gives_parquet_out(tmp_path, stub):
    pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    table = pyarrow.table({"n": [1, 2, 3], "text": ["a", None, "?"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    out = tmp_path / "out"
    counts = score(str(tmp_path / "a.parquet"), out)
    assert (counts.scored, counts.rejected) == (1, 2)
    rows = parquet.read_table(out).to_pylist()
    assert rows == [{"n": 1, "text": "a", "label": "a"}]
    rejected = rows_of(out, "_rejected/*")
    assert [row["row"] for row in rejected] == [2, 3]
    assert rejected[1]["content"] == {"n": 3, "text": "?"}


def test_real_answers(tmp_path, preset, classifier):
    lines = [json.dumps({"text": text}) for text in TEXTS * 3]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    out = tmp_path / "out"
    path = str(tmp_path / "a.jsonl")
    counts = score_files(preset, path, out, block_rows=5)
    assert counts.scored == 12
    rows = rows_of(out)
    assert [row["text"] for row in rows] == TEXTS * 3
    for row, answer in zip(rows, classifier.annotate(TEXTS * 3), strict=True):
        assert row["label"] == answer["label"]
        assert row["score"] == pytest.approx(answer["score"], abs=1e-5)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"input": "no*.csv"}, "No file matches `.*no\\*.csv`"),
        ({"input": ""}, "is a folder"),
        ({"input": "c.xml"}, "An input file must be"),
        ({"text_column": "message"}, "a.csv.*no column 'message'.*'id', 'te"),
        ({"text_column": ["id", "id"]}, "list of different ones"),
        ({"format": "xml"}, "`format` must be one of"),
        ({"workers": 0}, "`workers` must be a positive integer"),
        ({"block_rows": 1.5}, "`block_rows` must be a positive integer"),
        ({"task": "token_classification"}, "not fine-tuned for token"),
        ({"model": "nowhere"}, "preset='nowhere'"),
        ({"model": "nowhere.tflite"}, "There is no file"),
        ({"output": "."}, "must not be in the output folder"),
        ({"input": "labelled.csv"}, r"labelled.csv.*columns \['label'\] of"),
    ],
)
def test_errors_before_work_starts(tmp_path, stub, kwargs, message):
    (tmp_path / "a.csv").write_text("id,text\n1,one\n")
    (tmp_path / "labelled.csv").write_text("label,text\n1,one\n")
    (tmp_path / "c.xml").write_text("")
    kwargs = {
        "model": killed.PRESET,
        **kwargs,
        "input": str(tmp_path / kwargs.get("input", "a.csv")),
        "output": tmp_path / kwargs.get("output", "out"),
    }
    with pytest.raises(ValueError, match=message):
        score_files(**kwargs)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_run_is_left_alone(tmp_path, stub):
    path = tmp_path / "a.csv"
    path.write_text("id,text\n1,one\n")
    out = tmp_path / "out"
    score(str(path), out)

    def check(message, inputs=str(path), output=out, **kwargs):
        with pytest.raises(FileExistsError, match=message):
            score(inputs, output, **kwargs)

    check("block_rows was 10 and is now 20", block_rows=20)
    check("format was 'jsonl' and is now 'csv'", format="csv")
    (tmp_path / "b.csv").write_text("text\n")
    check("b.csv` was added", [str(path), str(tmp_path / "b.csv")])
    check("a.csv` was removed", str(tmp_path / "b.csv"))
    path.write_text("id,text\n1,one\n2,two\n")
    check("a.csv` was changed")
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    check("is not the output of an earlier run", output=other)
    assert [x.name for x in other.iterdir()] == ["thesis.txt"]


def test_a_preset_that_has_changed(tmp_path, preset, stub, classifier):
    path = tmp_path / "a.csv"
    path.write_text("text\none\n")
    folder = tmp_path / "preset"
    classifier.save_to_preset(folder)
    score_files(folder, str(path), tmp_path / "out")
    score_files(folder, str(path), tmp_path / "out")
    (folder / "task.json").write_text((folder / "task.json").read_text() + " ")
    with pytest.raises(FileExistsError, match="its model .* has changed"):
        score_files(folder, str(path), tmp_path / "out")


def test_choices_and_texts_that_the_model_rejects(tmp_path):
    """Rows without choices, as among those with, are rejected."""
    task = make_task("MultipleChoice")
    task.save_to_preset(tmp_path / "preset")
    rows = [
        {"prompt": "rain", "choices": ["sun", "cold"]},
        {"prompt": "rain", "choices": "sun"},
        {"prompt": "rain"},
        {"prompt": "", "choices": ["sun"]},
        {"prompt": "sun", "choices": ["wind", ""]},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / "out"
    counts = score_files(
        tmp_path / "preset",
        str(tmp_path / "a.jsonl"),
        out,
        text_column=["prompt", "choices"],
    )
    assert (counts.scored, counts.rejected) == (2, 3)
    found = rows_of(out)
    expected = task.annotate(
        {"prompt": ["rain", "sun"], "choices": [["sun", "cold"], ["wind"]]}
    )
    for row, answer in zip(found, expected, strict=True):
        assert (row["label"], row["answer"]) == (
            answer["label"],
            answer["answer"],
        )
    rejected = rows_of(out, "_rejected/*")
    assert [row["row"] for row in rejected] == [2, 3, 4]
    assert "must have a list as its 'choices'" in rejected[0]["reason"]


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_remote_storage(tmp_path, stub, monkeypatch, format):
    """Files are read, and appear when they are complete, as local ones do."""
    if format == "parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow")
    good, bad = write_inputs(tmp_path)
    storage = fsspec.filesystem("memory")
    root = f"/{tmp_path.name}"
    storage.put(str(tmp_path), root, recursive=True)
    out = f"memory:/{root}_out"
    moves = []
    mv = storage.mv

    def move(source, target):
        moves.append((source, target))
        if len(moves) == 5:
            raise KeyboardInterrupt
        mv(source, target)

    monkeypatch.setattr(storage, "mv", move)

    def run():
        return score(f"memory:/{root}/*.*", out, format=format)

    with pytest.raises(KeyboardInterrupt):
        run()
    counts = run()
    assert (counts.scored, counts.rejected) == (len(good), len(bad))
    assert counts.new < 250
    assert all(".part-" in source for source, _ in moves[1:])
    # Nothing that is not complete is left.
    storage.get(f"{root}_out", str(tmp_path / "out"), recursive=True)
    if format == "jsonl":
        check_complete(tmp_path / "out", good, bad)
    # A change of an input is found, as are other folders.
    storage.pipe_file(f"{root}/e.csv", b"id,text\n1,new\n")
    with pytest.raises(FileExistsError, match="e.csv` was changed"):
        run()
    storage.pipe_file(f"{root}_other/thesis.txt", b"mine")
    with pytest.raises(FileExistsError, match="not the output of an earlier"):
        score(f"memory:/{root}/a.csv", f"memory:/{root}_other")


def test_urls_of_this_machine(tmp_path, stub):
    good, bad = write_inputs(tmp_path)
    score(f"file://{tmp_path}/*.*", f"file://{tmp_path}/out")
    check_complete(tmp_path / "out", good, bad)
    # It is the same folder without `file://`.
    assert score(str(tmp_path / "*.*"), tmp_path / "out").new == 0


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"input": "memory://none/*.csv"}, ValueError, "No file matches"),
        ({"input": "nowhere://a.csv"}, ValueError, "a URL that fsspec knows"),
        ({"output": "gs://bucket/out"}, ImportError, "needs another package"),
    ],
)
def test_errors_of_remote_storage(
    tmp_path, stub, monkeypatch, kwargs, error, message
):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    (tmp_path / "a.csv").write_text("text\none\n")
    kwargs = {"inputs": str(tmp_path / "a.csv"), **kwargs}
    kwargs["inputs"] = kwargs.pop("input", kwargs["inputs"])
    with pytest.raises(error, match=message):
        score(**{"output": tmp_path / "out", **kwargs})


def test_without_the_extra(tmp_path, stub, monkeypatch):
    (tmp_path / "a.csv").write_text("text\none\n")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "ray" else find_spec(name, *rest),
    )
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    path = str(tmp_path / "a.csv")
    with pytest.raises(ImportError, match=r"ray: `pip .*squeeze\[ray\]"):
        score(path, tmp_path / "out", workers=2)
    with pytest.raises(ImportError, match=r"pyarrow: `pip .*squeeze\[ray\]"):
        score(path, tmp_path / "out", format="parquet")
