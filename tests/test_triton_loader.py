"""Tests that Triton can be imported after TensorFlow.

Each test needs its own process, because a failure is a segmentation fault.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="PyTorch's builds for CPUs come without Triton",
)


def run(command):
    result = subprocess.run(
        [sys.executable, "-c", command],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert result.returncode == 0, result.stderr


def test_after_keras_squeeze():
    run("import keras_squeeze, torch._dynamo, triton.profiler, tensorflow_text")


@pytest.mark.skipif(
    keras.config.backend() == "torch",
    reason="`import tensorflow` imports Keras, which then imports Triton "
    "before this package is there",
)
def test_after_tensorflow():
    """TensorFlow can come first, and other libraries are not affected."""
    run(
        "import sys\n"
        "before = sys.getdlopenflags()\n"
        "import tensorflow, keras_squeeze, triton\n"
        "assert sys.getdlopenflags() == before\n"
        "from keras_squeeze.triton_loader import DeepBindLoader\n"
        "library = sys.modules['triton._C.libtriton']\n"
        "assert type(library.__spec__.loader) is DeepBindLoader\n"
    )
