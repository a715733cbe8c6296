"""Tests that several devices give the results of one on TensorFlow."""

import pytest

from tests.backends import only_on
from tests.devices import on_tensorflow
from tests.devices.child import failures

pytestmark = only_on(
    "tensorflow", reason="`tf.distribute` only trains models of TensorFlow"
)


@pytest.fixture(scope="module")
def found():
    return failures("tests.devices.on_tensorflow")


@pytest.mark.parametrize("check", on_tensorflow.CHECKS)
def test_check(found, check):
    assert found[check] is None, found[check]


@pytest.mark.slow
def test_other_tasks():
    found = failures("tests.devices.on_tensorflow", "slow")
    assert found == dict.fromkeys(on_tensorflow.SLOW_CHECKS)
