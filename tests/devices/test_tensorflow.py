"""Tests that several devices give the results of one on TensorFlow."""

import json

import pytest

from tests.backends import only_on
from tests.devices import on_tensorflow
from tests.devices.child import failures
from tests.processes import free_addresses
from tests.processes import start_python

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


@pytest.mark.slow
@pytest.mark.parametrize("check", ["keras", "task"])
def test_two_workers(check):
    """Keras cannot train with them, and tasks say so."""
    cluster = {"worker": free_addresses(2)}
    workers = [
        start_python(
            *("-m", "tests.devices.worker", check),
            TF_CPP_MIN_LOG_LEVEL="3",
            TF_CONFIG=json.dumps(
                {"cluster": cluster, "task": {"type": "worker", "index": i}}
            ),
        )
        for i in range(2)
    ]
    assert [worker.wait() for worker in workers] == [0, 0]
