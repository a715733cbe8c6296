"""Fine-tune a preset on your own data.

Reads labelled data from files, trains, and writes a preset with the weights
of the epoch that is best on the validation data, and a plot of the learning
curve. If the training is interrupted, run the same command again to resume
it.
"""

import argparse
import dataclasses
import functools
import json
import shutil

import keras
import numpy as np

from keras_squeeze.cli import arguments
from keras_squeeze.cli.adapters import ADAPTER_FILE
from keras_squeeze.cli.adapters import add_adapters
from keras_squeeze.cli.class_weights import read_class_weights
from keras_squeeze.cli.devices import devices_scope
from keras_squeeze.cli.dtypes import DTYPES
from keras_squeeze.cli.dtypes import choose_dtype
from keras_squeeze.cli.task_types import TASK_TYPES
from keras_squeeze.cli.task_types import lay_out
from keras_squeeze.cli.training import fine_tune
from keras_squeeze.cli.training import hold_out
from keras_squeeze.cli.training import load_or_make
from keras_squeeze.cli.training import plot_history
from keras_squeeze.cli.training import print_calibration
from keras_squeeze.cli.training import print_history
from keras_squeeze.cli.training import stopped_history
from keras_squeeze.cli.training import stopped_settings
from keras_squeeze.datasets.samples import Samples
from keras_squeeze.new_files import new_folder
from keras_squeeze.processes import by_first_process

# The arguments for `fine_tune()`.
_TRAINING_SETTINGS = (
    "epochs",
    "batch_size",
    "learning_rate",
    "sequence_length",
    "seed",
    "patience",
    "group_by_length",
)


def add_arguments(parser):
    files = {name: x.files_help for name, x in TASK_TYPES.items()}
    parser.epilog = f"The files for each task:\n\n{lay_out(files)}"
    parser.add_argument(
        "--task",
        choices=list(files),
        default="text_classification",
        help="the task to train for (default: %(default)s)",
    )
    parser.add_argument(
        "--preset",
        required=True,
        metavar="NAME",
        help="the model to start from: a built-in preset, a preset folder, a "
        "Hugging Face checkpoint folder or hf://org/name",
    )
    parser.add_argument(
        "--train",
        required=True,
        metavar="FILE",
        help="the data to train on",
    )
    parser.add_argument(
        "--validation",
        metavar="FILE",
        help="the data used to choose the best epoch (default: a tenth of the "
        "training data, which is held out)",
    )
    arguments.add_column_arguments(parser)
    parser.add_argument(
        "--regression",
        action="store_true",
        help="the labels are numbers to predict instead of classes",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="the preset folder to write; the state of an unfinished training "
        "is kept in DIR.training",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace an existing preset in DIR",
    )
    _add_teacher_arguments(parser)
    arguments.add_training_arguments(
        parser, epochs=3, learning_rate=5e-5, sequence_length=None
    )
    _add_more_training_arguments(parser)
    parser.add_argument(
        "--class-weights",
        nargs="+",
        metavar="LABEL=WEIGHT",
        help="the weights of the classes in the loss, 1 for others; or "
        "`balanced`, with which rare classes count as much as frequent ones; "
        "or a .json file of an object from labels to weights; for "
        "text_classification with one label per text, and "
        "token_classification (default: none)",
    )
    parser.add_argument(
        "--head-first",
        action="store_true",
        help="start with a head that is fitted to the pretrained model by a "
        "logistic regression, which needs fewer epochs, above all with few "
        "examples per class; for text_classification",
    )
    parser.add_argument(
        "--lora-rank",
        type=arguments.positive_int,
        metavar="N",
        help="train low-rank adapters (LoRA) of rank N for the queries and "
        "values of attention, and the head, instead of all weights, which "
        "takes less memory; the adapters are merged into the weights of the "
        "preset (default: train all weights)",
    )
    parser.add_argument(
        "--keep-adapter",
        action="store_true",
        help="also write the adapters alone, to adapter.lora.h5 in DIR, for "
        "`load_lora_weights()` of the backbone that the training started from",
    )
    _add_calibration_arguments(parser)


