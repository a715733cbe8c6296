"""Fixtures that every test folder shares."""

import os
import pathlib

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

import keras  # noqa: E402
import pytest  # noqa: E402

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def seed():
    """Gives every test the same random weights each time it runs."""
    keras.utils.set_random_seed(0)


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
