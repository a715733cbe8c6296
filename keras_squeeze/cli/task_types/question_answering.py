from keras_squeeze.cli.task_types.task_type import TaskType
from keras_squeeze.cli.training import Objective


class QuestionAnswering(TaskType):
    """Questions on texts, in the files of SQuAD."""

    name = "question_answering"
    class_name = "QuestionAnswering"
    sequence_length = 384

    def base_class(self):
        from keras_squeeze.models.tasks.question_answering import (
            QuestionAnswering,
        )

        return QuestionAnswering

    def objective(self, task_kwargs):
        return Objective("val_f1")

    def inputs(self, args):
        if args.context is None:
            raise ValueError(
                "The preset answers questions on a text. Give the text with "
                "--context."
            )
        questions = list(args.texts)
        contexts = [args.context] * len(questions)
        return {"question": questions, "context": contexts}, questions
