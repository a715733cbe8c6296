"""Tests that several devices give the results of one on JAX."""

import pytest

from tests.backends import only_on
from tests.devices import on_jax
from tests.devices.child import failures

pytestmark = only_on("jax", reason="only JAX has `keras.distribution`")


FOUR_DEVICES = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}


@pytest.fixture(scope="module")
def found():
    return failures("tests.devices.on_jax", **FOUR_DEVICES)


@pytest.mark.parametrize("check", on_jax.CHECKS)
def test_check(found, check):
    assert found[check] is None, found[check]


@pytest.mark.slow
def test_other_tasks():
    found = failures("tests.devices.on_jax", "slow", **FOUR_DEVICES)
    assert found == dict.fromkeys(on_jax.SLOW_CHECKS)
