"""What the commands must know of a task."""

from keras_squeeze.cli.training import Objective


class TaskType:
    """Base of the tasks as the command line has them.

    Attributes:
        name: string. The name on the command line.
        class_name: string. How the names of the task's classes end.
        sequence_length: int. How many tokens of a text to use by default.
        is_trainable: bool. Whether there are labels, or something in their
            place, to learn from.
        can_have_teacher: bool. Whether there is `with_teacher()`.
        can_group_by_length: bool. Whether `fit()` of the task can put texts
            of about the same length into a batch.
    """

    name = None
    class_name = None
    sequence_length = 128
    is_trainable = True
    can_have_teacher = False
    can_group_by_length = False

    def base_class(self):
        """The class of `keras_squeeze` whose `from_preset()` makes the task."""
        raise NotImplementedError

    def read(self, path, args):
        """Read a file of samples.

        Args:
            path: string. The file.
            args: The arguments of the command.

        Returns:
            What the file holds, in the form that `task_kwargs()` and
            `samples()` take.
        """
        raise NotImplementedError

    def task_kwargs(self, data, args):
        """The arguments of a new task.

        Args:
            data: What `read()` gave of the file to train on.
            args: The arguments of the command.

        Returns:
            A dictionary of arguments of `from_preset()`.
        """
        return {}

    def samples(self, data, task_kwargs):
        """Give what a file holds the form that `fit()` takes.

        Args:
            data: What `read()` gave.
            task_kwargs: Dictionary. What `task_kwargs()` gave.

        Returns:
            A `keras_squeeze.datasets.samples.Samples`.
        """
        return data

    def prepare(self, task, samples):
        """Change a task before it is trained.

        Args:
            task: The task.
            samples: The `Samples` to train on.
        """

    def objective(self, task_kwargs):
        """What makes one epoch better than another.

        Args:
            task_kwargs: Dictionary. What `task_kwargs()` gave.

        Returns:
            A `keras_squeeze.cli.training.Objective`.
        """
        return Objective("val_loss", lower_is_better=True)

    def strata(self, samples):
        """Numbers of which each is to be held out in the same part.

        Args:
            samples: The `Samples`.

        Returns:
            An int array of shape `(len(samples),)`.
        """
        import numpy as np

        return np.zeros(len(samples), "int32")

    def scores(self, task, samples):
        """Measure the answers of a task in the terms of its field.

        Args:
            task: The task.
            samples: The `Samples` to validate on.

        Returns:
            A dictionary of floats, whose names start with `val_`. Empty if
            the metrics of `fit()` say it all.
        """
        return {}

    def inputs(self, args):
        """Read the inputs to predict from the arguments of `predict`.

        Args:
            args: The arguments of the command, with a list `texts`.

        Returns:
            A tuple of what `annotate()` takes, and a list with what to show
            for each input.
        """
        return list(args.texts), list(args.texts)

    def annotate(self, task, inputs, args):
        """Answer the inputs.

        Args:
            task: The task.
            inputs: What `annotate()` of the task takes.
            args: The arguments of the command, with `top_k`, an int or `None`.

        Returns:
            A list with a list of answers for each input.
        """
        return task.annotate(inputs, top_k=args.top_k or 1)

    def rows(self, shown, answers):
        """Lay answers out in the rows of a table.

        Args:
            shown: List with what to show for each input.
            answers: What `annotate()` gave.

        Returns:
            A list of dictionaries by the names of the columns.
        """
        return [
            {"text": text, **answer}
            for text, best in zip(shown, answers, strict=True)
            for answer in best
        ]


def split_pairs(texts):
    """Split texts that are two with a tab between them.

    Args:
        texts: list of strings.

    Returns:
        A tuple of two lists of strings.

    Raises:
        ValueError: If a text has no tab or several.
    """
    for text in texts:
        if text.count("\t") != 1:
            raise ValueError(
                "Each text must be two texts with a tab between them. "
                f"Received: {text!r}"
            )
    pairs = [text.split("\t") for text in texts]
    return [first for first, _ in pairs], [second for _, second in pairs]
