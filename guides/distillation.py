"""
Title: Distil a BERT into a model for phones
Author: The keras_squeeze authors
Date created: 2026/11/21
Last modified: 2026/11/21
Description: From a BERT teacher to a small student, and on to a TFLite file.
Accelerator: None
"""

"""
## Introduction

A small model learns more from a large one than from text alone: the large one
says what it makes of each word, and the small one is to make the same of it.
MobileBERT was trained so, layer by layer.

Here a BERT with four layers is the teacher of a MobileBERT with two. Both are
tiny, and the text is a few hundred messages, so that everything takes a minute.
The code is the same for a real BERT and for a whole library.
"""

"""
## Setup
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pathlib
import tempfile

import keras
import keras_hub

import keras_squeeze
from keras_squeeze import distillation
from keras_squeeze import models
from keras_squeeze.datasets import sms_spam

keras.utils.set_random_seed(0)
folder = pathlib.Path(tempfile.mkdtemp())

"""
## A teacher

Any of these can teach:

- a backbone of this package, such as the published MobileBERT;
- a BERT-like backbone of KerasHub, as here;
- a checkpoint of the BERT family from Hugging Face, which PyTorch runs, on
every backend: `distillation.HuggingFaceTeacher("folder")`.

It must read the same token ids as the student. Ours has random weights; a real
one is `keras_hub.models.BertBackbone.from_preset("bert_base_en_uncased")`.
"""

teacher_backbone = keras_hub.models.BertBackbone(
    vocabulary_size=30522,
    num_layers=4,
    num_heads=2,
    hidden_dim=48,
    intermediate_dim=64,
)
teacher = distillation.BackboneTeacher(
    teacher_backbone, hidden_layers=[2, 4], attention_layers=[2, 4]
)

"""
## What it makes of the text

The teacher reads the text once. What it gives is kept on the disk, so that the
student can learn from it as often as it likes.
"""

(messages, labels), (test_messages, test_labels) = sms_spam.load_data()
messages, labels = messages[:512], labels[:512]
PRESET = "mobile_bert_tiny_en_uncased"
tokenizer = models.MobileBertTokenizer.from_preset(PRESET)
sequences = [
    [tokenizer.cls_token_id, *ids[:14], tokenizer.sep_token_id]
    for ids in tokenizer(list(messages))
]
cache = distillation.TeacherCache.write(folder / "cache", teacher, sequences)
print(f"{len(cache)} messages, {cache.lengths.sum()} tokens")

"""
## A student

The terms of the loss say what is to be alike: here the hidden states and the
attention of layer 1 are those of the teacher's layer 2, the ones of layer 2
those of layer 4, the pooled output tells the meaning of the whole text, and
masked words are guessed.
"""

student = models.MobileBertBackbone(
    num_layers=2,
    num_heads=2,
    hidden_dim=64,
    intermediate_dim=64,
    embedding_dim=32,
    bottleneck_dim=32,
    num_feedforward_networks=2,
    normalization_type="layer_norm",
    attention_dropout=0.0,
)
distiller = distillation.Distiller(
    student,
    [
        *distillation.layer_transfers(
            {1: 2, 2: 4}, teacher_dim=48, attention=True
        ),
        distillation.PooledTransfer(dim=48),
        distillation.masked_lm_transfer(student),
    ],
)

"""
## Learning, layer by layer

`"progressive"` is what MobileBERT did: one layer after the other, and what lies
below stays as it is; at the end, all of it learns to guess words. `"joint"` and
`"auxiliary"` are simpler. `distill()` writes its state as it goes: if it is
stopped, the same call goes on from there, and the learning curve is the same.
"""

STEPS = 12
stages = distillation.schedule("progressive", distiller.transfers, STEPS)
curve = distillation.distill(
    distiller,
    distillation.DistillationBatches(
        cache,
        steps=2 * STEPS,
        batch_tokens=512,
        masking=distillation.WordMasking(tokenizer),
    ),
    stages,
    folder / "training",
    optimizer=lambda steps: keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(3e-3, steps)
    ),
    save_every=6,
    log_every=3,
    # XLA would compile for longer than these few steps take.
    jit_compile=False,
)

"""
## A task, with a teacher

The student is a backbone like any other: `student.save_to_preset()` keeps it.
When it is fine-tuned, a teacher can help again, with labels that say how sure
it is. Any function that gives logits for texts will do; one that looks for
digits is not a bad judge of text messages.
"""


def judge(texts):
    digits = [sum(c.isdigit() for c in str(text)) for text in texts]
    return [[2.0 - n, n - 2.0] for n in digits]


classifier = models.MobileBertTextClassifier(
    student,
    class_names=["ham", "spam"],
    preprocessor=models.MobileBertTextClassifierPreprocessor(
        tokenizer, sequence_length=32
    ),
)
classifier.compile(
    optimizer=keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
    loss=distillation.SoftLabelLoss(num_classes=2),
    metrics=[distillation.SoftLabelAccuracy(num_classes=2)],
    jit_compile=False,
)
classifier.fit(
    messages,
    distillation.soft_labels(judge, messages, labels),
    batch_size=32,
    epochs=5,
    verbose=0,
)
accuracy = classifier.evaluate(
    test_messages[:200], test_labels[:200], verbose=0, return_dict=True
)["sparse_categorical_accuracy"]
print(f"accuracy {accuracy:.2f}")

"""
## To a phone
"""

report = keras_squeeze.export_tflite(
    classifier,
    folder / "classifier.tflite",
    sequence_length=32,
    quantization="dynamic_int8",
    verbose=False,
)
print(report)

"""
## Where to go from here

- `keras-squeeze finetune --teacher` fine-tunes with a teacher on the command
line; the teacher may be any text classifier of transformers. `--unlabelled` is
for more texts, which the teacher alone labels, and `presets/variants.py` writes
such texts from those that there are.
- `presets/README.md` tells how the tiny presets of the package were made.
"""
