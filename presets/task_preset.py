"""Fine-tunes, measures and documents a preset that is ready to use."""

import argparse
import dataclasses
import json
import os
import pathlib
import re
import shutil
import sys
import textwrap
import time

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import preset_folder  # noqa: E402
from measures import table  # noqa: E402

import keras_squeeze  # noqa: E402
from keras_squeeze.cli import training  # noqa: E402
from keras_squeeze.cli.arguments import positive_float  # noqa: E402
from keras_squeeze.cli.arguments import positive_int  # noqa: E402
from keras_squeeze.cli.task_types import TASK_TYPES  # noqa: E402
from keras_squeeze.datasets.samples import Samples  # noqa: E402
from keras_squeeze.export.report import checksum  # noqa: E402
from keras_squeeze.new_files import new_folder  # noqa: E402

BASE = "mobile_bert_tiny_en_uncased"
# Training in bfloat16 reads the weights with eight bits. With seven, a wheel
# with all presets is small enough, and the metrics are measured with them.
SIGNIFICANT_BITS = 7
# The arguments that determine the result.
SETTINGS = ("epochs", "batch_size", "learning_rate", "sequence_length", "seed")

CARD = """\
---
license: {license}
language: en
library_name: keras-squeeze
pipeline_tag: {pipeline}
base_model: {base}
---
# {name}

{summary}

```shell
keras-squeeze predict --preset {name} "{example}"
keras-squeeze export --preset {name} --output {file} --quantization dynamic_int8
```

## Intended use

{use}

## Data

{data}

## Metrics

On the test part, with 95 % confidence intervals: Wilson intervals for
proportions, and a bootstrap with 10,000 samples for the others.

| metric | value | interval |
|---|---|---|
{rows}

{chosen}

## On a phone

{phone}

## Mistakes

These are among the surest mistakes on the test part.

| text | label | answer | score |
|---|---|---|---|
{mistakes}

## Limits

{limits}

## Weights

Licensed under the Apache License 2.0. The data asks for attribution, as above.
`provenance.json` has the settings, the versions and the checksums. This command
makes the preset again:

```shell
{command}
```
"""


@dataclasses.dataclass(frozen=True)
class Data:
    """The parts of a data set.

    Args:
        train: `Samples` to train on.
        validation: `Samples` to choose the best epoch and the thresholds on.
        test: `Samples` to measure on, which no choice depends on.
        task_kwargs: Dictionary of arguments of `from_preset()`.
    """

    train: Samples
    validation: Samples
    test: Samples
    task_kwargs: dict


class TaskPreset:
    """Base class of the recipes.

    Attributes:
        name: string. The end of the name of the preset.
        task_type: string. The name of the task on the command line.
        license: string. The identifier of the licence of the weights.
        corpus: string. The name and the licence of the data.
        objective: The `Objective` that defines the best epoch.
        settings: Dictionary of the default settings.
        card: Dictionary of the texts of the model card.
    """

    name = None
    task_type = None
    license = "Apache-2.0"
    corpus = None
    objective = training.Objective()
    settings = {}
    card = {}

    def read(self, path):
        """Read the files of the data set, as they were published.

        Args:
            path: A `pathlib.Path`.

        Returns:
            A `Data`.
        """
        raise NotImplementedError

    def add_arguments(self, parser):
        """Add more arguments to the command."""

    def training_samples(self, data, work, args):
        """Return what to train on, and arguments of `compile()`.

        Args:
            data: The `Data`.
            work: A `pathlib.Path`. The folder of the state.
            args: The arguments of the command.

        Returns:
            A tuple of `Samples` and a dictionary.
        """
        return data.train, {}

    def scores(self, task, samples):
        """Return more metrics of an epoch, as a dictionary of floats."""
        return TASK_TYPES[self.task_type].scores(task, samples)

    def calibrate(self, task, validation):
        """Choose the temperature and thresholds of the task.

        Args:
            task: The task, which is changed.
            validation: The `Samples` to choose them on.

        Returns:
            A dictionary for `provenance.json`.
        """
        return {}

    def measure(self, task, test):
        """Compute the metrics with their intervals, by name."""
        raise NotImplementedError

    def mistakes(self, task, test):
        """Return tuples of text, label, answer and score, surest first."""
        raise NotImplementedError


