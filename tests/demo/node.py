"""Runs the scripts of the page in Node."""

import json
import pathlib
import shutil
import subprocess

import pytest

from tests.processes import REPOSITORY

PAGE = REPOSITORY / "keras_squeeze" / "demo" / "page"

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(
    NODE is None, reason="the scripts of the page run in node, which is missing"
)


def run_module(folder, program, argument):
    """Run a program that uses the modules of the page.

    Args:
        folder: `pathlib.Path`. A folder for temporary files.
        program: string. The body of an asynchronous function of `argument`.
            It can import modules such as `./tokenizer.js`.
        argument: Any value that can be saved as JSON.

    Returns:
        The value that the program returns.
    """
    folder = pathlib.Path(folder) / "page"
    shutil.copytree(PAGE, folder, dirs_exist_ok=True)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "input.json").write_text(json.dumps(argument), encoding="utf-8")
    (folder / "program.js").write_text(
        'import {readFileSync, writeFileSync} from "node:fs";\n'
        'const argument = JSON.parse(readFileSync("input.json", "utf-8"));\n'
        f"const result = await (async () => {{\n{program}\n}})();\n"
        'writeFileSync("output.json", JSON.stringify(result));\n',
        encoding="utf-8",
    )
    result = subprocess.run(
        [NODE, "program.js"], cwd=folder, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return json.loads((folder / "output.json").read_text(encoding="utf-8"))
