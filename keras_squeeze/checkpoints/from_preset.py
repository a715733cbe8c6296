"""`from_preset()` and `save_to_preset()` of all classes of the models."""

import pathlib

import keras_hub

from keras_squeeze.checkpoints.files import load_json
from keras_squeeze.checkpoints.hugging_face import HuggingFacePresetLoader
from keras_squeeze.checkpoints.hugging_face import has_head
from keras_squeeze.checkpoints.hugging_face import is_hugging_face_config
from keras_squeeze.checkpoints.hugging_face import write_checkpoint
from keras_squeeze.checkpoints.keras_preset import complete_preset
from keras_squeeze.checkpoints.original import load_original_config
from keras_squeeze.checkpoints.preset_names import check_preset
from keras_squeeze.new_files import new_files
from keras_squeeze.processes import by_first_process
from keras_squeeze.tokenizers.vocabulary import check_num_tokens

# Weights are in a single file, or sharded.
_WEIGHTS = ("model.weights.h5", "model.weights.json")


class FromPreset:
    """Adds Hugging Face checkpoints to the `from_preset()` of KerasHub.

    KerasHub chooses its loader from a fixed list that cannot be extended. This
    mixin must come before the KerasHub class in the bases. It handles Hugging
    Face checkpoints and leaves all KerasHub presets to KerasHub.
    """

    @classmethod
    def from_preset(cls, preset, **kwargs):
        """Instantiate the class from a preset.

        Args:
            preset: string. One of:

                1. a built-in name like `"mobile_bert_tiny_en_uncased"`; see
                   `cls.presets`
                2. a folder written by `save_to_preset()`
                3. a folder with a Hugging Face checkpoint, or with Google's
                   `mobilebert_variables.ckpt` and its configuration
                4. a handle of either on the Hugging Face hub, like
                   `"hf://google/mobilebert-uncased"`.
                   `keras_hub.upload_preset()` uploads presets to it.
            **kwargs: Arguments of the class, which override those of the
                preset. Models take `load_weights=False` to initialize the
                weights instead of loading them, and classifiers `num_classes`
                to replace the head.

        Returns:
            An object of the class.

        Raises:
            ValueError: If there is no such preset, it is for another class, or
                it is damaged or incomplete.
            ConnectionError: If a part has not been downloaded and the hub is
                unreachable.

        Example:

        ```python
        keras_squeeze.models.MobileBertBackbone.from_preset(
            "mobile_bert_tiny_en_uncased"
        )
        ```
        """
        config = load_config(preset)
        try:
            if is_hugging_face_config(config):
                loader = HuggingFacePresetLoader(preset, config)
                return loader.load(cls, **kwargs)
            folder = preset
            if "registered_name" in config:
                folder = complete_preset(cls, preset, config=config, **kwargs)
            loaded = super().from_preset(folder, **kwargs)
            if "preprocessor" not in kwargs:
                _check_vocabulary(preset, folder, config, loaded)
            return loaded
        except FileNotFoundError as e:
            raise ValueError(f"The preset `{preset}` is incomplete: {e}") from e

    @by_first_process
    def save_to_preset(self, preset_dir, *args, **kwargs):
        """Write a preset atomically.

        Args:
            preset_dir: string or `os.PathLike`. The folder. It is created if it
                does not exist. Other files in it are kept.
            *args: Other positional arguments of KerasHub's method.
            **kwargs: Other keyword arguments of KerasHub's method.

        Example:

        ```python
        backbone = keras_squeeze.models.MobileBertBackbone.from_preset(
            "mobile_bert_tiny_en_uncased"
        )
        backbone.save_to_preset("my_preset")
        ```
        """
        with new_files(preset_dir) as folder:
            super().save_to_preset(str(folder), *args, **kwargs)
            written = [name for name in _WEIGHTS if (folder / name).exists()]
        # Single-file and sharded weights have different names. Older files of
        # the other kind would be mistaken for these.
        for name in _WEIGHTS:
            if written and name not in written:
                pathlib.Path(preset_dir, name).unlink(missing_ok=True)

    def export_to_transformers(self, path):
        """Write a checkpoint that transformers can load, on PyTorch.

        A task is written with its head and, if it has a preprocessor, with its
        tokenizer. A text embedder is written as the model without a head. For a
        preprocessor, the tokenizer is written. `from_preset()` can also load
        the result.

        Args:
            path: string or `os.PathLike`. The folder. It is created if it does
                not exist.

        Raises:
            ValueError: If the model is quantized, or transformers has no such
                model, like a task with an `activation`.

        Example:

        ```python
        classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
            "mobile_bert_tiny_en_uncased", num_classes=2
        )
        classifier.export_to_transformers("checkpoint")
        ```
        """
        write_checkpoint(self, path)


def check_preset_vocabulary(preset, config, tokenizer, num_tokens):
    """Check that the vocabulary of a preset is complete.

    Args:
        preset: string. The name of the preset.
        config: Dictionary. The contents of its `config.json`.
        tokenizer: Dictionary. The contents of its `tokenizer.json`.
        num_tokens: int. The number of tokens in its vocabulary.

    Raises:
        ValueError: If tokens are missing, or have no embedding.
    """
    check_num_tokens(
        f"The vocabulary of `{preset}`",
        num_tokens,
        tokenizer.get("config", {}).get("num_tokens"),
        config.get("config", {}).get("vocabulary_size"),
    )


def load_config(preset):
    """Read the `config.json` of a preset.

    Args:
        preset: string. The argument of `from_preset()`.

    Returns:
        A dictionary.

    Raises:
        ValueError: If there is no such preset, or it is damaged.
    """
    check_preset(preset)
    try:
        config = load_json(preset, "config.json")
    except FileNotFoundError as e:
        config = load_original_config(preset)
        if config is None:
            raise ValueError(
                "A preset must be a folder or a repository with a "
                f"`config.json`. Received: preset={preset!r}"
            ) from e
    if "model_type" in config or "registered_name" in config:
        return config
    return load_original_config(preset) or config


def classes_with_head(preset, classes):
    """Find the tasks whose heads a preset or checkpoint has.

    Args:
        preset: string. The argument of `from_preset()`.
        classes: List of task classes, or of base classes of them.

    Returns:
        A list of those of the classes whose head the preset has.

    Raises:
        ValueError: If there is no such preset, or it is damaged.
    """
    check_preset(preset)
    try:
        name = load_json(preset, "task.json")["class_name"]
    except FileNotFoundError:
        config = load_config(preset)
        if not is_hugging_face_config(config):
            return []
        return [cls for cls in classes if has_head(config, cls)]
    return [cls for cls in classes if name.endswith(cls.__name__)]


def _check_vocabulary(preset, folder, config, loaded):
    """Check that the loaded vocabulary matches the embeddings."""
    tokenizer = getattr(loaded, "preprocessor", loaded)
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)
    if isinstance(tokenizer, keras_hub.tokenizers.Tokenizer):
        saved = load_json(folder, tokenizer.config_file)
        check_preset_vocabulary(
            preset, config, saved, tokenizer.vocabulary_size()
        )
