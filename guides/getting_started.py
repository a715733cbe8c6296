"""
Title: Getting started with keras_squeeze
Author: The keras_squeeze authors
Date created: 2026/11/20
Last modified: 2026/11/20
Description: Fine-tune MobileBERT, save it, and run it from a TFLite file.
Accelerator: None
"""

"""
## Introduction

MobileBERT and SqueezeBERT are BERTs that were made for phones. keras_squeeze
has both in Keras 3, in the shape of KerasHub: a *backbone* that turns token
ids into vectors, a *tokenizer* and a *preprocessor* that turn text into token
ids, and *tasks* that put these together with a head, so that raw strings go in
and answers come out.

In this guide we fine-tune a small MobileBERT to recognise spam, save it as a
preset, and export it to a TFLite file that runs on a phone. Everything comes
with the package; nothing is downloaded.
"""

"""
## Setup

Keras runs on TensorFlow, JAX or PyTorch. The choice must be made before Keras
is imported.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pathlib
import tempfile

import keras

import keras_squeeze

keras.utils.set_random_seed(0)

"""
## The data

The SMS Spam Collection has 5,171 different text messages, of which 653 are
spam. A fifth of them are kept for testing. To be quick, we train on a part of
the others.
"""

(x_train, y_train), (x_test, y_test) = (
    keras_squeeze.datasets.sms_spam.load_data()
)
x_train, y_train = x_train[:768], y_train[:768]
x_test, y_test = x_test[:256], y_test[:256]
print(y_train[2], x_train[2])

"""
## From text to token ids

A preprocessor splits text into the pieces of the vocabulary, adds `[CLS]` and
`[SEP]`, and fills up to `sequence_length`. The ids are exactly those of the
original BERT.
"""

preprocessor = (
    keras_squeeze.models.MobileBertTextClassifierPreprocessor.from_preset(
        "mobile_bert_tiny_en_uncased",
        sequence_length=32,
    )
)
print(preprocessor(["Call me when you get home"]))

"""
## Fine-tuning

The tiny preset has its weights in the package. A classifier takes the names of
its classes, which name its answers later on. By default it is compiled with a
low learning rate, which suits the published checkpoints; the tiny one learns
faster with a higher one.
"""

classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
    "mobile_bert_tiny_en_uncased",
    num_classes=2,
    class_names=["ham", "spam"],
    preprocessor=preprocessor,
)
classifier.compile(optimizer=keras.optimizers.Adam(1e-3, global_clipnorm=1.0))
classifier.fit(
    x_train,
    y_train,
    validation_data=(x_test, y_test),
    batch_size=32,
    epochs=1,
    verbose=2,
)

"""
`annotate()` gives the answers by name.
"""

messages = [
    "Are we still on for lunch? I'll be there at one",
    "You have won a £1000 prize! Call 09061701461 now to claim",
]
answers = classifier.annotate(messages)
for message, answer in zip(messages, answers, strict=True):
    print(f"{answer['label']} ({answer['score']:.2f}): {message}")

"""
## Saving and loading

A preset is a folder with the weights, the vocabulary and the names of the
classes. KerasHub loads it as well.
"""

folder = pathlib.Path(tempfile.mkdtemp())
classifier.save_to_preset(str(folder / "spam_classifier"))
restored = keras_squeeze.models.MobileBertTextClassifier.from_preset(
    str(folder / "spam_classifier")
)
print(restored.annotate(messages[1]))

"""
## To a phone

`export_tflite()` writes a file that needs nothing but LiteRT, and compares it
with the model before it keeps it. With `quantization="dynamic_int8"` the
weights have 8 bits in place of 32.
"""

report = keras_squeeze.export_tflite(
    classifier,
    folder / "spam_classifier.tflite",
    sequence_length=32,
    quantization="dynamic_int8",
    verbose=False,
)
print(report)

"""
`TFLiteModel` runs the file as a phone does, on text.
"""

tflite_model = keras_squeeze.TFLiteModel(
    folder / "spam_classifier.tflite", preprocessor=classifier.preprocessor
)
print(tflite_model.predict(messages))

"""
## Where to go from here

- `from_preset("mobile_bert_en_uncased", num_classes=2)` starts from the
published checkpoint, which is fetched at first use.
- `SqueezeBertTextClassifier` is used in the same way.
- `keras-squeeze finetune` does all of this on the command line, with the texts
of a CSV file.
"""
