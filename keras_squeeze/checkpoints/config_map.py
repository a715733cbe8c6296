"""Translation between Hugging Face's `config.json` and backbone arguments."""

import keras

from keras_squeeze.layers import activations

# The `hidden_act` names of transformers. Several names share a function.
_ACTIVATIONS = {
    "gelu": keras.activations.gelu,
    "gelu_python": keras.activations.gelu,
    "gelu_new": activations.gelu_tanh,
    "gelu_fast": activations.gelu_tanh,
    "gelu_accurate": activations.gelu_tanh,
    "gelu_pytorch_tanh": activations.gelu_tanh,
    "gelu_python_tanh": activations.gelu_tanh,
    "gelu_10": activations.clipped_gelu,
    "quick_gelu": activations.quick_gelu,
    "hardswish": keras.activations.hard_silu,
    "laplace": activations.laplace,
    "leaky_relu": activations.leaky_relu,
    "linear": keras.activations.linear,
    "mish": keras.activations.mish,
    "relu": keras.activations.relu,
    "relu2": activations.squared_relu,
    "relu6": keras.activations.relu6,
    "sigmoid": keras.activations.sigmoid,
    "silu": keras.activations.silu,
    "sqrtsoftplus": activations.sqrt_softplus,
    "swish": keras.activations.silu,
    "tanh": keras.activations.tanh,
}

_SHARED_FIELDS = {
    "vocab_size": "vocabulary_size",
    "hidden_size": "hidden_dim",
    "num_hidden_layers": "num_layers",
    "num_attention_heads": "num_heads",
    "intermediate_size": "intermediate_dim",
    "hidden_act": "activation",
    "hidden_dropout_prob": "dropout",
    "attention_probs_dropout_prob": "attention_dropout",
    "max_position_embeddings": "max_sequence_length",
    "type_vocab_size": "num_segments",
    "initializer_range": "initializer_range",
    "layer_norm_eps": "layer_norm_epsilon",
    "pad_token_id": "pad_token_id",
    "embedding_size": "embedding_dim",
}


class ConfigMap:
    """A map between the fields of a `config.json` and backbone arguments.

    Args:
        fields: Dictionary from the fields that are specific to this
            architecture to the names of the backbone arguments.
    """

    def __init__(self, fields):
        self.fields = {**_SHARED_FIELDS, **fields}

    def backbone_kwargs(self, config):
        """Convert a Hugging Face configuration to backbone arguments.

        Args:
            config: Dictionary. The contents of `config.json`. Missing fields
                have the published defaults, as in transformers.

        Returns:
            A dictionary of keyword arguments for the backbone.

        Raises:
            ValueError: If `hidden_act` is unknown.
        """
        kwargs = {
            argument: config[field]
            for field, argument in self.fields.items()
            if field in config
        }
        if "activation" in kwargs:
            name = kwargs["activation"]
            if name not in _ACTIVATIONS:
                raise ValueError(
                    "`hidden_act` in the configuration must be one of "
                    f"{sorted(_ACTIVATIONS)}. Received: hidden_act={name!r}"
                )
            kwargs["activation"] = _ACTIVATIONS[name]
        return kwargs

    def config(self, backbone):
        """Convert a backbone to a Hugging Face configuration.

        Args:
            backbone: The backbone model.

        Returns:
            A dictionary of the fields of `config.json`.

        Raises:
            ValueError: If transformers has no name for the activation.
        """
        config = {
            field: getattr(backbone, argument)
            for field, argument in self.fields.items()
        }
        for name, function in _ACTIVATIONS.items():
            if function is config["hidden_act"]:
                config["hidden_act"] = name
                return config
        raise ValueError(
            "transformers has no name for the activation of the model. "
            f"Received: activation={config['hidden_act']!r}"
        )
