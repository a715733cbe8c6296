"""Splits batches of any number of rows between several devices."""

import contextlib

import keras
import numpy as np
from keras import ops


@contextlib.contextmanager
def whole_batches():
    """Context in which Keras leaves it to `SplitRows` to split batches on JAX.

    Keras splits them before the compiled program starts, and fails if the
    devices do not divide the rows, as in most last batches.
    """
    distribution = keras.distribution.distribution()
    if not _splits(distribution):
        yield
        return
    keras.distribution.set_distribution(_WholeBatches(distribution))
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def _splits(distribution):
    """Whether Keras would split batches between the devices of this process."""
    if distribution is None or isinstance(distribution, _WholeBatches):
        return False
    # Otherwise each process passes its own part of the data to Keras.
    return distribution.num_processes == 1 or distribution.auto_shard_dataset


class _WholeBatches:
    """A distribution that passes each device the whole batch.

    Args:
        distribution: The `keras.distribution.DataParallel` or
            `keras.distribution.ModelParallel` that the user has set. The
            variables have its layouts.
    """

    auto_shard_dataset = False

    def __init__(self, distribution):
        self.distribution = distribution

    def __getattr__(self, name):
        return getattr(self.distribution, name)

    def get_data_layout(self, data_shape):
        return keras.distribution.TensorLayout(
            [None] * len(data_shape), self.distribution.device_mesh
        )

    def distribute_dataset(self, dataset):
        return dataset


def shares_samples():
    """Whether several processes have the same samples and train together."""
    distribution = keras.distribution.distribution()
    if isinstance(distribution, _WholeBatches):
        distribution = distribution.distribution
    return (
        distribution is not None
        and distribution.num_processes > 1
        and distribution.auto_shard_dataset
    )


def by_all_processes(work, samples):
    """Let each process do a part of some work, and collect the results.

    Args:
        work: Function of arrays of samples that returns a structure of NumPy
            arrays, with any number of rows per sample.
        samples: A structure of arrays of the same number of samples.

    Returns:
        The result for all samples, in order. Every process has it.
    """
    count = len(keras.tree.flatten(samples)[0])
    if (
        not shares_samples()
        or count < keras.distribution.distribution().num_processes
    ):
        return work(samples)
    import jax
    from jax.experimental import multihost_utils

    processes = jax.process_count()
    first, last = (
        count * (jax.process_index() + i) // processes for i in range(2)
    )
    own = work(
        keras.tree.map_structure(
            lambda array: array[first:last], samples, none_is_leaf=False
        )
    )
    rows = multihost_utils.process_allgather(
        np.array(len(keras.tree.flatten(own)[0]))
    )

    def collect(array):
        padding = [(0, 0)] * array.ndim
        padding[0] = (0, rows.max() - len(array))
        parts = multihost_utils.process_allgather(np.pad(array, padding))
        parts = [part[:n] for part, n in zip(parts, rows, strict=True)]
        return np.concatenate(parts).astype(array.dtype)

    return keras.tree.map_structure(collect, own, none_is_leaf=False)


