"""What PyTorch needs to know of a model: parameters, and no gradients."""

import contextlib

import keras


class TorchParameters:
    """Gives a KerasHub model its PyTorch parameters before `fit()`.

    KerasHub bypasses PyTorch when it sets attributes, until the model is
    initialized. Without this class, `parameters()` would be empty until then.
    """

    if keras.config.backend() == "torch":

        def named_parameters(self, *args, **kwargs):
            if "_torch_params" not in self._modules:
                self._track_variables()
            return super().named_parameters(*args, **kwargs)


def no_gradients():
    """Return a context in which PyTorch keeps no values for gradients."""
    if keras.config.backend() != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.no_grad()
