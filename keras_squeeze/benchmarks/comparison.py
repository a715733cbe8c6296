"""Compares training and prediction with transformers on PyTorch."""

import contextlib
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile

import numpy as np

from keras_squeeze.benchmarks import latency
from keras_squeeze.benchmarks import side
from keras_squeeze.models.mobile_bert.mobile_bert_tasks import (
    MobileBertTokenizer,
)
from keras_squeeze.processes import import_path
from keras_squeeze.transformers.writer import write_checkpoint

BACKENDS = ("torch", "tensorflow", "jax")
MODELS = [name for name in latency.MODELS if not name.startswith("bert_")]
BASELINE = "transformers"


def run_training(
    models=("mobile_bert_tiny_en_uncased", "squeeze_bert_tiny_en_uncased"),
    backends=BACKENDS,
    batch_size=16,
    sequence_length=128,
    num_threads=1,
    repeats=10,
    jit_compile="auto",
):
    """Measure steps of training and of prediction, and the first of them.

    Each library and backend has its own process, pinned to `num_threads` cores
    where the system can do that. The steps alternate between the processes, so
    that other load on the machine affects all of them. All start from the same
    weights, which is checked, and train with AdamW and clipped gradients.

    Args:
        models: List of strings, names in `MODELS`. Defaults to the tiny
            presets.
        backends: List of strings. Defaults to all three.
        batch_size: int. Defaults to `16`.
        sequence_length: int. Defaults to `128`.
        num_threads: int. Defaults to `1`.
        repeats: int. The number of measured steps. Defaults to `10`.
        jit_compile: bool or `"auto"`, as for `compile()`. Defaults to
            `"auto"`.

    Returns:
        A list that has a dictionary per model and library: `"model"`,
        `"name"`, the seconds of the first step of training `"first_s"`, the
        median milliseconds of later ones `"train_ms"` and of predictions
        `"forward_ms"`, half the distance between their quartiles in percent
        `"train_spread"` and `"forward_spread"`, the ratios of the medians to
        those of transformers, and `"memory_gb"`, the peak in GB. There is no
        row for transformers, and no ratio, if it is not installed.

    Raises:
        ValueError: If a model or a backend is unknown.

    Example:

    ```python
    keras_squeeze.benchmarks.comparison.run_training(
        models=["squeeze_bert_tiny_en_uncased"], backends=["torch"]
    )
    ```
    """
    rows = []
    settings = {
        "threads": num_threads,
        "batch_size": batch_size,
        "sequence_length": sequence_length,
        "jit_compile": jit_compile,
        "texts": None,
    }
    for model in _checked(models, backends):
        with _sides(model, backends, settings) as sides:
            check_that_all_agree(
                {k: s.run("forward") for k, s in sides.items()}
            )
            first = {name: one.run("train") for name, one in sides.items()}
            measured = _in_turns(sides, ("train", "forward"), repeats)
            for name, one in sides.items():
                row = {
                    "model": model,
                    "name": name,
                    "first_s": first[name]["seconds"],
                }
                for step in ("train", "forward"):
                    row.update(_summary(step, measured[step], name))
                row["memory_gb"] = one.memory
                rows.append(row)
    return rows


def run_prediction(
    models=("mobile_bert_tiny_en_uncased", "squeeze_bert_tiny_en_uncased"),
    backends=BACKENDS,
    texts=(),
    num_texts=10000,
    num_threads=1,
    repeats=3,
):
    """Measure `annotate()`, of one text and of many, in alternation.

    It is compared with a `transformers.pipeline()` with batches of 32, and a
    single text also with the model alone, without preprocessing.

    Args:
        models: List of strings, names in `MODELS`. Defaults to the tiny
            presets.
        backends: List of strings. Defaults to all three.
        texts: List of strings, which are repeated if there are too few.
        num_texts: int. Defaults to `10000`.
        num_threads: int. Defaults to `1`.
        repeats: int. The number of measurements. Defaults to `3`.

    Returns:
        A list that has a dictionary per model and library: `"model"`,
        `"name"`, the median `"texts_per_second"`, its `"speedup"` over
        transformers, the median milliseconds for one text `"answer_ms"`, and
        how much that is relative to the model alone, `"over_forward"`.

    Raises:
        ValueError: If a model or a backend is unknown, or there are no texts.

    Example:

    ```python
    keras_squeeze.benchmarks.comparison.run_prediction(
        models=["squeeze_bert_tiny_en_uncased"],
        backends=["torch"],
        texts=["See you at nine.", "You have won!"],
        num_texts=20,
    )
    ```
    """
    texts = repeat_texts(texts, num_texts)
    rows = []
    settings = {"threads": num_threads, "texts": texts}
    for model in _checked(models, backends):
        with _sides(model, backends, settings) as sides:
            check_that_all_agree(
                {name: one.run("answer_all") for name, one in sides.items()}
            )
            many = _in_turns(sides, ["answer_all"], repeats)["answer_all"]
            one = _in_turns(sides, ("answer", "forward"), 10 * repeats)
            for name in sides:
                seconds = statistics.median(many[name])
                answer = statistics.median(one["answer"][name])
                row = {
                    "model": model,
                    "name": name,
                    "texts_per_second": num_texts / seconds,
                    "speedup": None,
                    "answer_ms": 1000 * answer,
                    "over_forward": answer
                    / statistics.median(one["forward"][name]),
                }
                if BASELINE in sides:
                    baseline = statistics.median(many[BASELINE])
                    row["speedup"] = baseline / seconds
                rows.append(row)
    return rows


