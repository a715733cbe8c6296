"""Defines the architectures of the students and how they are trained."""

import keras
import numpy as np

from keras_squeeze import distillation
from keras_squeeze.models import MobileBertTextClassifierPreprocessor
from keras_squeeze.models import SqueezeBertTextClassifierPreprocessor

LAST_GAMMAS = ("output_bottleneck/norm/gamma", "output_projection/norm/gamma")

ARCHITECTURES = {
    "mobile_bert_tiny_en_uncased": (
        MobileBertTextClassifierPreprocessor,
        {
            "num_layers": 4,
            "num_heads": 4,
            "hidden_dim": 256,
            "intermediate_dim": 256,
            "embedding_dim": 112,
            "bottleneck_dim": 128,
            "num_feedforward_networks": 2,
            "normalization_type": "layer_norm",
            "attention_dropout": 0.0,
        },
    ),
    "squeeze_bert_tiny_en_uncased": (
        SqueezeBertTextClassifierPreprocessor,
        {
            "num_layers": 6,
            "num_heads": 4,
            "hidden_dim": 128,
            "intermediate_dim": 512,
            "embedding_dim": 128,
            # The embedding table determines the width. The time budget of a
            # phone is better spent on wide feed-forward layers without groups.
            "intermediate_groups": 1,
            "output_groups": 1,
            "dropout": 0.0,
            "attention_dropout": 0.0,
        },
    ),
}


def start_from(backbone, words, positions):
    """Initialize the embeddings of a student from those of the teacher.

    The last hidden states are also scaled down: initially they are similar for
    all texts, which would saturate the pooled output.

    Args:
        backbone: The student.
        words: float array of shape `(vocabulary_size, dim)`. The teacher's
            token embeddings.
        positions: float array of shape `(max_sequence_length, dim)`. The
            teacher's position embeddings.
    """
    for weight in backbone.transformer_layers[-1].weights:
        if weight.path.endswith(LAST_GAMMAS):
            weight.assign(0.2 * weight)
    embeddings = backbone.embeddings
    assign_components(embeddings.token_embedding, words, 1.0)
    if embeddings.projection is None:
        # With such token embeddings, a student ignores positions for thousands
        # of steps, unless it reads three tokens at once, as MobileBERT does.
        scale = positions.std() / words.std()
        assign_components(embeddings.position_embedding, positions, scale)
        segments = embeddings.segment_embedding.embeddings
        draw = np.random.default_rng(0)
        segments.assign(draw.normal(scale=0.3, size=segments.shape))


def assign_components(embedding, vectors, scale):
    """Set a table to the scaled principal components of vectors."""
    table = embedding.embeddings
    centered = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    components = centered @ axes[:, ::-1][:, : table.shape[1]]
    components *= scale / components.std()
    values = keras.ops.convert_to_numpy(table).copy()
    values[:, : components.shape[1]] = components
    table.assign(values)


def new_distiller(backbone, teacher):
    """Create the distiller of a student, with all loss terms."""
    depth, dim = teacher.num_layers, teacher.model.config.hidden_size
    half = backbone.num_layers // 2
    layers = distillation.layer_transfers(
        {half: depth // 2, backbone.num_layers: depth}, dim, normalize=True
    )
    # MobileBERT's own head has as many weights as the whole student, and would
    # learn instead of it.
    masked_lm = distillation.masked_lm_transfer(
        backbone, hidden_dim=backbone.token_embedding.output_dim, weight=0.07
    )
    distiller = distillation.Distiller(
        backbone,
        [
            *layers,
            distillation.PooledTransfer(dim, weight=2.0),
            distillation.SimilarityTransfer(weight=20.0),
            # The cosines have a standard deviation of about 0.3, and the
            # similarity of two texts is learned last.
            distillation.PairTransfer(weight=40.0),
            distillation.PairTransfer(
                dim, target="pair_sum", measure="cosine", weight=0.5
            ),
            masked_lm,
        ],
    )
    # Token embeddings are large. Avoid overconfident initial predictions.
    gamma = masked_lm.head.norm.gamma
    gamma.assign(0.25 * gamma)
    return distiller


def new_optimizer(learning_rate, steps):
    """Create an optimizer: Muon for the kernels, and Adam for the rest.

    The learning rate rises linearly, and then falls to zero with a cosine
    decay, during which the student learns most.
    """
    rise = max(1, steps // 50)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - rise, warmup_target=learning_rate, warmup_steps=rise
    )
    return KernelMuon(
        rate,
        weight_decay=0.02,
        adam_beta_2=0.98,
        adam_lr_ratio=0.5,
        # Weight decay of the embedding table takes a tenth of the step time.
        adam_weight_decay=None,
        global_clipnorm=1.0,
    )


@keras.saving.register_keras_serializable(package="keras_squeeze_recipe")
class KernelMuon(keras.optimizers.Muon):
    """Muon for all kernels, including those of convolutions of width one."""

    def _should_use_adamw(self, variable):
        return len(variable.shape) < 2 or variable.path.endswith("embeddings")

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        # Orthogonalize kernels of the same shape together. This takes fewer
        # products, whose cost is mostly the overhead of the call.
        kernels = {}
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            if self._should_use_adamw(variable):
                self.update_step(gradient, variable, learning_rate)
            else:
                shape = tuple(variable.shape)
                kernels.setdefault(shape, []).append((gradient, variable))
        for members in kernels.values():
            directions = []
            for gradient, variable in members:
                m = self.momentums[self._get_variable_index(variable)]
                direction = self.momentum * m + gradient
                self.assign(m, direction)
                if self.nesterov:
                    direction = self.momentum * direction + gradient
                directions.append(direction)
            updates = self.lr_adjust(
                learning_rate
                * self.zeropower_via_newtonschulz5(
                    keras.ops.stack(directions), self.ns_steps
                )
            )
            decay = 1 - learning_rate * self.weight_decay
            for i, (_, variable) in enumerate(members):
                self.assign(variable, decay * variable - updates[i])

    def _apply_weight_decay(self, variables):
        """Do nothing: kernels decay when they are updated, others do not."""

    def zeropower_via_newtonschulz5(self, x, steps):
        # Half precision is enough, as the authors of Muon found.
        half = keras.ops.cast(x, "bfloat16")
        half = super().zeropower_via_newtonschulz5(half, steps)
        return keras.ops.cast(half, x.dtype)

    def lr_adjust(self, x):
        return x * (self.rms_rate * max(x.shape[-2:]) ** 0.5)
