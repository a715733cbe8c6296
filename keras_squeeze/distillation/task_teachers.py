"""Defines teachers of tasks: transformers models that have a head.

Each uses its own tokenizer, so it can have any architecture. Words and answers
are found in its tokens by their characters.
"""

import numpy as np

from keras_squeeze.datasets.samples import object_array
from keras_squeeze.distillation.teachers import best_device
from keras_squeeze.distillation.teachers import check_checkpoint
from keras_squeeze.distillation.teachers import import_transformers


class HuggingFaceTask:
    """Base class of the teachers of tasks, which are run by PyTorch.

    It runs on a GPU if PyTorch finds one.

    Args:
        folder: string or `os.PathLike`. The folder of the checkpoint,
            including its tokenizer.
        sequence_length: int. The maximum number of tokens that the model
            reads at once.
        batch_size: int. The number of texts, or of windows of long texts, per
            batch.
        dtype: string. `"float32"`, or `"bfloat16"`, which is twice as fast on
            some CPUs.

    Raises:
        FileNotFoundError: If the folder has no checkpoint.
        ImportError: If torch or transformers is not installed.
        ValueError: If `dtype` is invalid, or the checkpoint does not suit the
            task.
    """

    # The name of the class of transformers that loads the model.
    auto_class = None
    needs_offsets = True

    def __init__(self, folder, sequence_length, batch_size, dtype):
        folder = check_checkpoint(folder, dtype)
        transformers = import_transformers()
        auto_class = getattr(transformers, self.auto_class)
        self.model = auto_class.from_pretrained(folder, dtype=dtype)
        self.model.eval().to(best_device())
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        if self.needs_offsets and not self.tokenizer.is_fast:
            raise ValueError(
                f"`{folder}` must have a fast tokenizer, which finds the "
                "characters of its tokens. Received: a tokenizer of type "
                f"{type(self.tokenizer).__name__}"
            )
        self.sequence_length = sequence_length
        self.batch_size = batch_size

    def _outputs(self, encoded, names):
        """Compute outputs for tokenized texts.

        Args:
            encoded: The result of the tokenizer, without padding.
            names: List of the names of the outputs.

        Returns:
            A list that has a tuple of float32 arrays for each text.
        """
        import torch

        inputs = [
            name for name in self.tokenizer.model_input_names if name in encoded
        ]
        # Batch texts of similar length, for little padding.
        order = np.argsort(list(map(len, encoded["input_ids"])), kind="stable")
        found = [None] * len(order)
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            batch = {
                name: torch.tensor(
                    self._padded(name, [encoded[name][i] for i in chosen]),
                    device=self.model.device,
                )
                for name in inputs
            }
            with torch.inference_mode():
                outputs = self.model(**batch)
            arrays = [outputs[name].cpu().float().numpy() for name in names]
            for i, *rows in zip(chosen, *arrays, strict=True):
                found[i] = tuple(rows)
        return found

    def _padded(self, name, rows):
        """Pad the rows of an input to the same length, at the end."""
        values = {
            "input_ids": self.tokenizer.pad_token_id,
            "token_type_ids": self.tokenizer.pad_token_type_id,
        }
        longest = max(map(len, rows))
        padding = values.get(name, 0)
        return [[*row, *[padding] * (longest - len(row))] for row in rows]

    def _order_of_classes(self, folder, class_names):
        """Find the model's outputs for the classes of the student."""
        names = [
            str(name) for _, name in sorted(self.model.config.id2label.items())
        ]
        if class_names is None:
            return list(range(len(names)))
        if sorted(class_names) != sorted(names):
            raise ValueError(
                f"`{folder}` must be a classifier with the classes "
                f"{list(class_names)}. Received: {names}"
            )
        return [names.index(name) for name in class_names]


