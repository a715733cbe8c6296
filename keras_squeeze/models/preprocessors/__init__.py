"""The preprocessors of all models, which convert raw inputs to arrays."""
