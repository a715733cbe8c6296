"""Predicts how well several GPUs share the training of a model.

JAX compiles a step of training for as many virtual CPU devices, and tells the
work of each of them. A simple model of a GPU turns it into times. Nothing is
computed, and no GPU is needed.
"""

import json
import os
import re
import subprocess
import sys
import typing

import numpy as np

from keras_squeeze.benchmarks import latency
from keras_squeeze.benchmarks.comparison import MODELS
from keras_squeeze.processes import import_path


class Gpu(typing.NamedTuple):
    """What the maker publishes of a GPU.

    Args:
        flops: float. The operations per second of TF32, without sparsity, with
            which JAX multiplies float32.
        memory: float. The bytes per second of its memory.
        link: float. The bytes per second to the other GPUs of the machine, in
            each direction.
    """

    flops: float
    memory: float
    link: float


GPUS = {
    "A100 SXM 80GB": Gpu(156e12, 2.039e12, 300e9),
    "H100 SXM": Gpu(494.7e12, 3.35e12, 450e9),
}

_SIZES = {"f32": 4, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "pred": 1}
_SHAPE = re.compile(r"(\w+)\[([\d,]*)\]")
# An instruction of XLA: its name, its shape or shapes, and its kind.
_ALL_REDUCE = re.compile(r"= (\(.*?\)|\S+) all-reduce(?:-start)?\(")


def run(
    models=("mobile_bert_tiny_en_uncased", "squeeze_bert_tiny_en_uncased"),
    num_devices=8,
    batch_size=32,
    sequence_length=128,
):
    """Predict the efficiency of training on several GPUs of one machine.

    Each GPU has the same number of sequences as a single one would have. The
    efficiency is the time of a step on a single GPU, relative to that on
    several. The prediction assumes:

    - A GPU either computes or reads memory at the published speed, whichever
        takes longer. Real programs reach a part of it, so the times are lower
        bounds.
    - It moves the bytes that XLA counts for CPUs, whose programs are divided
        differently.
    - Gradients are exchanged in a ring, after the computation and not during
        it, without any latency.

    Args:
        models: List of strings, names in `comparison.MODELS`. Defaults to the
            tiny presets.
        num_devices: int. The number of GPUs. Defaults to `8`.
        batch_size: int. The number of sequences per GPU. Defaults to `32`.
        sequence_length: int. Defaults to `128`.

    Returns:
        A list that has a dictionary per model and kind of GPU: `"model"`,
        `"gpu"`; for each GPU and step `"gflops"`, `"gbytes"` of its memory and
        `"exchanged_mb"`; the predicted milliseconds `"one_ms"` and
        `"several_ms"`, and the `"efficiency"`.

    Raises:
        ValueError: If a model is unknown.
        RuntimeError: If JAX cannot compile a step.

    Example:

    ```python
    keras_squeeze.benchmarks.devices.run(
        models=["squeeze_bert_tiny_en_uncased"], num_devices=2, batch_size=2
    )
    ```
    """
    if not set(models) <= set(MODELS):
        raise ValueError(
            f"`models` must be from {MODELS}. Received: {list(models)}"
        )
    rows = []
    for model in models:
        one, several = (
            _measure(model, count, batch_size, sequence_length)
            for count in (1, num_devices)
        )
        for name, gpu in GPUS.items():
            times = [1e3 * predict(gpu, *x) for x in (one, several)]
            flops, moved, exchanged, _ = several
            rows.append(
                {
                    "model": model,
                    "gpu": name,
                    "gflops": flops / 1e9,
                    "gbytes": moved / 1e9,
                    "exchanged_mb": exchanged / 1e6,
                    "one_ms": times[0],
                    "several_ms": times[1],
                    "efficiency": times[0] / times[1],
                }
            )
    return rows


def predict(gpu, flops, moved, exchanged, num_devices):
    """Predict the time of a step.

    Args:
        gpu: A `Gpu`.
        flops: float. The operations of each GPU.
        moved: float. The bytes that it moves from and to its memory.
        exchanged: float. The bytes of what is added up over all GPUs.
        num_devices: int. The number of GPUs.

    Returns:
        float. The seconds.
    """
    # In a ring, each GPU sends all parts but one, twice.
    sent = 2 * (num_devices - 1) / num_devices * exchanged
    return max(flops / gpu.flops, moved / gpu.memory) + sent / gpu.link


def _measure(model, num_devices, batch_size, sequence_length):
    """Compile a step in a process with as many devices.

    Returns:
        A tuple of the arguments of `predict()` after the first.
    """
    arguments = [model, num_devices, batch_size, sequence_length]
    flags = f"--xla_force_host_platform_device_count={num_devices}"
    result = subprocess.run(
        [sys.executable, "-m", __spec__.name, *map(str, arguments)],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": flags,
            "PYTHONPATH": import_path(),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise RuntimeError(f"JAX cannot compile {model}: {lines[-1]}")
    return *json.loads(result.stdout.splitlines()[-1]), num_devices


def exchanged_bytes(program):
    """The bytes that a compiled program adds up over all devices.

    Args:
        program: string. The text of the program, as XLA writes it.

    Returns:
        int.
    """
    total = 0
    for shapes in _ALL_REDUCE.findall(program):
        for kind, sizes in _SHAPE.findall(shapes):
            count = np.prod([int(x) for x in sizes.split(",") if x], dtype=int)
            total += _SIZES[kind] * int(count)
    return total


def compile_step(task, batch_size, sequence_length):
    """Compile a step of training with Adam on JAX.

    Args:
        task: A classifier without dropout in its state.
        batch_size: int. The number of sequences on all devices.
        sequence_length: int.

    Returns:
        A `jax.stages.Compiled`.
    """
    import jax
    import keras

    task.compile(keras.optimizers.Adam(5e-5, global_clipnorm=1.0))
    task.optimizer.build(task.trainable_variables)
    shape = (batch_size, sequence_length)
    ids = np.ones(shape, "int32")
    x = {name: ids for name in ("token_ids", "segment_ids", "padding_mask")}
    y = np.zeros(batch_size, "int32")
    trainable, others, optimizer = (
        [variable.value for variable in variables]
        for variables in (
            task.trainable_variables,
            task.non_trainable_variables,
            task.optimizer.variables,
        )
    )

    def step(trainable, others, optimizer, x, y):
        def loss(trainable):
            outputs, state = task.stateless_call(
                trainable, others, x, training=True
            )
            return task.compute_loss(x, y, outputs), state

        (value, state), gradients = jax.value_and_grad(loss, has_aux=True)(
            trainable
        )
        trainable, optimizer = task.optimizer.stateless_apply(
            optimizer, gradients, trainable
        )
        return value, trainable, state, optimizer

    step = jax.jit(step, donate_argnums=(0, 1, 2))
    return step.lower(trainable, others, optimizer, x, y).compile()


def main(model, num_devices, batch_size, sequence_length):
    """Print what each device does in a step, as JSON.

    Args:
        model: string. A name in `comparison.MODELS`.
        num_devices: string. The number of devices.
        batch_size: string. The number of sequences per device.
        sequence_length: string.
    """
    import keras

    distribution = keras.distribution.DataParallel()
    with distribution.scope():
        program = compile_step(
            latency.MODELS[model](),
            int(batch_size) * int(num_devices),
            int(sequence_length),
        )
    costs = program.cost_analysis()
    exchanged = exchanged_bytes(program.as_text())
    print(json.dumps([costs["flops"], costs["bytes accessed"], exchanged]))


if __name__ == "__main__":
    main(*sys.argv[1:])
