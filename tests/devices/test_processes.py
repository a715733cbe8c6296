"""Tests that two processes train as one does on JAX."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from keras_squeeze import models
from tests.backends import only_on
from tests.devices import one_of_two
from tests.devices import runs
from tests.processes import REPOSITORY

pytestmark = [
    only_on("jax", reason="only JAX has `keras.distribution`"),
    pytest.mark.slow,
]


def start(folder, *options):
    """Start both processes. The options are for the second one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.devices.one_of_two"),
                *(str(folder), address, str(number)),
                *(options if number == 1 else ()),
            ],
            cwd=REPOSITORY,
            env={**os.environ, "XLA_FLAGS": ""},
        )
        for number in range(2)
    ]


def test_resumes_after_a_process_was_killed(tmp_path):
    (tmp_path / "alone").mkdir()
    history, outputs = one_of_two.train(tmp_path / "alone")
    first, second = start(tmp_path, "stop")
    assert second.wait() == 1
    # It waits for the other one.
    first.kill()
    first.wait()
    state = json.loads((tmp_path / "state" / "state.json").read_text())
    assert len(state["history"]) == 1
    assert [process.wait() for process in start(tmp_path)] == [0, 0]
    for number in range(2):
        found = json.loads((tmp_path / f"results_{number}.json").read_text())
        runs.assert_same(found, [history, outputs], tolerance=1e-4)
    task = models.SqueezeBertTextClassifier.from_preset(
        str(tmp_path / "preset")
    )
    found = task.predict(runs.TEXTS[:3], verbose=0)
    np.testing.assert_allclose(found, outputs, rtol=1e-4, atol=1e-4)
