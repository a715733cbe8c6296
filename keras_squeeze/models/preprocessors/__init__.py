"""The preprocessors that the models share: from raw inputs to arrays."""
