"""Exact match and F1 of answers, as the evaluation of SQuAD has them."""

import collections
import re
import string

import numpy as np

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text):
    """Take from an answer what does not count.

    Args:
        text: string.

    Returns:
        string. The text in lower case, without ASCII punctuation, without
        articles, and with single spaces.
    """
    text = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def exact_match(prediction, answers):
    """Whether a prediction is one of the right answers.

    Args:
        prediction: string. `""` for no answer.
        answers: List of strings, the right answers. Empty if there is none.

    Returns:
        bool.
    """
    prediction = normalize_answer(prediction)
    return any(prediction == answer for answer in _normalized(answers))


def f1_score(prediction, answers):
    """The F1 of the words of a prediction, by the most similar answer.

    Args:
        prediction: string. `""` for no answer.
        answers: List of strings, the right answers. Empty if there is none.

    Returns:
        float.
    """
    words = normalize_answer(prediction).split()
    return max(
        _f1_of_words(words, answer.split()) for answer in _normalized(answers)
    )


def squad_scores(predictions, references):
    """Compare predicted answers with the right ones.

    These are the numbers of SQuAD's own evaluation, in percent. A question
    without an answer is right if the prediction is empty.

    Args:
        predictions: List of strings, or of what `annotate()` gives.
        references: List with a list of strings for each question, all of its
            right answers. Empty for a question that has none.

    Returns:
        A dictionary of `"exact"`, `"f1"` and their number `"total"`; and
        the same of the questions that have an answer as `"HasAns_exact"` and
        so on, and of those that have none as `"NoAns_exact"`, if there are
        some.

    Raises:
        ValueError: If there is not one prediction for each reference.

    Example:

    ```python
    squad_scores(["London", "in 1815"], [["London"], ["1815", "year 1815"]])
    # {"exact": 50.0, "f1": 83.3, "total": 2, ...}
    ```

    References:
     - [Rajpurkar et al., 2016](https://arxiv.org/abs/1606.05250)
     - [Rajpurkar et al., 2018](https://arxiv.org/abs/1806.03822)
    """
    if len(predictions) != len(references) or not len(references):
        raise ValueError(
            "`predictions` and `references` must have an entry for each "
            f"question. Received: {len(predictions)} predictions and "
            f"{len(references)} references"
        )
    groups = {"": [], "HasAns_": [], "NoAns_": []}
    for prediction, answers in zip(predictions, references, strict=True):
        if isinstance(answers, str):
            raise ValueError(
                "`references` must be lists of strings. Received: the string "
                f"{answers!r} in place of one"
            )
        if isinstance(prediction, dict):
            prediction = prediction["answer"]
        scores = exact_match(prediction, answers), f1_score(prediction, answers)
        groups[""].append(scores)
        groups["HasAns_" if len(answers) else "NoAns_"].append(scores)
    results = {}
    for prefix, scores in groups.items():
        if scores:
            exact, f1 = 100.0 * np.mean(scores, axis=0)
            results[f"{prefix}exact"] = float(exact)
            results[f"{prefix}f1"] = float(f1)
            results[f"{prefix}total"] = len(scores)
    return results


def _normalized(answers):
    # An answer of nothing that counts is none.
    return [text for text in map(normalize_answer, answers) if text] or [""]


def _f1_of_words(words, answer):
    if not words or not answer:
        return float(words == answer)
    common = collections.Counter(words) & collections.Counter(answer)
    return 2 * common.total() / (len(words) + len(answer))
