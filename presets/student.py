"""The students of the recipe: their shapes, and how they learn."""

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
            # The table of words sets the width: what a phone has time for is
            # better spent on a wide feed-forward network without groups.
            "intermediate_groups": 1,
            "output_groups": 1,
            "dropout": 0.0,
            "attention_dropout": 0.0,
        },
    ),
}


def start_from(backbone, words, positions):
    """Give a new student what the teacher knows of words and positions.

    And keep the last hidden states small: they have most in common at first,
    and the pooled output of all texts would saturate with that.

    Args:
        backbone: The student.
        words: float array of shape `(vocabulary_size, dim)`. The teacher's
            token embeddings.
        positions: float array of shape `(max_sequence_length, dim)`. Its
            position embeddings.
    """
    for weight in backbone.transformer_layers[-1].weights:
        if weight.path.endswith(LAST_GAMMAS):
            weight.assign(0.2 * weight)
    embeddings = backbone.embeddings
    assign_components(embeddings.token_embedding, words, 1.0)
    if embeddings.projection is None:
        # Beside such words a student does not notice where they are for
        # thousands of steps, unless it reads three at once, as MobileBERT.
        scale = positions.std() / words.std()
        assign_components(embeddings.position_embedding, positions, scale)
        segments = embeddings.segment_embedding.embeddings
        draw = np.random.default_rng(0)
        segments.assign(draw.normal(scale=0.3, size=segments.shape))


def assign_components(embedding, vectors, scale):
    """Give a table the principal components of vectors, of a deviation."""
    table = embedding.embeddings
    centered = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    components = centered @ axes[:, ::-1][:, : table.shape[1]]
    components *= scale / components.std()
    values = keras.ops.convert_to_numpy(table).copy()
    values[:, : components.shape[1]] = components
    table.assign(values)


def new_distiller(backbone, teacher):
    """The student with all that it learns."""
    depth, dim = teacher.num_layers, teacher.model.config.hidden_size
    half = backbone.num_layers // 2
    layers = distillation.layer_transfers(
        {half: depth // 2, backbone.num_layers: depth}, dim, normalize=True
    )
    # The head of MobileBERT itself has as many weights again as the whole
    # student, and would learn in its place.
    masked_lm = distillation.masked_lm_transfer(
        backbone, hidden_dim=backbone.token_embedding.output_dim, weight=0.07
    )
    distiller = distillation.Distiller(
        backbone,
        [
            *layers,
            distillation.PooledTransfer(dim, weight=2.0),
            distillation.SimilarityTransfer(weight=20.0),
            # The cosines have a standard deviation of about 0.3, and how
            # similar two texts are is learnt last.
            distillation.PairTransfer(weight=40.0),
            distillation.PairTransfer(
                dim, target="pair_sum", measure="cosine", weight=0.5
            ),
            masked_lm,
        ],
    )
    # The token embeddings are large, and the first guesses should not be sure.
    gamma = masked_lm.head.norm.gamma
    gamma.assign(0.25 * gamma)
    return distiller


def new_optimizer(learning_rate, steps):
    """Muon for the kernels, Adam for the rest.

    A linear rise, and a fall to zero along a cosine: most is learnt while the
    rate falls.
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
        # A table of words that decays takes a tenth of the time of a step.
        adam_weight_decay=None,
        global_clipnorm=1.0,
    )


@keras.saving.register_keras_serializable(package="keras_squeeze_recipe")
class KernelMuon(keras.optimizers.Muon):
    """Muon for all kernels, those of convolutions of width one among them."""

    def _should_use_adamw(self, variable):
        return len(variable.shape) < 2 or variable.path.endswith("embeddings")

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        # Kernels of the same shape are made orthogonal at once: there are
        # fewer products, of which each takes little but its call.
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
        """Nothing: kernels decay as they are updated, and no others do."""

    def zeropower_via_newtonschulz5(self, x, steps):
        # Precise enough, as its authors found.
        half = keras.ops.cast(x, "bfloat16")
        half = super().zeropower_via_newtonschulz5(half, steps)
        return keras.ops.cast(half, x.dtype)

    def lr_adjust(self, x):
        return x * (self.rms_rate * max(x.shape[-2:]) ** 0.5)
