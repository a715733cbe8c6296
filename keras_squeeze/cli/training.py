"""Fine-tuning that keeps the best epoch and goes on after being killed."""

import json
import os
import sys

import keras
import numpy as np
from rich.console import Console
from rich.table import Table


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
):
    """Train a classifier and leave it with the weights of its best epoch.

    After each epoch the model, its optimizer and the history are written to
    `folder`. If a training of the same settings was stopped after some
    epochs, it goes on from there.

    Args:
        task: A task with a preprocessor. It is compiled here: Adam, gradients
            clipped to a global norm of 1, and a learning rate that rises over
            the first tenth of the steps and then falls to zero by a cosine.
        train: A tuple `(x, y)` of raw inputs and labels.
        validation: Another one, which chooses the best epoch: the one of the
            highest accuracy, and among equals of the lowest loss.
        folder: A `pathlib.Path`. It may be new; it is the caller's to remove.
        settings: A dictionary for JSON of all that makes this training what
            it is, to be told from others.
        epochs: int. How often to go through the samples.
        batch_size: int. How many samples to train on at once.
        learning_rate: float. The highest learning rate.
        sequence_length: int. The length of the inputs, which the task's
            preprocessor keeps.
        seed: int. What the order of the samples starts from.

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
    checkpoints = Checkpoints(folder, settings)
    steps = epochs * -(-len(train[1]) // batch_size)
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
    )
    num_done = len(checkpoints.history)
    if num_done:
        print(f"Going on after epoch {num_done}, where it was stopped.")
        task.optimizer.build(task.trainable_variables)
        task.load_weights(checkpoints.path(num_done))
    # Without the second term, what is left of a stopped training would see
    # the samples in the order of its first epochs.
    keras.utils.set_random_seed(seed + num_done)
    if num_done < epochs:
        task.fit(
            *train,
            validation_data=validation,
            batch_size=batch_size,
            epochs=epochs,
            initial_epoch=num_done,
            callbacks=[checkpoints],
            # The bar of a terminal is a mess in a file.
            verbose=1 if sys.stdout.isatty() else 2,
        )
    task.load_weights(checkpoints.path(checkpoints.best_epoch()))
    return [
        {**row, "is_best": row["epoch"] == checkpoints.best_epoch()}
        for row in checkpoints.history
    ]


class Checkpoints(keras.callbacks.Callback):
    """Writes what a training needs to go on after it was killed.

    Unlike `keras.callbacks.BackupAndRestore`, it is whole at any moment, and
    keeps the history and the best epoch's weights over an interruption.

    Args:
        folder: A `pathlib.Path`. If a training of the same settings was
            stopped there, `history` has what it had.
        settings: A dictionary for JSON. See `fine_tune`.

    Raises:
        ValueError: If a training of other settings was stopped there.
    """

    def __init__(self, folder, settings):
        super().__init__()
        self.folder = folder
        self.settings = settings
        self.history = []
        state_path = folder / "state.json"
        if not state_path.exists():
            return
        state = json.loads(state_path.read_text(encoding="utf-8"))
        others = [
            f"{name}={value!r} and not {settings.get(name)!r}"
            for name, value in state["settings"].items()
            if settings.get(name) != value
        ]
        if others:
            raise ValueError(
                f"In `{folder}` there is a training that was stopped, with "
                f"other settings: {', '.join(others)}. Run it again with "
                "those to go on, or remove the folder to start anew."
            )
        self.history = state["history"]

    def path(self, epoch):
        """The file of an epoch's weights."""
        return self.folder / f"epoch_{epoch}.weights.h5"

    def best_epoch(self):
        """The best of the epochs so far, counted from 1."""

        def quality(row):
            return row["val_sparse_categorical_accuracy"], -row["val_loss"]

        return max(self.history, key=quality)["epoch"]

    def on_epoch_end(self, epoch, logs=None):
        epoch += 1
        metrics = {name: float(value) for name, value in logs.items()}
        self.history.append({"epoch": epoch, **metrics})
        self._write(
            self.path(epoch),
            lambda path: self.model.save_weights(path, overwrite=True),
        )
        state = {"settings": self.settings, "history": self.history}
        # From the moment this is in place, the epoch is done.
        self._write(
            self.folder / "state.json",
            lambda path: path.write_text(json.dumps(state, indent=2)),
        )
        kept = {self.path(epoch), self.path(self.best_epoch())}
        for path in self.folder.glob("epoch_*.weights.h5"):
            if path not in kept:
                path.unlink()

    def _write(self, path, write):
        new = path.with_name(f"new_{path.name}")
        write(new)
        os.replace(new, path)


def print_history(history):
    """Print the learning curve as a table.

    Args:
        history: A list of dictionaries, as `fine_tune` returns it.
    """
    table = Table(title="Learning curve")
    names = {
        "epoch": "Epoch",
        "loss": "Loss",
        "sparse_categorical_accuracy": "Accuracy",
        "val_loss": "Validation loss",
        "val_sparse_categorical_accuracy": "Validation accuracy",
    }
    for name in names.values():
        table.add_column(name, justify="right")
    for row in history:
        cells = [f"{row[name]:.4f}" for name in list(names)[1:]]
        table.add_row(
            str(row["epoch"]),
            *cells,
            style="bold green" if row["is_best"] else None,
        )
    Console().print(table)
    best = next(row["epoch"] for row in history if row["is_best"])
    print(f"The weights of epoch {best} are kept.")
