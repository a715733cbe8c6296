"""The parameters of a model, as PyTorch asks for them."""

import keras


class TorchParameters:
    """Gives a model of KerasHub the parameters that PyTorch asks it for.

    KerasHub sets attributes around PyTorch until a model is initialized, so
    that `parameters()` would be empty before `fit()`.
    """

    if keras.config.backend() == "torch":

        def named_parameters(self, *args, **kwargs):
            if "_torch_params" not in self._modules:
                self._track_variables()
            return super().named_parameters(*args, **kwargs)
