"""Pretraining: masked words and next sentence prediction."""

import keras
import keras_hub

from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.models.class_names import likeliest
from keras_squeeze.models.class_names import softmax
from keras_squeeze.models.preprocessors.next_sentence_predictor import (
    check_pair,
)
from keras_squeeze.models.preprocessors.pretraining import PREDICTION
from keras_squeeze.models.preprocessors.pretraining import RELATIONSHIP
from keras_squeeze.models.tasks.mask_filling_task import MaskFillingTask
from keras_squeeze.models.tasks.mask_filling_task import mean_over_masks
from keras_squeeze.models.tasks.mask_filling_task import named_scores
from keras_squeeze.models.tasks.next_sentence_predictor import CLASS_NAMES
from keras_squeeze.tokenizers.texts import text_segments


class Pretraining(MaskFillingTask, keras_hub.models.Task):
    """Base class of the tasks for pretraining a backbone.

    With a `preprocessor`, which `from_preset()` creates by default, `fit()`
    and `evaluate()` take raw text, mask random words and exchange random
    parts. `predict()` and `annotate()` take pairs with `[MASK]`.

    One head predicts the masked words of a pair of texts. Another predicts
    whether the second text follows the first. The outputs are a dictionary of
    `"prediction_logits"` of shape `(batch, predictions, vocabulary_size)` and
    `"seq_relationship_logits"` of shape `(batch, 2)`, in which class 0 means
    that it follows. The loss is the sum of both.

    Example:

    ```python
    pretraining = keras_squeeze.models.MobileBertPretraining.from_preset(
        "mobile_bert_tiny_en_uncased"
    )
    pretraining.preprocessor.sequence_length = 32
    pretraining.fit(
        x=["The quick brown fox jumped.", "Call me Ishmael. Some years ago"]
    )
    pretraining.annotate(("She opened the [MASK].", "It was dark behind it."))
    pretraining.backbone.save_to_preset("./pretrained")
    ```
    """

    hugging_face_classes = ("ForPreTraining",)
    hugging_face_head = [
        *MaskFillingTask.hugging_face_head,
        ("cls.seq_relationship", "next_sentence_dense", DENSE),
    ]
    uses_pooled_output = True
    # The order of texts is also predicted for pairs without masks.
    is_mask_needed = False

    def __init__(self, backbone, preprocessor=None, **kwargs):
        # === Layers ===
        self.next_sentence_dense = keras.layers.Dense(
            2,
            kernel_initializer=keras.initializers.RandomNormal(
                stddev=backbone.initializer_range
            ),
            dtype=backbone.dtype_policy,
            name=RELATIONSHIP,
        )

        # === Functional Model ===
        super().__init__(backbone, preprocessor=preprocessor, **kwargs)

    def combine_outputs(self, logits, pooled_output):
        return {
            PREDICTION: logits,
            RELATIONSHIP: self.next_sentence_dense(pooled_output),
        }

    def default_loss(self):
        return {
            PREDICTION: mean_over_masks(),
            RELATIONSHIP: keras.losses.SparseCategoricalCrossentropy(
                from_logits=True
            ),
        }

    def default_metrics(self):
        return {
            "weighted_metrics": {
                name: [keras.metrics.SparseCategoricalAccuracy()]
                for name in (PREDICTION, RELATIONSHIP)
            }
        }

    def names_of_classes(self):
        """The names of the two classes of pairs.

        Returns:
            A list of strings in the order of the ids.
        """
        return list(CLASS_NAMES)

    def mask_logits(self, outputs):
        return outputs[PREDICTION]

    def annotate(self, inputs, top_k=None, batch_size=32):
        """Fill the masks of pairs, and predict whether they belong together.

        Args:
            inputs: A pair `(first, second)` of strings or of lists of
                strings, in a tuple. They can contain `[MASK]`.
            top_k: int or `None`. The number of words per mask, the likeliest
                first. Defaults to `None`, for the likeliest word without a
                list.
            batch_size: int. The number of pairs per batch. Defaults to
                `32`.

        Returns:
            A list that has a dictionary per pair: `masks`, a list with an
            entry per mask, as returned by `MaskedLM.annotate()`; the `label`,
            `"is_next"` or `"not_next"`; and its `score`, a probability. For a
            single pair, only its entry.

        Example:

        ```python
        pretraining.annotate(("She opened the [MASK].", "It was dark."))
        # {"masks": [{"score": 0.9, "token": 2341, "token_str": "door",
        #             "sequence": ("She opened the door.", "It was dark.")}],
        #  "label": "is_next", "score": 0.98}
        ```
        """
        check_pair(inputs)
        answers = []
        for filled, outputs in self.filled_batches(inputs, top_k, batch_size):
            relationships = softmax(outputs[RELATIONSHIP])
            for masks, row in zip(filled, relationships, strict=True):
                answers.append({"masks": masks, **likeliest(row, CLASS_NAMES)})
        return answers if text_segments(inputs)[1] else answers[0]

    def export_outputs(self, outputs, probabilities=True):
        """Name the outputs for a file that runs without Keras.

        The file predicts the words at all positions, masked or not.

        Args:
            outputs: Dictionary of symbolic tensors. The outputs of
                `serving_graph()`.
            probabilities: bool. Whether the file returns probabilities instead
                of logits. Defaults to `True`.

        Returns:
            A dictionary of symbolic tensors by name.
        """
        named = {}
        for name, logits in outputs.items():
            prefix = name.removesuffix("logits")
            named.update(named_scores(logits, probabilities, prefix))
        return named
