"""The Auto classes, which pick a class from a checkpoint's configuration."""

import os

from keras_squeeze.checkpoints.hugging_face_tokenizer import casing
from keras_squeeze.checkpoints.hugging_face_tokenizer import tokenizer_family
from keras_squeeze.transformers.models import mobile_bert
from keras_squeeze.transformers.models import squeeze_bert
from keras_squeeze.transformers.models.config_files import read_fields
from keras_squeeze.transformers.models.configs import MobileBertConfig
from keras_squeeze.transformers.models.configs import SqueezeBertConfig
from keras_squeeze.transformers.models.pretrained_config import PretrainedConfig
from keras_squeeze.transformers.repository import Repository
from keras_squeeze.transformers.tokenizers import bert_tokenizers
from keras_squeeze.transformers.tokenizers.files import BACKEND_FILE
from keras_squeeze.transformers.tokenizers.files import CONFIG_FILE

# The configuration classes, and the module and class name prefix of each model
# type.
_CONFIGS = {
    cls.model_type: cls for cls in (MobileBertConfig, SqueezeBertConfig)
}
_MODULES = {"mobilebert": mobile_bert, "squeezebert": squeeze_bert}
_NAMES = {"mobilebert": "MobileBert", "squeezebert": "SqueezeBert"}


def class_of(model_type, model):
    """Find the transformers-style class for a task or a backbone.

    Args:
        model_type: string. `"mobilebert"` or `"squeezebert"`.
        model: A task or a backbone of `keras_squeeze.models`.

    Returns:
        The class. Where transformers has no matching head, the class without a
        head.
    """
    endings = getattr(model, "hugging_face_classes", None) or ["Model"]
    name = _NAMES[model_type] + endings[0]
    return getattr(_MODULES[model_type], name)


class _AutoClass:
    """Base of the Auto classes, which have no instances."""

    def __init__(self, *args, **kwargs):
        raise OSError(
            f"`{type(self).__name__}` has no instances. Call "
            f"`{type(self).__name__}.from_pretrained("
            "pretrained_model_name_or_path)`."
        )


class AutoConfig(_AutoClass):
    """Reads the configuration of a MobileBERT or SqueezeBERT checkpoint.

    Example:

    ```python
    config = keras_squeeze.AutoConfig.from_pretrained(
        "squeeze_bert_tiny_en_uncased", num_labels=3
    )
    config.model_type
    ```
    """

    @classmethod
    def for_model(cls, model_type, *args, **kwargs):
        """Make a configuration for a model type.

        Args:
            model_type: string. `"mobilebert"` or `"squeezebert"`.
            *args: Arguments of the configuration.
            **kwargs: Keyword arguments of the configuration.

        Returns:
            A `MobileBertConfig` or a `SqueezeBertConfig`.

        Raises:
            ValueError: If the model type is not supported.
        """
        return _CONFIGS[_check_type(model_type, "")](*args, **kwargs)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, **kwargs):
        """Read the configuration of a checkpoint.

        Args:
            pretrained_model_name_or_path: string or `os.PathLike`. A folder
                with a `config.json`, the path of such a file, a repository on
                the hub, or the name of a built-in preset.
            **kwargs: The arguments of `MobileBertConfig.from_pretrained()`.

        Returns:
            A `MobileBertConfig` or a `SqueezeBertConfig`. With
            `return_unused_kwargs`, a tuple of the configuration and a
            dictionary.

        Raises:
            OSError: If there is no configuration.
            ValueError: If it is for another model type.
        """
        name = pretrained_model_name_or_path
        found = _CONFIGS[_model_type(name, kwargs)]
        return found.from_pretrained(name, **{"name_or_path": name, **kwargs})


