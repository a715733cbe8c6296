"""
Title: Find names and answers in texts
Author: The keras_squeeze authors
Date created: 2026/11/21
Last modified: 2026/11/27
Description: Token classification and question answering, from text to span.
Accelerator: None
"""

"""
## Introduction

This guide covers two tasks that find spans in a text. A *token classifier*
finds names and their types, and *question answering* finds the words that
answer a question. Both return character positions in the original text, however
long it is.

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

# XLA would compile for longer than these few steps take.
JIT_COMPILE = False if keras.backend.backend() == "tensorflow" else "auto"

"""
## Entities

The inputs are lists of words, and the labels are lists with one label per word.
In the usual scheme, `B-` begins an entity, `I-` continues it, and `O` is
everything else.
"""

sentences = [
    "Ada Lovelace was born in London .",
    "The river Thames flows through London .",
    "Marie Curie moved from Warsaw to Paris .",
    "Nobody lives at the South Pole .",
    "Alan Turing studied in Cambridge .",
    "The train to Paris leaves at nine .",
]
labels = [
    "B-person I-person O O O B-place O",
    "O O B-place O O B-place O",
    "B-person I-person O O B-place O B-place O",
    "O O O O B-place I-place O",
    "B-person I-person O O B-place O",
    "O O O B-place O O O O",
]
x = [sentence.split() for sentence in sentences]
y = [row.split() for row in labels]

classifier = models.MobileBertTokenClassifier.from_preset(
    "mobile_bert_tiny_en_uncased",
    class_names=["O", "B-person", "I-person", "B-place", "I-place"],
)
classifier.preprocessor.sequence_length = 48
classifier.preprocessor.stride = 8
classifier.compile(
    optimizer=keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
    jit_compile=JIT_COMPILE,
)
classifier.fit(x, y, batch_size=6, epochs=30, verbose=0)

"""
`annotate()` takes words or plain text. `start` and `end` are character
positions, so `text[start:end]` is the entity.
"""

text = "Ada Lovelace was born in London."
entities = classifier.annotate(text)
for entity in entities:
    print(f"{entity['label']} ({entity['score']:.2f}): {entity['word']}")

"""
## Answers

A sample is a question and a context. The label is the answer and its start
position in the context. A context that is too long for the model is split into
overlapping windows, and `annotate()` merges their answers.
"""

context = (
    "The Thames is a river that flows through southern England. It rises at "
    "Thames Head in Gloucestershire, and flows into the North Sea."
)
questions = [
    "Where does the Thames rise?",
    "What does the Thames flow into?",
    "Which part of England does it flow through?",
]
answers = [
    "Thames Head in Gloucestershire",
    "the North Sea",
    "southern England",
]

question_answering = models.MobileBertQuestionAnswering.from_preset(
    "mobile_bert_tiny_en_uncased"
)
question_answering.preprocessor.sequence_length = 48
question_answering.preprocessor.stride = 8
question_answering.compile(
    optimizer=keras.optimizers.Adam(1e-3, global_clipnorm=1.0),
    jit_compile=JIT_COMPILE,
)
x = {"question": questions, "context": [context] * len(questions)}
y = {
    "answer_start": [context.index(answer) for answer in answers],
    "answer_text": answers,
}
question_answering.fit(x, y, batch_size=3, epochs=100, verbose=0)
found = question_answering.annotate(x)
for question, answer in zip(questions, found, strict=True):
    print(f"{question} {answer['answer']} ({answer['score']:.2f})")

"""
## To a phone

The file of a question answering task has the outputs `start_logits` and
`end_logits`.
"""

import pathlib
import tempfile

report = keras_squeeze.export_tflite(
    question_answering,
    pathlib.Path(tempfile.mkdtemp()) / "question_answering.tflite",
    sequence_length=48,
    quantization="dynamic_int8",
    verbose=False,
)
print(report)

"""
## Where to go from here

- `keras-squeeze finetune --task token_classification --train train.conll`
  trains on files in the CoNLL format, and `--task question_answering --train
  train.json` on files in the SQuAD format.
- `keras_squeeze.metrics` has the metrics of both tasks: precision, recall and
  F1 of whole entities, and exact match and F1 of answers.
"""
