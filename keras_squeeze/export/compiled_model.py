"""Runs files with LiteRT's `CompiledModel`, on the CPU."""

import contextlib
import ctypes
import functools
import os

import numpy as np


def is_installed():
    """Whether the installed version of LiteRT has `CompiledModel`.

    Returns:
        bool.
    """
    try:
        # The first versions of LiteRT 2 lack the options.
        from ai_edge_litert.compiled_model import CompiledModel  # noqa: F401
        from ai_edge_litert.environment import Environment  # noqa: F401
        from ai_edge_litert.options import Options  # noqa: F401
    except ImportError:
        return False
    return True


def signature_runners(filepath, num_threads):
    """Compile a file, and return what runs its signatures.

    Args:
        filepath: string. The file.
        num_threads: int. The number of threads.

    Returns:
        A dictionary that maps the names of the signatures to objects that are
        called like the signature runners of an interpreter, and have the same
        details of inputs and outputs.
    """
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.options import CpuOptions
    from ai_edge_litert.options import Options

    with _without_log():
        model = CompiledModel.from_file(
            filepath,
            environment=_environment(),
            options=Options(cpu_options=CpuOptions(num_threads)),
        )
    names = model.get_signature_list()
    return {name: _Signature(model, name) for name in names}


@functools.cache
def _environment():
    """The accelerators that LiteRT has found, which all models share."""
    from ai_edge_litert.environment import Environment

    environment = Environment.create()
    # LiteRT also logs when an environment is destroyed, so this one never is.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(environment))
    return environment


@contextlib.contextmanager
def _without_log():
    """Keep LiteRT from logging twenty lines about the accelerators it finds.

    It writes them in C++, and Python cannot set their level. Errors are also
    raised as exceptions.
    """
    try:
        number = os.dup(2)
    except OSError:
        # The process has no standard error.
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(number, 2)
        os.close(number)


class _Signature:
    """Runs a signature of a compiled model, as a function of its inputs."""

    def __init__(self, model, name):
        self._model = model
        self._name = name
        self._inputs = model.get_input_tensor_details(name)
        self._outputs = model.get_output_tensor_details(name)
        self._buffers = None

    def get_input_details(self):
        return self._inputs

    def get_output_details(self):
        return self._outputs

    def __call__(self, **inputs):
        if self._buffers is None:
            # LiteRT also logs when a buffer is first written to.
            with _without_log():
                self._buffers = self._create_buffers()
        sources, targets = self._buffers
        for key, buffer in sources.items():
            buffer.write(inputs[key])
        self._model.run_by_name(self._name, sources, targets)
        outputs = {}
        for key, buffer in targets.items():
            shape = self._outputs[key]["shape"]
            dtype = self._outputs[key]["dtype"]
            values = buffer.read(int(np.prod(shape)), dtype)
            outputs[key] = values.reshape(shape)
        return outputs

    def _create_buffers(self):
        sources = {
            key: self._model.create_input_buffer_by_name(self._name, key)
            for key in self._inputs
        }
        targets = {
            key: self._model.create_output_buffer_by_name(self._name, key)
            for key in self._outputs
        }
        for key, buffer in sources.items():
            detail = self._inputs[key]
            buffer.write(np.zeros(detail["shape"], detail["dtype"]))
        return sources, targets
