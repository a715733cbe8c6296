"""Next sentence prediction."""

import keras_hub

from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.models.class_names import check_class_ids
from keras_squeeze.models.class_names import labels_to_ids
from keras_squeeze.models.preprocessors.next_sentence_predictor import (
    check_pair,
)
from keras_squeeze.models.tasks.classification_task import ClassificationTask
from keras_squeeze.tokenizers.texts import text_segments

CLASS_NAMES = ("is_next", "not_next")
HEAD = [("cls.seq_relationship", "output_dense", DENSE)]


class NextSentencePredictor(ClassificationTask, keras_hub.models.Task):
    """Base class of the next sentence predictors.

    With a `preprocessor`, which `from_preset()` creates by default, `fit()`,
    `evaluate()`, `predict()` and `annotate()` take pairs of raw text. A dense
    layer on the pooled output predicts whether the second text of a pair
    follows the first, class 0, or not, class 1.

    Args:
        backbone: The backbone model.
        num_classes: int. Defaults to `2`.
        preprocessor: The preprocessor layer, or `None` if inputs are already
            preprocessed.
        class_names: List of the names of the two classes. Defaults to
            `["is_next", "not_next"]`.
        activation: Optional string or callable. The activation of the
            outputs. Defaults to `None`, for logits.
        dropout: float. Dropout rate before the dense layer. Defaults to
            `0.0`.
        **kwargs: Other keyword arguments of `keras_hub.models.Task`.

    Raises:
        ValueError: If an argument is invalid, or there are not two
            classes.

    Example:

    ```python
    predictor = (
        keras_squeeze.models.MobileBertNextSentencePredictor.from_preset(
            "mobile_bert_tiny_en_uncased"
        )
    )
    first = ["Call me Ishmael.", "The quick brown fox jumped."]
    second = ["Some years ago I thought I would sail.", "Did you buy milk?"]
    predictor.fit(x=(first, second), y=["is_next", "not_next"])
    predictor.annotate((first, second))
    predictor.save_to_preset("./next_sentence_predictor")
    ```
    """

    hugging_face_classes = ("ForNextSentencePrediction", "ForPreTraining")
    hugging_face_head = HEAD
    uses_pooled_output = True
    reads_text = True
    can_group_by_length = True
    evaluation_kind = "texts"

    def __init__(
        self,
        backbone,
        num_classes=2,
        preprocessor=None,
        class_names=CLASS_NAMES,
        activation=None,
        dropout=0.0,
        **kwargs,
    ):
        if num_classes != 2:
            raise ValueError(
                "`num_classes` must be 2: a text follows another or does not. "
                f"Received: num_classes={num_classes}"
            )
        super().__init__(
            backbone,
            num_classes=num_classes,
            preprocessor=preprocessor,
            class_names=class_names,
            activation=activation,
            dropout=dropout,
            **kwargs,
        )

    def read_labels(self, y):
        return check_class_ids(labels_to_ids(y, self.class_names), 2)

    def annotate(self, inputs, top_k=None, batch_size=None):
        """Predict whether texts follow others.

        Args:
            inputs: A pair `(first, second)` of strings or of lists of
                strings, in a tuple.
            top_k: int or `None`. The number of classes per pair, the
                likeliest first. Defaults to `None`, for the likeliest class
                without a list.
            batch_size: int. The number of pairs per batch. Defaults to
                `None` for batches of about 4,096 tokens.

        Returns:
            A list that has a dictionary per pair: the `label`, `"is_next"` or
            `"not_next"`, and its `score`, a probability. With `top_k`, a list
            of such dictionaries. For a single pair, only its entry.

        Example:

        ```python
        predictor.annotate(
            (["She opened the door."], ["It was dark behind it."])
        )
        # [{"label": "is_next", "score": 0.98}]
        ```
        """
        self.check_annotatable(top_k)
        check_pair(inputs)
        segments, is_batched = text_segments(inputs)
        outputs = self.predict(
            tuple(segments), batch_size=batch_size, verbose=0
        )
        answers = self.decision.answers(
            self.probabilities(outputs), self.names_of_classes(), top_k
        )
        return answers if is_batched else answers[0]

    @classmethod
    def head_kwargs(cls, config, is_restored):
        # The labels in the config belong to other tasks.
        return {}
