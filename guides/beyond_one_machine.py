"""
Title: Beyond one machine
Author: The keras_squeeze authors
Date created: 2026/11/28
Last modified: 2026/11/28
Description: The same lines on one device, on several and on a cluster.
Accelerator: GPU
"""

"""
## Setup

Several devices need JAX. On a machine without GPUs, it can divide the CPU into
virtual ones, which is how the tests run this guide. Remove the second line on a
machine with GPUs or TPUs.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"

import keras

import keras_squeeze
from keras_squeeze import models

PRESET = "mobile_bert_tiny_en_uncased"
texts = ["See you at home, mum", "WINNER!! Call 09061701461 to claim"] * 8
labels = ["ham", "spam"] * 8

"""
## One device

These are all the lines that the next sections have in common.
"""


def train_and_answer():
    keras.utils.set_random_seed(0)
    classifier = models.MobileBertTextClassifier.from_preset(
        PRESET, class_names=["ham", "spam"]
    )
    classifier.fit(texts, labels, batch_size=8, verbose=0)
    return classifier.annotate(texts[:2])


answers = {"one device": train_and_answer()}

"""
## Two devices

Each device has all of the weights, and computes a half of each batch. Tell
Keras before the model is created.
"""

devices = keras.distribution.list_devices()
with keras.distribution.DataParallel(devices=devices[:2]).scope():
    answers["two devices"] = train_and_answer()

"""
## A mesh

A model that is too large for one device is divided as well: here in two parts,
each on two devices. `get_layout_map()` of a backbone says how.
"""

mesh = keras.distribution.DeviceMesh((2, 2), ("batch", "model"), devices[:4])
layout_map = models.MobileBertBackbone.get_layout_map(mesh)
with keras.distribution.ModelParallel(layout_map=layout_map).scope():
    answers["a mesh of four devices"] = train_and_answer()

for name, (first, second) in answers.items():
    print(f"{name}: {first['score']:.3f} {second['score']:.3f}")

"""
The answers are the same, up to rounding. To use the devices of several
machines, start the same script on each of them, and call
`keras.distribution.initialize()` first. Each process tokenizes a part of the
texts, and the first one writes the files, to a folder that all can read.

`keras-squeeze benchmark devices` predicts how well several GPUs share a
training, from the work that JAX counts for each of them. For batches of 32
sequences of 128 tokens per GPU, it predicts these efficiencies of eight GPUs
that NVLink connects, relative to a single one:

| | A100 SXM 80GB | H100 SXM |
|---|---|---|
| `squeeze_bert_tiny_en_uncased` | 0.95 | 0.95 |
| `mobile_bert_tiny_en_uncased` | 0.95 | 0.94 |
| the published MobileBERT | 0.95 | 0.95 |

This assumes the published speeds of TF32 (156 and 494.7 TFLOP/s), of the memory
(2.04 and 3.35 TB/s) and of NVLink (300 and 450 GB/s in each direction), the
memory that the program would use on CPUs, and that gradients are exchanged
after the computation. It was not measured on eight GPUs.

## Several GPUs on PyTorch

Keras trains on one device on PyTorch. A task is a PyTorch module as well, so
that a loop of your own can give each process a part of each batch, with
`torchrun --nproc-per-node 2 train.py`. The tests run this one with two
processes on CPUs. On GPUs, call `torch.cuda.set_device(rank)` before the model
is created.

```python
import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch

from keras_squeeze import models

torch.distributed.init_process_group()
rank = torch.distributed.get_rank()
count = torch.distributed.get_world_size()
texts = ["See you at home, mum", "WINNER!! Call 09061701461 to claim"] * 8
labels = [0, 1] * 8

keras.utils.set_random_seed(0)
classifier = models.MobileBertTextClassifier.from_preset(
    "mobile_bert_tiny_en_uncased", class_names=["ham", "spam"]
)
inputs = classifier.preprocessor(texts)
labels = keras.ops.convert_to_tensor(labels, dtype="int64")
model = torch.nn.parallel.DistributedDataParallel(classifier)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step in range(5):
    # Each process takes its own texts.
    mine = {name: ids[rank::count] for name, ids in inputs.items()}
    logits = model(mine, training=True)
    loss = torch.nn.functional.cross_entropy(logits, labels[rank::count])
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
if rank == 0:
    classifier.save_to_preset("spam_classifier")
torch.distributed.destroy_process_group()
```

