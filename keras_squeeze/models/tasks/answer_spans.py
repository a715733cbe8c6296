"""Finds the best answers in the outputs of a question answering model."""

import heapq

import numpy as np

from keras_squeeze.models.class_names import softmax


class AnswerSpans:
    """Collects the best answers over the windows of one context.

    Args:
        max_answer_length: int. The maximum number of tokens of an answer.
        top_k: int. The number of answers to keep.
    """

    def __init__(self, max_answer_length, top_k):
        self.max_answer_length = max_answer_length
        self.top_k = top_k
        self.no_answer_score = 1.0
        self._scores = {}

    def add_window(self, start_logits, end_logits, words):
        """Add the answers of a window.

        Args:
            start_logits: float array of shape `(1 + num_tokens,)`. The output
                for `[CLS]` and for the tokens of the context.
            end_logits: The same, for the other output.
            words: int array of shape `(num_tokens,)`. The index of the word
                of each token, in ascending order.
        """
        starts = softmax(start_logits.astype("float64"))
        ends = softmax(end_logits.astype("float64"))
        self.no_answer_score = min(self.no_answer_score, starts[0] * ends[0])
        if not len(words):
            return
        # All pairs of a first and a last token, and their words.
        first = np.repeat(np.arange(len(words)), self.max_answer_length)
        last = first + np.tile(np.arange(self.max_answer_length), len(words))
        first, last = first[last < len(words)], last[last < len(words)]
        scores = starts[1:][first] * ends[1:][last]
        numbers = words - words[0]
        count = numbers[-1] + 1
        pairs = numbers[first] * count + numbers[last]
        # Add up the scores of answers with the same words.
        scores = np.bincount(pairs, scores)
        best = np.argsort(-scores, kind="stable")[: self.top_k]
        for pair in best[scores[best] > 0]:
            span = tuple(int(i + words[0]) for i in divmod(pair, count))
            # Overlapping windows may have the same answer.
            self._scores[span] = max(
                self._scores.get(span, 0.0), float(scores[pair])
            )

    def best(self):
        """Return the best answers, as words.

        Returns:
            A list of at most `top_k` tuples `(score, first, last)` of a
            probability and the indices of the first and the last word, the
            likeliest first.
        """
        return heapq.nsmallest(
            self.top_k,
            ((score, *span) for span, score in self._scores.items()),
            key=lambda answer: (-answer[0], *answer[1:]),
        )
