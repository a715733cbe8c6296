from keras_squeeze.cli.task_types.task_type import TaskType
from keras_squeeze.cli.task_types.task_type import split_pairs
from keras_squeeze.cli.training import Objective


class TextClassification(TaskType):
    """Texts, or pairs of texts, and their classes, or a number for each."""

    name = "text_classification"
    class_name = "TextClassifier"

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
