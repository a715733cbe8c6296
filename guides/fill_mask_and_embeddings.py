"""
Title: Fill in words and search by meaning
Author: The keras_squeeze authors
Date created: 2026/11/21
Last modified: 2026/11/28
Description: Masked language models and text embeddings, with the tiny presets.
Accelerator: None
"""

"""
## Introduction

This guide is about two tasks that need no labels. A *masked language model*
predicts the words for the gaps in a sentence. Training it on your own texts
gives a backbone that knows their vocabulary. A *text embedder* turns each text
into a vector, so that texts with similar meanings have a small angle between
their vectors.
"""

"""
## Setup
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

import keras_squeeze
from keras_squeeze import models

keras.utils.set_random_seed(0)

"""
## Masked language models

`fit()` needs only texts. The preprocessor selects 15 % of the tokens, new ones
in each epoch, and replaces most of them with `[MASK]`. The model learns to
predict the original tokens. Our texts are the messages of the SMS Spam
Collection.
"""

(x_train, _), (x_test, _) = keras_squeeze.datasets.sms_spam.load_data()

masked_lm = models.MobileBertMaskedLM.from_preset(
    "mobile_bert_tiny_en_uncased",
    preprocessor=models.MobileBertMaskedLMPreprocessor.from_preset(
        "mobile_bert_tiny_en_uncased",
        sequence_length=32,
        mask_selection_length=8,
    ),
)
masked_lm.compile(
    optimizer=keras.optimizers.Adam(2e-3, global_clipnorm=1.0),
)
masked_lm.fit(
    x_train[:512],
    validation_data=(x_test[:64],),
    batch_size=32,
    epochs=1,
    verbose=2,
)

"""
`annotate()` returns the most likely words for each `[MASK]`, and the sentence
with the gap filled.
"""

sentence = "Call me when you get [MASK]."
fillings = masked_lm.annotate(sentence, top_k=3)
for filling in fillings:
    print(f"{filling['score']:.3f} {filling['sequence']}")

"""
## Text embeddings

A vector is the mean of the backbone's outputs over the tokens of a text,
normalized to length one. The product of two vectors is therefore the cosine of
their angle. The tiny preset was trained with a sentence embedder as its
teacher, so its vectors work without further training.
"""

embedder = models.MobileBertTextEmbedder.from_preset(
    "mobile_bert_tiny_en_uncased"
)
embedder.preprocessor.sequence_length = 32
corpus = [
    "Are you free for lunch at noon?",
    "You have won a cash prize, call now to claim.",
    "The train is late, I will be home after eight.",
    "Happy birthday! Have a lovely day.",
    "Free ringtones, text WIN to this number.",
]
vectors = embedder.predict(corpus)
print(vectors.shape)

"""
To search, embed the query and find the closest vectors.
"""

query = "Claim your free prize!"
similarities = vectors @ embedder.predict([query])[0]
for i in np.argsort(-similarities)[:2]:
    print(f"{similarities[i]:.2f} {corpus[i]}")

"""
## To a phone

Both tasks export to TFLite files like every other task. The embedder's file has
the vector as its output `embedding`.
"""

import pathlib
import tempfile

report = keras_squeeze.export_tflite(
    embedder,
    pathlib.Path(tempfile.mkdtemp()) / "embedder.tflite",
    sequence_length=32,
    quantization="dynamic_int8",
    verbose=False,
)
print(report)

"""
## Where to go from here

- `masked_lm.backbone.save_to_preset()` saves the backbone. Any other task can
  load it with `from_preset()`.
- `keras-squeeze finetune --task masked_lm` trains on the lines of a text file.
"""
