"""Predicts batches of all shapes with one graph on TensorFlow."""

import keras
from keras import ops

from keras_squeeze.models.devices import num_replicas


class AnyShapePrediction:
    """Makes TensorFlow trace `predict()` once, for batches of any shape.

    Keras traces the model for the shape of the first batch, and again for the
    first batches that have another length or another number of rows. Tracing
    takes seconds each time, as long as predicting hundreds of texts.

    It must come before the Keras class in the bases. Only functional models
    with a dictionary of inputs profit. They must check the shapes of their
    inputs themselves, as layers cannot check them in such a graph.
    """

    def make_predict_function(self, force=False):
        is_new = self.predict_function is None or force
        super().make_predict_function(force)
        # Batches for several replicas are not tensors.
        is_traced = (
            keras.backend.backend() == "tensorflow"
            and not (self.run_eagerly or self.jit_compile)
            and num_replicas(self) == 1
        )
        if is_new and is_traced and isinstance(self.input, dict):
            self.predict_function = _TracedOnce(
                self.predict_function, self.input
            )
        return self.predict_function


class _TracedOnce:
    """A step of `predict()`, traced before its first batch.

    Args:
        function: A `tf.function` of a list of batches.
        inputs: Dictionary of symbolic tensors, the inputs of the model.
    """

    def __init__(self, function, inputs):
        self.function = function
        self.shapes = {name: tensor.shape for name, tensor in inputs.items()}
        self.traced = set()

    def __call__(self, batches):
        inputs = None
        if len(batches) == 1:
            inputs, *_ = keras.utils.unpack_x_y_sample_weight(batches[0])
            inputs = keras.tree.map_structure(ops.convert_to_tensor, inputs)
        specs = self.specs_of(inputs)
        if specs is None:
            return self.function(batches)
        kind = tuple(sorted(specs.items()))
        if kind not in self.traced:
            # `tf.function` uses the most general graph that it has.
            self.function.get_concrete_function([(specs,)])
            self.traced.add(kind)
        return self.function([(inputs,)])

    def specs_of(self, inputs):
        """Tensors of any shape for these inputs, if they can have another."""
        import tensorflow as tf

        if not isinstance(inputs, dict) or set(inputs) != set(self.shapes):
            return None
        specs = {}
        for name, array in inputs.items():
            shape = self.shapes[name]
            if len(array.shape) != len(shape):
                return None
            specs[name] = tf.TensorSpec(shape, array.dtype)
        return specs
