"""How layers are computed in a file, where phones want another way.

The numbers are those of the layers' own `call()`, which suits training. This
module is for the process that converts, whose backend is TensorFlow and which
throws the model away afterwards.
"""

import functools

import keras
import tensorflow as tf

from keras_squeeze.layers.grouped_dense import GroupedDense
from keras_squeeze.layers.grouped_dense import grouped_convolution_scope
from keras_squeeze.layers.no_norm import NoNorm
from keras_squeeze.models.mobile_bert.mobile_bert_layer import MobileBertLayer


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
    # Keras counts negative ids from the end, which takes three operations
    # more, and phone GPUs look up in one dimension alone.
    table = tf.convert_to_tensor(layer.embeddings)
    ids = tf.reshape(inputs, (-1,))
    shape = (-1, *inputs.shape[1:], layer.output_dim)
    return tf.reshape(tf.gather(table, ids), shape)


def _layer_normalization(layer, call, inputs):
    # Two passes over the features fewer than TensorFlow's own.
    x = inputs - tf.reduce_mean(inputs, -1, keepdims=True)
    variance = tf.reduce_mean(x * x, -1, keepdims=True)
    x = x * tf.math.rsqrt(variance + layer.epsilon)
    return x * layer.gamma + layer.beta


def _grouped_dense(layer, call, inputs):
    with grouped_convolution_scope():
        return call(inputs)


_CALLS = {
    keras.layers.Embedding: _embedding,
    keras.layers.LayerNormalization: _layer_normalization,
    GroupedDense: _grouped_dense,
}