class HuggingFaceClassifier(HuggingFaceTask):
    """A transformers text classifier, run by PyTorch, for `soft_labels()`.

    It uses its own tokenizer, so it can be any transformers model for sequence
    classification. It runs on a GPU if PyTorch finds one.

    Args:
        folder: string or `os.PathLike`. The folder of the checkpoint,
            including its tokenizer.
        class_names: Optional list of strings. The order of the classes in the
            logits. Defaults to `None`, for the order of the checkpoint.
        sequence_length: int. The maximum number of tokens per text. Defaults
            to `128`.
        batch_size: int. The number of texts per batch. Defaults to `32`.
        dtype: string. `"float32"`, or `"bfloat16"`, which is twice as fast on
            some CPUs. Defaults to `"float32"`.

    Raises:
        FileNotFoundError: If the folder has no checkpoint.
        ImportError: If torch or transformers is not installed.
        ValueError: If the checkpoint has other classes, or `dtype` is invalid.
    """

    auto_class = "AutoModelForSequenceClassification"
    needs_offsets = False

    def __init__(
        self,
        folder,
        class_names=None,
        sequence_length=128,
        batch_size=32,
        dtype="float32",
    ):
        super().__init__(folder, sequence_length, batch_size, dtype)
        self.order = self._order_of_classes(folder, class_names)

    def __call__(self, x):
        columns = x if isinstance(x, tuple) else (x,)
        encoded = self.tokenizer(
            *(list(map(str, column)) for column in columns),
            truncation=True,
            max_length=self.sequence_length,
        )
        logits = [row for (row,) in self._outputs(encoded, ["logits"])]
        return np.stack(logits)[:, self.order]


class HuggingFaceTokenClassifier(HuggingFaceTask):
    """A transformers token classifier, run by PyTorch, for `soft_labels()`.

    It uses its own tokenizer, which must be a fast one, so it can be any
    transformers model for token classification. A word has the logits of the
    first token that has some of its characters. Texts that are too long are
    read in overlapping windows. It runs on a GPU if PyTorch finds one.

    Args:
        folder: string or `os.PathLike`. The folder of the checkpoint,
            including its tokenizer.
        class_names: Optional list of strings. The order of the classes in the
            logits. Defaults to `None`, for the order of the checkpoint.
        sequence_length: int. The maximum number of tokens per window. Defaults
            to `128`.
        batch_size: int. The number of windows per batch. Defaults to `32`.
        dtype: string. `"float32"`, or `"bfloat16"`, which is twice as fast on
            some CPUs. Defaults to `"float32"`.

    Raises:
        FileNotFoundError: If the folder has no checkpoint.
        ImportError: If torch or transformers is not installed.
        ValueError: If the checkpoint has other classes or no fast tokenizer,
            or `dtype` is invalid.
    """

    auto_class = "AutoModelForTokenClassification"

    def __init__(
        self,
        folder,
        class_names=None,
        sequence_length=128,
        batch_size=32,
        dtype="float32",
    ):
        super().__init__(folder, sequence_length, batch_size, dtype)
        self.order = self._order_of_classes(folder, class_names)

    def __call__(self, x):
        """Compute the logits of words.

        Args:
            x: List of lists of words.

        Returns:
            An object array that has a float32 array of shape `(num_words,
            num_classes)` for each list. Words without tokens have zeros, so
            that all classes are equally likely.
        """
        samples = [list(map(str, words)) for words in x]
        encoded = self.tokenizer(
            list(map(" ".join, samples)),
            truncation=True,
            max_length=self.sequence_length,
            stride=self.sequence_length // 4,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        found = [
            np.zeros((len(words), len(self.order)), "float32")
            for words in samples
        ]
        # How far each word is from the end of the window it was read in.
        depths = [np.full(len(words), -1) for words in samples]
        words_of = [_words_of_characters(words) for words in samples]
        outputs = self._outputs(encoded, ["logits"])
        for window, (logits,) in enumerate(outputs):
            row = encoded["overflow_to_sample_mapping"][window]
            offsets = encoded["offset_mapping"][window]
            tokens = _first_tokens(offsets, words_of[row])
            for word, token in tokens.items():
                depth = min(token, len(offsets) - 1 - token)
                if depth > depths[row][word]:
                    depths[row][word] = depth
                    found[row][word] = logits[token, self.order]
        return object_array(found)


def _words_of_characters(words):
    """The index of the word of each character, -1 for spaces between them."""
    return np.array(
        [
            i
            for number, word in enumerate(words)
            for i in [*[number] * len(word), -1]
        ],
        "int32",
    )


def _first_tokens(offsets, words):
    """Find the first token of each word.

    Args:
        offsets: List of the characters at which each token starts and ends.
        words: int array of the index of the word of each character, or -1.

    Returns:
        A dictionary that maps the indices of words to those of tokens.
    """
    first = {}
    for token, (start, end) in enumerate(offsets):
        for word in words[start:end]:
            # A token can have the space before its word.
            if word >= 0:
                first.setdefault(int(word), token)
    return first


