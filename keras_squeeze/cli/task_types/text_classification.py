from keras_squeeze.cli.task_types.task_type import TaskType
from keras_squeeze.cli.task_types.task_type import split_pairs
from keras_squeeze.cli.training import Objective


class TextClassification(TaskType):
    """Texts, or pairs of texts, and their classes, or a number for each."""

    name = "text_classification"
    class_name = "TextClassifier"
    can_have_teacher = True
    can_group_by_length = True

    def base_class(self):
        from keras_squeeze.models.tasks.text_classifier import TextClassifier

        return TextClassifier

    def read(self, path, args):
        from keras_squeeze.datasets.text_files import read_labelled_texts

        return read_labelled_texts(
            path, args.text_column, args.label_column, args.label_separator
        )

    def task_kwargs(self, data, args):
        if args.regression:
            return {"num_classes": 1}
        class_names = data.class_names()
        if len(class_names) < 2:
            raise ValueError(
                f"`{args.train}` must have at least two different labels. "
                f"Received: {class_names}"
            )
        kwargs = {"num_classes": len(class_names), "class_names": class_names}
        return {**kwargs, "multi_label": data.is_multi_label}

    def samples(self, data, task_kwargs):
        from keras_squeeze.datasets.samples import Samples

        if task_kwargs["num_classes"] == 1:
            return Samples(data.x, data.numbers())
        return Samples(data.x, data.class_ids(task_kwargs["class_names"]))

    def prepare(self, task, samples):
        if task.problem_type == "regression":
            # Otherwise the features tell the mean at first, and a backbone
            # may not come back from that.
            task.output_dense.bias.assign([samples.y.mean()])

    def read_unlabelled(self, path, args):
        """Read texts that only a teacher labels.

        Args:
            path: string. The file.
            args: The arguments of the command.

        Returns:
            A `Samples`, with the labels that stand for none.
        """
        import numpy as np

        from keras_squeeze.datasets.samples import Samples
        from keras_squeeze.datasets.text_files import read_texts

        x = read_texts(path, args.text_column)
        samples = Samples(x)
        if args.regression:
            return Samples(x, np.full(len(samples), np.nan, "float32"))
        return Samples(x, np.full(len(samples), -1, "int32"))

    def with_teacher(
        self, train, task_kwargs, sequence_length, load_or_make, args
    ):
        """Let a teacher label the samples, too.

        Args:
            train: The `Samples`.
            task_kwargs: Dictionary. What `task_kwargs()` gave.
            sequence_length: int. How many tokens of a text it reads.
            load_or_make: A function that gives the labels of a training that
                was stopped, or calls the one that it is given to make them.
            args: The arguments of the command. Its `teacher` is the preset of
                a text classifier, or the folder of a Hugging Face checkpoint
                of one, and computes in its `dtype`.

        Returns:
            A tuple of the `Samples` with both labels, and a dictionary of
            arguments of `compile()` of the task.

        Raises:
            ValueError: If the teacher has other classes.
        """
        from keras_squeeze import distillation
        from keras_squeeze.datasets.samples import Samples

        if task_kwargs.get("multi_label"):
            raise ValueError("--teacher is not for texts of several labels.")
        num_classes = task_kwargs["num_classes"]
        class_names = task_kwargs.get("class_names")

        def label():
            model = self._teacher(class_names, sequence_length, args)
            print(f"{args.teacher} labels {len(train):,} samples.", flush=True)
            y = distillation.soft_labels(model, train.x, train.y)
            if y.shape[1] != 1 + num_classes:
                raise ValueError(
                    f"`{args.teacher}` must have {num_classes} outputs, as "
                    f"many as the student. Received: {y.shape[1] - 1} outputs"
                )
            return y

        y = load_or_make(label)
        if num_classes == 1:
            metric = distillation.SoftLabelCorrelation()
        else:
            metric = distillation.SoftLabelAccuracy(num_classes)
        loss = distillation.SoftLabelLoss(
            num_classes, label_weight=args.label_weight
        )
        return Samples(train.x, y), {"loss": loss, "metrics": [metric]}

    def _teacher(self, class_names, sequence_length, args):
        import json
        import pathlib

        from keras_squeeze import distillation

        path = pathlib.Path(args.teacher) / "config.json"
        if path.is_file():
            config = json.loads(path.read_text(encoding="utf-8"))
            own = (None, "mobilebert", "squeezebert")
            if config.get("model_type") not in own:
                return distillation.HuggingFaceClassifier(
                    args.teacher,
                    class_names,
                    sequence_length,
                    dtype=args.dtype.removeprefix("mixed_"),
                )
        task = self.base_class().from_preset(args.teacher, dtype=args.dtype)
        if task.class_names != class_names:
            raise ValueError(
                f"`{args.teacher}` must be a classifier of the classes "
                f"{class_names}. Received: one of {task.class_names}"
            )
        task.preprocessor.sequence_length = sequence_length
        return task

    def objective(self, task_kwargs):
        if task_kwargs["num_classes"] == 1:
            return Objective("val_pearson")
        if task_kwargs["multi_label"]:
            return Objective("val_binary_accuracy")
        return Objective("val_sparse_categorical_accuracy")

    def strata(self, samples):
        is_class = samples.y.ndim == 1 and samples.y.dtype.kind == "i"
        return samples.y if is_class else super().strata(samples)

    def inputs(self, args):
        if args.pairs:
            return split_pairs(args.texts), args.texts
        return super().inputs(args)
