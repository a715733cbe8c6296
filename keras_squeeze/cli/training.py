"""Fine-tunes tasks, keeps the best epoch, and resumes interrupted runs."""

import dataclasses
import json
import sys

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from keras_squeeze.cli.adapters import has_adapters
from keras_squeeze.cli.adapters import load_weights
from keras_squeeze.cli.adapters import save_adapters
from keras_squeeze.models.optimization import build_optimizer
from keras_squeeze.new_files import new_file
from keras_squeeze.training_state import read_state
from keras_squeeze.training_state import reseed
from keras_squeeze.training_state import write_state


def hold_out(class_ids, fraction, seed):
    """Select the same fraction of every class as validation samples.

    Args:
        class_ids: int array of shape `(num_samples,)`.
        fraction: float. The fraction of the samples to hold out.
        seed: int. The seed of the selection.

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
            f"{len(class_ids)} training samples are not enough to hold some "
            "out for validation. Pass a file of validation samples."
        )
    return is_held_out


@dataclasses.dataclass(frozen=True)
class Objective:
    """Defines which epoch of a training run is the best.

    Args:
        metric: string. The name of a metric in the logs of `fit()` or in the
            scores of `fine_tune()`. Ties are broken by the lowest validation
            loss.
        lower_is_better: bool. Defaults to `False`.
    """

    metric: str = "val_sparse_categorical_accuracy"
    lower_is_better: bool = False

    def quality(self, row):
        """A sort key that is largest for the best epoch.

        Args:
            row: Dictionary of the metrics of an epoch.

        Returns:
            A tuple of floats.
        """
        value = row[self.metric]
        if self.lower_is_better:
            value = -value
        # NaN is worse than any other value.
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
    class_weight=None,
    **compile_kwargs,
):
    """Train a task and load the weights of its best epoch.

    After each epoch, the model, its optimizer and the history are written to
    `folder`. If a run with the same settings was interrupted, it is resumed,
    with the same results as an uninterrupted run.

    Args:
        task: A task with a preprocessor. It is compiled here, with Adam,
            gradients clipped to a global norm of 1, and a learning rate that
            rises over the first tenth of the steps and then falls to zero
            with a cosine decay.
        train: A tuple of raw inputs and, if the task has them, labels.
        validation: A tuple of the same form, used to choose the best epoch.
        folder: A `pathlib.Path`. It may not exist yet. The caller must remove
            it.
        settings: A dictionary for JSON that identifies the training run.
        epochs: int. The number of epochs.
        batch_size: int. The number of samples per batch.
        learning_rate: float. The highest learning rate.
        sequence_length: int. The length of the inputs, which the task's
            preprocessor keeps.
        seed: int, at least 0. The seed of the random numbers of each epoch,
            such as for dropout and for the order of the samples.
        objective: The `Objective`. Defaults to the highest accuracy.
        score: Optional function without arguments that returns a dictionary of
            floats. It is called at the end of each epoch to compute more
            metrics of the task.
        patience: int or `None`. The number of epochs without improvement
            after which training stops. Defaults to `None`, for no limit.
        group_by_length: bool. Whether to put texts of similar length in the
            same batch. See `fit()` of the task. Defaults to `False`.
        class_weight: Optional class weights. See `fit()` of the task.
        **compile_kwargs: Other arguments of `compile()` of the task.

    Returns:
        A list that has a dictionary per epoch: `epoch`, counted from 1, the
        metrics, and `is_best`.

    Raises:
        ValueError: If `folder` has a run with different settings, or
            `sequence_length` is larger than the model supports.
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
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        decay_steps=max(1, steps - warmup_steps),
        warmup_target=learning_rate,
        warmup_steps=warmup_steps,
    )
    compile_task(task, schedule, **compile_kwargs)
    num_done = len(checkpoints.history)
    if num_done:
        print(f"Resuming after epoch {num_done}.")
        build_optimizer(task)
        checkpoints.load(task, num_done)
    # Progress bars are only readable in a terminal.
    verbose = 1 if sys.stdout.isatty() else 2
    # Also reseed here: the first `fit()` draws numbers while it builds.
    anew = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: reseed(task, seed, epoch)
    )
    for epoch in range(num_done, epochs):
        if checkpoints.is_out_of_patience():
            break
        # Seed each epoch separately, so that the order of the samples and
        # dropout do not depend on whether the run was interrupted.
        reseed(task, seed, epoch)
        task.fit(
            *train,
            validation_data=validation,
            batch_size=batch_size,
            epochs=epoch + 1,
            initial_epoch=epoch,
            callbacks=[checkpoints, Progress(epochs), anew],
            verbose=verbose,
            group_by_length=group_by_length,
            class_weight=class_weight,
        )
    checkpoints.load(task, checkpoints.best_epoch())
    return [
        {**row, "is_best": row["epoch"] == checkpoints.best_epoch()}
        for row in checkpoints.history
    ]


def compile_task(task, learning_rate, **compile_kwargs):
    """Compile a task as the commands train it.

    Args:
        task: A task.
        learning_rate: float, or a schedule from `keras.optimizers.schedules`.
        **compile_kwargs: Other arguments of `compile()` of the task.
    """
    is_tensorflow = keras.backend.backend() == "tensorflow"
    task.compile(
        optimizer=keras.optimizers.Adam(learning_rate, global_clipnorm=1.0),
        # XLA compiles again for the smaller last batch of an epoch, which
        # takes longer than it saves in a short training run.
        jit_compile=False if is_tensorflow else "auto",
        **compile_kwargs,
    )