class HuggingFaceQuestionAnswering(HuggingFaceTask):
    """A transformers model that answers questions, run by PyTorch.

    It uses its own tokenizer, which must be a fast one, so it can be any
    transformers model for extractive question answering. Contexts that are too
    long are read in overlapping windows. It runs on a GPU if PyTorch finds one.

    Args:
        folder: string or `os.PathLike`. The folder of the checkpoint,
            including its tokenizer.
        sequence_length: int. The maximum number of tokens per window. Defaults
            to `384`.
        batch_size: int. The number of windows per batch. Defaults to `32`.
        dtype: string. `"float32"`, or `"bfloat16"`, which is twice as fast on
            some CPUs. Defaults to `"float32"`.
        max_answer_length: int. The maximum number of tokens of an answer.
            Defaults to `30`.

    Raises:
        FileNotFoundError: If the folder has no checkpoint.
        ImportError: If torch or transformers is not installed.
        ValueError: If the checkpoint has no fast tokenizer, or `dtype` is
            invalid.
    """

    auto_class = "AutoModelForQuestionAnswering"

    def __init__(
        self,
        folder,
        sequence_length=384,
        batch_size=32,
        dtype="float32",
        max_answer_length=30,
    ):
        super().__init__(folder, sequence_length, batch_size, dtype)
        self.max_answer_length = max_answer_length

    def annotate(self, inputs, handle_impossible_answer=False):
        """Find the answers to questions in their contexts.

        Args:
            inputs: Dictionary of lists of strings, `"question"` and
                `"context"`.
            handle_impossible_answer: bool. Whether there may be no answer,
                which is `""` from 0 to 0. Defaults to `False`.

        Returns:
            A list that has a dictionary per question: the `answer`, its
            `score`, which is the product of the probabilities of its start and
            its end, and the characters `start` and `end` of its position in
            the context.
        """
        questions, contexts = (
            list(map(str, inputs[name])) for name in ("question", "context")
        )
        encoded = self.tokenizer(
            questions,
            contexts,
            truncation="only_second",
            max_length=self.sequence_length,
            stride=min(128, self.sequence_length // 4),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        best = [{"answer": "", "score": -1.0, "start": 0, "end": 0}] * len(
            contexts
        )
        no_answer = [1.0] * len(contexts)
        outputs = self._outputs(encoded, ["start_logits", "end_logits"])
        for window, logits in enumerate(outputs):
            row = encoded["overflow_to_sample_mapping"][window]
            is_context = np.array(
                [part == 1 for part in encoded.sequence_ids(window)]
            )
            cls = encoded["input_ids"][window].index(
                self.tokenizer.cls_token_id
            )
            allowed = is_context.copy()
            allowed[cls] = True
            # Without the padding of the batch.
            start, end = (
                _probabilities(part[: len(allowed)], allowed) for part in logits
            )
            no_answer[row] = min(no_answer[row], float(start[cls] * end[cls]))
            first, last, score = self._best_span(start, end, is_context)
            if score > best[row]["score"]:
                offsets = encoded["offset_mapping"][window]
                begin, stop = offsets[first][0], offsets[last][1]
                # A token can have the space before its word.
                text = contexts[row][begin:stop]
                begin += len(text) - len(text.lstrip())
                best[row] = {
                    "answer": text.strip(),
                    "score": score,
                    "start": begin,
                    "end": begin + len(text.strip()),
                }
        if not handle_impossible_answer:
            return best
        return [
            {"answer": "", "score": none, "start": 0, "end": 0}
            if none > answer["score"]
            else answer
            for answer, none in zip(best, no_answer, strict=True)
        ]

    def _best_span(self, start, end, is_context):
        """Return the first and last token of the likeliest answer, and more.

        Args:
            start: float array of the probability of each token to be first.
            end: The same, to be last.
            is_context: bool array. The tokens that answers consist of.

        Returns:
            A tuple of the indices of both tokens, and the score.
        """
        start, end = (np.where(is_context, part, 0.0) for part in (start, end))
        scores = np.triu(np.outer(start, end))
        scores -= np.triu(scores, self.max_answer_length)
        first, last = np.unravel_index(scores.argmax(), scores.shape)
        return int(first), int(last), float(scores[first, last])


def _probabilities(logits, allowed):
    """The softmax over the allowed tokens."""
    logits = np.where(allowed, logits, -np.inf)
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()
