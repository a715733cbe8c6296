"""Computes text embeddings, and searches with them."""

import keras
import keras_hub
import numpy as np

from keras_squeeze import validation
from keras_squeeze.layers.mean_pooling import MeanPooling
from keras_squeeze.models.tasks.text_task import TextTask


class TextEmbedder(TextTask, keras_hub.models.TextEmbedder):
    """Base class of the text embedders, which return one vector per text.

    With a `preprocessor`, which `from_preset()` creates by default,
    `encode_text()`, `search()` and `predict()` take raw text.

    The vectors of texts with a similar meaning point in similar directions,
    especially after training for it. `search()` finds such texts. Vectors of
    unit length, which is the default, can be compared by their dot product.

    There is no default loss. To train on pairs of texts and their similarity,
    a text classifier with `num_classes=1` is more exact, because it reads both
    texts together. Its backbone can be used for an embedder.

    Args:
        backbone: The backbone model.
        preprocessor: The preprocessor layer, or `None` if inputs are already
            preprocessed.
        pooling: string. `"mean"` for the mean of the outputs of all tokens
            of a text, without padding, or `"pooled"` for the pooled output,
            which is that of the first token. Defaults to `"mean"`.
        normalize: bool. Whether to normalize all vectors to unit length.
            Defaults to `True`.
        **kwargs: Other keyword arguments of `keras_hub.models.Task`.

    Raises:
        ValueError: If `pooling` is invalid.

    Example:

    ```python
    embedder = keras_squeeze.models.MobileBertTextEmbedder.from_preset(
        "mobile_bert_tiny_en_uncased",
    )
    documents = ["You have won a prize!", "See you at nine."]
    embedder.encode_text(documents)
    embedder.search("When will we meet?", documents, top_k=1)
    ```
    """

    phone_libraries = ("MediaPipe TextEmbedder", "Task Library TextEmbedder")
    reads_text = True
    can_group_by_length = True

    def __init__(
        self,
        backbone,
        preprocessor=None,
        pooling="mean",
        normalize=True,
        **kwargs,
    ):
        if pooling not in ("mean", "pooled"):
            raise ValueError(
                '`pooling` must be "mean" or "pooled". Received: '
                f"pooling={pooling!r}"
            )

        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor
        # Always float32: sums over tokens, and sums of squares, exceed the
        # range of float16.
        if pooling == "mean":
            self.pooling_layer = MeanPooling(dtype="float32", name="pooling")
        else:
            self.pooling_layer = keras.layers.Identity(
                dtype="float32", name="pooling"
            )
        self.normalization = None
        if normalize:
            self.normalization = keras.layers.UnitNormalization(
                dtype="float32", name="normalization"
            )

        # === Functional Model ===
        inputs = backbone.input
        features = backbone(inputs)
        if pooling == "mean":
            outputs = self.pooling_layer(
                features["sequence_output"], inputs["padding_mask"]
            )
        else:
            outputs = self.pooling_layer(features["pooled_output"])
        if normalize:
            outputs = self.normalization(outputs)
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)

        # === Config ===
        self.pooling = pooling
        self.normalize = normalize

    @property
    def uses_pooled_output(self):
        """bool. Whether a checkpoint needs a pooler."""
        return self.pooling == "pooled"

    def default_loss(self):
        return None

    def default_metrics(self):
        return {}

    def search(
        self, queries, corpus, top_k=5, corpus_embeddings=None, batch_size=32
    ):
        """Find the texts with the most similar meaning.

        Args:
            queries: A string or a list of strings.
            corpus: List of strings to search.
            top_k: int. The number of texts per query. Defaults to `5`.
            corpus_embeddings: Optional array of shape `(len(corpus),
                hidden_dim)`. The result of `encode_text(corpus)`, to compute it
                only once for many searches.
            batch_size: int. The number of texts per batch. Defaults to
                `32`.

        Returns:
            A list that has, for each query, a list of `top_k` dictionaries,
            the most similar first: the text as `sequence`, the cosine
            similarity of the two vectors as `score`, and the `index` in the
            corpus. For a single string, only its list.

        Example:

        ```python
        embedder.search("Free prize!", ["See you soon.", "You have won!"])
        # [{"sequence": "You have won!", "score": 0.9, "index": 1}, ...]
        ```
        """
        validation.check_positive_int("top_k", top_k)
        if isinstance(queries, str):
            (answers,) = self.search(
                [queries], corpus, top_k, corpus_embeddings, batch_size
            )
            return answers
        if isinstance(corpus, str):
            raise ValueError(
                "`corpus` must be a list of strings. Received: "
                f"corpus={corpus!r}"
            )
        if corpus_embeddings is None:
            corpus_embeddings = self.encode_text(
                corpus, batch_size=batch_size, verbose=0
            )
        if len(corpus_embeddings) != len(corpus):
            raise ValueError(
                "`corpus_embeddings` must have one vector per text of "
                f"`corpus`. Received: {len(corpus_embeddings)} vectors for "
                f"{len(corpus)} texts"
            )
        vectors = self.encode_text(queries, batch_size=batch_size, verbose=0)
        scores = _of_length_one(vectors) @ _of_length_one(corpus_embeddings).T
        order = np.argsort(-scores, axis=-1, kind="stable")[:, :top_k]
        return [
            [
                {
                    "sequence": str(corpus[i]),
                    "score": float(row[i]),
                    "index": int(i),
                }
                for i in best
            ]
            for row, best in zip(scores, order, strict=True)
        ]

    def export_outputs(self, outputs, probabilities=True):
        """Name the outputs for a file that runs without Keras.

        Args:
            outputs: Symbolic tensor. The outputs of the task.
            probabilities: Not used, because there are no scores.

        Returns:
            A dictionary that maps `"embedding"` to a symbolic tensor.
        """
        return {"embedding": outputs}

    def get_config(self):
        config = super().get_config()
        config.update({"pooling": self.pooling, "normalize": self.normalize})
        return config


def _of_length_one(vectors):
    """Normalize vectors to unit length, except for zeros."""
    vectors = np.asarray(vectors, "float32")
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-12)
