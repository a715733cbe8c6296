"""Fixtures of the tests against transformers."""

import pytest
import transformers


@pytest.fixture(scope="module")
def quiet():
    """Silence the logs of transformers, which are warnings here."""
    verbosity = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity(transformers.logging.FATAL)
    yield
    transformers.logging.set_verbosity(verbosity)
