"""Computes text embeddings, and searches with them."""

import keras
import keras_hub
import numpy as np

from keras_squeeze import validation
from keras_squeeze.layers.mean_pooling import MeanPooling
from keras_squeeze.models.tasks.pair_loss import PairLoss
from keras_squeeze.models.tasks.pair_loss import check_scores
from keras_squeeze.models.tasks.pair_loss import pair_keys
from keras_squeeze.models.tasks.samples import check_weights
from keras_squeeze.models.tasks.samples import is_data_set
from keras_squeeze.models.tasks.samples import to_arrays
from keras_squeeze.models.tasks.samples import to_source
from keras_squeeze.models.tasks.text_task import TextTask
from keras_squeeze.tokenizers.arrays import library_of
from keras_squeeze.tokenizers.arrays import to_float32


class TextEmbedder(TextTask, keras_hub.models.TextEmbedder):
    """Base class of the text embedders, which return one vector per text.

    With a `preprocessor`, which `from_preset()` creates by default,
    `encode_text()`, `search()` and `predict()` take raw text.

    The vectors of texts with a similar meaning point in similar directions,
    especially after training for it. `search()` finds such texts. Vectors of
    unit length, which is the default, can be compared by their dot product.

    `fit()` and `evaluate()` take dictionaries of lists of strings to train on:

    - `anchor` and `positive`, texts that belong together, and optionally
      `negative`, texts that do not. `y` is `None`. In each batch, an `anchor`
      should be more similar to its own `positive` than to all other texts.
    - `sentence1` and `sentence2`, and `y` with the cosine of each pair.

    The loss is that of `keras_squeeze.models.tasks.pair_loss`. With another
    loss, `x` can be texts, and `y` anything.

    For the similarity of two texts alone, a text classifier with
    `num_classes=1` is more exact, because it reads both texts together.

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
    embedder.fit(
        {
            "anchor": ["When do we meet?", "What does it cost?"],
            "positive": ["See you at nine.", "That is ten dollars."],
        },
        batch_size=2,
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
        return PairLoss()

    def default_metrics(self):
        return {}

    def _train(self, prepare, x, **kwargs):
        self.check_texts(x)
        is_labelled = is_data_set(x) or pair_keys(x) is not None
        if isinstance(self.loss, PairLoss) and not is_labelled:
            raise ValueError(
                "`x` must be a dictionary of the texts `anchor` and "
                "`positive`, and optionally `negative`, or of `sentence1` and "
                "`sentence2`, unless the embedder is compiled with another "
                f"loss. Received: x of type {type(x).__name__}"
                f"{f' with {sorted(x)}' if isinstance(x, dict) else ''}"
            )
        return super()._train(prepare, x, **kwargs)

    def checked_arrays(self, x, y=None, sample_weight=None):
        keys = pair_keys(x)
        if keys is None:
            return super().checked_arrays(x, y, sample_weight)
        if self.preprocessor is None:
            raise ValueError(
                "Pairs of texts need an embedder with a `preprocessor`. "
                "Received: preprocessor=None"
            )
        for key in keys:
            if isinstance(x[key], (str, tuple)):
                raise ValueError(
                    f"`x` must have a list of strings as its {key!r}. "
                    f"Received: {x[key]!r:.200}"
                )
            super().checked_arrays(x[key])
        if keys == ("sentence1", "sentence2") and y is None:
            raise ValueError(
                "`y` must have the cosine of each pair of `sentence1` and "
                "`sentence2`. Received: y=None"
            )
        if y is None:
            y = np.full(len(x["anchor"]), np.nan, "float32")
        arrays = to_arrays(x, check_scores(y), sample_weight)
        if sample_weight is not None:
            check_weights(arrays[-1])
        return arrays

    def preprocess_samples(self, x, y=None, sample_weight=None):
        keys = pair_keys(x)
        if keys is None:
            return super().preprocess_samples(x, y, sample_weight)
        self.check_texts(None)
        parts = [self.preprocessor.pack_texts(x[key]) for key in keys]
        lib = library_of(parts[0]["token_ids"])
        length = self.preprocessor.sequence_length
        # The texts of a sample are consecutive rows of the batch.
        rows = {
            name: lib.reshape(
                lib.stack([part[name] for part in parts], axis=1), (-1, length)
            )
            for name in parts[0]
        }
        if y is None:
            y = to_float32(rows["token_ids"][:: len(keys), 0]) * np.nan
        y = lib.repeat(to_float32(y), len(keys))
        # A sum of zeros, because NumPy and TensorFlow tile differently.
        places = lib.zeros_like(rows["token_ids"][:, 0])
        places = lib.reshape(places, (-1, len(keys))) + np.arange(len(keys))
        places = lib.reshape(to_float32(places), (-1,))
        y = lib.stack([y, places], axis=1)
        samples = (rows, y)
        if sample_weight is not None:
            samples += (lib.repeat(to_float32(sample_weight), len(keys)),)
        return self.preprocessor.for_caller(samples)

    def _prepare_by_length(
        self, arrays, batch_size=None, shuffle=None, class_weight=None
    ):
        x, _, _ = keras.utils.unpack_x_y_sample_weight(arrays)
        keys = pair_keys(x)
        if keys is None:
            return super()._prepare_by_length(
                arrays, batch_size, shuffle, class_weight
            )
        to_source(arrays)
        samples = keras.tree.map_structure(
            lambda rows: rows.reshape(-1, len(keys), *rows.shape[1:]),
            self._preprocessed(arrays),
            none_is_leaf=False,
        )
        batches = self._length_batches(
            samples, batch_size, shuffle, split_texts=True
        )
        return {"x": batches}, True

    def predict(self, x=None, batch_size=None, **kwargs):
        if pair_keys(x) is not None:
            raise ValueError(
                "`predict()` takes texts. For pairs of texts, use "
                f"`similarity()`. Received: a dictionary of {sorted(x)}"
            )
        return super().predict(x, batch_size=batch_size, **kwargs)

    def similarity(self, first, second, batch_size=None):
        """Compute the cosine similarity of pairs of texts.

        Args:
            first: List of strings.
            second: List of strings, as many.
            batch_size: int. The number of texts per batch. Defaults to
                `None` for batches of about 4,096 tokens.

        Returns:
            A float32 array of shape `(num_pairs,)`.

        Example:

        ```python
        embedder.similarity(["See you at nine."], ["We meet at nine."])
        # [0.9]
        ```
        """
        if len(first) != len(second):
            raise ValueError(
                "`first` and `second` must have the same number of texts. "
                f"Received: {len(first)} and {len(second)} texts"
            )
        first, second = (
            _of_length_one(
                self.predict(texts, batch_size=batch_size, verbose=0)
            )
            for texts in (first, second)
        )
        return np.sum(first * second, axis=-1)

    def search(
        self, queries, corpus, top_k=5, corpus_embeddings=None, batch_size=None
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
                `None` for batches of about 4,096 tokens.

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
