"""Base class of the tasks that predict masked words."""

import keras
import numpy as np

from keras_squeeze import keras_hub_seam
from keras_squeeze import validation
from keras_squeeze.checkpoints.weight_table import DENSE
from keras_squeeze.checkpoints.weight_table import NORM
from keras_squeeze.checkpoints.weight_table import TENSOR
from keras_squeeze.layers.masked_lm_head import MaskedLMHead
from keras_squeeze.models.class_names import softmax
from keras_squeeze.models.tasks.row_counts import first_rows
from keras_squeeze.models.tasks.row_counts import pad_rows
from keras_squeeze.models.tasks.row_counts import power_of_two
from keras_squeeze.models.tasks.samples import is_data_set
from keras_squeeze.models.tasks.text_task import TextTask
from keras_squeeze.models.tasks.token_predictor import TokenPredictor
from keras_squeeze.tokenizers.texts import text_segments


class MaskFillingTask(TextTask):
    """Base class of the tasks whose head predicts masked words.

    `fit()` and `evaluate()` mask random words of raw inputs, which change in
    each epoch. `predict()` and `annotate()` predict the words that are
    `[MASK]` in the text. Inputs that are already preprocessed must be
    dictionaries.

    Args:
        backbone: The backbone model.
        preprocessor: The preprocessor layer, or `None` if inputs are already
            preprocessed.
        **kwargs: Other keyword arguments of `keras_hub.models.Task`.
    """

    # Whether `annotate()` requires texts to have a mask.
    is_mask_needed = True
    hugging_face_head = [
        (
            "cls.predictions.transform.dense",
            "masked_lm_head.dense",
            DENSE,
        ),
        (
            "cls.predictions.transform.LayerNorm",
            "masked_lm_head.norm",
            NORM,
        ),
        (
            "cls.predictions.dense.weight",
            "masked_lm_head.rest_kernel",
            TENSOR,
        ),
        ("cls.predictions.bias", "masked_lm_head.bias", TENSOR),
    ]
    hugging_face_ties = {
        "cls.predictions.decoder.weight": "embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    }

    def __init__(self, backbone, preprocessor=None, **kwargs):
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.masked_lm_head = MaskedLMHead(
            backbone.token_embedding,
            backbone.hidden_dim,
            activation=backbone.activation,
            epsilon=backbone.layer_norm_epsilon,
            kernel_initializer=keras.initializers.RandomNormal(
                stddev=backbone.initializer_range
            ),
            dtype=backbone.dtype_policy,
            name="mlm_head",
        )

        # === Functional Model ===
        positions = keras.Input((None,), dtype="int32", name="mask_positions")
        super().__init__(
            inputs={**backbone.input, "mask_positions": positions},
            outputs=self.apply_head(backbone(backbone.input), positions),
            **kwargs,
        )

    def apply_head(self, encoded, mask_positions=None):
        """Compute the outputs of the task from those of its backbone.

        Args:
            encoded: Dictionary of tensors. The outputs of the backbone.
            mask_positions: Optional int tensor of shape `(batch,
                predictions)`, the positions to predict. If `None`, all
                positions are predicted.

        Returns:
            A tensor or a dictionary of tensors.
        """
        logits = self.masked_lm_head(
            encoded["sequence_output"], mask_positions=mask_positions
        )
        return self.combine_outputs(logits, encoded["pooled_output"])

    def combine_outputs(self, logits, pooled_output):
        """Combine the outputs of the task.

        Args:
            logits: The outputs of the head for masked words.
            pooled_output: The backbone's output for the whole text.

        Returns:
            A symbolic tensor or a dictionary of them.
        """
        return logits

    def preprocess_samples(self, x, y=None, sample_weight=None):
        if isinstance(x, dict):
            return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)
        return super().preprocess_samples(x, y, sample_weight)

    def checked_arrays(self, x, y=None, sample_weight=None):
        if self.preprocessor is not None and not isinstance(x, dict):
            self.preprocessor.check_labels(y, sample_weight)
        return super().checked_arrays(x, y, sample_weight)

    def batches(self, arrays, size, shuffle=False):
        batches = super().batches(arrays, size, shuffle)
        x, _, _ = keras.utils.unpack_x_y_sample_weight(arrays)
        if self.preprocessor is None or isinstance(x, dict):
            return batches
        # Preprocess here: KerasHub's threads would draw from the random number
        # generator in an arbitrary order.
        return batches.random_map(
            self._training_samples, seed=np.random.randint(2**31)
        )

    def _training_samples(self, batch, random):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        return self.preprocessor.training_samples(x, y, random)

    def predict(self, x=None, batch_size=None, **kwargs):
        """Compute the outputs for the `[MASK]` words of raw inputs.

        Args:
            x: Strings, a pair of lists of them, or a dataset of batches of
                either. The outputs for texts without `[MASK]` have no meaning.
            batch_size: int. Defaults to `32` if `x` is not a dataset.
            **kwargs: Other arguments of `keras.Model.predict`.

        Returns:
            The outputs of the task for `mask_selection_length` words per text.
            Only the first ones have a meaning, one per mask of the text.
        """
        if self.preprocessor is not None:
            if is_data_set(x):
                x = keras_hub_seam.apply_preprocessing(x, self._fill_inputs)
            elif not isinstance(x, dict):
                self.check_texts(x)
                x = self._fill_inputs(x)
        return super().predict(x, batch_size=batch_size, **kwargs)

    def _fill_inputs(self, x, y=None, sample_weight=None):
        if isinstance(x, dict):
            return x
        # As in KerasHub: some of several texts may have nothing to predict.
        return self.preprocessor.fill_mask_inputs(x, is_mask_needed=False)

    def annotate(self, inputs, top_k=None, batch_size=32):
        """Fill the masks of texts.

        Args:
            inputs: A string with `[MASK]` in it, a list of such strings, or a
                pair `(first, second)` of lists of strings.
            top_k: int or `None`. The number of words per mask, the likeliest
                first. Defaults to `None`, for the likeliest word without a
                list.
            batch_size: int. The number of inputs per batch. Defaults to
                `32`.

        Returns:
            A list that has a dictionary per input: the `score` of the
            likeliest word, a probability, its id `token`, the word
            `token_str`, and `sequence`, the text in which the word replaces
            the mask. With `top_k`, a list of `top_k` such dictionaries. For an
            input with several masks, a list that has an entry per mask, with
            the other masks left in `sequence`. For a single string, only its
            entry.

        Example:

        ```python
        masked_lm = keras_squeeze.models.MobileBertMaskedLM.from_preset(
            "mobile_bert_tiny_en_uncased"
        )
        masked_lm.annotate("Paris is the [MASK] of France.")
        # {"score": 0.99, "token": 3007, "token_str": "capital",
        #  "sequence": "Paris is the capital of France."}
        ```
        """
        answers = []
        for filled, _ in self.filled_batches(inputs, top_k, batch_size):
            for masks in filled:
                answers.append(masks if len(masks) > 1 else masks[0])
        return answers if text_segments(inputs)[1] else answers[0]

    def filled_batches(self, inputs, top_k, batch_size):
        """Fill the masks of texts, batch by batch.

        Args:
            inputs: The inputs of `annotate()`.
            top_k: int or `None`. The number of words per mask.
            batch_size: int. The number of inputs per batch.

        Yields:
            A tuple `(filled, outputs)` per batch: a list that has, for each
            text, a list with an entry per mask, and the outputs of the task.
        """
        self.check_annotatable(top_k)
        validation.check_positive_int("batch_size", batch_size)
        self.check_texts(inputs)
        segments, _ = text_segments(inputs)
        texts = list(zip(*segments, strict=True))
        arrays = self.preprocessor.fill_mask_inputs(
            tuple(segments), is_mask_needed=self.is_mask_needed
        )
        mask = self.preprocessor.tokenizer.mask_token
        counts = [sum(part.count(mask) for part in text) for text in texts]
        # Predictions for padded positions take as long as others.
        longest = power_of_two(max([1, *counts]))
        positions = arrays["mask_positions"][:, :longest]
        arrays = {**arrays, "mask_positions": positions}
        for start in range(0, len(texts), batch_size):
            batch = slice(start, start + batch_size)
            rows, count = pad_rows(
                {name: array[batch] for name, array in arrays.items()},
                batch_size,
            )
            outputs = first_rows(self.predict_on_batch(rows), count)
            probabilities = softmax(self.mask_logits(outputs))
            filled = [
                [
                    self._words(probabilities[i, j], text, j, top_k)
                    for j in range(count)
                ]
                for i, (text, count) in enumerate(
                    zip(texts[batch], counts[batch], strict=True)
                )
            ]
            yield filled, outputs

    def mask_logits(self, outputs):
        """Select the outputs for masked words.

        Args:
            outputs: The outputs of the task.

        Returns:
            An array of shape `(batch, predictions, vocabulary_size)`.
        """
        return outputs

    def _words(self, probabilities, text, index, top_k):
        """The likeliest words for a mask of a text."""
        tokenizer = self.preprocessor.tokenizer
        # The model may have rows that no token uses.
        known = probabilities[: tokenizer.vocabulary_size()]
        answers = []
        for token in np.argsort(-known, kind="stable")[: top_k or 1]:
            word = tokenizer.id_to_token(int(token))
            answers.append(
                {
                    "score": float(known[token]),
                    "token": int(token),
                    "token_str": word,
                    "sequence": _fill(
                        text,
                        tokenizer.mask_token,
                        index,
                        word,
                        tokenizer.suffix_indicator,
                    ),
                }
            )
        return answers if top_k else answers[0]

    def serving_graph(self):
        inputs = self.backbone.input
        predictor = TokenPredictor(
            self.backbone, self.masked_lm_head, dtype=self.dtype_policy
        )
        outputs = predictor(inputs)
        return keras.Model(
            inputs,
            self.combine_outputs(outputs["logits"], outputs["pooled_output"]),
            name=self.name,
        )


