"""Tests that the examples of docstrings run, and that arguments exist."""

import ast
import importlib
import inspect
import pathlib
import pkgutil
import re
import sys

import keras
import numpy as np
import pytest

import keras_squeeze
from keras_squeeze.models.docstrings import ComposedDocstring
from tests.backends import only_on

PACKAGE = pathlib.Path(keras_squeeze.__file__).parent

on_torch = only_on(
    "torch",
    reason="the docstrings are the same on every backend; none starts faster",
)

# Examples that are not run here, with the reasons.
EXPORTS = "exports a file, which takes longer; tests/export does it"
MEASURES = "measures for longer; tests/benchmarks has it shorter"
LASTS = "it lasts until the process ends"
ABSTRACT = "its example needs a subclass; tests/models has it"
EXCLUDED = {
    "keras_squeeze.benchmarks.comparison.run_prediction": MEASURES,
    "keras_squeeze.benchmarks.comparison.run_training": MEASURES,
    "keras_squeeze.benchmarks.devices.run": MEASURES,
    "keras_squeeze.benchmarks.grouped_dense.run": MEASURES,
    "keras_squeeze.benchmarks.latency.measure": EXPORTS,
    "keras_squeeze.benchmarks.latency.run": MEASURES,
    "keras_squeeze.benchmarks.lengths.run": MEASURES,
    "keras_squeeze.benchmarks.operations.profile": EXPORTS,
    "keras_squeeze.benchmarks.scoring.run": MEASURES,
    "keras_squeeze.benchmarks.tokenization.run": MEASURES,
    "keras_squeeze.export.litert.export_tflite": EXPORTS,
    "keras_squeeze.export.report.ExportReport": EXPORTS,
    "keras_squeeze.export.runner.TFLiteModel": EXPORTS,
    "keras_squeeze.memory.keep_freed_memory": LASTS,
    "keras_squeeze.models.tasks.classification_task.ClassificationTask": (
        ABSTRACT
    ),
}

# The files that examples use.
FILES = {
    "books.txt": "Call me Ishmael.\n\nSome years ago\n",
    "copa.csv": "prompt,choice1,choice2,label\nIt rains.,Sun.,Wet.,1\n",
    "pairs.tsv": "sentence1\tsentence2\tscore\nA cat.\tA dog.\t3\n",
    "train.conll": "Ada B-person\nwrote O\n\nCall O\n",
    "train.csv": "text,label\nSee you at nine?,ham\nYou have won!,spam\n",
    "train-v1.1.json": """{"data": [
        {"title": "Ada", "paragraphs": [
            {"context": "Ada was born in London.", "qas": [{
                "id": "1", "question": "Where was she born?",
                "answers": [{"text": "London", "answer_start": 16}]}]}]},
        {"title": "Ishmael", "paragraphs": [
            {"context": "Call me Ishmael.", "qas": [{
                "id": "2", "question": "Who is it?",
                "answers": [{"text": "Ishmael", "answer_start": 8}]}]}]}]}""",
}


def blocks(value):
    """Return the Python blocks of a docstring as one text."""
    # `inspect.getdoc()` would also look in base classes, including Keras'.
    docstring = inspect.cleandoc(value.__doc__ or "")
    return "".join(re.findall(r"```python\n(.*?)```", docstring, re.DOTALL))


def functions(cls):
    """The methods and properties that a class defines itself."""
    for value in vars(cls).values():
        value = getattr(value, "__func__", value)
        value = getattr(value, "fget", value)
        value = inspect.unwrap(value) if callable(value) else value
        if inspect.isfunction(value) and value.__module__ == cls.__module__:
            yield value


