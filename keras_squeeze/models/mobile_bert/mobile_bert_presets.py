"""MobileBERT model preset configurations."""

from keras_squeeze.models.presets import built_in_preset
from keras_squeeze.models.presets import hub_preset

backbone_presets = {
    "mobile_bert_en_uncased": hub_preset(
        "google/mobilebert-uncased",
        "24-layer MobileBERT where all input is lowercased. Trained on "
        "English Wikipedia and BooksCorpus by Google.",
        params=24581888,
        paper="https://arxiv.org/abs/2004.02984",
    ),
    "mobile_bert_tiny_en_uncased": built_in_preset(
        "mobile_bert_tiny_en_uncased",
        "Small MobileBERT where all input is lowercased, with weights inside "
        "the package. Trained on English books published by 1927 and on text "
        "messages.",
        params=4188480,
    ),
}
