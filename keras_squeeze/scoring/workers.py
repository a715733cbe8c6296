"""Computes the answers of blocks, here or on the workers of Ray."""

import contextlib
import importlib.util
import logging
import math
import os

import keras
import numpy as np

from keras_squeeze.scoring.annotate import Annotate

# The next block waits at its worker while the worker computes.
_BLOCKS_PER_WORKER = 2

# How often a worker may die before the run stops.
_MOST_DEATHS = 5


class Worker:
    """Loads a model and computes answers.

    The model is loaded when it is first needed, so also in a worker that was
    started again.

    Args:
        arguments: Dictionary of the arguments of `Annotate`.
    """

    def __init__(self, arguments):
        self.arguments = arguments
        self.annotate = None

    def load(self):
        """Load the model, and check that it works.

        Returns:
            A list of strings, the columns of the answers.
        """
        if self.annotate is None:
            self.annotate = Annotate(**self.arguments)
        self.annotate.try_out()
        return self.annotate.columns

    def score(self, texts):
        """Compute answers, also if some of the texts have none.

        Args:
            texts: List that has a list of strings for each text column.

        Returns:
            A tuple of a dictionary of arrays, and a dictionary of why a text
            has no answer, by its index.
        """
        if self.annotate is None:
            self.load()
        try:
            return self.annotate.answers(texts), {}
        except ValueError as e:
            count = len(texts[0])
            if count == 1:
                nothing = [[] for _ in texts]
                return self.annotate.answers(nothing), {0: str(e)}
        half = count // 2
        first, reasons = self.score([column[:half] for column in texts])
        second, others = self.score([column[half:] for column in texts])
        answers = {
            name: np.concatenate([first[name], second[name]]) for name in first
        }
        return answers, {
            **reasons,
            **{half + i: reason for i, reason in others.items()},
        }


class OneProcess:
    """Computes in this process.

    Args:
        arguments: Dictionary of the arguments of `Annotate`.
    """

    def __init__(self, arguments):
        self.worker = Worker(arguments)
        self.columns = self.worker.load()

    def score(self, blocks):
        """Compute the answers of blocks.

        Args:
            blocks: Iterator of `Block`s.

        Yields:
            Tuples of a block and the result of `Worker.score()`.
        """
        for block in blocks:
            yield block, self.worker.score(block.texts)


class RayWorkers:
    """Computes on workers of Ray.

    If a worker dies, Ray starts it again, on another machine if needed, and
    repeats what it had to compute.

    Args:
        arguments: Dictionary of the arguments of `Annotate`.
        count: int or `None`. The number of workers. Defaults to `None`, for
            as many as the cluster has GPUs, or CPUs if it has no GPUs.

    Raises:
        ValueError: If the cluster is too small, or the workers cannot load the
            model.
    """

    def __init__(self, arguments, count=None):
        import ray

        resources = ray.cluster_resources()
        cpus = int(resources.get("CPU", 0))
        gpus = int(resources.get("GPU", 0))
        count = count or min(gpus, cpus) or cpus
        if not 0 < count <= cpus:
            raise ValueError(
                f"`workers` must not exceed the {cpus} CPUs of the cluster. "
                f"Received: workers={count}"
            )
        threads = str(cpus // count)
        variables = {
            "KERAS_BACKEND": keras.backend.backend(),
            "OMP_NUM_THREADS": threads,
            "TF_NUM_INTRAOP_THREADS": threads,
            "TF_NUM_INTEROP_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        remote = ray.remote(Worker).options(
            num_cpus=1,
            num_gpus=_share(gpus, count),
            max_restarts=_MOST_DEATHS,
            max_task_retries=_MOST_DEATHS,
            runtime_env={"env_vars": variables},
        )
        self.workers = [remote.remote(arguments) for _ in range(count)]
        try:
            self.columns = ray.get([x.load.remote() for x in self.workers])[0]
        except ray.exceptions.RayError as e:
            self.close()
            raise ValueError(
                f"The workers cannot load {arguments['model']!r}. It must be "
                "the name or the handle of a preset, or be where all machines "
                "can read it, and they need keras_squeeze. Received: "
                f"{_cause(e)}"
            ) from e

    def close(self):
        """End the workers, whose CPUs and GPUs others may wait for."""
        import ray

        for worker in self.workers:
            ray.kill(worker)

    def score(self, blocks):
        """Compute the answers of blocks.

        Args:
            blocks: Iterator of `Block`s. It is not read further than needed.

        Yields:
            Tuples of a block and the result of `Worker.score()`, in the order
            in which they are computed.
        """
        pending = {}
        free = self.workers * _BLOCKS_PER_WORKER
        for block in blocks:
            if not free:
                yield self._next(pending, free)
            worker = free.pop(0)
            pending[worker.score.remote(block.texts)] = block, worker
        while pending:
            yield self._next(pending, free)

    def _next(self, pending, free):
        """Wait for a block, and return it with its result."""
        import ray

        (done, *_), _ = ray.wait(list(pending), num_returns=1)
        block, worker = pending.pop(done)
        free.append(worker)
        try:
            return block, ray.get(done)
        except ray.exceptions.RayError as e:
            raise RuntimeError(
                f"A worker failed at block {block.index} of file {block.file}: "
                f"{_cause(e)}"
            ) from e


@contextlib.contextmanager
def start_workers(arguments, count=None, address=None):
    """Context in which workers can compute.

    Args:
        arguments: Dictionary of the arguments of `Annotate`.
        count: int or `None`. The number of workers. Defaults to `None`, for
            this process, or with an address for the whole cluster.
        address: string or `None`. The address of a Ray cluster. Defaults to
            `None`, for this machine.

    Yields:
        A `OneProcess` or a `RayWorkers`.

    Raises:
        ValueError: If the workers cannot load the model.
        ImportError: If Ray is needed but missing.
        ConnectionError: If there is no cluster at the address.
    """
    if address is None and (count or 1) == 1:
        yield OneProcess(arguments)
        return
    check_ray()
    import ray

    is_ours = not ray.is_initialized()
    if is_ours:
        # Without an address, Ray would join a cluster on this machine.
        options = {"address": address or "local"}
        if address is None:
            options["num_cpus"] = max(count, _available_cores())
            options["include_dashboard"] = False
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    try:
        pool = RayWorkers(arguments, count)
        try:
            yield pool
        finally:
            pool.close()
    finally:
        if is_ours:
            ray.shutdown()


def check_ray():
    """Raise an `ImportError` if Ray is missing."""
    if importlib.util.find_spec("ray") is None:
        raise ImportError(
            "Several workers, or those of a cluster, need the package ray: "
            "`pip install keras-squeeze[ray]`"
        )


def _share(gpus, count):
    """How many GPUs each worker gets, as Ray counts them."""
    if gpus >= count:
        return gpus // count
    return math.floor(gpus / count * 10**4) / 10**4


def _available_cores():
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _cause(error):
    """The error of the worker itself, without the traceback."""
    return getattr(error, "cause", None) or error
