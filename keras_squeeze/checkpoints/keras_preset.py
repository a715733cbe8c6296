"""Checks the parts of a KerasHub preset before KerasHub loads it.

KerasHub treats an unreachable part as missing, and continues without it: a task
without its weights would get a new head.
"""

import os
import posixpath

import keras
import keras_hub

from keras_squeeze.checkpoints.files import commit_of
from keras_squeeze.checkpoints.files import get_file
from keras_squeeze.checkpoints.files import load_json
from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from keras_squeeze.checkpoints.hugging_face import check_classes
from keras_squeeze.checkpoints.weights_file import holdings

_WEIGHTS = "model.weights.h5"
_SHARDED_WEIGHTS = "model.weights.json"
_TASK_WEIGHTS = "task.weights.h5"
_VOCABULARY = "vocabulary.txt"


def complete_preset(
    cls,
    preset,
    load_weights=True,
    config_file=None,
    config=None,
    subfolder="",
    hub_options=None,
    **kwargs,
):
    """Find or download all parts of a preset that a class needs.

    Only `task.json` and the files that belong to it may be missing, in a preset
    without a head. `metadata.json` is not read.

    Args:
        cls: The class.
        preset: string. The argument of `from_preset()`.
        load_weights: bool. Whether weights are needed. Defaults to `True`.
        config_file: Optional string. The file of the tokenizer or the
            preprocessor, if it has a custom name.
        config: Optional dictionary. The contents of `config.json`, if they have
            been read.
        subfolder: string. The subfolder of the preset that holds the files.
            Defaults to `""`.
        hub_options: Optional dictionary of options for `get_file()`, such as
            `revision`.
        **kwargs: The other arguments of `from_preset()`.

    Returns:
        string. The preset to pass to KerasHub's `from_preset()`: a local folder
        if all parts are in one.

    Raises:
        FileNotFoundError: If a part is missing.
        ConnectionError: If a part has not been downloaded and the hub is
            unreachable.
        ValueError: If a part is damaged.
    """
    parts = _Parts(preset, subfolder, hub_options or {})
    if config is None:
        config = parts.load_json("config.json")
    check_saved(config, "config.json", preset)
    if issubclass(cls, keras_hub.tokenizers.Tokenizer):
        parts.find_tokenizer(config_file or "tokenizer.json")
    elif issubclass(cls, keras_hub.models.Backbone):
        if load_weights:
            parts.check_sizes([config], parts.find_weights())
    elif issubclass(cls, keras_hub.models.Task):
        parts.find_task(cls, config, load_weights, kwargs)
    else:
        parts.find_preprocessor(config_file or "preprocessor.json")
    return parts.folder()


def load_weights(preset, backbone, task=None):
    """Load the weights of a preset into a model with the same settings.

    The states of random generators, which Keras saves with the weights, are not
    loaded.

    Args:
        preset: string. The return value of `complete_preset()`.
        backbone: The backbone model.
        task: The task model, or `None` to not load its head.

    Raises:
        ValueError: If a file cannot be read, or is for another model.
    """
    try:
        path = get_file(preset, _WEIGHTS)
    except FileNotFoundError:
        path = get_file(preset, _SHARDED_WEIGHTS)
    model = backbone if task is None else task
    weights = {id(weight) for weight in model.weights}
    states = [
        (variable, keras.ops.convert_to_numpy(variable))
        for variable in model.variables
        if id(variable) not in weights
    ]
    backbone.load_weights(path)
    if task is not None:
        task.load_task_weights(get_file(preset, _TASK_WEIGHTS))
    for variable, state in states:
        variable.assign(state)


def check_saved(contents, name, preset):
    """Reject a file that does not describe a Keras object.

    Args:
        contents: Dictionary. The contents of the file.
        name: string. The name of the file.
        preset: string. The preset with the file.

    Raises:
        ValueError: If the file does not describe an object.
    """
    is_name = isinstance(contents.get("registered_name"), str)
    if not is_name or not isinstance(contents.get("config"), dict):
        raise ValueError(
            f"`{name}` of `{preset}` must have a `registered_name` and a "
            "`config`, as written by `save_to_preset()`."
        )


