"""The `pipeline()` function, with the API of transformers.

The pipelines use the model classes and their tokenizers. Some of their answers
come from `annotate()` of the tasks of `keras_squeeze.models`.
"""

import os

from keras_squeeze import validation
from keras_squeeze.checkpoints.hugging_face import ARCHITECTURES
from keras_squeeze.transformers import auto
from keras_squeeze.transformers.models.pre_trained_model import PreTrainedModel
from keras_squeeze.transformers.pipelines.span_pipelines import (
    QuestionAnsweringPipeline,
)
from keras_squeeze.transformers.pipelines.span_pipelines import (
    TokenClassificationPipeline,
)
from keras_squeeze.transformers.pipelines.text_pipelines import (
    FeatureExtractionPipeline,
)
from keras_squeeze.transformers.pipelines.text_pipelines import FillMaskPipeline
from keras_squeeze.transformers.pipelines.text_pipelines import (
    TextClassificationPipeline,
)
from keras_squeeze.transformers.pipelines.text_pipelines import (
    ZeroShotClassificationPipeline,
)
from keras_squeeze.transformers.tokenizers.layers import tokenizer_of

# Arguments of transformers that have no effect here.
_WITHOUT_MEANING = ("device", "device_map", "framework", "trust_remote_code")
_PIPELINES = {
    "text-classification": TextClassificationPipeline,
    "zero-shot-classification": ZeroShotClassificationPipeline,
    "token-classification": TokenClassificationPipeline,
    "question-answering": QuestionAnsweringPipeline,
    "fill-mask": FillMaskPipeline,
    "feature-extraction": FeatureExtractionPipeline,
}
_ALIASES = {
    "sentiment-analysis": "text-classification",
    "ner": "token-classification",
}


def pipeline(
    task,
    model=None,
    config=None,
    tokenizer=None,
    revision=None,
    use_fast=True,
    token=None,
    torch_dtype=None,
    dtype=None,
    model_kwargs=None,
    **kwargs,
):
    """Make a function that turns texts into answers.

    Args:
        task: string. The task, which sets the format of the answers:

            - `"text-classification"` or `"sentiment-analysis"`, see
              `TextClassificationPipeline`.
            - `"token-classification"` or `"ner"`, see
              `TokenClassificationPipeline`.
            - `"question-answering"`, see `QuestionAnsweringPipeline`.
            - `"fill-mask"`, see `FillMaskPipeline`.
            - `"feature-extraction"`, see `FeatureExtractionPipeline`.
            - `"zero-shot-classification"`, for a model trained on natural
              language inference, see `ZeroShotClassificationPipeline`.

        model: A folder, a repository on the hub, or the name of a preset; a
            model of this package; or a task of `keras_squeeze.models`, whose
            weights are shared.
        config: Optional configuration for a model that is loaded here.
        tokenizer: A tokenizer, or where to load it from. Defaults to the
            tokenizer of `model`. A model that is not loaded here may have none.
        revision: Optional string. A branch, tag or commit on the hub.
        use_fast: bool. Whether to load the tokenizer based on the `tokenizers`
            library. Defaults to `True`.
        token: Optional string or bool. The access token for the hub.
        torch_dtype: The older name of `dtype`.
        dtype: Optional dtype for the computations of a model that is loaded
            here.
        model_kwargs: Optional dictionary. Other arguments of the model's
            `from_pretrained()`.
        **kwargs: Default arguments for the calls of the pipeline, such as
            `top_k`. `device`, `device_map`, `framework` and `trust_remote_code`
            are ignored.

    Returns:
        A function that takes a text or a list of texts.

    Raises:
        ValueError: If there is no such task, or `model` or `tokenizer` is
            missing or does not fit the task.

    Examples:

    ```python
    fill_mask = keras_squeeze.pipeline(
        "fill-mask", model="mobile_bert_tiny_en_uncased"
    )
    fill_mask("I would like a cup of [MASK].", top_k=2)
    ```

    A task with its own class names:

    ```python
    classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
        "mobile_bert_tiny_en_uncased", class_names=["ham", "spam"]
    )
    pipe = keras_squeeze.pipeline("text-classification", model=classifier)
    pipe(["Win a prize! Call now.", "See you at home."], top_k=None)
    ```
    """
    for name in _WITHOUT_MEANING:
        kwargs.pop(name, None)
    task = _ALIASES.get(task, task)
    validation.check_choice("task", task, (*_PIPELINES, *_ALIASES))
    cls = _PIPELINES[task]
    hub = {"revision": revision, "token": token}
    layer = None
    if isinstance(model, (str, os.PathLike)):
        if tokenizer is None:
            tokenizer = model
        model_kwargs = {**hub, **(model_kwargs or {})}
        dtype = torch_dtype if dtype is None else dtype
        model = cls.auto_class.from_pretrained(
            model, config=config, dtype=dtype, **model_kwargs
        )
    else:
        keras_task = getattr(model, "task", None) or model
        if tokenizer is None:
            layer = getattr(
                getattr(keras_task, "preprocessor", None), "tokenizer", None
            )
        model = _face_of(model, cls)
    if isinstance(tokenizer, (str, os.PathLike)):
        tokenizer = auto.AutoTokenizer.from_pretrained(
            tokenizer, use_fast=use_fast, **hub
        )
    elif layer is not None:
        tokenizer = tokenizer_of(layer)
    elif tokenizer is None:
        raise ValueError(
            "`tokenizer` must be passed for a `model` that is not loaded here "
            "and has no `preprocessor`. Received: tokenizer=None, model of "
            f"type `{type(model).__name__}`"
        )
    return cls(model, tokenizer, layer, **kwargs)


def _face_of(model, cls):
    """Wrap a task or a model in the transformers-style class of a pipeline."""
    if isinstance(model, cls.face_class):
        return model
    is_face = isinstance(model, PreTrainedModel)
    backbone = model.backbone if is_face else getattr(model, "backbone", model)
    model_types = [
        model_type
        for model_type, architecture in ARCHITECTURES.items()
        if isinstance(backbone, architecture.backbone_cls)
    ]
    if not model_types:
        raise ValueError(
            "`model` must be a name or a path, a model of this package, or a "
            f"task of `keras_squeeze.models`. Received: model={model!r}"
        )
    found = cls.auto_class.find_class(model_types[0])
    if is_face and found.task_cls is not None:
        raise ValueError(
            f"`model` must be a `{found.__name__}`. Received: a "
            f"`{type(model).__name__}`"
        )
    return found.from_task(backbone if is_face else model)
