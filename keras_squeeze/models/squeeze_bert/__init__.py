"""SqueezeBERT: backbone, tokenizer, tasks, checkpoints and presets."""

from keras_squeeze.checkpoints.built_in_presets import SQUEEZE_BERT_PRESETS
from keras_squeeze.checkpoints.hugging_face import register_architecture
from keras_squeeze.keras_hub_seam import register_presets
from keras_squeeze.models.squeeze_bert.squeeze_bert_backbone import (
    SqueezeBertBackbone,
)
from keras_squeeze.models.squeeze_bert.squeeze_bert_checkpoint import (
    ARCHITECTURE,
)

register_architecture(ARCHITECTURE)
register_presets(SQUEEZE_BERT_PRESETS, SqueezeBertBackbone)