## Files of any size

To answer many texts, machines need not work together: each has the whole model,
and its own texts. `score_files()` reads a file in blocks and writes the rows of
a block with their answers when all of them are there. If it is stopped, call it
again.
"""

import json
import pathlib
import tempfile

folder = pathlib.Path(tempfile.mkdtemp())
data = folder / "messages.jsonl"
data.write_text("".join(f"{json.dumps({'text': x})}\n" for x in texts))
fine_tuned = "mobile_bert_tiny_en_uncased_sms_spam"
counts = keras_squeeze.scoring.score_files(
    fine_tuned, str(data), folder / "scores"
)
print(f"{counts.scored} rows, {counts.rejected} of them rejected")

"""
The same on the command line, for the processes of one machine or of a Ray
cluster. Both need `pip install "keras-squeeze[ray]"`:
"""

"""shell
keras-squeeze score --preset my_preset --input "*.csv" --output a --workers 4
keras-squeeze score --preset my_preset --input "*.csv" --output b --address auto
"""

"""
The files are read and written by the process that you start, so that the other
machines only need to see the preset. If one of them fails, another one computes
its blocks again.

## In other engines

`Annotate` adds the answers to a batch, a dictionary of columns. Engines create
one per worker, which loads the model once.
"""

annotate = keras_squeeze.scoring.Annotate(fine_tuned, text_column="text")
batch = annotate({"text": texts[:2]})
print(batch["label"], batch["score"])

"""
This is all that Ray Data and `datasets` need. The tests run both, where they
are installed:
"""

import importlib.util

found = {"Annotate": list(batch["label"])}
if importlib.util.find_spec("ray"):
    import ray

    # The workers have one device each.
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        runtime_env={"env_vars": {"XLA_FLAGS": ""}},
    )
    rows = ray.data.from_items([{"text": text} for text in texts[:2]])
    rows = rows.map_batches(
        keras_squeeze.scoring.Annotate,
        fn_constructor_kwargs={"model": fine_tuned},
        concurrency=1,
    )
    found["Ray Data"] = [row["label"] for row in rows.take_all()]
    ray.shutdown()
if importlib.util.find_spec("datasets"):
    import datasets

    rows = datasets.Dataset.from_dict({"text": texts[:2]})
    rows = rows.map(annotate, batched=True, batch_size=1000)
    found["datasets"] = list(rows["label"])
print(found)

"""
The tests do not run the following engines. In Spark, `mapInPandas()` passes an
iterator of data frames to each task:

```python
import pandas as pd


def annotate_frames(frames):
    annotate = keras_squeeze.scoring.Annotate("my_preset")
    for frame in frames:
        yield pd.DataFrame(annotate(frame.to_dict("list")))


frame.mapInPandas(annotate_frames, "text string, label string, score double")
```

In Dask, `map_partitions()` passes data frames. An `Annotate` is sent to the
workers as its arguments, and loads the model there:

```python
import pandas as pd

annotate = keras_squeeze.scoring.Annotate("my_preset")
frame.map_partitions(
    lambda part: pd.DataFrame(annotate(part.to_dict("list"))),
    meta={"text": "object", "label": "object", "score": "float64"},
)
```

In Beam, a `ModelHandler` loads the model once per worker:

```python
from apache_beam.ml.inference.base import ModelHandler
from apache_beam.ml.inference.base import RunInference


class AnnotateHandler(ModelHandler):
    def load_model(self):
        return keras_squeeze.scoring.Annotate("my_preset")

    def run_inference(self, batch, model, inference_args=None):
        answers = model({"text": list(batch)})
        yield from zip(batch, answers["label"], answers["score"])


texts | RunInference(AnnotateHandler())
```
"""
