import pytest

from keras_squeeze.datasets.conll import class_names
from keras_squeeze.datasets.conll import read_conll

WORDS = [["Ada", "wrote", "."], ["In", "New York"]]
LABELS = [["B-person", "O", "O"], ["O", "B-place"]]


def write(folder, text, encoding="utf-8"):
    path = folder / "data.conll"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    "text",
    [
        "Ada\tB-person\nwrote\tO\n.\tO\n\nIn\tO\nNew York\tB-place\n",
        "Ada\tB-person\nwrote\tO\n.\tO\n\t\n\n \nIn\tO\nNew York\tB-place",
        "\ufeffAda\tB-person\r\nwrote\tO\r\n.\tO\r\n\r\nIn\tO\r\n"
        "New York\tB-place\r\n",
        "\n\nAda\t1\tB-person\nwrote\t\tO\n.\t3\tO\n\nIn\t1\tO\n"
        "New York\t\tB-place\n\n\n",
    ],
)
def test_words_and_labels(tmp_path, text):
    x, y = read_conll(write(tmp_path, text))
    assert x.shape == y.shape == (2,)
    assert x.tolist() == WORDS
    assert y.tolist() == LABELS


def test_documents_and_columns(tmp_path):
    text = (
        "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects VBZ B-VP O\n"
        "-DOCSTART- -X- -X- O\nPeter  NNP B-NP  B-PER \n"
    )
    path = write(tmp_path, text)
    x, y = read_conll(path)
    assert x.tolist() == [["EU", "rejects"], ["Peter"]]
    assert y.tolist() == [["B-ORG", "O"], ["B-PER"]]
    _, tags = read_conll(path, label_column=1)
    assert tags.tolist() == [["NNP", "VBZ"], ["NNP"]]
    words, _ = read_conll(path, word_column=-4)
    assert words.tolist() == x.tolist()


COMMENTED = ["# id 1 domain=train", "# id 7\tdomain=train", "# text = a b c d"]


@pytest.mark.parametrize("comment", [*COMMENTED, "\n".join(COMMENTED)])
@pytest.mark.parametrize("separator", [" ", "\t"])
@pytest.mark.parametrize("fill", [[], ["_", "_"]])
def test_comments(tmp_path, comment, separator, fill):
    def sentence(*rows):
        rows = [(word, *fill, label) for word, label in rows]
        return "\n".join([comment, *map(separator.join, rows), "\n"])

    text = sentence(("london", "B-LOC"), ("is", "O"), ("big", "O"))
    text += sentence(("it", "O"), ("rains", "O"))
    x, y = read_conll(write(tmp_path, text))
    assert x.tolist() == [["london", "is", "big"], ["it", "rains"]]
    assert y.tolist() == [["B-LOC", "O", "O"], ["O", "O"]]


def test_comments_of_documents(tmp_path):
    text = "#begin document (a b); part 000\na - O\n\n#end document\n"
    x, y = read_conll(write(tmp_path, text))
    assert x.tolist() == [["a"]]
    assert y.tolist() == [["O"]]


@pytest.mark.parametrize("separator", [" ", "\t"])
def test_number_signs_are_words(tmp_path, separator):
    rows = ["# O", "# B-c", "a O", "# egg", "#tag O", "", "#tag O", "", "# O"]
    text = "\n".join(rows).replace(" ", separator)
    x, y = read_conll(write(tmp_path, text))
    assert x.tolist() == [["#", "#", "a", "#", "#tag"], ["#tag"], ["#"]]
    assert y.tolist() == [["O", "B-c", "O", "egg", "O"], ["O"], ["O"]]
    x, _ = read_conll(write(tmp_path, f"#{separator}O"))
    assert x.tolist() == [["#"]]


def test_rare_separators_are_words(tmp_path):
    x, _ = read_conll(write(tmp_path, "a\tO\n\u2028\tO\n\xa0\tO\n\x0b\tO\n"))
    assert x.tolist() == [["a", "\u2028", "\xa0", "\x0b"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no words"),
        ("\n \n-DOCSTART- O\n", "has no words"),
        ("# id 1\n\n# id 2\n", "has no words"),
        ("a\tO\nb\n", "Line 2 .* a word and a label, in 2 columns.*'b'"),
        ("a\tO\n\nb\tO\tO\n", "Line 3 .* in 2 columns"),
        ("a O\nb c O\n", "Line 2 .* in 2 columns"),
        ("a\nb\n", "Line 1 .* a word and a label, in 2 columns"),
        ("a\tO\nb\t\n", "Line 2 .* has no label"),
        ("a\tO\n\tO\n", "Line 2 .* has no word"),
        ("# a b\nc\tO\n# a b\n", "Line 3 .* in 2 columns"),
        ("a O\n\n#\n", "Line 3 .* in 2 columns.*'#'"),
    ],
)
def test_what_cannot_be_read(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_conll(write(tmp_path, text))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_conll(tmp_path / "absent.conll")
    with pytest.raises(
        ValueError, match="data.conll` .* UTF-8.* 0xe9 in line 2"
    ):
        read_conll(write(tmp_path, "a\tO\ncafé\tO\n", encoding="latin-1"))
    path = write(tmp_path, "a\tO\n")
    for column in ("word_column", "label_column"):
        with pytest.raises(ValueError, match=f"no column 2: .*{column}=2"):
            read_conll(path, **{column: 2})


def test_class_names():
    names = ["O", "B-a", "E-a", "I-a", "I-b", "B-b-c", "plain"]
    assert class_names([names[::-1], ["O"], []]) == names


def test_real_files(real_data):
    folder = real_data / "ner_wnut17"
    counts = {}
    for name in (
        "wnut17train.conll",
        "emerging.dev.conll",
        "emerging.test.annotated",
    ):
        x, y = read_conll(folder / name)
        assert list(map(len, x)) == list(map(len, y))
        counts[name] = len(x), sum(map(len, x))
        assert len(class_names(y)) == 13
    assert list(counts.values()) == [
        (3394, 62730),
        (1009, 15733),
        (1287, 23394),
    ]
