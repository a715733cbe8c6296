"""Masked language modeling."""

import keras
import keras_hub

from keras_squeeze.models.tasks.mask_filling_task import MaskFillingTask
from keras_squeeze.models.tasks.mask_filling_task import mean_over_masks
from keras_squeeze.models.tasks.mask_filling_task import named_scores


class MaskedLM(MaskFillingTask, keras_hub.models.MaskedLM):
    """Base class of the masked language models.

    With a `preprocessor`, which `from_preset()` creates by default, `fit()`
    and `evaluate()` take raw text and mask random words, which change in each
    epoch. `predict()` and `annotate()` take text with `[MASK]`. Inputs that
    are already preprocessed must be dictionaries.

    The loss is the mean over the masked words of a batch, so its exponential
    is their perplexity. The accuracy is also over these words.

    Example:

    ```python
    masked_lm = keras_squeeze.models.MobileBertMaskedLM.from_preset(
        "mobile_bert_tiny_en_uncased"
    )
    masked_lm.preprocessor.sequence_length = 16
    masked_lm.fit(["The quick brown fox jumped.", "Call me Ishmael."])
    masked_lm.annotate("Paris is the [MASK] of France.", top_k=5)
    masked_lm.save_to_preset("./masked_lm")
    ```
    """

    hugging_face_classes = ("ForMaskedLM", "ForPreTraining")

    def default_loss(self):
        return mean_over_masks()

    def default_metrics(self):
        return {"weighted_metrics": [keras.metrics.SparseCategoricalAccuracy()]}

    def export_outputs(self, outputs, probabilities=True):
        """Name the outputs for a file that runs without Keras.

        The file predicts the words at all positions, masked or not.

        Args:
            outputs: Symbolic tensor. The outputs of `serving_graph()`.
            probabilities: bool. Whether the file returns probabilities instead
                of logits. Defaults to `True`.

        Returns:
            A dictionary of symbolic tensors by name.
        """
        return named_scores(outputs, probabilities)
