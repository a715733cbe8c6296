"""The built-in presets.

This module imports nothing heavy, so that they are listed at once.
"""

import pathlib

_SQUEEZE_BERT_PAPER = "https://arxiv.org/abs/2006.11316"


def presets_folder():
    """The folder of the presets whose weights are part of the package.

    It is inside the package in a wheel, and next to it in a checkout or an
    editable install.

    Returns:
        A `pathlib.Path`.
    """
    package = pathlib.Path(__file__).resolve().parent.parent
    inside = package / "presets"
    return inside if inside.is_dir() else package.parent / "presets"


def _in_package(name, description, params):
    """Create the entry of a preset whose weights are part of the package."""
    # KerasHub passes the handle to its file finder, which accepts folders.
    return _entry(str(presets_folder() / name), description, params)


def _on_hub(repository, description, params, paper):
    """Create the entry of a preset that is downloaded on first use."""
    return _entry(f"hf://{repository}", description, params, paper=paper)


def _entry(handle, description, params, **metadata):
    """Create an entry in the format that KerasHub registers.

    Args:
        handle: string. The folder or the handle of the preset.
        description: string. A sentence or two, to help people choose.
        params: int. The number of parameters of the backbone.
        **metadata: Other metadata, such as the URL of the `paper`.

    Returns:
        A dictionary.
    """
    return {
        "metadata": {
            "description": description,
            "params": params,
            "license": "Apache-2.0",
            **metadata,
        },
        "kaggle_handle": handle,
    }


MOBILE_BERT_PRESETS = {
    "mobile_bert_en_uncased": _on_hub(
        "google/mobilebert-uncased",
        "24-layer MobileBERT where all input is lowercased. Trained on "
        "English Wikipedia and BooksCorpus by Google.",
        params=24581888,
        paper="https://arxiv.org/abs/2004.02984",
    ),
    "mobile_bert_tiny_en_uncased": _in_package(
        "mobile_bert_tiny_en_uncased",
        "Small MobileBERT where all input is lowercased, with weights inside "
        "the package. Distilled from all-MiniLM-L6-v2 over English books "
        "published by 1927, text messages and everyday sentences.",
        params=4962144,
    ),
    "mobile_bert_tiny_en_uncased_intents": _in_package(
        "mobile_bert_tiny_en_uncased_intents",
        "The tiny MobileBERT as a classifier of requests to an assistant, with "
        "150 intents and out of scope. Fine-tuned on CLINC150 (CC BY 3.0).",
        params=4962144,
    ),
    "mobile_bert_tiny_en_uncased_emotions": _in_package(
        "mobile_bert_tiny_en_uncased_emotions",
        "The tiny MobileBERT as a classifier of comments, which have any "
        "number of 27 emotions or are neutral. Fine-tuned on GoEmotions (CC BY "
        "4.0).",
        params=4962144,
    ),
    "mobile_bert_tiny_en_uncased_entities": _in_package(
        "mobile_bert_tiny_en_uncased_entities",
        "The tiny MobileBERT as a token classifier, which finds names of "
        "people, places and others in messages. Fine-tuned on WNUT-17 (CC BY "
        "4.0).",
        params=4962144,
    ),
    "mobile_bert_tiny_en_uncased_sms_spam": _in_package(
        "mobile_bert_tiny_en_uncased_sms_spam",
        "The tiny MobileBERT as a classifier of text messages, which tells "
        "spam from others. Fine-tuned on the SMS Spam Collection (CC BY 4.0).",
        params=4962144,
    ),
}

SQUEEZE_BERT_PRESETS = {
    "squeeze_bert_en_uncased": _on_hub(
        "squeezebert/squeezebert-uncased",
        "12-layer SqueezeBERT where all input is lowercased. Trained on "
        "English Wikipedia and BooksCorpus.",
        params=51094272,
        paper=_SQUEEZE_BERT_PAPER,
    ),
    "squeeze_bert_mnli_en_uncased": _on_hub(
        "squeezebert/squeezebert-mnli",
        "12-layer SqueezeBERT where all input is lowercased, fine-tuned for "
        "natural language inference on MNLI, with its classifier.",
        params=51094272,
        paper=_SQUEEZE_BERT_PAPER,
    ),
    "squeeze_bert_mnli_headless_en_uncased": _on_hub(
        "squeezebert/squeezebert-mnli-headless",
        "The MNLI SqueezeBERT without its classifier, which its authors "
        "recommend to start fine-tuning from.",
        params=51094272,
        paper=_SQUEEZE_BERT_PAPER,
    ),
    "squeeze_bert_tiny_en_uncased": _in_package(
        "squeeze_bert_tiny_en_uncased",
        "Small SqueezeBERT where all input is lowercased, with weights "
        "inside the package. Distilled from all-MiniLM-L6-v2 over English "
        "books published by 1927, text messages and everyday sentences.",
        params=4957824,
    ),
}