def _add_calibration_arguments(parser):
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="choose a temperature after the training, so that the scores "
        "agree better with frequencies, and thresholds with the highest F1: "
        "of each class if a text can have several, or of all classes but the "
        "--background; on the validation data, and kept in the preset; for "
        "text_classification and token_classification",
    )
    parser.add_argument(
        "--background",
        metavar="LABEL",
        help="the label that is the answer if no other class reaches the "
        "threshold of --calibrate, such as that of texts out of scope; the "
        "validation data must have it, the training data need not (default: O "
        "for token_classification, otherwise none)",
    )
    parser.add_argument(
        "--background-recall",
        type=arguments.share_below_one,
        default=0.0,
        metavar="PART",
        help="the least part of the validation samples of the --background "
        "that must be recognized (default: %(default)s)",
    )


def _add_teacher_arguments(parser):
    parser.add_argument(
        "--teacher",
        metavar="NAME",
        help="a larger model for the same classes, numbers or questions, to "
        "also learn from: a preset folder, or the folder of a Hugging Face "
        "checkpoint of any architecture, which needs transformers; for "
        "text_classification, token_classification and question_answering",
    )
    parser.add_argument(
        "--unlabelled",
        metavar="FILE",
        help="texts of the same kind without labels, which only the teacher "
        "labels: .txt with one text per line, in which words are separated by "
        "spaces for token_classification; or a file like that of --train, "
        "whose labels or answers are ignored",
    )
    parser.add_argument(
        "--label-weight",
        type=arguments.share,
        default=0.5,
        metavar="PART",
        help="the weight of the labels in the loss, from 0 to 1; the rest is "
        "the weight of the --teacher; with many --unlabelled texts, 0 may "
        "give better results (default: %(default)s)",
    )


def _add_more_training_arguments(parser):
    parser.add_argument(
        "--patience",
        type=arguments.positive_int,
        metavar="N",
        help="stop after N epochs without improvement (default: never)",
    )
    parser.add_argument(
        "--group-by-length",
        action=argparse.BooleanOptionalAction,
        help="put texts of similar length in the same batch, which avoids most "
        "padding and is several times as fast if the lengths vary a lot, but "
        "jax compiles for each of up to four lengths; not for masked_lm and "
        "pretraining (default: on, except on jax)",
    )
    parser.add_argument(
        "--devices",
        type=arguments.positive_int,
        metavar="N",
        help="the number of devices that share each batch, which can change "
        "when a training is resumed; for jax and tensorflow (default: all "
        "GPUs or TPUs, or one CPU)",
    )
    parser.add_argument(
        "--dtype",
        choices=[*DTYPES, "auto"],
        default="float32",
        help="the Keras dtype policy to train with; mixed_bfloat16 is "
        "faster on newer GPUs and on some CPUs; auto tries both for 20 steps "
        "and trains with mixed_bfloat16 if it is faster and has the same "
        "loss; the preset is always saved in float32 (default: %(default)s)",
    )


def run(args):
    with devices_scope(args.devices):
        _run(args)


