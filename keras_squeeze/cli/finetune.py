"""Fine-tune a preset on one's own data.

Reads labelled data from files, trains, and writes a preset with the weights
of the epoch that does best on the validation data, and a plot of the learning
curve. A training that was stopped goes on when the same command is given
again.

What the files of a task are:

  text_classification   .csv, .tsv or .jsonl with the columns `text` and
                        `label`, or `sentence1`, `sentence2` and `label` for
                        pairs, in any order. Without such names, the column
                        with the fewest distinct values is the label. Labels
                        are names or numbers; with --regression, numbers to
                        be predicted; with --label-separator, any number of
                        names.
  token_classification  CoNLL: a word and its label a line, with spaces or a
                        tab between them, and an empty line after each
                        sentence.
  question_answering    SQuAD: .json, version 1.1 or 2.0.
  multiple_choice       .csv, .tsv or .jsonl with the columns `prompt`,
                        `choice1`, `choice2` and so on, and `label`.
  next_sentence         .csv, .tsv or .jsonl with two texts and a label, 0 if
                        the second follows the first and 1 if not.
  masked_lm,            .txt with a text a line, or the text columns of .csv,
  pretraining           .tsv or .jsonl. There are no labels.
"""

from keras_squeeze.cli import arguments
from keras_squeeze.cli.task_types import TASK_TYPES


def add_arguments(parser):
    parser.add_argument(
        "--task",
        choices=[
            name for name, task in TASK_TYPES.items() if task.is_trainable
        ],
        default="text_classification",
        help="what to train for (default: %(default)s)",
    )
    parser.add_argument(
        "--preset",
        required=True,
        metavar="NAME",
        help="where to start from: a built-in preset, a preset folder, a "
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
        help="the data that chooses the best epoch (default: a tenth of the "
        "training data, which is held out)",
    )
    arguments.add_column_arguments(parser)
    parser.add_argument(
        "--regression",
        action="store_true",
        help="the labels are numbers to be predicted, and not classes",
    )
    parser.add_argument(
        "--teacher",
        metavar="NAME",
        help="a larger model that is trained for the same classes, or numbers, "
        "to learn from as well: a preset folder, or the folder of a Hugging "
        "Face checkpoint, of any architecture, which transformers runs; "
        "for text_classification",
    )
    parser.add_argument(
        "--unlabelled",
        metavar="FILE",
        help="texts without labels, of the same kind, that the teacher alone "
        "labels: .txt with a text a line, or the text columns of .csv, .tsv "
        "or .jsonl",
    )
    parser.add_argument(
        "--label-weight",
        type=arguments.share,
        default=0.5,
        metavar="PART",
        help="the part of the loss that is about the labels, the rest being "
        "about what the --teacher says; with many --unlabelled texts, a "
        "model may learn more with 0 (default: %(default)s)",
    )
    parser.add_argument(
        "--patience",
        type=arguments.positive_int,
        metavar="N",
        help="stop after N epochs that were no better (default: never)",
    )
    parser.add_argument(
        "--group-by-length",
        action="store_true",
        help="put texts of about the same length into a batch, which leaves "
        "out most of the padding: several times as fast where texts are of "
        "many lengths, though jax compiles for each; for text_classification",
    )
    parser.add_argument(
        "--dtype",
        # In float16 the activations of MobileBERT overflow.
        choices=["float32", "mixed_bfloat16"],
        default="float32",
        help="the dtype policy of Keras to train with: mixed_bfloat16 is "
        "faster on newer GPUs and on some CPUs; the preset that is written "
        "is float32 all the same (default: %(default)s)",
    )
    parser.add_argument(
        "--output",
        required=True,
        metavar="DIR",
        help="the preset folder to write; unfinished trainings are in "
        "DIR.training",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace the preset that is in DIR",
    )
    arguments.add_training_arguments(
        parser, epochs=3, learning_rate=5e-5, sequence_length=None
    )


