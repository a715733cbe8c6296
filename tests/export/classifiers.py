"""Small classifiers whose weights are all random."""

import numpy as np

from keras_squeeze import models

SMALL = {
    "num_layers": 2,
    "num_heads": 4,
    "hidden_dim": 32,
    "intermediate_dim": 64,
    "max_sequence_length": 64,
}


def randomise(model, seed=0, scale=0.2):
    """Add noise to all weights, including biases and norms."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        values = random.normal(scale=scale, size=weight.shape)
        if weight.name == "gamma":
            values += 1.0
        weight.assign(values)
    return model


def mobile_bert_classifier(preprocessor=None, **kwargs):
    backbone = models.MobileBertBackbone(
        vocabulary_size=30522, bottleneck_dim=16, embedding_dim=16, **SMALL
    )
    return randomise(
        models.MobileBertTextClassifier(
            backbone, num_classes=3, preprocessor=preprocessor, **kwargs
        )
    )


def squeeze_bert_classifier(preprocessor=None, dtype=None, **kwargs):
    backbone = models.SqueezeBertBackbone(
        vocabulary_size=30522, embedding_dim=32, dtype=dtype, **SMALL
    )
    return randomise(
        models.SqueezeBertTextClassifier(
            backbone, num_classes=3, preprocessor=preprocessor, **kwargs
        )
    )
