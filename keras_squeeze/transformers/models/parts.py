"""Access to parts of a model by their names in the PyTorch classes."""

import keras

_IS_TORCH = keras.config.backend() == "torch"


class Part:
    """The weights of a part of a model, for freezing or inspection.

    Its subparts are attributes, or items if they are numbered:
    `model.mobilebert.encoder.layer[:4]`. Weights have Keras' axis order.

    Args:
        variables: Dictionary of the variables by their names within the part.
    """

    def __init__(self, variables):
        self._variables = variables

    def __getattr__(self, name):
        if not name.startswith("_"):
            if name in self._variables:
                variable = self._variables[name]
                return variable.value if _IS_TORCH else variable
            found = below(name, self._variables)
            if found:
                return Part(found)
        raise AttributeError(
            f"The part has no {name!r}. It has {self._names()}."
        )

    def __len__(self):
        return len(self._names())

    def __getitem__(self, index):
        names = self._names()
        if isinstance(index, slice):
            return [getattr(self, name) for name in names[index]]
        return getattr(self, names[index])

    def _names(self):
        return list(dict.fromkeys(n.split(".")[0] for n in self._variables))

    @property
    def variables(self):
        """List of the variables."""
        # Tied variables have two names.
        return list({id(v): v for v in self._variables.values()}.values())

    @property
    def trainable_variables(self):
        """List of the trainable variables."""
        return [v for v in self.variables if v.trainable]

    weights = variables
    trainable_weights = trainable_variables

    @property
    def trainable(self):
        """bool. Whether any of the variables is trainable. Can be set."""
        return bool(self.trainable_variables)

    @trainable.setter
    def trainable(self, value):
        for variable in self.variables:
            variable.trainable = bool(value)

    if _IS_TORCH:

        def named_parameters(self):
            """Iterate over the names and values of the PyTorch parameters."""
            return named_values(self._variables)

        def parameters(self):
            """Iterate over the PyTorch parameters."""
            return (value for _, value in self.named_parameters())

        def requires_grad_(self, requires_grad=True):
            """Freeze or unfreeze the part.

            Args:
                requires_grad: bool. Whether the part is trainable.

            Returns:
                The part.
            """
            self.trainable = requires_grad
            return self


def below(name, variables):
    """Select the variables of a part.

    Args:
        name: string. The name of the part.
        variables: Dictionary of variables by name.

    Returns:
        A dictionary of the variables by their names within the part.
    """
    start = f"{name}."
    return {
        key.removeprefix(start): variable
        for key, variable in variables.items()
        if key.startswith(start)
    }


def named_values(variables, prefix=""):
    """Iterate over the values of variables, without duplicates.

    Args:
        variables: Dictionary of variables by name.
        prefix: string. A prefix for the names. Defaults to none.

    Yields:
        A tuple of the name and the value.
    """
    seen = set()
    for name, variable in variables.items():
        if id(variable) not in seen:
            seen.add(id(variable))
            yield f"{prefix}.{name}" if prefix else name, variable.value
