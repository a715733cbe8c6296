"""Tests that two processes train as one does on JAX."""

import json

import numpy as np
import pytest

from keras_squeeze import models
from tests.backends import only_on
from tests.devices import one_of_two
from tests.devices import runs
from tests.processes import free_addresses
from tests.processes import start_python

pytestmark = [
    only_on("jax", reason="only JAX has `keras.distribution`"),
    pytest.mark.slow,
]


def start_two(folder, first=(), second=()):
    """Start `one_of_two` twice, each with its options."""
    (address,) = free_addresses(1)
    return [
        start_python(
            *("-m", "tests.devices.one_of_two", folder, address, number),
            *options,
            XLA_FLAGS="",
        )
        for number, options in enumerate([first, second])
    ]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The results of one process."""
    return one_of_two.train(tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize("options", [[], ["split"]])
def test_resumes_after_a_process_was_killed(tmp_path, alone, options):
    history, outputs, texts = alone
    first, second = start_two(tmp_path, options, [*options, "stop"])
    assert second.wait() == 1
    # It waits for the other one.
    first.kill()
    first.wait()
    state = json.loads((tmp_path / "state" / "state.json").read_text())
    assert len(state["history"]) == 1
    processes = start_two(tmp_path, options, options)
    assert [process.wait() for process in processes] == [0, 0]
    tokenized = []
    for number in range(2):
        found = json.loads((tmp_path / f"results_{number}.json").read_text())
        runs.assert_same(found[:2], [history, outputs], tolerance=1e-4)
        tokenized.append(found[2])
    # Each text is tokenized once: those to train on, to validate on, and to
    # predict.
    both = [[*a, *b] for a, b in zip(*tokenized, strict=True)]
    assert both == [runs.TEXTS[:5], runs.TEXTS[:5], runs.TEXTS[:3]]
    assert all(part for parts in tokenized for part in parts)
    task = models.SqueezeBertTextClassifier.from_preset(
        str(tmp_path / "preset")
    )
    found = task.predict(runs.TEXTS[:3], verbose=0)
    np.testing.assert_allclose(found, outputs, rtol=1e-4, atol=1e-4)


def test_command_line(tmp_path):
    """Processes join by the environment variables of Keras."""
    runs.make_task("TextClassifier").save_to_preset(tmp_path / "preset")
    rows = zip(runs.TEXTS, runs.IDS, strict=True)
    lines = ["text,label", *(f"{text},{label}" for text, label in rows)]
    data = tmp_path / "data.csv"
    data.write_text("\n".join(lines), encoding="utf-8")
    argv = ["-m", "keras_squeeze", "finetune", "--epochs", "1"]
    argv += ["--preset", tmp_path / "preset", "--sequence-length", "12"]
    argv += ["--train", data, "--validation", data, "--batch-size", "7"]

    def run(name, count, *options):
        (address,) = free_addresses(1)
        return [
            start_python(
                *argv,
                *("--output", tmp_path / name),
                *options,
                XLA_FLAGS="",
                KERAS_DISTRIBUTION_JOB_ADDRESSES=address,
                KERAS_DISTRIBUTION_NUM_PROCESSES=str(count),
                KERAS_DISTRIBUTION_PROCESS_ID=str(number),
            )
            for number in range(count)
        ]

    for name, count in (("one", 1), ("two", 2)):
        assert [x.wait() for x in run(name, count)] == [0] * count
    one, two = (
        json.loads((tmp_path / name / "metrics.json").read_text())["history"]
        for name in ("one", "two")
    )
    runs.assert_same(two, one, tolerance=1e-4)
    assert [x.wait() for x in run("three", 2, "--devices", "1")] == [2, 2]
    assert not (tmp_path / "three").exists()
