"""The loss for pairs of texts with a similar meaning, or with a score."""

import keras
import numpy as np
from keras import ops

# The texts of a sample in `fit()` of an embedder, in this order.
_KEYS = (
    ("anchor", "positive"),
    ("anchor", "positive", "negative"),
    ("sentence1", "sentence2"),
)


def pair_keys(x):
    """Find the names of the texts of samples to compare.

    Args:
        x: The raw inputs of an embedder.

    Returns:
        A tuple of strings in their order, or `None` if `x` has no samples to
        compare.
    """
    if not isinstance(x, dict):
        return None
    return next((keys for keys in _KEYS if set(keys) == set(x)), None)


def check_scores(y):
    """Check the scores of pairs of texts.

    Args:
        y: List or array of numbers.

    Returns:
        A float32 array.

    Raises:
        ValueError: If they are not cosines.
    """
    scores = np.asarray(y)
    is_valid = scores.ndim == 1 and scores.dtype.kind in "biuf"
    if not is_valid or not np.all(np.isnan(scores) | (np.abs(scores) <= 1)):
        raise ValueError(
            "For pairs of texts, `y` must have the cosine of each pair, a "
            f"number from -1 to 1, or NaN for none. Received: y={y!r:.200}"
        )
    return scores.astype("float32")


@keras.saving.register_keras_serializable(package="keras_squeeze")
class PairLoss(keras.losses.Loss):
    """Trains an embedder on pairs of texts.

    The loss of a pair with a score is the squared difference of the score and
    the cosine of the two vectors. That of a pair without one is contrastive:
    among the second texts of all pairs of the batch, and additional negative
    texts, the one that belongs to the first text should be the most similar.
    It is the cross-entropy of the scaled cosines. Large batches have more
    texts to choose from.

    Args:
        scale: float. Multiplies the cosines in the contrastive loss. Defaults
            to `20.0`.
        name: string. Defaults to `"pair_loss"`.
        **kwargs: Other keyword arguments of `keras.losses.Loss`.

    Example:

    ```python
    embedder = keras_squeeze.models.MobileBertTextEmbedder.from_preset(
        "mobile_bert_tiny_en_uncased"
    )
    loss = keras_squeeze.models.tasks.pair_loss.PairLoss(scale=50.0)
    embedder.compile(loss=loss)
    embedder.fit(
        {
            "anchor": ["When do we meet?", "What does it cost?"],
            "positive": ["See you at nine.", "That is ten dollars."],
        },
        batch_size=2,
    )
    ```

    Reference:
     - [Henderson et al., 2017](https://arxiv.org/abs/1705.00652)
     - [Reimers and Gurevych, 2019](https://arxiv.org/abs/1908.10084)
    """

    def __init__(self, scale=20.0, name="pair_loss", **kwargs):
        super().__init__(name=name, **kwargs)
        self.scale = scale

    def call(self, y_true, y_pred):
        """Compute the loss of a batch.

        Args:
            y_true: Tensor of shape `(rows, 2)`. The score of the sample, or
                NaN, and the place of the text in its sample, from 0.
            y_pred: Tensor of shape `(rows, dim)`. The vectors of the texts of
                all samples, one sample after the other.

        Returns:
            A tensor of shape `(rows,)`, whose mean is that over the samples.
        """
        if len(y_true.shape) != 2 or y_true.shape[1] != 2:
            raise ValueError(
                "`PairLoss` needs pairs of texts. For other labels, compile "
                "the embedder with another loss. Received: labels of shape "
                f"{tuple(y_true.shape)}"
            )
        scores, places = ops.unstack(y_true, 2, axis=1)
        is_first = ops.cast(ops.equal(places, 0), y_pred.dtype)
        squares = ops.sum(ops.square(y_pred), axis=-1, keepdims=True)
        vectors = y_pred * ops.rsqrt(ops.maximum(squares, 1e-12))
        cosines = ops.sum(vectors * ops.roll(vectors, -1, axis=0), axis=-1)
        logits = self.scale * ops.matmul(vectors, ops.transpose(vectors))
        # A first text is only compared with others.
        logits = logits - 1e9 * ops.expand_dims(is_first, axis=0)
        contrast = ops.logsumexp(logits, axis=-1) - self.scale * cosines
        has_score = ops.logical_not(ops.isnan(scores))
        # Otherwise the gradient would not be a number.
        known = ops.where(has_score, scores, ops.zeros_like(scores))
        losses = ops.where(has_score, ops.square(cosines - known), contrast)
        return losses * is_first / ops.mean(is_first)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
