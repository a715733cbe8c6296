"""SqueezeBERT model preset configurations."""

from keras_squeeze.models.presets import built_in_preset
from keras_squeeze.models.presets import hub_preset

PAPER = "https://arxiv.org/abs/2006.11316"

backbone_presets = {
    "squeeze_bert_en_uncased": hub_preset(
        "squeezebert/squeezebert-uncased",
        "12-layer SqueezeBERT where all input is lowercased. Trained on "
        "English Wikipedia and BooksCorpus.",
        params=51094272,
        paper=PAPER,
    ),
    "squeeze_bert_mnli_en_uncased": hub_preset(
        "squeezebert/squeezebert-mnli",
        "12-layer SqueezeBERT where all input is lowercased, fine-tuned for "
        "natural language inference on MNLI, with its classifier.",
        params=51094272,
        paper=PAPER,
    ),
    "squeeze_bert_mnli_headless_en_uncased": hub_preset(
        "squeezebert/squeezebert-mnli-headless",
        "The MNLI SqueezeBERT without its classifier, which its authors "
        "recommend to start fine-tuning from.",
        params=51094272,
        paper=PAPER,
    ),
    "squeeze_bert_tiny_en_uncased": built_in_preset(
        "squeeze_bert_tiny_en_uncased",
        "Small SqueezeBERT where all input is lowercased, with weights "
        "inside the package. Distilled from all-MiniLM-L6-v2 over English "
        "books published by 1927, text messages and everyday sentences.",
        params=4957824,
    ),
}
