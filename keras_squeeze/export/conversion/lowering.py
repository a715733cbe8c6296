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
from keras_squeeze.layers.no_norm import NoNorm
from keras_squeeze.layers.projection_norm import ProjectionNorm
from keras_squeeze.models.mobile_bert.mobile_bert_layer import MobileBertLayer
from keras_squeeze.models.squeeze_bert.squeeze_bert_layer import (
    SqueezeBertLayer,
)

# The bias of a masked score: within float16, and low enough to leave nothing
# of it after the softmax.
_MASKED = -30000.0


def lower(model, per_channel=True):
    """Change in place how the layers of a model are computed.

    Args:
        model: A `keras.Model` that is to be converted to LiteRT.
        per_channel: bool. Whether quantized weights may have a scale for each
            feature. Otherwise no layers are put together whose weights are of
            different sizes. Defaults to `True`.
    """
    layers = list(model._flatten_layers())
    if per_channel:
        for layer in layers:
            if isinstance(layer, ProjectionNorm):
                _fold_no_norm(layer)
        for layer in layers:
            if isinstance(layer, MobileBertLayer):
                _join_projections(layer)
    # Parts of features, for the next layer that wants them by groups.
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
    """Leave nothing of a norm but the scale of the residual."""
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
    """Compute the projections of the same features by one product each.

    Each product quantizes its inputs anew where weights are quantized.
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
    """Let the projection of the query scale the scores.

    The converter would do so only where the query has a product of its own.
    """
    for weight in (layer.query.kernel, layer.query.bias):
        weight.assign(weight.value * layer.attention.scale)
    layer.attention.scale = 1.0


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


def _grouped_dense(layer, parts, inputs):
    """Compute one product a group.

    XNNPACK runs products faster than a grouped convolution, and quantizes the
    inputs of each token by themselves; other delegates have no groups.
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
    """Compute projections and attention of each group of features by itself.

    The heads of a group depend on nothing else, and their scores fit in the
    caches of a processor.
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
    """The kernels and the biases of each group, of all layers together."""
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
    # A quantized table has one scale. Features that are large in no token
    # would keep few of its steps, so that each is scaled by itself.
    table = layer.embeddings.value
    largest = tf.reduce_max(tf.abs(table), axis=0)
    # A feature of zeros has no range.
    scale = tf.maximum(largest, 1e-30)
    # Keras counts negative ids from the end, which takes three operations
    # more.
    return tf.gather(table / scale, inputs) * scale


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


_CALLS = {
    AttentionMask: _attention_mask,
    keras.layers.Embedding: _embedding,
    keras.layers.LayerNormalization: _layer_normalization,
}
