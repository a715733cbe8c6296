"""Compares implementations of SqueezeBERT's grouped projection."""

import time

import keras
import numpy as np
from keras import ops

from keras_squeeze.layers.grouped_dense import GroupedDense


class ConvolutionDense(GroupedDense):
    """A `GroupedDense` computed as a grouped convolution."""

    def convolution_op(self, inputs, kernel):
        return keras.layers.Conv1D.convolution_op(self, inputs, kernel)


class SplitDense(GroupedDense):
    """A `GroupedDense` computed as one product per group."""

    def convolution_op(self, inputs, kernel):
        kernels = ops.split(kernel[0], self.groups, axis=-1)
        inputs = ops.split(inputs, self.groups, axis=-1)
        outputs = map(ops.matmul, inputs, kernels)
        return ops.concatenate(list(outputs), axis=-1)


class BlockDiagonalDense(GroupedDense):
    """A `GroupedDense` computed as a dense layer with a sparse kernel."""

    def convolution_op(self, inputs, kernel):
        groups = np.arange(self.groups)
        in_group = np.repeat(groups, kernel.shape[1])
        out_group = np.repeat(groups, kernel.shape[2] // self.groups)
        mask = np.equal.outer(in_group, out_group)
        kernel = ops.tile(kernel[0], (self.groups, 1))
        return ops.matmul(inputs, kernel * ops.cast(mask, kernel.dtype))


# The first variant is the one used for training.
VARIANTS = {
    "batched matmul": GroupedDense,
    "grouped convolution": ConvolutionDense,
    "split": SplitDense,
    "block-diagonal dense": BlockDiagonalDense,
}

NUM_LAYERS = 12


def run(batch_size=8, sequence_length=128, repeats=5, units=768, groups=4):
    """Measure the variants in turns, on the current backend.

    A single layer takes less time than starting a step, so a stack of twelve
    layers is measured.

    Args:
        batch_size: int. Defaults to `8`.
        sequence_length: int. Defaults to `128`.
        repeats: int. The number of measurements per variant. Defaults to `5`.
        units: int. The size of the features before and after the layer.
            Defaults to `768`, as in SqueezeBERT.
        groups: int. The number of groups. Defaults to `4`, as in SqueezeBERT.

    Returns:
        A list that has a dictionary per variant: its `name`, the medians
        `forward_ms` and `train_step_ms`, and `forward_ratio` and
        `train_step_ratio`, its times relative to the first variant.

    Example:

    ```python
    for row in keras_squeeze.benchmarks.grouped_dense.run():
        print(row["name"], row["train_step_ms"])
    ```
    """
    generator = np.random.default_rng(0)
    shape = (batch_size, sequence_length, units)
    x = generator.normal(size=shape).astype("float32")
    y = generator.normal(size=shape).astype("float32")
    models = {
        name: _model(cls, units, groups) for name, cls in VARIANTS.items()
    }
    steps = {
        "forward": lambda model: model.predict_on_batch(x),
        "train_step": lambda model: model.train_on_batch(x, y),
    }
    times = {(step, name): [] for step in steps for name in models}
    # The first turn is not measured, because it compiles the models.
    for turn in range(repeats + 1):
        for (step, name), measured in times.items():
            start = time.perf_counter()
            steps[step](models[name])
            elapsed = time.perf_counter() - start
            if turn > 0:
                measured.append(1000 * elapsed)
    medians = {key: float(np.median(values)) for key, values in times.items()}
    first = next(iter(models))
    return [
        {
            "name": name,
            **{f"{step}_ms": medians[step, name] for step in steps},
            **{
                f"{step}_ratio": medians[step, name] / medians[step, first]
                for step in steps
            },
        }
        for name in models
    ]


def _model(cls, units, groups):
    inputs = outputs = keras.Input((None, units))
    for _ in range(NUM_LAYERS):
        outputs = cls(units, groups=groups)(outputs)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="sgd", loss="mse")
    return model
