from keras_squeeze.cli.task_types.task_type import TaskType
from keras_squeeze.cli.training import Objective


class TokenClassification(TaskType):
    """Sentences in CoNLL files, whose words have labels."""

    name = "token_classification"
    class_name = "TokenClassifier"

    def base_class(self):
        from keras_squeeze.models.tasks.token_classifier import TokenClassifier

        return TokenClassifier

    def read(self, path, args):
        from keras_squeeze.datasets.conll import read_conll
        from keras_squeeze.datasets.samples import Samples

        return Samples(*read_conll(path))

    def task_kwargs(self, data, args):
        from keras_squeeze.datasets.conll import class_names

        return {"class_names": class_names(data.y)}

    def objective(self, task_kwargs):
        return Objective("val_f1")

    def scores(self, task, samples):
        from keras_squeeze.metrics.entities import entity_scores

        scores = entity_scores(samples.y, task.predict_labels(samples.x))
        return {
            f"val_{name}": scores[name]
            for name in ("precision", "recall", "f1")
        }

    def annotate(self, task, inputs, args):
        # All entities of a text, if not told otherwise.
        return task.annotate(inputs, top_k=args.top_k)
