"""Defines the loss terms with which a student learns from a teacher."""

import keras
from keras import ops

from keras_squeeze.distillation import losses
from keras_squeeze.layers.masked_lm_head import MaskedLMHead
from keras_squeeze.layers.mean_pooling import mean_over_tokens


class Transfer(keras.layers.Layer):
    """Base class of the loss terms.

    A term selects an output of the student, transforms it to the form of the
    teacher's output, and measures the difference. Its `target` is the name of
    the teacher's output in the batches: see `Teacher.outputs()`.

    Args:
        target: string. The name of the teacher's output.
        weight: float. The factor of the term. Defaults to `1.0`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`. The names of
            the terms of a distillation must be unique.

    Call arguments:
        inputs: The result of `student_side()`.
    """

    needs_attention = False
    needs_mask_positions = False
    needs_pairs = False
    student_layer = None

    def __init__(self, target, weight=1.0, **kwargs):
        super().__init__(**kwargs)
        self.target = target
        self.weight = weight

    def student_side(self, encoded, inputs):
        """Select the output of the student to compare.

        Args:
            encoded: Dictionary. The result of `encode()` of the student, for
                pairs of texts if `needs_pairs`.
            inputs: Dictionary. The inputs of the distillation.

        Returns:
            The input of this layer: a tensor, or a tuple of tensors.
        """
        raise NotImplementedError

    def call(self, inputs):
        return inputs

    def loss(self, target, output, mask):
        """Measure the difference.

        Args:
            target: Tensor. The output of the teacher.
            output: Tensor. The output of this layer.
            mask: Tensor of shape `(batch, length)`, 0 for padding.

        Returns:
            A scalar tensor.
        """
        raise NotImplementedError

    def get_config(self):
        config = super().get_config()
        config.update({"target": self.target, "weight": self.weight})
        return config


@keras.saving.register_keras_serializable(package="keras_squeeze")
class FeatureMapTransfer(Transfer):
    """Makes the hidden states of a layer match those of a teacher's layer.

    Args:
        student_layer: int. A layer of the student, counted from 1, with `0`
            for the embeddings.
        teacher_layer: int. A layer of the teacher, counted the same way.
        teacher_dim: int or `None`. The size of the teacher's hidden states. A
            dense layer projects the student's hidden states to it. Defaults
            to `None`, for equal sizes and no dense layer, as in MobileBERT.
        normalize: bool. Whether to normalize each of the teacher's hidden
            states to zero mean and unit variance. Some BERT models have
            features that are a hundred times larger than the others. Defaults
            to `False`.
        weight: float. The factor of the term. Defaults to `1.0`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`.

    Example:

    ```python
    term = FeatureMapTransfer(student_layer=2, teacher_layer=6, teacher_dim=8)
    term(np.ones((1, 5, 4))).shape  # (1, 5, 8)
    ```

    Reference:
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984), section 3.4
    """

    def __init__(
        self,
        student_layer,
        teacher_layer,
        teacher_dim=None,
        normalize=False,
        weight=1.0,
        name=None,
        **kwargs,
    ):
        super().__init__(
            target=kwargs.pop("target", f"hidden_{teacher_layer}"),
            weight=weight,
            name=name or f"features_{student_layer}",
            **kwargs,
        )
        self.student_layer = student_layer
        self.teacher_layer = teacher_layer
        self.teacher_dim = teacher_dim
        self.normalize = normalize
        self.projection = None
        if teacher_dim is not None:
            self.projection = keras.layers.Dense(
                teacher_dim, dtype=self.dtype_policy, name="projection"
            )

    def build(self, input_shape):
        if self.projection is not None:
            self.projection.build(input_shape)
        self.built = True

    def student_side(self, encoded, inputs):
        return encoded["hidden_states"][self.student_layer]

    def call(self, inputs):
        return inputs if self.projection is None else self.projection(inputs)

    def compute_output_shape(self, input_shape):
        if self.teacher_dim is None:
            return input_shape
        return (*input_shape[:-1], self.teacher_dim)

    def loss(self, target, output, mask):
        if self.normalize:
            mean, variance = ops.moments(target, axes=[-1], keepdims=True)
            target = ops.subtract(target, mean) * ops.rsqrt(variance + 1e-6)
        return losses.feature_map_loss(target, output, mask)

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "student_layer": self.student_layer,
                "teacher_layer": self.teacher_layer,
                "teacher_dim": self.teacher_dim,
                "normalize": self.normalize,
            }
        )
        return config