def run(recipe, description):
    """Parse the arguments of a recipe, and make its preset.

    Args:
        recipe: A `TaskPreset`.
        description: string. Describes the command.
    """
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("data", help="the data set, as it was published")
    parser.add_argument("--base", default=BASE)
    for name in SETTINGS:
        kind = {"learning_rate": positive_float, "seed": int}
        parser.add_argument(
            "--" + name.replace("_", "-"),
            type=kind.get(name, positive_int),
            default=recipe.settings[name],
        )
    parser.add_argument(
        "--dtype",
        choices=["mixed_bfloat16", "float32"],
        default="mixed_bfloat16",
    )
    parser.add_argument(
        "--work", default="fine_tuning", help="folder of the training state"
    )
    parser.add_argument(
        "--output",
        default=str(preset_folder.FOLDER),
        help="folder of the presets",
    )
    recipe.add_arguments(parser)
    args = parser.parse_args()
    make(recipe, args)


def make(recipe, args):
    """Make the preset of a recipe, or resume after the last epoch.

    Args:
        recipe: A `TaskPreset`.
        args: The arguments of the command.
    """
    started = time.monotonic()
    name = f"{BASE}_{recipe.name}"
    data_path = pathlib.Path(args.data)
    data = recipe.read(data_path)
    work = pathlib.Path(args.work) / f"{name}_seed_{args.seed}"
    work.mkdir(parents=True, exist_ok=True)
    settings = {key: getattr(args, key) for key in SETTINGS}
    train, compile_kwargs = recipe.training_samples(data, work, args)
    task_class = TASK_TYPES[recipe.task_type].task_class

    def new_task(dtype):
        keras.utils.set_random_seed(args.seed)
        return task_class.from_preset(
            args.base, dtype=dtype, **data.task_kwargs
        )

    task = new_task(args.dtype)
    history = training.fine_tune(
        task,
        train.parts(),
        data.validation.parts(),
        work / "state",
        settings={
            **settings,
            "dtype": args.dtype,
            "texts": Samples(train.x).digest(),
        },
        **settings,
        objective=recipe.objective,
        score=lambda: recipe.scores(task, data.validation),
        group_by_length=True,
        **compile_kwargs,
    )
    exact = new_task("float32")
    exact.set_weights(task.get_weights())
    exact.preprocessor.sequence_length = args.sequence_length
    calibration = recipe.calibrate(exact, data.validation)
    with new_folder(work / "preset") as folder:
        preset_folder.save(folder, exact, exact.preprocessor, SIGNIFICANT_BITS)
        # Measure what is in the folder.
        task = task_class.from_preset(str(folder))
        metrics = recipe.measure(task, data.test)
        report = keras_squeeze.export_tflite(
            task,
            work / "model.tflite",
            sequence_length=args.sequence_length,
            quantization="dynamic_int8",
            evaluation_data=data.test.parts(),
            verbose=False,
        )
        training.plot_history(history, folder / "learning_curve.png")
        provenance = {
            "license": recipe.license,
            "parameters": task.backbone.count_params(),
            "corpus": recipe.corpus,
            "corpus_sha256": {
                path.name: checksum(path) for path in _files(data_path)
            },
            "weights_sha256": checksum(folder / "model.weights.h5"),
            "base": pathlib.Path(args.base).name,
            "recipe": _command(args),
            "settings": {**settings, "dtype": args.dtype},
            "significant_bits": SIGNIFICANT_BITS,
            "calibration": calibration,
            "backend": keras.backend.backend(),
            "hardware": preset_folder.hardware(),
            "minutes_of_last_run": round((time.monotonic() - started) / 60, 1),
            "metrics": metrics,
            "tflite": {
                "quantization": "dynamic_int8",
                "size_bytes": report.size_bytes,
                "equal_answers": report.evaluation.equal_answers,
            },
            "history": history,
        }
        (folder / "README.md").write_text(
            model_card(recipe, provenance, data, task),
            encoding="utf-8",
        )
        # Written last, so that a preset that has it is complete.
        (folder / "provenance.json").write_text(
            json.dumps(provenance, indent=1) + "\n"
        )
    shutil.copytree(
        work / "preset", pathlib.Path(args.output) / name, dirs_exist_ok=True
    )
    print(table(metrics))


