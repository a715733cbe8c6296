"""Fixtures of the tests of models."""

import pytest

from tests.checkpoint_folders import MODELS


@pytest.fixture(scope="module", params=MODELS, ids=lambda m: m.original)
def model(request):
    """Both models, each with its classes."""
    return request.param
