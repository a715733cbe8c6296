"""
Title: Getting started with keras_squeeze
Author: The keras_squeeze authors
Date created: 2026/11/20
Last modified: 2026/11/27
Description: Fine-tune MobileBERT, save it, and run it from a TFLite file.
Accelerator: None
"""

"""
## Introduction

MobileBERT and SqueezeBERT are BERT models designed for phones. keras_squeeze
provides both in Keras 3, with the API of KerasHub: a *backbone* turns token ids
into vectors, a *tokenizer* and a *preprocessor* turn text into token ids, and a
*task* combines these with a head, so that raw strings go in and answers come
out.

In this guide we fine-tune a small MobileBERT to detect spam, save it as a
preset, and export it to a TFLite file that runs on a phone. Everything comes
with the package; nothing is downloaded.
"""

"""
## Setup

Keras runs on TensorFlow, JAX or PyTorch. Choose the backend before you import
Keras.
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

The SMS Spam Collection has 5,171 distinct text messages; 653 of them are spam.
One fifth is the test set. To save time, we train on a part of the rest.
"""

(x_train, y_train), (x_test, y_test) = (
    keras_squeeze.datasets.sms_spam.load_data()
)
x_train, y_train = x_train[:768], y_train[:768]
x_test, y_test = x_test[:256], y_test[:256]
print(y_train[2], x_train[2])

"""
## From text to token ids

A preprocessor splits text into vocabulary entries, adds `[CLS]` and `[SEP]`,
and pads to `sequence_length`. The ids are exactly those of the original BERT.
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

The weights of the tiny preset come with the package. A classifier can be given
the names of its classes, which it then uses in its answers. By default it is
compiled with a low learning rate, which suits the published checkpoints. The
tiny one learns faster with a higher rate.
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
`annotate()` returns answers with class names.
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

A preset is a folder with the weights, the vocabulary and the class names.
KerasHub can also load it.
"""

folder = pathlib.Path(tempfile.mkdtemp())
classifier.save_to_preset(str(folder / "spam_classifier"))
restored = keras_squeeze.models.MobileBertTextClassifier.from_preset(
    str(folder / "spam_classifier")
)
print(restored.annotate(messages[1]))

"""
## To a phone

`export_tflite()` writes a file that needs nothing but LiteRT. It compares the
file with the model, and keeps it only if they agree. With
`quantization="dynamic_int8"` the weights have 8 bits instead of 32.
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
`TFLiteModel` takes text and runs the file as a phone does.
"""

tflite_model = keras_squeeze.TFLiteModel(
    folder / "spam_classifier.tflite", preprocessor=classifier.preprocessor
)
print(tflite_model.predict(messages))

"""
## Where to go from here

- `from_preset("mobile_bert_en_uncased", num_classes=2)` starts from the
  published checkpoint, which is downloaded on first use.
- `SqueezeBertTextClassifier` works in the same way.
- `keras-squeeze finetune` does all of this on the command line, with the texts
  of a CSV file.
"""