class Side:
    """A process that runs the methods of a class in `side` when asked.

    Args:
        name: string. `"transformers"`, or the backend of this package.
        folder: string. The folder of the checkpoint to load.
        settings: Dictionary. `"threads"`, an int; `"texts"`, a list of strings
            to predict, or `None` for random batches, with `"batch_size"` and
            `"sequence_length"`, both ints, and `"jit_compile"`.
    """

    def __init__(self, name, folder, settings):
        self.name = name
        # The peak so far, in GB.
        self.memory = None
        threads = settings["threads"]
        library = name
        environment = environment_of(threads)
        if name in BACKENDS:
            library = "keras_squeeze"
            environment["KERAS_BACKEND"] = name
        self.log = tempfile.TemporaryFile("w+")
        command = [sys.executable, "-P", side.__file__, library, folder]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment,
        )
        pin(self.process, threads)
        # An argument must not be as long as thousands of texts.
        self._send(json.dumps(settings))

    def run(self, method):
        """Run a method.

        Args:
            method: string. The name of the method.

        Returns:
            A dictionary of its `"value"` and its `"seconds"`.

        Raises:
            RuntimeError: If the process fails.
        """
        self._send(method)
        answer = self.process.stdout.readline()
        if not answer:
            self.log.seek(0)
            lines = self.log.read().strip().splitlines()
            raise RuntimeError(
                f"The process of {self.name} failed: "
                f"{lines[-1] if lines else 'no message'}"
            )
        answer = json.loads(answer)
        self.memory = answer.pop("memory")
        return answer

    def _send(self, line):
        # Why a process failed is in its log.
        with contextlib.suppress(BrokenPipeError):
            print(line, file=self.process.stdin, flush=True)

    def close(self):
        """End the process."""
        self.process.kill()
        self.process.communicate()
        self.log.close()


@contextlib.contextmanager
def _sides(model, backends, settings):
    """Start a process for transformers, if installed, and for each backend."""
    names = [BASELINE] if importlib.util.find_spec("transformers") else []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        write_model(model, folder)
        sides = {}
        for name in [*names, *backends]:
            sides[name] = Side(name, folder, settings)
            stack.callback(sides[name].close)
        yield sides


def write_model(model, folder):
    """Write the checkpoint of a model, with a classifier and a tokenizer.

    Args:
        model: string. One of `MODELS`.
        folder: string.
    """
    write_checkpoint(latency.MODELS[model](), folder)
    # All models have the same vocabulary, those of published size none.
    tokenizer = MobileBertTokenizer.from_preset("mobile_bert_tiny_en_uncased")
    write_checkpoint(tokenizer, folder)


def repeat_texts(texts, count):
    """Repeat texts until there are enough, in a random order.

    Args:
        texts: List of strings.
        count: int.

    Returns:
        A list of `count` strings.

    Raises:
        ValueError: If there are no texts.
    """
    if not texts:
        raise ValueError(f"`texts` must have texts. Received: texts={texts}")
    texts = [texts[i % len(texts)] for i in range(count)]
    random.Random(0).shuffle(texts)
    return texts


def environment_of(threads):
    """The environment of a process that computes with some threads.

    Args:
        threads: int.

    Returns:
        A dictionary.
    """
    return {
        **os.environ,
        "PYTHONPATH": import_path(),
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TOKENIZERS_PARALLELISM": "false",
    }


def pin(process, count):
    """Let a process only use some cores, where the system can do that.

    Args:
        process: A `subprocess.Popen`.
        count: int. The number of cores.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[:count]
        os.sched_setaffinity(process.pid, cores)


def check_models(models):
    """Raise a `ValueError` for models that cannot be compared.

    Args:
        models: List of strings.
    """
    _check_names("models", models, MODELS)


def _checked(models, backends):
    check_models(models)
    _check_names("backends", backends, BACKENDS)
    return models


def _check_names(name, values, known):
    unknown = [value for value in values if value not in known]
    if unknown:
        raise ValueError(
            f"`{name}` must be among {list(known)}. Received: {unknown}"
        )


def check_that_all_agree(answers):
    """A comparison of different computations would mean nothing.

    Args:
        answers: Dictionary of dictionaries with a `"value"`, by program.

    Raises:
        RuntimeError: If the values differ.
    """
    first, *others = answers
    for other in others:
        difference = np.abs(
            np.subtract(answers[first]["value"], answers[other]["value"])
        ).max()
        if difference > 1e-2:
            raise RuntimeError(
                f"{first} and {other} do not compute the same: the outputs "
                f"differ by {difference:.3g}."
            )


def _in_turns(sides, methods, repeats):
    """Seconds by method and side, measured in alternation."""
    seconds = {name: {key: [] for key in sides} for name in methods}
    for _ in range(repeats):
        for method in methods:
            for name, one in sides.items():
                seconds[method][name].append(one.run(method)["seconds"])
    return seconds


def _summary(step, seconds, name):
    median = statistics.median(seconds[name])
    low, high = np.percentile(seconds[name], [25, 75])
    ratio = None
    if BASELINE in seconds:
        ratio = median / statistics.median(seconds[BASELINE])
    return {
        f"{step}_ms": 1000 * median,
        f"{step}_spread": 50 * (high - low) / median,
        f"{step}_ratio": ratio,
    }
