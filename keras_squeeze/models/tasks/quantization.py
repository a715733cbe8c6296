"""Quantizes the weights of tasks."""

import warnings

import keras

from keras_squeeze.models.garbage import fast_collections


class Quantization:
    """Makes a task quantizable, and its quantized head saveable."""

    def quantize(self, mode=None, config=None, filters=None, **kwargs):
        """Store the weights of dense layers and embeddings in fewer bits.

        A quantized task can predict, but cannot be trained. SqueezeBERT's
        grouped layers, which Keras cannot quantize, are not changed. For
        phones, export an unquantized task with
        `keras_squeeze.export_tflite()`, which quantizes the file.

        Args:
            mode: string. `"int8"` or `"int4"`, or another mode of
                `keras.Model.quantize`.
            config: Optional configuration, instead of `mode`.
            filters: Optional regular expression for the names of the layers to
                quantize, a list of them, or a function of a layer.
            **kwargs: Other arguments of `keras.Model.quantize`.

        Example:

        ```python
        classifier = keras_squeeze.models.MobileBertTextClassifier.from_preset(
            "mobile_bert_tiny_en_uncased", num_classes=2
        )
        classifier.quantize("int8")
        classifier.save_to_preset("int8_preset")
        ```
        """
        # Exclude the preprocessor, which Keras would also quantize.
        graph = keras.Model(self.input, self.output)
        with warnings.catch_warnings():
            # Ignore warnings about layers without weights to quantize.
            warnings.filterwarnings(
                "ignore", "Layer (?!GroupedDense).* does not have a `quantize`"
            )
            with fast_collections():
                graph.quantize(mode, config=config, filters=filters, **kwargs)
        for model in (self, self.backbone):
            # Discard functions that were compiled with the original layers.
            model.train_function = None
            model.test_function = None
            model.predict_function = None
            model._post_quantize(mode)

    def _quantized_head_layers(self):
        """The quantized layers that do not belong to the backbone."""
        of_backbone = set(map(id, self.backbone._flatten_layers()))
        return [
            layer
            for layer in self._flatten_layers(include_self=False)
            if id(layer) not in of_backbone
            and layer.quantization_mode is not None
        ]

    def get_config(self):
        config = super().get_config()
        # KerasHub stores the policies of the backbone in its config.
        policies = {}
        for layer in self._quantized_head_layers():
            policy = layer.dtype_policy
            if isinstance(policy, keras.dtype_policies.DTypePolicyMap):
                policy = policy[layer.path]
            policies[layer.path] = keras.dtype_policies.serialize(policy)
        return {**config, "quantized_layers": policies} if policies else config

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        policies = {
            path: keras.dtype_policies.deserialize(policy)
            for path, policy in config.pop("quantized_layers", {}).items()
        }
        if policies and isinstance(config["backbone"], dict):
            config["backbone"] = keras.layers.deserialize(config["backbone"])
            # The layers of the head are created with these policies.
            by_path = config["backbone"].dtype_policy
            if isinstance(by_path, keras.dtype_policies.DTypePolicyMap):
                for path in policies.keys() - by_path.keys():
                    by_path[path] = policies[path]
        task = super().from_config(config)
        for layer in task._flatten_layers(include_self=False):
            # If only the head is quantized, there is no such map.
            if layer.path in policies and layer.quantization_mode is None:
                layer.dtype_policy = policies[layer.path]
            # Keras' "int4" does not quantize activations, but loaded embeddings
            # would quantize the inputs of the logits.
            is_embedding = isinstance(layer, keras.layers.ReversibleEmbedding)
            if is_embedding and layer.quantization_mode == "int4":
                layer.inputs_quantizer = None
        return task
