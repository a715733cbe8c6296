"""Reproduce the preset that classifies text messages as spam or not.

    python presets/sms_spam.py

It is the tiny MobileBERT, fine-tuned on the training split of the SMS Spam
Collection, which the package includes, in the same way as by `keras-squeeze
quickstart`. A tenth of the training split is held out to choose the best
epoch. The test split is not used for any choice.

The preset is written next to this file: weights in half precision,
configuration, tokenizer, the learning curve, the provenance, and `README.md`,
the model card.
"""

import argparse
import json
import os
import pathlib
import shutil
import tempfile
import time

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from measures import bootstrap  # noqa: E402
from measures import f1  # noqa: E402
from measures import table  # noqa: E402
from measures import wilson  # noqa: E402
from preset_folder import FOLDER  # noqa: E402
from preset_folder import hardware  # noqa: E402
from preset_folder import save  # noqa: E402

import keras_squeeze  # noqa: E402
from keras_squeeze.cli import training  # noqa: E402
from keras_squeeze.datasets import sms_spam  # noqa: E402
from keras_squeeze.export.report import checksum  # noqa: E402

BASE = "mobile_bert_tiny_en_uncased"
NAME = f"{BASE}_sms_spam"

CARD = """\
---
license: apache-2.0
language: en
library_name: keras-squeeze
pipeline_tag: text-classification
base_model: {base}
---
# {name}

Detects spam among English text messages, on the phone: {base},
a MobileBERT model with {parameters:,} parameters, fine-tuned.

```shell
keras-squeeze predict --preset {name} "Call 09061701461 to claim your prize"
keras-squeeze export --preset {name} --output spam.tflite
```

## Intended use

For sorting text messages into `ham` and `spam` without a network, so that no
message leaves the phone, and as an example of a complete model. The model
returns a score, not a decision: let people see the messages that were sorted
out, and let them correct mistakes.

## Data

The [SMS Spam Collection](https://doi.org/10.24432/C5CC84) of Tiago A. Almeida
and José María Gómez Hidalgo (2011), licensed under
[CC BY 4.0](https://creativecommons.org/licenses/by/4.0/). Duplicate messages
were removed. The rest were split into {train:,} messages for training,
{validation:,} for choosing the best epoch, and {test:,} for testing,
including {spam:,} spam messages. No settings were chosen on the test split.

## Metrics

On the test split, with 95 % confidence intervals: Wilson intervals for
proportions, and a bootstrap with 10,000 samples for F1.

| metric | value | interval |
|---|---|---|
{rows}

These values are from a single training run with one seed.

## Limits

- The messages were written in English, in the United Kingdom and in Singapore,
  before 2012. Spam has changed since then: it now has links, and few premium
  numbers. The accuracy on recent messages was not measured.
- Spammers can reword a message so that it is classified as `ham`.
- Wanted messages from businesses, such as reminders and offers, are rare among
  the `ham` of the collection.
- Only the first {sequence_length} tokens of a message are read, ignoring case
  and accents.

## Weights

Licensed under the Apache License 2.0. `provenance.json` has the settings, the
versions and the checksums. `python presets/sms_spam.py` reproduces them.
"""


def spam_f1(y, answers):
    """F1 of spam, with a 95 % bootstrap confidence interval."""
    is_found = answers == 1
    counts = np.stack([is_found & (y == 1), is_found, y == 1], axis=-1)
    return bootstrap(counts.astype("int64"), f1)


def measure(y, answers):
    """Compute the metrics of the answers, by name."""
    is_spam = y == 1
    return {
        "accuracy": wilson((answers == y).sum(), len(y)),
        "precision of spam": wilson(
            (answers[is_spam] == 1).sum(), (answers == 1).sum()
        ),
        "recall of spam": wilson((answers[is_spam] == 1).sum(), is_spam.sum()),
        "ham taken for spam": wilson(
            (answers[~is_spam] == 1).sum(), (~is_spam).sum()
        ),
        "F1 of spam": spam_f1(y, answers),
    }


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", default=BASE)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--sequence-length", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--output", default=str(FOLDER), help="folder of the presets"
    )
    return parser.parse_args()


def main():
    args = parse_args()
    (x, y), (x_test, y_test) = sms_spam.load_data()
    is_held_out = training.hold_out(y, 0.1, args.seed)
    keras.utils.set_random_seed(args.seed)
    task = keras_squeeze.models.MobileBertTextClassifier.from_preset(
        args.base, class_names=sms_spam.CLASS_NAMES
    )
    started = time.monotonic()
    settings = {
        name: getattr(args, name)
        for name in (
            "epochs",
            "batch_size",
            "learning_rate",
            "sequence_length",
            "seed",
        )
    }
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        history = training.fine_tune(
            task,
            (x[~is_held_out], y[~is_held_out]),
            (x[is_held_out], y[is_held_out]),
            folder / "state",
            group_by_length=True,
            **settings,
            settings=settings,
        )
        minutes = (time.monotonic() - started) / 60
        answers = task.predict(x_test, batch_size=64, verbose=0).argmax(axis=-1)
        metrics = measure(y_test, answers)

        # The preset folder is only changed once all files are complete.
        finished = folder / "preset"
        save(finished, task, task.preprocessor)
        training.plot_history(history, finished / "learning_curve.png")
        data = pathlib.Path(sms_spam.__file__).parent / "data" / "sms_spam"
        provenance = {
            "license": "Apache-2.0",
            "parameters": task.backbone.count_params(),
            "corpus": "SMS Spam Collection, CC BY 4.0",
            "corpus_sha256": checksum(data / "SMSSpamCollection.tsv"),
            "weights_sha256": checksum(finished / "model.weights.h5"),
            "base": pathlib.Path(args.base).name,
            "recipe": "python presets/sms_spam.py",
            "settings": settings,
            "backend": keras.backend.backend(),
            "hardware": hardware(),
            "minutes": round(minutes, 1),
            "metrics": metrics,
            "history": history,
        }
        (finished / "provenance.json").write_text(
            json.dumps(provenance, indent=1) + "\n"
        )
        card = model_card(provenance, is_held_out, y_test)
        (finished / "README.md").write_text(card, encoding="utf-8")
        shutil.copytree(
            finished, pathlib.Path(args.output) / NAME, dirs_exist_ok=True
        )
    print(table(metrics))


def model_card(provenance, is_held_out, y_test):
    """Format the model card of the preset.

    Args:
        provenance: Dictionary. How the preset was made.
        is_held_out: bool array with one entry per message of the training
            split.
        y_test: int array of the labels of the test split.

    Returns:
        A string.
    """
    return CARD.format(
        name=NAME,
        base=BASE,
        parameters=provenance["parameters"],
        train=(~is_held_out).sum(),
        validation=is_held_out.sum(),
        test=len(y_test),
        spam=y_test.sum(),
        rows=table(provenance["metrics"]),
        sequence_length=provenance["settings"]["sequence_length"],
    )


if __name__ == "__main__":
    main()
