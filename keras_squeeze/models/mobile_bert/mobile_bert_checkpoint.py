"""Maps Hugging Face checkpoints of MobileBERT to the backbone."""

import functools

from keras_squeeze.checkpoints.config_map import ConfigMap
from keras_squeeze.checkpoints.hugging_face import Architecture
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.checkpoints.weight_table import NORM
from keras_squeeze.checkpoints.weight_table import WeightTable
from keras_squeeze.models.encoder_backbone import SHARED_ROWS
from keras_squeeze.models.encoder_backbone import count_parameters
from keras_squeeze.models.mobile_bert.mobile_bert_backbone import (
    MobileBertBackbone,
)

CONFIG_MAP = ConfigMap(
    {
        "trigram_input": "trigram_input",
        "use_bottleneck": "use_bottleneck",
        "intra_bottleneck_size": "bottleneck_dim",
        "use_bottleneck_attention": "use_bottleneck_attention",
        "key_query_shared_bottleneck": "key_query_shared_bottleneck",
        "num_feedforward_networks": "num_feedforward_networks",
        "normalization_type": "normalization_type",
        "classifier_activation": "classifier_activation",
    }
)


def _projection_norm(name, path):
    """The two rows of a `ProjectionNorm`."""
    return [
        (f"{name}.dense", f"{path}.dense", DENSE),
        (f"{name}.LayerNorm", f"{path}.norm", NORM),
    ]


_LAYER = "encoder.layer.*"
_OURS = "transformer_layers.*"

WEIGHT_TABLE = WeightTable(
    prefix="mobilebert.",
    body=[
        *SHARED_ROWS,
        *_projection_norm(
            f"{_LAYER}.bottleneck.input", f"{_OURS}.input_bottleneck"
        ),
        *_projection_norm(
            f"{_LAYER}.bottleneck.attention", f"{_OURS}.attention_bottleneck"
        ),
        (f"{_LAYER}.attention.self.query", f"{_OURS}.query", DENSE),
        (f"{_LAYER}.attention.self.key", f"{_OURS}.key", DENSE),
        (f"{_LAYER}.attention.self.value", f"{_OURS}.value", DENSE),
        *_projection_norm(
            f"{_LAYER}.attention.output", f"{_OURS}.attention_output"
        ),
        (
            f"{_LAYER}.ffn.*.intermediate.dense",
            f"{_OURS}.feedforward_intermediates.:-1",
            DENSE,
        ),
        *_projection_norm(
            f"{_LAYER}.ffn.*.output", f"{_OURS}.feedforward_outputs.:-1"
        ),
        (
            f"{_LAYER}.intermediate.dense",
            f"{_OURS}.feedforward_intermediates.-1",
            DENSE,
        ),
        *_projection_norm(
            f"{_LAYER}.output", f"{_OURS}.feedforward_outputs.-1"
        ),
        *_projection_norm(
            f"{_LAYER}.output.bottleneck", f"{_OURS}.output_bottleneck"
        ),
    ],
    head_names=("cls.", "classifier.", "qa_outputs."),
)


def _count_in_layer(
    hidden_dim,
    intermediate_dim,
    bottleneck_dim,
    use_bottleneck,
    num_feedforward_networks,
    **kwargs,
):
    inner_dim = bottleneck_dim if use_bottleneck else hidden_dim
    count = 2 * num_feedforward_networks * intermediate_dim * inner_dim
    count += 3 * inner_dim * inner_dim + inner_dim * hidden_dim
    if use_bottleneck:
        count += 2 * hidden_dim * inner_dim
    return count


ARCHITECTURE = Architecture(
    model_type="mobilebert",
    backbone_cls=MobileBertBackbone,
    config_map=CONFIG_MAP,
    weight_table=WEIGHT_TABLE,
    count_parameters=functools.partial(count_parameters, _count_in_layer),
)
