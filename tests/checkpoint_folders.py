"""Small Hugging Face checkpoints, written by transformers."""

import string

import numpy as np
import transformers

from keras_squeeze import models
from tests.model_oracle import mobile_bert_config
from tests.model_oracle import randomized
from tests.model_oracle import squeeze_bert_config
from tests.tiny import SPECIAL_TOKENS

# Can represent any English text.
VOCABULARY = [
    *SPECIAL_TOKENS,
    *string.ascii_lowercase,
    *(f"##{letter}" for letter in string.ascii_lowercase),
    *".!?",
]


class MobileBert:
    """What the tests need for MobileBERT."""

    config = staticmethod(mobile_bert_config)
    prefix = "mobilebert."
    backbone_cls = models.MobileBertBackbone
    tokenizer_cls = models.MobileBertTokenizer
    preprocessor_cls = models.MobileBertTextClassifierPreprocessor
    classifier_cls = models.MobileBertTextClassifier
    original = "MobileBert"


class SqueezeBert:
    """What the tests need for SqueezeBERT."""

    config = staticmethod(squeeze_bert_config)
    prefix = "transformer."
    backbone_cls = models.SqueezeBertBackbone
    tokenizer_cls = models.SqueezeBertTokenizer
    preprocessor_cls = models.SqueezeBertTextClassifierPreprocessor
    classifier_cls = models.SqueezeBertTextClassifier
    original = "SqueezeBert"


MODELS = [MobileBert, SqueezeBert]


def original(model, task="Model", **config):
    """Create a random transformers model.

    Args:
        model: One of `MODELS`.
        task: string. The end of the name of its class.
        **config: Fields of its configuration.
    """
    cls = getattr(transformers, model.original + task)
    return randomized(cls, model.config(**config))


def save_checkpoint(original, folder, **kwargs):
    """Save a transformers model and a vocabulary.

    Args:
        original: The model.
        folder: `pathlib.Path`.
        **kwargs: Arguments of `save_pretrained()`.

    Returns:
        string. The folder, for `from_preset()`.
    """
    original.save_pretrained(folder, **kwargs)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return str(folder)


def assert_close(ours, theirs):
    """Check the agreement required for small models."""
    theirs = np.asarray(theirs)
    tolerance = 1e-5 * np.maximum(1, np.abs(theirs))
    assert ours.shape == theirs.shape
    assert np.all(np.abs(ours - theirs) <= tolerance)
