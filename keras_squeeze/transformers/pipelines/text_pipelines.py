"""Pipelines that classify texts, fill masks and extract features."""

import collections.abc
import warnings

import keras
import numpy as np

from keras_squeeze import validation
from keras_squeeze.models.class_names import likeliest
from keras_squeeze.models.class_names import softmax
from keras_squeeze.transformers import auto
from keras_squeeze.transformers.models import heads
from keras_squeeze.transformers.pipelines.base import Pipeline

_FUNCTIONS = ("softmax", "sigmoid", "none")
# The default. `None` already means all classes.
_LIKELIEST = object()


class TextClassificationPipeline(Pipeline):
    """Classifies texts. See `pipeline()`."""

    auto_class = auto.AutoModelForSequenceClassification
    face_class = heads.SequenceClassificationFace
    deprecated = {"return_all_scores": "`top_k=None` instead"}

    def __call__(self, inputs, **kwargs):
        answers = super().__call__(inputs, **kwargs)
        # transformers returns a list here for backward compatibility.
        is_wrapped = isinstance(inputs, str) and "top_k" not in kwargs
        return [answers] if is_wrapped else answers

    def answer(
        self,
        inputs,
        top_k=_LIKELIEST,
        function_to_apply=None,
        return_all_scores=None,
        batch_size=1,
        **kwargs,
    ):
        """Classify texts.

        Args:
            inputs: List of strings, or of dictionaries with a `text` and a
                `text_pair`.
            top_k: Optional int. How many classes to return, best first, or
                `None` for all. By default, only the best one, without a list.
            function_to_apply: Optional string. The function from logits to
                scores: `"softmax"`, `"sigmoid"` or `"none"`. Defaults to
                `"none"` for regression, `"sigmoid"` for a single label and for
                multi-label problems, and `"softmax"` otherwise.
            return_all_scores: Optional bool. Whether to return all classes in
                the order of their ids. Deprecated: pass `top_k`.
            batch_size: int. How many texts to predict at once. Defaults to
                `1`.
            **kwargs: Arguments of the tokenizer.

        Returns:
            A list with one entry per text: a dictionary of the `label` and its
            `score`, or a list of such dictionaries.
        """
        if top_k is not _LIKELIEST and top_k is not None:
            validation.check_positive_int("top_k", top_k)
        config = self.model.config
        if function_to_apply is None:
            function_to_apply = "softmax"
            if config.problem_type == "regression":
                function_to_apply = "none"
            elif (
                config.problem_type == "multi_label_classification"
                or config.num_labels == 1
            ):
                function_to_apply = "sigmoid"
        if isinstance(function_to_apply, str):
            function_to_apply = function_to_apply.lower()
        validation.check_choice(
            "function_to_apply", function_to_apply, _FUNCTIONS
        )
        names = [config.id2label[i] for i in range(config.num_labels)]
        answers = []
        texts = list(map(_text_or_pair, inputs))
        for _, logits in self.predict(texts, batch_size, **kwargs):
            if function_to_apply != "none":
                function = getattr(keras.ops, function_to_apply)
                logits = keras.ops.convert_to_numpy(function(logits))
            for row in logits:
                if top_k is not _LIKELIEST:
                    answer = likeliest(row, names, top_k or len(names))
                elif return_all_scores:
                    answer = [
                        {"label": name, "score": float(score)}
                        for name, score in zip(names, row, strict=True)
                    ]
                else:
                    answer = likeliest(row, names)
                answers.append(answer)
        return answers


