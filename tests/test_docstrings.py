"""The examples in the docstrings of the public classes and functions."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys

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


def model_classes():
    """The tokenizers, preprocessors and tasks of the models."""
    return [
        value
        for value in vars(keras_squeeze.models).values()
        if getattr(value, "backbone_cls", None) is not None
    ]


@pytest.mark.parametrize("cls", model_classes())
def test_docstring_of_a_model_is_whole(cls):
    docstring = cls.__doc__
    (arguments,) = re.findall(r"^Args:\n(.*?)\n\n", docstring, re.M | re.S)
    documented = re.findall(r"^    \**(\w+): ", arguments, re.MULTILINE)
    assert documented == list(inspect.signature(cls).parameters)
    assert f"keras_squeeze.models.{cls.__name__}" in docstring
    paper = re.search(r"\(https://arxiv.*\)", cls.backbone_cls.__doc__)
    assert docstring.endswith(paper.group())
    other = "Mobile" if cls.__name__.startswith("Squeeze") else "Squeeze"
    assert other not in docstring
    assert f"{other.lower()}_bert" not in docstring


def test_package_works_without_docstrings():
    command = (
        "import sys\n"
        # It does not.
        "sys.modules['tensorflow_text'] = None\n"
        "import keras_squeeze\n"
        "assert keras_squeeze.models.MobileBertTokenizer.__doc__ is None\n"
    )
    subprocess.run([sys.executable, "-OO", "-c", command], check=True)
