from keras_squeeze.cli.task_types.task_type import TaskType
from keras_squeeze.cli.training import Objective


class MultipleChoice(TaskType):
    """Prompts, each with choices of which one is right."""

    name = "multiple_choice"
    class_name = "MultipleChoice"

    def base_class(self):
        from keras_squeeze.models.tasks.multiple_choice import MultipleChoice

        return MultipleChoice

    def read(self, path, args):
        from keras_squeeze.datasets.multiple_choice_files import (
            read_multiple_choice,
        )

        return read_multiple_choice(path)

    def objective(self, task_kwargs):
        return Objective("val_sparse_categorical_accuracy")

    def inputs(self, args):
        if not args.choice:
            raise ValueError(
                "The preset chooses between choices. Give each of them with "
                "--choice."
            )
        prompts = list(args.texts)
        choices = [args.choice] * len(prompts)
        return {"prompt": prompts, "choices": choices}, prompts
