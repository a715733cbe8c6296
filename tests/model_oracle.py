"""The original PyTorch models, with weights that all affect the outputs."""

import numpy as np
import torch
import transformers


def randomized(model_cls, config, seed=0, std=0.1, norm_mean=0.0):
    """Create a PyTorch model in which every tensor is random.

    With the usual initialization, norms are the identity and biases are zero,
    so a loader could mix them up without being noticed.

    Args:
        model_cls: A transformers class.
        config: Its configuration.
        seed: int.
        std: float. Standard deviation of every tensor.
        norm_mean: float. Mean of the norm weights. With the usual value, one,
            the effect of no sublayer is lost in the noise.

    Returns:
        The model, in evaluation mode.
    """
    torch.manual_seed(seed)
    model = model_cls(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_norm = name.lower().endswith("layernorm.weight")
            parameter.normal_(norm_mean if is_norm else 0.0, std)
    return model


def bert_config(**kwargs):
    """A small `transformers.BertConfig`."""
    return transformers.BertConfig(
        **{
            "vocab_size": 60,
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 20,
            **kwargs,
        }
    )


def mobile_bert_config(**kwargs):
    """A small `transformers.MobileBertConfig`."""
    return transformers.MobileBertConfig(
        **{
            "vocab_size": 60,
            "hidden_size": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 20,
            "embedding_size": 12,
            "intra_bottleneck_size": 16,
            **kwargs,
        }
    )


def squeeze_bert_config(**kwargs):
    """A small `transformers.SqueezeBertConfig`."""
    return transformers.SqueezeBertConfig(
        **{
            "vocab_size": 60,
            "hidden_size": 32,
            "embedding_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "intermediate_size": 64,
            **kwargs,
        }
    )


def random_inputs(vocabulary_size, batch, length, seed=0):
    """Create inputs with two segments, and padding in all rows but one."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, length + 1, batch)
    lengths[0] = length
    columns = np.arange(length)[None]
    segments = columns >= (lengths[:, None] + 1) // 2
    return {
        "token_ids": random.integers(
            0, vocabulary_size, (batch, length), dtype="int32"
        ),
        "segment_ids": segments.astype("int32"),
        "padding_mask": (columns < lengths[:, None]).astype("int32"),
    }


def run(model, inputs, **kwargs):
    """Call a PyTorch model on our inputs."""
    with torch.no_grad():
        return model(
            torch.tensor(inputs["token_ids"]).long(),
            attention_mask=torch.tensor(inputs["padding_mask"]).long(),
            token_type_ids=torch.tensor(inputs["segment_ids"]).long(),
            **kwargs,
        )
