"""
Title: From fit() to a phone
Author: The keras_squeeze authors
Date created: 2026/11/21
Last modified: 2026/11/27
Description: Export a model to a file that MediaPipe runs, and read its report.
Accelerator: None
"""

"""
## Introduction

On a phone, a model is a TFLite file in an app. Much can go wrong on the way
there: the app's library may not open the file, its token ids may differ from
those in training, or quantization may change the scores. `export_tflite()`
checks all of this and writes a report.

In this guide we train a small MobileBERT on text messages, export it in 8 bits,
and run the file with MediaPipe, the library for Android and iOS apps. MediaPipe
for Python has the same kernels and the same tokenizer: `pip install mediapipe`.
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

This is the same as in the guide *Getting started*, on a part of the messages.
MediaPipe returns class names, so we set them.
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

With `quantization="dynamic_int8"` the weights have 8 bits, which makes the file
four times smaller, and faster. `evaluation_data` measures the effect on
accuracy. `app_files` also writes the files for an app that does not use
MediaPipe; see below.
"""

folder = pathlib.Path(tempfile.mkdtemp())
report = keras_squeeze.export_tflite(
    classifier,
    folder / "spam.tflite",
    sequence_length=32,
    quantization="dynamic_int8",
    evaluation_data=(x_test, y_test),
    app_files=["kotlin", "swift"],
    verbose=False,
)
print(report)

"""
The report answers the questions of an app developer:

- *differences* and *predictions* compare the file with the Keras model on real
  text, with the kernels that phones use. If they disagree, the file is not
  kept.
- *phones* lists the libraries that can open the file. The vocabulary and labels
  are inside the file, so the app needs nothing else.
- *GPU delegate* says how many operations a phone's GPU runs, according to the
  published rules of LiteRT 2 and of the runtimes before it, and why the others
  run on the CPU. LiteRT 2 runs all operations of a file in float32 or
  `"dynamic_int8"`. Of a file in `"float16"`, the CPU looks up the tokens,
  because the delegate requires a table of the type of its outputs.

`report.save("spam.json")` saves the report.
"""

"""
## MediaPipe

MediaPipe opens the file and takes text.
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
An Android app needs the same few lines:

```kotlin
val classifier = TextClassifier.createFromFile(context, "spam.tflite")
val best = classifier.classify(message)
    .classificationResult().classifications()[0].categories()[0]
```

The scores match those of the Keras model.
"""

for message, answer in zip(
    messages, classifier.annotate(messages), strict=True
):
    print(f"{answer['label']} ({answer['score']:.3f}): {message}")

"""
## Where MediaPipe tokenizes differently

MediaPipe only lowercases the letters A to Z, and keeps accents. BERT
lowercases all letters and removes accents. To MediaPipe, `café` is therefore
an unknown word. The report counts the evaluation texts whose token ids differ
because of this, and lists them.
"""

differing_texts = report.phone_libraries.differing_texts
print(len(differing_texts), "of", report.phone_libraries.texts)
print(differing_texts[:3])

"""
## Without MediaPipe

An app that computes the token ids itself reads text exactly as the Keras model
does. The files for such an app are next to the model file: the vocabulary and
the labels; a contract that describes the inputs, the outputs and the tokenizer;
and golden examples of texts, ids and outputs for the app's tests. With
`["kotlin", "swift"]` instead of `True`, there is also the code of the tokenizer
in these languages, and a table of characters that it needs.
"""

app_folder = pathlib.Path(report.app_folder)
print(sorted(path.name for path in app_folder.iterdir()))
contract = json.loads((app_folder / "contract.json").read_text("utf-8"))
print(json.dumps(contract["tokenizer"], indent=2))
golden = json.loads((app_folder / "golden.json").read_text("utf-8"))
print(golden[0]["texts"], golden[0]["inputs"]["input_word_ids"][:8])

"""
The code is one file per language, to be copied into the app. The one in Kotlin
gives the same ids as the Keras model for tens of thousands of generated texts
in the tests of this package, and the one in Swift is the same program, which
was not compiled there. Both can check the file on the phone, with the golden
examples. On Android, with LiteRT:

```kotlin
fun read(name: String) = assets.open(name).bufferedReader().readText()

val tokenizer = WordPieceTokenizer(
    read("contract.json"), read("vocab.txt"), read("characters.json"))
val interpreter = Interpreter(file)

fun run(name: String, ids: Map<String, IntArray>): Map<String, FloatArray> {
    val inputs = ids.mapValues { arrayOf(it.value) }
    val outputs = mapOf("probabilities" to arrayOf(FloatArray(2)))
    interpreter.runSignature(inputs, outputs, name)
    return outputs.mapValues { it.value[0] }
}

val differences = tokenizer.check(read("golden.json"), 0.1f, ::run)
val inputs = tokenizer.pack(listOf("You won! Call now"), 32)
val scores = run("serving_default", inputs)
```

## Privacy

Texts do not leave the device. MediaPipe's terms of service say that its
libraries send metrics about their use to Google, and that the app must obtain
the consent of its users where the law requires it. LiteRT alone has no such
terms.
"""

"""
A web page is such an app. This command writes one with plain JavaScript that
computes the ids and checks itself against the golden examples:

```shell
keras-squeeze demo --file spam.tflite --output page
```
"""

"""
## On a phone, from the command line

`pip install litert-cli` installs Google's command `litert`. It needs an
environment of its own, because it requires a certain version of LiteRT. It
fills inputs with random numbers unless it is told what to use, and LiteRT
refuses ids that are not in the vocabulary. This runs the file on this machine:

```shell
ONES="[$(yes 1 | head -n 32 | paste -sd,)]"
litert run spam.tflite --desktop --cpu --print-tensors \
  --input input_word_ids=$ONES --input input_mask=$ONES \
  --input input_type_ids=$ONES
```

This measures it on the GPU of an Android phone that is connected with `adb`,
and without `--gpu` on its CPU:

```shell
RANGES=input_word_ids,0,30521:input_mask,1,1:input_type_ids,0,1
litert benchmark spam.tflite --android --gpu --input-layer-value-range $RANGES
```

And this compiles it for the NPU of a chip, here a Snapdragon 8 Elite:

```shell
litert compile spam.tflite --target sm8750
```

We have run the first of these commands, with litert-cli 0.2.1. The other two
are from its documentation: we had no phone, and `compile` downloads Qualcomm's
compiler.
"""

"""
## Where to go from here

- `sequence_length=(16, 32, 64, 128)` makes a file with one signature per
  length. Short texts then take a fraction of the time. This is for apps that
  compute the ids themselves: MediaPipe needs a single length.
- `per_channel=False` is for the GPU in TFLite and LiteRT 1, and for the Task
  Library, whose runtime dates from 2023. Its `BertQuestionAnswerer` opens
  question answering models with `sequence_length=384`.
- A text embedder exports in the same way, for MediaPipe's `TextEmbedder`.
- `keras-squeeze export` does this on the command line, with `--app-files`, and
  `keras-squeeze benchmark latency` compares the speed of files.
"""
