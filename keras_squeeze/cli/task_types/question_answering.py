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

    def read(self, path, args):
        from keras_squeeze.datasets.squad import read_squad

        return read_squad(path)

    def objective(self, task_kwargs):
        return Objective("val_f1")

    def scores(self, task, samples):
        from keras_squeeze.metrics.squad import squad_scores

        may_be_none = bool((samples.y["answer_start"] < 0).any())
        answers = task.annotate(samples.x, handle_impossible_answer=may_be_none)
        scores = squad_scores(answers, samples.answers)
        return {f"val_{name}": scores[name] for name in ("exact", "f1")}

    def inputs(self, args):
        if args.context is None:
            raise ValueError(
                "The preset answers questions on a text. Give the text with "
                "--context."
            )
        questions = list(args.texts)
        contexts = [args.context] * len(questions)
        return {"question": questions, "context": contexts}, questions

    def annotate(self, task, inputs, args):
        return task.annotate(
            inputs,
            top_k=args.top_k or 1,
            handle_impossible_answer=args.may_have_no_answer,
        )
