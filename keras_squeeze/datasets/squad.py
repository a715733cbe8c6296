"""Reads questions and contexts from SQuAD's JSON files."""

import dataclasses
import json

import numpy as np

from keras_squeeze.datasets.samples import Samples
from keras_squeeze.datasets.samples import object_array
from keras_squeeze.datasets.utf8 import read_utf8


@dataclasses.dataclass(frozen=True)
class SquadSamples(Samples):
    """Questions and contexts for question answering tasks.

    Args:
        x: Dictionary of the string arrays `"question"` and `"context"`.
        y: Dictionary of the int32 array `"answer_start"` and the string array
            `"answer_text"`: the first answer of each question, or -1 and `""`
            if it has none.
        ids: Array of strings, the ids of the questions.
        answers: Array of lists of strings, all correct answers of each
            question, as `keras_squeeze.metrics.squad` takes them.
        titles: Array of strings, the titles of the articles.
    """

    ids: np.ndarray = None
    answers: np.ndarray = None
    titles: np.ndarray = None

    def take(self, indices):
        """Select some of the questions.

        Args:
            indices: int array of indices, or bool array with one entry per
                question.

        Returns:
            A `SquadSamples`.
        """
        return SquadSamples(
            *super().take(indices).parts(),
            *(a[indices] for a in (self.ids, self.answers, self.titles)),
        )

    def with_unanswerable(self, fraction, seed=0):
        """Add questions that have no answer.

        Each one combines a random question with a random paragraph of another
        article that does not contain any of its answers. Questions whose
        answers occur everywhere, such as a full stop, are not used.

        Args:
            fraction: float. The fraction of added questions among all
                questions.
            seed: int. The random seed. Defaults to `0`.

        Returns:
            A `SquadSamples` of the same questions, followed by the added ones.

        Raises:
            ValueError: If `fraction` is not between 0 and 1, or no question
                has such a paragraph.
        """
        if not 0 < fraction < 1:
            raise ValueError(
                "`fraction` must be between 0 and 1. Received: "
                f"fraction={fraction}"
            )
        random = np.random.default_rng(seed)
        count = round(len(self) * fraction / (1 - fraction))
        answered = np.flatnonzero(self.y["answer_start"] >= 0)
        paragraphs = dict(zip(self.x["context"], self.titles, strict=True))
        contexts, titles = map(list, (paragraphs, paragraphs.values()))
        chosen, added = [], []
        while len(chosen) < count:
            num_before = len(chosen)
            for i in random.permutation(answered):
                if len(chosen) == count:
                    break
                found = self._find_unanswering(i, contexts, titles, random)
                if found is not None:
                    chosen.append(i)
                    added.append(found)
            if len(chosen) == num_before:
                raise ValueError(
                    "A question can only be made unanswerable by a paragraph "
                    "of another article without its answers. Received: no "
                    f"such paragraph for {len(answered)} questions"
                )
        question = self.x["question"][chosen]
        context = object_array([contexts[i] for i in added])
        ids = object_array([f"{id}-unanswerable" for id in self.ids[chosen]])
        return SquadSamples(
            {
                "question": np.append(self.x["question"], question),
                "context": np.append(self.x["context"], context),
            },
            {
                "answer_start": np.append(
                    self.y["answer_start"], np.full(count, -1, "int32")
                ),
                "answer_text": np.append(
                    self.y["answer_text"], object_array([""] * count)
                ),
            },
            np.append(self.ids, ids),
            np.append(self.answers, object_array([[]] * count)),
            np.append(self.titles, object_array([titles[i] for i in added])),
        )

    def _find_unanswering(self, index, contexts, titles, random):
        """Find the index of a paragraph that does not answer a question."""
        answers = [answer.lower() for answer in self.answers[index]]
        for i in random.permutation(len(contexts)):
            context = contexts[i].lower()
            if titles[i] != self.titles[index] and not any(
                answer in context for answer in answers
            ):
                return i
        return None


def read_squad(path, has_answers=True):
    """Read a SQuAD v1.1 or v2.0 file.

    Args:
        path: string or path. The JSON file.
        has_answers: bool. Whether to read the answers. Otherwise the questions
            need none in the file, and have none in the result. Defaults to
            `True`.

    Returns:
        A `SquadSamples`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not in SQuAD's format, if an answer is not at
            its position in the paragraph, or if a question has no answer and is
            not marked as `is_impossible`.

    Example:

    ```python
    train = keras_squeeze.datasets.squad.read_squad("train-v1.1.json")
    train = train.with_unanswerable(fraction=1 / 3)
    x, y = train.x, train.y
    ```

    Reference:
     - [Rajpurkar et al., 2018](https://arxiv.org/abs/1806.03822)
    """
    text = read_utf8(path)
    try:
        contents = json.loads(text)
    except json.JSONDecodeError as e:
        raise ValueError(f"`{path}` must be JSON in UTF-8: {e}") from e
    rows = []
    for i, article in enumerate(_get(contents, "data", list, f"`{path}`")):
        of_article = f"Article {i} of `{path}`"
        paragraphs = _get(article, "paragraphs", list, of_article)
        title = str(article.get("title", i))
        for j, paragraph in enumerate(paragraphs):
            where = f"Paragraph {j} of article {i} of `{path}`"
            context = _get(paragraph, "context", str, where)
            for k, question in enumerate(_get(paragraph, "qas", list, where)):
                nameless = f"Question {k} of paragraph {j} of article {i}"
                id = _get(question, "id", str, f"{nameless} of `{path}`")
                named = f"Question {id!r} of `{path}`"
                text = _get(question, "question", str, named)
                answers = []
                if has_answers:
                    answers = _answers(question, context, named)
                rows.append((text, context, id, title, answers))
    if not rows:
        raise ValueError(f"`{path}` has no questions.")
    questions, contexts, ids, titles, answers = map(
        object_array, map(list, zip(*rows, strict=True))
    )
    starts, texts = zip(
        *(of_one[0] if of_one else (-1, "") for of_one in answers), strict=True
    )
    return SquadSamples(
        {"question": questions, "context": contexts},
        {
            "answer_start": np.array(starts, "int32"),
            "answer_text": object_array(list(texts)),
        },
        ids,
        object_array([[text for _, text in of_one] for of_one in answers]),
        titles,
    )


def _answers(question, context, where):
    """List the start and the text of each answer."""
    if question.get("is_impossible"):
        return []
    answers = []
    for answer in _get(question, "answers", list, where):
        start = _get(answer, "answer_start", int, f"An answer of {where}")
        text = _get(answer, "text", str, f"An answer of {where}")
        if not text or start < 0 or not context.startswith(text, start):
            raise ValueError(
                f"{where} must have answers at `answer_start` in the context. "
                f"Received: answer_start={start}, "
                f"text={text!r}"
            )
        answers.append((start, text))
    if not answers:
        raise ValueError(
            f"{where} must have an answer, or set `is_impossible`. Received: "
            "no answers"
        )
    return answers


def _get(value, key, kind, where):
    """Return the value of a key in a JSON object, and check its type."""
    found = value.get(key) if isinstance(value, dict) else None
    if kind is int and isinstance(found, float) and found.is_integer():
        # Data frames convert an integer column with missing values to floats.
        found = int(found)
    if not isinstance(found, kind) or isinstance(found, bool):
        names = {list: "a list", str: "a string", int: "an integer"}
        raise ValueError(
            f"{where} must be an object with {names[kind]} named "
            f"`{key}`. Received: {found!r:.80}"
        )
    return found
