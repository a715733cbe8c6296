"""Small checkpoints of Hugging Face, as transformers writes them."""

import string

import numpy as np
import transformers

from keras_squeeze import models
from tests.model_oracle import mobile_bert_config
from tests.model_oracle import randomized
from tests.model_oracle import squeeze_bert_config

# With it, all English text can be written.
VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *string.ascii_lowercase,
    *(f"##{letter}" for letter in string.ascii_lowercase),
    *".!?",
]


class MobileBert:
    """Where to find what the tests need of this model."""

    config = staticmethod(mobile_bert_config)
    prefix = "mobilebert."
    backbone_cls = models.MobileBertBackbone
    tokenizer_cls = models.MobileBertTokenizer
    preprocessor_cls = models.MobileBertTextClassifierPreprocessor
    classifier_cls = models.MobileBertTextClassifier
    original = "MobileBert"


class SqueezeBert:
    """Where to find what the tests need of this model."""

    config = staticmethod(squeeze_bert_config)
    prefix = "transformer."
    backbone_cls = models.SqueezeBertBackbone
    tokenizer_cls = models.SqueezeBertTokenizer
    preprocessor_cls = models.SqueezeBertTextClassifierPreprocessor
    classifier_cls = models.SqueezeBertTextClassifier
    original = "SqueezeBert"


MODELS = [MobileBert, SqueezeBert]


def original(model, task="Model", **config):
    """A random model of transformers.

    Args:
        model: One of `MODELS`.
        task: string. How the name of its class ends.
        **config: Fields of its configuration.
    """
    cls = getattr(transformers, model.original + task)
    return randomized(cls, model.config(**config))


def save_checkpoint(original, folder, **kwargs):
    """Save a model of transformers and a vocabulary.

    Args:
        original: The model.
        folder: `pathlib.Path`.
        **kwargs: Arguments of `save_pretrained()`.

    Returns:
        string. The folder, as `from_preset()` takes it.
    """
    original.save_pretrained(folder, **kwargs)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return str(folder)


def assert_close(ours, theirs):
    """The agreement that is asked of small models."""
    theirs = np.asarray(theirs)
    tolerance = 1e-5 * np.maximum(1, np.abs(theirs))
    assert ours.shape == theirs.shape
    assert np.all(np.abs(ours - theirs) <= tolerance)