class AutoTokenizer(_AutoClass):
    """Loads the tokenizer of a MobileBERT or SqueezeBERT checkpoint.

    Example:

    ```python
    tokenizer = keras_squeeze.AutoTokenizer.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    tokenizer("How are you?", return_tensors="np")
    ```
    """

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path,
        *inputs,
        use_fast=True,
        tokenizer_type=None,
        config=None,
        **kwargs,
    ):
        """Load a tokenizer.

        The class is the one named in the tokenizer's files. If they name no
        class of this package, the model type of the checkpoint decides.

        Args:
            pretrained_model_name_or_path: string or `os.PathLike`. A folder
                with the tokenizer's files, a repository on the hub, or the name
                of a built-in preset.
            *inputs: Positional arguments of the tokenizer.
            use_fast: bool. Whether to load the tokenizer based on the
                `tokenizers` library. Defaults to `True`.
            tokenizer_type: Optional string. The model type, `"mobilebert"` or
                `"squeezebert"`, whose tokenizer to load.
            config: Optional configuration that gives the model type.
            **kwargs: The arguments of
                `MobileBertTokenizerFast.from_pretrained()`.

        Returns:
            A tokenizer.

        Raises:
            OSError: If there is no tokenizer.
            ValueError: If it is the tokenizer of another model type.
        """
        name = pretrained_model_name_or_path
        repository = Repository.from_kwargs(os.fspath(name), dict(kwargs))
        fields = _optional_json(repository, CONFIG_FILE)
        if tokenizer_type is not None:
            kind = _NAMES[_check_type(tokenizer_type, "tokenizer_type=")]
        else:
            kind = cls._kind_of(fields, name, kwargs, config)
        if tokenizer_family(fields) == "generic" and use_fast:
            # A generic class knows no BERT arguments: its behavior is in the
            # backend file.
            backend = _optional_json(repository, BACKEND_FILE)
            kwargs = {**casing(fields, backend or None), **kwargs}
        suffix = "Fast" if use_fast else ""
        found = getattr(bert_tokenizers, f"{kind}Tokenizer{suffix}")
        return found.from_pretrained(name, *inputs, **kwargs)

    @staticmethod
    def _kind_of(fields, name, kwargs, config):
        """Find the prefix of the tokenizer's class name."""
        written_by = str(fields.get("tokenizer_class")).removesuffix("Fast")
        kind = written_by.removesuffix("Tokenizer")
        if kind in _NAMES.values():
            return kind
        is_known = tokenizer_family(fields) is not None
        if "tokenizer_class" in fields and not is_known:
            raise ValueError(
                f"The tokenizer in `{name}` must be a BERT tokenizer. "
                f"Received: tokenizer_class={fields['tokenizer_class']!r}"
            )
        try:
            return _NAMES[_model_type(name, kwargs, config)]
        except FileNotFoundError:
            if not is_known:
                raise
            # There is only a tokenizer. Both models use the same one.
            return _NAMES["mobilebert"]


class _AutoModel(_AutoClass):
    """Base of the Auto classes that load models.

    Subclasses set `names`, a map from the model type to the suffix of the class
    name.
    """

    names = {}

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path, *model_args, **kwargs
    ):
        """Load a model.

        Args:
            pretrained_model_name_or_path: string or `os.PathLike`. A folder,
                a repository on the hub, or the name of a built-in preset.
            *model_args: Positional arguments of the class.
            **kwargs: The arguments of `MobileBertModel.from_pretrained()`.

        Returns:
            A model.

        Raises:
            OSError: If the files do not exist.
            ValueError: If they are for another model type, or for one without
                such a head.
        """
        found = _model_type(
            pretrained_model_name_or_path, kwargs, kwargs.get("config")
        )
        return cls.find_class(found).from_pretrained(
            pretrained_model_name_or_path, *model_args, **kwargs
        )

    @classmethod
    def from_config(cls, config, **kwargs):
        """Make a model with newly initialized weights.

        Args:
            config: A configuration.
            **kwargs: Keyword arguments of the class, such as `dtype`.

        Returns:
            A model.

        Raises:
            ValueError: If `config` is not a configuration, or its model type
                has no such head.
        """
        return cls.find_class(_type_of(config))(config, **kwargs)

    @classmethod
    def find_class(cls, model_type):
        """Find the class for a model type.

        Args:
            model_type: string. `"mobilebert"` or `"squeezebert"`.

        Returns:
            The class.

        Raises:
            ValueError: If this model type has no such head.
        """
        if model_type not in cls.names:
            raise ValueError(
                f"`{cls.__name__}` supports the model types "
                f"{sorted(cls.names)}. Received: a model of type "
                f"{model_type!r}"
            )
        prefix = "TF" if cls.__name__.startswith("TF") else ""
        name = prefix + _NAMES[model_type] + cls.names[model_type]
        return getattr(_MODULES[model_type], name)


