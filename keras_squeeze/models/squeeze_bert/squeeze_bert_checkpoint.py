"""What a Hugging Face checkpoint of SqueezeBERT holds, as tables."""

from keras_squeeze.checkpoints.config_map import ConfigMap
from keras_squeeze.checkpoints.hugging_face import Architecture
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.checkpoints.weight_table import NORM
from keras_squeeze.checkpoints.weight_table import WeightTable
from keras_squeeze.models.encoder_backbone import SHARED_ROWS
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)

CONFIG_MAP = ConfigMap(
    {
        "q_groups": "query_groups",
        "k_groups": "key_groups",
        "v_groups": "value_groups",
        "post_attention_groups": "post_attention_groups",
        "intermediate_groups": "intermediate_groups",
        "output_groups": "output_groups",
    }
)

_LAYER = "encoder.layers.*"
_OURS = "transformer_layers.*"

WEIGHT_TABLE = WeightTable(
    prefix="transformer.",
    body=[
        *SHARED_ROWS,
        (f"{_LAYER}.attention.query", f"{_OURS}.query", DENSE),
        (f"{_LAYER}.attention.key", f"{_OURS}.key", DENSE),
        (f"{_LAYER}.attention.value", f"{_OURS}.value", DENSE),
        (
            f"{_LAYER}.post_attention.conv1d",
            f"{_OURS}.post_attention.dense",
            DENSE,
        ),
        (
            f"{_LAYER}.post_attention.layernorm",
            f"{_OURS}.post_attention.norm",
            NORM,
        ),
        (f"{_LAYER}.intermediate.conv1d", f"{_OURS}.intermediate", DENSE),
        (f"{_LAYER}.output.conv1d", f"{_OURS}.output_projection.dense", DENSE),
        (
            f"{_LAYER}.output.layernorm",
            f"{_OURS}.output_projection.norm",
            NORM,
        ),
    ],
    head_names=("cls.", "classifier.", "qa_outputs."),
)


def count_parameters(
    vocabulary_size,
    num_layers,
    hidden_dim,
    intermediate_dim,
    max_sequence_length,
    num_segments,
    query_groups,
    key_groups,
    value_groups,
    post_attention_groups,
    intermediate_groups,
    output_groups,
    **kwargs,
):
    """About how many parameters a backbone has, without biases and the like.

    Args:
        vocabulary_size: int. As in `SqueezeBertBackbone`, like the others.
        num_layers: int.
        hidden_dim: int.
        intermediate_dim: int.
        max_sequence_length: int.
        num_segments: int.
        query_groups: int.
        key_groups: int.
        value_groups: int.
        post_attention_groups: int.
        intermediate_groups: int.
        output_groups: int.
        **kwargs: Arguments that matter little.

    Returns:
        int.
    """
    layer = 0
    for groups in (
        query_groups,
        key_groups,
        value_groups,
        post_attention_groups,
    ):
        layer += hidden_dim * hidden_dim // groups
    for groups in (intermediate_groups, output_groups):
        layer += hidden_dim * intermediate_dim // groups
    embeddings = vocabulary_size + max_sequence_length + num_segments
    # The last is the pooler.
    return (
        embeddings * hidden_dim + num_layers * layer + hidden_dim * hidden_dim
    )


ARCHITECTURE = Architecture(
    model_type="squeezebert",
    backbone_cls=SqueezeBertBackbone,
    config_map=CONFIG_MAP,
    weight_table=WEIGHT_TABLE,
    count_parameters=count_parameters,
)
