"""Tests that Triton can be imported after TensorFlow.

Each test needs its own process, because a failure is a segmentation fault.
"""

import importlib.util

import keras
import pytest

from tests.processes import run_python

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="PyTorch's builds for CPUs come without Triton",
)


def run(command):
    run_python("-c", command, TF_CPP_MIN_LOG_LEVEL="3")


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
