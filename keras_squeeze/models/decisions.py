"""Turns the probabilities of classes into answers."""

import dataclasses
import json
import math
import numbers

import numpy as np

from keras_squeeze.models.class_names import likeliest


@dataclasses.dataclass(frozen=True)
class Decision:
    """Defines which classes are the answer, given their probabilities.

    Without a background class, the answer is the likeliest class. With one,
    it is the likeliest other class if its probability is above the threshold,
    and else the background class, whose score is one minus that probability.
    With several labels, the answer is every class whose probability is above
    its threshold.

    Args:
        threshold: float or `None`, or with `multi_label` also a list of a
            float per class. `None` is for one half.
        background: int or `None`. The id of the background class.
        multi_label: bool. Whether there can be any number of classes.
    """

    threshold: object = None
    background: int | None = None
    multi_label: bool = False

    @classmethod
    def of(cls, threshold, background_class, task):
        """Check the arguments of a task.

        Args:
            threshold: The argument of the task.
            background_class: The argument of the task.
            task: The task, with `class_names`, `num_classes` and
                `multi_label`.

        Returns:
            A `Decision`.

        Raises:
            ValueError: If an argument is invalid.
        """
        background = _id_of(background_class, task)
        if task.multi_label and background is not None:
            raise ValueError(
                "`background_class` must be None with `multi_label`, where a "
                "text may have no class. Received: "
                f"background_class={background_class!r}"
            )
        if threshold is None:
            return cls(None, background, task.multi_label)
        if not task.multi_label and background is None:
            raise ValueError(
                "`threshold` must be None for a task without `multi_label` "
                "and without a `background_class`. Received: "
                f"threshold={threshold!r}"
            )
        several = isinstance(threshold, (list, tuple, np.ndarray))
        values = list(threshold) if several else [threshold]
        is_valid = all(
            isinstance(x, numbers.Real)
            and not isinstance(x, bool)
            and 0 <= x <= 1
            for x in values
        )
        sizes = (task.num_classes,) if task.multi_label else ()
        if not is_valid or (several and len(values) not in sizes):
            expected = "a number from 0 to 1"
            if task.multi_label:
                expected += f", or a list of {task.num_classes} of them"
            raise ValueError(
                f"`threshold` must be {expected}. Received: "
                f"threshold={threshold!r}"
            )
        values = list(map(float, values))
        return cls(
            values if several else values[0], background, task.multi_label
        )

    @classmethod
    def from_json(cls, text):
        """Read what `to_json()` wrote.

        Args:
            text: string.

        Returns:
            A `Decision`.
        """
        return cls(**json.loads(text))

    def to_json(self):
        """Write the rule for a file.

        Returns:
            A string.
        """
        return json.dumps(dataclasses.asdict(self))

    @property
    def is_default(self):
        """bool. Whether the answer is always the likeliest class."""
        return self.background is None and not self.multi_label

    @property
    def _threshold(self):
        # In the precision of the probabilities, as in an app on a phone.
        threshold = 0.5 if self.threshold is None else self.threshold
        return np.asarray(threshold, "float32")

    def scores(self, probabilities):
        """Compute the scores that are shown.

        Args:
            probabilities: float array of shape `(..., num_classes)`.

        Returns:
            An array of the same shape.
        """
        if self.background is None:
            return probabilities
        scores = np.array(probabilities)
        scores[..., self.background] = 0
        scores[..., self.background] = 1 - scores.max(axis=-1)
        return scores

    def selected(self, probabilities):
        """Decide about each class separately, for several labels.

        Args:
            probabilities: float array of shape `(..., num_classes)`.

        Returns:
            A bool array of the same shape.
        """
        return probabilities > self._threshold

    def class_ids(self, probabilities):
        """Choose a class.

        Args:
            probabilities: float array of shape `(..., num_classes)`.

        Returns:
            An int array of shape `(...)`.
        """
        if self.background is None:
            return np.argmax(probabilities, axis=-1)
        others = np.array(probabilities)
        others[..., self.background] = -math.inf
        return np.where(
            others.max(axis=-1) > self._threshold,
            np.argmax(others, axis=-1),
            self.background,
        )

    def answers(self, probabilities, class_names, top_k=None):
        """Name the classes.

        Args:
            probabilities: float array of shape `(num_texts, num_classes)`.
            class_names: List of strings in the order of the ids.
            top_k: int or `None`. The number of classes per text. Defaults to
                `None`, for the answer.

        Returns:
            A list that has a dictionary of the `label` and its `score` per
            text, or with `top_k` or several labels a list of them, the answer
            first and the others by their scores.
        """
        if self.multi_label:
            return [
                [
                    {"label": class_names[i], "score": float(row[i])}
                    for i in np.argsort(-row, kind="stable")[:top_k]
                    if top_k or is_selected[i]
                ]
                for row, is_selected in zip(
                    probabilities, self.selected(probabilities), strict=True
                )
            ]
        if self.background is None:
            return [likeliest(row, class_names, top_k) for row in probabilities]
        answers = []
        ids = self.class_ids(probabilities)
        for best, row in zip(ids, self.scores(probabilities), strict=True):
            order = np.argsort(-row, kind="stable")
            order = [best, *order[order != best]][: top_k or 1]
            answer = [
                {"label": class_names[i], "score": float(row[i])} for i in order
            ]
            answers.append(answer if top_k else answer[0])
        return answers


def _id_of(background_class, task):
    if background_class is None:
        return None
    names = task.class_names or []
    ids = dict(zip(names, range(len(names)), strict=True))
    ids.update({i: i for i in range(task.num_classes)})
    is_key = isinstance(background_class, (str, int, np.integer))
    if (
        not is_key
        or isinstance(background_class, bool)
        or background_class not in ids
        or task.num_classes < 2
    ):
        raise ValueError(
            f"`background_class` must be an id below {task.num_classes} of a "
            f"task with at least two classes, or a name among {names or None}. "
            f"Received: background_class={background_class!r}"
        )
    return ids[background_class]