class ZeroShotClassificationPipeline(Pipeline):
    """Scores how well candidate labels fit texts. See `pipeline()`."""

    auto_class = auto.AutoModelForSequenceClassification
    face_class = heads.SequenceClassificationFace

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.entailment_id == -1:
            warnings.warn(
                "No label of the model starts with `entail`, so the last "
                "label is taken for entailment. Received: "
                f"label2id={self.model.config.label2id}",
                stacklevel=3,
            )

    @property
    def entailment_id(self):
        """int. The id of the class for entailment, or `-1`."""
        for label, i in self.model.config.label2id.items():
            if label.lower().startswith("entail"):
                return i
        return -1

    def __call__(self, inputs, candidate_labels=None, **kwargs):
        if candidate_labels is not None:
            kwargs["candidate_labels"] = candidate_labels
        return super().__call__(inputs, **kwargs)

    def answer(
        self,
        inputs,
        candidate_labels=(),
        hypothesis_template="This example is {}.",
        multi_label=False,
        batch_size=1,
    ):
        """Score how well candidate labels fit texts.

        Args:
            inputs: List of strings.
            candidate_labels: List of strings, or a string of comma-separated
                labels.
            hypothesis_template: string. The sentence that each label is
                inserted in.
            multi_label: bool. Whether a text may have any number of labels
                instead of exactly one. Defaults to `False`.
            batch_size: int. How many pairs of a text and a label to predict at
                once. Defaults to `1`.

        Returns:
            A list with one dictionary per text: the `sequence`, the `labels`,
            best first, and their `scores`.
        """
        labels = candidate_labels
        if isinstance(labels, str):
            labels = [x.strip() for x in labels.split(",") if x.strip()]
        if not labels:
            raise ValueError(
                "`candidate_labels` must have at least one label. Received: "
                f"candidate_labels={candidate_labels!r}"
            )
        if any(not text for text in inputs):
            raise ValueError(
                "A sequence must not be empty. Received: "
                f"{[text for text in inputs if not text][0]!r}"
            )
        if hypothesis_template.format(labels[0]) == hypothesis_template:
            raise ValueError(
                "`hypothesis_template` must have {} where the label goes. "
                f"Received: hypothesis_template={hypothesis_template!r}"
            )
        pairs = [
            (text, hypothesis_template.format(label))
            for text in inputs
            for label in labels
        ]
        batches = self.predict(pairs, batch_size, truncation="only_first")
        logits = [row for _, rows in batches for row in rows]
        num_classes = self.model.config.num_labels
        logits = np.reshape(logits, (len(inputs), len(labels), num_classes))
        entailment = self.entailment_id
        if multi_label or len(labels) == 1:
            contradiction = -1 if entailment == 0 else 0
            scores = softmax(logits[..., [contradiction, entailment]])[..., 1]
        else:
            scores = softmax(logits[..., entailment])
        answers = []
        for text, row in zip(inputs, scores, strict=True):
            order = np.argsort(row)[::-1]
            answers.append(
                {
                    "sequence": text,
                    "labels": [labels[i] for i in order],
                    "scores": row[order].tolist(),
                }
            )
        return answers


