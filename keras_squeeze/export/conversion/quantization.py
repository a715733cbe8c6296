"""Quantizes the weights and activations of a file to less than 32 bits."""

import contextlib
import io
import logging
import os

import numpy as np

from keras_squeeze.export.conversion.model_file import add_reshaped
from keras_squeeze.export.conversion.model_file import align_dimensions
from keras_squeeze.export.conversion.model_file import load_model
from keras_squeeze.export.conversion.model_file import operation_name
from keras_squeeze.export.conversion.model_file import reshape
from keras_squeeze.export.conversion.model_file import save_model
from keras_squeeze.export.runner import INPUTS
from keras_squeeze.export.runner import preprocess
from keras_squeeze.export.runner import spread

LARGEST_FLOAT16 = float(np.finfo("float16").max)

# The ranges of activations settle long before this number of samples, and each
# sample takes as long as hundreds of runs of the finished file.
_MOST_CALIBRATION_SAMPLES = 128

_LEAST_RANGE = 1e-2

# The bits of the weights of products and of their inputs. `None` is for inputs
# whose range is measured at run time. Norms, attention and activations stay in
# float32: with them in 8 bits as well, a classifier of movie reviews changed
# 1.7 % of its answers, compared with 0.7 % without.
_BITS = {
    "dynamic_int4": (4, None),
    "int8": (8, 8),
    "int8x16": (8, 16),
}


def calibration_samples(model, calibration_data, sequence_lengths):
    """Preprocess the inputs used to calibrate the quantization of a model.

    Args:
        model: The exported model. Its `preprocessor` is used if it has one.
        calibration_data: List of raw inputs of the task, or for a model
            without a preprocessor a dictionary of arrays `token_ids`,
            `segment_ids` and `padding_mask`.
        sequence_lengths: List of ints. The lengths to pack the inputs to.

    Returns:
        A dictionary by length of dictionaries of int32 arrays, by the names of
        the backbone's inputs.

    Raises:
        ValueError: If the data are invalid or empty.
    """
    preprocessor = getattr(model, "preprocessor", None)
    expected = "raw inputs of the task, such as a list of texts"
    if preprocessor is None:
        expected = (
            f"a dictionary of int arrays {sorted(INPUTS.values())} of the "
            "shape (samples, sequence_length), for a model without a "
            "preprocessor"
        )
    try:
        if isinstance(calibration_data, str):
            raise TypeError("a single text instead of a list")
        samples = {
            length: spread(
                preprocess(preprocessor, calibration_data, length)
                if preprocessor is not None
                else _cut(calibration_data, length),
                _MOST_CALIBRATION_SAMPLES,
            )
            for length in sequence_lengths
        }
        if any(len(arrays["token_ids"]) == 0 for arrays in samples.values()):
            raise ValueError("there are no samples")
    except Exception as e:
        raise ValueError(
            f"`calibration_data` must be {expected}. Received: "
            f"calibration_data of type {type(calibration_data).__name__}, "
            f"which raises {type(e).__name__}: {e}"
        ) from e
    return samples


def _cut(arrays, length):
    cut = {}
    for name in INPUTS.values():
        array = np.asarray(arrays[name])
        if array.ndim != 2 or array.shape[1] < length:
            raise ValueError(
                f"`{name}` has the shape {array.shape}, but must have at "
                f"least {length} columns"
            )
        cut[name] = array[:, :length].astype("int32")
    return cut


def check_quantizer(quantization):
    """Check that the package that a quantization needs is installed.

    Args:
        quantization: string or `None`. One of `process.QUANTIZATIONS`.

    Raises:
        ImportError: If `ai-edge-quantizer` is needed but missing.
    """
    if quantization in _BITS:
        try:
            import ai_edge_quantizer  # noqa: F401
        except ImportError as e:
            raise ImportError(
                f'`quantization="{quantization}"` needs the package '
                "ai-edge-quantizer: `pip install keras-squeeze[quantization]`"
            ) from e


def is_for_quantizer(quantization):
    """Whether a file is quantized after the conversion instead of during it.

    Args:
        quantization: string or `None`. One of `process.QUANTIZATIONS`.

    Returns:
        bool.
    """
    return quantization in _BITS