class SplitRows:
    """Makes a model compute a part of the rows of a batch on each device.

    On JAX, a batch that the devices do not divide is padded for the model
    alone, with copies of its last row. Losses and metrics only get the
    original rows, so that they are those of one device.

    It must come before the Keras class in the bases.
    """

    def stateless_call(
        self, trainable_variables, non_trainable_variables, *args, **kwargs
    ):
        args, count = _split(args)
        outputs, *others = super().stateless_call(
            trainable_variables, non_trainable_variables, *args, **kwargs
        )
        if count is not None:
            outputs = keras.tree.map_structure(lambda x: x[:count], outputs)
        return outputs, *others

    def __call__(self, inputs, *args, **kwargs):
        if _replica() is None or {
            x.shape[0] for x in keras.tree.flatten(inputs)
        } != {0}:
            return super().__call__(inputs, *args, **kwargs)
        # A batch has fewer rows than there are replicas on TensorFlow. Not all
        # operations support that.
        inputs = keras.tree.map_structure(
            lambda x: ops.zeros((1, *x.shape[1:]), x.dtype), inputs
        )
        outputs = super().__call__(inputs, *args, **kwargs)
        return keras.tree.map_structure(lambda x: x[:0], outputs)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        y, y_pred, sample_weight = all_rows((y, y_pred, sample_weight))
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def predict_step(self, *args):
        distribution = keras.distribution.distribution()
        if distribution is None or distribution.num_processes == 1:
            return super().predict_step(*args)
        outputs, state = super().predict_step(*args)
        # Each process returns all rows, and not only those that it has.
        layout = keras.distribution.TensorLayout([], distribution.device_mesh)
        outputs = keras.tree.map_structure(
            lambda x: keras.distribution.distribute_tensor(x, layout), outputs
        )
        return outputs, state

    def predict_on_batch(self, x):
        outputs = super().predict_on_batch(x)
        count = num_replicas(self)
        if count > 1:
            # Each replica on TensorFlow has predicted the whole batch.
            outputs = keras.tree.map_structure(
                lambda x: x[: len(x) // count], outputs
            )
        return outputs

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        if iterator is not None and num_replicas(self) > 1:
            # Keras would add the parts of the first batch, which then must
            # have the same size.
            parts = self.distribute_strategy.experimental_local_results
            for _, _, batches in iterator:
                data_batch = keras.tree.map_structure(
                    lambda x: parts(x)[0], next(batches)
                )
                break
        super()._maybe_symbolic_build(data_batch=data_batch)

    def _get_jax_state(self, **kwargs):
        # Keras calls it before each method that computes anything.
        self._check_devices()
        return super()._get_jax_state(**kwargs)

    def _check_devices(self):
        distribution = keras.distribution.distribution()
        if distribution is None or not self.weights:
            return
        weight = self.weights[0].value
        expected = {
            f"{device.platform}:{device.id}"
            for device in distribution.device_mesh.backend_mesh.devices.flat
        }
        found = {
            f"{device.platform}:{device.id}" for device in weight.devices()
        }
        if found != expected:
            raise ValueError(
                "The weights must be on the devices of the distribution. Call "
                "`keras.distribution.set_distribution()` before the model is "
                f"created. Received: weights on {sorted(found)}, and a "
                f"distribution over {sorted(expected)}"
            )


def check_workers(model):
    """Raise a `ValueError` for the workers of TensorFlow, which Keras lacks.

    Args:
        model: A `keras.Model`.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    strategy = model.distribute_strategy
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    cluster = strategy.cluster_resolver.cluster_spec().as_dict()
    count = sum(len(cluster.get(name, ())) for name in ("chief", "worker"))
    if count > 1:
        raise ValueError(
            "Keras 3 cannot train with several workers of TensorFlow, whatever "
            "the model. Use the devices of one machine with "
            "`tf.distribute.MirroredStrategy`, or those of several machines "
            "with `keras.distribution` on JAX. Received: a "
            f"MultiWorkerMirroredStrategy with {count} workers"
        )


def num_replicas(model):
    """The number of replicas of a model on TensorFlow.

    Args:
        model: A `keras.Model`.

    Returns:
        int. It is 1 on other backends.
    """
    if keras.backend.backend() != "tensorflow":
        return 1
    return model.distribute_strategy.num_replicas_in_sync


def all_rows(structure):
    """Collect the rows of a batch from all replicas on TensorFlow.

    The mean over a batch is not the mean of the means over its parts, if these
    differ in size or in the sum of their weights.

    Args:
        structure: Any structure of tensors, the rows of this replica.

    Returns:
        The same structure. On other backends, or without replicas, it is
        unchanged.
    """
    replica = _replica()
    if replica is None:
        return structure
    return keras.tree.map_structure(
        lambda x: replica.all_gather(x, axis=0), structure, none_is_leaf=False
    )


def _replica():
    """The replica on TensorFlow that computes, if it is one of several."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return None
    return replica


def _split(inputs):
    """Split the rows of tensors between the devices.

    Args:
        inputs: Any structure of tensors, the inputs of a model.

    Returns:
        A tuple of the same structure, and the original number of rows if the
        tensors were padded.
    """
    distribution = keras.distribution.distribution()
    if isinstance(distribution, _WholeBatches):
        distribution = distribution.distribution
    rows = {len(x) for x in keras.tree.flatten(inputs) if x is not None}
    # A distillation can have other numbers of texts and of pairs.
    if distribution is None or len(rows) != 1:
        return inputs, None
    count = rows.pop()
    padded = -(-count // num_parts(distribution)) * num_parts(distribution)
    order = [*range(count), *[count - 1] * (padded - count)]

    def split(x):
        if padded > count:
            x = ops.take(x, order, axis=0)
        layout = distribution.get_data_layout(x.shape)
        return keras.distribution.distribute_tensor(x, layout)

    inputs = keras.tree.map_structure(split, inputs, none_is_leaf=False)
    return inputs, count if padded > count else None


def check_batch_size(model, batch_size):
    """Raise a `ValueError` for batches with fewer rows than there are devices.

    Args:
        model: A `keras.Model`.
        batch_size: int. The number of rows per batch.
    """
    distribution = keras.distribution.distribution()
    count = num_replicas(model)
    if distribution is not None:
        count = num_parts(distribution)
    if batch_size < count:
        raise ValueError(
            f"`batch_size` must be at least {count}, the number of devices "
            f"that share a batch. Received: batch_size={batch_size}"
        )


def num_parts(distribution):
    """The number of parts into which a distribution splits a batch.

    Args:
        distribution: A `keras.distribution.DataParallel` or
            `keras.distribution.ModelParallel`.

    Returns:
        int.
    """
    mesh = distribution.device_mesh
    return mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)]
