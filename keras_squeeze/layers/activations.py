"""Activation functions of BERT-like checkpoints that Keras does not have."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_squeeze")
def gelu_tanh(x):
    """Gaussian error linear unit with the `tanh` approximation."""
    return ops.gelu(x, approximate=True)


@keras.saving.register_keras_serializable(package="keras_squeeze")
def quick_gelu(x):
    """Gaussian error linear unit with the sigmoid approximation."""
    return ops.multiply(x, ops.sigmoid(ops.multiply(x, 1.702)))


@keras.saving.register_keras_serializable(package="keras_squeeze")
def clipped_gelu(x):
    """Gaussian error linear unit, clipped to the range from -10 to 10."""
    return ops.clip(ops.gelu(x, approximate=False), -10.0, 10.0)


@keras.saving.register_keras_serializable(package="keras_squeeze")
def squared_relu(x):
    """Square of the rectified linear unit."""
    return ops.square(ops.relu(x))


@keras.saving.register_keras_serializable(package="keras_squeeze")
def laplace(x):
    """Cumulative Laplace distribution function, fitted to `relu**2`."""
    mean, deviation = 0.707107, 0.282095
    centred = ops.divide(ops.subtract(x, mean), deviation * 2**0.5)
    return ops.multiply(ops.add(ops.erf(centred), 1.0), 0.5)


@keras.saving.register_keras_serializable(package="keras_squeeze")
def leaky_relu(x):
    """Leaky rectified linear unit with PyTorch's slope."""
    return ops.leaky_relu(x, negative_slope=0.01)


@keras.saving.register_keras_serializable(package="keras_squeeze")
def sqrt_softplus(x):
    """Square root of the softplus."""
    return ops.sqrt(ops.softplus(x))
