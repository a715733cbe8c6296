"""Exported files of each task, and LiteRT.js."""

import functools
import os
import shutil
import subprocess

import pytest

from keras_squeeze import export_tflite
from keras_squeeze.demo import runtime as litert_js
from tests.demo.small_tasks import LENGTH
from tests.demo.small_tasks import small_task


@pytest.fixture(scope="session")
def export_small(tmp_path_factory):
    """A function that exports a small task, and returns it and its file."""

    @functools.lru_cache
    def export_small(kind, sequence_length=LENGTH, task=None, **options):
        task = task or small_task(kind)
        path = tmp_path_factory.mktemp("exported") / f"{kind}.tflite"
        export_tflite(
            task,
            path,
            sequence_length=sequence_length,
            app_files=True,
            verbose=False,
            **options,
        )
        return task, path

    return export_small


@pytest.fixture(scope="session")
def exported_classifier(export_small):
    """A classifier and its file."""
    return export_small("TextClassifier")


@pytest.fixture(scope="session")
def litert_js_folder(tmp_path_factory):
    """A folder in which LiteRT.js is installed.

    It is the one that `KERAS_SQUEEZE_LITERT_JS` names, or else is downloaded
    with npm.
    """
    if "KERAS_SQUEEZE_LITERT_JS" in os.environ:
        return os.environ["KERAS_SQUEEZE_LITERT_JS"]
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm, which downloads LiteRT.js, is missing")
    folder = tmp_path_factory.mktemp("litert_js")
    packages = [
        f"{name}@{litert_js.VERSION}"
        for name in ("@litertjs/core", "@litertjs/wasm-utils")
    ]
    result = subprocess.run(
        [npm, "install", "--ignore-scripts", "--no-audit", *packages],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if result.returncode:
        pytest.skip(f"LiteRT.js cannot be downloaded: {result.stderr[-200:]}")
    return folder
