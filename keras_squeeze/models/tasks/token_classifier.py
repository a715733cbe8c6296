"""Token classification, such as finding names in texts."""

import keras
import keras_hub
import numpy as np

from keras_squeeze.metrics.entities import entity_spans
from keras_squeeze.models.class_names import check_class_ids
from keras_squeeze.models.class_names import labels_to_ids
from keras_squeeze.models.tasks.classification_task import ClassificationTask
from keras_squeeze.models.tasks.tokenized_words import TokenizedWords
from keras_squeeze.models.tasks.windowed_task import WindowedTask
from keras_squeeze.tokenizers.texts import samples_of


class TokenClassifier(ClassificationTask, WindowedTask, keras_hub.models.Task):
    """Base class of the token classifiers.

    A dense layer on the sequence output finds the names in a text, or the parts
    of speech of its words. With a `preprocessor`, which `from_preset()` creates
    by default, `fit()`, `evaluate()` and `predict()` take lists of words, and
    `annotate()` also takes raw text. The loss and the accuracy are means over
    words: only the first token of each word has a label.

    Example:

    ```python
    classifier = keras_squeeze.models.MobileBertTokenClassifier.from_preset(
        "mobile_bert_tiny_en_uncased",
        class_names=["O", "B-person", "I-person"],
    )
    classifier.fit(
        x=[["Ada", "Lovelace", "wrote", "."], ["Call", "me", "Ishmael"]],
        y=[["B-person", "I-person", "O", "O"], ["O", "O", "B-person"]],
        batch_size=2,
    )
    classifier.annotate(["Who was Ada Lovelace?"])
    classifier.save_to_preset("./person_finder")
    ```
    """

    hugging_face_classes = ("ForTokenClassification",)
    reads_segments = False
    evaluation_kind = "words"

    def default_loss(self):
        loss = super().default_loss()
        # Do not average over padding, which would favour long texts.
        loss.reduction = "mean_with_sample_weight"
        return loss

    def default_metrics(self):
        return {"weighted_metrics": [keras.metrics.SparseCategoricalAccuracy()]}

    def preprocess_samples(self, x, y=None, sample_weight=None):
        if y is not None and self.preprocessor is not None:
            y = self._word_labels_to_ids(y)
        return super().preprocess_samples(x, y, sample_weight)

    def all_class_ids(self, y):
        if self.preprocessor is None:
            return super().all_class_ids(y)
        return np.concatenate(self._word_labels_to_ids(y))

    def _word_labels_to_ids(self, y):
        def to_ids(labels):
            ids = labels_to_ids(labels, self.class_names)
            return check_class_ids(ids, self.num_classes)

        if hasattr(y, "graph"):
            return to_ids(y)
        if hasattr(y, "with_flat_values") and hasattr(y.flat_values, "graph"):
            return y.with_flat_values(to_ids(y.flat_values))
        rows = []
        for i, labels in enumerate(samples_of(y, "y")):
            if np.ndim(labels) == 2:
                # The labels of words and the outputs of a teacher.
                rows.append(np.asarray(labels, "float32"))
                continue
            try:
                rows.append(to_ids(labels))
            except ValueError as e:
                raise ValueError(f"Sample {i} of `y` is invalid. {e}") from e
        return np.fromiter(rows, "object", len(rows))

    def annotate(self, inputs, top_k=None, batch_size=None):
        """Find the entities in texts.

        The label of a word is that of its first token. Consecutive words are
        joined by `entity_spans()` of `keras_squeeze.metrics.entities`, in any
        of the schemes of seqeval. With labels that start with `"B-"` and
        `"I-"`, this is like transformers' token classification pipeline with
        `aggregation_strategy="first"`. Unlike there, the windows of a long
        text do not split its entities: each word has the label from the window
        that has the most text around it.

        In a text, every punctuation mark is a word, as in BERT. If the task
        was trained on words that may contain punctuation, pass lists of
        words.

        Without `class_names`, every word is in an entity, because no class is
        known to be `"O"`, and labels are `"LABEL_0"` and so on.

        Args:
            inputs: A string, a list of strings, or a list of lists of words.
            top_k: int or `None`. The maximum number of entities per input, the
                surest first. Defaults to `None`, for all entities in the order
                of the text.
            batch_size: int. The number of windows per batch. Defaults to
                `None` for batches of about 4,096 tokens.

        Returns:
            A list that has, for each input, a list of dictionaries: the
            `label` of an entity without a prefix such as `"B-"`; its `score`,
            the mean probability of the labels of its words; the `word`, which
            is the text of the whole entity; and the characters `start` and
            `end` of its position in the text. Lists of words are joined with
            spaces to get a text. For a single string, only its entry.

        Example:

        ```python
        classifier.annotate(["Ada Lovelace was born in London."])
        # [[{"label": "person", "score": 0.98, "word": "Ada Lovelace",
        #    "start": 0, "end": 12},
        #   {"label": "place", "score": 0.95, "word": "London",
        #    "start": 25, "end": 31}]]
        ```
        """
        self.check_annotatable(top_k)
        if isinstance(inputs, str):
            return self.annotate([inputs], top_k, batch_size)[0]
        words = TokenizedWords.of_inputs(self.preprocessor.tokenizer, inputs)
        class_ids, scores = self._classify(words, batch_size)
        names = self.names_of_classes()
        answers = []
        for text, indices in words.samples():
            # Ignore words without tokens, so that they do not split entities.
            indices = indices[class_ids[indices] >= 0]
            entities = []
            for label, first, last in entity_spans(
                [names[i] for i in class_ids[indices]]
            ):
                of_entity = indices[first:last]
                start = int(words.spans[of_entity[0], 0])
                end = int(words.spans[of_entity[-1], 1])
                entities.append(
                    {
                        "label": label,
                        "score": float(scores[of_entity].mean()),
                        "word": text[start:end],
                        "start": start,
                        "end": end,
                    }
                )
            if top_k is not None:
                entities.sort(key=lambda entity: -entity["score"])
                entities = entities[:top_k]
            answers.append(entities)
        return answers

    def predict_labels(self, inputs, batch_size=None):
        """Predict the likeliest label of every word.

        Args:
            inputs: A list of lists of words.
            batch_size: int. The number of windows per batch. Defaults to
                `None` for batches of about 4,096 tokens.

        Returns:
            A list that has, for each input, a list of the names of the labels,
            one per word. Words without tokens have `"O"`.

        Example:

        ```python
        labels = classifier.predict_labels([["Ada", "was", "born"]])
        # [["B-person", "O", "O"]]
        keras_squeeze.metrics.entities.entity_scores(
            [["B-person", "O", "O"]], labels
        )
        ```
        """
        self.check_annotatable()
        words = TokenizedWords.of_words(self.preprocessor.tokenizer, inputs)
        class_ids, _ = self._classify(words, batch_size)
        # The last name is that of class -1.
        names = [*self.names_of_classes(), "O"]
        return [
            [names[i] for i in class_ids[indices]]
            for _, indices in words.samples()
        ]

    def word_outputs(self, inputs, batch_size=None):
        """Compute the outputs of the task for every word.

        Args:
            inputs: A list of lists of words.
            batch_size: int. The number of windows per batch. Defaults to
                `None` for batches of about 4,096 tokens.

        Returns:
            An object array that has, for each input, a float32 array of shape
            `(num_words, num_classes)`. Words without tokens have zeros.

        Example:

        ```python
        outputs = classifier.word_outputs([["Ada", "was", "born"]])
        outputs[0].shape  # (3, 3)
        ```
        """
        self.check_annotatable()
        words = TokenizedWords.of_words(self.preprocessor.tokenizer, inputs)
        _, outputs = self._outputs_of_words(words, batch_size)
        rows = [outputs[indices] for _, indices in words.samples()]
        return np.fromiter(rows, "object", len(rows))

    def _classify(self, words, batch_size):
        """Find the likeliest class of every word.

        Args:
            words: A `TokenizedWords`.
            batch_size: int or `None`. The number of windows per batch.

        Returns:
            A tuple of two arrays of shape `(num_words,)`: the class ids, -1
            for a word without tokens, and their probabilities.
        """
        has_tokens, outputs = self._outputs_of_words(words, batch_size)
        probabilities = self.probabilities(outputs)
        decision = self.decision
        class_ids = decision.class_ids(probabilities)
        scores = decision.scores(probabilities)
        scores = scores[np.arange(len(class_ids)), class_ids]
        class_ids = np.where(has_tokens, class_ids, -1)
        scores = np.where(has_tokens, scores, 0.0)
        return class_ids, scores.astype("float32")

    def _outputs_of_words(self, words, batch_size):
        """Compute which words have tokens, and the outputs of all words."""
        x, words_of_tokens = self.preprocessor.word_windows(
            words.ids, words.pieces, words.counts
        )
        outputs = self.predict_windows(x, batch_size)
        has_word = words_of_tokens >= 0
        indices = words_of_tokens[has_word]
        has_tokens = np.zeros(len(words.pieces), bool)
        has_tokens[indices] = True
        found = np.zeros((len(words.pieces), self.num_classes), "float32")
        found[indices] = keras.ops.convert_to_numpy(outputs)[has_word]
        return has_tokens, found

    def _labelled_logits(self, x, y, batch_size):
        words = TokenizedWords.of_words(self.preprocessor.tokenizer, x)
        labels = self.all_class_ids(y)
        if len(labels) != len(words.pieces):
            raise ValueError(
                "`y` must have a label per word of `x`. Received: "
                f"{len(labels)} labels for {len(words.pieces)} words"
            )
        has_tokens, outputs = self._outputs_of_words(words, batch_size)
        return self._logits(outputs[has_tokens]), labels[has_tokens]
