"""Fixtures that every test folder shares."""

import atexit
import gc
import os
import pathlib
import shutil
import sys
import tempfile

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The models of the tests are small: several threads a worker only get in
# each other's way.
for name in (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# It takes a third of the time off the compiling, which is most of the time.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # The workers are started with this environment, and share what each of
    # them has compiled.
    folder = tempfile.mkdtemp(prefix="jax_programs_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import keras  # noqa: E402
import pytest  # noqa: E402

from keras_squeeze.export import process  # noqa: E402
from tests.converter import Converter  # noqa: E402

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def pytest_collection_finish():
    """Keeps what was imported out of every collection of garbage.

    That is a million objects of TensorFlow, PyTorch and transformers.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def seed():
    """Gives every test the same random weights each time it runs."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session", autouse=True)
def no_xla():
    """Leaves XLA out on TensorFlow, but where a test asks for it.

    It compiles for longer than models of this size run.
    """
    with pytest.MonkeyPatch.context() as patch:
        if keras.config.backend() == "tensorflow":
            patch.setattr(
                keras.Model, "_resolve_auto_jit_compile", lambda self: False
            )
        yield


@pytest.fixture(scope="session", autouse=True)
def converter():
    """Imports TensorFlow once for all exports, where it can be forked."""
    if sys.platform != "linux":
        yield
        return
    converter = Converter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "subprocess", converter)
        yield
    converter.close()


@pytest.fixture(scope="session")
def real_data():
    """Folder of real texts that are not part of the package.

    Their licences do not allow them in the repository. They are looked for
    in the folder `KERAS_SQUEEZE_DATA` names, or in `shared/data` beside the
    checkout; the tests that need them skip where there are none.
    """
    folder = pathlib.Path(
        os.environ.get(
            "KERAS_SQUEEZE_DATA", REPOSITORY.parent / "shared" / "data"
        )
    )
    if not folder.is_dir():
        pytest.skip(f"the real texts are not at {folder}")
    return folder


@pytest.fixture(scope="session")
def vocabulary():
    """The 30,522 words of the uncased English BERT vocabulary."""
    preset = REPOSITORY / "presets" / "mobile_bert_tiny_en_uncased"
    path = preset / "assets" / "tokenizer" / "vocabulary.txt"
    return path.read_text(encoding="utf-8").split("\n")[:30522]
