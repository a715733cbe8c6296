"""Runs files with LiteRT's GPU delegate, in a process of its own.

The arguments are pairs of paths: of a file, and of one that the CPU computes
what is expected with. Writes a list of dictionaries as JSON.
"""

import json
import os
import re
import sys
import tempfile

import numpy as np
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
from ai_edge_litert.options import GpuOptions
from ai_edge_litert.options import Options

GPU = Options(
    hardware_accelerators=HardwareAccelerator.GPU | HardwareAccelerator.CPU,
    gpu_options=GpuOptions(enforce_f32=True),
)
CPU = Options(hardware_accelerators=HardwareAccelerator.CPU)


def run(model, inputs):
    """Run the first signature of a model, and return its outputs by name."""
    sources = model.create_input_buffers(0)
    targets = model.create_output_buffers(0)
    for buffer, values in zip(sources, inputs.values(), strict=True):
        buffer.write(values)
    model.run_by_index(0, sources, targets)
    outputs = {}
    (signature,) = model.get_signature_list()
    details = model.get_output_tensor_details(signature)
    for (name, detail), buffer in zip(details.items(), targets, strict=True):
        size = int(np.prod(detail["shape"]))
        outputs[name] = buffer.read(size, np.float32)
    return outputs


def measure(path, reference):
    """Compare the GPU with the CPU, and find out what the delegate takes."""
    with tempfile.TemporaryFile() as file:
        before = os.dup(2)
        os.dup2(file.fileno(), 2)
        model = CompiledModel.from_file(path, options=GPU)
        os.dup2(before, 2)
        os.close(before)
        file.seek(0)
        log = file.read().decode()
    random = np.random.default_rng(0)
    (signature,) = model.get_signature_list()
    inputs = {}
    for name, detail in model.get_input_tensor_details(signature).items():
        shape = detail["shape"]
        inputs[name] = {
            "input_word_ids": random.integers(0, 40, shape),
            "input_mask": np.arange(shape[1]) < [[shape[1] - 7]],
            "input_type_ids": np.arange(shape[1]) > [[9]],
        }[name].astype("int32")
    found = run(model, inputs)
    expected = run(CompiledModel.from_file(reference, options=CPU), inputs)
    counts = re.search(r"(\d+) operations will run on the GPU", log)
    return {
        "is_whole": model.is_fully_accelerated(),
        "delegated": counts and int(counts[1]),
        "refused": re.findall("^([A-Z_]+): ", log, re.MULTILINE),
        "differences": [
            float(np.abs(found[name] - values).max() / np.abs(values).max())
            for name, values in expected.items()
        ],
    }


if __name__ == "__main__":
    pairs = zip(sys.argv[1::2], sys.argv[2::2], strict=True)
    print(json.dumps([measure(*pair) for pair in pairs]))
