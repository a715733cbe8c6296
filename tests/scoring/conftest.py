"""Small presets of the tasks that score texts."""

import keras
import pytest

from keras_squeeze import models
from tests.export.classifiers import randomise
from tests.tiny import tiny_backbone
from tests.tiny import vocabulary_of

TEXTS = ["great warm sun", "sad cold", "rain", "great rain and sun and wind"]
VOCABULARY = vocabulary_of([*TEXTS, "a text"])


def make_task(name, vocabulary=VOCABULARY, **kwargs):
    """Make a task whose weights are all random."""
    keras.utils.set_random_seed(0)
    cls = getattr(models, f"MobileBert{name}")
    preprocessor = getattr(models, f"MobileBert{name}Preprocessor")(
        models.MobileBertTokenizer(vocabulary), sequence_length=16
    )
    backbone = tiny_backbone(models.MobileBertBackbone, vocabulary)
    return randomise(cls(backbone, preprocessor=preprocessor, **kwargs), 1, 0.5)


@pytest.fixture(scope="session")
def classifier():
    return make_task("TextClassifier", class_names=["sad", "fine", "happy"])


@pytest.fixture(scope="session")
def preset(classifier, tmp_path_factory):
    """The folder of the classifier."""
    folder = tmp_path_factory.mktemp("presets") / "classifier"
    classifier.save_to_preset(folder)
    return str(folder)