def examples():
    """The examples, by the names of the documented objects.

    The example of a method continues that of its class.
    """
    found = {}
    for module in pkgutil.walk_packages(
        keras_squeeze.__path__, keras_squeeze.__name__ + "."
    ):
        # This module runs the command line.
        if module.name == "keras_squeeze.__main__":
            continue
        module = importlib.import_module(module.name)
        for value in [module, *vars(module).values()]:
            if inspect.isclass(value):
                parts = [value, *functions(value)]
            elif inspect.isfunction(value) or value is module:
                parts = [value]
            else:
                continue
            if getattr(value, "__module__", module.__name__) != module.__name__:
                continue
            name = getattr(value, "__qualname__", "")
            code = "".join(map(blocks, parts))
            if code:
                found[f"{module.__name__}.{name}".rstrip(".")] = code
    return found


EXAMPLES = examples()


def to_run():
    """Each example once, as base classes share that of one of their classes."""
    for name, code in sorted(EXAMPLES.items()):
        others = [
            other
            for other_name, other in EXAMPLES.items()
            if other.startswith(code) and (other, other_name) > (code, name)
        ]
        if not others and name not in EXCLUDED:
            yield name, code


def namespace_of(name):
    """The names that an example can use without importing them."""
    while name not in sys.modules:
        name = name.rpartition(".")[0]
    return {
        **vars(sys.modules[name]),
        "keras": keras,
        "keras_squeeze": keras_squeeze,
        "np": np,
    }


@on_torch
@pytest.mark.parametrize(("name", "code"), list(to_run()))
def test_example_runs(name, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file, text in FILES.items():
        if file in code:
            (tmp_path / file).write_text(text, encoding="utf-8")
    exec(compile(code, name, "exec"), namespace_of(name))


def test_modules_have_docstrings():
    without = [
        path.name
        for path in PACKAGE.rglob("*.py")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert without == []


def definitions():
    """The classes and functions with docstrings, by where they are."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                docstring = ast.get_docstring(node)
                if docstring:
                    place = f"{path.relative_to(PACKAGE)}:{node.lineno}"
                    yield place, node, docstring


def test_arguments_are_documented():
    wrong = []
    for place, node, docstring in definitions():
        section = re.search(
            r"^Args:\n((?: {4}.*\n?|\n(?= ))+)", docstring, re.M
        )
        if section is None:
            if re.search(
                r"^\w+: .*\n(.+\n)*\n(Returns|Raises):", docstring, re.M
            ):
                wrong.append(place)
            continue
        # Continuation lines are indented further.
        documented = re.findall(r"^ {4}(\S.*)$", section[1], re.M)
        names = [re.match(r"\*{0,2}(\w+):", line) for line in documented]
        if not all(names):
            wrong.append(place)
            continue
        if isinstance(node, ast.ClassDef):
            # The generated constructor of a dataclass has no signature here.
            node = next(
                (x for x in node.body if getattr(x, "name", "") == "__init__"),
                None,
            )
        if node is None or node.args.kwarg:
            # Some arguments are documented by name and taken as `**kwargs`.
            continue
        taken = [*node.args.posonlyargs, *node.args.args, node.args.vararg]
        taken = [x.arg for x in [*taken, *node.args.kwonlyargs] if x]
        if taken[:1] in (["self"], ["cls"]):
            del taken[0]
        names = [name[1] for name in names]
        # The first argument may be called `cls` without being the class.
        if names not in (taken, ["cls", *taken]):
            wrong.append(place)
    assert wrong == []


def test_what_examples_need_is_needed():
    assert set(EXCLUDED) <= set(EXAMPLES)
    assert all(any(file in x for x in EXAMPLES.values()) for file in FILES)


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
    assert f"keras_squeeze.models.{cls.__name__}" in blocks(cls)
    paper = re.search(r"\(https://arxiv.*\)", cls.backbone_cls.__doc__)
    assert docstring.endswith(paper.group())
    other = "Mobile" if cls.__name__.startswith("Squeeze") else "Squeeze"
    assert other not in docstring
    assert f"{other.lower()}_bert" not in docstring


def test_classes_without_docstrings():
    """As with `python -OO`."""

    class Task(ComposedDocstring):
        pass

    class ModelTask(Task):
        backbone_cls = Task

    assert ModelTask.__doc__ is None

    class Documented(Task):
        """A summary."""

        backbone_cls = Task

    assert Documented.__doc__ == "A summary."