def _run(args):
    output = arguments.check_output_folder(args.output, args.overwrite)
    stopped = output.with_name(f"{output.name}.training")
    task_type = TASK_TYPES[args.task]
    _check(args, task_type)
    data = _read(args, task_type)
    if args.group_by_length is None:
        args.group_by_length = _default_grouping(task_type, stopped)
    settings = _settings(args, task_type, data)
    dtype = args.dtype
    if dtype == "auto":
        dtype = _chosen_dtype(args, task_type, data, stopped, settings)
    task = _make_task(args, task_type, data, dtype)
    names = data.task_kwargs.get("class_names")
    print(
        f"{args.preset}: {task.count_params():,} parameters, "
        f"{len(data.train):,} samples to train on, "
        f"{len(data.validation):,} to validate on"
        f"{f', {len(names)} classes' if names else ''}."
    )
    if args.head_first and stopped_settings(stopped) is None:
        print("Fitting the head.", flush=True)
        task.preprocessor.sequence_length = settings["sequence_length"]
        task.fit_head(*data.train.parts())
    train, compile_kwargs = data.train, {}
    if args.teacher is not None:
        train, compile_kwargs = _with_teacher(
            args, task_type, data, dtype, stopped, settings
        )
    history = fine_tune(
        task,
        train.parts(),
        data.validation.parts(),
        stopped,
        settings,
        **{name: settings[name] for name in _TRAINING_SETTINGS},
        objective=task_type.objective(data.task_kwargs, data.validation),
        class_weight=data.class_weight,
        score=lambda: task_type.scores(task, data.validation),
        **compile_kwargs,
    )
    print_history(history)
    if dtype != "float32":
        # The policy is only for training. The saved preset does not use it.
        weights = task.get_weights()
        task = _make_task(args, task_type, data, "float32")
        task.set_weights(weights)
        task.preprocessor.sequence_length = settings["sequence_length"]
    metrics = {"settings": {**settings, "dtype": dtype}, "history": history}
    if args.calibrate:
        metrics["calibration"] = task_type.calibrate(
            task, data.validation, args
        )
        print_calibration(metrics["calibration"])
    _write(task, metrics, output, stopped, args.keep_adapter)


@by_first_process
def _write(task, metrics, output, stopped, keep_adapter):
    history = metrics["history"]
    with new_folder(output) as folder:
        task.save_to_preset(folder)
        plot_history(history, folder / "learning_curve.png")
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=2))
        if keep_adapter:
            (best,) = [row["epoch"] for row in history if row["is_best"]]
            shutil.copyfile(
                stopped / f"epoch_{best}.lora.h5", folder / ADAPTER_FILE
            )
    shutil.rmtree(stopped)
    print(f"Wrote the preset `{output}`.")


@dataclasses.dataclass(frozen=True)
class _Data:
    """The data of a training run.

    Args:
        train: `Samples` to train on.
        validation: `Samples` to choose the best epoch on.
        unlabelled: `Samples` that only a teacher labels, or `None`.
        task_kwargs: Dictionary of arguments of `from_preset()`.
        class_weight: Class weights for `fit()`, or `None`.
    """

    train: Samples
    validation: Samples
    unlabelled: Samples | None
    task_kwargs: dict
    class_weight: object = None


def _check(args, task_type):
    if args.teacher is not None and not task_type.can_have_teacher:
        raise ValueError(f"--teacher does not support --task {args.task}.")
    if args.group_by_length and not task_type.task_class.can_group_by_length:
        raise ValueError(
            f"--group-by-length does not support --task {args.task}."
        )
    if args.calibrate and (args.regression or not task_type.can_calibrate):
        name = "--regression" if args.regression else f"--task {args.task}"
        raise ValueError(f"--calibrate does not support {name}.")
    if args.background is not None and not args.calibrate:
        raise ValueError("--background requires --calibrate.")
    if args.background_recall and not args.calibrate:
        raise ValueError("--background-recall requires --calibrate.")
    if args.head_first and (args.regression or not task_type.can_fit_head):
        name = "--regression" if args.regression else f"--task {args.task}"
        raise ValueError(f"--head-first does not support {name}.")
    if args.keep_adapter and args.lora_rank is None:
        raise ValueError("--keep-adapter requires --lora-rank.")
    if args.class_weights is not None:
        _check_class_weights(args, task_type)
    if args.unlabelled is not None and args.teacher is None:
        raise ValueError("--unlabelled requires --teacher.")


def _check_class_weights(args, task_type):
    other = None
    if not task_type.can_weigh_classes:
        other = f"--task {args.task}"
    elif args.regression:
        other = "--regression"
    elif args.teacher is not None:
        other = "--teacher"
    if other is not None:
        raise ValueError(f"--class-weights does not support {other}.")