def run(args):
    output = arguments.check_output_folder(args.output, args.overwrite)
    task_type = TASK_TYPES[args.task]
    if args.teacher is not None and not task_type.can_have_teacher:
        raise ValueError(f"--teacher is not for --task {args.task}.")
    if args.group_by_length and not task_type.can_group_by_length:
        raise ValueError(f"--group-by-length is not for --task {args.task}.")
    if args.unlabelled is not None and args.teacher is None:
        raise ValueError("--unlabelled needs a --teacher.")
    # Wrong files are told of before anything is loaded, which takes a while.
    data = task_type.read(args.train, args)
    kwargs = task_type.task_kwargs(data, args)
    train = task_type.samples(data, kwargs)
    validation = None
    if args.validation is not None:
        data = task_type.read(args.validation, args)
        validation = task_type.samples(data, kwargs)
        if isinstance(train.x, tuple) != isinstance(validation.x, tuple):
            raise ValueError(
                f"`{args.train}` and `{args.validation}` must either both "
                "have pairs of texts or both have single texts."
            )

    unlabelled = None
    if args.unlabelled is not None:
        unlabelled = task_type.read_unlabelled(args.unlabelled, args)
        if isinstance(train.x, tuple) != isinstance(unlabelled.x, tuple):
            raise ValueError(
                f"`{args.train}` and `{args.unlabelled}` must either both "
                "have pairs of texts or both have single texts."
            )

    import functools
    import json
    import shutil

    import keras

    from keras_squeeze.cli.training import fine_tune
    from keras_squeeze.cli.training import hold_out
    from keras_squeeze.cli.training import load_or_make
    from keras_squeeze.cli.training import plot_history
    from keras_squeeze.cli.training import print_history
    from keras_squeeze.cli.training import stopped_history
    from keras_squeeze.new_files import new_folder

    if validation is None:
        is_held_out = hold_out(task_type.strata(train), 0.1, args.seed)
        validation = train.take(is_held_out)
        train = train.take(~is_held_out)
    keras.utils.set_random_seed(args.seed)
    task_class = task_type.base_class()
    task = task_class.from_preset(args.preset, dtype=args.dtype, **kwargs)
    print(
        f"{args.preset}: {task.count_params():,} parameters, "
        f"{len(train):,} samples to train on, {len(validation):,} to validate "
        f"on{_classes(kwargs)}."
    )
    task_type.prepare(task, train)
    settings = {
        name: getattr(args, name)
        for name in (
            "task",
            "preset",
            "epochs",
            "batch_size",
            "learning_rate",
            "patience",
            "group_by_length",
            "dtype",
            "seed",
        )
    }
    settings["sequence_length"] = args.sequence_length or (
        task_type.sequence_length
    )
    settings["train"] = train.digest()
    settings["validation"] = validation.digest()
    stopped = output.with_name(f"{output.name}.training")
    compile_kwargs = {}
    if args.teacher is not None:
        settings["teacher"] = args.teacher
        settings["label_weight"] = args.label_weight
        if unlabelled is not None:
            settings["unlabelled"] = unlabelled.digest()
            train = train.joined(unlabelled)
        # The teacher may take longer for its labels than the training.
        stopped_history(stopped, settings)
        train, compile_kwargs = task_type.with_teacher(
            train,
            kwargs,
            settings["sequence_length"],
            functools.partial(
                load_or_make, stopped / "soft_labels.npz", settings
            ),
            args,
        )
    history = fine_tune(
        task,
        train.parts(),
        validation.parts(),
        stopped,
        settings,
        epochs=args.epochs,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        sequence_length=settings["sequence_length"],
        seed=args.seed,
        objective=task_type.objective(kwargs),
        score=lambda: task_type.scores(task, validation),
        patience=args.patience,
        group_by_length=args.group_by_length,
        **compile_kwargs,
    )
    print_history(history)
    if args.dtype != "float32":
        # The policy is for the training, and not for those who load it.
        weights = task.get_weights()
        task = task_class.from_preset(args.preset, dtype="float32", **kwargs)
        task.set_weights(weights)
        task.preprocessor.sequence_length = settings["sequence_length"]
    with new_folder(output) as folder:
        task.save_to_preset(folder)
        plot_history(history, folder / "learning_curve.png")
        (folder / "metrics.json").write_text(
            json.dumps({"settings": settings, "history": history}, indent=2)
        )
    shutil.rmtree(stopped)
    print(f"Wrote the preset `{output}`.")


def _classes(task_kwargs):
    names = task_kwargs.get("class_names")
    return f", {len(names)} classes" if names else ""