def mean_over_masks():
    """The mean cross-entropy over the masked words of a batch.

    Returns:
        A `keras.losses.Loss`.
    """
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight"
    )


def named_scores(logits, probabilities, prefix=""):
    """Name an output of an exported file.

    Args:
        logits: Symbolic tensor.
        probabilities: bool. Whether to return the softmax of the logits.
        prefix: string. The start of the name of the output.

    Returns:
        A dictionary that maps the name to a symbolic tensor.
    """
    if not probabilities:
        return {f"{prefix}logits": logits}
    name = f"{prefix}probabilities"
    return {name: keras.layers.Softmax(dtype=logits.dtype, name=name)(logits)}


def _fill(text, mask, index, word, suffix_indicator):
    """Replace one of the masks of a text by a word.

    Args:
        text: Tuple of strings, the parts of the text.
        mask: string. The text of a mask.
        index: int. The index of the mask.
        word: string. The token to replace it with.
        suffix_indicator: string. The start of tokens that continue a word.

    Returns:
        A string, or a tuple of strings if the text has several parts.
    """
    filled = []
    for part in text:
        pieces = part.split(mask)
        if 0 <= index < len(pieces) - 1:
            before = mask.join(pieces[: index + 1])
            if word.startswith(suffix_indicator):
                before = before.rstrip()
                word = word.removeprefix(suffix_indicator)
            part = before + word + mask.join(pieces[index + 1 :])
        index -= len(pieces) - 1
        filled.append(part)
    return filled[0] if len(filled) == 1 else tuple(filled)
