"""Fine-tuning that keeps the best epoch and goes on after being killed."""

import dataclasses
import json
import sys

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from keras_squeeze.new_files import new_file
from keras_squeeze.training_state import read_state
from keras_squeeze.training_state import reseed
from keras_squeeze.training_state import write_state


def hold_out(class_ids, fraction, seed):
    """Choose the samples to validate on, the same part of every class.

    Args:
        class_ids: int array of shape `(num_samples,)`.
        fraction: float. The part of the samples to hold out.
        seed: int. What the choice depends on.

    Returns:
        A bool array of shape `(num_samples,)`.

    Raises:
        ValueError: If there are too few samples.
    """
    is_held_out = np.zeros(len(class_ids), dtype=bool)
    generator = np.random.default_rng(seed)
    for class_id in np.unique(class_ids):
        indices = generator.permutation(np.flatnonzero(class_ids == class_id))
        is_held_out[indices[: round(fraction * len(indices))]] = True
    if not is_held_out.any():
        raise ValueError(
            f"{len(class_ids)} training samples are too few to hold some out "
            "for validation. Pass a file of validation samples."
        )
    return is_held_out


@dataclasses.dataclass(frozen=True)
class Objective:
    """What makes one epoch of a training better than another.

    Args:
        metric: string. The name of a metric in the logs of `fit()`, or of one
            of the scores of `fine_tune()`. Among equals, the lowest
            validation loss decides.
        lower_is_better: bool. Defaults to `False`.
    """

    metric: str = "val_sparse_categorical_accuracy"
    lower_is_better: bool = False

    def quality(self, row):
        """A key by which the best epoch is the largest one.

        Args:
            row: Dictionary of the metrics of an epoch.

        Returns:
            A tuple of floats.
        """
        value = row[self.metric]
        if self.lower_is_better:
            value = -value
        # A metric that is not a number is no better than any other.
        return value if value == value else -float("inf"), -row["val_loss"]


