"""A distillation that goes on where it was stopped."""

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

    The state is written every `save_every` batches, and at the end of each
    stage. If the same training was stopped, it goes on from there, and ends
    with the same weights and the same learning curve as if it had not been.
    For that, random numbers start anew whenever the state is written, as by
    `keras.utils.set_random_seed()`, from one that is drawn at the beginning.

    Args:
        distiller: A `Distiller`.
        batches: A `DistillationBatches`, or another data set with a
            `part(first, steps)`. The stages use one after the other.
        stages: List of `Stage`s. See `schedule()`.
        folder: string or `os.PathLike`. The folder of the state. It may be
            new; it is the caller's to remove.
        optimizer: A function that gives a new `keras.Optimizer` for the
            number of steps of a stage.
        save_every: int. After how many batches to write the state. A
            multiple of `log_every`. Defaults to `500`.
        log_every: int. Over how many batches a point of the learning curve is
            the mean. Defaults to `50`.
        verbose: bool. Whether to print the learning curve. Defaults to
            `True`.
        **kwargs: arguments of `keras.Model.compile`.

    Returns:
        The learning curve: a list of dictionaries of `stage`, `step`, the
        `loss` and the loss of each term.

    Raises:
        ValueError: If a training of other stages was stopped in `folder`, or
            there are too few batches.

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
            f"`batches` must have the {total} batches of the stages. "
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
    """Writes the learning curve, and what a training needs to go on.

    Args:
        folder: A `pathlib.Path`. If a training of the same stages was stopped
            there, `curve` has what it had.
        stages: List of `Stage`s.
        save_every: int. See `distill`.
        log_every: int. See `distill`.
        verbose: bool. See `distill`.

    Raises:
        ValueError: If a training of other stages was stopped there.
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
        """How many batches of a stage are done."""
        if number < self.number:
            return self.stages[number].steps
        return self.done if number == self.number else 0

    def start(self, number, done):
        """Begin a stage, or go on with it."""
        self.number, self.done = number, done

    def restore(self, distiller):
        """Give a compiled model the state that was written."""
        if self.weights is None:
            return
        skipped = None
        if self.done == self.stages[self.number].steps:
            # The optimizer of a stage that is over is of no use to the next.
            skipped = [getattr(distiller, "optimizer", None)]
        keras.saving.load_weights(
            distiller, self.weights, objects_to_skip=skipped
        )

    def on_epoch_begin(self, epoch, logs=None):
        # Each stage is an epoch. Not before: the first `fit()` of a process
        # draws numbers as it builds.
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