class FillMaskPipeline(Pipeline):
    """Fills the masks in texts. See `pipeline()`."""

    auto_class = auto.AutoModelForMaskedLM
    face_class = heads.MaskedLMFace

    def __call__(self, inputs, **kwargs):
        answers = super().__call__(inputs, **kwargs)
        # transformers returns a list of one text without the list.
        is_wrapped = isinstance(inputs, list) and len(inputs) == 1
        return answers[0] if is_wrapped else answers

    def answer(
        self,
        inputs,
        top_k=5,
        targets=None,
        tokenizer_kwargs=None,
        batch_size=1,
    ):
        """Find words for the masks in texts.

        Args:
            inputs: List of strings that contain `tokenizer.mask_token`.
            top_k: int. How many words to return per mask. Defaults to `5`.
            targets: Optional string or list of strings. The words to choose
                from. A word that is not in the vocabulary is replaced by its
                first token.
            tokenizer_kwargs: Optional dictionary of arguments of the
                tokenizer.
            batch_size: int. How many texts to predict at once. Defaults to
                `1`.

        Returns:
            A list with one list per text. It has dictionaries of the `score`,
            the id `token`, `token_str` and the `sequence`, which is the text
            with the mask filled. For a text with several masks, a list of such
            lists.
        """
        validation.check_positive_int("top_k", top_k)
        mask = self.tokenizer.mask_token_id
        if mask is None:
            raise ValueError("`tokenizer` must have a `mask_token`.")
        known = None if targets is None else self._target_ids(targets)
        batches = self.predict(inputs, batch_size, **(tokenizer_kwargs or {}))
        answers = []
        for encoding, logits in batches:
            for ids, rows in zip(encoding["input_ids"], logits, strict=True):
                positions = np.flatnonzero(ids == mask)
                if not len(positions):
                    raise ValueError(
                        f"Each text must have a `{self.tokenizer.mask_token}` "
                        f"that is not truncated. Received: "
                        f"{inputs[len(answers)]!r}"
                    )
                found = [
                    self._fill(ids, i, scores, known, top_k, len(positions))
                    for i, scores in zip(
                        positions, softmax(rows[positions]), strict=True
                    )
                ]
                answers.append(found if len(found) > 1 else found[0])
        return answers

    def _target_ids(self, targets):
        targets = [targets] if isinstance(targets, str) else targets
        vocabulary = self.tokenizer.get_vocab()
        found = []
        for target in targets:
            ids = [vocabulary.get(target)]
            if ids == [None]:
                ids = self.tokenizer.encode(target, add_special_tokens=False)
                token = self.tokenizer.convert_ids_to_tokens(ids[:1])
                warnings.warn(
                    f"The target {target!r} is not in the vocabulary. "
                    f"{token} is used instead.",
                    stacklevel=5,
                )
            found += ids[:1]
        if not found:
            raise ValueError(
                "`targets` must have at least one word. Received: "
                f"targets={targets}"
            )
        return np.unique(found)

    def _fill(self, ids, position, scores, known, top_k, num_masks):
        if known is None:
            known = np.arange(len(scores))
        order = np.argsort(-scores[known], kind="stable")[:top_k]
        answers = []
        for token in known[order]:
            filled = np.where(np.arange(len(ids)) == position, token, ids)
            filled = filled[filled != self.tokenizer.pad_token_id]
            answers.append(
                {
                    "score": float(scores[token]),
                    "token": int(token),
                    "token_str": self.tokenizer.decode([int(token)]),
                    # Otherwise the remaining masks would be removed.
                    "sequence": self.tokenizer.decode(
                        filled, skip_special_tokens=num_masks == 1
                    ),
                }
            )
        return answers


class FeatureExtractionPipeline(Pipeline):
    """Returns the hidden states of texts. See `pipeline()`."""

    auto_class = auto.AutoModel
    face_class = heads.ModelFace

    def answer(
        self,
        inputs,
        tokenize_kwargs=None,
        truncation=None,
        return_tensors=False,
        batch_size=1,
    ):
        """Compute the last hidden states of texts.

        Args:
            inputs: List of strings.
            tokenize_kwargs: Optional dictionary of arguments of the
                tokenizer.
            truncation: Optional bool or string. Whether to truncate texts
                beyond the model's maximum length. Defaults to the value in
                `tokenize_kwargs`, or to `True`.
            return_tensors: bool. Whether to return arrays instead of nested
                lists. Defaults to `False`.
            batch_size: int. How many texts to predict at once. Defaults to
                `1`.

        Returns:
            A list with one entry per text: a list of one list, which has a
            vector per token.
        """
        options = {"truncation": True, **(tokenize_kwargs or {})}
        if truncation is not None:
            if "truncation" in (tokenize_kwargs or {}):
                raise ValueError(
                    "`truncation` must not be passed twice. Received: "
                    f"truncation={truncation!r}, "
                    f"tokenize_kwargs={tokenize_kwargs}"
                )
            options["truncation"] = truncation
        options["return_attention_mask"] = True
        answers = []
        for encoding, states in self.predict(inputs, batch_size, **options):
            for mask, rows in zip(
                encoding["attention_mask"], states, strict=True
            ):
                found = rows[None, mask == 1]
                answers.append(found if return_tensors else found.tolist())
        return answers


def _text_or_pair(value):
    if isinstance(value, str):
        return value
    if isinstance(value, collections.abc.Mapping):
        if value.get("text_pair") is None:
            return value["text"]
        return value["text"], value["text_pair"]
    raise ValueError(
        "A text must be a string, or a dictionary with a `text` and a "
        f"`text_pair`. Received: {value!r}"
    )
