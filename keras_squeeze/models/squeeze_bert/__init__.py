"""SqueezeBERT: backbone, tokenizer, tasks, checkpoints and presets."""

from keras_squeeze.checkpoints.hugging_face import register_architecture
from keras_squeeze.keras_hub_seam import register_presets
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_checkpoint import (
    ARCHITECTURE,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_presets import (
    backbone_presets,
)

register_architecture(ARCHITECTURE)
register_presets(backbone_presets, SqueezeBertBackbone)