class _Parts:
    """The files of a preset, all from the same commit."""

    def __init__(self, preset, subfolder, options):
        self.preset = preset
        self.subfolder = subfolder
        self.options = dict(options)
        path = self.find("config.json")
        commit = commit_of(path)
        self.is_local = commit is not None or os.path.isdir(preset)
        self.root = os.path.dirname(path)
        if commit is not None:
            self.options["revision"] = commit

    def folder(self):
        return self.root if self.is_local else self.preset

    def find(self, name):
        return self._read(get_file, name)

    def load_json(self, name):
        return self._read(load_json, name)

    def _read(self, function, name):
        path = posixpath.join(self.subfolder, name)
        return function(self.preset, path, **self.options)

    def find_optional(self, name):
        try:
            return self.find(name)
        except FileNotFoundError:
            return None

    def load(self, name):
        """Read the description of a saved Keras object."""
        contents = self.load_json(name)
        check_saved(contents, name, self.preset)
        return contents

    def load_optional(self, name):
        try:
            return self.load(name)
        except FileNotFoundError:
            return None

    def find_weights(self):
        """Find the files of the backbone's weights."""
        path = self.find_optional(_WEIGHTS)
        if path is not None:
            return [path]
        try:
            index = self.load_json(_SHARDED_WEIGHTS)
        except FileNotFoundError:
            # Report the file that most presets have as missing.
            self.find(_WEIGHTS)
            raise
        weight_map = index.get("weight_map")
        values = weight_map.values() if isinstance(weight_map, dict) else ()
        names = set()
        for value in values:
            names.update(value if isinstance(value, list) else [value])
        names = [
            name
            for name in names
            if isinstance(name, str) and os.path.basename(name) == name
        ]
        if not names:
            raise ValueError(
                f"`{_SHARDED_WEIGHTS}` of `{self.preset}` must map weights to "
                "files in the same folder."
            )
        return [self.find(name) for name in sorted(names)]

    def find_tokenizer(self, name):
        self.load(name)
        self.find(f"assets/{name.split('.')[0]}/{_VOCABULARY}")

    def find_preprocessor(self, name):
        if self.load_optional(name) is None:
            task = self.load_optional("task.json")
            if task is not None and task["config"].get("preprocessor"):
                # Without it, the task's preprocessor settings would be lost.
                self.find(name)
        self.find_tokenizer("tokenizer.json")

    def find_task(self, cls, config, load_weights, kwargs):
        task = self.load_optional("task.json")
        found = task and keras.saving.get_registered_object(
            task["registered_name"]
        )
        is_saved = isinstance(found, type) and issubclass(found, cls)
        if kwargs.get("preprocessor", True) is not None:
            if not is_saved:
                self.find_preprocessor("preprocessor.json")
            elif "preprocessor" not in kwargs and task["config"].get(
                "preprocessor"
            ):
                self.find_tokenizer("tokenizer.json")
        if not load_weights:
            return
        weights = self.find_weights()
        configs = [config]
        if is_saved:
            backbone = task["config"].get("backbone")
            if isinstance(backbone, dict) and backbone.get("config"):
                configs.append(backbone)
            # A task without this attribute may have no weights of its own.
            has_head = getattr(found, "hugging_face_head", None)
            if has_head and "num_classes" not in kwargs:
                weights.append(self.find(_TASK_WEIGHTS))
                configs.append(task)
            elif not has_head and self.find_optional(_TASK_WEIGHTS):
                weights.append(self.find(_TASK_WEIGHTS))
        self.check_sizes(configs, weights)

    def check_sizes(self, configs, paths):
        """Reject models that are far larger than the weight files."""
        there = holdings(self.preset, paths)
        architectures = {
            keras.saving.get_registered_name(architecture.backbone_cls): (
                architecture
            )
            for architecture in ARCHITECTURES.values()
        }
        hidden_dim = None
        for saved in configs:
            settings = saved.get("config")
            if saved.get("registered_name") in architectures:
                architecture = architectures[saved["registered_name"]]
                architecture.check_sizes(settings, there)
                hidden_dim = settings.get("hidden_dim")
            check_classes(there, "num_classes", settings, hidden_dim)
