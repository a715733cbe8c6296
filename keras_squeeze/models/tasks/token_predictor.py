"""Combines a backbone and its head for masked words, for export."""

import keras

from keras_squeeze.layers.masked_lm_head import MaskedLMHead


@keras.saving.register_keras_serializable(package="keras_squeeze")
class TokenPredictor(keras.layers.Layer):
    """A backbone and the head that shares its token embeddings, as one layer.

    As two layers of a graph, they would not share the embeddings after the
    graph is rebuilt from its config, as for an exported file.

    Args:
        backbone: The backbone model.
        masked_lm_head: A `keras_squeeze.layers.masked_lm_head.MaskedLMHead`
            of the backbone's `token_embedding`.
        **kwargs: Other keyword arguments of `keras.layers.Layer`, including
            `name` and `dtype`.

    Call arguments:
        inputs: The inputs of the backbone.

    Returns:
        A dictionary of the `"logits"` of all positions, of shape `(batch,
        length, vocabulary_size)`, and the backbone's `"pooled_output"`.
    """

    def __init__(self, backbone, masked_lm_head, **kwargs):
        super().__init__(**kwargs)
        self.backbone = backbone
        self.masked_lm_head = masked_lm_head

    def build(self, input_shape):
        batch, length = input_shape["token_ids"]
        if not self.masked_lm_head.built:
            self.masked_lm_head.build((batch, length, self.backbone.hidden_dim))
        self.built = True

    def call(self, inputs):
        encoded = self.backbone(inputs)
        return {
            "logits": self.masked_lm_head(encoded["sequence_output"]),
            "pooled_output": encoded["pooled_output"],
        }

    def compute_output_spec(self, inputs):
        encoded = self.backbone.compute_output_spec(inputs)
        return {
            "logits": self.masked_lm_head.compute_output_spec(
                encoded["sequence_output"]
            ),
            "pooled_output": encoded["pooled_output"],
        }

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "backbone": keras.layers.serialize(self.backbone),
                "masked_lm_head": keras.layers.serialize(self.masked_lm_head),
            }
        )
        return config

    @classmethod
    def from_config(cls, config):
        backbone = keras.layers.deserialize(config["backbone"])
        # Use the shared embeddings instead of those in the config, which would
        # be kept as a layer of the head.
        head = MaskedLMHead.from_config(
            {
                **config["masked_lm_head"]["config"],
                "token_embedding": backbone.token_embedding,
            }
        )
        config = {**config, "backbone": backbone, "masked_lm_head": head}
        return super().from_config(config)
