import numpy as np
import pytest

from keras_squeeze.datasets.text_files import read_labelled_texts
from keras_squeeze.datasets.text_files import read_texts


def write(folder, text, name="data.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "text,label\ngood,1\nbad,0\nfine,1\n",
        "label,text\n1,good\n0,bad\n1,fine\n",
        "id,Sentence,CLASS\n7,good,1\n8,bad,0\n9,fine,1\n",
        "\ufefftext,label\r\ngood,1\r\nbad,0\r\nfine,1\r\n",
        "good,1\nbad,0\nfine,1\n",
        "1,good\n\n0,bad\n1,fine\n",
    ],
)
def test_texts_and_labels_are_found(tmp_path, text):
    data = read_labelled_texts(write(tmp_path, text))
    assert data.x.tolist() == ["good", "bad", "fine"]
    assert data.labels == ["1", "0", "1"]
    assert len(data) == 3


@pytest.mark.parametrize(
    "text",
    [
        "sentence1,sentence2,label\na,b,yes\nc,d,no\ne,f,yes\n",
        "label,idx,premise,hypothesis\nyes,1,a,b\nno,2,c,d\nyes,3,e,f\n",
        "a,b,yes\nc,d,no\ne,f,yes\n",
        "yes,a,b\nno,c,d\nyes,e,f\n",
    ],
)
def test_pairs_are_found(tmp_path, text):
    data = read_labelled_texts(write(tmp_path, text))
    first, second = data.x
    assert first.tolist() == ["a", "c", "e"]
    assert second.tolist() == ["b", "d", "f"]
    assert data.labels == ["yes", "no", "yes"]


def test_columns_by_name(tmp_path):
    path = write(tmp_path, "v1,v2,v3\nham,hi,x\nspam,win,y\n")
    data = read_labelled_texts(path, ["v2"], "v1")
    assert data.x.tolist() == ["hi", "win"]
    assert data.labels == ["ham", "spam"]
    data = read_labelled_texts(path, ["v2", "v3"], "v1")
    assert [part.tolist() for part in data.x] == [["hi", "win"], ["x", "y"]]


def test_quotes_belong_to_csv_and_not_to_tsv(tmp_path):
    text = 'text,label\n"one, ""two""\nthree",a\nfour,b\n'
    data = read_labelled_texts(write(tmp_path, text))
    assert data.x.tolist() == ['one, "two"\nthree', "four"]
    text = 'text\tlabel\n"I said\ta\nnothing"\u2028 more\tb\n'
    data = read_labelled_texts(write(tmp_path, text, "data.tsv"))
    assert data.x.tolist() == ['"I said', 'nothing"\u2028 more']


def test_real_files(real_data):
    data = read_labelled_texts(real_data / "sst2" / "dev.tsv")
    assert len(data) == 872
    assert data.class_names() == ["0", "1"]
    assert data.x[0].startswith("it 's a charming")


