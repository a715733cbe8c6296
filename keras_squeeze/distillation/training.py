"""Trains a student, and resumes interrupted training runs."""

import pathlib

import keras
import numpy as np

from keras_squeeze import validation
from keras_squeeze.training_state import read_state
from keras_squeeze.training_state import reseed
from keras_squeeze.training_state import write_state


def distill(
    distiller,
    batches,
    stages,
    folder,
    optimizer,
    save_every=500,
    log_every=50,
    verbose=True,
    **kwargs,
):
    """Train a student through the stages of a schedule.

    The state is saved every `save_every` batches and at the end of each stage.
    If the same run was interrupted, it is resumed, and ends with the same
    weights and the same learning curve as an uninterrupted run. For this
    purpose, the random numbers are reseeded each time the state is saved, as
    by `keras.utils.set_random_seed()`, from a seed drawn at the beginning.

    Args:
        distiller: A `Distiller`.
        batches: A `DistillationBatches`, or another dataset with a method
            `part(first, steps)`. The stages use consecutive parts of it.
        stages: List of `Stage`s. See `schedule()`.
        folder: string or `os.PathLike`. The folder of the state. It may not
            exist yet. The caller must remove it.
        optimizer: A function that returns a new `keras.Optimizer` for the
            number of steps of a stage.
        save_every: int. The number of batches after which the state is saved,
            a multiple of `log_every`. Defaults to `500`.
        log_every: int. The number of batches that are averaged in a point of
            the learning curve. Defaults to `50`.
        verbose: bool. Whether to print the learning curve. Defaults to
            `True`.
        **kwargs: Arguments of `keras.Model.compile`.

    Returns:
        The learning curve: a list of dictionaries with `stage`, `step`,
        `loss` and the loss of each term.

    Raises:
        ValueError: If `folder` has a run with different stages, or there are
            not enough batches.

    Example:

    ```python
    distillation = keras_squeeze.distillation
    backbone = keras_squeeze.models.MobileBertBackbone.from_preset(
        "mobile_bert_tiny_en_uncased"
    )
    teacher = distillation.BackboneTeacher(backbone, hidden_layers=[2, 4])
    sequences = [[101, 7592, 102]]
    cache = distillation.TeacherCache.write("cache", teacher, sequences)
    student = keras_squeeze.models.MobileBertBackbone(
        num_layers=2, hidden_dim=64, bottleneck_dim=32, embedding_dim=32
    )
    distiller = distillation.Distiller(
        student,
        distillation.layer_transfers({1: 2, 2: 4}, backbone.hidden_dim),
    )
    stages = distillation.schedule("progressive", distiller.transfers, steps=2)
    curve = distill(
        distiller,
        distillation.DistillationBatches(cache, steps=2),
        stages,
        "training",
        optimizer=lambda steps: keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(1e-3, steps)
        ),
        jit_compile=False,
    )
    ```
    """
    validation.check_positive_int("log_every", log_every)
    validation.check_positive_int("save_every", save_every)
    validation.check_divisible("save_every", save_every, "log_every", log_every)
    total = sum(stage.steps for stage in stages)
    if len(batches) < total:
        raise ValueError(
            f"`batches` must have the {total} batches that the stages need. "
            f"Received: {len(batches)} batches"
        )
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = TrainingState(folder, stages, save_every, log_every, verbose)
    first = 0
    for number, stage in enumerate(stages):
        done = state.steps_done(number)
        if done < stage.steps:
            distiller.begin(stage)
            distiller.compile(optimizer(stage.steps), **kwargs)
            state.restore(distiller)
            state.start(number, done)
            distiller.fit(
                batches.part(first + done, stage.steps - done),
                epochs=1,
                shuffle=False,
                callbacks=[state],
                verbose=0,
            )
        first += stage.steps
    state.restore(distiller)
    distiller.end()
    return state.curve


class TrainingState(keras.callbacks.Callback):
    """Saves the learning curve, and the state for resuming a training run.

    Args:
        folder: A `pathlib.Path`. If a run with the same stages was interrupted
            there, `curve` starts with its learning curve.
        stages: List of `Stage`s.
        save_every: int. See `distill`.
        log_every: int. See `distill`.
        verbose: bool. See `distill`.

    Raises:
        ValueError: If the folder has a run with different stages.
    """

    def __init__(self, folder, stages, save_every, log_every, verbose):
        super().__init__()
        self.folder = folder
        self.stages = stages
        self.save_every = save_every
        self.log_every = log_every
        self.verbose = verbose
        self.number = self.done = 0
        self.curve = []
        self.weights = None
        self.seed = np.random.randint(2**31)
        state = read_state(folder, "stages", self._stages())
        if state is not None:
            self.number, self.done = state["number"], state["done"]
            self.curve = state["curve"]
            self.seed = state.get("seed", self.seed)
            self.weights = folder / state["weights"]

    def _stages(self):
        return [
            [stage.name, list(stage.transfers), stage.steps]
            for stage in self.stages
        ]

    def steps_done(self, number):
        """The number of batches of a stage that are done."""
        if number < self.number:
            return self.stages[number].steps
        return self.done if number == self.number else 0

    def start(self, number, done):
        """Start or resume a stage."""
        self.number, self.done = number, done

    def restore(self, distiller):
        """Load the saved state into a compiled model."""
        if self.weights is None:
            return
        skipped = None
        if self.done == self.stages[self.number].steps:
            # The next stage has a new optimizer.
            skipped = [getattr(distiller, "optimizer", None)]
        keras.saving.load_weights(
            distiller, self.weights, objects_to_skip=skipped
        )

    def on_epoch_begin(self, epoch, logs=None):
        # Each stage is an epoch. Reseed here and not earlier, because the
        # first `fit()` draws numbers while it builds.
        reseed(self.model, self.seed, self.number, self.done)

    def on_train_batch_end(self, batch, logs=None):
        self.done += 1
        stage = self.stages[self.number]
        is_over = self.done == stage.steps
        if self.done % self.log_every and not is_over:
            return
        names = {"loss", *stage.transfers}
        row = {k: float(v) for k, v in logs.items() if k in names}
        self.curve.append({"stage": stage.name, "step": self.done, **row})
        if self.verbose:
            losses = ", ".join(f"{k} {v:.4f}" for k, v in row.items())
            print(f"{stage.name}, {self.done}/{stage.steps}: {losses}")
        self.model.reset_metrics()
        if self.done % self.save_every == 0 or is_over:
            self._save()

    def _save(self):
        weights = f"stage_{self.number}_step_{self.done}.weights.h5"
        state = {
            "stages": self._stages(),
            "number": self.number,
            "done": self.done,
            "curve": self.curve,
            "seed": self.seed,
            "weights": weights,
        }
        write_state(self.folder, state, self.model, weights)
        self.weights = self.folder / weights
        reseed(self.model, self.seed, self.number, self.done)
