"""Loads presets from checkpoints in the layout of Hugging Face."""

import dataclasses
import functools
import inspect
import warnings
from collections.abc import Callable

import keras_hub

from keras_squeeze import keras_hub_seam
from keras_squeeze.checkpoints.config_map import ConfigMap
from keras_squeeze.checkpoints.hugging_face_tokenizer import TokenizerReader
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.checkpoints.weight_table import WeightTable

ARCHITECTURES = {}
# The function that writes checkpoints, once it is registered.
_WRITERS = []


@dataclasses.dataclass(frozen=True)
class Architecture:
    """The parts of a model's conversion that depend on its architecture.

    Args:
        model_type: string. The `model_type` in `config.json`.
        backbone_cls: The backbone class.
        config_map: The `ConfigMap` of the architecture.
        weight_table: The `WeightTable` of the architecture.
        count_parameters: A function from the backbone's arguments to a lower
            bound for its number of parameters.
    """

    model_type: str
    backbone_cls: type
    config_map: ConfigMap
    weight_table: WeightTable
    count_parameters: Callable

    def check_sizes(self, settings, holdings):
        """Reject a backbone that is far larger than its weights.

        Args:
            settings: Dictionary of arguments of the backbone.
            holdings: The `Holdings` of the preset.

        Raises:
            ValueError: If the backbone is far larger than its weights.
        """
        settings = {
            **{
                name: parameter.default
                for name, parameter in inspect.signature(
                    self.backbone_cls
                ).parameters.items()
            },
            **settings,
        }
        sizes = {name: settings[name] for name in self.sizes()}
        # The backbone itself reports sizes that are invalid.
        if all(type(size) is int and size >= 1 for size in sizes.values()):
            count = self.count_parameters(**settings)
            holdings.check(count, sizes["num_layers"], sizes)

    def sizes(self):
        """List the names of the backbone arguments that are sizes."""
        return [
            name
            for name, parameter in inspect.signature(
                self.backbone_cls
            ).parameters.items()
            if type(parameter.default) is int and parameter.default > 0
        ]

    def check_config(self, config, holdings):
        """Check the sizes in a Hugging Face configuration, as `check_sizes()`.

        Args:
            config: Dictionary. The contents of `config.json`.
            holdings: The `Holdings` of the preset.

        Raises:
            ValueError: If the model is far larger than its weights.
        """
        settings = {
            argument: config[field]
            for field, argument in self.config_map.fields.items()
            if field in config
        }
        self.check_sizes(settings, holdings)
        check_classes(
            holdings, "num_labels", config, settings.get("hidden_dim")
        )


def check_classes(holdings, name, config, hidden_dim):
    """Reject a classifier that has far more classes than its weights.

    Args:
        holdings: The `Holdings` of the preset.
        name: string. The name of the field with the number of classes.
        config: Dictionary. It may have that field.
        hidden_dim: int, or `None`. The input size of the classifier.

    Raises:
        ValueError: If there are far more classes than in the weights.
    """
    size = config.get(name)
    if isinstance(size, int) and isinstance(hidden_dim, int):
        holdings.check(size * hidden_dim, 0, {name: size})


def register_architecture(architecture):
    """Register an architecture for `from_preset()`.

    The models register themselves. The loader cannot import them, because they
    import the loader.

    Args:
        architecture: The `Architecture`.
    """
    ARCHITECTURES[architecture.model_type] = architecture


def set_writer(function):
    """Register the function that writes transformers checkpoints.

    It belongs to the transformers-style classes, which import all other
    modules.

    Args:
        function: A function of a task, a backbone, a preprocessor or a
            tokenizer, and a folder.
    """
    _WRITERS[:] = [function]


def write_checkpoint(source, folder):
    """Write a checkpoint that transformers can load.

    Args:
        source: A task, a backbone, a preprocessor or a tokenizer.
        folder: string or `os.PathLike`.
    """
    (function,) = _WRITERS
    function(source, folder)


def is_hugging_face_config(config):
    """Whether a `config.json` is in Hugging Face's format, not KerasHub's.

    Args:
        config: Dictionary. The contents of `config.json`.

    Returns:
        bool.
    """
    return "registered_name" not in config and "model_type" in config


def has_head(config, task_cls, tensors=()):
    """Whether a checkpoint has the head that a task class needs.

    Args:
        config: Dictionary. The contents of the checkpoint's `config.json`.
        task_cls: The task class.
        tensors: The names of the tensors in the checkpoint. Used for
            configurations that do not name the class that wrote them.

    Returns:
        bool.
    """
    written_by = config.get("architectures")
    if written_by:
        return any(
            name in written_by[0] for name in task_cls.hugging_face_classes
        )
    # SqueezeBERT's published configurations do not name a class.
    layers = [
        name for name, _, kind in task_cls.hugging_face_head if kind is DENSE
    ]
    if "classifier" in layers:
        # Three tasks use this name for their head. Of the published
        # configurations, only the one for MNLI has labels and a head, which
        # classifies texts.
        return (
            "ForSequenceClassification" in task_cls.hugging_face_classes
            and ("num_labels" in config or "id2label" in config)
        )
    return bool(layers) and all(f"{name}.weight" in tensors for name in layers)


