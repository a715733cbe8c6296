"""Checks for all tasks, regardless of their heads."""

import keras
import numpy as np
import tensorflow as tf

import keras_squeeze
from keras_squeeze import models
from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from tests.checkpoint_folders import assert_close
from tests.checkpoint_folders import original
from tests.checkpoint_folders import save_checkpoint
from tests.model_oracle import random_inputs
from tests.model_oracle import run

# Tracing takes longer than running a few steps eagerly, except on JAX, which
# compiles every new operation.
RUN_EAGERLY = keras.config.backend() != "jax"

# The `jit_compile` of training runs that also use XLA on TensorFlow, where
# "auto" disables it in the tests.
XLA = "auto" if keras.config.backend() == "torch" else True


def task_class(model, name):
    """Return our class of a task.

    Args:
        model: One of `tests.checkpoint_folders.MODELS`.
        name: string. The end of the name of the class, such as `"MaskedLM"`.
    """
    return getattr(models, model.original + name)


def to_numpy(outputs):
    """Convert a structure of tensors to NumPy arrays."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def assert_close_to_largest(ours, theirs):
    """Check the agreement required for models of published size."""
    theirs = np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


def check_head(
    model, name, original_name, folder, outputs, close=assert_close, **config
):
    """Check the outputs of a head, and that its tensors are exported.

    Args:
        model: One of `tests.checkpoint_folders.MODELS`.
        name: string. The end of the name of our class.
        original_name: string. The end of the name of the original class.
        folder: `pathlib.Path`.
        outputs: Dictionary that maps the names of our outputs, or `None` for a
            task with a single output, to the names of the original outputs.
        close: Function that asserts that two arrays are close.
        **config: Fields of the original configuration.

    Returns:
        Our task and the original model.
    """
    theirs = original(model, original_name, **config)
    preset = save_checkpoint(theirs, folder)
    task = task_class(model, name).from_preset(preset)
    inputs = random_inputs(theirs.config.vocab_size, batch=3, length=7)
    expected = run(theirs, inputs)
    # Only masked language models have mask positions.
    inputs["mask_positions"] = np.tile(np.arange(7, dtype="int32"), (3, 1))
    found = to_numpy(task({key: inputs[key] for key in task.input}))
    for key, original_key in outputs.items():
        close(found if key is None else found[key], expected[original_key])
    check_tensors(model, task, theirs)
    return task, theirs


def check_tensors(model, task, theirs):
    """Check that a task exports all tensors of the original model.

    Args:
        model: One of `tests.checkpoint_folders.MODELS`.
        task: Our task.
        theirs: The original model that it was loaded from.
    """
    table = ARCHITECTURES[theirs.config.model_type].weight_table
    found = table.state_dict(task.backbone, task)
    ties = ("predictions.decoder.weight", "predictions.decoder.bias")
    expected = {
        name.removeprefix(model.prefix): tensor
        for name, tensor in theirs.state_dict().items()
        if not name.endswith(ties)
    }
    # transformers drops the pooler if the task does not use it.
    assert {name for name in found if name not in expected} <= {
        "pooler.dense.weight",
        "pooler.dense.bias",
    }
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


def check_learned(task, x, y, loss=0.01):
    """Check that a task has memorized what it was trained on.

    Args:
        task: The task, compiled with an accuracy.
        x: Raw inputs.
        y: Their labels.
        loss: float. The loss must be less than this.
    """
    found, accuracy = task.evaluate(x, y, verbose=0)
    assert found < loss
    assert accuracy == 1


def check_saving(task, x, folder):
    """Check that saved tasks make the same predictions.

    Args:
        task: The task.
        x: Raw inputs.
        folder: `pathlib.Path`.

    Returns:
        The task, loaded from the preset it was saved to.
    """
    expected = task.predict(x, verbose=0)
    task.save_to_preset(folder / "preset")
    loaded = type(task).from_preset(str(folder / "preset"))
    assert loaded.get_config().keys() == task.get_config().keys()
    task.save(folder / "task.keras")
    for other in (loaded, keras.saving.load_model(folder / "task.keras")):
        found = other.predict(x, verbose=0)
        keras.tree.map_structure(
            # XLA rounds differently once the task is loaded.
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5),
            found,
            expected,
        )
        for found, saved in zip(other.weights, task.weights, strict=True):
            np.testing.assert_array_equal(
                keras.ops.convert_to_numpy(found),
                keras.ops.convert_to_numpy(saved),
                err_msg=saved.path,
            )
    return loaded


def check_graph(preprocessor, x, y=None):
    """Check that a preprocessor gives the same result in `tf.data`.

    Args:
        preprocessor: The preprocessor.
        x: Raw inputs, as tensors or convertible to tensors.
        y: Optional labels, likewise.

    Returns:
        The result of calling it directly, as arrays.
    """
    elements = (x,) if y is None else (x, y)
    # A dataset with a single batch.
    data_set = tf.data.Dataset.from_tensors(elements)
    if y is None:
        data_set = data_set.map(lambda x: preprocessor(x, y=None))
    else:
        data_set = data_set.map(lambda x, y: preprocessor(x, y=y))
    found = next(iter(data_set.as_numpy_iterator()))
    expected = to_numpy(preprocessor(x, y=y))
    keras.tree.map_structure(np.testing.assert_array_equal, found, expected)
    return expected


def check_export(task, path, x):
    """Check that an exported task gives the same outputs as the task.

    Args:
        task: A task with few layers.
        path: `pathlib.Path` of the file to write.
        x: Preprocessed inputs of the file's sequence length.

    Returns:
        The outputs of the file, a dictionary of arrays by name.
    """
    length = x["token_ids"].shape[1]
    report = keras_squeeze.export_tflite(
        task, path, sequence_length=length, verbose=False
    )
    outputs, expected = (
        keras_squeeze.TFLiteModel(path, runtime=runtime).predict(x)
        for runtime in ("compiled_model", "interpreter")
    )
    keras.tree.map_structure(np.testing.assert_array_equal, outputs, expected)
    if not isinstance(outputs, dict):
        outputs = {next(iter(report.outputs)): outputs}
    return outputs
