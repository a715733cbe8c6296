"""Fine-tune the tiny MobileBERT on text messages and export it to TFLite.

Trains a spam classifier on the SMS Spam Collection, evaluates it on unseen
messages, saves it as a preset, exports it to TFLite with 32-bit and with
8-bit weights, and runs the TFLite file on the given messages, or on a few
built-in ones. A web page that runs the file in the browser is written as well.
The package includes everything but the runtime of the page.
"""

import json
import os
import pathlib
import tempfile

import keras
from rich.console import Console
from rich.table import Table
from rich.text import Text

from keras_squeeze.cli import arguments
from keras_squeeze.cli.demo import how_to_open
from keras_squeeze.cli.training import fine_tune
from keras_squeeze.cli.training import hold_out
from keras_squeeze.cli.training import print_history
from keras_squeeze.datasets import sms_spam
from keras_squeeze.demo.site import write_demo
from keras_squeeze.export.litert import export_tflite
from keras_squeeze.export.runner import TFLiteModel
from keras_squeeze.models.tasks.text_classifier import TextClassifier
from keras_squeeze.new_files import new_folder

MESSAGES = (
    "Are we still on for lunch at one? I'm running ten minutes late.",
    "WINNER!! You have been selected to receive a £900 prize. Call "
    "09061701461 to claim.",
    "Mum says thanks for the flowers, call her when you get home",
    "Free ringtones this week! Text TONE to 85555, 50p per message. Reply "
    "STOP to end.",
)

TFLITE_FILES = {
    "model.tflite": None,
    "model_int8.tflite": "dynamic_int8",
}
# The smaller of them, and the folder of the page that runs it.
DEMO_FILE = "model_int8.tflite"
DEMO_FOLDER = "demo"


def add_arguments(parser):
    parser.add_argument(
        "messages",
        nargs="*",
        metavar="MESSAGE",
        help="a message to run the TFLite file on, in quotes",
    )
    parser.add_argument(
        "--preset",
        default="mobile_bert_tiny_en_uncased",
        metavar="NAME",
        help="the preset to start from (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        default="sms_spam_classifier",
        metavar="DIR",
        help="the preset folder to write, including the .tflite files; an "
        "existing preset is replaced (default: %(default)s)",
    )
    arguments.add_training_arguments(
        parser, epochs=3, learning_rate=5e-4, sequence_length=64
    )


def run(args):
    output = arguments.check_output_folder(args.output, overwrite=True)
    console = Console()
    (x, y), test = sms_spam.load_data()
    keras.utils.set_random_seed(args.seed)
    task = TextClassifier.from_preset(
        args.preset,
        num_classes=len(sms_spam.CLASS_NAMES),
        class_names=sms_spam.CLASS_NAMES,
    )

    console.rule("Fine-tuning")
    history = _train(args, task, x, y, num_test=len(test[0]))
    print_history(history)

    console.rule("Saving and exporting")
    with new_folder(output) as folder:
        results = _export(args, task, folder, *test)
        write_demo(folder / DEMO_FILE, folder / DEMO_FOLDER)
        metrics = {"history": history, "test": results}
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=2))
    print(f"Wrote the preset `{output}`, including the .tflite files.")
    console.print(_results_table(results, output, task))

    name = next(iter(TFLITE_FILES))
    console.rule(f"Running {name}")
    messages = args.messages or MESSAGES
    model = TFLiteModel(output / name, task.preprocessor)
    console.print(_messages_table(messages, model, task))
    print(
        "Now try your own:\n"
        f'  keras-squeeze predict --preset {args.output} "Is it spam?"\n'
        "or in a web page, where the file runs in the browser. "
        f"{how_to_open(os.path.join(args.output, DEMO_FOLDER))}"
    )


def _train(args, task, x, y, num_test):
    """Fine-tune the task and return the learning curve."""
    is_held_out = hold_out(y, 0.1, args.seed)
    print(
        f"{args.preset}: {task.count_params():,} parameters, "
        f"{(~is_held_out).sum():,} messages to train on, "
        f"{is_held_out.sum():,} to choose the best epoch, {num_test:,} to "
        "test on."
    )
    with tempfile.TemporaryDirectory() as folder:
        return fine_tune(
            task,
            (x[~is_held_out], y[~is_held_out]),
            (x[is_held_out], y[is_held_out]),
            pathlib.Path(folder),
            settings={},
            epochs=args.epochs,
            batch_size=args.batch_size,
            learning_rate=args.learning_rate,
            sequence_length=args.sequence_length,
            seed=args.seed,
            # On JAX, each length takes a minute to compile, longer than this.
            group_by_length=keras.backend.backend() != "jax",
        )


def _export(args, task, folder, x, y):
    """Save the preset, export the files, and evaluate them on messages."""
    task.save_to_preset(folder)
    for name, quantization in TFLITE_FILES.items():
        print(f"Exporting {name} and comparing it with the Keras model.")
        export_tflite(
            task,
            folder / name,
            sequence_length=args.sequence_length,
            quantization=quantization,
            app_files=name == DEMO_FILE,
            verbose=False,
        )
    print(f"Running the files on the {len(x):,} test messages.")
    answers = {"Keras": task.probabilities(task.predict(x, verbose=0))}
    for name in TFLITE_FILES:
        model = TFLiteModel(folder / name, task.preprocessor)
        answers[name] = model.predict(list(x))
    return {
        name: _measure(probabilities, answers["Keras"], y)
        for name, probabilities in answers.items()
    }


def _measure(probabilities, reference, y):
    """Return the quality of the answers and their agreement with Keras."""
    answers = probabilities.argmax(axis=-1)
    # True positives, the numerator of both precision and recall.
    found = ((answers == 1) & (y == 1)).sum()
    return {
        "accuracy": float((answers == y).mean()),
        "spam_f1": float(2 * found / ((answers == 1).sum() + (y == 1).sum())),
        "same_answers": float((answers == reference.argmax(axis=-1)).mean()),
        "largest_difference": float(abs(probabilities - reference).max()),
    }


def _results_table(results, output, task):
    table = Table(title="Unseen messages")
    table.add_column("Model", no_wrap=True)
    for name in ("Size", "Accuracy", "Spam F1", "Same answers", "Difference"):
        table.add_column(name, justify="right")
    for name, result in results.items():
        size = 4 * task.count_params()
        if name in TFLITE_FILES:
            size = (output / name).stat().st_size
        table.add_row(
            name,
            f"{size / 1e6:.1f} MB",
            f"{result['accuracy']:.4f}",
            f"{result['spam_f1']:.4f}",
            f"{result['same_answers']:.2%}",
            f"{result['largest_difference']:.1e}",
        )
    return table


def _messages_table(messages, model, task):
    table = Table("Message", "TFLite", "Keras")
    pairs = zip(
        messages,
        model.predict(list(messages)),
        task.annotate(list(messages)),
        strict=True,
    )
    for message, probabilities, answer in pairs:
        best = probabilities.argmax()
        table.add_row(
            Text(message),
            f"{task.class_names[best]} {probabilities[best]:.4f}",
            f"{answer['label']} {answer['score']:.4f}",
        )
    return table