def _files(path):
    """The files of a data set, which is a file or a folder."""
    if path.is_file():
        return [path]
    return sorted(p for p in path.iterdir() if p.is_file())


def _command(args):
    """The command that was run, without the folders of this machine."""
    words = []
    ignored = ("--work", "--output")
    arguments = iter(sys.argv[1:])
    for word in arguments:
        if word in ignored:
            next(arguments)
        elif not word.startswith(tuple(f"{name}=" for name in ignored)):
            is_path = "/" in word and not word.startswith("--")
            words.append(pathlib.Path(word).name if is_path else word)
    return " ".join(
        ["python", f"presets/{pathlib.Path(sys.argv[0]).name}", *words]
    )


def model_card(recipe, provenance, data, task):
    """Format the model card of a preset.

    Args:
        recipe: The `TaskPreset`.
        provenance: Dictionary. How the preset was made.
        data: The `Data`.
        task: The task.

    Returns:
        A string.
    """
    card, tflite = recipe.card, provenance["tflite"]
    sequence_length = provenance["settings"]["sequence_length"]
    mistakes = [
        f"| {_cell(text)} | {label} | {answer} | {score:.2f} |"
        for text, label, answer, score in recipe.mistakes(task, data.test)
    ]
    limits = [
        *card["limits"],
        f"Only the first {sequence_length} tokens of a text are read, ignoring "
        "case and accents.",
    ]
    counts = {
        part: len(getattr(data, part))
        for part in ("train", "validation", "test")
    }
    return CARD.format(
        name=f"{BASE}_{recipe.name}",
        license=recipe.license.lower(),
        base=BASE,
        pipeline=card["pipeline"],
        file=card["file"],
        example=card["example"],
        summary=_fill(
            f"{card['summary']} It is {BASE}, a MobileBERT model with "
            f"{provenance['parameters']:,} parameters, fine-tuned."
        ),
        use=_fill(card["use"]),
        data=_fill(card["data"].format(**counts)),
        rows=table(provenance["metrics"]),
        chosen=_fill(
            "These values are from a single training run with one seed, and "
            f"of the weights in this folder. {card['chosen']}"
        ),
        phone=_fill(
            f"As a TFLite file for {sequence_length} tokens with "
            f"`dynamic_int8`, it has {tflite['size_bytes'] / 1e6:.1f} MB, and "
            f"gives the same answer as the preset for "
            f"{tflite['equal_answers']:.2%} of the test part. {card['phone']}"
        ),
        mistakes="\n".join(mistakes),
        limits="\n".join(_fill(f"- {x}", indent="  ") for x in limits),
        command=provenance["recipe"],
    )


def _fill(text, indent=""):
    """Wrap a paragraph of Markdown, but not the texts of its links."""
    text = re.sub(r"\[.*?\]", lambda m: m[0].replace(" ", "\0"), text)
    return textwrap.fill(
        text,
        80,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ).replace("\0", " ")


def _cell(text):
    """A text in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def surest(texts, labels, answers, scores, count=3, longest=90):
    """Choose mistakes for a model card.

    Args:
        texts: List of strings.
        labels: List of strings.
        answers: List of strings.
        scores: float array.
        count: int. The number of mistakes. Defaults to `3`.
        longest: int. The maximum number of characters. Defaults to `90`.

    Returns:
        A list of tuples.
    """
    found = []
    for i in np.argsort(-np.asarray(scores), kind="stable"):
        if labels[i] != answers[i] and len(texts[i]) <= longest:
            found.append((texts[i], labels[i], answers[i], scores[i]))
    return found[:count]
