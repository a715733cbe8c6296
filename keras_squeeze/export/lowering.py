"""How layers are computed in a file, where phones want another way.

The numbers are those of the layers' own `call()`, which suits training. This
module is for the process that converts, whose backend is TensorFlow and which
throws the model away afterwards.
"""

import functools

import keras
import tensorflow as tf

from keras_squeeze.layers.attention_mask import AttentionMask
from keras_squeeze.layers.grouped_dense import GroupedDense
from keras_squeeze.layers.grouped_dense import grouped_convolution_scope
from keras_squeeze.layers.no_norm import NoNorm
from keras_squeeze.models.mobile_bert.mobile_bert_layer import MobileBertLayer

# The bias of a masked score: within float16, and low enough to leave nothing
# of it after the softmax.
_MASKED = -30000.0


def lower(model):
    """Change how the layers of a model are computed, for good.

    Args:
        model: A `keras.Model` that is to be converted to LiteRT.
    """
    layers = list(model._flatten_layers())
    for layer in layers:
        if isinstance(layer, MobileBertLayer):
            _join_projections(layer)
    for layer in layers:
        for cls, call in _CALLS.items():
            if isinstance(layer, cls):
                layer.call = functools.partial(call, layer, layer.call)


def _join_projections(layer):
    """Compute the projections of the same features by one product each.

    Each product quantizes its inputs anew where weights are quantized.
    """
    bottlenecks = [
        x for x in (layer.input_bottleneck, layer.attention_bottleneck) if x
    ]
    for bottleneck in bottlenecks:
        _fold_no_norm(bottleneck)
    projections = [bottleneck.dense for bottleneck in bottlenecks]
    # The converter would do so only where the query has a product of its own.
    for weight in (layer.query.kernel, layer.query.bias):
        weight.assign(weight.value * layer.attention.scale)
    layer.attention.scale = 1.0
    attention = [layer.query, layer.key]
    if layer.use_bottleneck_attention or not layer.use_bottleneck:
        attention.append(layer.value)
    elif layer.key_query_shared_bottleneck:
        projections.append(layer.value)
    else:
        projections.extend((layer.query, layer.key, layer.value))
        attention = []
    for denses in (projections, attention):
        if len(denses) > 1:
            _join(denses)


def _fold_no_norm(projection):
    norm = projection.norm
    if isinstance(norm, NoNorm):
        dense = projection.dense
        dense.kernel.assign(dense.kernel.value * norm.gamma)
        dense.bias.assign(dense.bias.value * norm.gamma + norm.beta)
        norm.call = lambda inputs: inputs


def _join(denses):
    """Let dense layers of the same inputs take their parts of one product."""
    kernel = tf.concat([dense.kernel.value for dense in denses], -1)
    bias = tf.concat([dense.bias.value for dense in denses], -1)
    products = {}

    def call(i, inputs, training=None):
        if inputs.ref() not in products:
            product = tf.matmul(inputs, kernel) + bias
            products[inputs.ref()] = tf.split(product, len(denses), -1)
        return products[inputs.ref()][i]

    for i, dense in enumerate(denses):
        dense.call = functools.partial(call, i)


def _embedding(layer, call, inputs, **kwargs):
    if kwargs.get("reverse"):
        return call(inputs, **kwargs)
    # A quantized table has one scale. Features that are large in no token
    # would keep few of its steps, so that each is scaled by itself.
    table = layer.embeddings.value
    largest = tf.reduce_max(tf.abs(table), axis=0)
    # A feature of zeros has no range.
    scale = tf.maximum(largest, 1e-30)
    # Keras counts negative ids from the end, which takes three operations
    # more, and phone GPUs look up in one dimension alone.
    outputs = tf.gather(table / scale, tf.reshape(inputs, (-1,))) * scale
    return tf.reshape(outputs, (-1, *inputs.shape[1:], layer.output_dim))


def _layer_normalization(layer, call, inputs):
    # Two passes over the features fewer than TensorFlow's own.
    x = inputs - tf.reduce_mean(inputs, -1, keepdims=True)
    variance = tf.reduce_mean(x * x, -1, keepdims=True)
    x = x * tf.math.rsqrt(variance + layer.epsilon)
    return x * layer.gamma + layer.beta


def _attention_mask(layer, call, inputs):
    # GPUs compute in float16, where the layer's own bias is infinite and
    # makes the scores of kept positions NaN.
    bias = (1.0 - tf.cast(inputs, "float32")) * _MASKED
    return tf.reshape(bias, (-1, 1, 1, inputs.shape[-1]))


def _grouped_dense(layer, call, inputs):
    with grouped_convolution_scope():
        return call(inputs)


_CALLS = {
    AttentionMask: _attention_mask,
    keras.layers.Embedding: _embedding,
    keras.layers.LayerNormalization: _layer_normalization,
    GroupedDense: _grouped_dense,
}
