"""Tests what libraries log, on the command line and elsewhere."""

import pathlib

import pytest
from absl import logging as absl_logging

from keras_squeeze import logs
from tests.processes import run_python

PROGRAM = f"""
import os, pathlib, sys
exec(pathlib.Path({str(pathlib.Path(logs.__file__))!r}).read_text())
os.write(2, b"from C++\\n")
print("from Python", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("argv", "is_heard"),
    [
        (["/usr/bin/keras-squeeze", "presets"], False),
        (["keras-squeeze-script.py", "presets"], False),
        (["keras-squeeze.exe", "presets", "--log"], True),
        (["train.py", "keras_squeeze"], True),
    ],
)
def test_only_the_command_line_silences_libraries(argv, is_heard):
    program = f"import sys\nsys.argv = {argv!r}\n{PROGRAM}"
    result = run_python("-c", program)
    expected = ["from C++"] * is_heard + ["from Python"]
    assert result.stderr.splitlines() == expected


def test_nothing_of_a_missing_profiler(caplog):
    absl_logging.warning("Failed to load jax profiler: %s", "No module")
    absl_logging.warning("Something else")
    assert caplog.messages == ["Something else"]
