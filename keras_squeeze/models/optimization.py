"""Provides the default optimizer, and prepares optimizers for training."""

import contextlib
import functools
import math
import weakref

import keras
from keras import ops


def default_optimizer():
    """Adam with a learning rate of 5e-5 and clipped gradients.

    The published MobileBERT checkpoint does not train without clipping.

    Returns:
        A `keras.Optimizer`.
    """
    return keras.optimizers.Adam(5e-5, global_clipnorm=1.0)


def build_optimizer(model):
    """Create the state of a compiled model's optimizer before `fit()` does.

    On TensorFlow, `fit()` would create it while tracing the training step,
    which then has to be traced again. This doubles the time until the first
    step. There and on PyTorch, Adam's updates are fused as well.

    Args:
        model: A `keras.Model`. If it is not compiled, nothing is done, and
            `fit()` raises an error.
    """
    follow_requires_grad(model)
    if not model.compiled:
        return
    fused = {"tensorflow": _FusedAdam, "torch": _FusedAdamOfTorch}
    fused = fused.get(keras.backend.backend())
    if not model.optimizer.built:
        scope = contextlib.nullcontext()
        if keras.backend.backend() == "tensorflow":
            scope = model.distribute_strategy.scope()
        with scope:
            model.optimizer.build(model.trainable_variables)
    # With mixed float16, another optimizer wraps the one that was passed.
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if fused is not None and _is_plain_adam(optimizer):
        _replace_methods(optimizer, fused(optimizer).methods())


def _is_plain_adam(optimizer):
    classes = (keras.optimizers.Adam, keras.optimizers.AdamW)
    # On PyTorch, Keras creates subclasses of them.
    is_adam = type(optimizer) in [type(cls()) for cls in classes]
    is_fused = isinstance(optimizer._backend_update_step, functools.partial)
    return is_adam and not optimizer.amsgrad and not is_fused


def _replace_methods(optimizer, methods):
    """Let an optimizer use other methods.

    Args:
        optimizer: A `keras.Optimizer`.
        methods: Dictionary of functions by the names of methods. The first
            argument is the original method, for where they do not apply.
    """
    for name, method in methods.items():
        of_keras = getattr(optimizer, name)
        setattr(optimizer, name, functools.partial(method, of_keras))


class _FusedAdamOfTorch:
    """The steps of Adam in one pass over the weights on a CPU.

    Keras makes ten, in memory that it allocates for each, which take a sixth of
    the training step of the tiny presets. The arithmetic and the state are the
    same.

    Args:
        optimizer: A `keras.optimizers.Adam`, already built.
    """

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def methods(self):
        """The methods to replace, see `_replace_methods()`."""
        return {
            "_clip_gradients": self.clip_gradients,
            "_backend_update_step": self.update_all,
        }

    def clip_gradients(self, of_keras, gradients):
        import torch

        optimizer = self.optimizer
        clip = optimizer.global_clipnorm
        if optimizer.clipnorm or not clip or not _are_plain(gradients):
            return of_keras(gradients)
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
        # The last term makes the scale NaN if the norm is not finite.
        scale = clip * torch.clamp(1.0 / norm, max=1.0 / clip) + (norm - norm)
        return list(torch._foreach_mul(gradients, scale))

    def update_all(self, of_keras, gradients, variables, learning_rate):
        import torch
        from torch.optim.adamw import adamw

        values = [variable.value for variable in variables]
        if not _are_plain([*values, *gradients]):
            of_keras(gradients, variables, learning_rate)
            return
        optimizer = self.optimizer
        indices = [optimizer._get_variable_index(v) for v in variables]
        step = int(optimizer.iterations) + 1
        # PyTorch corrects the averages, and Keras the learning rate, in the
        # precision of the weights.
        of_first, of_second = (
            1 - ops.power(ops.cast(beta, "float32"), float(step))
            for beta in (optimizer.beta_1, optimizer.beta_2)
        )
        rate = float(learning_rate * ops.sqrt(of_second) / of_first)
        of_velocity = math.sqrt(1 - optimizer.beta_2**step)
        rate *= (1 - optimizer.beta_1**step) / of_velocity
        with torch.no_grad():
            adamw(
                values,
                gradients,
                [optimizer._momentums[i].value for i in indices],
                [optimizer._velocities[i].value for i in indices],
                [],
                # It counts the step.
                list(torch.full((len(values),), step - 1.0).unbind()),
                fused=True,
                amsgrad=False,
                beta1=optimizer.beta_1,
                beta2=optimizer.beta_2,
                lr=rate,
                # Keras has already decayed the weights.
                weight_decay=0.0,
                eps=optimizer.epsilon / of_velocity,
                maximize=False,
            )


def _are_plain(tensors):
    """Whether PyTorch's fused operations support tensors on the CPU."""
    import torch

    return all(
        tensor.device.type == "cpu"
        and tensor.dtype == torch.float32
        and tensor.layout == torch.strided
        and tensor.is_contiguous()
        for tensor in tensors
    )


