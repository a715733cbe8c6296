import pathlib
import re
import runpy

import pytest

GUIDES = sorted(
    (pathlib.Path(__file__).resolve().parents[2] / "guides").glob("*.py")
)
HEADER = re.compile(
    r'"""\n'
    r"Title: .+\n"
    r"Author: .+\n"
    r"Date created: \d{4}/\d\d/\d\d\n"
    r"Last modified: \d{4}/\d\d/\d\d\n"
    r"Description: [A-Z].{,98}\.\n"
    r"Accelerator: (None|GPU|TPU)\n"
    r'"""\n'
)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_guide_has_the_form_of_keras_io(path):
    text = path.read_text(encoding="utf-8")
    assert HEADER.match(text)
    for line in text.splitlines():
        assert len(line) < 91 and line == line.rstrip()
    # A block of text begins and ends on lines of its own.
    assert text.count('"""') == len(re.findall(r'^"""(shell)?$', text, re.M))


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_guide_runs(path, capsys):
    results = runpy.run_path(str(path))
    printed = capsys.readouterr().out
    assert "MB" in printed
    answers = results["tflite_model"].predict(results["messages"])
    assert answers.shape == (2, 2)
    # That it has learnt from its thousand messages.
    assert [row.argmax() for row in answers] == [0, 1]