class HuggingFacePresetLoader(keras_hub_seam.PresetLoader):
    """Builds the classes of this package from a Hugging Face checkpoint.

    Args:
        preset: string. A local folder, a handle such as `"hf://org/name"`, or
            the name of a built-in preset.
        config: Dictionary. The contents of the checkpoint's `config.json`.
    """

    def __init__(self, preset, config):
        super().__init__(preset, config)
        model_type = config["model_type"]
        if model_type not in ARCHITECTURES:
            raise ValueError(
                f"The checkpoint `{preset}` must have one of the model types "
                f"{sorted(ARCHITECTURES)}. Received: model_type={model_type!r}"
            )
        self.architecture = ARCHITECTURES[model_type]

    def check_backbone_class(self):
        return self.architecture.backbone_cls

    def load(self, cls, load_weights=True, **kwargs):
        """Build an object of any class that has `from_preset()`.

        Args:
            cls: The class. Its `backbone_cls` must match the checkpoint. For a
                base class without one, the matching subclass is built.
            load_weights: bool. Whether to load the weights.
            **kwargs: Arguments of the class that override the checkpoint's.

        Returns:
            An object of the class.

        Raises:
            ValueError: If the checkpoint is for another architecture, or is
                incomplete.
        """
        is_backbone = issubclass(cls, keras_hub.models.Backbone)
        found = self.check_backbone_class()
        if is_backbone and issubclass(found, cls):
            cls = found
        elif not is_backbone and cls.backbone_cls is None:
            cls = keras_hub_seam.find_subclass(self.preset, cls, found)
        wanted = cls if is_backbone else cls.backbone_cls
        if wanted is not found:
            raise ValueError(
                f"`{cls.__name__}` needs a checkpoint for a "
                f"`{wanted.__name__}`. Received: preset={self.preset!r}, a "
                f"checkpoint for a `{found.__name__}` "
                f"(model_type={self.architecture.model_type!r})"
            )
        if is_backbone:
            return self.load_backbone(cls, load_weights, **kwargs)
        if issubclass(cls, keras_hub.models.Task):
            return self.load_task(
                cls, load_weights, "num_classes" not in kwargs, **kwargs
            )
        if issubclass(cls, keras_hub.tokenizers.Tokenizer):
            return self.load_tokenizer(cls, **kwargs)
        return self.load_preprocessor(cls, **kwargs)

    def load_backbone(self, cls, load_weights, **kwargs):
        backbone = self._build_backbone(cls, load_weights, **kwargs)
        if load_weights:
            absent = self._load_weights(backbone, optional="pooler.")
            if absent:
                warnings.warn(
                    f"The checkpoint `{self.preset}` has no pooler, so the "
                    "weights for `pooled_output` are newly initialized: "
                    + ", ".join(absent),
                    stacklevel=2,
                )
        return backbone

    def load_task(self, cls, load_weights, load_task_weights, **kwargs):
        backbone_kwargs, kwargs = self.get_backbone_kwargs(**kwargs)
        tensors = ()
        if load_weights and not self.config.get("architectures"):
            tensors = self._state_dict
        is_restored = load_task_weights and has_head(self.config, cls, tensors)
        kwargs = {**cls.head_kwargs(self.config, is_restored), **kwargs}
        if "preprocessor" not in kwargs:
            kwargs["preprocessor"] = self.load_preprocessor(
                cls.preprocessor_cls
            )
        backbone = self._build_backbone(
            cls.backbone_cls, load_weights, **backbone_kwargs
        )
        task = cls(backbone=backbone, **kwargs)
        if load_weights:
            self._load_weights(
                backbone,
                task=task if is_restored else None,
                optional="" if task.uses_pooled_output else "pooler.",
            )
        return task

    def load_tokenizer(self, cls, config_file=None, **kwargs):
        settings = TokenizerReader(self.preset).arguments()
        return cls(**{**settings, **kwargs})

    def load_preprocessor(self, cls, config_file=None, **kwargs):
        max_length = self.config.get("max_position_embeddings", 512)
        kwargs = {"sequence_length": min(512, max_length), **kwargs}
        return super().load_preprocessor(cls, **kwargs)

    def _build_backbone(self, cls, load_weights, **kwargs):
        settings = self.architecture.config_map.backbone_kwargs(self.config)
        if load_weights:
            holdings = self._state_dict.holdings(self.preset)
            self.architecture.check_config(self.config, holdings)
        return cls(**{**settings, **kwargs})

    def _load_weights(self, backbone, task=None, optional=""):
        try:
            return self.architecture.weight_table.load(
                self._state_dict, backbone, task, optional
            )
        except ValueError as e:
            raise ValueError(
                f"The weights of `{self.preset}` cannot be loaded. {e}"
            ) from e

    @functools.cached_property
    def _state_dict(self):
        # Reading weight files needs packages that nothing else needs.
        from keras_squeeze.checkpoints.state_dict import open_state_dict

        return open_state_dict(self.preset)
