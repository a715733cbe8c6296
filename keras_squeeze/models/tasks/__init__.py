"""The tasks that the models share, and their preprocessors."""
