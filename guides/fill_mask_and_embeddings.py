"""
Title: Fill in words and search by meaning
Author: The keras_squeeze authors
Date created: 2026/11/21
Last modified: 2026/11/21
Description: Masked language models and text embeddings, with the tiny presets.
Accelerator: None
"""

"""
## Introduction

Two jobs that need no labels. A *masked language model* says which words fit
into the gaps of a sentence; training it on one's own texts makes a backbone
that knows their words. A *text embedder* turns each text into a vector, so that
texts of a similar meaning are found by the angle between their vectors.
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

Without labels, `fit()` takes nothing but texts: the preprocessor picks 15 % of
the tokens, hides most of them behind `[MASK]`, and the model learns to say what
they were, other ones in each epoch. Our texts are the messages of the SMS Spam
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
    x_train[:1024],
    validation_data=(x_test[:128],),
    batch_size=32,
    epochs=1,
    verbose=2,
)

"""
`annotate()` gives the likeliest words for each `[MASK]`, and the sentence with
the gap filled.
"""

sentence = "Call me when you get [MASK]."
fillings = masked_lm.annotate(sentence, top_k=3)
for filling in fillings:
    print(f"{filling['score']:.3f} {filling['sequence']}")

"""
## Text embeddings

The vectors are the mean of the backbone's outputs over the tokens of a text, of
length one, so that the product of two of them is the cosine of their angle. The
tiny preset was taught by an embedder of sentences, so its vectors are good as
they are.
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
A search takes the vector of a question and finds the closest ones.
"""

query = "Claim your free prize!"
similarities = vectors @ embedder.predict([query])[0]
for i in np.argsort(-similarities)[:2]:
    print(f"{similarities[i]:.2f} {corpus[i]}")

"""
## To a phone

Both go into TFLite files like every other task; the one of the embedder gives
the vector as `embedding`.
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

- `masked_lm.backbone.save_to_preset()` saves the backbone, and any other task
starts from it with `from_preset()`.
- `keras-squeeze finetune --task masked_lm` trains on the lines of a text file.
"""
