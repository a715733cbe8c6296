"""The classes that find the class for a checkpoint by its configuration."""

import os

from keras_squeeze.checkpoints.hugging_face_tokenizer import casing
from keras_squeeze.checkpoints.hugging_face_tokenizer import is_bert
from keras_squeeze.checkpoints.hugging_face_tokenizer import is_generic
from keras_squeeze.transformers.models import mobile_bert
from keras_squeeze.transformers.models import squeeze_bert
from keras_squeeze.transformers.models.configs import MobileBertConfig
from keras_squeeze.transformers.models.configs import PretrainedConfig
from keras_squeeze.transformers.models.configs import SqueezeBertConfig
from keras_squeeze.transformers.models.configs import read_fields
from keras_squeeze.transformers.repository import Repository
from keras_squeeze.transformers.tokenizers import bert_tokenizers
from keras_squeeze.transformers.tokenizers.files import BACKEND_FILE
from keras_squeeze.transformers.tokenizers.files import CONFIG_FILE

# The configurations, and the module and the names of the other classes, by
# the type of model.
_CONFIGS = {
    cls.model_type: cls for cls in (MobileBertConfig, SqueezeBertConfig)
}
_MODULES = {"mobilebert": mobile_bert, "squeezebert": squeeze_bert}
_NAMES = {"mobilebert": "MobileBert", "squeezebert": "SqueezeBert"}


def class_of(model_type, model):
    """Find the class of transformers' name for a task or a backbone.

    Args:
        model_type: string. `"mobilebert"` or `"squeezebert"`.
        model: A task or a backbone of `keras_squeeze.models`.

    Returns:
        The class, that without a head for what transformers has no head for.
    """
    endings = getattr(model, "hugging_face_classes", None) or ["Model"]
    name = _NAMES[model_type] + endings[0]
    return getattr(_MODULES[model_type], name)


class _AutoClass:
    """Base of the classes that are no classes of models."""

    def __init__(self, *args, **kwargs):
        raise OSError(
            f"`{type(self).__name__}` has no instances. Call "
            f"`{type(self).__name__}.from_pretrained("
            "pretrained_model_name_or_path)`."
        )


class AutoConfig(_AutoClass):
    """Reads the configuration of a checkpoint of either model.

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
        """Make a configuration of a type of model.

        Args:
            model_type: string. `"mobilebert"` or `"squeezebert"`.
            *args: Arguments of the configuration.
            **kwargs: other arguments of the configuration.

        Returns:
            A `MobileBertConfig` or a `SqueezeBertConfig`.

        Raises:
            ValueError: If there is no such type.
        """
        return _CONFIGS[_check_type(model_type, "")](*args, **kwargs)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path, **kwargs):
        """Read a configuration.

        Args:
            pretrained_model_name_or_path: string or `os.PathLike`. A folder
                with a `config.json`, such a file, a repository on the hub, or
                the name of a built-in preset.
            **kwargs: What `MobileBertConfig.from_pretrained()` takes.

        Returns:
            A `MobileBertConfig` or a `SqueezeBertConfig`; with
            `return_unused_kwargs`, a tuple of it and a dictionary.

        Raises:
            OSError: If there is no configuration.
            ValueError: If it is of another type of model.
        """
        name = pretrained_model_name_or_path
        found = _CONFIGS[_model_type(name, kwargs)]
        return found.from_pretrained(name, **{"name_or_path": name, **kwargs})


class AutoTokenizer(_AutoClass):
    """Loads the tokenizer of a checkpoint of either model.

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

        Its class is the one that its files name or, if they name none of this
        package, that of the checkpoint's model.

        Args:
            pretrained_model_name_or_path: string or `os.PathLike`. A folder
                with the files of a tokenizer, a repository on the hub, or the
                name of a built-in preset.
            *inputs: Arguments of the tokenizer.
            use_fast: bool. Whether to use the tokenizer on the `tokenizers`
                library. Defaults to `True`.
            tokenizer_type: Optional string. The type of model, `"mobilebert"`
                or `"squeezebert"`, to use the tokenizer of.
            config: Optional configuration, which says the type of model.
            **kwargs: What `MobileBertTokenizerFast.from_pretrained()` takes.

        Returns:
            A tokenizer.

        Raises:
            OSError: If there is no tokenizer.
            ValueError: If it is that of another type of model.
        """
        name = pretrained_model_name_or_path
        repository = Repository.from_kwargs(os.fspath(name), dict(kwargs))
        fields = _optional_json(repository, CONFIG_FILE)
        if tokenizer_type is not None:
            kind = _NAMES[_check_type(tokenizer_type, "tokenizer_type=")]
        else:
            kind = cls._kind_of(fields, name, kwargs, config)
        if is_generic(fields) and use_fast:
            # Such a class does not know the arguments, and does as the file
            # says.
            backend = _optional_json(repository, BACKEND_FILE)
            kwargs = {**casing(fields, backend or None), **kwargs}
        suffix = "Fast" if use_fast else ""
        found = getattr(bert_tokenizers, f"{kind}Tokenizer{suffix}")
        return found.from_pretrained(name, *inputs, **kwargs)

    @staticmethod
    def _kind_of(fields, name, kwargs, config):
        """What the class of the tokenizer starts with."""
        written_by = str(fields.get("tokenizer_class")).removesuffix("Fast")
        kind = written_by.removesuffix("Tokenizer")
        if kind in _NAMES.values():
            return kind
        is_known = is_bert(fields) or is_generic(fields)
        if "tokenizer_class" in fields and not is_known:
            raise ValueError(
                f"The tokenizer in `{name}` must be one of BERT's. Received: "
                f"tokenizer_class={fields['tokenizer_class']!r}"
            )
        try:
            return _NAMES[_model_type(name, kwargs, config)]
        except FileNotFoundError:
            if not is_known:
                raise
            # A tokenizer alone. Those of both models are the same.
            return _NAMES["mobilebert"]


class _AutoModel(_AutoClass):
    """Base of the classes that load models.

    Subclasses set `names`, what the name of the class ends with by the type
    of model.
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
            *model_args: Arguments of the class.
            **kwargs: What `MobileBertModel.from_pretrained()` takes.

        Returns:
            A model.

        Raises:
            OSError: If there are no such files.
            ValueError: If they are of another type of model, or of one that
                has no such head.
        """
        found = _model_type(
            pretrained_model_name_or_path, kwargs, kwargs.get("config")
        )
        return cls.find_class(found).from_pretrained(
            pretrained_model_name_or_path, *model_args, **kwargs
        )

    @classmethod
    def from_config(cls, config, **kwargs):
        """Make a model with new weights.

        Args:
            config: A configuration.
            **kwargs: other arguments of the class, such as `dtype`.

        Returns:
            A model.

        Raises:
            ValueError: If `config` is no configuration, or that of a type of
                model that has no such head.
        """
        return cls.find_class(_type_of(config))(config, **kwargs)

    @classmethod
    def find_class(cls, model_type):
        """The class that this one stands for.

        Args:
            model_type: string. `"mobilebert"` or `"squeezebert"`.

        Returns:
            The class.

        Raises:
            ValueError: If a model of this type has no such head.
        """
        if model_type not in cls.names:
            raise ValueError(
                f"`{cls.__name__}` is for the types of models "
                f"{sorted(cls.names)}. Received: a model of the type "
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
    """Loads a model with the heads of their pretraining.

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
    """Loads a model with a head for masked words.

    Example:

    ```python
    model = keras_squeeze.AutoModelForMaskedLM.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "ForMaskedLM")


class AutoModelForNextSentencePrediction(_AutoModel):
    """Loads a model with a head that tells whether a text follows another.

    Example:

    ```python
    model = keras_squeeze.AutoModelForNextSentencePrediction.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = {"mobilebert": "ForNextSentencePrediction"}


class AutoModelForSequenceClassification(_AutoModel):
    """Loads a model with a head that classifies texts.

    Example:

    ```python
    model = keras_squeeze.AutoModelForSequenceClassification.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "ForSequenceClassification")


