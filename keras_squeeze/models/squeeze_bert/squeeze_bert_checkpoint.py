"""Maps Hugging Face checkpoints of SqueezeBERT to the backbone."""

import functools

from keras_squeeze.checkpoints.config_map import ConfigMap
from keras_squeeze.checkpoints.hugging_face import Architecture
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.checkpoints.weight_table import NORM
from keras_squeeze.checkpoints.weight_table import WeightTable
from keras_squeeze.models.encoder_backbone import SHARED_ROWS
from keras_squeeze.models.encoder_backbone import count_parameters
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


def _count_in_layer(
    hidden_dim,
    intermediate_dim,
    query_groups,
    key_groups,
    value_groups,
    post_attention_groups,
    intermediate_groups,
    output_groups,
    **kwargs,
):
    count = 0
    for groups in (
        query_groups,
        key_groups,
        value_groups,
        post_attention_groups,
    ):
        count += hidden_dim * hidden_dim // groups
    for groups in (intermediate_groups, output_groups):
        count += hidden_dim * intermediate_dim // groups
    return count


ARCHITECTURE = Architecture(
    model_type="squeezebert",
    backbone_cls=SqueezeBertBackbone,
    config_map=CONFIG_MAP,
    weight_table=WEIGHT_TABLE,
    count_parameters=functools.partial(count_parameters, _count_in_layer),
)