def _read(args, task_type):
    """Read all files first, so that errors are found before a model loads."""
    contents = task_type.read(args.train, args)
    task_kwargs = task_type.task_kwargs(contents, args)
    train = task_type.samples(contents, task_kwargs)
    validation = unlabelled = None
    if args.validation is not None:
        contents = task_type.read(args.validation, args)
        validation = task_type.samples(contents, task_kwargs)
        _check_pairs(args.train, train, args.validation, validation)
    if args.unlabelled is not None:
        unlabelled = task_type.read_unlabelled(args.unlabelled, args)
        _check_pairs(args.train, train, args.unlabelled, unlabelled)
    if validation is None:
        is_held_out = hold_out(task_type.strata(train), 0.1, args.seed)
        validation = train.take(is_held_out)
        train = train.take(~is_held_out)
    task_type.check_background(validation, task_kwargs, args)
    class_weight = None
    if args.class_weights is not None:
        class_weight = read_class_weights(args.class_weights, task_kwargs)
    return _Data(train, validation, unlabelled, task_kwargs, class_weight)


def _check_pairs(path, samples, other_path, others):
    if isinstance(samples.x, tuple) != isinstance(others.x, tuple):
        raise ValueError(
            f"`{path}` and `{other_path}` must either both have pairs of texts "
            "or both have single texts."
        )


def _settings(args, task_type, data):
    """The settings that identify a training run, as a dictionary for JSON."""
    settings = {
        name: getattr(args, name)
        for name in ("task", "preset", "dtype", *_TRAINING_SETTINGS)
    }
    if args.sequence_length is None:
        settings["sequence_length"] = task_type.sequence_length
    if args.background is not None:
        # It can be a class that the training data lacks.
        settings["background"] = args.background
    if args.head_first:
        settings["head_first"] = True
    if args.lora_rank is not None:
        settings["lora_rank"] = args.lora_rank
    if data.class_weight is not None:
        settings["class_weights"] = data.class_weight
    settings["train"] = data.train.digest()
    settings["validation"] = data.validation.digest()
    if args.teacher is not None:
        settings["teacher"] = args.teacher
        settings["label_weight"] = args.label_weight
        if data.unlabelled is not None:
            settings["unlabelled"] = data.unlabelled.digest()
    return settings


def _default_grouping(task_type, stopped):
    """Whether to group texts by length if the user does not say."""
    # A run that was interrupted goes on as it began. Before there was this
    # default, texts were not grouped.
    settings = stopped_settings(stopped)
    if settings is not None:
        return settings.get("group_by_length", False)
    can_group = task_type.task_class.can_group_by_length
    # JAX compiles for longer than most runs take.
    return can_group and keras.backend.backend() != "jax"


def _make_task(args, task_type, data, dtype):
    keras.utils.set_random_seed(args.seed)
    task = task_type.task_class.from_preset(
        args.preset, dtype=dtype, **data.task_kwargs
    )
    task_type.prepare(task, data.train)
    if args.lora_rank is not None:
        add_adapters(task, args.lora_rank)
    return task


def _chosen_dtype(args, task_type, data, stopped, settings):
    """Choose the dtype policy, or read the choice of an interrupted run."""
    stopped_history(stopped, settings)

    def choose():
        dtype = choose_dtype(
            functools.partial(_make_task, args, task_type, data),
            data.train,
            args.batch_size,
            args.learning_rate,
            settings["sequence_length"],
            args.seed,
        )
        return np.array(dtype)

    return str(load_or_make(stopped / "dtype.npz", settings, choose))


def _with_teacher(args, task_type, data, dtype, stopped, settings):
    """Return the samples to learn from, and arguments of `compile()`."""
    train = data.train
    if data.unlabelled is not None:
        train = train.joined(data.unlabelled)
    # Check the settings first: the teacher can take longer than the training.
    stopped_history(stopped, settings)
    return task_type.with_teacher(
        train,
        data.task_kwargs,
        settings["sequence_length"],
        functools.partial(load_or_make, stopped / "soft_labels.npz", settings),
        dtype,
        args,
    )
