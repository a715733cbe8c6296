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
        "the package. Distilled from all-MiniLM-L6-v2 over English books "
        "published by 1927, text messages and everyday sentences.",
        params=4962144,
    ),
    "mobile_bert_tiny_en_uncased_sms_spam": built_in_preset(
        "mobile_bert_tiny_en_uncased_sms_spam",
        "The tiny MobileBERT as a classifier of text messages, which tells "
        "spam from others. Fine-tuned on the SMS Spam Collection (CC BY 4.0).",
        params=4962144,
    ),
}
