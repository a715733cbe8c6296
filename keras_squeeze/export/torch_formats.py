"""Exports models to the formats that PyTorch writes, such as ONNX.

Keras has a way to each format from each backend, but those for ONNX lose the
unknown length of the inputs or do not convert these models. PyTorch converts
them all, so models of other backends are converted in another process.
"""

import contextlib
import importlib.metadata
import io
import json
import logging
import os
import pathlib
import tempfile
import warnings

import keras
import numpy as np

from keras_squeeze.export.process import ExportError
from keras_squeeze.export.process import load_model
from keras_squeeze.export.process import run
from keras_squeeze.export.process import save_for_converter
from keras_squeeze.export.process import write_answer
from keras_squeeze.new_files import check_free_space
from keras_squeeze.new_files import new_files

# The ending of the files of each format, and the packages it needs.
_FORMATS = {
    "torch": (".pt2", ["torch"]),
    "onnx": (".onnx", ["torch", "onnx", "onnxscript", "onnxruntime"]),
    "openvino": (".xml", ["torch", "openvino"]),
}
TORCH_FORMATS = tuple(_FORMATS)

# [CLS], a token and [SEP]. PyTorch and JAX exclude lengths for which an axis of
# neighbors could have a size of one.
SHORTEST = 3

# For each output, relative to its largest value.
_TOLERANCE = 1e-4

_PROGRAM = """
import sys

from keras_squeeze.export.torch_formats import main

main(*sys.argv[1:])
"""


def export_with_torch(model, filepath, format, max_sequence_length):
    """Export a model to a file that is compared with the model.

    The file takes the inputs of the model by name, as int32 tensors with any
    number of rows and any length. Its outputs are those of the model.

    Args:
        model: A functional `keras.Model` whose inputs are a dictionary.
        filepath: string or `os.PathLike`. The file to write.
        format: string. One of `TORCH_FORMATS`.
        max_sequence_length: int. The number of positions of the model.

    Raises:
        ValueError: If the ending of the file is wrong, or the model does not
            compute in float32.
        ImportError: If a package is missing.
        ExportError: If the file does not agree with the model. An existing
            file is kept.
    """
    path = pathlib.Path(os.path.realpath(filepath))
    _check(model, path, format)
    names = list(model.input)
    with new_files(path.parent) as folder:
        file = folder / path.name
        if keras.backend.backend() == "torch":
            _write(model, names, file, format, max_sequence_length)
        else:
            _write_elsewhere(model, names, file, format, max_sequence_length)
        # Not the longest inputs, which would take long.
        for rows, length in ((1, 5), (3, min(max_sequence_length, 40))):
            _compare(model, names, _inputs(model, rows, length), file, format)


def _check(model, path, format):
    ending, packages = _FORMATS[format]
    if path.suffix != ending:
        raise ValueError(
            f"`filepath` must end with {ending!r} for the format {format!r}. "
            f"Received: filepath={os.fspath(path)!r}"
        )
    if not path.parent.is_dir():
        raise ValueError(
            "`filepath` must be in a folder that exists. Received: "
            f"filepath={os.fspath(path)!r}"
        )
    if path.is_dir():
        raise ValueError(
            "`filepath` must be a file. Received the folder "
            f"{os.fspath(path)!r}"
        )
    if model.dtype_policy.compute_dtype != "float32":
        raise ValueError(
            f"The dtype policy of a model must be float32 for the format "
            f"{format!r}. Load it with `dtype='float32'`. Received: "
            f"{model.dtype_policy.name!r}"
        )
    missing = []
    for package in packages:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        raise ImportError(
            f"The format {format!r} needs packages that are not installed: "
            f"{', '.join(missing)}. `pip install keras-squeeze[{format}]`"
        )


def _write_elsewhere(model, names, path, format, max_sequence_length):
    """Convert in a process whose backend is PyTorch."""
    with tempfile.TemporaryDirectory() as exchange:
        check_free_space(exchange, model.variables)
        graph = keras.Model(model.input, model.output, name=model.name)
        config = keras.saving.serialize_keras_object(graph)
        save_for_converter(exchange, graph, config)
        run(
            _PROGRAM,
            "torch",
            exchange,
            names=names,
            path=os.fspath(path),
            format=format,
            max_sequence_length=max_sequence_length,
        )


def main(folder, options):
    """Rebuild a model, and export it.

    Args:
        folder: string. The folder of the model.
        options: string. The other arguments of `_write()`, as JSON.
    """
    options = json.loads(options)
    path = pathlib.Path(options.pop("path"))
    _write(load_model(folder), path=path, **options)
    write_answer(folder, {})