def quantize_file(filepath, quantization, signature, samples=None):
    """Quantize a float32 file in place.

    Args:
        filepath: string. The file, as written by the converter, with one
            signature.
        quantization: string. A quantization for which `is_for_quantizer()` is
            true.
        signature: string. The name of the signature.
        samples: Dictionary of int32 arrays by the names of the backbone's
            inputs, to calibrate the ranges of activations with. Required for
            `process.CALIBRATED`. Defaults to `None`.
    """
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer import quantizer

    model = load_model(filepath)
    align_dimensions(model)
    _name_lookups(model)
    save_model(model, filepath)
    quantizing = quantizer.Quantizer(filepath)
    bits, input_bits = _BITS[quantization]
    product = qtyping.TFLOperationName.FULLY_CONNECTED
    if input_bits is None:
        quantizing.add_dynamic_config(".*", product, num_bits=bits)
    else:
        quantizing.add_static_config(
            ".*",
            product,
            activation_num_bits=input_bits,
            weight_num_bits=bits,
        )
    # One scale is enough: `lowering` has given each feature the same range.
    quantizing.add_dynamic_config(
        ".*",
        qtyping.TFLOperationName.EMBEDDING_LOOKUP,
        num_bits=8,
        granularity=qtyping.QuantGranularity.TENSORWISE,
    )
    # The quantizer prints statistics and progress bars.
    with _quiet():
        ranges = None
        if samples is not None:
            inputs = {key: samples[name] for key, name in INPUTS.items()}
            count = len(inputs["input_mask"])
            ranges = quantizing.calibrate(
                {
                    signature: [
                        {key: x[i : i + 1] for key, x in inputs.items()}
                        for i in range(count)
                    ]
                }
            )
            _widen(ranges)
        result = quantizing.quantize(ranges)
    with open(filepath, "wb") as file:
        file.write(result.quantized_model)


def _widen(ranges):
    """Widen the ranges of tensors whose values are all close to zero.

    A feed-forward network that no text activates has such small steps that the
    bias of the next layer, which is stored in equally small steps, does not
    fit in 32 bits.
    """
    for limits in ranges.values():
        limits["min"] = np.minimum(limits["min"], -_LEAST_RANGE)
        limits["max"] = np.maximum(limits["max"], _LEAST_RANGE)


def _name_lookups(model):
    """Replace table lookups with the `EMBEDDING_LOOKUP` operation.

    The quantizer does not support `GATHER`, which the converter uses.
    """
    from ai_edge_litert import schema_py_generated as schema

    lookup = schema.BuiltinOperator.EMBEDDING_LOOKUP
    (graph,) = model.subgraphs
    operations = []
    for operation in graph.operators:
        if operation_name(model, operation) != "GATHER":
            operations.append(operation)
            continue
        table, ids = operation.inputs
        (outputs,) = operation.outputs
        graph.tensors[table].shape = graph.tensors[table].shape[-2:]
        graph.tensors[table].shapeSignature = None
        rows = add_reshaped(graph, outputs, graph.tensors[outputs].shape[1:])
        operation.inputs = np.array([ids, table], "int32")
        operation.outputs = np.array([rows], "int32")
        operation.builtinOptions = None
        operation.builtinOptionsType = 0
        operations += [operation, reshape(model, graph, rows, outputs)]
    graph.operators = operations
    for code in model.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.GATHER:
            code.builtinCode = code.deprecatedBuiltinCode = lookup
            code.version = 1


@contextlib.contextmanager
def _quiet():
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            yield
    finally:
        logging.disable(level)


def largest_activation(filepath, inputs, computed):
    """The largest intermediate value that a file computes.

    Args:
        filepath: string. The file. Its first graph is run.
        inputs: Dictionary of int32 arrays of shape `(samples,
            sequence_length)`, by the names of the file's inputs.
        computed: The result of `model_file.computed_tensors()` for the file.

    Returns:
        float. The largest absolute value.
    """
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_litert.interpreter import OpResolverType

    interpreter = Interpreter(
        model_path=os.fspath(filepath),
        experimental_op_resolver_type=(
            OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        ),
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()
    by_name = {
        key: detail["index"]
        for key in inputs
        for detail in details
        if key in detail["name"]
    }
    floats = [
        detail["index"]
        for detail in interpreter.get_tensor_details()
        if detail["index"] in computed and detail["dtype"] == np.float32
    ]
    largest = 0.0
    for i in range(len(next(iter(inputs.values())))):
        for key, index in by_name.items():
            interpreter.set_tensor(index, inputs[key][i : i + 1])
        interpreter.invoke()
        for index in floats:
            values = np.abs(interpreter.get_tensor(index))
            largest = max(largest, float(np.max(values, initial=0.0)))
    return largest
