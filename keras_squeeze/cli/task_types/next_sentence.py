from keras_squeeze.cli.task_types.task_type import TaskType
from keras_squeeze.cli.task_types.task_type import split_pairs
from keras_squeeze.cli.training import Objective


class NextSentence(TaskType):
    """Pairs of texts, and whether the second follows the first."""

    name = "next_sentence"
    class_name = "NextSentencePredictor"

    def base_class(self):
        from keras_squeeze.models.tasks.next_sentence_predictor import (
            NextSentencePredictor,
        )

        return NextSentencePredictor

    def read(self, path, args):
        from keras_squeeze.datasets.samples import Samples
        from keras_squeeze.datasets.text_files import read_labelled_texts

        data = read_labelled_texts(path, args.text_column, args.label_column)
        if not data.is_pairs:
            raise ValueError(
                f"`{path}` must have pairs of texts, in columns like "
                "`sentence1` and `sentence2`."
            )
        return Samples(data.x, data.class_ids(["0", "1"]))

    def objective(self, task_kwargs):
        return Objective("val_sparse_categorical_accuracy")

    def strata(self, samples):
        return samples.y

    def inputs(self, args):
        return split_pairs(args.texts), args.texts