class AutoModel(_AutoModel):
    """Loads a model without a head.

    Example:

    ```python
    model = keras_squeeze.AutoModel.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "Model")


class AutoModelForPreTraining(_AutoModel):
    """Loads a model with its pretraining heads.

    Example:

    ```python
    model = keras_squeeze.AutoModelForPreTraining.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = {
        "mobilebert": "ForPreTraining",
        "squeezebert": "ForMaskedLM",
    }


class AutoModelForMaskedLM(_AutoModel):
    """Loads a model with a masked language modeling head.

    Example:

    ```python
    model = keras_squeeze.AutoModelForMaskedLM.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "ForMaskedLM")


class AutoModelForNextSentencePrediction(_AutoModel):
    """Loads a model with a next sentence prediction head.

    Example:

    ```python
    model = keras_squeeze.AutoModelForNextSentencePrediction.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = {"mobilebert": "ForNextSentencePrediction"}


class AutoModelForSequenceClassification(_AutoModel):
    """Loads a model with a text classification head.

    Example:

    ```python
    model = keras_squeeze.AutoModelForSequenceClassification.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "ForSequenceClassification")


class AutoModelForTokenClassification(_AutoModel):
    """Loads a model with a token classification head.

    Example:

    ```python
    model = keras_squeeze.AutoModelForTokenClassification.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "ForTokenClassification")


class AutoModelForQuestionAnswering(_AutoModel):
    """Loads a model with a question answering head.

    Example:

    ```python
    model = keras_squeeze.AutoModelForQuestionAnswering.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "ForQuestionAnswering")


class AutoModelForMultipleChoice(_AutoModel):
    """Loads a model with a multiple choice head.

    Example:

    ```python
    model = keras_squeeze.AutoModelForMultipleChoice.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "ForMultipleChoice")


class TFAutoModel(AutoModel):
    """`AutoModel` for the TF classes."""


class TFAutoModelForPreTraining(AutoModelForPreTraining):
    """`AutoModelForPreTraining` for the TF classes."""


class TFAutoModelForMaskedLM(AutoModelForMaskedLM):
    """`AutoModelForMaskedLM` for the TF classes."""


class TFAutoModelForNextSentencePrediction(AutoModelForNextSentencePrediction):
    """`AutoModelForNextSentencePrediction` for the TF classes."""


class TFAutoModelForSequenceClassification(AutoModelForSequenceClassification):
    """`AutoModelForSequenceClassification` for the TF classes."""


class TFAutoModelForTokenClassification(AutoModelForTokenClassification):
    """`AutoModelForTokenClassification` for the TF classes."""


class TFAutoModelForQuestionAnswering(AutoModelForQuestionAnswering):
    """`AutoModelForQuestionAnswering` for the TF classes."""


class TFAutoModelForMultipleChoice(AutoModelForMultipleChoice):
    """`AutoModelForMultipleChoice` for the TF classes."""


def _model_type(name, kwargs, config=None):
    """Find the model type of a checkpoint.

    Args:
        name: string or `os.PathLike`. The first argument of
            `from_pretrained()`.
        kwargs: Dictionary. The other arguments of `from_pretrained()`.
        config: Optional configuration, or anything that its `from_pretrained()`
            accepts.

    Returns:
        string.
    """
    if isinstance(config, PretrainedConfig):
        return _type_of(config)
    name = os.fspath(name if config is None else config)
    fields = read_fields(Repository.from_kwargs(name, dict(kwargs)))
    return _check_type(fields.get("model_type"), f"{name!r} has model_type=")


def _optional_json(repository, filename):
    try:
        return repository.load_json(filename)
    except FileNotFoundError:
        return {}


def _type_of(config):
    if not isinstance(config, PretrainedConfig):
        raise ValueError(
            "`config` must be a `MobileBertConfig` or a `SqueezeBertConfig`. "
            f"Received: config={config!r}"
        )
    return config.model_type


def _check_type(model_type, source):
    if model_type not in _CONFIGS:
        raise ValueError(
            f"The model type must be one of {sorted(_CONFIGS)}. Received: "
            f"{source}{model_type!r}"
        )
    return model_type
