"""Compares the scoring of files with a pipeline of transformers."""

import glob
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile

from keras_squeeze.benchmarks import comparison
from keras_squeeze.export.litert import export_tflite
from keras_squeeze.models.tasks.text_classifier import TextClassifier

BLOCK_ROWS = 1024

# One process per run, as for a user of the command line.
_PROGRAM = """
import dataclasses
import json
import sys

from keras_squeeze.scoring.run import score_files

if __name__ == "__main__":
    counts = score_files(**json.loads(sys.argv[1]))
    print(json.dumps(dataclasses.asdict(counts)))
"""


def run(
    models=("mobile_bert_tiny_en_uncased", "squeeze_bert_tiny_en_uncased"),
    texts=(),
    num_texts=10000,
    workers=(1, 2),
    sequence_length=(16, 32, 64, 128, 512),
    repeats=1,
):
    """Measure the rows per second of `score_files()`.

    Presets on the backend of this process, and `.tflite` files, are compared
    with a `transformers.pipeline()` with batches of 32, on the same texts and
    weights, which is checked. With N workers, everything runs on N cores where
    the system can do that, also the pipeline, with N threads. The time to load
    models is left out.

    Args:
        models: List of strings, names in `comparison.MODELS`. Defaults to the
            tiny presets.
        texts: List of strings, which are repeated if there are too few.
        num_texts: int. Defaults to `10000`.
        workers: List of ints. More than one worker need Ray. Defaults to `(1,
            2)`.
        sequence_length: tuple of ints. The lengths of the `.tflite` file. The
            others truncate texts at 512 tokens, so all texts must fit into the
            longest, unless it is 512. Defaults to `(16, 32, 64, 128, 512)`.
        repeats: int. The number of measurements. Defaults to `1`.

    Returns:
        A list that has a dictionary per model, number of workers and program:
        `"model"`, `"workers"`, `"name"`, the median `"rows_per_second"`, and
        its `"speedup"` over transformers with as many cores, which is `None`
        if transformers is not installed.

    Raises:
        ValueError: If a model is unknown, or there are no texts.

    Example:

    ```python
    keras_squeeze.benchmarks.scoring.run(
        models=["squeeze_bert_tiny_en_uncased"],
        texts=["See you at nine.", "You have won!"],
        num_texts=20,
        workers=[1],
    )
    ```
    """
    comparison.check_models(models)
    texts = comparison.repeat_texts(texts, num_texts)
    rows = []
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            preset = os.path.join(folder, "preset")
            os.makedirs(preset)
            comparison.write_model(model, preset)
            file = os.path.join(folder, f"{model}.tflite")
            print(f"Exporting {os.path.basename(file)}", flush=True)
            export_tflite(
                # The same weights, also those of the head.
                TextClassifier.from_preset(preset),
                file,
                sequence_length=sequence_length,
                verbose=False,
            )
            data = os.path.join(folder, "texts.jsonl")
            with open(data, "w", encoding="utf-8") as lines:
                for text in texts:
                    lines.write(f"{json.dumps({'text': text})}\n")
            programs = {
                "preset": {"model": preset},
                "tflite": {"model": file, "tokenizer": preset},
            }
            for count in workers:
                rows += _measure(
                    model, preset, programs, data, texts, count, repeats
                )
    return rows


def _measure(model, preset, programs, data, texts, count, repeats):
    """Measure all programs in turns, with one number of workers."""
    speeds = {}
    answers = {}
    for _ in range(repeats):
        if importlib.util.find_spec("transformers"):
            settings = {"threads": count, "texts": texts}
            side = comparison.Side(comparison.BASELINE, preset, settings)
            try:
                # The first text is slow.
                side.run("answer")
                answer = side.run("answer_all")
            finally:
                side.close()
            answers[comparison.BASELINE] = {"value": answer["value"]}
            speeds.setdefault(comparison.BASELINE, []).append(
                len(texts) / answer["seconds"]
            )
        for name, arguments in programs.items():
            speed, scores = _score(data, count, arguments)
            answers[name] = {"value": scores}
            speeds.setdefault(name, []).append(speed)
    comparison.check_that_all_agree(answers)
    medians = {name: statistics.median(x) for name, x in speeds.items()}
    baseline = medians.get(comparison.BASELINE)
    return [
        {
            "model": model,
            "workers": count,
            "name": name,
            "rows_per_second": speed,
            "speedup": baseline and speed / baseline,
        }
        for name, speed in medians.items()
    ]


def _score(data, count, arguments):
    """Run a process that scores, and return its speed and the scores."""
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "output")
        arguments = {
            **arguments,
            "input": data,
            "output": output,
            "workers": count,
            # Enough blocks to keep all workers busy until the end.
            "block_rows": BLOCK_ROWS,
        }
        environment = comparison.environment_of(count)
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, json.dumps(arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        comparison.pin(process, count)
        printed, errors = process.communicate()
        if process.returncode:
            lines = errors.strip().splitlines() or ["no message"]
            raise RuntimeError(f"The process that scores failed: {lines[-1]}")
        counts = json.loads(printed.splitlines()[-1])
        scores = []
        for path in sorted(glob.glob(os.path.join(output, "part-*"))):
            with open(path, encoding="utf-8") as lines:
                scores += [json.loads(line)["score"] for line in lines]
    return counts["new"] / counts["seconds"], scores
