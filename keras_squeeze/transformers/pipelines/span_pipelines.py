"""Pipelines that find spans in texts: entities and answers to questions."""

import collections.abc
import contextlib

import numpy as np

from keras_squeeze import validation
from keras_squeeze.metrics.entities import entity_spans
from keras_squeeze.models.class_names import softmax
from keras_squeeze.transformers import auto
from keras_squeeze.transformers.models import heads
from keras_squeeze.transformers.pipelines.base import Pipeline
from keras_squeeze.transformers.tokenizers.layers import layer_of

_STRATEGIES = ("none", "simple", "first", "average", "max")


class TokenClassificationPipeline(Pipeline):
    """Finds entities in texts. See `pipeline()`."""

    auto_class = auto.AutoModelForTokenClassification
    face_class = heads.TokenClassificationFace
    deprecated = {
        "grouped_entities": '`aggregation_strategy="simple"` instead',
        "ignore_subwords": '`aggregation_strategy="first"` instead',
    }

    def __call__(self, inputs, is_split_into_words=False, **kwargs):
        kwargs["is_split_into_words"] = is_split_into_words
        is_sized = hasattr(inputs, "__len__")
        if inputs is None or (is_sized and not len(inputs) and inputs != ""):
            raise ValueError(
                f"`inputs` must have at least one text. Received: {inputs!r}"
            )
        if is_split_into_words and not all(
            isinstance(words, list) for words in inputs
        ):
            # As in transformers, a single text may also be passed in a list.
            inputs = [inputs]
        return super().__call__(inputs, **kwargs)

    def answer(
        self,
        inputs,
        aggregation_strategy="none",
        ignore_labels=("O",),
        grouped_entities=None,
        ignore_subwords=None,
        is_split_into_words=False,
        delimiter=" ",
        batch_size=1,
    ):
        """Find entities in texts.

        Texts beyond the model's maximum length are truncated. `annotate()` of
        the model's `task` reads them in full.

        Args:
            inputs: List of strings, or of lists of words.
            aggregation_strategy: string. `"none"` labels tokens. `"simple"`
                merges adjacent tokens of the same label. The others label whole
                words first: `"first"` by the first token of a word, `"average"`
                by the mean probabilities of its tokens, and `"max"` by its most
                confident token. Defaults to `"none"`.
            ignore_labels: List of strings. The labels to leave out. Defaults to
                `["O"]`.
            grouped_entities: Optional bool. Deprecated: the older name of
                `aggregation_strategy="simple"`.
            ignore_subwords: Optional bool. Deprecated: with
                `grouped_entities`, `aggregation_strategy="first"`.
            is_split_into_words: bool. Whether the texts are lists of words.
                Defaults to `False`.
            delimiter: string. The text between words when they are joined.
                `start` and `end` refer to the joined text. Defaults to `" "`.
            batch_size: int. How many texts to predict at once. Defaults to
                `1`.

        Returns:
            A list with one list per text. Each entity is a dictionary of the
            `entity` or the `entity_group`, its `score`, the `word`, and the
            character positions `start` and `end`. Without aggregation it also
            has the `index` of the token.
        """
        if grouped_entities is not None or ignore_subwords is not None:
            aggregation_strategy = "none"
            if grouped_entities:
                aggregation_strategy = "first" if ignore_subwords else "simple"
        elif isinstance(aggregation_strategy, str):
            aggregation_strategy = aggregation_strategy.lower()
        validation.check_choice(
            "aggregation_strategy", aggregation_strategy, _STRATEGIES
        )
        reads_words = aggregation_strategy in ("first", "average", "max")
        if not self.tokenizer.is_fast and (reads_words or is_split_into_words):
            raise ValueError(
                "`tokenizer` must be a fast tokenizer for "
                f"aggregation_strategy={aggregation_strategy!r} and "
                f"is_split_into_words={is_split_into_words}. Received: a "
                f"`{type(self.tokenizer).__name__}`"
            )
        kind = list if is_split_into_words else str
        for text in inputs:
            if not isinstance(text, kind):
                raise ValueError(
                    "A text must be "
                    + ("a list of words" if kind is list else "a string")
                    + f" with is_split_into_words={is_split_into_words}. "
                    f"Received: {text!r}"
                )
        answers = []
        options = {
            "is_split_into_words": is_split_into_words,
            "return_special_tokens_mask": True,
            "return_offsets_mapping": self.tokenizer.is_fast,
        }
        for encoding, logits in self.predict(inputs, batch_size, **options):
            for row, scores in enumerate(softmax(logits)):
                text = inputs[len(answers)]
                starts = None
                if is_split_into_words:
                    starts = _starts_of_words(text, delimiter)
                    text = delimiter.join(text)
                tokens = self._tokens(encoding, row, scores, text, starts)
                if reads_words:
                    tokens = self._words(tokens, aggregation_strategy)
                answers.append(
                    self._entities(tokens, aggregation_strategy, ignore_labels)
                )
        return answers

    def _tokens(self, encoding, row, scores, text, starts):
        """Collect the scores, positions and text of each token."""
        tokens = []
        ids = encoding["input_ids"][row]
        for i in np.flatnonzero(encoding["special_tokens_mask"][row] == 0):
            word = self.tokenizer.convert_ids_to_tokens(int(ids[i]))
            start = end = None
            if self.tokenizer.is_fast:
                offset = 0
                if starts is not None:
                    offset = starts[encoding.word_ids(row)[i]]
                start, end = (
                    int(x) + offset for x in encoding["offset_mapping"][row][i]
                )
                if ids[i] == self.tokenizer.unk_token_id:
                    word = text[start:end]
            tokens.append(
                {
                    "scores": scores[i],
                    "index": int(i),
                    "word": word,
                    "start": start,
                    "end": end,
                    "is_first": not word.startswith("##")
                    or ids[i] == self.tokenizer.unk_token_id,
                }
            )
        return tokens

    def _words(self, tokens, strategy):
        """Merge the tokens of each word."""
        words = []
        for token in tokens:
            if token["is_first"] or not words:
                words.append([])
            words[-1].append(token)
        combine = {
            "first": lambda scores: scores[0],
            "average": lambda scores: np.mean(scores, axis=0),
            "max": lambda scores: max(scores, key=np.max),
        }[strategy]
        return [
            {
                "scores": combine([token["scores"] for token in word]),
                "word": self._text(word),
                "start": word[0]["start"],
                "end": word[-1]["end"],
            }
            for word in words
        ]

    def _text(self, tokens):
        return self.tokenizer.convert_tokens_to_string(
            [token["word"] for token in tokens]
        )

    def _entities(self, tokens, strategy, ignore_labels):
        """Build the answer from the tokens or words of a text."""
        labels = [
            self.model.config.id2label[int(token["scores"].argmax())]
            for token in tokens
        ]
        scores = [token["scores"].max() for token in tokens]
        if strategy == "none":
            return [
                {
                    "entity": label,
                    "score": float(score),
                    **{k: token[k] for k in ("index", "word", "start", "end")},
                }
                for label, score, token in zip(
                    labels, scores, tokens, strict=True
                )
                if label not in ignore_labels
            ]
        entities = [
            {
                # All prefixes are removed, although only B- and I- are used to
                # merge tokens.
                "entity_group": labels[first].split("-", 1)[-1],
                "score": float(np.mean(scores[first:last])),
                "word": self._text(tokens[first:last]),
                "start": tokens[first]["start"],
                "end": tokens[last - 1]["end"],
            }
            for _, first, last in entity_spans(
                labels, outside=None, iob_only=True
            )
        ]
        return [x for x in entities if x["entity_group"] not in ignore_labels]


