"""Question answering: finds the answer to a question in a text."""

import keras
import keras_hub
import numpy as np
from keras import ops

from keras_squeeze import validation
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.models.tasks.answer_spans import AnswerSpans
from keras_squeeze.models.tasks.tokenized_words import TokenizedWords
from keras_squeeze.models.tasks.windowed_task import WindowedTask
from keras_squeeze.tokenizers.texts import samples_of

# The outputs. The labels and the losses have the same names.
OUTPUTS = ("start_logits", "end_logits")


class QuestionAnswering(WindowedTask, keras_hub.models.Task):
    """Base class of the question answering tasks.

    With a `preprocessor`, which `from_preset()` creates by default, `fit()`,
    `evaluate()`, `predict()` and `annotate()` take raw questions and contexts
    of any length.

    A dense layer on the sequence output predicts for every token whether an
    answer starts or ends there. The outputs are a dictionary of
    `"start_logits"` and `"end_logits"`, both of shape `(batch_size,
    sequence_length)`. The loss is the sum of both. If there is no answer, both
    should point at the first token, `[CLS]`.

    Args:
        backbone: The backbone model.
        preprocessor: The preprocessor layer, or `None` if inputs are already
            preprocessed.
        **kwargs: Other keyword arguments of `keras_hub.models.Task`.

    Example:

    ```python
    question_answering = (
        keras_squeeze.models.MobileBertQuestionAnswering.from_preset(
            "mobile_bert_tiny_en_uncased"
        )
    )
    context = "Ada Lovelace was born in London in 1815."
    x = {
        "question": ["Where was she born?", "Where did she die?"],
        "context": [context, context],
    }
    y = {
        # The second question has no answer here.
        "answer_start": [25, -1],
        "answer_text": ["London", ""],
    }
    question_answering.fit(x, y, batch_size=2)
    question_answering.annotate(x, handle_impossible_answer=True)
    question_answering.save_to_preset("./question_answering")
    ```
    """

    hugging_face_classes = ("ForQuestionAnswering",)
    hugging_face_head = [("qa_outputs", "output_dense", DENSE)]
    phone_libraries = ("Task Library BertQuestionAnswerer",)
    evaluation_kind = "questions"

    def __init__(self, backbone, preprocessor=None, **kwargs):
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.output_dense = keras.layers.Dense(
            2,
            kernel_initializer=keras.initializers.RandomNormal(
                stddev=backbone.initializer_range
            ),
            dtype=backbone.dtype_policy,
            name="logits",
        )

        # === Functional Model ===
        inputs = backbone.input
        outputs = self.apply_head(backbone(inputs))
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

    def apply_head(self, encoded):
        """Compute the outputs of the task from those of its backbone.

        Args:
            encoded: Dictionary of tensors. The outputs of the backbone.

        Returns:
            A dictionary of tensors of shape `(batch, length)`.
        """
        logits = self.output_dense(encoded["sequence_output"])
        logits = ops.unstack(logits, num=2, axis=-1)
        return dict(zip(OUTPUTS, logits, strict=True))

    def default_loss(self):
        return {
            name: keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            for name in OUTPUTS
        }

    def default_metrics(self):
        return {
            "metrics": {
                name: [keras.metrics.SparseCategoricalAccuracy("accuracy")]
                for name in OUTPUTS
            }
        }

    def annotate(
        self,
        inputs,
        top_k=None,
        batch_size=None,
        max_answer_length=30,
        handle_impossible_answer=False,
        null_threshold=0.0,
    ):
        """Find the answers to questions in their contexts.

        The score of an answer is the product of the probabilities of its start
        and its end, as in transformers' question answering pipeline. If an
        answer is in several windows, the highest score counts. Answers are
        whole words: if the model selects a part of a word, the score counts
        for the whole word.

        Args:
            inputs: Dictionary of lists of strings, `"question"` and
                `"context"`, or of two strings.
            top_k: int or `None`. The maximum number of answers per question,
                the likeliest first. Defaults to `None`, for the likeliest
                answer without a list.
            batch_size: int. The number of windows per batch. Defaults to
                `None` for batches of about 4,096 tokens.
            max_answer_length: int. The maximum number of tokens of an answer.
                Defaults to `30`, as in transformers' `run_qa.py`.
            handle_impossible_answer: bool. Whether there may be no answer,
                for models that were also trained on such questions. This is
                the answer `""` from 0 to 0, with the lowest score that any
                window gives it. Defaults to `False`.
            null_threshold: float. How much likelier than another answer no
                answer must be to come before it, as the logarithm of the
                ratio of their scores. Defaults to `0.0`, for the order of
                the scores.

        Returns:
            A list that has a dictionary per question: the `answer`, its
            `score`, and the characters `start` and `end` of its position in
            the context. With `top_k`, a list of such dictionaries. For a
            dictionary of two strings, only its entry.

        Example:

        ```python
        question_answering.annotate(
            {
                "question": "Where was Ada Lovelace born?",
                "context": "Ada Lovelace was born in London in 1815.",
            }
        )
        # {"answer": "London", "score": 0.97, "start": 25, "end": 31}
        ```
        """
        self.check_annotatable(top_k)
        validation.check_positive_int("max_answer_length", max_answer_length)
        (questions, contexts), is_batched = self.preprocessor.segments(inputs)
        words = TokenizedWords.of_texts(
            self.preprocessor.tokenizer, samples_of(contexts, "context")
        )
        if not handle_impossible_answer:
            self._check_contexts(contexts, words)
        spans = self._find_spans(
            questions, words, batch_size, max_answer_length, top_k or 1
        )
        answers = []
        for context, spans_of_context in zip(contexts, spans, strict=True):
            found = [
                _answer(context, score, words.spans[i, 0], words.spans[j, 1])
                for score, i, j in spans_of_context.best()
            ]
            if handle_impossible_answer:
                score = spans_of_context.no_answer_score
                rank = score * np.exp(-null_threshold)
                index = sum(answer["score"] >= rank for answer in found)
                found.insert(index, _answer(context, score, 0, 0))
            answers.append(found[:top_k] if top_k else found[0])
        return answers if is_batched else answers[0]

    def _find_spans(self, questions, words, batch_size, *args):
        """Return the `AnswerSpans` of every context."""
        word_of_token = np.repeat(np.arange(len(words.pieces)), words.pieces)
        context_of_word = np.repeat(np.arange(len(questions)), words.counts)
        lengths = np.bincount(
            context_of_word[word_of_token], minlength=len(questions)
        )
        first_tokens = np.cumsum(lengths) - lengths
        x, windows = self.preprocessor.context_windows(
            questions, (words.ids, lengths)
        )
        outputs = self.predict_windows(x, batch_size)
        start_logits, end_logits = (
            np.asarray(outputs[name], "float32") for name in OUTPUTS
        )
        spans = [AnswerSpans(*args) for _ in questions]
        for i, row in enumerate(windows.rows):
            size = windows.sizes[i]
            columns = np.append(0, windows.columns[i] + np.arange(size))
            first = first_tokens[row] + windows.starts[i]
            spans[row].add_window(
                start_logits[i, columns],
                end_logits[i, columns],
                word_of_token[first : first + size],
            )
        return spans

    @staticmethod
    def _check_contexts(contexts, words):
        for i in np.flatnonzero(words.counts == 0)[:1]:
            raise ValueError(
                "A context must have words, unless "
                "`handle_impossible_answer` is set. Received: "
                f"{contexts[i]!r} for sample {i}"
            )


def _answer(context, score, start, end):
    return {
        "answer": context[start:end],
        "score": float(score),
        "start": int(start),
        "end": int(end),
    }