@keras.saving.register_keras_serializable(package="keras_squeeze")
class AttentionTransfer(Transfer):
    """Makes the attention of a layer match that of a teacher's layer.

    Both must have the same number of heads.

    Args:
        student_layer: int. A layer of the student, counted from 1.
        teacher_layer: int. A layer of the teacher, counted from 1.
        weight: float. The factor of the term. Defaults to `1.0`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`.

    Example:

    ```python
    term = AttentionTransfer(student_layer=2, teacher_layer=6)
    term.loss(np.full((1, 2, 3, 3), 1 / 3), np.zeros((1, 2, 3, 3)), [[1] * 3])
    ```

    Reference:
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984), section 3.4
    """

    needs_attention = True

    def __init__(
        self, student_layer, teacher_layer, weight=1.0, name=None, **kwargs
    ):
        super().__init__(
            target=kwargs.pop("target", f"attention_{teacher_layer}"),
            weight=weight,
            name=name or f"attention_{student_layer}",
            **kwargs,
        )
        self.student_layer = student_layer
        self.teacher_layer = teacher_layer

    def student_side(self, encoded, inputs):
        return encoded["attention_scores"][self.student_layer - 1]

    def loss(self, target, output, mask):
        return losses.attention_loss(target, output, mask)

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "student_layer": self.student_layer,
                "teacher_layer": self.teacher_layer,
            }
        )
        return config


@keras.saving.register_keras_serializable(package="keras_squeeze")
class PooledTransfer(Transfer):
    """Makes the pooled output predict a vector that represents the text.

    A dense layer is trained to predict the vector from the pooled output,
    which text classifiers use, so that it learns to contain what matters.

    Args:
        dim: int. The size of the vector.
        target: string. The name of the vector in the batches. Defaults to
            `"sentence"`, the mean of the teacher's last hidden states.
        measure: string. `"cosine"` if only the direction of the vector
            matters, or `"squared"` for the mean squared difference. Defaults
            to `"cosine"`.
        weight: float. The factor of the term. Defaults to `1.0`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`.

    Example:

    ```python
    PooledTransfer(dim=8)(np.ones((1, 4))).shape  # (1, 8)
    ```
    """

    def __init__(
        self,
        dim,
        target="sentence",
        measure="cosine",
        weight=1.0,
        name=None,
        **kwargs,
    ):
        super().__init__(
            target=target,
            weight=weight,
            name=name or f"pooled_{target}",
            **kwargs,
        )
        if measure not in ("cosine", "squared"):
            raise ValueError(
                '`measure` must be "cosine" or "squared". Received: '
                f"measure={measure!r}"
            )
        self.dim = dim
        self.measure = measure
        self.projection = keras.layers.Dense(
            dim, dtype=self.dtype_policy, name="projection"
        )

    def build(self, input_shape):
        self.projection.build(input_shape)
        self.built = True

    def student_side(self, encoded, inputs):
        return encoded["pooled_output"]

    def call(self, inputs):
        return self.projection(inputs)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.dim)

    def loss(self, target, output, mask):
        if self.measure == "cosine":
            return losses.cosine_loss(target, output)
        return ops.mean(ops.square(ops.subtract(target, output)))

    def get_config(self):
        config = super().get_config()
        config.update({"dim": self.dim, "measure": self.measure})
        return config


@keras.saving.register_keras_serializable(package="keras_squeeze")
class PairTransfer(PooledTransfer):
    """Makes the pooled output of two texts predict how they are related.

    The student reads both texts at once, while the teacher read each on its
    own. The target is computed from the teacher's two vectors: see
    `DistillationBatches`.

    Args:
        dim: int. The size of the target. Defaults to `1`.
        target: string. The name of the target in the batches. Defaults to
            `"pair_similarity"`.
        measure: string. `"cosine"` or `"squared"`, see `PooledTransfer`.
            Defaults to `"squared"`.
        weight: float. The factor of the term. Defaults to `1.0`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`.

    Example:

    ```python
    PairTransfer()(np.ones((3, 4))).shape  # (3, 1)
    ```
    """

    needs_pairs = True

    def __init__(
        self,
        dim=1,
        target="pair_similarity",
        measure="squared",
        weight=1.0,
        **kwargs,
    ):
        super().__init__(
            dim, target=target, measure=measure, weight=weight, **kwargs
        )


@keras.saving.register_keras_serializable(package="keras_squeeze")
class SimilarityTransfer(Transfer):
    """Makes texts as similar to each other as they are for the teacher.

    The term compares the mean of the last hidden states, which text embedders
    return, within each batch. It has no weights.

    Args:
        target: string. The name of the teacher's vectors in the batches.
            Defaults to `"sentence"`, the mean of its last hidden states.
        weight: float. The factor of the term. Defaults to `1.0`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`.

    Example:

    ```python
    term = SimilarityTransfer()
    states, mask = np.ones((2, 3, 4)), np.ones((2, 3))
    term((states, mask)).shape  # (2, 4)
    ```
    """

    def __init__(self, target="sentence", weight=1.0, name=None, **kwargs):
        super().__init__(
            target=target, weight=weight, name=name or "similarity", **kwargs
        )

    def student_side(self, encoded, inputs):
        return encoded["sequence_output"], inputs["padding_mask"]

    def call(self, inputs):
        states, mask = inputs
        return mean_over_tokens(states, mask)

    def loss(self, target, output, mask):
        return losses.similarity_loss(target, output)