class AutoModelForTokenClassification(_AutoModel):
    """Loads a model with a head that classifies tokens.

    Example:

    ```python
    model = keras_squeeze.AutoModelForTokenClassification.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "ForTokenClassification")


class AutoModelForQuestionAnswering(_AutoModel):
    """Loads a model with a head that finds answers in contexts.

    Example:

    ```python
    model = keras_squeeze.AutoModelForQuestionAnswering.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "ForQuestionAnswering")


class AutoModelForMultipleChoice(_AutoModel):
    """Loads a model with a head that chooses between texts.

    Example:

    ```python
    model = keras_squeeze.AutoModelForMultipleChoice.from_pretrained(
        "mobile_bert_tiny_en_uncased"
    )
    ```
    """

    names = dict.fromkeys(_NAMES, "ForMultipleChoice")


class TFAutoModel(AutoModel):
    """`AutoModel`, of the TF classes."""


class TFAutoModelForPreTraining(AutoModelForPreTraining):
    """`AutoModelForPreTraining`, of the TF classes."""


class TFAutoModelForMaskedLM(AutoModelForMaskedLM):
    """`AutoModelForMaskedLM`, of the TF classes."""


class TFAutoModelForNextSentencePrediction(AutoModelForNextSentencePrediction):
    """`AutoModelForNextSentencePrediction`, of the TF classes."""


class TFAutoModelForSequenceClassification(AutoModelForSequenceClassification):
    """`AutoModelForSequenceClassification`, of the TF classes."""


class TFAutoModelForTokenClassification(AutoModelForTokenClassification):
    """`AutoModelForTokenClassification`, of the TF classes."""


class TFAutoModelForQuestionAnswering(AutoModelForQuestionAnswering):
    """`AutoModelForQuestionAnswering`, of the TF classes."""


class TFAutoModelForMultipleChoice(AutoModelForMultipleChoice):
    """`AutoModelForMultipleChoice`, of the TF classes."""


def _model_type(name, kwargs, config=None):
    """The type of model of a checkpoint.

    Args:
        name: string or `os.PathLike`. What `from_pretrained()` was passed.
        kwargs: Dictionary. The other arguments that it was passed.
        config: Optional configuration, or what its `from_pretrained()` takes.

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
            f"The type of model must be one of {sorted(_CONFIGS)}. Received: "
            f"{source}{model_type!r}"
        )
    return model_type
