"""A preprocessor and an exported file for all tests."""

import pytest

from keras_squeeze import export_tflite
from keras_squeeze import models
from tests.export.classifiers import mobile_bert_classifier
from tests.export.classifiers import randomise

ACCENTS = "The café in Zürich, naïve as ever, served crème brûlée."


@pytest.fixture(scope="session")
def preprocessor(vocabulary):
    return models.MobileBertTextClassifierPreprocessor(
        models.MobileBertTokenizer(vocabulary), sequence_length=24
    )


@pytest.fixture(scope="session")
def exported(preprocessor, tmp_path_factory):
    """A MobileBERT classifier with LoRA weights, its file and its report."""
    classifier = mobile_bert_classifier(
        preprocessor, class_names=["first", "second", "third"]
    )
    classifier.backbone.enable_lora(4)
    randomise(classifier, seed=1)
    path = tmp_path_factory.mktemp("exported") / "mobile_bert.tflite"
    report = export_tflite(
        classifier,
        path,
        sequence_length=40,
        evaluation_data=(["See you!", ACCENTS, "Free prize"], [0, 1, 2]),
        verbose=False,
    )
    return classifier, path, report
