"""Compiles and runs the tokenizer for apps in Kotlin."""

import glob
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from keras_squeeze.export.phones.app_files import PROGRAMS
from keras_squeeze.export.phones.app_files import program

# npm's `kotlin-compiler` has it in its folder `bin`, where it is no program.
KOTLINC = os.environ.get("KERAS_SQUEEZE_KOTLINC") or shutil.which("kotlinc")
# Android has these classes; Debian's `libandroid-json-java` has the same.
LIBRARIES = glob.glob("/usr/share/java/com.android.json.jar")

needs_kotlin = pytest.mark.skipif(
    not (KOTLINC and LIBRARIES and shutil.which("java")),
    reason="needs Java, Debian's libandroid-json-java, and kotlinc, which "
    "KERAS_SQUEEZE_KOTLINC can name",
)

MAIN = """
import java.io.File
import org.json.JSONArray
import org.json.JSONObject

fun main(paths: Array<String>) {
    val argument = JSONObject(File(paths[0]).readText())
    val tokenizer = WordPieceTokenizer(
        argument.getJSONObject("contract").toString(),
        argument.getString("vocabulary"),
        argument.getJSONObject("characters").toString())
    fun texts(row: JSONArray) = List(row.length()) { row.getString(it) }
    val result = JSONObject()
    argument.optJSONArray("texts")?.let { rows ->
        result.put("tokens", JSONArray(texts(rows).map { text ->
            JSONArray(tokenizer.encode(text).map {
                JSONArray(listOf(it.id, it.start, it.end, it.word))
            })
        }))
    }
    argument.optJSONArray("packed")?.let { rows ->
        result.put("inputs", JSONArray(List(rows.length()) { i ->
            val length = argument.getInt("length")
            val inputs = tokenizer.pack(texts(rows.getJSONArray(i)), length)
            JSONObject(inputs.mapValues { JSONArray(it.value.toList()) })
        }))
    }
    argument.optString("golden").takeIf { it.isNotEmpty() }?.let { golden ->
        val rows = argument.getJSONArray("outputs")
        var next = 0
        val tolerance = argument.getDouble("tolerance").toFloat()
        val differences = tokenizer.check(golden, tolerance) { _, _ ->
            val row = rows.getJSONObject(next++)
            row.keys().asSequence().associateWith { name ->
                val values = row.getJSONArray(name)
                FloatArray(values.length()) { values.getString(it).toFloat() }
            }
        }
        result.put("differences", JSONArray(differences))
    }
    File(paths[1]).writeText(result.toString())
}
"""


def compile_program(folder):
    """Compile the tokenizer.

    Args:
        folder: `pathlib.Path`. A folder for the files.

    Returns:
        A function that runs it: from a dictionary to a dictionary.
    """
    name = PROGRAMS["kotlin"]
    (folder / name).write_text(program(name), encoding="utf-8")
    (folder / "Main.kt").write_text(MAIN, encoding="utf-8")
    path = os.pathsep.join(LIBRARIES)
    command = ["bash", KOTLINC, "-include-runtime", "-d", "program.jar"]
    _run([*command, "-cp", path, name, "Main.kt"], folder)

    def run(argument):
        text = json.dumps(argument)
        pathlib.Path(folder, "input.json").write_text(text, encoding="utf-8")
        classes = os.pathsep.join([*LIBRARIES, "program.jar"])
        _run(
            ["java", "-cp", classes, "MainKt", "input.json", "output.json"],
            folder,
        )
        output = (folder / "output.json").read_text(encoding="utf-8")
        return json.loads(output)

    return run


def _run(command, folder):
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    # The compiler has no warnings about the file.
    assert "warning:" not in result.stderr, result.stderr
