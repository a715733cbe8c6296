"""Marks for the tests that do not have to run on every backend."""

import keras
import pytest


def only_on(backend, reason):
    """Skip a test, or all tests of a file, on the other backends.

    Args:
        backend: string. The backend to test on.
        reason: string. Why one backend is enough, or why it is this one.
    """
    return pytest.mark.skipif(keras.config.backend() != backend, reason=reason)