def fine_tune(
    task,
    train,
    validation,
    folder,
    settings,
    epochs,
    batch_size,
    learning_rate,
    sequence_length,
    seed,
    objective=Objective(),
    score=None,
    patience=None,
    group_by_length=False,
    **compile_kwargs,
):
    """Train a task and leave it with the weights of its best epoch.

    After each epoch the model, its optimizer and the history are written to
    `folder`. If a training of the same settings was stopped after some
    epochs, it goes on from there, and ends as if it had not been stopped.

    Args:
        task: A task with a preprocessor. It is compiled here: Adam, gradients
            clipped to a global norm of 1, and a learning rate that rises over
            the first tenth of the steps and then falls to zero by a cosine.
        train: A tuple of raw inputs and labels, if the task has labels.
        validation: Another one, which chooses the best epoch.
        folder: A `pathlib.Path`. It may be new; it is the caller's to remove.
        settings: A dictionary for JSON of all that makes this training what
            it is, to be told from others.
        epochs: int. How often to go through the samples.
        batch_size: int. How many samples to train on at once.
        learning_rate: float. The highest learning rate.
        sequence_length: int. The length of the inputs, which the task's
            preprocessor keeps.
        seed: int, at least 0. What the random numbers of each epoch, as for
            the order of the samples and for dropout, start from.
        objective: The `Objective`. Defaults to the highest accuracy.
        score: Optional function without arguments that gives a dictionary of
            floats, further metrics of the task as it is at the end of an
            epoch.
        patience: int or `None`. After how many epochs that were no better
            than the best one to stop. Defaults to `None`, for never.
        group_by_length: bool. Whether batches have texts of about the same
            length, which `fit()` of text classifiers can do. Defaults to
            `False`.
        **compile_kwargs: other arguments of `compile()` of the task.

    Returns:
        A list with a dictionary for each epoch: `epoch`, counted from 1, the
        metrics, and whether it `is_best`.

    Raises:
        ValueError: If a training of other settings was stopped in `folder`,
            or `sequence_length` is more than the model takes.
    """
    longest = task.backbone.max_sequence_length
    if sequence_length > longest:
        raise ValueError(
            f"`sequence_length` must be at most {longest}, the number of "
            f"positions of the model. Received: "
            f"sequence_length={sequence_length}"
        )
    task.preprocessor.sequence_length = sequence_length
    folder.mkdir(exist_ok=True)
    checkpoints = Checkpoints(folder, settings, objective, score, patience)
    steps = epochs * -(-task.num_samples(train[0]) // batch_size)
    warmup_steps = max(1, steps // 10)
    is_tensorflow = keras.backend.backend() == "tensorflow"
    task.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                0.0,
                decay_steps=max(1, steps - warmup_steps),
                warmup_target=learning_rate,
                warmup_steps=warmup_steps,
            ),
            global_clipnorm=1.0,
        ),
        # XLA compiles anew for the smaller batch at the end of an epoch,
        # which takes longer than what it gains over a short training.
        jit_compile=False if is_tensorflow else "auto",
        **compile_kwargs,
    )
    num_done = len(checkpoints.history)
    if num_done:
        print(f"Going on after epoch {num_done}, where it was stopped.")
        task.optimizer.build(task.trainable_variables)
        task.load_weights(checkpoints.path(num_done))
    # The bar of a terminal is a mess in a file.
    verbose = 1 if sys.stdout.isatty() else 2
    # Once more: the first `fit()` of a process draws numbers as it builds.
    anew = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: reseed(task, seed, epoch)
    )
    for epoch in range(num_done, epochs):
        if checkpoints.is_out_of_patience():
            break
        # An epoch by itself: what `fit()` draws, as the order of the samples
        # and what dropout leaves out, is not what it was before the stop.
        reseed(task, seed, epoch)
        task.fit(
            *train,
            validation_data=validation,
            batch_size=batch_size,
            epochs=epoch + 1,
            initial_epoch=epoch,
            callbacks=[checkpoints, Progress(epochs), anew],
            verbose=verbose,
            # Other tasks have no such argument.
            **({"group_by_length": True} if group_by_length else {}),
        )
    task.load_weights(checkpoints.path(checkpoints.best_epoch()))
    return [
        {**row, "is_best": row["epoch"] == checkpoints.best_epoch()}
        for row in checkpoints.history
    ]


def stopped_history(folder, settings):
    """What a training had reached when it was stopped.

    Args:
        folder: A `pathlib.Path`. See `fine_tune`.
        settings: A dictionary for JSON. See `fine_tune`.

    Returns:
        A list with a dictionary for each epoch, which is empty if there is no
        such training.

    Raises:
        ValueError: If a training of other settings was stopped in `folder`.
    """
    state = read_state(folder, "settings", settings)
    return [] if state is None else state["history"]


def load_or_make(path, settings, make):
    """Read an array that a training made before it was stopped, or make it.

    Args:
        path: A `pathlib.Path`. The `.npz` file, whose folder may be new.
        settings: A dictionary for JSON, to be told from other trainings.
        make: A function without arguments that gives the array.

    Returns:
        The array.
    """
    settings = json.dumps(settings, sort_keys=True)
    if path.exists():
        with np.load(path) as file:
            if str(file["settings"]) == settings:
                return file["values"]
    values = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    with new_file(path) as new:
        np.savez(new, values=values, settings=settings)
    return values