class _FusedAdam:
    """The steps of Adam in a few operations of TensorFlow per weight.

    Keras writes them as about 50 operations. A published MobileBERT has 1,100
    weights, so that they are most of its training step, which takes minutes to
    trace and optimize. The arithmetic and the state are the same.

    Args:
        optimizer: A `keras.optimizers.Adam`, already built.
    """

    def __init__(self, optimizer):
        self.optimizer = optimizer
        self.graph = lambda: None
        self.scalars = None

    def methods(self):
        """The methods to replace, see `_replace_methods()`."""
        return {
            "_clip_gradients": self.clip_gradients,
            "_apply_weight_decay": self.apply_weight_decay,
            "_backend_update_step": self.update_all,
            "update_step": self.update_step,
        }

    def clip_gradients(self, of_keras, gradients):
        import tensorflow as tf

        optimizer = self.optimizer
        clip = optimizer.global_clipnorm
        if (
            optimizer.clipnorm
            or not clip
            or any(g.dtype != tf.float32 for g in gradients)
        ):
            return of_keras(gradients)
        # As in Keras, rows of an embedding that occur twice count twice.
        halves = [
            tf.raw_ops.L2Loss(t=getattr(g, "values", g)) for g in gradients
        ]
        norm = tf.sqrt(2.0 * tf.add_n(halves))
        # The last term makes the scale NaN if the norm is not finite.
        scale = clip * tf.minimum(1.0 / norm, 1.0 / clip) + (norm - norm)
        return [
            tf.raw_ops.Mul(x=tf.convert_to_tensor(g), y=scale)
            for g in gradients
        ]

    def apply_weight_decay(self, of_keras, variables):
        import tensorflow as tf

        optimizer = self.optimizer
        values = [_value_of(variable) for variable in variables]
        if (
            optimizer.weight_decay is None
            or tf.distribute.has_strategy()
            or any(value.dtype != tf.float32 for value in values)
        ):
            of_keras(variables)
            return
        decay = ops.cast(optimizer.learning_rate, "float32")
        decay = decay * optimizer.weight_decay
        for value in values:
            if optimizer._use_weight_decay(value):
                current = tf.raw_ops.ReadVariableOp(
                    resource=value.handle, dtype=value.dtype
                )
                tf.raw_ops.AssignSubVariableOp(
                    resource=value.handle,
                    value=tf.raw_ops.Mul(x=current, y=decay),
                )

    def update_all(self, of_keras, gradients, variables, learning_rate):
        import tensorflow as tf

        if tf.distribute.has_strategy():
            of_keras(gradients, variables, learning_rate)
            return
        for gradient, variable in zip(gradients, variables, strict=True):
            self.optimizer.update_step(
                gradient, _value_of(variable), learning_rate
            )

    def update_step(self, of_keras, gradient, variable, learning_rate):
        import tensorflow as tf

        if (
            tf.distribute.has_strategy()
            or isinstance(gradient, tf.IndexedSlices)
            or not gradient.dtype == variable.dtype == tf.float32
        ):
            of_keras(gradient, variable, learning_rate)
            return
        optimizer = self.optimizer
        index = optimizer._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=optimizer._momentums[index].value.handle,
            v=optimizer._velocities[index].value.handle,
            grad=gradient,
            **self.scalars_of(learning_rate),
        )

    def scalars_of(self, learning_rate):
        """The other arguments, which are the same for all weights."""
        import tensorflow as tf

        graph = tf.compat.v1.get_default_graph()
        if tf.executing_eagerly() or self.graph() is not graph:
            optimizer = self.optimizer
            step = ops.cast(optimizer.iterations + 1, "float32")
            beta_1 = ops.convert_to_tensor(optimizer.beta_1, "float32")
            beta_2 = ops.convert_to_tensor(optimizer.beta_2, "float32")
            self.graph = weakref.ref(graph)
            self.scalars = {
                "lr": ops.cast(learning_rate, "float32"),
                "beta1": beta_1,
                "beta2": beta_2,
                "beta1_power": ops.power(beta_1, step),
                "beta2_power": ops.power(beta_2, step),
                "epsilon": optimizer.epsilon,
            }
        return self.scalars


def _value_of(variable):
    """The variable of TensorFlow that has the value of one of Keras."""
    is_keras = isinstance(variable, keras.Variable)
    return variable.value if is_keras else variable


def follow_requires_grad(model):
    """Make `trainable` follow `requires_grad` on PyTorch.

    Args:
        model: A `keras.Model`.
    """
    if keras.backend.backend() != "torch":
        return
    for variable in model.weights:
        if variable.trainable != variable.value.requires_grad:
            variable.trainable = variable.value.requires_grad


def zero_of(layer):
    """A zero whose gradient is zero for the weights of a layer.

    It is added to a loss that does not depend on these weights. Otherwise
    Keras would warn in each `fit()` that they have no gradient. The training
    is the same.

    Args:
        layer: A `keras.Layer` or `None`.

    Returns:
        A scalar tensor, or 0.
    """
    weights = layer.trainable_weights if layer is not None else []
    return sum(0.0 * keras.ops.sum(weight) for weight in weights)
