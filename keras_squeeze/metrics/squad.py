"""Exact match and F1 of answers, as in the official SQuAD evaluation."""

import collections
import re
import string

import numpy as np

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text):
    """Normalize an answer for comparison.

    Args:
        text: string.

    Returns:
        string. The text in lowercase, without ASCII punctuation and articles,
        and with single spaces.
    """
    text = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", text).split())


def exact_match(prediction, answers):
    """Whether a prediction equals one of the correct answers.

    Args:
        prediction: string. `""` for no answer.
        answers: List of strings, the correct answers. Empty if there is no
            answer.

    Returns:
        bool.
    """
    prediction = normalize_answer(prediction)
    return any(prediction == answer for answer in _normalized(answers))


def f1_score(prediction, answers):
    """Compute the F1 score of the words in a prediction.

    Args:
        prediction: string. `""` for no answer.
        answers: List of strings, the correct answers. Empty if there is no
            answer. The most similar one counts.

    Returns:
        float.
    """
    words = normalize_answer(prediction).split()
    return max(
        _f1_of_words(words, answer.split()) for answer in _normalized(answers)
    )


def squad_scores(predictions, references):
    """Compute exact match and F1 for a list of questions.

    The results match SQuAD's official evaluation, in percent. For a question
    without an answer, an empty prediction is correct.

    Args:
        predictions: List of strings, or of outputs of `annotate()`.
        references: List with one list of strings per question, all its correct
            answers. Empty for a question without an answer.

    Returns:
        A dictionary of `"exact"`, `"f1"` and `"total"`, the number of
        questions. If there are such questions, it also has the same values for
        questions with an answer, as `"HasAns_exact"` and so on, and for
        questions without one, as `"NoAns_exact"` and so on.

    Raises:
        ValueError: If the numbers of predictions and references differ.

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
            "`predictions` and `references` must have one entry per question. "
            f"Received: {len(predictions)} predictions and "
            f"{len(references)} references"
        )
    groups = {"": [], "HasAns_": [], "NoAns_": []}
    for prediction, answers in zip(predictions, references, strict=True):
        if isinstance(answers, str):
            raise ValueError(
                "`references` must be lists of strings. Received: the string "
                f"{answers!r} instead of a list"
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
    # An answer that is empty after normalization counts as no answer.
    return [text for text in map(normalize_answer, answers) if text] or [""]


def _f1_of_words(words, answer):
    if not words or not answer:
        return float(words == answer)
    common = collections.Counter(words) & collections.Counter(answer)
    return 2 * common.total() / (len(words) + len(answer))
