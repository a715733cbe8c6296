"""
Title: Come from transformers
Author: The keras_squeeze authors
Date created: 2026/11/21
Last modified: 2026/11/21
Description: Run scripts for transformers on Keras 3 with other import lines.
Accelerator: None
"""

"""
## Introduction

Code that was written for release 4 of `transformers`, in the style of PyTorch
or of TensorFlow, runs on Keras 3 when `from transformers import` becomes `from
keras_squeeze import`, on TensorFlow, JAX and PyTorch alike. The classes have
the names, the arguments, the outputs and the files of the originals, so that
models go back and forth: what is trained here loads in transformers, and the
other way round.

This guide takes a script along, shows what the models can do besides, and ends
with two tables: what is called how, and what differs on purpose.
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
## The script before

It learns to tell whether a review is a good one, and keeps the result:

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
## The script after

The imports are others. The tiny checkpoint is inside the package and has learnt
little of the world, which is enough for eight reviews. `prepare_tf_dataset()`
takes a `datasets.Dataset`, too; any list of dictionaries will do.

Gradients are clipped: without it, the published MobileBERT does not train. That
is what `compile()` does by default, if it is not given an optimizer.
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

Models are called with what the tokenizer returns, labels included, and give
outputs with names. `TF` in a name says nothing but the order of positional
arguments, which was another one in TensorFlow.
"""

from keras_squeeze import MobileBertForSequenceClassification

model = MobileBertForSequenceClassification.from_pretrained(folder)
inputs = tokenizer(texts[:2], padding=True, return_tensors="np")
outputs = model(**inputs, labels=[1, 1], output_hidden_states=True)
print(f"Loss: {float(outputs.loss):.3f}, logits: {tuple(outputs.logits.shape)}")

"""
There are no `backward()` and no `step()`: `fit()` trains, on the loss that the
model computes of its labels, and is the same on every backend. Inputs of
`fit()` may be the encoding itself.

```python
model.compile()
model.fit({**inputs, "labels": labels}, batch_size=8, epochs=3)
```

Parts have the names that they have in transformers, and freeze in the same way.
`model.mobilebert` is the model without its head. Its layers are those of
`model.backbone`, which has the form of KerasHub's.
"""

model.mobilebert.embeddings.trainable = False
for layer in model.mobilebert.encoder.layer[:2]:
    layer.trainable = False
print(f"{len(model.trainable_weights)} of {len(model.weights)} weights train")
model.mobilebert.trainable = True

"""
## Files go both ways

`save_pretrained()` writes what PyTorch's classes write: `config.json` and
`model.safetensors`.
"""

for path in sorted(folder.iterdir()):
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")

"""
So this needs nothing but the folder:

```python
import transformers

theirs = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
theirs.train()
theirs.save_pretrained(other_folder)
```

And `from_pretrained(other_folder)` reads it again. It reads every format that
there is: safetensors, `pytorch_model.bin` and `tf_model.h5`, in one piece or in
shards, from a folder or from the hub.
"""

"""
## One model, two faces

The computing is done by the layers of `keras_squeeze.models`, which have the
form of KerasHub's: they take raw text in `fit()`, `predict()` and `annotate()`,
and export to phones. `model.task` is that object, and `from_task()` leads back.
The weights are shared.
"""

from keras_squeeze import models

task = models.MobileBertTextClassifier.from_preset(str(folder))
print(task.annotate("What a terrible film."))
wrapped = MobileBertForSequenceClassification.from_task(task)
print(wrapped.config.id2label)
classify = pipeline("text-classification", model=task)

"""
`keras_squeeze.export_tflite(task, "model.tflite")` makes a file for phones of
it, see [getting started](getting_started.py).
"""

"""
## What is called how

The names of transformers are those of `keras_squeeze`. Those of
`keras_squeeze.models` follow KerasHub. `M` is `MobileBert` or `SqueezeBert`,
and the names with `TF` exist for both.

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
| `DataCollator...` | preprocessors do it |
| `prepare_tf_dataset()` | raw texts go into `fit()` |
| `from_pretrained()` | `from_preset()` |
| `save_pretrained()` | `save_to_preset()` |
| `input_ids` | `token_ids` |
| `token_type_ids` | `segment_ids` |
| `attention_mask` | `padding_mask` |
| `id2label` | `class_names` |
"""

"""
## What differs on purpose

Models:

| What | transformers | here |
|---|---|---|
| Loss if all labels are ignored | NaN | 0 |
| `problem_type` that labels imply | is written to the config | is not |
| Attentions of SqueezeBERT | scores before the softmax | probabilities |
| `head_mask` of SqueezeBERT and of the TF classes | an error | works |
| Loss of the TF classes | one a sample, or of one element | a scalar |
| `tie_word_embeddings=False` of a language model | weights apart | an error |
| Pooler of the classes without one | none | kept, and not saved |
| A folder without `config.json` | the defaults, silently | an error |
| Files of the TF classes | `tf_model.h5` | `model.safetensors` |
| `saved_model`, `variant`, `prune_heads()` | there | `NotImplementedError` |

Tokenizers:

| What | transformers | here |
|---|---|---|
| Warnings | on a log | of Python |
| Faults of the `tokenizers` library | of no class | `ValueError` |
| `save_pretrained()` to a file | does nothing | an error |
| `tokenizer.json` after a padded call | pads from then on | does not |
| `pad()` | changes its argument | does not |
| Negative tokens in `token_to_word()` and the like | an error | from the end |
| `return_tensors` | no `"keras"` | `"keras"` |
| Slow, a single text without tokens | not padded | padded |
| Slow, removed tokens without a `max_length` | an error | none |
| Slow, `split_special_tokens` for a batch | ignored | heeded |
| Chat templates, attributes of `extra_special_tokens`, training | there | not |

Pipelines and batches:

| What | transformers | here |
|---|---|---|
| `pipeline()` without a `model` | has one for each task | an error |
| Texts longer than the model can read | mostly an error | are cut |
| `stride` of token classification | there | `annotate()` has no limit |
| The same answer at two places of a context | once | twice |
| `align_to_words=False`, `max_question_len` | there | not |
| Windows of a context | of their own length | padded |
| `return_tensors` of data collators | `"pt"` by default | `"np"` |
| `DataCollatorForLanguageModeling(seed=0)` | not seeded | seeded |
| `whole_word_mask` | there | not |
| Samples of `prepare_tf_dataset()` | a `datasets.Dataset` | any list, too |

The `tokenizer` of a MobileBERT is best called without padding for a single
text: the model embeds each token with its neighbours, so that padding next to
the last one changes what it gives, here as well as there. So pipelines read one
text at a time, unless `batch_size` says otherwise.
"""
