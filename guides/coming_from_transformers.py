"""
Title: Move from transformers to Keras
Author: The keras_squeeze authors
Date created: 2026/11/21
Last modified: 2026/11/27
Description: Run transformers scripts on Keras 3 by changing their imports.
Accelerator: None
"""

"""
## Introduction

Code written for `transformers` 4, in the style of PyTorch or TensorFlow, runs
on Keras 3 when `from transformers import` becomes `from keras_squeeze import`.
It works the same on TensorFlow, JAX and PyTorch. The classes have the same
names, arguments, outputs and files as the originals, so models trained here
load in transformers, and the other way round.

This guide ports a script, shows what else the models can do, and ends with two
tables: the names in both APIs, and the intended differences.
"""

"""
## Setup
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import pathlib
import tempfile

import keras

keras.utils.set_random_seed(0)
folder = pathlib.Path(tempfile.mkdtemp())

"""
## The original script

It learns to tell good reviews from bad ones, and saves the result:

```python
import tensorflow as tf
from transformers import AutoTokenizer
from transformers import TFAutoModelForSequenceClassification
from transformers import pipeline

checkpoint = "google/mobilebert-uncased"
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
model = TFAutoModelForSequenceClassification.from_pretrained(
    checkpoint, id2label={0: "bad", 1: "good"}
)
samples = datasets.Dataset.from_list(reviews).map(
    lambda review: tokenizer(review["text"])
)
train = model.prepare_tf_dataset(samples, batch_size=8, tokenizer=tokenizer)
model.compile(tf.keras.optimizers.Adam(2e-3), metrics=["accuracy"])
model.fit(train, epochs=20)

model.save_pretrained(folder)
tokenizer.save_pretrained(folder)
classify = pipeline("text-classification", model=str(folder))
classify("What a waste of time.")
```

"""

"""
## The ported script

Only the imports change. The tiny checkpoint comes with the package. It knows
little of the world, but enough for eight reviews. `prepare_tf_dataset()` also
accepts a `datasets.Dataset`; here we pass a list of dictionaries.

Gradients are clipped, because the published MobileBERT does not train without
clipping. `compile()` does this by default if you pass no optimizer.
"""

from keras_squeeze import AutoTokenizer
from keras_squeeze import TFAutoModelForSequenceClassification
from keras_squeeze import pipeline

texts = [
    "A wonderful film, I loved it.",
    "I loved every minute of it.",
    "Great actors and a great story.",
    "The best film of the year.",
    "A terrible film, I hated it.",
    "I hated every minute of it.",
    "Bad actors and a boring story.",
    "The worst film of the year.",
]
reviews = [{"text": text, "label": int(i < 4)} for i, text in enumerate(texts)]

checkpoint = "mobile_bert_tiny_en_uncased"
tokenizer = AutoTokenizer.from_pretrained(checkpoint)
model = TFAutoModelForSequenceClassification.from_pretrained(
    checkpoint, id2label={0: "bad", 1: "good"}
)
samples = [{**review, **tokenizer(review["text"])} for review in reviews]
train = model.prepare_tf_dataset(samples, batch_size=8, tokenizer=tokenizer)
model.compile(
    keras.optimizers.Adam(2e-3, global_clipnorm=1.0), metrics=["accuracy"]
)
model.fit(train, epochs=20, verbose=0)

model.save_pretrained(folder)
tokenizer.save_pretrained(folder)
classify = pipeline("text-classification", model=folder)
answers = classify(["What a terrible film.", "A great story, I loved it."])
for answer in answers:
    print(f"{answer['label']} ({answer['score']:.2f})")

"""
## In the style of PyTorch

Call a model with the output of the tokenizer, including labels, and it returns
named outputs. `TF` in a class name only changes the order of the positional
arguments to that of the TensorFlow classes.
"""

from keras_squeeze import MobileBertForSequenceClassification

model = MobileBertForSequenceClassification.from_pretrained(folder)
inputs = tokenizer(texts[:2], padding=True, return_tensors="np")
outputs = model(**inputs, labels=[1, 1], output_hidden_states=True)
print(f"Loss: {float(outputs.loss):.3f}, logits: {tuple(outputs.logits.shape)}")

"""
There is no `backward()` and no `step()`. `fit()` trains on the loss that the
model computes from its labels, in the same way on every backend. You can pass
it the encoding directly.

```python
model.compile()
model.fit({**inputs, "labels": labels}, batch_size=8, epochs=3)
```

The parts of a model have the same names as in transformers, and are frozen in
the same way. `model.mobilebert` is the model without its head. Its layers are
those of `model.backbone`, which is a KerasHub-style backbone.
"""

model.mobilebert.embeddings.trainable = False
for layer in model.mobilebert.encoder.layer[:2]:
    layer.trainable = False
print(f"{len(model.trainable_weights)} of {len(model.weights)} weights train")
model.mobilebert.trainable = True

"""
## Files work both ways

`save_pretrained()` writes the same files as the PyTorch classes:
`config.json` and `model.safetensors`.
"""

for path in sorted(folder.iterdir()):
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")

"""
So transformers can load the folder:

```python
import transformers

theirs = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
theirs.train()
theirs.save_pretrained(other_folder)
```

`from_pretrained(other_folder)` reads the result back. It reads every format:
safetensors, `pytorch_model.bin` and `tf_model.h5`, whole or sharded, from a
folder or from the hub.
"""

"""
## One model, two APIs

The computation is done by the layers of `keras_squeeze.models`, which follow
KerasHub: they take raw text in `fit()`, `predict()` and `annotate()`, and
export to phones. `model.task` is that object, and `from_task()` wraps it
again. Both share the weights.
"""

from keras_squeeze import models

task = models.MobileBertTextClassifier.from_preset(str(folder))
print(task.annotate("What a terrible film."))
wrapped = MobileBertForSequenceClassification.from_task(task)
print(wrapped.config.id2label)
classify = pipeline("text-classification", model=task)

"""
`keras_squeeze.export_tflite(task, "model.tflite")` exports it for phones. See
[getting started](getting_started.py).
"""

"""
## Names in both APIs

`keras_squeeze` has the names of transformers. `keras_squeeze.models` follows
KerasHub. `M` stands for `MobileBert` or `SqueezeBert`. The `TF` names exist
for both.

| `transformers` and `keras_squeeze` | `keras_squeeze.models` |
|---|---|
| `MConfig` | arguments of `MBackbone` |
| `MTokenizer`, `MTokenizerFast` | `MTokenizer`, a layer |
| `MModel`, `TFMModel` | `MBackbone`, `MTextEmbedder` |
| `MForMaskedLM` | `MMaskedLM` |
| `MForSequenceClassification` | `MTextClassifier` |
| `MForTokenClassification` | `MTokenClassifier` |
| `MForQuestionAnswering` | `MQuestionAnswering` |
| `MForMultipleChoice` | `MMultipleChoice` |
| `MobileBertForNextSentencePrediction` | `MobileBertNextSentencePredictor` |
| `MobileBertForPreTraining` | `MobileBertPretraining` |
| `AutoConfig`, `AutoTokenizer` | `from_preset()` of any class |
| `AutoModel...`, `TFAutoModel...` | `from_preset()` of base classes |
| `pipeline(...)` | `annotate()` |
| `DataCollator...` | not needed: preprocessors do this |
| `prepare_tf_dataset()` | not needed: `fit()` takes raw text |
| `from_pretrained()` | `from_preset()` |
| `save_pretrained()` | `save_to_preset()` |
| `input_ids` | `token_ids` |
| `token_type_ids` | `segment_ids` |
| `attention_mask` | `padding_mask` |
| `id2label` | `class_names` |
"""

"""
## Intended differences

Models:

| Behavior | transformers | here |
|---|---|---|
| Loss if all labels are ignored | NaN | 0 |
| `problem_type` inferred from labels | written to the config | not written |
| Attentions of SqueezeBERT | scores before the softmax | probabilities |
| `head_mask` of SqueezeBERT and of the TF classes | error | works |
| Loss of the TF classes | per sample, or one element | scalar |
| `tie_word_embeddings=False` of a language model | separate weights | error |
| Pooler of the classes without one | none | kept, but not saved |
| A folder without `config.json` | silently uses the defaults | error |
| Files of the TF classes | `tf_model.h5` | `model.safetensors` |
| `saved_model`, `variant`, `prune_heads()` | yes | `NotImplementedError` |

Tokenizers:

| Behavior | transformers | here |
|---|---|---|
| Warnings | logged | Python warnings |
| Errors of the `tokenizers` library | generic exceptions | `ValueError` |
| `save_pretrained()` to a file | does nothing | error |
| `tokenizer.json` after a padded call | keeps the padding | does not |
| `pad()` | modifies its argument | does not |
| Negative tokens in `token_to_word()` etc. | error | count from the end |
| `return_tensors="keras"` | no | yes |
| Slow, a single text without tokens | not padded | padded |
| Slow, removed tokens without a `max_length` | error | none |
| Slow, `split_special_tokens` for a batch | ignored | respected |
| Chat templates, `extra_special_tokens` attributes, training | yes | no |

Pipelines and batches:

| Behavior | transformers | here |
|---|---|---|
| `pipeline()` without a `model` | a default per task | error |
| Texts beyond the model's maximum length | mostly an error | truncated |
| `stride` of token classification | yes | `annotate()` has no limit |
| The same answer at two places of a context | once | twice |
| `align_to_words=False`, `max_question_len` | yes | no |
| Windows of a context | of different lengths | padded |
| `return_tensors` of data collators | defaults to `"pt"` | defaults to `"np"` |
| `DataCollatorForLanguageModeling(seed=0)` | not seeded | seeded |
| `whole_word_mask` | yes | no |
| Samples of `prepare_tf_dataset()` | a `datasets.Dataset` | also any list |

Do not pad a single text for MobileBERT. The model embeds each token together
with its neighbors, so padding after the last token changes its output, in both
packages. For this reason, pipelines predict one text at a time unless you set
`batch_size`.
"""