class QuestionAnsweringPipeline(Pipeline):
    """Finds the answers to questions in contexts. See `pipeline()`."""

    auto_class = auto.AutoModelForQuestionAnswering
    face_class = heads.QuestionAnsweringFace

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        task_cls = type(self.model.task)
        if self._layer is None:
            self._layer = layer_of(
                self.tokenizer, task_cls.preprocessor_cls.tokenizer_cls
            )
        self._preprocessor = task_cls.preprocessor_cls(self._layer)

    def __call__(self, inputs=None, question=None, context=None, **kwargs):
        if inputs is None:
            if question is None or context is None:
                raise ValueError(
                    "`question` and `context` must be passed. Received: "
                    f"question={question!r}, context={context!r}"
                )
            inputs = {"question": question, "context": context}
        if isinstance(inputs, collections.abc.Mapping):
            if not any(isinstance(x, (list, tuple)) for x in inputs.values()):
                _check_sample(inputs)
            inputs = _samples(inputs["question"], inputs["context"])
        elif not isinstance(inputs, collections.abc.Iterable):
            raise ValueError(
                "`inputs` must be a dictionary of a `question` and a "
                f"`context`, or a list of them. Received: {inputs!r}"
            )
        answers = super().__call__(list(inputs), **kwargs)
        return answers[0] if len(answers) == 1 else answers

    def answer(
        self,
        inputs,
        top_k=1,
        doc_stride=None,
        max_answer_len=15,
        max_seq_len=None,
        handle_impossible_answer=False,
        align_to_words=True,
        batch_size=8,
    ):
        """Find the answers to questions in contexts.

        This calls `annotate()` of the model's `task`.

        Args:
            inputs: List of dictionaries of a `question` and a `context`.
            top_k: int. The maximum number of answers. Defaults to `1`, which
                returns the best answer without a list.
            doc_stride: Optional int. How many tokens the windows of a long
                context share. Defaults to half of `max_seq_len`, and at most
                128.
            max_answer_len: int. The maximum number of tokens in an answer.
                Defaults to `15`.
            max_seq_len: Optional int. The number of tokens in a window.
                Defaults to 384, or to the model's maximum length if that is
                less.
            handle_impossible_answer: bool. Whether a question may have no
                answer, which is returned as `""`. Defaults to `False`.
            align_to_words: bool. Must be `True`: answers consist of whole
                words.
            batch_size: int. How many windows to predict at once. Defaults to
                `8`.

        Returns:
            A list with one entry per question: a dictionary of the `score`, the
            character positions `start` and `end` in the context, and the
            `answer`, or a list of such dictionaries.
        """
        for sample in inputs:
            _check_sample(sample)
        if not inputs:
            return []
        if not align_to_words:
            raise ValueError(
                "`align_to_words` must be True: answers are whole words. "
                f"Received: align_to_words={align_to_words}"
            )
        if max_seq_len is None:
            max_seq_len = min(self.max_length(), 384)
        if doc_stride is None:
            doc_stride = min(max_seq_len // 2, 128)
        if doc_stride > max_seq_len:
            raise ValueError(
                "`doc_stride` must not be larger than `max_seq_len`. Received: "
                f"doc_stride={doc_stride}, max_seq_len={max_seq_len}"
            )
        self._preprocessor.sequence_length = max_seq_len
        self._preprocessor.stride = doc_stride
        columns = {
            name: [sample[name] for sample in inputs]
            for name in ("question", "context")
        }
        with self._reading_task() as task:
            answers = task.annotate(
                columns,
                top_k=top_k,
                batch_size=batch_size,
                max_answer_length=max_answer_len,
                handle_impossible_answer=handle_impossible_answer,
            )
        names = ("score", "start", "end", "answer")
        answers = [
            [{name: answer[name] for name in names} for answer in found]
            for found in answers
        ]
        return [found[0] if top_k == 1 else found for found in answers]

    @contextlib.contextmanager
    def _reading_task(self):
        """Lend the pipeline's preprocessor to the task, which may have none."""
        task = self.model.task
        preprocessor = task.preprocessor
        task.preprocessor = self._preprocessor
        try:
            yield task
        finally:
            task.preprocessor = preprocessor


def _check_sample(sample):
    """Raise the error that transformers raises for an incomplete sample."""
    if not isinstance(sample, collections.abc.Mapping):
        raise ValueError(
            "A sample must be a dictionary of a `question` and a `context`. "
            f"Received: {sample!r}"
        )
    for name in ("question", "context"):
        if name not in sample:
            raise KeyError(
                f"A sample must have a `{name}`. Received: {sample!r}"
            )
        if not isinstance(sample[name], str) or not sample[name]:
            raise ValueError(
                f"`{name}` must be a non-empty string. Received: "
                f"{name}={sample[name]!r}"
            )


def _samples(questions, contexts):
    """Pair questions with contexts. A single context serves all questions."""
    questions = [questions] if isinstance(questions, str) else list(questions)
    if isinstance(contexts, str):
        contexts = [contexts] * len(questions)
    if len(questions) != len(contexts):
        raise ValueError(
            "`question` and `context` must have the same length. Received: "
            f"{len(questions)} questions and {len(contexts)} contexts"
        )
    return [
        {"question": question, "context": context}
        for question, context in zip(questions, contexts, strict=True)
    ]


def _starts_of_words(words, delimiter):
    """Find where each word starts in the joined text."""
    sizes = np.array([len(word) + len(delimiter) for word in words], "int64")
    return (np.cumsum(sizes) - sizes).tolist()
