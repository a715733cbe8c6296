"""
Title: Fine-tune better: rare classes, thresholds, adapters and pairs
Author: The keras_squeeze authors
Date created: 2026/11/28
Last modified: 2026/11/28
Description: Class weights, calibration, LoRA, and embedders trained on pairs.
Accelerator: None
"""

"""
## Introduction

*Getting started* fine-tunes a classifier. This guide is about what real data
needs in addition: classes that are rare, answers that should be "none of
these", scores that people can rely on, and little memory. In the end we train
an embedder on pairs of texts.

`keras-squeeze finetune` has an option for each of these.
"""

"""
## Setup
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pathlib
import tempfile

import keras
import numpy as np

import keras_squeeze
from keras_squeeze import models

keras.utils.set_random_seed(0)

PRESET = "mobile_bert_tiny_en_uncased"
JIT_COMPILE = False if keras.backend.backend() == "tensorflow" else "auto"

(x_train, y_train), (x_test, y_test) = (
    keras_squeeze.datasets.sms_spam.load_data()
)
x_validation, y_validation = x_train[512:768], y_train[512:768]
x_train, y_train = x_train[:512], y_train[:512]

"""
## Train adapters instead of all weights

With LoRA, the weights of the backbone stay as they are. Two small matrices for
each query and value of attention learn the difference. The optimizer needs
memory only for these.

`enable_lora()` is KerasHub's method. When a preset is saved or a file is
exported, the product of the two matrices is added to the weights, so the result
is as small and fast as always. On the command line, it is `--lora-rank 8`.
"""

classifier = models.MobileBertTextClassifier.from_preset(
    PRESET, class_names=["ham", "spam"]
)
classifier.preprocessor.sequence_length = 32
num_all = classifier.count_params()
classifier.backbone.enable_lora(8)
num_trained = sum(
    int(np.prod(weight.shape)) for weight in classifier.trainable_weights
)
print(f"{num_trained:,} of {num_all:,} weights are trained.")

"""
## Rare classes

One message in eight is spam. With `class_weight="balanced"`, both classes count
the same in the loss. A dictionary such as `{"spam": 3.0}` works as well. On the
command line, it is `--class-weights balanced` or `--class-weights spam=3`.
"""

classifier.compile(
    optimizer=keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
    jit_compile=JIT_COMPILE,
)
classifier.fit(
    x_train,
    y_train,
    class_weight="balanced",
    validation_data=(x_validation, y_validation),
    batch_size=32,
    epochs=2,
    verbose=2,
)

"""
## Scores that can be relied on

A model that was trained with class weights finds too much spam, and most
models are surer than they should be. `calibrate()` corrects both on data that
the model was not trained on.

- All logits are divided by a *temperature*, so that nine in ten answers with a
  score of 0.9 are right. The expected calibration error measures this.
- With a background class, here `"ham"`, another class must have a score above a
  *threshold*. It is the one with the highest F1. For intents, the background
  class is "out of scope". A text with several labels has a threshold per label.

Both are kept in the preset, and `annotate()`, `keras-squeeze score`, exported
files and the web page use them. The temperature is part of the weights, so it
also is in checkpoints for transformers. On the command line, it is `--calibrate
--background ham`.
"""

calibration = classifier.calibrate(
    x_validation, y_validation, background_class="ham"
)
for name, value in calibration["after"].items():
    print(f"{name}: {calibration['before'].get(name, 0):.3f} -> {value:.3f}")
print(classifier.annotate(["See you at nine.", "You won! Call now to claim."]))

"""
## Save it

The adapters are merged. The preset is an ordinary one.
"""

folder = pathlib.Path(tempfile.mkdtemp())
classifier.save_to_preset(str(folder / "spam"))
restored = models.MobileBertTextClassifier.from_preset(str(folder / "spam"))
print(f"The threshold is {restored.threshold:.2f}.")

"""
## Few examples

`fit_head()` fits the head alone by a logistic regression, which takes as long
as reading each text once. With ten examples for each of the 150 intents of
CLINC150, 86.5 % of 1,500 test texts were right. Training can go on from there:
ten epochs gave 88.4 %, and twenty epochs without a fitted head 88.1 %. On the
command line, it is `--head-first`.
"""

few = models.MobileBertTextClassifier.from_preset(
    PRESET, class_names=["ham", "spam"]
)
few.preprocessor.sequence_length = 32
chosen = np.concatenate([np.flatnonzero(y_train == i)[:10] for i in (0, 1)])
few.fit_head(x_train[chosen], y_train[chosen])
few.compile(metrics=["accuracy"])
_, few_accuracy = few.evaluate(x_validation, y_validation, verbose=0)
print(f"The accuracy with 20 examples is {few_accuracy:.2f}.")

"""
## Train an embedder on pairs

An embedder learns from texts that belong together, such as questions and their
answers. In each batch, the answer to a question should be closer to it than the
answers to all other questions, so large batches teach more. A third list,
`negative`, can have texts that are easily confused with the right ones.

With the names `sentence1` and `sentence2`, `y` has the similarity of each pair,
as in the STS benchmark. On the command line, both are `--task text_embedding`.
"""

pairs = {
    "anchor": [
        "When do you open?",
        "Can I bring my dog?",
        "How much is a ticket?",
        "Where can I park?",
    ],
    "positive": [
        "We are here from nine in the morning.",
        "Pets must stay outside.",
        "Adults pay ten dollars, children five.",
        "There is a garage across the street.",
    ],
}
embedder = models.MobileBertTextEmbedder.from_preset(PRESET)
embedder.preprocessor.sequence_length = 32
embedder.compile(
    optimizer=keras.optimizers.Adam(5e-4, global_clipnorm=1.0),
    jit_compile=JIT_COMPILE,
)
embedder.fit(pairs, batch_size=4, epochs=10, verbose=0)
answers = [
    embedder.search(question, pairs["positive"], top_k=1)[0]["index"]
    for question in pairs["anchor"]
]
print(answers)

"""
## Where to go from here

- `keras-squeeze finetune --help` has all options. `metrics.json` in the preset
  has what was measured.
- *From a BERT teacher to a small model* trains with a teacher, which often
  gives more than any of this.
"""
