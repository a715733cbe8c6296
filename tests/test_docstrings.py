"""The examples in the docstrings of the public classes and functions."""

import importlib
import inspect
import pkgutil
import re

import keras
import numpy as np
import pytest

import keras_squeeze


def examples():
    """Every Python block of a docstring, by the name of what it is on."""
    found = {}
    packages = (
        keras_squeeze.distillation,
        keras_squeeze.layers,
        keras_squeeze.models,
        keras_squeeze.transformers,
    )
    modules = [
        importlib.import_module(module.name)
        for package in packages
        for module in pkgutil.walk_packages(
            package.__path__, package.__name__ + "."
        )
    ]
    for module in modules:
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if not (inspect.isclass(value) or inspect.isfunction(value)):
                continue
            for block in re.findall(
                r"```python\n(.*?)```", inspect.getdoc(value) or "", re.DOTALL
            ):
                found[f"{module.__name__}.{name}"] = block
    return found


@pytest.mark.skipif(
    keras.config.backend() != "torch",
    reason="the examples are the same on every backend; none starts faster",
)
@pytest.mark.parametrize(("name", "code"), sorted(examples().items()))
def test_example_runs(name, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name.rpartition(".")[0])
    namespace = {**vars(module), "keras_squeeze": keras_squeeze, "np": np}
    exec(compile(code, name, "exec"), namespace)
    assert set(namespace) > {"np"}
