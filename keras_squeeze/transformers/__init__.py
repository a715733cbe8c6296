"""The names of transformers, over the models of this package."""