@keras.saving.register_keras_serializable(package="keras_squeeze")
class MaskedLMTransfer(Transfer):
    """Predicts masked words, from the text or from the teacher.

    A word of -1 is not predicted: shorter texts of a batch have fewer masked
    words than others.

    Args:
        head: A `MaskedLMHead` over the student's token embeddings. See
            `masked_lm_transfer()`.
        label_weight: float. The weight of the actual words in the loss. The
            rest is the weight of the teacher's logits, for which `WordMasking`
            needs a `teacher`. Defaults to `1.0`.
        weight: float. The factor of the term. Defaults to `1.0`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`.

    Reference:
     - [Sun et al., 2020](https://arxiv.org/abs/2004.02984), equation 4
    """

    needs_mask_positions = True

    def __init__(
        self, head, label_weight=1.0, weight=1.0, name="masked_lm", **kwargs
    ):
        super().__init__(
            target=kwargs.pop("target", "masked_words"),
            weight=weight,
            name=name,
            **kwargs,
        )
        if not 0 <= label_weight <= 1:
            raise ValueError(
                "`label_weight` must be between 0 and 1. Received: "
                f"label_weight={label_weight}"
            )
        self.head = head
        self.label_weight = label_weight

    def student_side(self, encoded, inputs):
        return encoded["sequence_output"], inputs["mask_positions"]

    def build(self, input_shape):
        if not self.head.built:
            self.head.build(input_shape[0])
        self.built = True

    def call(self, inputs):
        states, positions = inputs
        return self.head(states, mask_positions=positions)

    def compute_output_spec(self, inputs):
        states, positions = inputs
        return self.head.compute_output_spec(states, mask_positions=positions)

    def loss(self, target, output, mask):
        if self.label_weight == 1.0:
            words, teacher = target, None
        else:
            words, teacher = target["words"], target["logits"]
        # Shorter texts have fewer masked words than others.
        is_word = ops.greater_equal(words, 0)
        loss = losses.weighted_mean(
            keras.losses.sparse_categorical_crossentropy(
                ops.maximum(words, 0), output, from_logits=True
            ),
            is_word,
        )
        if teacher is None:
            return loss
        soft = losses.weighted_mean(
            losses.soft_label_loss(teacher, output), is_word
        )
        return self.label_weight * loss + (1 - self.label_weight) * soft

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "head": keras.layers.serialize(self.head),
                "label_weight": self.label_weight,
            }
        )
        return config

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        config["head"] = keras.layers.deserialize(config["head"])
        return cls(**config)


def masked_lm_transfer(student, label_weight=1.0, weight=1.0, hidden_dim=None):
    """Create a `MaskedLMTransfer` with a new head for a student.

    Args:
        student: The backbone to train.
        label_weight: float. See `MaskedLMTransfer`. Defaults to `1.0`.
        weight: float. The factor of the term. Defaults to `1.0`.
        hidden_dim: Optional int. The size of the head. If it is no larger than
            the token embeddings, the student has to learn more by itself.
            Defaults to `None`, for the size of the student's hidden states, as
            in BERT.

    Returns:
        A `MaskedLMTransfer`.
    """
    head = MaskedLMHead(
        student.token_embedding,
        student.hidden_dim if hidden_dim is None else hidden_dim,
        activation=student.activation,
        kernel_initializer=keras.initializers.RandomNormal(
            stddev=student.initializer_range
        ),
        name="mlm_head",
    )
    return MaskedLMTransfer(head, label_weight=label_weight, weight=weight)


def layer_transfers(layer_map, teacher_dim=None, attention=False, **kwargs):
    """Create the terms for several layers.

    Args:
        layer_map: Dictionary that maps layers of the student, counted from 1,
            to the layers of the teacher that they should match.
        teacher_dim: int or `None`. See `FeatureMapTransfer`. Defaults to
            `None`.
        attention: bool. Whether to also transfer the attention. Defaults to
            `False`.
        **kwargs: Other keyword arguments of `FeatureMapTransfer`.

    Returns:
        A list of terms.

    Example:

    ```python
    layer_transfers({1: 2, 2: 4}, teacher_dim=384)
    ```
    """
    terms = []
    for own, teachers in layer_map.items():
        terms.append(FeatureMapTransfer(own, teachers, teacher_dim, **kwargs))
        if attention:
            terms.append(AttentionTransfer(own, teachers))
    return terms