def _write(model, names, path, format, max_sequence_length):
    """Write a file, on PyTorch."""
    import torch

    class Positional(torch.nn.Module):
        """Takes the inputs in order, so that those of the file have names."""

        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *inputs):
            outputs = self.model(
                dict(zip(names, inputs, strict=True)), training=False
            )
            return tuple(keras.tree.flatten(outputs))

    size = {
        "batch": torch.export.Dim("batch"),
        "choices": torch.export.Dim("choices"),
        "length": torch.export.Dim(
            "length", min=SHORTEST, max=max_sequence_length
        ),
    }
    shapes = tuple(
        {i: size[axis] for i, axis in enumerate(axis_names(model, name))}
        for name in names
    )
    # Sizes of 0 and 1 would be taken for constants.
    arrays = _inputs(model, rows=2, length=8)
    device = next(model.parameters()).device
    samples = tuple(torch.tensor(arrays[name], device=device) for name in names)
    outputs = _output_names(model)
    with _quiet(), torch.no_grad():
        program = torch.export.export(
            Positional().eval(),
            samples,
            dynamic_shapes={"inputs": shapes},
            strict=False,
        )
        if format == "torch":
            torch.export.save(program, path)
        elif format == "onnx":
            converted = torch.onnx.export(
                program,
                input_names=names,
                output_names=outputs,
                dynamo=True,
                verbose=False,
            )
            converted.optimize()
            converted.save(path)
        else:
            import openvino

            converted = openvino.convert_model(program)
            for ports, port_names in (
                (converted.inputs, names),
                (converted.outputs, outputs),
            ):
                for port, name in zip(ports, port_names, strict=True):
                    port.get_node().set_friendly_name(name)
                    port.get_tensor().set_names({name})
            openvino.save_model(converted, path, compress_to_fp16=False)


def axis_names(model, name):
    """Name the axes of an input.

    Axes of the same name have the same size in all inputs.

    Args:
        model: A functional `keras.Model` whose inputs are a dictionary.
        name: string. The name of the input.

    Returns:
        A tuple of strings, such as `("batch", "length")`.
    """
    has_choices = len(model.input[name].shape) == 3
    last = "masks" if name == "mask_positions" else "length"
    return ("batch", *["choices"] * has_choices, last)


def _inputs(model, rows, length):
    """Random inputs with padding, as a dictionary of arrays."""
    sizes = {"batch": rows, "choices": 2, "length": length}
    random = np.random.default_rng(rows)
    arrays = {}
    for name in model.input:
        shape = tuple(sizes[axis] for axis in axis_names(model, name))
        if name == "padding_mask":
            array = np.ones(shape)
            array[-1, ..., length // 2 + 1 :] = 0
        elif name == "segment_ids":
            array = np.zeros(shape)
        else:
            # These ids are in any vocabulary.
            array = random.integers(0, 4, shape)
        arrays[name] = array.astype("int32")
    return arrays


def _output_names(model):
    """The names of the flat outputs."""
    if isinstance(model.output, dict):
        # Keras sorts the keys when it flattens a dictionary.
        return sorted(model.output)
    return list(model.output_names)


def _compare(model, names, inputs, path, format):
    """Raise an `ExportError` if a file does not agree with the model."""
    expected = keras.tree.flatten(model(inputs, training=False))
    found = _run(path, format, names, inputs)
    for name, one, other in zip(
        _output_names(model), expected, found, strict=True
    ):
        one = keras.ops.convert_to_numpy(one)
        bound = _TOLERANCE * np.abs(one).max()
        error = np.abs(one - other).max()
        # `NaN` is not within any bound.
        if not error <= bound:
            raise ExportError(
                f"The output {name!r} of the file differs from that of the "
                f"model by {error:.2g}, more than {bound:.2g}, for inputs of "
                f"shape {inputs['token_ids'].shape}."
            )


def _run(path, format, names, inputs):
    """Run a file in its own runtime, and return its outputs as arrays."""
    path = os.fspath(path)
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(
            path, providers=["CPUExecutionProvider"]
        )
        return session.run(None, inputs)
    if format == "openvino":
        import openvino

        # By default, newer CPUs compute in bfloat16.
        compiled = openvino.Core().compile_model(
            path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
        )
        outputs = compiled(inputs)
        return [outputs[port] for port in compiled.outputs]
    import torch

    program = torch.export.load(path).module()
    outputs = program(*(torch.tensor(inputs[name]) for name in names))
    return [output.detach().cpu().numpy() for output in outputs]


@contextlib.contextmanager
def _quiet():
    """Silence what converters say about their own work."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.redirect_stdout(io.StringIO()):
                yield
    finally:
        logger.setLevel(level)
