"""Selects the devices that a command trains on."""

import contextlib
import os

import keras


def devices_scope(count=None):
    """Context in which models are trained on several devices.

    Args:
        count: int or `None`. The number of devices. Defaults to `None`, for
            all GPUs or TPUs, or one CPU without any.

    Returns:
        A context manager.

    Raises:
        ValueError: If there are fewer devices, or Keras does not support
            several on this backend.
    """
    has_others = _join_other_processes()
    devices = _devices()
    if has_others:
        if count not in (None, len(devices)):
            raise ValueError(
                f"--devices must be {len(devices)}, the number of devices of "
                "all processes, or not be given. Received: --devices "
                f"{count}"
            )
        count = len(devices)
    if count is not None and count > len(devices):
        raise ValueError(
            f"--devices must be at most {len(devices)}, the number of devices "
            f"that are visible. Received: --devices {count}"
        )
    if keras.backend.backend() == "torch" and len(devices) > 1:
        message = (
            "Keras trains on one device on PyTorch. To use several, set "
            "KERAS_BACKEND to jax or tensorflow."
        )
        if count is not None and count > 1:
            raise ValueError(f"{message} Received: --devices {count}")
        print(message)
        count = 1
    if count is None:
        has_accelerators = "cpu" not in devices[0].lower()
        count = len(devices) if has_accelerators else 1
    if count == 1:
        return contextlib.nullcontext()
    print(f"Training on {count} devices: {', '.join(devices[:count])}.")
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=devices[:count]).scope()
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices[:count]).scope()


def _join_other_processes():
    """Join the processes that Keras's environment variables tell of.

    Returns:
        bool. Whether there are any.
    """
    names = [x for x in os.environ if x.startswith("KERAS_DISTRIBUTION_")]
    if not names:
        return False
    if keras.backend.backend() != "jax":
        raise ValueError(
            "Several processes can only train together on jax. Received: the "
            f"environment variables {sorted(names)}, and "
            f"KERAS_BACKEND={keras.backend.backend()}"
        )
    keras.distribution.initialize()
    return True


def _devices():
    """The names of all accelerators, or of all CPUs without any."""
    backend = keras.backend.backend()
    if backend == "jax":
        return keras.distribution.list_devices()
    if backend == "tensorflow":
        import tensorflow as tf

        for kind in ("TPU", "GPU", "CPU"):
            devices = tf.config.list_logical_devices(kind)
            if devices:
                return [device.name for device in devices]
    import torch

    count = torch.cuda.device_count()
    return [f"cuda:{i}" for i in range(count)] or ["cpu"]
