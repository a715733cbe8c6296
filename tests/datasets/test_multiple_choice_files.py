import numpy as np
import pytest

from keras_squeeze.datasets.multiple_choice_files import read_multiple_choice


def write(folder, text, name="data.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


CSV = "prompt,choice1,choice2,choice3,label\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data.csv", f'{CSV}He,"sat, down",ran,,1\nShe,a,b,c,2\n'),
        ("data.csv", f'{CSV}He,"sat, down",ran,,ran\nShe,a,b,c,c\n'),
        (
            "data.tsv",
            "id\tending1\tending0\tending2\tQuestion\tlabel\n"
            "7\tran\tsat, down\t\tHe\t1\n8\tb\ta\tc\tShe\t2\n",
        ),
        (
            "data.jsonl",
            '{"prompt": "He", "choices": ["sat, down", "ran"], "label": 1}\n'
            '{"choices": ["a", "b", "c"], "label": 2, "prompt": "She"}\n',
        ),
        (
            "data.jsonl",
            '{"prompt": "He", "option_1": "sat, down", "option_2": "ran", '
            '"answer": "ran"}\n'
            '{"prompt": "She", "option_1": "a", "option_2": "b", '
            '"option_3": "c", "answer": "c"}\n',
        ),
    ],
)
def test_prompts_choices_and_labels_are_found(tmp_path, name, text):
    data = read_multiple_choice(write(tmp_path, text, name))
    assert data.x["prompt"].tolist() == ["He", "She"]
    assert data.x["choices"].tolist() == [["sat, down", "ran"], ["a", "b", "c"]]
    assert data.y.tolist() == [1, 2]
    assert data.y.dtype == np.int32
    part = data.take(np.array([False, True]))
    assert part.x["choices"].tolist() == [["a", "b", "c"]]
    assert len(part) == 1


def test_whole_numbers_are_indices(tmp_path):
    path = write(tmp_path, f"{CSV}2 + 2,1,4,0,1\n1 - 1,1,4,0,2\n")
    assert read_multiple_choice(path).y.tolist() == [1, 2]
    path = write(tmp_path, f"{CSV}2 + 2,1,4.0,0,4.0\n1 - 1,1,4,0,0\n")
    assert read_multiple_choice(path).y.tolist() == [1, 2]


def test_whole_floats_are_indices(tmp_path):
    path = write(tmp_path, f"{CSV}He,a,b,c,1.0\nShe,a,b,c,2.0\n")
    assert read_multiple_choice(path).y.tolist() == [1, 2]
    path = write(tmp_path, f"{CSV}2 + 2,1.0,4.0,0,4.0\n1 - 1,1,4,0.0,0.0\n")
    assert read_multiple_choice(path).y.tolist() == [1, 2]
    text = '{"prompt": "He", "choices": ["a", "b"], "label": 1.0}'
    path = write(tmp_path, text, "data.jsonl")
    assert read_multiple_choice(path).y.tolist() == [1]


def test_bytes_that_are_not_utf8(tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(f"{CSV}a,b,caf\xe9,,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match="data.csv` .*UTF-8.* 0xe9 in line 2"):
        read_multiple_choice(path)


def test_real_file(real_data):
    names = ["category", "prompt", *(f"choice{i}" for i in range(4)), "label"]
    data = read_multiple_choice(
        real_data / "multiple_choice_codah" / "fold_0_train.tsv", names
    )
    assert len(data) == 1665
    assert {len(choices) for choices in data.x["choices"]} == {4}
    assert data.x["prompt"][0] == "The chicken cannot fly. It"
    assert data.x["choices"][0][data.y[0]] == "crosses the road."
    assert np.bincount(data.y).min() > 300


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CSV, "no rows after its header"),
        ("prompt,label\na,0\n", "columns named 'choice1', 'choice2'"),
        ("choice1,label\na,0\n", "a column named 'prompt'"),
        ("prompt,choice1\na,b\n", "a column named 'label'"),
        (f"{CSV}a,b,c,d\n", "Line 2 .* must have 5 columns"),
        (f"{CSV}a,b,c,,0\nd,,,,0\n", "Line 3 .* at least one choice"),
        (f"{CSV}a,b,,c,0\n", "Line 2 .* no empty choice before another"),
        (f"{CSV}a,b,c,,2\n", "Line 2 .* from 0 to 1 .* Received: '2'"),
        (f"{CSV}a,b,c,,-1\n", "Line 2 .* from 0 to 1 .* Received: '-1'"),
        (f"{CSV}a,b,c,,b\nd,e,f,,b\n", "Line 3 .* the text of one .*: 'b'"),
        (f"{CSV}a,b,c,,\n", "Line 2 .* has no label"),
        (f"{CSV}a,b,c,,1.0\nd,e,f,,2.0\n", "Line 3 .* from 0 to 1 .*: '2.0'"),
        ("", "is empty"),
    ],
)
def test_what_cannot_be_read(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_multiple_choice(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"prompt": "a", "choices": "b", "label": 0}', "a list .*: 'b'"),
        ('{"prompt": "a", "choices": [], "label": 0}', "at least one choice"),
        ('{"prompt": "a", "choices": [1], "label": 0}', r"Received: \[1\]"),
        ('{"prompt": "a", "choices": ["None"], "label": null}', "no label"),
        ('{"prompt": "a", "choices": ["nan"], "label": NaN}', "no label"),
        ('{"prompt": NaN, "choices": ["b"], "label": 0}', "'prompt'.*: nan"),
        ('{"prompt": "a", "choices": [NaN], "label": 0}', r"Received: \[nan\]"),
        ('{"prompt": 1, "choices": ["b"], "label": 0}', "'prompt'.*: 1"),
    ],
)
def test_json_lines_that_cannot_be_read(tmp_path, text, message):
    with pytest.raises(ValueError, match=f"Line 1 .*{message}"):
        read_multiple_choice(write(tmp_path, text, "data.jsonl"))
