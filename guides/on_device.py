"""
Title: From fit() to a phone
Author: The keras_squeeze authors
Date created: 2026/11/21
Last modified: 2026/11/21
Description: Export a model to a file that MediaPipe runs, and read its report.
Accelerator: None
"""

"""
## Introduction

A model on a phone is a TFLite file in an app. Between the two there is more
that can go wrong than in training: a file that the library of the app cannot
open, ids that are not those of the training, scores that quantization has
moved. `export_tflite()` looks at all of it, and says in its report what it
found.

In this guide we train a small MobileBERT on text messages, export it in 8
bits, and run the file with MediaPipe, the library that apps for Android and
iOS use. MediaPipe for Python has the same kernels and the same tokenizer:
`pip install mediapipe`.
"""

"""
## Setup
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import json
import pathlib
import tempfile

import keras

import keras_squeeze

keras.utils.set_random_seed(0)

"""
## Training

As in the guide *Getting started*, on a part of the messages. MediaPipe gives
the names of the classes, so we name them.
"""

(x_train, y_train), (x_test, y_test) = (
    keras_squeeze.datasets.sms_spam.load_data()
)
x_train, y_train = x_train[:768], y_train[:768]
x_test, y_test = x_test[:256], y_test[:256]

preprocessor = (
    keras_squeeze.models.MobileBertTextClassifierPreprocessor.from_preset(
        "mobile_bert_tiny_en_uncased",
        sequence_length=32,
    )
)
classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
    "mobile_bert_tiny_en_uncased",
    num_classes=2,
    class_names=["ham", "spam"],
    preprocessor=preprocessor,
)
classifier.compile(optimizer=keras.optimizers.Adam(1e-3, global_clipnorm=1.0))
classifier.fit(x_train, y_train, batch_size=32, epochs=1, verbose=2)

"""
## The file

With `quantization="dynamic_int8"` the weights have 8 bits, which makes the
file four times smaller, and faster. `evaluation_data` measures what that does
to the accuracy. `app_files=True` writes what an app needs that does without
MediaPipe, of which more below.
"""

folder = pathlib.Path(tempfile.mkdtemp())
report = keras_squeeze.export_tflite(
    classifier,
    folder / "spam.tflite",
    sequence_length=32,
    quantization="dynamic_int8",
    evaluation_data=(x_test, y_test),
    app_files=True,
    verbose=False,
)
print(report)

"""
The report has a line on each question that an app asks:

- *differences* and *predictions* compare the file with the Keras model on
real text, with the kernels that phones have. A file that does not agree is not
kept.
- *phones* says which libraries open the file. The vocabulary and the labels
are inside, so that it is all that goes into the app.
- *GPU delegate* says how many operations a phone's GPU takes, by its published
rules, and why not the others.

`report.save("spam.json")` keeps it.
"""

"""
## MediaPipe

It opens the file and takes text.
"""

from mediapipe.tasks import python as mediapipe_tasks
from mediapipe.tasks.python import text as mediapipe_text

messages = [
    "Are we still on for lunch? I'll be there at one",
    "You have won a £1000 prize! Call 09061701461 now to claim",
]
options = mediapipe_text.TextClassifierOptions(
    base_options=mediapipe_tasks.BaseOptions(
        model_asset_path=str(folder / "spam.tflite")
    )
)
phone_scores = []
with mediapipe_text.TextClassifier.create_from_options(options) as on_phone:
    for message in messages:
        best = on_phone.classify(message).classifications[0].categories[0]
        print(f"{best.category_name} ({best.score:.3f}): {message}")
        phone_scores.append((best.category_name, best.score))

"""
In an app for Android it is the same few lines:

```kotlin
val classifier = TextClassifier.createFromFile(context, "spam.tflite")
val best = classifier.classify(message)
    .classificationResult().classifications()[0].categories()[0]
```

The scores are those of the Keras model.
"""

for message, answer in zip(
    messages, classifier.annotate(messages), strict=True
):
    print(f"{answer['label']} ({answer['score']:.3f}): {message}")

"""
## Where MediaPipe reads text differently

MediaPipe lowercases the letters from A to Z and keeps accents, where BERT
takes both out of all of them: to it, `café` is an unknown word. The report
counts the texts of the evaluation for which this makes other ids, and names
them.
"""

differing_texts = report.phone_libraries.differing_texts
print(len(differing_texts), "of", report.phone_libraries.texts)
print(differing_texts[:3])

"""
## Without MediaPipe

An app that makes the ids itself reads text exactly as the Keras model does.
What it needs is beside the file: the vocabulary and the labels, a contract on
the inputs, the outputs and the tokenizer, and golden examples of text, ids and
outputs for its tests.
"""

app_folder = pathlib.Path(report.app_folder)
print(sorted(path.name for path in app_folder.iterdir()))
contract = json.loads((app_folder / "contract.json").read_text("utf-8"))
print(json.dumps(contract["tokenizer"], indent=2))
golden = json.loads((app_folder / "golden.json").read_text("utf-8"))
print(golden[0]["texts"], golden[0]["inputs"]["input_word_ids"][:8])

"""
## Where to go from here

- `sequence_length=(16, 32, 64, 128)` makes a file with a signature for each
length. Short texts then take a fraction of the time, in an app that makes the
ids itself: MediaPipe wants one length.
- `per_channel=False` is for the GPU, and for the Task Library, whose runtime
is of 2023. Its `BertQuestionAnswerer` opens question answering models of
`sequence_length=384`.
- A text embedder exports in the same way, for MediaPipe's `TextEmbedder`.
- `keras-squeeze export` does this on the command line, with `--app-files`, and
`keras-squeeze benchmark latency` measures files next to each other.
"""
