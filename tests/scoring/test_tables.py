"""Tests how files are read in blocks, and how blocks are written."""

import csv
import gzip
import json

import numpy as np
import pytest

from keras_squeeze.scoring.tables import open_table
from keras_squeeze.scoring.tables import write_part
from keras_squeeze.scoring.tables import write_rejected

# Values that formats have to quote or escape.
TEXTS = [
    "plain",
    'a "quote", and a comma',
    "two\nlines",
    "tab\there",
    "café\u2028",
]


def read(path, block_rows=100, column="text", reserved=(), fixed=False):
    table = open_table(str(path), block_rows)
    if fixed:
        table.fix_columns()
    return list(table.blocks(0, [column], 1, reserved))


def reasons(blocks):
    return {
        row["row"]: row["reason"] for block in blocks for row in block.rejected
    }


def texts(blocks):
    return [text for block in blocks for text in block.texts[0]]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "A.CSV"])
def test_csv_is_that_of_python(tmp_path, name):
    path = tmp_path / name
    opener = gzip.open if name.endswith(".gz") else open
    with opener(path, "wt", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows(enumerate(TEXTS))
    blocks = read(path, block_rows=2)
    assert texts(blocks) == TEXTS
    assert [len(block.rows) for block in blocks] == [2, 2, 1]
    assert [block.index for block in blocks] == [0, 1, 2]
    assert blocks[1].rows[0] == {"id": "2", "text": TEXTS[2]}
    assert sum(block.size for block in blocks) == path.stat().st_size
    assert reasons(blocks) == {}


def test_other_text_files(tmp_path):
    (tmp_path / "a.tsv").write_text('id\ttext\r\n1\t"Hi\r\n\r\n2\tyou\r\n')
    assert texts(read(tmp_path / "a.tsv")) == ['"Hi', "you"]
    (tmp_path / "a.txt").write_text("one\n\n  two \r\n")
    assert texts(read(tmp_path / "a.txt")) == ["one", "  two "]
    lines = [json.dumps({"text": text, "n": [1]}) for text in TEXTS]
    (tmp_path / "a.jsonl").write_text("\n\n".join(lines))
    blocks = read(tmp_path / "a.jsonl")
    assert texts(blocks) == TEXTS and blocks[0].rows[0]["n"] == [1]


def test_rows_of_csv_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(
        b"id,text\n1,one\n2\n3,\n4,caf\xe9\n"
        # The quote takes all that follows, until it is found to be wrong.
        b'5,"open\n6,six\n7,"seven"\n8,eight,more\n9,nine\n10,"to the end\n'
        b"11,eleven\n"
    )
    blocks = read(path, block_rows=3)
    assert texts(blocks) == ["one", "six", "seven", "nine", "eleven"]
    assert [block.numbers for block in blocks] == [[1], [6], [7, 9], [11]]
    found = reasons(blocks)
    assert list(found) == [2, 3, 4, 5, 8, 10]
    for row, reason in {
        2: "1 columns instead of 2",
        3: "empty text",
        4: "not in UTF-8",
        5: "not CSV",
        8: "3 columns instead of 2",
        10: "not CSV: unexpected end of data",
    }.items():
        assert reason in found[row]
    contents = [row["content"] for block in blocks for row in block.rejected]
    assert contents[0] == "2\n" and contents[-1] == '10,"to the end\n'


def test_rows_of_jsonl_that_cannot_be_read(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"text": "one"}\n{"text": 2}\n[3]\n{"text": "fo\n{"id": 5}\n'
        b'{"text": null}\n{"text": "\xe9"}\n{"text": "\\ud800"}\n'
        b'{"text": "\\ud83d\\ude00"}\n{"text": "ten", "label": "x"}\n'
    )
    blocks = read(path, reserved=["label"])
    assert texts(blocks) == ["one", "😀"]
    found = reasons(blocks)
    assert list(found) == [2, 3, 4, 5, 6, 7, 8, 10]
    assert "not a string: 2" in found[2] and "not JSON" in found[4]
    assert found[5] == found[6] == "has no text"
    assert "['label'] of the answers" in found[10]


def test_new_columns_only_fit_into_jsonl(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n{"text": "b", "n": 1}\n')
    assert texts(read(path, block_rows=1)) == ["a", "b"]
    blocks = read(path, block_rows=1, fixed=True)
    assert texts(blocks) == ["a"] and "['n']" in reasons(blocks)[2]
    assert texts(read(path, block_rows=2, fixed=True)) == ["a", "b"]


def test_a_compressed_file_without_its_end(tmp_path):
    path = tmp_path / "a.txt.gz"
    lines = "".join(f"line {i} {i * i}\n" for i in range(20000))
    path.write_bytes(gzip.compress(lines.encode())[:-20000])
    blocks = read(path)
    (row,) = reasons(blocks)
    assert "rest of the file" in reasons(blocks)[row]
    found = texts(blocks)
    assert row == len(found) + 1 and 0 < len(found) < 20000
    # The line at the end of what can be read is not taken for a whole one.
    assert found == lines.splitlines()[: len(found)]


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"text,text\n", "different names"),
        ("a.xml", b"", "must be .parquet, or one of .csv"),
        ("a.csv.gz", b"text\n", "cannot be decompressed"),
        ("a.jsonl", b"no\n", "first 1 rows of .* are not JSON objects"),
    ],
)
def test_files_that_are_no_tables(tmp_path, name, contents, message):
    path = tmp_path / name
    path.write_bytes(contents)
    with pytest.raises(ValueError, match=message):
        open_table(str(path), 10)