def test_class_ids(tmp_path):
    text = "text,label\na,10\nb,9\nc,10\n"
    data = read_labelled_texts(write(tmp_path, text))
    assert data.class_names() == ["9", "10"]
    ids = data.class_ids(["9", "10"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [1, 0, 1]
    with pytest.raises(ValueError, match=r"one of \['9'\].*'10'"):
        data.class_ids(["9"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("text,label\n", "no rows after its header"),
        ("text,label\na,1\nb\n", "Line 3 .* must have 2 columns"),
        ("text,label\na,1\nb,\n", "Line 3 .* has no label"),
        ("text,topic\na,1\nb,2\n", "must have a label column"),
        ("label,title\n1,a\n2,b\n", "must have a text column"),
        ("tweet,mood\na,1\nb,1\nc,2\n", "is ambiguous"),
        ("a,b\nc,d\n", "is ambiguous"),
        ("a,b,c,d\ne,f,g,h\n", "has 4 columns"),
        ('text,label\n"a,1\nb,2\n', "Line 3 .* unexpected end of data"),
    ],
)
def test_what_cannot_be_read(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_labelled_texts(write(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_labelled_texts(tmp_path / "absent.csv")
    with pytest.raises(ValueError, match=r"`\.csv`, `\.tsv` or .*data\.json"):
        read_labelled_texts(write(tmp_path, "{}", "data.json"))
    with pytest.raises(ValueError, match="UTF-8.* 0xe9 in line 2"):
        text = "text,label\ncafé,1\n"
        read_labelled_texts(write(tmp_path, text, encoding="latin-1"))
    with pytest.raises(ValueError, match="UTF-8.* 0xe9 in line 3"):
        read_texts(write(tmp_path, "a\n\ncafé", "texts.txt", "latin-1"))
    with pytest.raises(ValueError, match="a column named 'v2'"):
        path = write(tmp_path, "text,label\na,1\n")
        read_labelled_texts(path, ["v2"], "label")


def test_json_lines(tmp_path):
    text = (
        '{"label": "ham", "text": "I said \\"no\\"\u2028twice", "id": 1}\n'
        "\n"
        '{"text": "win", "label": "spam"}\n'
    )
    data = read_labelled_texts(write(tmp_path, text, "data.jsonl"))
    assert data.x.tolist() == ['I said "no"\u2028twice', "win"]
    assert data.labels == ["ham", "spam"]
    text = '{"premise": "a", "hypothesis": "b", "label": 1}\n'
    data = read_labelled_texts(write(tmp_path, text, "data.jsonl"))
    assert [part.tolist() for part in data.x] == [["a"], ["b"]]
    assert data.class_ids(["0", "1"]).tolist() == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n", "is empty"),
        ('{"text": "a", "label": 1}\n{"text"\n', "Line 2 .* is not JSON"),
        ('["a", 1]\n', "Line 1 .* must be a JSON object"),
        ('{"text": "a", "label": 1}\n{"text": "b"}\n', "Line 2 .* no label"),
        ('{"text": "a", "label": " "}\n', "Line 1 .* has no label"),
        (
            '{"text": "a", "label": 1}\n{"text": "b", "label": NaN}\n',
            "Line 2 .* no label",
        ),
        ('{"text": "a", "label": null}\n', "Line 1 .* has no label"),
        ('{"text": "a", "label": ["x", NaN]}\n', "Line 1 .* has no label"),
        ('{"text": "a", "label": Infinity}\n', "Line 1 .* a number as .*inf"),
        ('{"text": NaN, "label": 1}\n', "Line 1 .* a string .*: nan"),
        ('{"label": 1}\n', "must have a text column"),
        ('{"tweet": "a", "mood": 1}\n', "must have a label column"),
        (
            '{"text": "a", "label": 1}\n{"label": 1}\n',
            "Line 2 .* a string as its 'text'. Received: None",
        ),
        ('{"text": "a", "label": {}}\n', "a string or a number .*: {}"),
        (
            '{"text": "a", "label": ["x"]}\n{"text": "a", "label": "x"}\n',
            "Line 2 .* must have a list as its label. Received: 'x'",
        ),
    ],
)
def test_json_lines_that_cannot_be_read(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_labelled_texts(write(tmp_path, text, "data.jsonl"))


def test_numbers(tmp_path, real_data):
    path = write(tmp_path, "sentence1,sentence2,score\na,b,2.5\nc,d,-1\n")
    data = read_labelled_texts(path)
    assert data.numbers().dtype == np.float32
    assert data.numbers().tolist() == [2.5, -1]
    for label in ("much", "nan", "1e999"):
        text = f"text,label\na,1\n\nb,{label}\n"
        data = read_labelled_texts(write(tmp_path, text))
        with pytest.raises(
            ValueError, match=f"Line 4 of .*csv` must have a number.*'{label}'"
        ):
            data.numbers()
    data = read_labelled_texts(real_data / "pairs_stsb" / "stsb-en-dev.csv")
    assert data.is_pairs
    assert len(data) == len(data.numbers()) == 1500
    assert 0 <= data.numbers().min() < data.numbers().max() == 5


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.csv", 'text,labels\na,"joy, love"\nb,\nc,anger\nd,"love,joy"\n'),
        (
            "data.jsonl",
            '{"text": "a", "label": ["joy", "love"]}\n'
            '{"text": "b", "label": []}\n'
            '{"text": "c", "label": "anger"}\n'
            '{"text": "d", "label": "love,joy"}\n',
        ),
    ],
)
def test_any_number_of_labels(tmp_path, name, text):
    data = read_labelled_texts(write(tmp_path, text, name), label_separator=",")
    assert data.is_multi_label
    assert data.labels == [["joy", "love"], [], ["anger"], ["love", "joy"]]
    names = data.class_names()
    assert names == ["anger", "joy", "love"]
    vectors = data.class_ids(names)
    assert vectors.tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 1]]
    message = r"Received: \['love'\] \(Line \d of .*data"
    with pytest.raises(ValueError, match=message):
        data.class_ids(["anger", "joy"])
    with pytest.raises(ValueError, match="a number"):
        data.numbers()


def test_texts_without_labels(tmp_path):
    path = write(tmp_path, "\ufeffOne.\n\n  Two words. \r\n \n", "texts.txt")
    assert read_texts(path).tolist() == ["One.", "Two words."]
    path = write(tmp_path, "id,text\n1,One.\n2,Two words.\n")
    assert read_texts(path).tolist() == ["One.", "Two words."]
    path = write(tmp_path, "premise,hypothesis,label\na,b,0\nc,d,1\n")
    first, second = read_texts(path)
    assert (first.tolist(), second.tolist()) == (["a", "c"], ["b", "d"])
    path = write(tmp_path, "id,body\n1,One.\n")
    assert read_texts(path, ["body"]).tolist() == ["One."]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("texts.txt", " \n\n", "has no texts"),
        ("texts.csv", "id,body\n1,One.\n", "must have a text column"),
        ("texts.csv", "text\n", "no rows after"),
        ("texts.jsonl", '{"text": 1}\n', "must have a string as its 'text'"),
        ("texts.doc", "One.", "must be a `.csv`"),
    ],
)
def test_texts_that_cannot_be_read(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=message):
        read_texts(write(tmp_path, text, name))
