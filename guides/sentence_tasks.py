"""
Title: Classify and compare sentences
Author: The keras_squeeze authors
Date created: 2026/11/21
Last modified: 2026/11/27
Description: Regression, multi-label, multiple choice and next sentences.
Accelerator: None
"""

"""
## Introduction

The guide *Getting started* classifies texts. This guide covers the other tasks
that judge whole texts: how similar two sentences are, which of several labels
apply, which of several endings is right, and whether one sentence follows
another.

We train each task on a handful of examples, which the model memorizes. This
takes seconds and shows how everything fits together. The same code trains on
files of any size.
"""

"""
## Setup
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras

import keras_squeeze
from keras_squeeze import models

keras.utils.set_random_seed(0)

PRESET = "mobile_bert_tiny_en_uncased"
JIT_COMPILE = False if keras.backend.backend() == "tensorflow" else "auto"


def train(task, x, y, epochs=30):
    task.preprocessor.sequence_length = 32
    # XLA would compile for longer than these few steps take.
    optimizer = keras.optimizers.Adam(2e-3, global_clipnorm=1.0)
    task.compile(optimizer=optimizer, jit_compile=JIT_COMPILE)
    task.fit(x, y, batch_size=4, epochs=epochs, verbose=0)


"""
## Regression

With `num_classes=1` a text classifier outputs a number instead of classes. A
pair of texts is a tuple of two lists. Here the number is the similarity of two
sentences, from 0 to 5, as in the STS benchmark.
"""

pairs = (
    ["A dog runs.", "A man cooks.", "It is raining.", "She sings a song."],
    ["A dog is running.", "A cat sleeps.", "Rain falls.", "He sells cars."],
)
similarity = models.MobileBertTextClassifier.from_preset(PRESET, num_classes=1)
train(similarity, pairs, [4.5, 0.5, 4.0, 0.0])
scores = [answer["score"] for answer in similarity.annotate(pairs)]
print([f"{score:.1f}" for score in scores])

"""
## Multi-label classification

With `multi_label=True` each class is decided independently, so a text can
have several labels or none.
"""

reviews = [
    "The food was cold, and it cost a fortune.",
    "Friendly waiters and a lovely soup.",
    "Far too expensive!",
    "We had to wait for an hour.",
]
tags = [["food", "price"], ["service", "food"], ["price"], ["service"]]
tagger = models.MobileBertTextClassifier.from_preset(
    PRESET, class_names=["food", "price", "service"], multi_label=True
)
train(tagger, reviews, tags)
found_tags = tagger.annotate(reviews)
for review, found in zip(reviews, found_tags, strict=True):
    print(review, [answer["label"] for answer in found])

"""
## Multiple choice

Each sample has a prompt and any number of choices. The label is the index of
the right choice.
"""

questions = {
    "prompt": [
        "It was raining, so she took",
        "The soup was too hot, so he",
        "The bus had left, so they",
    ],
    "choices": [
        ["an umbrella.", "a nap.", "the piano."],
        ["ate it at once.", "let it cool down."],
        ["got on it.", "drank it.", "sang to it.", "walked home."],
    ],
}
multiple_choice = models.MobileBertMultipleChoice.from_preset(PRESET)
train(multiple_choice, questions, [0, 1, 3])
choices = multiple_choice.annotate(questions)
for prompt, choice in zip(questions["prompt"], choices, strict=True):
    print(f"{prompt} {choice['answer']} ({choice['score']:.2f})")

"""
## Next sentences

Does the second sentence follow the first? Class 0 means that it does.
"""

sentences = (
    ["I was hungry.", "I was hungry.", "The lamp broke.", "The lamp broke."],
    ["I ate an apple.", "Whales are big.", "It was dark.", "He likes tea."],
)
next_sentence = models.MobileBertNextSentencePredictor.from_preset(PRESET)
train(next_sentence, sentences, [0, 1, 0, 1])
follows = next_sentence.annotate(sentences)
for first, second, answer in zip(*sentences, follows, strict=True):
    print(f"{first} {second} {answer['label']} ({answer['score']:.2f})")

"""
## To a phone

Every one of these tasks can be saved with `save_to_preset()` and exported. The
file of a multiple choice task scores one choice at a time.
"""

import pathlib
import tempfile

report = keras_squeeze.export_tflite(
    tagger,
    pathlib.Path(tempfile.mkdtemp()) / "tagger.tflite",
    sequence_length=32,
    quantization="dynamic_int8",
    verbose=False,
)
print(report)

"""
## Where to go from here

- `keras-squeeze finetune --task multiple_choice` trains on CSV, TSV and JSON
  Lines files, and so do the other tasks.
- `keras_squeeze.metrics` has the usual metrics: Pearson, Spearman and Matthews
  correlation.
"""
