"""Fine-tune a preset on one's own texts.

Reads labelled texts from CSV or TSV files, trains, and writes a preset with
the weights of the epoch that does best on the validation texts. A training
that was stopped goes on when the same command is given again.

A first row of column names says what is what: `text` and `label`, or
`sentence1`, `sentence2` and `label` for pairs, in any order. Without one, the
column with the fewest distinct values is the label. Labels may be names or
numbers.
"""

from keras_squeeze.cli import arguments


def add_arguments(parser):
    parser.add_argument(
        "--task",
        choices=["text_classification"],
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
        help="the texts to train on, .csv or .tsv",
    )
    parser.add_argument(
        "--validation",
        metavar="FILE",
        help="the texts that choose the best epoch (default: a tenth of the "
        "training texts, which are held out)",
    )
    parser.add_argument(
        "--text-column",
        action="append",
        metavar="NAME",
        help="the column of the texts, if its name is another; twice for pairs",
    )
    parser.add_argument(
        "--label-column",
        metavar="NAME",
        help="the column of the labels, if its name is another",
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
        parser, epochs=3, learning_rate=5e-5, sequence_length=128
    )


def run(args):
    output = arguments.check_output_folder(args.output, args.overwrite)
    train, validation = _read(args)

    import json
    import shutil

    import keras

    from keras_squeeze.cli.new_folder import new_folder
    from keras_squeeze.cli.training import fine_tune
    from keras_squeeze.cli.training import hold_out
    from keras_squeeze.cli.training import print_history
    from keras_squeeze.models.tasks.text_classifier import TextClassifier

    class_names = train.class_names()
    if len(class_names) < 2:
        raise ValueError(
            f"`{args.train}` must have at least two different labels. "
            f"Received: {class_names}"
        )
    class_ids = train.class_ids(class_names)
    if validation is None:
        is_held_out = hold_out(class_ids, 0.1, args.seed)
        validation = train.take(is_held_out)
        train = train.take(~is_held_out)
    y_validation = validation.class_ids(class_names)
    y_train = train.class_ids(class_names)

    keras.utils.set_random_seed(args.seed)
    task = TextClassifier.from_preset(
        args.preset, num_classes=len(class_names), class_names=class_names
    )
    print(
        f"{args.preset}: {task.count_params():,} parameters, "
        f"{len(train):,} texts to train on, {len(validation):,} to validate "
        f"on, {len(class_names)} classes."
    )
    settings = {
        name: getattr(args, name)
        for name in (
            "task",
            "preset",
            "epochs",
            "batch_size",
            "learning_rate",
            "sequence_length",
            "seed",
        )
    }
    settings["train"] = train.digest()
    settings["validation"] = validation.digest()
    stopped = output.with_name(f"{output.name}.training")
    history = fine_tune(
        task,
        (train.x, y_train),
        (validation.x, y_validation),
        stopped,
        settings,
        epochs=args.epochs,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        sequence_length=args.sequence_length,
        seed=args.seed,
    )
    print_history(history)
    with new_folder(output) as folder:
        task.save_to_preset(folder)
        (folder / "metrics.json").write_text(
            json.dumps({"settings": settings, "history": history}, indent=2)
        )
    shutil.rmtree(stopped)
    print(f"Wrote the preset `{output}`.")


def _read(args):
    """Returns the training and, if there are, the validation texts."""
    from keras_squeeze.datasets.text_files import read_labelled_texts

    columns = (args.text_column, args.label_column)
    train = read_labelled_texts(args.train, *columns)
    if args.validation is None:
        return train, None
    validation = read_labelled_texts(args.validation, *columns)
    if train.is_pairs != validation.is_pairs:
        raise ValueError(
            f"`{args.train}` and `{args.validation}` must either both have "
            "pairs of texts or both have single texts."
        )
    return train, validation
