"""Builds the Keras model that an exported file contains."""

import json

import keras
import keras_hub

from keras_squeeze.export.runner import INPUTS
from keras_squeeze.layers.bert_embeddings import BertEmbeddings
from keras_squeeze.models.encoder_backbone import EncoderBackbone
from keras_squeeze.models.tasks.text_task import TextTask


def find_embeddings(model):
    """Find the embeddings of a task, a backbone or a model made from one.

    Args:
        model: The model to export.

    Returns:
        A `keras_squeeze.layers.bert_embeddings.BertEmbeddings` or KerasHub's
        `BertBackbone`, which have the ranges of the model's inputs.

    Raises:
        ValueError: If there are none, or the model is not a functional model
            of the backbone's inputs.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            "`model` must be a task or a backbone of keras_squeeze, or a "
            "functional `keras.Model` made from one. Received: "
            f"model={model!r} of type {type(model).__name__}"
        )
    if not getattr(model, "inputs", None):
        raise ValueError(
            "`model` must have been built as a functional model, from "
            "`keras.Input`s. Received: a "
            f"{type(model).__name__} that is not built"
        )
    graph = _graph(model)
    names = sorted(tensor.name for tensor in graph.inputs)
    if names != sorted(INPUTS.values()):
        raise ValueError(
            f"The inputs of `model` must be {sorted(INPUTS.values())}. "
            f"Received: a model with the inputs {names}"
        )
    if isinstance(model, TextTask):
        return model.backbone.embeddings
    for layer in graph.layers:
        # A model made from a backbone's output contains the backbone's layers.
        if isinstance(layer, EncoderBackbone):
            layer = layer.embeddings
        # Accept BERT itself, as the baseline that these models are compared to.
        if isinstance(layer, (BertEmbeddings, keras_hub.models.BertBackbone)):
            return layer
    raise ValueError(
        "`model` must be made from a backbone of keras_squeeze. Received: a "
        f"{type(model).__name__} with the layers "
        f"{[layer.name for layer in model.layers]}"
    )


def serving_model(model, sequence_length, probabilities=True):
    """Wrap a model in one with the inputs and outputs of an exported file.

    Args:
        model: A functional `keras.Model` of the backbone's inputs.
        sequence_length: int or `None`. The length of the inputs, or `None` if
            there are several.
        probabilities: bool. Whether a task with scores returns probabilities
            instead of logits. Defaults to `True`.

    Returns:
        A `keras.Model` that shares the layers of `model`. Its inputs and
        outputs are dictionaries.
    """
    graph = _graph(model)
    inputs = {
        name: keras.Input((sequence_length,), dtype="int32", name=name)
        for name in INPUTS
    }
    by_name = {key: inputs[name] for name, key in INPUTS.items()}
    outputs = graph(
        keras.tree.map_structure(lambda x: by_name[x.name], graph.input)
    )
    if hasattr(model, "export_outputs"):
        outputs = model.export_outputs(outputs, probabilities=probabilities)
    elif not isinstance(outputs, dict):
        outputs = keras.tree.flatten(outputs)
        outputs = dict(zip(graph.output_names, outputs, strict=True))
    return keras.Model(inputs, outputs, name="serving")


def _graph(model):
    if isinstance(model, TextTask):
        return model.serving_graph()
    # The config of a backbone would refer to its class, but only the graph of
    # layers is needed.
    return keras.Model(model.input, model.output, name=model.name)


def float32_config(model):
    """The config of a model, and a copy of it that only uses float32.

    The exported model has no mixed precision, which phones compute differently
    than training does, and no LoRA weights, which are merged when a model is
    saved.

    Args:
        model: A functional `keras.Model`.

    Returns:
        A tuple of two dictionaries that can be saved as JSON.

    Raises:
        ValueError: If `quantize()` was called on a layer of the model.
    """
    config = keras.saving.serialize_keras_object(model)
    config = json.loads(json.dumps(config))
    return config, _as_float32(config)


def _as_float32(config):
    if isinstance(config, list):
        return [_as_float32(item) for item in config]
    if not isinstance(config, dict):
        return config
    class_name = config.get("class_name")
    if isinstance(class_name, str):
        if class_name.startswith("Quantized"):
            raise ValueError(
                "`model` must be in floating point: `export_tflite()` "
                "quantizes the model itself, with its argument `quantization`. "
                "Received: a model on which `quantize()` was called"
            )
        if class_name in ("DTypePolicy", "DTypePolicyMap"):
            # Check the policies in a map for those of quantized layers.
            for item in config["config"].values():
                _as_float32(item)
            return keras.dtype_policies.serialize(keras.DTypePolicy("float32"))
    return {
        key: _as_float32(item)
        for key, item in config.items()
        if key not in ("lora_rank", "lora_alpha")
    }
