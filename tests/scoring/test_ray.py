"""Tests scoring on workers of Ray: one local cluster for all tests."""

import csv
import os
import signal
import threading
import time

import numpy as np
import pytest

from keras_squeeze import cli
from keras_squeeze.scoring import Annotate
from keras_squeeze.scoring import score_files
from keras_squeeze.scoring import workers
from tests.backends import only_on
from tests.scoring.conftest import TEXTS
from tests.scoring.test_run import rows_of

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")

pytestmark = only_on(
    "torch",
    reason="workers do the same on every backend; none starts faster",
)


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory):
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        # Each test would otherwise see the device that it hides.
        runtime_env={"env_vars": {"CUDA_VISIBLE_DEVICES": ""}},
    )
    yield
    ray.shutdown()


def write_texts(folder, count):
    path = folder / "texts.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows((i, TEXTS[i % 4]) for i in range(count))
    return str(path)


def test_ray_data(preset, classifier):
    rows = [{"id": i, "message": text} for i, text in enumerate(TEXTS * 3)]
    found = (
        ray.data.from_items(rows)
        .map_batches(
            Annotate,
            fn_constructor_kwargs={"model": preset, "text_column": "message"},
            batch_size=5,
            concurrency=1,
        )
        .take_all()
    )
    found.sort(key=lambda row: row["id"])
    expected = classifier.annotate(TEXTS * 3)
    assert [row["message"] for row in found] == TEXTS * 3
    assert [row["label"] for row in found] == [x["label"] for x in expected]
    np.testing.assert_allclose(
        [row["score"] for row in found],
        [x["score"] for x in expected],
        atol=1e-5,
    )


def test_two_workers_of_which_one_is_killed(
    tmp_path, preset, classifier, monkeypatch
):
    """Its blocks are computed again, and each row is written once."""
    pids = []

    class Pool(workers.RayWorkers):
        def score(self, blocks):
            pids.append(self.pids())
            threading.Thread(target=kill_soon, args=pids[0][:1]).start()
            yield from super().score(blocks)
            pids.append(self.pids())

        def pids(self):
            return ray.get([x.__ray_call__.remote(_pid) for x in self.workers])

    def kill_soon(pid):
        while not list((tmp_path / "out").glob("part-*")):
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)

    monkeypatch.setattr(workers, "RayWorkers", Pool)
    path = write_texts(tmp_path, 4000)
    counts = score_files(
        preset, path, tmp_path / "out", workers=2, block_rows=50
    )
    before, after = pids
    assert before[0] != after[0] and before[1] == after[1]
    assert counts.scored == 4000
    rows = rows_of(tmp_path / "out")
    assert [row["id"] for row in rows] == [str(i) for i in range(4000)]
    expected = [answer["label"] for answer in classifier.annotate(TEXTS)]
    assert [row["label"] for row in rows] == expected * 1000


def _pid(worker):
    return os.getpid()


def test_workers_that_cannot_see_the_preset(tmp_path, preset, monkeypatch):
    """As on another machine, which does not have the folder."""

    class Elsewhere(workers.Worker):
        def __init__(self, arguments):
            super().__init__({**arguments, "model": "/on/another/machine"})

    monkeypatch.setattr(workers, "Worker", Elsewhere)
    path = write_texts(tmp_path, 4)
    with pytest.raises(ValueError, match="The workers cannot load.*machine"):
        score_files(preset, path, tmp_path / "out", workers=2)
    assert not (tmp_path / "out").exists()


def test_a_worker_that_dies_too_often(tmp_path, preset, monkeypatch):
    class Dying(workers.Worker):
        def load(self):
            return ["label"]

        def score(self, texts):
            os._exit(1)

    monkeypatch.setattr(workers, "Worker", Dying)
    monkeypatch.setattr(workers, "_MOST_DEATHS", 0)
    path = write_texts(tmp_path, 4)
    with pytest.raises(RuntimeError, match="failed at block 0 of file 0"):
        score_files(preset, path, tmp_path / "out", workers=2)


def test_command_line(tmp_path, preset, capsys):
    argv = ["score", "--preset", preset, "--input", write_texts(tmp_path, 8)]
    argv += ["--output", str(tmp_path / "out"), "--workers", "2"]
    argv += ["--format", "parquet", "--block-rows", "3"]
    assert cli.main(argv) == 0
    assert "8 rows with answers" in capsys.readouterr().out
    data = ray.data.read_parquet(str(tmp_path / "out"))
    assert data.count() == 8
    # More than there are.
    argv[argv.index("2")] = "3"
    assert cli.main(argv) == 2
    assert "must not exceed the 2 CPUs" in capsys.readouterr().err
