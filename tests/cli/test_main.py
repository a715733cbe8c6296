import ast
import importlib
import json
import os
import pathlib
import re
import runpy
import shlex
import signal
import sys
import tempfile
import time

import keras
import pytest

from keras_squeeze import cli
from keras_squeeze import version
from keras_squeeze.cli import presets
from tests.backends import only_on
from tests.processes import run_python


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as exit:
        cli.main(["--help"])
    assert exit.value.code == 0
    output = capsys.readouterr().out
    for name in (
        "quickstart",
        "finetune",
        "predict",
        "export",
        "demo",
        "convert",
        "presets",
        "benchmark",
    ):
        assert re.search(rf"^    {name}\b", output, re.MULTILINE)
        with pytest.raises(SystemExit) as exit:
            cli.main([name, "--help"])
        assert exit.value.code == 0
        assert f"keras-squeeze {name}" in capsys.readouterr().out


def test_summaries_are_those_of_the_modules():
    for name, summary in cli.COMMANDS.items():
        module = importlib.import_module(f"keras_squeeze.cli.{name}")
        assert module.__doc__.startswith(f"{summary}.\n") or (
            module.__doc__ == f"{summary}."
        )


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["nothing"]])
def test_commands_that_are_not_given_are_not_imported(argv, monkeypatch):
    def import_module(name):
        raise AssertionError(f"{name} is not needed")

    monkeypatch.setattr(importlib, "import_module", import_module)
    with pytest.raises(SystemExit):
        cli.main(argv)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nothing"],
        ["finetune", "--preset", "x"],
        ["export", "--preset", "x", "--output", "y", "--quantization", "int1"],
        ["quickstart", "--epochs", "0"],
        ["quickstart", "--learning-rate", "fast"],
        ["predict", "--preset", "x", "--top-k", "-1", "text"],
    ],
)
def test_wrong_arguments_are_one_line(capsys, argv):
    with pytest.raises(SystemExit) as exit:
        cli.main(argv)
    assert exit.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("keras-squeeze") and error.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ValueError("first\n  second"), 2),
        (FileNotFoundError("first second"), 2),
        (RuntimeError("first second"), 1),
        (ConnectionError("first second"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_are_one_line(capsys, monkeypatch, error, exit_code):
    def run(args):
        raise error

    monkeypatch.setattr(presets, "run", run)
    assert cli.main(["presets"]) == exit_code
    message = "interrupted" if exit_code == 130 else "first second"
    output = capsys.readouterr()
    assert output.err == f"keras-squeeze: error: {message}\n"
    assert output.out == ""


def test_signals_leave_nothing(capsys, monkeypatch, tmp_path):
    def run(args):
        with tempfile.TemporaryDirectory(dir=tmp_path):
            os.kill(os.getpid(), number)
            time.sleep(10)

    monkeypatch.setattr(presets, "run", run)
    for number in (signal.SIGTERM, signal.SIGHUP):
        before = signal.signal(number, signal.SIG_DFL)
        try:
            assert cli.main(["presets"]) == 128 + number
            assert signal.signal(number, before) is signal.SIG_DFL
        finally:
            signal.signal(number, before)
        assert capsys.readouterr().err == "keras-squeeze: error: stopped\n"
        assert list(tmp_path.iterdir()) == []


def test_debug_lets_errors_through(monkeypatch):
    def run(args):
        raise ValueError("where?")

    monkeypatch.setattr(presets, "run", run)
    with pytest.raises(ValueError, match="where?"):
        cli.main(["presets", "--debug"])


def test_commands_of_the_readme_are_ones():
    readme = pathlib.Path(__file__).resolve().parents[2] / "README.md"
    commands = re.findall(
        r"(?:^|&& )keras-squeeze (.+)$", readme.read_text("utf-8"), re.MULTILINE
    )
    assert len(commands) == 7
    for command in commands:
        assert cli.build_parser().parse_args(shlex.split(command)).run


def test_module_is_the_command(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["keras_squeeze", "--version"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("keras_squeeze", run_name="__main__")
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"keras-squeeze {version.__version__}\n"


IMPORTED = """
import contextlib, sys

sys.argv = ["keras-squeeze", {command!r}]
from keras_squeeze import cli

with contextlib.suppress(SystemExit):
    cli.main()
print(sorted({{"jax", "keras", "matplotlib", "sklearn"}} & {{*sys.modules}}))
"""


@pytest.mark.parametrize("command", ["--help", "--version", "presets"])
def test_what_needs_no_keras_does_not_wait_for_it(command):
    assert imported_by(command) == []


@pytest.mark.skipif(
    keras.config.backend() == "torch",
    reason="PyTorch itself imports scikit-learn",
)
def test_command_does_not_wait_for_packages_that_it_does_not_need(tmp_path):
    is_jax = keras.config.backend() == "jax"
    expected = [*["jax"] * is_jax, "keras"]
    assert imported_by("predict") == expected
    # The backend may also come from the file that Keras writes.
    (tmp_path / "keras.json").write_text(
        json.dumps({"backend": keras.config.backend()})
    )
    found = imported_by("predict", KERAS_BACKEND="", KERAS_HOME=str(tmp_path))
    assert found == expected


@only_on("tensorflow", reason="the package imports the same on every backend")
def test_benchmarks_can_write_checkpoints():
    """The transformers API, which writes them, is not always imported."""
    program = (
        "import sys\n"
        "sys.argv = ['keras-squeeze']\n"
        "import keras_squeeze.cli.benchmark\n"
        "from keras_squeeze.checkpoints import hugging_face\n"
        "print(len(hugging_face._WRITERS))\n"
    )
    assert run_python("-c", program).stdout.splitlines()[-1] == "1"


@only_on("jax", reason="the programs are those of JAX")
def test_module_reuses_compiled_programs(tmp_path, monkeypatch):
    for name in cli.JAX_CACHE:
        monkeypatch.delenv(name, raising=False)
    command = ("-m", "keras_squeeze", "predict", "--preset")
    preset = "mobile_bert_tiny_en_uncased_sms_spam"
    run_python(*command, preset, "hi", XDG_CACHE_HOME=str(tmp_path))
    programs = set((tmp_path / "keras_squeeze" / "jax").glob("*-cache"))
    # Those of the initial weights take less than a second each.
    assert len(programs) > 10
    run_python(*command, preset, "hi", XDG_CACHE_HOME=str(tmp_path))
    again = set((tmp_path / "keras_squeeze" / "jax").glob("*-cache"))
    assert again == programs


def test_freed_memory_is_kept_on_jax(monkeypatch):
    calls = []
    monkeypatch.setattr(
        cli.memory, "keep_freed_memory", lambda: calls.append(1)
    )
    monkeypatch.setattr(cli, "JAX_CACHE", {})
    monkeypatch.setattr(cli.logs, "is_command_line", lambda: True)
    for backend in ("tensorflow", "torch", "jax"):
        assert not calls
        monkeypatch.setenv("KERAS_BACKEND", backend)
        cli.build_parser(["presets"])
    assert calls


def imported_by(command, **environment):
    """Run a command without arguments, and list packages that it imports."""
    program = IMPORTED.format(command=command)
    result = run_python("-c", program, **environment)
    return ast.literal_eval(result.stdout.splitlines()[-1])


def test_an_error_is_all_that_a_command_says():
    command = ("-m", "keras_squeeze", "predict", "Hello")
    result = run_python(*command, "--preset", "mobile_bert_tiny", status=2)
    (line,) = result.stderr.splitlines()
    assert line.startswith("keras-squeeze: error: `preset` must be the name")
    assert "Did you mean `mobile_bert_tiny_en_uncased`?" in line
    assert result.stdout == ""