class Checkpoints(keras.callbacks.Callback):
    """Writes what a training needs to go on after it was killed.

    Unlike `keras.callbacks.BackupAndRestore`, it is whole at any moment, and
    keeps the history and the best epoch's weights over an interruption.

    Args:
        folder: A `pathlib.Path`. If a training of the same settings was
            stopped there, `history` has what it had.
        settings: A dictionary for JSON. See `fine_tune`.
        objective: The `Objective`. Defaults to the highest accuracy.
        score: Optional function. See `fine_tune`.
        patience: int or `None`. See `fine_tune`.

    Raises:
        ValueError: If a training of other settings was stopped there.
    """

    def __init__(
        self,
        folder,
        settings,
        objective=Objective(),
        score=None,
        patience=None,
    ):
        super().__init__()
        self.folder = folder
        self.settings = settings
        self.objective = objective
        self.score = score
        self.patience = patience
        self.history = stopped_history(folder, settings)

    def path(self, epoch):
        """The file of an epoch's weights."""
        return self.folder / f"epoch_{epoch}.weights.h5"

    def best_epoch(self):
        """The best of the epochs so far, counted from 1."""
        return max(self.history, key=self.objective.quality)["epoch"]

    def is_out_of_patience(self):
        """Whether the last epochs were no better than one before them."""
        if self.patience is None or not self.history:
            return False
        return len(self.history) - self.best_epoch() >= self.patience

    def on_epoch_end(self, epoch, logs=None):
        epoch += 1
        metrics = {name: float(value) for name, value in logs.items()}
        if self.score is not None:
            metrics.update(self.score())
        self.history.append({"epoch": epoch, **metrics})
        write_state(
            self.folder,
            {"settings": self.settings, "history": self.history},
            self.model,
            self.path(epoch).name,
            kept=[self.path(self.best_epoch()).name],
        )


class Progress(keras.callbacks.ProgbarLogger):
    """Tells of an epoch as one of all, where `fit()` is for one alone.

    Args:
        epochs: int. The number of all epochs.
    """

    def __init__(self, epochs):
        super().__init__()
        self.num_epochs = epochs

    def set_params(self, params):
        super().set_params({**params, "epochs": self.num_epochs})


def print_history(history):
    """Print the learning curve as a table.

    Args:
        history: A list of dictionaries, as `fine_tune` returns it.
    """
    table = Table(title="Learning curve")
    names = [name for name in history[0] if name not in ("epoch", "is_best")]
    for title in ("Epoch", *map(metric_title, names)):
        table.add_column(title, justify="right")
    for row in history:
        table.add_row(
            str(row["epoch"]),
            *(f"{row[name]:.4f}" for name in names),
            style="bold green" if row["is_best"] else None,
        )
    Console().print(table)
    best = next(row["epoch"] for row in history if row["is_best"])
    print(f"The weights of epoch {best} are kept.")


def plot_history(history, path):
    """Draw the learning curve.

    Args:
        history: A list of dictionaries, as `fine_tune` returns it.
        path: A `pathlib.Path`. The `.png` file to write.
    """
    # Without a window, which a server does not have.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    names = [name for name in history[0] if name not in ("epoch", "is_best")]
    losses = [name for name in names if name.endswith("loss")]
    others = [name for name in names if name not in losses]
    epochs = [row["epoch"] for row in history]
    best = next(row["epoch"] for row in history if row["is_best"])
    panels = [part for part in (losses, others) if part]
    figure = Figure(figsize=(5 * len(panels), 3.6), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, part in zip(axes, panels, strict=True):
        for name in part:
            axis.plot(
                epochs,
                [row[name] for row in history],
                marker="o",
                markersize=4,
                label=metric_title(name),
            )
        axis.axvline(best, color="gray", linestyle=":", label="Kept epoch")
        axis.set_xlabel("Epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
        axis.legend(fontsize="small")
    axes[0].set_ylabel("Loss")
    figure.savefig(path, dpi=150)


def metric_title(name):
    """A metric's name in the words of a heading.

    Args:
        name: string. The name in the logs of `fit()`.

    Returns:
        A string, like `"Validation accuracy"`.
    """
    words = name.removeprefix("val_").replace("sparse_categorical_", "")
    words = words.replace("_", " ")
    if name.startswith("val_"):
        words = f"validation {words}"
    return words[:1].upper() + words[1:]
