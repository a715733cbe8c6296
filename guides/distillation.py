"""
Title: Distill BERT into a model for phones
Author: The keras_squeeze authors
Date created: 2026/11/21
Last modified: 2026/11/27
Description: Train a small student from a BERT teacher and export it to TFLite.
Accelerator: None
"""

"""
## Introduction

A small model learns more from a large model than from text alone. The large
model, the *teacher*, provides its outputs for every token, and the small one,
the *student*, learns to reproduce them. MobileBERT was trained this way, layer
by layer.

Here the teacher is a BERT with four layers, and the student a MobileBERT with
two. Both are tiny and the text is a few hundred messages, so the guide runs in
a minute. The code is the same for a real BERT and a large corpus.
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

A teacher can be:

- a backbone of this package, such as the published MobileBERT;
- a BERT-like backbone of KerasHub, as here;
- a BERT-like checkpoint from Hugging Face, which PyTorch runs on every backend:
  `distillation.HuggingFaceTeacher("folder")`.

It must read the same token ids as the student. Ours has random weights. For a
real one, use
`keras_hub.models.BertBackbone.from_preset("bert_base_en_uncased")`.
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
## The teacher's outputs

The teacher reads the text once. Its outputs are cached on disk, so the
student can train on them for as many epochs as needed.
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

The transfers are the terms of the loss. Here, the hidden states and attention
of the student's layers 1 and 2 are trained to match the teacher's layers 2 and
4. The pooled output learns the meaning of the whole text, and the language
modeling head learns to predict masked words.
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
## Training, layer by layer

`"progressive"` is MobileBERT's schedule: it trains one layer after the other
while the layers below are frozen, and ends with masked language modeling for
the whole model. `"joint"` and `"auxiliary"` are simpler. `distill()` saves
its state regularly. If it is interrupted, the same call resumes with the same
learning curve.
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
## A task with a teacher

The student is a regular backbone: `student.save_to_preset()` saves it. A
teacher can also help with fine-tuning, by providing soft labels. Any function
from texts to logits will do. One that counts digits is not a bad judge of
text messages.
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
  line. The teacher can be any model of transformers that classifies texts or
  words, or answers questions. `--unlabelled` adds texts that only the teacher
  labels, and `presets/variants.py` generates such texts from the labeled ones.
- `HuggingFaceTeacher(folder, vocabulary=...)` takes checkpoints with the same
  tokens and other ids, such as MPNet.
- `presets/README.md` describes how the tiny presets of the package were made.
"""
