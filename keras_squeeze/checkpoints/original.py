"""Reads the TensorFlow 1 checkpoints that Google published for MobileBERT.

The original code adds the attention score -6 for padding. The models of this
package exclude padding, as transformers does with these weights.
"""

import os
import re

from keras_squeeze.checkpoints.files import get_file
from keras_squeeze.checkpoints.files import load_json

CHECKPOINT = "mobilebert_variables.ckpt"
INDEX_FILE = f"{CHECKPOINT}.index"
_DATA_FILE = f"{CHECKPOINT}.data-00000-of-00001"

# The checkpoint comes without its configuration. In the original repository,
# the last of these files has it.
_CONFIG_FILES = (
    "config.json",
    "bert_config.json",
    "uncased_L-24_H-128_B-512_A-4_F-4_OPT.json",
)

# The defaults of missing fields, which differ from those in transformers.
_DEFAULTS = {
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": 512,
    "type_vocab_size": 16,
    "initializer_range": 0.02,
    "trigram_input": False,
    "use_bottleneck": False,
    "use_bottleneck_attention": False,
    "key_query_shared_bottleneck": False,
    "num_feedforward_networks": 1,
    "normalization_type": "layer_norm",
    "classifier_activation": True,
}

_PARTS = {
    "bert": "mobilebert",
    "FakeLayerNorm": "LayerNorm",
    "squad": "qa_outputs",
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "output_weights": "weight",
    "output_bias": "bias",
    "extra_output_weights": "dense.weight",
}
_NUMBERED = re.compile(r"(layer|ffn)(?:_layer)?_(\d+)")
# Optimizer slots are named after their variable.
_SLOT = re.compile(r"(adam|lamb)_[mv]|\w+Optimizer(_\d+)?")
# The step counter and the teacher's variables have other scopes.
_SCOPES = ("bert", "cls", "output_weights", "output_bias")

# The tensors that identify a head, and the transformers class that has it.
_HEADS = {
    "classifier.weight": "MobileBertForSequenceClassification",
    "qa_outputs.weight": "MobileBertForQuestionAnswering",
    "cls.seq_relationship.weight": "MobileBertForPreTraining",
    "cls.predictions.bias": "MobileBertForMaskedLM",
}


def load_original_config(preset):
    """Read the configuration of a Google checkpoint.

    Args:
        preset: string. A local folder or a handle such as
            `"hf://org/name"`.

    Returns:
        A dictionary with the fields of transformers' `config.json`, or `None`
        if there is no such checkpoint.

    Raises:
        ValueError: If there is a checkpoint without its configuration.
    """
    try:
        file = VariablesFile.find(lambda name: get_file(preset, name))
    except FileNotFoundError:
        return None
    for name in _CONFIG_FILES:
        try:
            config = {**_DEFAULTS, **load_json(preset, name)}
            break
        except FileNotFoundError:
            continue
    else:
        raise ValueError(
            f"`{preset}` has `{CHECKPOINT}` but not its configuration: none "
            f"of the files {_CONFIG_FILES} exists."
        )
    size = config.get("hidden_size")
    config.setdefault("embedding_size", size)
    config.setdefault("intra_bottleneck_size", size)
    if config["hidden_act"] == "gelu":
        # This means the tanh approximation, which is now called `gelu_new`.
        config["hidden_act"] = "gelu_new"
    config["model_type"] = "mobilebert"
    for name, written_by in _HEADS.items():
        if name in file:
            config["architectures"] = [written_by]
            if name == "classifier.weight":
                config["num_labels"] = file.shape(name)[0]
            break
    return config


class VariablesFile:
    """The variables of a Google checkpoint as tensors of the PyTorch classes.

    `bert/encoder/layer_0/ffn_layer_1/output/dense/kernel` is the transposed
    `mobilebert.encoder.layer.0.ffn.1.output.dense.weight`.

    Args:
        prefix: string. The path of the checkpoint, without the suffixes of its
            files.
    """

    def __init__(self, prefix):
        import tensorflow as tf

        self._prefix = prefix
        self.path = os.path.join(os.path.dirname(prefix), _DATA_FILE)
        try:
            self._reader = tf.train.load_checkpoint(prefix)
            self._shapes = self._reader.get_variable_to_shape_map()
        except Exception as e:
            # Damaged files raise exceptions of any type.
            raise ValueError(
                f"Cannot read `{prefix}` as a TensorFlow checkpoint: {e}"
            ) from e
        self._variables = {
            _modern_name(variable): variable
            for variable in sorted(self._shapes)
            if _is_of_model(*variable.split("/"))
        }

    @classmethod
    def find(cls, find):
        """Open the checkpoint of a preset.

        Args:
            find: A function that returns the path of a file of the preset.

        Returns:
            A `VariablesFile`.

        Raises:
            FileNotFoundError: If there is no such checkpoint.
            ValueError: If it is damaged or incomplete.
        """
        path = find(INDEX_FILE)
        try:
            find(_DATA_FILE)
        except FileNotFoundError as e:
            raise ValueError(
                f"`{path}` needs `{_DATA_FILE}` next to it, which is missing."
            ) from e
        return cls(path.removesuffix(".index"))

    def __iter__(self):
        return iter(self._variables)

    def __contains__(self, name):
        return name in self._variables

    def shape(self, name):
        variable = self._variables[name]
        shape = tuple(self._shapes[variable])
        return shape[::-1] if _is_transposed(variable) else shape

    def __getitem__(self, name):
        variable = self._variables[name]
        try:
            value = self._reader.get_tensor(variable)
        except Exception as e:
            raise ValueError(
                f"Cannot read the variable `{variable}` of "
                f"`{self._prefix}`: {e}"
            ) from e
        return value.T if _is_transposed(variable) else value


def _is_of_model(scope, *parts):
    return scope in _SCOPES and not any(map(_SLOT.fullmatch, parts))


def _modern_name(variable):
    parts = [
        _NUMBERED.sub(r"\1.\2", _PARTS.get(part, part))
        for part in variable.split("/")
    ]
    name = ".".join(parts)
    if len(parts) == 1:
        return f"classifier.{name}"
    if name.endswith("_embeddings"):
        return f"{name}.weight"
    return name.replace("cls.qa_outputs", "qa_outputs")


def _is_transposed(variable):
    return variable.endswith(("kernel", "extra_output_weights"))