ANSWERS = {
    "label": np.array(["ham", "spam"], "object"),
    "score": np.array([0.5, 0.25]),
    "embedding": np.array([[1, 2], [3, 4]], "float32"),
}


def block_of_two(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a\\n\\"", "n": {"m": 1}}\n{"text": "é"}\n')
    (block,) = read(path)
    return block


def test_written_jsonl_and_csv(tmp_path):
    block = block_of_two(tmp_path)
    names = ["text", "n"]
    write_part(tmp_path / "b.jsonl", block, ANSWERS, "jsonl", None)
    lines = (tmp_path / "b.jsonl").read_text(encoding="utf-8").splitlines()
    first, second = map(json.loads, lines)
    assert first["n"] == {"m": 1} and "n" not in second
    assert second["label"] == "spam" and second["embedding"] == [3, 4]
    write_part(tmp_path / "b.csv", block, ANSWERS, "csv", names)
    with open(tmp_path / "b.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {
            "text": 'a\n"',
            "n": '{"m": 1}',
            "label": "ham",
            "score": "0.5",
            "embedding": "[1.0, 2.0]",
        },
        {
            "text": "é",
            "n": "",
            "label": "spam",
            "score": "0.25",
            "embedding": "[3.0, 4.0]",
        },
    ]


def test_written_rejected_rows(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"caf\xe9\n")
    (block,) = read(path)
    write_rejected(tmp_path / "r.jsonl", block, "a.txt")
    (line,) = (tmp_path / "r.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert row["file"] == "a.txt" and row["row"] == 1
    # No byte is lost.
    content = row["content"].encode("utf-8", "surrogateescape")
    assert content == b"caf\xe9\n"


@pytest.fixture(scope="module")
def parquet():
    return pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")


def test_parquet_keeps_types_and_blocks_ignore_row_groups(tmp_path, parquet):
    import pyarrow

    values = [f"text {i}" if i % 5 else None for i in range(23)]
    table = pyarrow.table(
        {
            "text": pyarrow.array(values).dictionary_encode(),
            "time": pyarrow.array(range(23), pyarrow.timestamp("ms")),
        }
    )
    path = tmp_path / "a.parquet"
    parquet.write_table(table, path, row_group_size=4)
    blocks = read(path, block_rows=10)
    assert [len(x.numbers) + len(x.rejected) for x in blocks] == [10, 10, 3]
    assert texts(blocks) == [text for text in values if text]
    assert list(reasons(blocks)) == [1, 6, 11, 16, 21]
    assert blocks[2].numbers == [22, 23]
    write_part(tmp_path / "b.parquet", blocks[2], ANSWERS, "parquet", None)
    found = parquet.read_table(tmp_path / "b.parquet")
    assert found.schema.field("time").type == table.schema.field("time").type
    assert found.column("label").to_pylist() == ["ham", "spam"]
    assert found.column("embedding").to_pylist() == [[1, 2], [3, 4]]
    write_part(tmp_path / "b.jsonl", blocks[2], ANSWERS, "jsonl", None)
    line = (tmp_path / "b.jsonl").read_text().splitlines()[0]
    assert json.loads(line)["time"] == "1970-01-01 00:00:00.021000"


def test_parquet_of_jsonl_has_strings(tmp_path, parquet):
    block = block_of_two(tmp_path)
    path = tmp_path / "b.parquet"
    write_part(path, block, ANSWERS, "parquet", ["text", "n"])
    found = parquet.read_table(path).to_pylist()
    assert [row["n"] for row in found] == ['{"m": 1}', None]
    # The types of a block without rows are the same.
    schema = parquet.read_schema(path)
    block.reject({0: "x", 1: "y"})
    empty = {name: values[:0] for name, values in ANSWERS.items()}
    write_part(path, block, empty, "parquet", ["text", "n"])
    assert parquet.read_schema(path) == schema


def test_parquet_that_cannot_be_scored(tmp_path, parquet):
    import pyarrow

    path = tmp_path / "a.parquet"
    path.write_bytes(b"no")
    with pytest.raises(ValueError, match="is not a Parquet file"):
        open_table(str(path), 10)
    parquet.write_table(pyarrow.table({"text": [1]}), path)
    with pytest.raises(ValueError, match="must have strings.*int64"):
        open_table(str(path), 10).check_texts(["text"], 1)


def test_columns_of_lists(tmp_path, parquet):
    """Only columns after those that need a text can have lists."""
    import pyarrow

    path = tmp_path / "a.parquet"
    columns = {"prompt": ["a", "b"], "choices": [["c", "d"], None]}
    parquet.write_table(pyarrow.table(columns), path)
    table = open_table(str(path), 10)
    names = ["prompt", "choices"]
    table.check_texts(names, 1)
    (block,) = table.blocks(0, names, 1, [])
    assert block.texts == list(columns.values())
    with pytest.raises(ValueError, match="'choices'.*must have strings.*list"):
        table.check_texts(names, 2)
    parquet.write_table(pyarrow.table({**columns, "choices": [[1], []]}), path)
    with pytest.raises(ValueError, match="or lists of strings.*int64"):
        open_table(str(path), 10).check_texts(names, 1)
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "a", "b": "c"}\n{"prompt": "", "b": ["d"]}\n')
    (block,) = open_table(str(path), 10).blocks(0, ["prompt", "b", "c"], 1, [])
    assert block.texts == [["a"], ["c"], [None]]