def stopped_history(folder, settings):
    """Read the history of an interrupted training run.

    Args:
        folder: A `pathlib.Path`. See `fine_tune`.
        settings: A dictionary for JSON. See `fine_tune`.

    Returns:
        A list that has a dictionary per epoch. It is empty if there is no such
        run.

    Raises:
        ValueError: If `folder` has a run with different settings.
    """
    state = read_state(folder, "settings", settings)
    return [] if state is None else state["history"]


def stopped_settings(folder):
    """Read the settings of an interrupted training run.

    Args:
        folder: A `pathlib.Path`. See `fine_tune`.

    Returns:
        A dictionary, or `None` if there is no such run.
    """
    state = read_state(folder, "settings")
    return None if state is None else state["settings"]


def load_or_make(path, settings, make):
    """Load an array from an interrupted training run, or compute it.

    Args:
        path: A `pathlib.Path`. The `.npz` file. Its folder may not exist yet.
        settings: A dictionary for JSON that identifies the training run.
        make: A function without arguments that returns the array.

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
    """Saves everything that a training run needs to be resumed.

    Unlike with `keras.callbacks.BackupAndRestore`, the saved state is complete
    at any time and includes the history and the weights of the best epoch.

    Args:
        folder: A `pathlib.Path`. If a run with the same settings was
            interrupted there, `history` starts with its epochs.
        settings: A dictionary for JSON. See `fine_tune`.
        objective: The `Objective`. Defaults to the highest accuracy.
        score: Optional function. See `fine_tune`.
        patience: int or `None`. See `fine_tune`.

    Raises:
        ValueError: If `folder` has a run with different settings.
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
        """The weight file of an epoch."""
        return self.folder / f"epoch_{epoch}.weights.h5"

    def adapter_path(self, epoch):
        """The file of the adapters of an epoch, of a task that has them."""
        return self.folder / f"epoch_{epoch}.lora.h5"

    def load(self, task, epoch):
        """Load the weights of an epoch, and its adapters if there are any."""
        if has_adapters(task):
            load_weights(task, self.path(epoch), self.adapter_path(epoch))
        else:
            task.load_weights(self.path(epoch))

    def best_epoch(self):
        """The number of the best epoch so far, counted from 1."""
        return max(self.history, key=self.objective.quality)["epoch"]

    def is_out_of_patience(self):
        """Whether the last epochs have not improved on an earlier one."""
        if self.patience is None or not self.history:
            return False
        return len(self.history) - self.best_epoch() >= self.patience

    def on_epoch_end(self, epoch, logs=None):
        epoch += 1
        metrics = {name: float(value) for name, value in logs.items()}
        if self.score is not None:
            metrics.update(self.score())
        self.history.append({"epoch": epoch, **metrics})
        best = self.best_epoch()
        if has_adapters(self.model):
            save_adapters(self.model, self.adapter_path(epoch))
        write_state(
            self.folder,
            {"settings": self.settings, "history": self.history},
            self.model,
            self.path(epoch).name,
            kept=[self.path(best).name],
        )
        kept = (self.adapter_path(epoch), self.adapter_path(best))
        for path in self.folder.glob("*.lora.h5"):
            if path not in kept:
                path.unlink(missing_ok=True)


class Progress(keras.callbacks.ProgbarLogger):
    """Counts all epochs of a run, although each is a separate `fit()`.

    Args:
        epochs: int. The total number of epochs.
    """

    def __init__(self, epochs):
        super().__init__()
        self.num_epochs = epochs

    def set_params(self, params):
        super().set_params({**params, "epochs": self.num_epochs})


def print_history(history):
    """Print the learning curve as a table.

    Args:
        history: A list of dictionaries, as returned by `fine_tune`.
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
    print(f"Keeping the weights of epoch {best}.")


def print_calibration(calibration):
    """Print what `calibrate()` changed as a table.

    Args:
        calibration: The result of `calibrate()` of a task.
    """
    table = Table(title="Calibration")
    table.add_column("On the validation data")
    for title in ("Before", "After"):
        table.add_column(title, justify="right")
    for name, value in calibration["after"].items():
        before = calibration["before"].get(name)
        table.add_row(
            metric_title(name),
            "" if before is None else f"{before:.4f}",
            f"{value:.4f}",
        )
    Console().print(table)
    print(f"The temperature is {calibration['temperature']:.3f}.")
    threshold = calibration["threshold"]
    if isinstance(threshold, list):
        low, high = min(threshold), max(threshold)
        print(f"The thresholds of the classes are {low:.3f} to {high:.3f}.")
    elif threshold is not None:
        print(f"The threshold is {threshold:.3f}.")


def plot_history(history, path):
    """Plot the learning curve.

    Args:
        history: A list of dictionaries, as returned by `fine_tune`.
        path: A `pathlib.Path`. The `.png` file to write.
    """
    # `Figure` does not need a display, unlike `pyplot`.
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
    """Format the name of a metric as a title.

    Args:
        name: string. The name in the logs of `fit()`.

    Returns:
        A string, such as `"Validation accuracy"`.
    """
    words = name.removeprefix("val_").replace("sparse_categorical_", "")
    words = words.replace("_", " ")
    if name.startswith("val_"):
        words = f"validation {words}"
    return words[:1].upper() + words[1:]
