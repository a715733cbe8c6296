import json

import keras
import numpy as np
import pytest

from keras_squeeze.cli.adapters import add_adapters
from keras_squeeze.cli.training import Checkpoints
from keras_squeeze.cli.training import Objective
from keras_squeeze.cli.training import fine_tune
from keras_squeeze.cli.training import hold_out
from keras_squeeze.cli.training import metric_title
from keras_squeeze.cli.training import plot_history
from keras_squeeze.models import SqueezeBertTextClassifier


def make_model(value):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    model.optimizer.build(model.trainable_variables)
    model.set_weights([np.full((1, 1), value), np.zeros(1)])
    model.optimizer.iterations.assign(int(10 * value))
    return model


def end_epoch(checkpoints, epoch, accuracy, loss):
    checkpoints.set_model(make_model(float(epoch)))
    checkpoints.on_epoch_end(
        epoch - 1,
        {"val_sparse_categorical_accuracy": accuracy, "val_loss": loss},
    )


def test_best_and_last_epoch_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path, {"seed": 1})
    end_epoch(checkpoints, 1, 0.5, 0.7)
    end_epoch(checkpoints, 2, 0.9, 0.6)
    end_epoch(checkpoints, 3, 0.9, 0.4)
    end_epoch(checkpoints, 4, 0.8, 0.1)
    end_epoch(checkpoints, 5, 0.9, 0.5)
    assert checkpoints.best_epoch() == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "epoch_3.weights.h5",
        "epoch_5.weights.h5",
        "state.json",
    ]
    model = make_model(0.0)
    model.load_weights(checkpoints.path(3))
    assert model.get_weights()[0].item() == 3.0
    # Otherwise the learning rate schedule would start over.
    assert int(model.optimizer.iterations) == 30


def test_history_is_taken_up(tmp_path):
    end_epoch(Checkpoints(tmp_path, {"seed": 1}), 1, 0.5, 0.7)
    checkpoints = Checkpoints(tmp_path, {"seed": 1})
    end_epoch(checkpoints, 2, 0.4, 0.6)
    assert [row["epoch"] for row in checkpoints.history] == [1, 2]
    assert checkpoints.best_epoch() == 1
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["history"] == checkpoints.history
    with pytest.raises(ValueError, match=r"seed=1 instead of 2.*remove"):
        Checkpoints(tmp_path, {"seed": 2})


def test_a_write_that_fails_leaves_the_state_as_it_was(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, {})
    end_epoch(checkpoints, 1, 0.5, 0.7)
    before = (tmp_path / "state.json").read_text()

    def save_weights(self, path, **kwargs):
        path.write_text("half")
        raise OSError("no space left")

    monkeypatch.setattr(keras.Model, "save_weights", save_weights)
    with pytest.raises(OSError, match="no space"):
        end_epoch(checkpoints, 2, 0.6, 0.6)
    assert (tmp_path / "state.json").read_text() == before
    assert not checkpoints.path(2).exists()


def train(folder, preset, is_stopped=False, lora_rank=None):
    """Train three epochs, or be interrupted at the end of the second one."""

    scored = []

    def score():
        scored.append(True)
        if is_stopped and len(scored) == 2:
            raise KeyboardInterrupt
        return {}

    keras.utils.set_random_seed(5)
    task = SqueezeBertTextClassifier.from_preset(preset, num_classes=2)
    assert task.backbone.dropout > 0
    if lora_rank is not None:
        add_adapters(task, lora_rank)
    texts = [
        f"{word} {letter}"
        for word in "cold warm sad".split()
        for letter in "abcdefgh"
    ]
    labels = np.arange(24) % 2
    history = fine_tune(
        task,
        (texts, labels),
        (texts[:8], labels[:8]),
        folder,
        {},
        epochs=3,
        batch_size=8,
        learning_rate=0.01,
        sequence_length=8,
        seed=5,
        # Makes the last epoch the best.
        objective=Objective("epoch"),
        score=score,
    )
    # No adapter is left of earlier epochs.
    adapters = [path.name for path in folder.glob("*.lora.h5")]
    assert adapters == ["epoch_3.lora.h5"] * (lora_rank is not None)
    return task.get_weights(), history


@pytest.mark.parametrize("rank", [None, 2])
def test_a_training_that_was_stopped_ends_in_the_same_weights(
    tmp_path, tiny_preset, rank
):
    weights, history = train(tmp_path / "whole", tiny_preset, False, rank)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "parts", tiny_preset, True, rank)
    same_weights, same_history = train(
        tmp_path / "parts", tiny_preset, False, rank
    )
    assert same_history == history
    for same, array in zip(same_weights, weights, strict=True):
        np.testing.assert_array_equal(same, array)


def test_objective_names_what_is_best(tmp_path):
    objective = Objective("val_perplexity", lower_is_better=True)
    checkpoints = Checkpoints(
        tmp_path, {}, objective, score=lambda: {"val_perplexity": values.pop()}
    )
    values = [3.0, float("nan"), 2.0, 4.0]
    for epoch in range(1, 5):
        end_epoch(checkpoints, epoch, 0.1 * epoch, 0.5)
    assert checkpoints.history[1]["val_perplexity"] == 2.0
    assert checkpoints.best_epoch() == 2


def test_patience_ends_a_training(tmp_path):
    checkpoints = Checkpoints(tmp_path, {}, patience=2)
    for epoch, accuracy in enumerate([0.5, 0.9, 0.8, 0.7], start=1):
        end_epoch(checkpoints, epoch, accuracy, 0.5)
        assert checkpoints.is_out_of_patience() == (epoch == 4)
    # The same command does not resume either.
    assert Checkpoints(tmp_path, {}, patience=2).is_out_of_patience()
    assert not Checkpoints(tmp_path, {}, patience=3).is_out_of_patience()


def test_learning_curve_is_drawn(tmp_path):
    from matplotlib import image

    rows = [
        {"epoch": i, "loss": 1 / i, "val_loss": 1 / i, "val_f1": i / 4}
        for i in range(1, 4)
    ]
    history = [{**row, "is_best": row["epoch"] == 3} for row in rows]
    plot_history(history, tmp_path / "two_panels.png")
    losses = [
        {k: v for k, v in row.items() if k != "val_f1"} for row in history
    ]
    plot_history(losses, tmp_path / "one_panel.png")
    two = image.imread(tmp_path / "two_panels.png")
    one = image.imread(tmp_path / "one_panel.png")
    assert two.shape[1] == 2 * one.shape[1]
    # The figure is not blank.
    assert two.min() < 0.5 < two.mean()


def test_titles_of_metrics():
    title = metric_title("val_sparse_categorical_accuracy")
    assert title == "Validation accuracy"
    assert metric_title("loss") == "Loss"


def test_hold_out_takes_the_same_part_of_each_class():
    class_ids = np.array([0] * 80 + [1] * 20, dtype="int32")
    is_held_out = hold_out(class_ids, 0.1, seed=3)
    assert class_ids[is_held_out].tolist() == [0] * 8 + [1] * 2
    assert (hold_out(class_ids, 0.1, seed=3) == is_held_out).all()
    assert (hold_out(class_ids, 0.1, seed=4) != is_held_out).any()
    with pytest.raises(ValueError, match="4 training samples are not enough"):
        hold_out(np.array([0, 0, 1, 1]), 0.1, seed=0)
