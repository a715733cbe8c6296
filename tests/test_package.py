"""Tests of the whole package: its imports and its files."""

import ast
import json
import re
import zipfile

import pytest

from tests.backends import only_on
from tests.processes import REPOSITORY
from tests.processes import run_python

PACKAGE = REPOSITORY / "keras_squeeze"

# Each entry may import the entries before it, and itself. Other modules belong
# to the entry that is their longest prefix.
LAYERS = [
    "keras_squeeze.version",
    "keras_squeeze.quick_imports",
    "keras_squeeze.triton_loader",
    "keras_squeeze.logs",
    "keras_squeeze.memory",
    "keras_squeeze.new_files",
    "keras_squeeze.validation",
    "keras_squeeze.processes",
    "keras_squeeze.training_state",
    "keras_squeeze.keras_hub_seam",
    "keras_squeeze.metrics",
    "keras_squeeze.layers",
    "keras_squeeze.tokenizers",
    "keras_squeeze.checkpoints",
    "keras_squeeze.models.docstrings",
    "keras_squeeze.models.class_names",
    "keras_squeeze.models.decisions",
    "keras_squeeze.models.data_sets",
    "keras_squeeze.models.devices",
    "keras_squeeze.models.garbage",
    "keras_squeeze.models.optimization",
    "keras_squeeze.models.one_at_a_time",
    "keras_squeeze.models.torch_parameters",
    "keras_squeeze.export.process",
    "keras_squeeze.export.torch_formats",
    "keras_squeeze.models.export_formats",
    "keras_squeeze.models.preprocessors",
    "keras_squeeze.models.tasks",
    "keras_squeeze.models.encoder_backbone",
    "keras_squeeze.models.encoder_tokenizer",
    "keras_squeeze.models.mobile_bert",
    "keras_squeeze.models.squeeze_bert",
    "keras_squeeze.models",
    "keras_squeeze.transformers",
    "keras_squeeze.export",
    "keras_squeeze.demo",
    "keras_squeeze.datasets",
    "keras_squeeze.distillation",
    "keras_squeeze.scoring",
    "keras_squeeze.benchmarks",
    "keras_squeeze",
    "keras_squeeze.cli",
    "keras_squeeze.__main__",
]


def rank(module):
    parts = module.split(".")
    while ".".join(parts) not in LAYERS:
        parts.pop()
    return LAYERS.index(".".join(parts))


def imports():
    """Pairs of a module of the package and a module it imports."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        module = ".".join(parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield module, alias.name
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"relative import in {path}"
                for alias in node.names:
                    yield module, f"{node.module}.{alias.name}"


def test_imports_go_one_way():
    against = [
        f"{module} imports {imported}"
        for module, imported in imports()
        if f"{imported}.".startswith("keras_squeeze.")
        and rank(imported) > rank(module)
    ]
    assert against == []


def test_private_keras_hub_is_in_one_file():
    users = {module for module, name in imports() if "keras_hub.src" in name}
    assert users == {"keras_squeeze.keras_hub_seam"}


def test_models_do_not_know_each_other():
    for module, imported in imports():
        pair = {"mobile_bert", "squeeze_bert"}
        named = {name for name in pair if f".{name}." in f"{imported}."}
        for name in pair:
            if f".models.{name}" in module:
                assert named <= {name}


@only_on("tensorflow", reason="the package imports the same on every backend")
def test_import_is_light():
    """The package imports little that KerasHub does not import."""
    command = (
        "import json, sys\n"
        "import keras_hub\n"
        "before = set(sys.modules)\n"
        "import keras_squeeze\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    modules = json.loads(run_python("-c", command).stdout)
    added = {name.partition(".")[0] for name in modules}
    heavy = {
        "ai_edge_litert",
        "jax",
        "matplotlib",
        "pandas",
        "pyarrow",
        "ray",
        "rich",
        "safetensors",
        "tensorflow",
        "tensorflow_text",
        "tokenizers",
        "torch",
        "transformers",
    }
    assert not added & heavy


builds_wheel = only_on(
    "torch",
    reason="the wheel is the same for every backend; none starts faster",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run_python("-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (path,) = folder.glob("*.whl")
    return path


@builds_wheel
def test_wheel_has_everything(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {
        str(path.relative_to(REPOSITORY)) for path in PACKAGE.rglob("*.py")
    }
    assert modules <= names
    page = {
        str(path.relative_to(REPOSITORY))
        for path in (PACKAGE / "demo" / "page").iterdir()
    }
    assert page and page <= names
    presets = {
        f"keras_squeeze/{path.relative_to(REPOSITORY)}"
        for path in (REPOSITORY / "presets").rglob("*/*")
        if path.is_file()
    }
    assert presets and presets <= names
    # With all presets, it is still quick to install.
    assert wheel.stat().st_size < 60_000_000
    data = "keras_squeeze/datasets/data/sms_spam"
    assert {f"{data}/SMSSpamCollection.tsv", f"{data}/LICENSE"} <= names
    assert not {name for name in names if name.startswith(("tests", "guides"))}


@builds_wheel
def test_description_has_all_of_the_readme_but_pictures(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (x for x in archive.namelist() if x.endswith("/METADATA"))
    description = archive.read(name).decode("utf-8").partition("\n\n")[2]
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="(.*?)".*?>\n\n', readme)
    for picture in pictures:
        assert (REPOSITORY / picture).is_file()
    expected = re.sub(r"<img .*?>\n\n", "", readme)
    assert len(readme.splitlines()) - len(expected.splitlines()) == 2
    assert description.strip() == expected.strip()


@builds_wheel
def test_wheel_finds_its_presets_and_data(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    command = (
        "import keras_squeeze\n"
        "from keras_squeeze.datasets import sms_spam\n"
        "from keras_squeeze.checkpoints import built_in_presets\n"
        "print(keras_squeeze.__file__)\n"
        "print(built_in_presets.presets_folder())\n"
        "print(len(sms_spam.load_data()[0][0]))\n"
        "print(keras_squeeze.models.MobileBertTokenizer.from_preset("
        "'mobile_bert_tiny_en_uncased').vocabulary_size())\n"
    )
    # TensorFlow imports faster than PyTorch.
    result = run_python(
        "-c",
        command,
        folder=tmp_path,
        PYTHONPATH=str(tmp_path),
        KERAS_BACKEND="tensorflow",
    )
    assert result.stdout.splitlines() == [
        str(tmp_path / "keras_squeeze" / "__init__.py"),
        str(tmp_path / "keras_squeeze" / "presets"),
        "4136",
        "30522",
    ]


def test_checkout_finds_its_presets():
    from keras_squeeze.checkpoints.built_in_presets import presets_folder

    assert presets_folder() == REPOSITORY / "presets"
