"""Fixtures shared by all tests."""

import atexit
import gc
import os
import pathlib
import shutil
import sys
import tempfile

# The backend on which the tests take the least time.
os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The models of the tests are small. Several threads per worker would only slow
# each other down.
for name in (
    "OMP_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Saves a third of the compile time, which dominates the tests on JAX.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    # The workers inherit this environment and share compiled programs.
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
    """Exclude everything that was imported from garbage collection.

    This is about a million objects of TensorFlow, PyTorch and transformers.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def seed():
    """Make the random weights of every test reproducible."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module", autouse=True)
def release_programs():
    """Drop the programs that JAX keeps, which take gigabytes for all tests."""
    yield
    if keras.config.backend() == "jax":
        import jax

        jax.clear_caches()


@pytest.fixture(scope="session", autouse=True)
def no_xla():
    """Disable XLA on TensorFlow, unless a test enables it.

    Compiling models of this size takes longer than running them.
    """
    with pytest.MonkeyPatch.context() as patch:
        if keras.config.backend() == "tensorflow":
            patch.setattr(
                keras.Model, "_resolve_auto_jit_compile", lambda self: False
            )
        yield


@pytest.fixture(scope="session", autouse=True)
def converter():
    """Import TensorFlow once for all exports, on systems that can fork."""
    if sys.platform != "linux":
        yield
        return
    converter = Converter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "subprocess", converter)
        yield
    converter.close()


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory):
    """Keep all temporary files in pytest's folder, which pytest removes."""
    folder = str(tmp_path_factory.mktemp("temporary"))
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as short,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        # The paths of sockets have at most 107 characters.
        patch.setenv("RAY_TMPDIR", short)
        yield


@pytest.fixture(scope="session")
def real_data():
    """Folder of real texts that are not part of the package.

    Their licences do not allow them in the repository. The folder is the one
    that `KERAS_SQUEEZE_DATA` names, or else `shared/data` next to the checkout.
    Tests that need it are skipped without it.
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


@pytest.fixture(scope="session")
def oracle(vocabulary, tmp_path_factory):
    """The tokenizer of transformers with these words."""
    from tests.bert_oracle import make_fast_tokenizer

    return make_fast_tokenizer(vocabulary, tmp_path_factory.mktemp("oracle"))
