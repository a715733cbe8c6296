"""Replaces the computation of layers by one that suits phones better.

The results are the same as those of the layers' own `call()`, which is better
for training. This module is only for the conversion process, whose backend is
TensorFlow and which discards the model afterwards.
"""

import functools

import keras
import tensorflow as tf

from keras_squeeze.layers.attention_mask import AttentionMask
from keras_squeeze.layers.grouped_dense import GroupedDense
from keras_squeeze.layers.no_norm import NoNorm
from keras_squeeze.layers.projection_norm import ProjectionNorm
from keras_squeeze.models.mobile_bert.mobile_bert_layer import MobileBertLayer
from keras_squeeze.models.squeeze_bert.squeeze_bert_layer import (
    SqueezeBertLayer,
)

# The bias of a masked score. It fits in float16, and is low enough for the
# softmax to give zero.
_MASKED = -30000.0


def lower(model, per_channel=True):
    """Change how the layers of a model are computed, in place.

    Args:
        model: A `keras.Model` to convert to LiteRT.
        per_channel: bool. Whether quantized weights may have a scale per
            feature. If `False`, layers whose weights differ in magnitude are
            not merged. Defaults to `True`.
    """
    layers = list(model._flatten_layers())
    if per_channel:
        for layer in layers:
            if isinstance(layer, ProjectionNorm):
                _fold_no_norm(layer)
        for layer in layers:
            if isinstance(layer, MobileBertLayer):
                _join_projections(layer)
    # Features that are already split, for the next layer that needs groups.
    parts = {}
    for layer in layers:
        if isinstance(layer, GroupedDense) and layer.groups > 1:
            layer.call = functools.partial(_grouped_dense, layer, parts)
        for cls, call in _CALLS.items():
            if isinstance(layer, cls):
                layer.call = functools.partial(call, layer, layer.call)
    if per_channel:
        for layer in layers:
            if isinstance(layer, SqueezeBertLayer):
                _attend_by_groups(layer, parts)


def _fold_no_norm(layer):
    """Fold a norm into its dense layer, except for the residual's scale."""
    dense, norm = layer.dense, layer.norm
    if not isinstance(norm, NoNorm):
        return
    dense.kernel.assign(dense.kernel.value * norm.gamma)
    dense.bias.assign(dense.bias.value * norm.gamma + norm.beta)

    def call(inputs, residual=None):
        x = dense(inputs)
        return x if residual is None else x + residual * norm.gamma

    layer.call = call


def _join_projections(layer):
    """Compute the projections of the same features with a single product.

    With quantized weights, each product quantizes its inputs again.
    """
    projections = [
        bottleneck.dense
        for bottleneck in (layer.input_bottleneck, layer.attention_bottleneck)
        if bottleneck
    ]
    _scale_query(layer)
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


def _scale_query(layer):
    """Fold the scale of the scores into the projection of the query.

    The converter only does this if the query has a product of its own.
    """
    for weight in (layer.query.kernel, layer.query.bias):
        weight.assign(weight.value * layer.attention.scale)
    layer.attention.scale = 1.0


def _join(denses):
    """Make dense layers with the same inputs share a single product."""
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


def _grouped_dense(layer, parts, inputs):
    """Compute one product per group.

    XNNPACK runs products faster than a grouped convolution, and quantizes the
    inputs of each token separately. Other delegates do not support groups.
    """
    outputs = [
        layer.activation(tf.matmul(x, kernel) + bias)
        for x, kernel, bias in zip(
            _split(inputs, layer.groups, parts),
            *_weights_of_groups([layer], layer.groups),
            strict=True,
        )
    ]
    return _concatenate(outputs, parts)


def _attend_by_groups(layer, parts):
    """Compute the projections and attention of each group separately.

    The heads of a group do not depend on other groups, and their scores fit in
    the CPU cache.
    """
    attention = layer.attention
    projections = (layer.query, layer.key, layer.value)
    groups = layer.query.groups
    if any(x.groups != groups for x in projections):
        return
    if attention.num_heads % groups != 0:
        return
    _scale_query(layer)
    kernels, biases = _weights_of_groups(projections, groups)
    attention_of_group = type(attention)(attention.num_heads // groups)
    attention_of_group.head_dim = attention.head_dim
    attention_of_group.scale = 1.0

    def call(inputs, key_inputs, value_inputs, attention_bias=None, **kwargs):
        attended = []
        split = _split(inputs, groups, parts)
        for x, kernel, bias in zip(split, kernels, biases, strict=True):
            query, key, value = tf.split(tf.matmul(x, kernel) + bias, 3, -1)
            attended.append(
                attention_of_group.call(query, key, value, attention_bias)
            )
        return _concatenate(attended, parts)

    for projection in projections:
        projection.call = lambda inputs: inputs
    attention.call = call


def _weights_of_groups(layers, groups):
    """The kernels and biases of all layers combined, for each group."""
    kernels = [tf.split(x.kernel.value[0], groups, -1) for x in layers]
    biases = [tf.split(x.bias.value, groups, -1) for x in layers]
    return tuple(
        [tf.concat(of_group, -1) for of_group in zip(*weights, strict=True)]
        for weights in (kernels, biases)
    )


def _split(inputs, groups, parts):
    if groups == 1:
        return [inputs]
    key = inputs.ref(), groups
    if key not in parts:
        parts[key] = tf.split(inputs, groups, -1)
    return parts[key]


def _concatenate(split, parts):
    if len(split) == 1:
        return split[0]
    outputs = tf.concat(split, -1)
    parts[outputs.ref(), len(split)] = split
    return outputs


def _embedding(layer, call, inputs, **kwargs):
    if kwargs.get("reverse"):
        return call(inputs, **kwargs)
    # A quantized table has a single scale. Features that are small for every
    # token would only use few of its steps, so each feature is scaled first.
    table = layer.embeddings.value
    with tf.init_scope():
        largest = tf.reduce_max(tf.abs(table), axis=0)
        # Avoid a division by zero for features that are all zeros.
        scale = tf.maximum(largest, 1e-30)
        # GPUs only look up ids of one dimension. With a table of three, the
        # rows have the dimensions of a batch. The converter would reshape a
        # table in float16 at run time.
        table = tf.expand_dims(table / scale, 0)
    # Keras counts negative ids from the end, which takes three more
    # operations.
    rows = tf.gather(table, tf.reshape(inputs, (-1,)), axis=1)
    return tf.reshape(rows, (-1, *inputs.shape[1:], table.shape[-1])) * scale


def _layer_normalization(layer, call, inputs):
    # Two fewer passes over the features than TensorFlow's own.
    x = inputs - tf.reduce_mean(inputs, -1, keepdims=True)
    variance = tf.reduce_mean(x * x, -1, keepdims=True)
    x = x * tf.math.rsqrt(variance + layer.epsilon)
    return x * layer.gamma + layer.beta


def _attention_mask(layer, call, inputs):
    # GPUs compute in float16, where the bias of the layer itself is infinite
    # and turns the scores of unmasked positions into NaN.
    bias = (1.0 - tf.cast(inputs, "float32")) * _MASKED
    return tf.reshape(bias, (-1, 1, 1, inputs.shape[-1]))


_CALLS = {
    AttentionMask: _attention_mask,
    keras.layers.Embedding: _embedding,
    keras.layers.LayerNormalization: _layer_normalization,
}
